# SPDX-License-Identifier: BSD-3-Clause
"""What pairs are made of: slices of rates, shared showers, the reference's light, scales of light."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.array.intercalibration import intercalibrate
from pellucid.array.joint import Measurement, joint_solution
from pellucid.array.light_scale import LightScale
from pellucid.array.rates import all_pairs
from pellucid.array.reference import Conditions, MeasuredLight, fit_reference
from pellucid.array.showers import ShowerImages, energy_pairs, size_pairs
from pellucid.array.slices import RateSlices
from pellucid.errors import CorruptedInput, MissingInput

TEL = np.array([2, 5, 9])


def shower_images(n: int, spread: float, seed: int, light: np.ndarray, fall: float = 150.0) -> ShowerImages:
    """Draw showers around the first telescope, so that it stands nearer to them than the others do."""
    random = np.random.default_rng(seed)
    place = np.array([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]])
    core = random.uniform(-150.0, 150.0, (n, 1, 2))
    impact = np.linalg.norm(place - core, axis=2)
    size = 3000.0 * light * np.exp(random.normal(0.0, spread, impact.shape) - impact / fall)
    event, tel = (x.ravel() for x in np.indices(impact.shape))
    columns = dict.fromkeys(
        ("energy_error", "front_time", "front_time_error", "direction_error", "core_x", "core_y", "h_max"),
        np.ones(event.size),
    )
    columns |= {"azimuth": np.zeros(event.size), "altitude": np.full(event.size, 70.0)}
    size = size.ravel()
    return ShowerImages(
        event=event, tel_id=TEL[tel], size=size, energy=size / 1e3, impact=impact.ravel(), **columns
    )


@pytest.mark.parametrize("pairs_of", [size_pairs, energy_pairs])
def test_relative_light_closes_though_images_scatter_and_the_middle_is_nearer(pairs_of) -> None:
    light = np.array([1.0, 0.8, 1.2])
    pulls = []
    for seed in range(40):
        pairs = pairs_of(shower_images(1500, 0.25, seed, light), TEL, np.ones(3, bool))
        found = intercalibrate(pairs, 3)
        pulls.append((np.log(found.value) - np.log(light))[1:] / (found.error / found.value)[1:])
    pulls = np.array(pulls)
    assert np.abs(pulls.mean(axis=0)).max() < 4.0 / np.sqrt(40)
    assert 0.75 < pulls.std() < 1.25


def test_only_allowed_pairs_and_alike_distances_count() -> None:
    images = shower_images(500, 0.1, 1, np.ones(3))
    pairs = size_pairs(images, TEL, np.array([True, False, False]))
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [1])
    far = replace(images, impact=np.where(images.tel_id == 2, 1000.0, images.impact))
    with pytest.raises(Exception, match="No pair"):
        size_pairs(far, TEL, np.array([True, False, False]))


def test_a_table_has_each_image_in_its_place() -> None:
    images = shower_images(20, 0.1, 1, np.ones(3))
    order = np.random.default_rng(2).permutation(images.event.size)[:40]
    some = replace(images, **{k: v[order] for k, v in vars(images).items()})
    (size,) = some.table(TEL, "size")
    assert np.isfinite(size).sum() == 40
    row = np.unique(some.event, return_inverse=True)[1]
    np.testing.assert_array_equal(size[row, np.searchsorted(TEL, some.tel_id)], some.size)


def slices(**columns: np.ndarray) -> RateSlices:
    n, m = 3, 4
    same = {name: np.ones((n, m)) for name in ("muon_efficiency", "muon_efficiency_error", "gain")}
    given = {
        "tel_id": TEL,
        "time": np.arange(m) * 60 * 10**9,
        "duration": np.full(m, 60.0),
        "live_time": np.full((n, m), 57.0),
        "n_stereo": np.full((n, m), 100),
        "n_pairs": np.arange(n * m * 2).reshape(n, m, 2),
        "zenith": np.full((n, m), 20.0),
        "azimuth": np.full((n, m), 10.0),
        "night_sky": np.full((n, m), 250.0),
        **same,
    }
    return RateSlices(**{**given, **columns})


def test_pairs_are_live_when_both_are_and_look_where_both_look() -> None:
    azimuth = np.array([[359.0], [2.0], [10.0]]) * np.ones((1, 4))
    live = np.full((3, 4), 57.0)
    live[1, 2] = 0.0
    pairs = slices(azimuth=azimuth, live_time=live).pairs()
    first, second = all_pairs(3)
    assert pairs.live_time[0].tolist() == pytest.approx([57.0**2 / 60.0] * 3)
    assert (pairs.live_time[2] == 0.0).tolist() == ((first == 1) | (second == 1)).tolist()
    assert pairs.azimuth[0].tolist() == pytest.approx([0.5, 4.5, 6.0])
    # the first telescope's partners are the two others, the second's are the first and the third
    assert pairs.count[0].tolist() == [0.0, 1.0, 9.0]


def test_what_never_triggers_together_is_no_pair_and_silence_is_seen() -> None:
    number = np.ones((3, 4, 2), np.int64)
    number[0, :, 1] = number[2, :, 0] = 0
    stereo = np.full((3, 4), 100)
    stereo[1, 3] = 0
    stereo[2, 0] = 60 * 200_000
    own = slices(n_pairs=number, n_stereo=stereo)
    assert (own.pairs().live_time > 0.0).all(axis=0).tolist() == [True, False, True]
    assert np.argwhere(own.silent(7e-6)).tolist() == [[1, 3], [2, 0]]
    assert np.argwhere(own.too_busy(7e-6)).tolist() == [[2, 0]]


def test_the_exponent_bears_the_errors_of_measured_light() -> None:
    """Eight epochs whose light is known to 2 %: counting alone would claim ten times less error."""
    from astropy import units as u

    pulls, errors = [], []
    epochs, each = 8, 40
    source = np.repeat(np.arange(epochs), each)
    for seed in range(60):
        random = np.random.default_rng(seed)
        n = source.size
        light = np.linspace(0.85, 1.15, epochs)
        measured = light * (1.0 + random.normal(0.0, 0.02, epochs))
        zenith, azimuth = random.uniform(5.0, 50.0, n) * u.deg, random.uniform(0.0, 360.0, n) * u.deg
        conditions = Conditions.of(zenith, azimuth, 250.0 + random.normal(0.0, 5.0, n))
        rate = 100.0 * np.cos(zenith) ** 1.3 * light[source] ** 1.7
        count = random.poisson(rate * 60.0).astype(np.float64)
        both = np.stack([measured[source]] * 2, axis=1)
        given = MeasuredLight(both, np.stack([source] * 2, axis=1), np.full(epochs, 0.02))
        found = fit_reference(conditions, count, np.full(n, 60.0), light=given)
        assert found.exponent is not None
        pulls.append((found.exponent[0] - 1.7) / found.exponent[1])
        errors.append(found.exponent[1])
    assert abs(np.mean(pulls)) < 0.6
    assert 0.75 < np.std(pulls) < 1.3
    assert np.mean(errors) == pytest.approx(1.7 * 0.02 / np.sqrt((np.log(light) ** 2).sum()), rel=0.2)


def test_shares_of_two_kinds_are_borne_by_reference_and_joint_solution() -> None:
    """Two telescopes of each kind; in pairs across, the light of the first kind hardly matters."""
    first, second = all_pairs(4)
    across = (first < 2) != (second < 2)
    w = np.where(across, 0.2, 0.5)
    e, zero, error = np.log([0.8, 1.1, 0.9, 1.2]), np.zeros(6, np.int64), np.full(6, 1e-4)
    seen = -0.1 + w * e[first] + (1.0 - w) * e[second]
    each, none = np.arange(4), np.zeros(4, np.int64)
    measured = {
        "rates": Measurement(zero, first, second, seen, error, w),
        "gains": Measurement(none, each, each, np.zeros(4), np.full(4, 1e-4)),
        "muons": Measurement(none[:1], each[:1], each[:1], e[:1], error[:1]),
    }
    found = joint_solution(measured, 4, np.array([0.0]))
    np.testing.assert_allclose(found.throughput[0], np.exp(e), rtol=1e-9)
    assert found.eta[0] == pytest.approx(np.exp(-0.1), rel=1e-9)
    wrong = joint_solution({**measured, "rates": replace(measured["rates"], weight=None)}, 4, np.array([0.0]))
    assert np.abs(wrong.throughput[0] / np.exp(e) - 1.0).max() > 0.05


def test_the_exponent_of_pairs_of_two_kinds_is_that_of_their_shares() -> None:
    from astropy import units as u

    random, n = np.random.default_rng(1), 400
    zenith, azimuth = random.uniform(5.0, 50.0, n) * u.deg, random.uniform(0.0, 360.0, n) * u.deg
    conditions = Conditions.of(zenith, azimuth, 250.0 + random.normal(0.0, 5.0, n))
    light = random.uniform(0.8, 1.2, (n, 2))
    rate = 100.0 * np.cos(zenith) ** 1.3 * (light[:, 0] ** 0.2 * light[:, 1] ** 0.8) ** 1.7
    count = random.poisson(rate * 60.0).astype(np.float64)
    none = np.zeros((n, 2), np.int64)
    given = MeasuredLight(light, none, np.zeros(1), np.full(n, 0.2))
    for known, off in ((given, 4.0), (replace(given, weight=None), np.inf)):
        found = fit_reference(conditions, count, np.full(n, 60.0), light=known)
        assert found.exponent is not None
        assert abs(found.exponent[0] - 1.7) < off * found.exponent[1]
        assert (found.chi2 / found.ndf < 1.2) == np.isfinite(off)


def test_images_of_calibrated_gain_tell_optics_alone() -> None:
    optics, gain = np.log([0.8, 1.0, 1.2]), np.log([1.1, 0.9, 1.05])
    first, second = all_pairs(3)
    zero, each, error = np.zeros(3, np.int64), np.arange(3), np.full(3, 1e-4)
    measured = {
        "images": Measurement(zero, first, second, optics[first] - optics[second], error),
        "gains": Measurement(zero, each, each, gain, error),
        "muons": Measurement(zero[:1], each[:1], each[:1], optics[:1], error[:1]),
    }
    found = joint_solution(measured, 3, np.array([0.0]))
    np.testing.assert_allclose(found.optics[0], np.exp(optics), rtol=1e-9)
    np.testing.assert_allclose(found.throughput[0], np.exp(optics + gain), rtol=1e-9)
    # the first telescope is known by its muons, the others by it and the images
    assert found.optics_error[0, 0] == pytest.approx(1e-4 * 0.8, rel=1e-6)
    assert (found.optics_error[0, 1:] / np.exp(optics[1:]) > 1e-4).all()
    np.testing.assert_allclose(
        np.sqrt(np.diag(found.covariance[0])), found.optics_error[0] / found.optics[0], rtol=1e-9
    )


def test_a_scale_holds_beyond_its_ends_and_over_unknown_intervals() -> None:
    edges = np.array([0, 10, 20, 30])
    scale = LightScale.of(1, edges, np.array([0.9, np.nan, 1.1]), np.full(3, 0.01))
    assert scale.value.tolist() == [0.9, 0.9, 1.1]
    assert scale.borrowed.tolist() == [False, True, False]
    assert scale.interval(np.array([-5, 0, 9, 10, 29, 30, 99])).tolist() == [0, 0, 0, 1, 2, 2, 2]
    with pytest.raises(MissingInput, match="Nothing tells"):
        LightScale.of(1, edges, np.full(3, np.nan), np.full(3, 0.01))
    with pytest.raises(CorruptedInput, match="cannot be"):
        LightScale.of(1, edges, np.zeros(3), np.full(3, 0.01))
