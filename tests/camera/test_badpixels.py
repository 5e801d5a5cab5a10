# SPDX-License-Identifier: BSD-3-Clause
"""Bad pixels: reasons with values, robust against many, modules, known faults, stars."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.camera.badpixels import FATAL, FAULT, PixelCuts, Reason, bad_pixels, faulty_modules
from pellucid.camera.estimate import Estimate
from pellucid.camera.gain import f_factor_gain
from pellucid.camera.robust import robust_deviation, robust_outliers
from support.charges import Calibrated, calibrated

N = 210


@pytest.fixture(scope="module")
def camera() -> Calibrated:
    return calibrated(5, N, 300, 600)


def judged(c: Calibrated, **choices):
    offset = Estimate.good(c.truth.time_offset[None], np.full((1, N), 0.01), 600)
    gain = choices.pop("gain", None) or f_factor_gain(c.flatfield, c.pedestal)
    return bad_pixels(c.pedestal, c.flatfield, gain, choices.pop("offset", offset), **choices)


def changed(estimate: Estimate, pixels: list[int], factor: float) -> Estimate:
    value = estimate.value.copy()
    value[:, pixels] *= factor
    return replace(estimate, value=value)


def test_a_sound_camera_has_none(camera: Calibrated) -> None:
    assert not judged(camera).reasons.any()
    assert judged(camera).table.dtype == FAULT


def test_a_row_tells_what_was_found_and_where_the_cut_lay(camera: Calibrated) -> None:
    loud = replace(camera, pedestal=replace(camera.pedestal, noise=changed(camera.pedestal.noise, [7], 3.0)))
    faults = judged(loud, epoch=4)
    assert faults.reasons[0, 7] == Reason.NOISY
    (row,) = faults.table
    assert (row["epoch"], row["channel"], row["pixel"], row["reason"]) == (4, 0, 7, Reason.NOISY)
    assert row["value"] > row["limit"] == PixelCuts().noise
    assert faults.unusable[0].sum() == 1


def test_many_wild_pixels_do_not_hide_a_mild_one(camera: Calibrated) -> None:
    noise = changed(changed(camera.pedestal.noise, list(range(30)), 50.0), [100], 1.8)
    faults = judged(replace(camera, pedestal=replace(camera.pedestal, noise=noise)))
    assert (faults.reasons[0, :30] & Reason.NOISY).all()
    assert faults.reasons[0, 100] & Reason.NOISY
    # the plain standard deviation of the camera would have hidden it
    assert abs(noise.value[0, 100] - noise.value[0].mean()) < noise.value[0].std()


def test_a_star_is_noise_but_no_fault(camera: Calibrated) -> None:
    pedestal = replace(camera.pedestal, noise=changed(camera.pedestal.noise, [3, 4], 3.0))
    star = np.zeros(N, bool)
    star[[3, 4]] = True
    faults = judged(replace(camera, pedestal=pedestal), known={Reason.STAR: star})
    assert faults.reasons[0, [3, 4]].tolist() == [Reason.STAR] * 2
    assert not faults.unusable.any()


def test_a_module_with_most_pixels_bad_is_bad(camera: Calibrated) -> None:
    off = np.zeros(N, bool)
    off[[14, 15, 16, 17, 30]] = True
    modules = np.arange(N) // 7
    faults = judged(camera, known={Reason.HV_OFF: off}, modules=modules)
    assert np.flatnonzero(faults.reasons[0] & Reason.CLUSTER).tolist() == list(range(14, 21))
    assert faults.reasons[0, 30] == Reason.HV_OFF
    alone = faulty_modules(off[None], np.arange(N))
    assert not alone.any()


def test_missing_pixels_do_not_shift_the_camera(camera: Calibrated) -> None:
    gone = np.arange(N) < 80
    flat = replace(camera.flatfield, charge=changed(camera.flatfield.charge, list(range(80)), 0.0))
    faults = judged(replace(camera, flatfield=flat), known={Reason.MISSING: gone})
    assert (faults.reasons[0, :80] == Reason.MISSING).all()
    assert not faults.reasons[0, 80:].any()


def test_a_pixel_without_a_time_is_bad(camera: Calibrated) -> None:
    time = camera.truth.time_offset[None].copy()
    time[0, 9] = np.nan
    faults = judged(camera, offset=Estimate.good(time, np.full((1, N), 0.01), 600))
    assert faults.reasons[0, 9] == Reason.TIME


def test_reasons_of_charge_alone_are_not_fatal() -> None:
    harmless = Reason.PHOTOELECTRONS | Reason.NO_GAIN | Reason.LOW_GAIN | Reason.HIGH_GAIN | Reason.STAR
    assert not FATAL & harmless
    assert int(max(Reason)) <= np.iinfo(np.uint16).max


def test_robust_cuts() -> None:
    values = np.random.default_rng(1).standard_normal((2, 500))
    values[0, :3] = 1e6, np.nan, -40.0
    none = np.zeros(values.shape, bool)
    away, deviation = robust_outliers(values, none, 6.0)
    assert np.flatnonzero(away[0]).tolist() == [0, 2]
    assert not away[1].any()
    assert deviation[1].std() == pytest.approx(1.0, abs=0.1)
    # a pixel with a large error of its own is not judged by the camera's width
    error = np.full(values.shape, 0.1)
    error[0, 2] = 20.0
    assert abs(robust_deviation(values, none, error)[0, 2]) < 3.0
    assert np.isnan(robust_deviation(np.full((1, 3), np.nan), none[:1, :3])).all()
