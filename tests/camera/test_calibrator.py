# SPDX-License-Identifier: BSD-3-Clause
"""The way from events to a calibration: gains three ways, spans, and every bad input with its words."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from pellucid.camera.badpixels import Reason
from pellucid.camera.brightness import brightness_by_event, filter_scan
from pellucid.camera.calibration_events import CalibrationEvents
from pellucid.camera.calibrator import CalibrationOptions, calibrate_spans
from pellucid.camera.changes import camera_changes
from pellucid.camera.charge import searched_charge, window_charge
from pellucid.camera.coefficients import CameraCalibration
from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.flatfield import FlatfieldAccumulator
from pellucid.camera.gain import f_factor_gain
from pellucid.camera.intime import Moment
from pellucid.camera.pedestal import PedestalAccumulator
from pellucid.camera.series import CalibrationSeries, SeriesInSteps
from pellucid.camera.spe.gains import SpeOptions
from pellucid.camera.time_walk_run import TimeWalkOptions
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.events.batch import EventType
from pellucid.instrument import Telescope
from pellucid.simulate.camera import CameraSimulator
from pellucid.simulate.instruments import make_subarray, preset
from pellucid.simulate.light import flash_light, no_light
from pellucid.simulate.response import CameraResponse, draw_response
from pellucid.simulate.seeds import Purpose, generator
from support.charges import SOUND, batches, calibrated, some_pixels

KIND = preset("tiny")
TELESCOPE = make_subarray(KIND, 1).telescopes[1]
N = TELESCOPE.geometry.n_pixels
SECOND = 1_000_000_000
OPTIONS = CalibrationOptions(min_pedestals=20, min_flashes=40)


def adc(n: int, intensity: float, seed: int = 3, response: CameraResponse | None = None) -> np.ndarray:
    camera = CameraSimulator(KIND, TELESCOPE, response or draw_response(KIND, N, 3, 1, SOUND))
    found = []
    for k in range(n):
        rng = generator(seed, Purpose.LIGHT, 1, k)
        light = flash_light(rng, N, intensity, 0.04, 16.0) if intensity else no_light(N)
        found.append(camera.expose(rng, light, 0.25).adc)
    return np.stack(found)


@pytest.fixture(scope="module")
def dark() -> np.ndarray:
    return adc(60, 0.0)


@pytest.fixture(scope="module")
def lit() -> np.ndarray:
    return adc(160, 60.0)


def events(kind: EventType, samples: np.ndarray, begin: float = 0.0, **choices) -> CalibrationEvents:
    time = np.round((begin + np.arange(len(samples)) * 0.01) * SECOND).astype(np.int64)
    none = np.zeros((2, N), bool)
    return replace(CalibrationEvents(int(kind), time, samples, none), **choices)


def calibrate(*given: CalibrationEvents, spans=None, telescope: Telescope = TELESCOPE, **choices):
    def again() -> Iterator[CalibrationEvents]:
        return iter(given)

    options = choices.pop("options", OPTIONS)
    return calibrate_spans(telescope, again, spans or [(0, 2**62)], options, **choices)


@pytest.fixture(scope="module")
def calibration(dark: np.ndarray, lit: np.ndarray) -> CameraCalibration:
    (found,) = calibrate(events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, lit))
    assert found is not None
    return found


def test_it_knows_its_cover_and_its_camera(calibration: CameraCalibration) -> None:
    assert (calibration.start, calibration.stop) == (0, round(1.59 * SECOND) + 1)
    assert calibration.camera == TELESCOPE.geometry.fingerprint
    assert not calibration.unusable.any()


def test_no_pedestals(lit: np.ndarray) -> None:
    with pytest.raises(MissingInput, match="no pedestal events") as caught:
        calibrate(events(EventType.FLATFIELD, lit))
    assert caught.value.exit_code == 105


def test_too_few_events_tell_how_many_it_takes(dark: np.ndarray, lit: np.ndarray) -> None:
    few = events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, lit[:20])
    with pytest.raises(InsufficientStatistics, match="too few flash") as caught:
        calibrate(*few)
    assert (caught.value.exit_code, caught.value.expected, caught.value.got) == (106, "at least 40", "20")


def test_the_asked_precision_tells_how_many_it_takes(dark: np.ndarray, lit: np.ndarray) -> None:
    both = events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, lit)
    with pytest.raises(InsufficientStatistics) as caught:
        calibrate(*both, options=replace(OPTIONS, precision=0.01))
    needed = int(caught.value.expected.split("about ")[1].split()[0])
    # sqrt(2 / n) and a little more: pedestals and the low gain
    assert 2 / 0.01**2 < needed < 10 * 2 / 0.01**2
    (found,) = calibrate(*both, options=replace(OPTIONS, precision=0.5))
    assert found is not None


def test_saturated_flashes_give_no_gain_but_say_so(dark: np.ndarray, lit: np.ndarray) -> None:
    bright = lit.copy()
    bright[:, 0, 5, 14:18] = 4095
    (found,) = calibrate(events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, bright))
    assert found is not None
    assert found.gain.gain.status[0, 5] == Status.SATURATED
    assert np.isnan(found.gain.gain.value[0, 5])
    assert found.flatfield.ratio.status[0, 5] == Status.SATURATED
    assert found.reasons[0, 5] & Reason.SATURATED
    assert found.gain.gain.status[1, 5] == Status.GOOD
    bright[:, :, :, 14:18] = 4095
    with pytest.raises(MissingInput, match="unsaturated"):
        calibrate(events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, bright))


def test_a_low_gain_that_flashes_do_not_reach_is_scaled_from_the_high_one(dark: np.ndarray) -> None:
    deaf = draw_response(KIND, N, 3, 1, SOUND)
    deaf = replace(deaf, gain=deaf.gain * np.array([1.0, 1e-4])[:, None])
    given = events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, adc(160, 60.0, 3, deaf))
    (without,) = calibrate(*given)
    assert without is not None
    assert (without.factor.status[1] & Status.NO_SIGNAL).all()
    known = replace(OPTIONS, low_gain_ratio=17.0, low_gain_ratio_error=0.3)
    (found,) = calibrate(*given, options=known)
    assert found is not None
    np.testing.assert_allclose(found.factor.value[1], 17.0 * found.factor.value[0])
    relative = found.factor.error / found.factor.value
    assert (relative[1] > np.hypot(0.3 / 17.0, 0.5 * relative[0])).all()
    assert (found.gain.gain.status[1] == Status.SCALED).all()
    np.testing.assert_allclose(found.gain.gain.value[0] / found.gain.gain.value[1], 17.0)
    np.testing.assert_array_equal(found.time_offset.value[1], found.time_offset.value[0])
    assert not found.unusable.any()
    assert not (found.reasons & Reason.NO_GAIN).any()


def test_a_low_gain_that_is_seen_is_not_scaled(
    dark: np.ndarray, lit: np.ndarray, calibration: CameraCalibration
) -> None:
    given = events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, lit)
    (found,) = calibrate(*given, options=replace(OPTIONS, low_gain_ratio=17.0))
    assert found is not None
    np.testing.assert_array_equal(found.factor.value, calibration.factor.value)


def test_a_negative_variance_difference_is_no_gain(calibration: CameraCalibration) -> None:
    loud = replace(calibration.pedestal.charge_variance, value=1e9 * np.ones((2, N)))
    gain = f_factor_gain(calibration.flatfield, replace(calibration.pedestal, charge_variance=loud))
    assert (gain.gain.status == Status.NO_VARIANCE).all()
    assert np.isnan(gain.gain.value).all()
    assert np.isnan(gain.covariance).all()


def test_a_missing_module_is_known_and_does_not_spoil_the_rest(
    dark: np.ndarray, lit: np.ndarray, calibration: CameraCalibration
) -> None:
    missing = np.zeros((2, N), bool)
    missing[:, 7:14] = True
    zeroed = [np.where(missing[..., None], 0, a).astype(np.uint16) for a in (dark, lit)]
    kinds = (EventType.SKY_PEDESTAL, EventType.FLATFIELD)
    (found,) = calibrate(*(events(k, a, missing=missing) for k, a in zip(kinds, zeroed)))
    assert found is not None
    assert ((found.reasons[:, 7:14] & Reason.MISSING) != 0).all()
    assert not found.reasons[:, 14:].any()
    np.testing.assert_allclose(found.gain.gain.value[0, 14:], calibration.gain.gain.value[0, 14:], rtol=0.05)


def test_gain_selected_events_among_others(dark: np.ndarray, lit: np.ndarray) -> None:
    with pytest.raises(CorruptedInput, match="channels and pixels") as caught:
        calibrate(events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, lit[:, :1]))
    assert caught.value.code == "mixed-events"
    with pytest.raises(CorruptedInput):
        calibrate(events(EventType.SKY_PEDESTAL, dark[:, :, 1:]))


def test_time_going_backwards(dark: np.ndarray) -> None:
    for pair in (
        [events(EventType.SKY_PEDESTAL, dark, 5.0), events(EventType.SKY_PEDESTAL, dark, 1.0)],
        [replace(events(EventType.SKY_PEDESTAL, dark), time=np.arange(60)[::-1].astype(np.int64))],
    ):
        with pytest.raises(CorruptedInput, match="backwards"):
            calibrate(*pair)


def test_events_in_two_states(dark: np.ndarray, lit: np.ndarray) -> None:
    with pytest.raises(CorruptedInput, match="different states"):
        calibrate(events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, lit, applied=12))
    (found,) = calibrate(
        events(EventType.SKY_PEDESTAL, dark, applied=12), events(EventType.FLATFIELD, lit, applied=12)
    )
    assert found is not None
    assert found.applied == 12


def test_chunks_without_statistics_are_left_out(dark: np.ndarray, lit: np.ndarray) -> None:
    given = events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, lit)
    spans = [(0, 2 * SECOND), (0, round(0.1 * SECOND))]
    whole, short = calibrate(*given, spans=spans)
    assert whole is not None
    assert short is None
    with pytest.raises(InsufficientStatistics, match="No chunk"):
        calibrate(*given, spans=[(0, 5), (0, 9)])


def test_a_dying_pixel_is_unstable_in_all_chunks_of_its_epoch() -> None:
    response = draw_response(KIND, N, 3, 1, SOUND)
    tired = replace(response, gain=response.gain * np.where(np.arange(N) == 20, 0.8, 1.0))
    given = []
    for k in range(6):
        given.append(events(EventType.SKY_PEDESTAL, adc(40, 0.0, 10 + k), 10.0 * k))
        given.append(
            events(EventType.FLATFIELD, adc(80, 60.0, 20 + k, tired if k > 2 else response), 10.0 * k)
        )
    spans = [(10 * k * SECOND, 10 * (k + 1) * SECOND) for k in range(6)]
    found = calibrate(*given, spans=spans)
    for one in found:
        assert one is not None
        assert np.flatnonzero((one.reasons[0] & Reason.UNSTABLE) != 0).tolist() == [20]
    broken = calibrate(*given, spans=spans, breaks=np.array([30 * SECOND]))
    assert not any((one.reasons & Reason.UNSTABLE).any() for one in broken if one is not None)
    assert [int(one.faults.table["epoch"].max(initial=0)) for one in broken if one is not None][:3] == [0] * 3


def test_series_of_two_cameras_and_of_none(calibration: CameraCalibration) -> None:
    with pytest.raises(MissingInput):
        CalibrationSeries.of([])
    with pytest.raises(CorruptedInput, match="not of one camera"):
        CalibrationSeries.of([calibration, replace(calibration, tel_id=2)])
    with pytest.raises(CorruptedInput, match="two cameras"):
        camera_changes(calibration, replace(calibration, camera="other"))


def test_a_series_in_steps_depends_on_the_time_alone(calibration: CameraCalibration) -> None:
    later = replace(calibration, start=10 * SECOND, stop=12 * SECOND)
    series = CalibrationSeries.of([calibration, later])
    steps = SeriesInSteps(series, SECOND, 5 * SECOND)
    one = steps.coefficients(steps.number(round(3.2 * SECOND)))
    np.testing.assert_array_equal(one.factor, steps.coefficients(3).factor)
    np.testing.assert_allclose(one.factor, calibration.factor.value, rtol=1e-6)
    assert steps.coefficients(100).unusable.all()
    assert (series.at(100 * SECOND, 5 * SECOND).status & Moment.EXPIRED).all()


def test_what_changed_since_the_last_night(dark: np.ndarray, calibration: CameraCalibration) -> None:
    response = draw_response(KIND, N, 3, 1, SOUND)
    scale = np.where(np.arange(N) == 33, 2.6, 1.05)
    dead = np.arange(N) == 40
    gain = np.where(dead, 0.0, response.gain * scale)
    late = adc(160, 60.0, 9, replace(response, gain=gain, dead=dead))
    (now,) = calibrate(events(EventType.SKY_PEDESTAL, dark), events(EventType.FLATFIELD, late))
    assert now is not None
    now = replace(now, faults=replace(now.faults, reasons=np.where(dead, now.reasons, 0).astype(np.uint16)))
    found = camera_changes(calibration, now)
    assert found.gain == pytest.approx(0.05, abs=4 * found.gain_error)
    assert np.flatnonzero(found.worse).tolist() == [40]
    assert found.moved[33]
    assert camera_changes(now, calibration).mended[40]


def test_three_ways_to_the_flashes_own_fluctuation() -> None:
    c = calibrated(9, 120, 3000, 4000)
    by_event = brightness_by_event(c.flatfield, c.pedestal)[0]
    assert by_event.mean() == pytest.approx(0.04**2, rel=0.15)
    assert c.flatfield.flash_variance[0] == pytest.approx(0.04**2, rel=0.15)
    truth = some_pixels(9, 120)
    scan = []
    for k, intensity in enumerate((15.0, 60.0, 150.0, 300.0)):
        flashes = FlatfieldAccumulator(c.pedestal, 0)
        for batch in batches(np.random.default_rng(50 + k), truth, 2000, intensity, 0.08):
            flashes.update(batch)
        scan.append(flashes.finish())
    fit = filter_scan(scan, c.pedestal)
    assert fit.brightness.value.mean() == pytest.approx(0.08**2, rel=0.06)
    pull = (fit.slope.value - 1.222 * truth.gain) / fit.slope.error
    assert pull.std() == pytest.approx(1.0, abs=0.2)
    assert (fit.slope.value / (1.222 * truth.gain)).mean() == pytest.approx(1.0, abs=0.02)
    assert (fit.covariance < 0.0).all()
    assert (fit.chi_square / fit.degrees).mean() == pytest.approx(1.0, abs=0.3)
    for brightness in (by_event, fit.brightness.value[0]):
        gain = f_factor_gain(scan[2] if brightness is not by_event else c.flatfield, c.pedestal,
                             brightness=brightness[None]).gain  # fmt: skip
        assert (gain.value / truth.gain).mean() == pytest.approx(1.0, abs=0.02)
    with pytest.raises(ConfigurationError):
        filter_scan(scan[:2], c.pedestal)


def test_gain_and_photoelectrons_vary_together_as_told() -> None:
    deviations, told = [], []
    for seed in range(6):
        c = calibrated(seed, 80, 1500, 1500)
        g = f_factor_gain(c.flatfield, c.pedestal)
        n = 60.0 * c.truth.efficiency
        deviations.append(np.cov(g.gain.value[0] / c.truth.gain[0], g.photoelectrons.value[0] / n)[0, 1])
        told.append((g.covariance[0] / c.truth.gain[0] / n).mean())
    assert np.mean(deviations) == pytest.approx(np.mean(told), rel=0.2)


def test_the_biased_extractor_is_another_one(dark: np.ndarray) -> None:
    fixed, searched = window_charge(dark, 10, 7), searched_charge(dark, 7)
    direct = np.lib.stride_tricks.sliding_window_view(dark.astype(int), 7, axis=3).sum(axis=4)
    np.testing.assert_array_equal(fixed, direct[..., 10])
    np.testing.assert_array_equal(searched, direct.max(axis=3))
    events_of = PedestalAccumulator(2, N, 18)
    events_of.update(dark)
    pedestal = events_of.finish(10)
    assert (pedestal.searched.value > 3.0 * pedestal.searched.error).all()
    with pytest.raises(ConfigurationError):
        window_charge(dark, 30, 18)
    with pytest.raises(ConfigurationError):
        searched_charge(dark, 41)


def test_estimates_without_a_value_have_infinite_needs() -> None:
    from pellucid.camera.estimate import require_precision

    nothing = Estimate(np.full((1, 2), np.nan), np.full((1, 2), np.nan), 5, np.ones((1, 2), np.uint8))
    with pytest.raises(InsufficientStatistics, match="precision"):
        require_precision(nothing, 0.1, "gain")


def test_words_that_no_option_knows_are_refused() -> None:
    for options, name, value in (
        (CalibrationOptions, "brightness", "scann"),
        (SpeOptions, "sensor", "silicone"),
        (TimeWalkOptions, "against", "charges"),
        (TimeWalkOptions, "reference", "trigger"),
    ):
        with pytest.raises(ConfigurationError) as error:
            options(**{name: value})
        assert (error.value.code, error.value.where) == ("configuration-value", name)


def test_showers_among_the_pedestals_do_no_harm_where_outliers_are_cut() -> None:
    truth = some_pixels(3, 60)
    random = np.random.default_rng(1)

    def gain(clip: float, dirty: bool) -> np.ndarray:
        rng = np.random.default_rng(2)
        events_of = PedestalAccumulator(1, 60, 1, 1, clip)
        for batch in batches(rng, truth, 2000, 0.0):
            struck = random.random(batch.shape) < 0.004 * dirty
            events_of.update(np.where(struck, batch + 6000, batch).astype(np.uint16))
        pedestal = events_of.finish()
        flashes = FlatfieldAccumulator(pedestal, 0, clip=clip)
        for batch in batches(rng, truth, 2000, 60.0):
            flashes.update(batch)
        return f_factor_gain(flashes.finish(), pedestal).gain.value[0] / truth.gain[0]

    clean = gain(0.0, False)
    assert gain(4.0, False).mean() == pytest.approx(clean.mean(), rel=0.005)
    assert gain(4.0, True).mean() == pytest.approx(clean.mean(), rel=0.01)
    assert abs(np.nanmean(gain(0.0, True)) / clean.mean() - 1.0) > 0.1
