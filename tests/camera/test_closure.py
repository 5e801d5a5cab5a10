# SPDX-License-Identifier: BSD-3-Clause
"""Calibration of simulated cameras against their truth: no bias, and errors that are right."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from pellucid.camera.badpixels import Reason, bad_pixels
from pellucid.camera.coefficients import flat_factor
from pellucid.camera.estimate import Estimate
from pellucid.camera.flatfield import Flatfield, FlatfieldAccumulator
from pellucid.camera.gain import Gain, f_factor_gain
from pellucid.camera.moments import Moments
from pellucid.camera.pedestal import Pedestal, PedestalAccumulator
from pellucid.camera.timing import TimeOffsetAccumulator
from pellucid.errors import InsufficientStatistics, MissingInput
from pellucid.simulate.camera import CameraSimulator
from pellucid.simulate.instruments import make_subarray, preset
from pellucid.simulate.light import flash_light, no_light
from pellucid.simulate.response import CameraResponse, ResponseSpread, draw_response
from pellucid.simulate.seeds import Purpose, generator

N_PEDESTALS, N_FLASHES, START, WIDTH = 500, 1000, 8, 18
INTENSITY, SPREAD = 60.0, 0.05


@dataclass
class Camera:
    truth: CameraResponse
    flashes: np.ndarray
    dark: np.ndarray
    pedestal: Pedestal
    flatfield: Flatfield
    gain: Gain
    offset: Estimate


def calibrated(seed: int, spread: ResponseSpread | None = None) -> Camera:
    kind = preset("tiny")
    telescope = make_subarray(kind, 1).telescopes[1]
    n_pixels = telescope.geometry.n_pixels
    camera = CameraSimulator(kind, telescope, draw_response(kind, n_pixels, seed, 1, spread))

    def events(n: int, purpose: Purpose, intensity: float) -> np.ndarray:
        found = []
        for k in range(n):
            light = flash_light(generator(seed, Purpose.LIGHT, 1, k), n_pixels, intensity, SPREAD, 16.0)
            light = light if intensity else no_light(n_pixels)
            found.append(camera.expose(generator(seed, purpose, 1, k), light, 0.25).adc)
        return np.stack(found)

    dark, flashes = events(N_PEDESTALS, Purpose.READOUT, 0.0), events(N_FLASHES, Purpose.SHOWER, INTENSITY)
    pedestals = PedestalAccumulator(2, n_pixels, WIDTH)
    pedestals.update(dark)
    pedestal = pedestals.finish()
    fields = FlatfieldAccumulator(pedestal, START)
    times = TimeOffsetAccumulator(pedestal, START, 1.0)
    for accumulator in (fields, times):
        accumulator.update(flashes)
    flatfield = fields.finish()
    return Camera(
        camera.response,
        flashes,
        dark,
        pedestal,
        flatfield,
        f_factor_gain(flatfield, pedestal),
        times.finish(),
    )


@pytest.fixture(scope="module")
def cameras() -> list[Camera]:
    return [calibrated(seed, ResponseSpread(dead=0.0, noisy=0.0)) for seed in (1, 2)]


def check_pulls(pulls: list[np.ndarray], width: float = 0.12, mean: float | None = None) -> None:
    pull = np.concatenate([p.ravel() for p in pulls])
    assert np.isfinite(pull).all()
    assert abs(pull.mean()) < (4.0 / np.sqrt(pull.size) if mean is None else mean)
    assert pull.std() == pytest.approx(1.0, abs=width)


def test_baselines(cameras: list[Camera]) -> None:
    check_pulls([(c.pedestal.baseline.value - c.truth.pedestal) / c.pedestal.baseline.error for c in cameras])


def test_noise_agrees_with_all_samples_together(cameras: list[Camera]) -> None:
    for c in cameras:
        direct = c.dark.astype(float).transpose(1, 2, 0, 3).reshape(2, 91, -1).std(axis=2)
        assert c.pedestal.noise.value == pytest.approx(direct, rel=2e-3)
        assert (c.pedestal.noise.error / c.pedestal.noise.value).max() < 0.02


def test_gains_are_unbiased_and_their_errors_right(cameras: list[Camera]) -> None:
    check_pulls([(c.gain.gain.value[0] - c.truth.gain[0]) / c.gain.gain.error[0] for c in cameras])
    check_pulls([(c.gain.gain.value[1] - c.truth.gain[1]) / c.gain.gain.error[1] for c in cameras])
    relative = np.concatenate([c.gain.gain.error[0] / c.gain.gain.value[0] for c in cameras])
    # sqrt(2 / n) for the variance alone
    assert relative.mean() == pytest.approx(np.sqrt(2 / N_FLASHES), rel=0.35)


def test_photoelectrons_are_unbiased_and_their_errors_right(cameras: list[Camera]) -> None:
    # the brightness of the flashes that were drawn is common to all pixels, and larger than their errors
    flash = 1.0 + SPREAD * 4.0 / np.sqrt(N_FLASHES)
    for c in cameras:
        number = c.gain.photoelectrons
        ratio = number.value[0] / (INTENSITY * c.truth.efficiency)
        assert abs(ratio.mean() - 1.0) < (flash - 1.0) + 4.0 * ratio.std() / np.sqrt(ratio.size)
        pull = (ratio - ratio.mean()) * number.value[0] / number.error[0]
        assert pull.std() == pytest.approx(1.0, abs=0.25)


def test_flash_fluctuation_is_found(cameras: list[Camera]) -> None:
    for c in cameras:
        error = SPREAD * np.sqrt(0.5 / N_FLASHES)
        assert np.sqrt(c.flatfield.flash_variance[0]) == pytest.approx(SPREAD, abs=4 * error)


def test_without_the_flash_correction_gains_are_biased(cameras: list[Camera]) -> None:
    c = cameras[0]
    steady = replace(c.flatfield, flash_variance=np.zeros(2))
    wrong = f_factor_gain(steady, c.pedestal).gain.value[0]
    # B^2 Q / F^2 more than the truth: 0.05^2 * 60 / 1.222
    assert (wrong / c.truth.gain[0]).mean() == pytest.approx(1.0 + SPREAD**2 * INTENSITY / 1.222, rel=0.02)


def test_ratio_of_the_channels(cameras: list[Camera]) -> None:
    pulls = []
    for c in cameras:
        ratio = c.flatfield.ratio
        pulls.append((ratio.value[0] - c.truth.gain[0] / c.truth.gain[1]) / ratio.error[0])
        # the light that both channels see drops out of the error: better than sqrt(F^2 / (n N))
        assert np.median(ratio.error[0] / ratio.value[0]) < 0.8 * np.sqrt(1.222 / INTENSITY / N_FLASHES)
    check_pulls(pulls)


def test_time_offsets_have_their_sign_and_size(cameras: list[Camera]) -> None:
    pulls = []
    for c in cameras:
        truth = c.truth.time_offset - np.median(c.truth.time_offset)
        residual = c.offset.value[0] - truth
        pulls.append((residual - np.median(residual)) / c.offset.error[0])
        assert np.polyfit(truth, c.offset.value[0], 1)[0] == pytest.approx(1.0, abs=0.01)
        assert np.abs(residual - np.median(residual)).max() < 0.1
    # the camera's median is common to all pixels, hence no test of the mean beyond it
    check_pulls(pulls, width=0.2, mean=0.3)


def test_factor_evens_out_the_light_yield(cameras: list[Camera]) -> None:
    for c in cameras:
        factor = flat_factor(c.flatfield, c.gain)
        evened = factor.value * c.flatfield.charge.value
        assert np.ptp(evened) == pytest.approx(0.0, abs=1e-9)
        expected = 1.0 / (c.truth.gain * c.truth.efficiency)
        pull = (factor.value[0] / expected[0] - 1.0) * factor.value[0] / factor.error[0]
        assert abs(pull.mean()) < 4.0
        assert (factor.error / factor.value).max() < 0.02


def test_broken_pixels_are_found_with_their_reasons_and_no_others() -> None:
    c = calibrated(3, ResponseSpread(dead=0.03, noisy=0.03))
    reasons = bad_pixels(c.pedestal, c.flatfield, c.gain, c.offset).reasons
    assert (reasons[0][c.truth.dead] & Reason.DEAD != 0).all()
    assert (reasons[0][c.truth.noisy] & Reason.NOISY != 0).all()
    assert (reasons[0][~(c.truth.dead | c.truth.noisy)] == 0).all()
    assert c.gain.gain.status[0][c.truth.dead].all()
    assert np.isnan(c.gain.gain.value[0][c.truth.dead]).all()


def test_split_and_merged_accumulators_agree(cameras: list[Camera]) -> None:
    c = cameras[0]
    parts = [c.flashes[:3], c.flashes[3:400], c.flashes[400:]]
    fields = [FlatfieldAccumulator(c.pedestal, START) for _ in parts]
    for accumulator, events in zip(fields, parts):
        accumulator.update(events)
    for other in fields[1:]:
        fields[0].merge(other)
    merged = f_factor_gain(fields[0].finish(), c.pedestal).gain
    assert merged.value == pytest.approx(c.gain.gain.value, rel=1e-9)
    darks = [PedestalAccumulator(2, 91, WIDTH) for _ in range(2)]
    darks[0].update(c.dark[:7])
    darks[1].update(c.dark[7:])
    darks[0].merge(darks[1])
    assert darks[0].finish().noise.value == pytest.approx(c.pedestal.noise.value, rel=1e-9)


def test_moments_keep_their_digits_far_from_zero() -> None:
    samples = 1e9 + np.random.default_rng(1).standard_normal((1000, 3))
    parts = Moments.empty((3,))
    for k in range(0, 1000, 7):
        parts = parts.merge(Moments.of(samples[k : k + 7]))
    assert parts.variance == pytest.approx(samples.var(axis=0, ddof=1), rel=1e-6)
    assert np.isnan(Moments.of(samples[:1]).variance).all()


def test_too_few_events_are_refused_with_the_number_needed(cameras: list[Camera]) -> None:
    c = cameras[0]
    pedestals = PedestalAccumulator(2, 91, WIDTH)
    pedestals.update(c.dark[:10])
    with pytest.raises(InsufficientStatistics) as caught:
        pedestals.finish(min_events=40)
    assert (caught.value.expected, caught.value.got) == ("at least 40", "10")
    fields = FlatfieldAccumulator(c.pedestal, START)
    with pytest.raises(MissingInput):
        fields.finish()
    fields.update(c.flashes[:10])
    with pytest.raises(InsufficientStatistics):
        fields.finish()
    with pytest.raises(MissingInput):
        TimeOffsetAccumulator(c.pedestal, START, 1.0).finish()
