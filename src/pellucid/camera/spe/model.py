# SPDX-License-Identifier: BSD-3-Clause
"""Spectra of several photo-electrons, and how they change with every parameter."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.camera.spe.shape import Shape

__all__ = ["Parameters", "predict", "predict_with_slopes"]

type F8 = npt.NDArray[np.float64]

_STRAY = 1e-6
"""Share of charges that may be anywhere, so that one stray charge does not decide a fit."""

_DAMPED = 7.5
"""Sigma times frequency where the pedestal's own characteristic function is below 1e-12."""


@dataclass(frozen=True, eq=False)
class Parameters:
    """Parameters of spectra.

    Attributes
    ----------
    pedestal, noise : ndarray of float64, shape (n_spectra,)
        Mean and width of the charge without light, in bins.
    light : ndarray of float64, shape (n_spectra,)
        Mean number of photo-electrons.
    gain : ndarray of float64, shape (n_spectra,)
        In bins.
    theta : ndarray of float64, shape (n_spectra, n_parameters)
        Parameters of the shape; no unit.
    """

    pedestal: F8
    noise: F8
    light: F8
    gain: F8
    theta: F8


def predict(shape: Shape, parameters: Parameters, n_bins: int) -> F8:
    """Return the probability of each bin.

    The characteristic function exp(i b w - s^2 w^2 / 2 + lambda h(w)), times sinc(w / 2) for the width of a
    bin, is brought back by a Fourier transform: exact, whatever the number of photo-electrons (cf. Chirikov-
    Zorin et al. 2001, NIM A 456, 310, eq. 4 and 5, without its sum).

    Parameters
    ----------
    shape : Shape
        Response to one photo-electron.
    parameters : Parameters
        Of n_spectra spectra, in bins.
    n_bins : int
        Bins of each, a power of two; the spectrum repeats itself beyond them.

    Returns
    -------
    ndarray of float64, shape (n_spectra, n_bins)
        Probabilities; no unit.
    """
    return _with_strays(_transformed(_Frequencies.of(shape, parameters, n_bins).function, n_bins))


def predict_with_slopes(shape: Shape, parameters: Parameters, n_bins: int) -> tuple[F8, F8]:
    """Return the probability of each bin and its derivatives.

    Parameters
    ----------
    shape, parameters, n_bins
        As for `predict`.

    Returns
    -------
    tuple of ndarray of float64, shapes (n_spectra, n_bins) and (4 + n_parameters, n_spectra, n_bins)
        Probabilities, and their derivatives by pedestal, ln noise, ln light, ln gain and the shape's
        parameters; no unit but 1 / bin for the pedestal.
    """
    f = _Frequencies.of(shape, parameters, n_bins)
    light = parameters.light[:, None]
    all_of_them = np.empty((5 + len(f.by_shape), *f.function.shape), np.complex128)
    all_of_them[0] = f.function
    all_of_them[1] = -1j * f.frequency * f.function
    all_of_them[2] = -((parameters.noise[:, None] * f.frequency) ** 2) * f.function
    all_of_them[3] = light * f.value * f.function
    all_of_them[4] = light * parameters.gain[:, None] * f.by_gain * f.function
    all_of_them[5:] = light * f.by_shape * f.function
    bins = _transformed(all_of_them, n_bins)
    return _with_strays(bins[0]), bins[1:] * (1.0 - _STRAY)


def _with_strays(bins: F8) -> F8:
    return np.asarray((1.0 - _STRAY) * np.maximum(bins, 0.0) + _STRAY / bins.shape[-1])


@dataclass(frozen=True, eq=False)
class _Frequencies:
    frequency: F8
    function: npt.NDArray[np.complex128]
    value: npt.NDArray[np.complex128]
    by_gain: npt.NDArray[np.complex128]
    by_shape: npt.NDArray[np.complex128]

    @classmethod
    def of(cls, shape: Shape, parameters: Parameters, n_bins: int) -> "_Frequencies":
        finer = max(1, int(np.ceil(_DAMPED / (np.pi * parameters.noise.min()))))
        frequency = 2.0 * np.pi / n_bins * np.arange(n_bins * finer // 2 + 1, dtype=np.float64)
        light = shape.exponent(frequency, parameters.gain, parameters.theta)
        # of real charges, so the conjugate goes with numpy's sign of the inverse transform
        value = light.value.conj()
        exponent = parameters.light[:, None] * value
        exponent -= 1j * parameters.pedestal[:, None] * frequency
        exponent -= 0.5 * (parameters.noise[:, None] * frequency) ** 2
        function = np.asarray(np.exp(exponent) * np.sinc(frequency / (2.0 * np.pi)), np.complex128)
        return cls(frequency, function, value, light.by_gain.conj(), light.by_shape.conj())


def _transformed(functions: npt.NDArray[np.complex128], n_bins: int) -> F8:
    finer = 2 * (functions.shape[-1] - 1) // n_bins
    bins = np.fft.irfft(functions, n=n_bins * finer, axis=-1)
    return np.asarray(bins[..., ::finer] * finer)
