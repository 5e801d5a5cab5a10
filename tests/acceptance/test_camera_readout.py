# SPDX-License-Identifier: BSD-3-Clause
"""Cameras, second half: single photo-electrons, DRS4, and the files of cameras that exist."""

from dataclasses import replace

import numpy as np
import pytest

from acceptance.figures import Figures
from pellucid.camera.spe.fit import fit_spectra
from pellucid.camera.spe.photomultiplier import Photomultiplier
from pellucid.simulate.photoelectrons import photomultiplier_charges

SCATTER = (0.05, 0.03, 0.03)
"""Of p, R and n among tubes of one type, of which p's and n's are known to the fit."""


def tubes() -> Photomultiplier:
    p, r, n = Photomultiplier().parameters
    return Photomultiplier((replace(p, error=SCATTER[0]), r, replace(n, error=SCATTER[2])))


def test_gains_of_single_photoelectrons(figures: Figures, full: bool) -> None:
    pixels = 1000 if full else 150
    random = np.random.default_rng(2026)
    gain = random.normal(58.0, 3.0, pixels)
    theta = random.normal([0.42, 0.5, 0.813], SCATTER, (pixels, 3))
    zero = np.zeros(pixels)
    charges = photomultiplier_charges(random, 20_000, zero + 1.0, gain, zero, zero + 13.0, theta)
    fit = fit_spectra(charges, tubes())
    pull = (fit.gain - gain) / fit.gain_error
    figures.at_most(f"gain pull width of {pixels} spectra, from 1", abs(float(pull.std()) - 1.0), 0.1)
    error = 1.0 / np.sqrt(pixels)
    figures.at_most("gain pull mean, in its standard errors", abs(float(pull.mean())) / error, 3.0)
    bias = float(np.mean(fit.gain / gain - 1.0))
    figures.at_most("gain bias, % (the peer's mean is 0.4 to 2 % high)", 100.0 * abs(bias), 0.4)


@pytest.mark.full
def test_a_camera_is_fitted_in_a_minute(figures: Figures) -> None:
    import time

    random = np.random.default_rng(7)
    one = np.ones(1855)
    theta = random.normal([0.42, 0.5, 0.813], SCATTER, (1855, 3))
    charges = photomultiplier_charges(random, 20_000, one, 58.0 * one, 0.0 * one, 13.0 * one, theta)
    start = time.process_time()
    fit_spectra(charges)
    figures.at_most(
        "SPE fit of 1855 pixels, nothing known beforehand: CPU s", time.process_time() - start, 60.0
    )
