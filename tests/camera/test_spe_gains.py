# SPDX-License-Identifier: BSD-3-Clause
"""Gains of a whole camera from dim flashes: closure, pixels that must stay out, and bad input."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from pellucid.camera.calibration_events import CalibrationEvents
from pellucid.camera.spe.fit import SpeStatus
from pellucid.camera.spe.gains import SpeCalibration, SpeOptions, calibrate_single_photoelectrons
from pellucid.errors import CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.events.batch import EventType
from pellucid.simulate.instruments import make_subarray, preset
from pellucid.simulate.photoelectrons import photomultiplier_charges, silicon_charges, tube_charges

TELESCOPE = make_subarray(preset("tiny"), 1).telescopes[1]
N = TELESCOPE.geometry.n_pixels
FLASHES, DARK = 2500, 600
DEAD, UNREAD, ODD, SPARKING = 5, 11, 17, 23
MOST = tuple(range(20, N))
"""Pixels that are left out where a few will do."""
OPTIONS = SpeOptions(width=1, shift=0)

type F8 = npt.NDArray[np.float64]


def gains() -> F8:
    return np.random.default_rng(1).normal(60.0, 3.0, N)


def adc(charges: F8) -> npt.NDArray[np.uint16]:
    """Whole counts of a read-out that integrates: one sample, two channels, of which one is used."""
    counts = np.clip(np.rint(charges + 400.0), 0, 65535).astype(np.uint16)
    return np.stack([counts, counts // 17], axis=1)[..., None]


def batch(kind: EventType, charges: F8, missing: tuple[int, ...] = ()) -> CalibrationEvents:
    mask = np.zeros((2, N), np.bool_)
    mask[:, list(missing)] = True
    return CalibrationEvents(kind, np.arange(len(charges), dtype=np.int64), adc(charges), mask)


def charges(light: float = 1.0, flashes: int = FLASHES) -> F8:
    one = np.ones(N)
    theta = np.tile([0.42, np.sqrt(0.222), 0.813], (N, 1))
    random = np.random.default_rng(7)
    return photomultiplier_charges(random, flashes, light * one, gains(), 0.0 * one, 12.7 * one, theta)


def dark() -> F8:
    return np.random.default_rng(8).normal(0.0, 12.7, (DARK, N))


def fitted(events: list[CalibrationEvents], options: SpeOptions = OPTIONS) -> SpeCalibration:
    def again() -> Iterator[CalibrationEvents]:
        return iter(events)

    return calibrate_single_photoelectrons(TELESCOPE, again, options)


@pytest.fixture(scope="module")
def sick() -> SpeCalibration:
    """A camera with one pixel of each kind of trouble."""
    flashes = charges()
    random = np.random.default_rng(9)
    flashes[:, DEAD] = random.normal(0.0, 12.7, FLASHES)
    flashes[:, ODD] = random.normal(0.0, 12.7, FLASHES) + 55.0 * (random.random(FLASHES) < 0.5)
    flashes[700, SPARKING] = 30_000.0
    return fitted([batch(EventType.DARK_PEDESTAL, dark()), batch(EventType.SINGLE_PE, flashes, (UNREAD,))])


def test_gains_come_back_with_their_errors(sick: SpeCalibration) -> None:
    fit = sick.fit
    pull = ((fit.gain - gains()) / fit.gain_error)[fit.usable]
    assert pull.std() == pytest.approx(1.0, abs=0.15)
    assert abs(pull.mean()) < 0.35
    assert np.median(fit.excess[fit.usable]) == pytest.approx(1.222, abs=0.02)
    assert (sick.start, sick.stop, sick.window, sick.n_dark) == (0, FLASHES, (0, 1), DARK)


def test_every_pixel_without_a_gain_says_why(sick: SpeCalibration) -> None:
    fit = sick.fit
    assert fit.status[DEAD] == SpeStatus.NO_LIGHT
    assert fit.status[UNREAD] == SpeStatus.FEW_CHARGES
    assert fit.status[ODD] & SpeStatus.OWN_SHAPE
    assert not fit.usable[[DEAD, UNREAD]].any()
    assert np.isnan(fit.gain[[DEAD, UNREAD]]).all()
    assert np.isfinite(fit.gain[fit.usable]).all()
    others = np.setdiff1d(np.arange(N), [DEAD, UNREAD, ODD])
    assert fit.usable[others].mean() > 0.97


def test_sick_pixels_spoil_nobody_s_shape(sick: SpeCalibration) -> None:
    healthy = fitted([batch(EventType.DARK_PEDESTAL, dark()), batch(EventType.SINGLE_PE, charges())]).fit
    others = np.setdiff1d(np.arange(N), [DEAD, UNREAD, ODD])
    assert sick.fit.theta[others] == pytest.approx(healthy.theta[others], abs=0.02)
    # one charge of many photo-electrons' is left out, the rest of the pixel's kept
    assert sick.fit.n[SPARKING] == FLASHES - 1
    assert sick.fit.gain[SPARKING] == pytest.approx(healthy.gain[SPARKING], rel=0.01)


def test_without_a_dark_run_the_flashes_tell_the_pedestals() -> None:
    made = fitted([batch(EventType.SINGLE_PE, charges())])
    fit = made.fit
    assert made.n_dark == 0
    assert abs(((fit.gain - gains()) / fit.gain_error)[fit.usable]).max() < 4.5


def test_pixels_may_keep_shapes_of_their_own_if_something_is_known_of_them() -> None:
    options = replace(OPTIONS, share=False, proportion_error=0.05, interpolation_error=0.03)
    fit = fitted([batch(EventType.SINGLE_PE, charges())], options).fit
    assert fit.usable.mean() > 0.97
    assert np.ptp(fit.theta[:, 1]) > 0.01
    assert abs(((fit.gain - gains()) / fit.gain_error)[fit.usable]).max() < 4.5


def test_silicon() -> None:
    one = np.ones(N)
    theta = np.tile([0.15, 0.08], (N, 1))
    flashes = silicon_charges(np.random.default_rng(3), 1500, one, gains(), 0.0 * one, 12.7 * one, theta)
    fit = fitted([batch(EventType.SINGLE_PE, flashes, MOST)], replace(OPTIONS, sensor="silicon")).fit
    assert fit.parameters == ("crosstalk", "spread")
    assert abs(((fit.gain - gains()) / fit.gain_error)[fit.usable]).max() < 4.5


def test_batches_cut_otherwise_give_the_same_gains() -> None:
    flashes = charges(flashes=1200)
    whole = fitted([batch(EventType.SINGLE_PE, flashes, MOST)]).fit
    times = np.arange(1200, dtype=np.int64)
    pieces = [
        replace(batch(EventType.SINGLE_PE, flashes[a:b], MOST), time=times[a:b])
        for a, b in ((0, 1), (1, 499), (499, 501), (501, 1200))
    ]
    assert fitted(pieces).fit.gain.tobytes() == whole.gain.tobytes()


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(MissingInput) as none:
        fitted([batch(EventType.DARK_PEDESTAL, dark())])
    assert none.value.code == "no-events"
    with pytest.raises(InsufficientStatistics) as few:
        fitted([batch(EventType.SINGLE_PE, charges(flashes=100))])
    assert (few.value.code, few.value.got, few.value.exit_code) == ("too-few-events", "100", 106)
    with pytest.raises(InsufficientStatistics) as unlit:
        fitted([batch(EventType.SINGLE_PE, np.random.default_rng(1).normal(0.0, 12.7, (1000, N)))])
    assert unlit.value.code == "no-light"
    with pytest.raises(InsufficientStatistics) as vague:
        fitted([batch(EventType.SINGLE_PE, charges(flashes=1000))], replace(OPTIONS, precision=0.001))
    assert int(vague.value.mend.split()[1]) > 10_000
    selected = batch(EventType.SINGLE_PE, charges(flashes=1000))
    with pytest.raises(CorruptedInput) as mixed:
        fitted([replace(selected, adc=selected.adc[:, :1])])
    assert mixed.value.code == "mixed-events"
    with pytest.raises(CorruptedInput) as back:
        fitted([replace(selected, time=selected.time[::-1].copy())])
    assert back.value.code == "time-backwards"


def test_the_simulated_tubes_have_the_asked_excess() -> None:
    drawn = tube_charges(np.random.default_rng(2), 400_000, 1.222)
    assert drawn.mean() == pytest.approx(1.0, abs=0.003)
    assert 1.0 + drawn.var() / drawn.mean() ** 2 == pytest.approx(1.222, abs=0.003)
