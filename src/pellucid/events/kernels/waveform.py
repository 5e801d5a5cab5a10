# SPDX-License-Identifier: BSD-3-Clause
"""From ADC samples to charge and time: baseline, gain, gain selection, pulse search, window sum.

The arithmetic is that of ctapipe 0.32, step by step and in the same precision: samples and images in
float32, sums in float64, each rounded once. Images and times are therefore equal to the bit.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.jit import kernel

__all__ = ["calibrate_channel", "calibrate_selected", "local_peak", "neighbor_peak", "window_sum"]

type F4 = npt.NDArray[np.float32]
type F8 = npt.NDArray[np.float64]
type I1 = npt.NDArray[np.int8]
type I4 = npt.NDArray[np.int32]
type I8 = npt.NDArray[np.int64]
type Bools = npt.NDArray[np.bool_]
type Adc = npt.NDArray[np.unsignedinteger[Any]]

_HEXAGON = 6


@kernel
def calibrate_channel(adc: Adc, pedestal: F4, factor: F4, samples: F4) -> None:
    """Fill ``samples``, shape (n_pixels, n_samples), with (adc - pedestal) * factor, in p.e."""
    for pixel in range(adc.shape[0]):
        for sample in range(adc.shape[1]):
            samples[pixel, sample] = (np.float32(adc[pixel, sample]) - pedestal[pixel]) * factor[pixel]


@kernel
def calibrate_selected(
    adc: Adc, pedestal: F4, factor: F4, threshold: float, samples: F4, channel: I1
) -> None:
    """As `calibrate_channel`, with low gain (channel 1) where a high-gain sample exceeds ``threshold``.

    ``adc`` has shape (n_channels, n_pixels, n_samples), ``channel`` is filled, shape (n_pixels,).
    """
    n_channels, n_pixels, n_samples = adc.shape
    for pixel in range(n_pixels):
        gain = 0
        if n_channels > 1:
            highest = adc[0, pixel, 0]
            for sample in range(1, n_samples):
                highest = max(highest, adc[0, pixel, sample])
            if highest > threshold:
                gain = 1
        channel[pixel] = gain
        base = pedestal[gain, pixel]
        slope = factor[gain, pixel]
        for sample in range(n_samples):
            samples[pixel, sample] = (np.float32(adc[gain, pixel, sample]) - base) * slope


@kernel
def neighbor_peak(
    samples: F4, indptr: I4, indices: I4, unusable: Bools, local_weight: int, total: F8, peak: I8
) -> None:
    """Find the sample where the neighbours' summed waveform is largest, for each pixel.

    ``samples`` has shape (n_pixels, n_samples), ``peak`` is filled, shape (n_pixels,). The pixel itself
    counts ``local_weight`` times, unusable neighbours do not count; ``total`` is scratch of n_samples.
    """
    n_pixels, n_samples = samples.shape
    flat = samples.reshape(-1)
    for pixel in range(n_pixels):
        first, last = indptr[pixel], indptr[pixel + 1]
        usable = True
        for place in range(first, last):
            usable &= not unusable[indices[place]]
        if usable and last - first == _HEXAGON and local_weight == 0:
            _sum_of_six(flat, indices, np.uint64(first), np.uint64(n_samples), total)
        else:
            for sample in range(n_samples):
                total[sample] = local_weight * np.float64(samples[pixel, sample])
            for place in range(first, last):
                neighbor = indices[place]
                if not unusable[neighbor]:
                    for sample in range(n_samples):
                        total[sample] += samples[neighbor, sample]
        peak[pixel] = _first_largest(total)


@kernel
def _sum_of_six(flat: F4, indices: I4, k: np.uint64, n: np.uint64, total: F8) -> None:
    """Sum six waveforms in one pass; the general loop stores and loads the sum six times."""
    one = np.uint64(1)
    a, b, c = (
        np.uint64(indices[k]) * n,
        np.uint64(indices[k + one]) * n,
        np.uint64(indices[k + one + one]) * n,
    )
    k += np.uint64(3)
    d, e, f = (
        np.uint64(indices[k]) * n,
        np.uint64(indices[k + one]) * n,
        np.uint64(indices[k + one + one]) * n,
    )
    for s in range(n):
        left = np.float64(flat[a + s]) + np.float64(flat[b + s]) + np.float64(flat[c + s])
        total[s] = left + np.float64(flat[d + s]) + np.float64(flat[e + s]) + np.float64(flat[f + s])


@kernel
def _first_largest(values: F8) -> int:
    """Return the first place of the largest value; four maxima side by side keep the processor busy."""
    top = values[0]
    m1, m2, m3 = top, top, top
    blocks = np.uint64(values.size // 4)
    for block in range(blocks):
        place = np.uint64(4) * block
        v0, v1 = values[place], values[place + np.uint64(1)]
        v2, v3 = values[place + np.uint64(2)], values[place + np.uint64(3)]
        # not max(): its care for NaN costs as much as the comparison
        top = v0 if v0 > top else top
        m1 = v1 if v1 > m1 else m1
        m2 = v2 if v2 > m2 else m2
        m3 = v3 if v3 > m3 else m3
    for rest in range(4 * (values.size // 4), values.size):
        top = max(top, values[rest])
    top = max(max(top, m1), max(m2, m3))
    for index in range(values.size):
        if values[index] == top:
            return index
    return 0


@kernel
def local_peak(samples: F4, peak: I8) -> None:
    """Find the largest sample of each pixel: samples of shape (n_pixels, n_samples), peak (n_pixels,)."""
    n_pixels, n_samples = samples.shape
    for pixel in range(n_pixels):
        best = 0
        top = samples[pixel, 0]
        for sample in range(1, n_samples):
            if samples[pixel, sample] > top:
                best = sample
                top = samples[pixel, sample]
        peak[pixel] = best


@kernel
def window_sum(
    samples: F4,
    peak: I8,
    width: int,
    shift: int,
    sampling_rate: float,
    correction: F8,
    time_shift: F4,
    image: F4,
    peak_time: F4,
) -> None:
    """Sum ``width`` samples from ``peak - shift`` on; the time is the mean of the positive samples.

    ``samples`` has shape (n_pixels, n_samples), all else (n_pixels,). ``correction`` and ``time_shift``
    are those of the pixel's gain channel. Charge in p.e., time in ns (``sampling_rate`` in GHz); a
    window without a positive sample has the time of its peak.
    """
    n_pixels, n_samples = samples.shape
    for pixel in range(n_pixels):
        start = max(0, peak[pixel] - shift)
        stop = min(peak[pixel] - shift + width, n_samples)
        charge = 0.0
        weighted = 0.0
        positive = 0.0
        for sample in range(start, stop):
            value = np.float64(samples[pixel, sample])
            charge += value
            if value > 0.0:
                weighted += value * sample
                positive += value
        time = np.float32(weighted / positive) if positive > 0.0 else np.float32(peak[pixel])
        image[pixel] = np.float32(np.float32(charge) * correction[pixel])
        peak_time[pixel] = np.float32(time / sampling_rate) - time_shift[pixel]
