# SPDX-License-Identifier: BSD-3-Clause
"""Muon rings: found, fitted within their errors, selected by name, averaged to a throughput."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.array.muons.camera import MuonOptics
from pellucid.array.muons.fit import PARAMETERS, MuonRings, RingStatus, fit_rings
from pellucid.array.muons.light import chord, expected_light, shadow
from pellucid.array.muons.quality import Cut, select_rings
from pellucid.array.muons.rings import circle
from pellucid.array.throughput import ThroughputStatus, aggregate, optical_psf
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics
from pellucid.simulate.muons import MuonRun, hexagonal_camera, simulate_muons

DAY = 86_400_000_000_000


def telescope(**changes: Any) -> MuonOptics:
    x, y, area = hexagonal_camera()
    return replace(MuonOptics(x, y, 0.1, area, mirror_radius=11.1, hole_radius=0.74), **changes)


@pytest.fixture(scope="module")
def run() -> MuonRun:
    return simulate_muons(telescope(), np.random.default_rng(1), 200)


@pytest.fixture(scope="module")
def rings(run: MuonRun) -> MuonRings:
    return fit_rings(run.images, run.cleaned, telescope())


@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.3, 2.0), st.integers(5, 60))
@settings(deadline=None, max_examples=100)
def test_points_on_a_circle_give_it_back(x: float, y: float, radius: float, n: int) -> None:
    angle = np.linspace(0.0, 4.0, n)
    got = circle(x + radius * np.cos(angle), y + radius * np.sin(angle), np.ones(n))
    assert got == pytest.approx((x, y, radius), abs=1e-7)


@given(st.floats(0.0, 2.5), st.floats(0.0, 6.3))
@settings(deadline=None, max_examples=200)
def test_chords_are_those_of_the_formula(rho: float, phi: float) -> None:
    got = chord(rho, 0.0, np.cos(phi), np.sin(phi), 1.0, 1.0, 1.0, 0.0)
    turned = -np.cos(phi)  # the formula counts the azimuth from the far side
    under = 1.0 - rho**2 * np.sin(phi) ** 2
    if rho <= 1.0:
        expected = np.sqrt(under) + rho * turned
    else:
        expected = 2.0 * np.sqrt(under) if under > 0.0 and turned > 0.0 else 0.0
    assert got == pytest.approx(expected, abs=1e-6)


def test_an_inclined_mirror_is_narrower() -> None:
    across = chord(0.0, 0.0, 0.0, 1.0, 1.0, 0.5, 1.0, 0.0)
    along = chord(0.0, 0.0, 1.0, 0.0, 1.0, 0.5, 1.0, 0.0)
    assert (across, along) == pytest.approx((1.0, 0.5))


@given(st.floats(0.0, 3.0), st.floats(0.0, 6.3), st.floats(0.97, 1.0))
@settings(deadline=None, max_examples=50)
def test_the_shadow_of_the_hole_is_the_mean_over_the_rays_to_a_pixel(
    rho: float, phi: float, squeeze: float
) -> None:
    half = 0.04
    rays = phi + np.linspace(-half, half, 401)
    mean = np.mean([chord(rho, 0.0, np.cos(a), np.sin(a), 0.74, squeeze, 1.0, 0.0) for a in rays])
    got = shadow(rho, 0.0, np.cos(phi), np.sin(phi), half, 0.74, squeeze, 1.0, 0.0)
    # where the muon passes the very edge of the hole, rays along it are not straight in their distance
    assert got == pytest.approx(mean, abs=0.05 if abs(rho - 0.74) < 0.1 else 0.01)


def test_an_impact_near_the_hole_knows_how_uncertain_it_is() -> None:
    run = simulate_muons(telescope(), np.random.default_rng(9), 60, largest_impact=0.2)
    rings = fit_rings(run.images, run.cleaned, telescope())
    impact = np.hypot(run.truth[:, 4], run.truth[:, 5])
    for low, high, width in ((0.0, 1.1, 1.8), (1.1, 2.3, 1.2)):
        some = (impact >= low) & (impact < high)
        for name in ("impact_x", "impact_y"):
            pull = (rings.of(name) - run.truth[:, PARAMETERS.index(name)])[some] / rings.error(name)[some]
            assert 0.6 < pull.std() < width, (low, name)
    assert (np.linalg.eigvalsh(rings.covariance) > 0.0).all()


def test_light_is_that_of_the_cherenkov_effect() -> None:
    optics = telescope(hole_radius=0.0)
    light = np.empty(optics.x.size)
    vector = np.array([0.0, 0.0, 1.2, 0.05, 0.0, 0.0, 1.0])
    expected_light(
        vector, optics.x, optics.y, 0.1, optics.pixel_area, 11.1, 0.0, optics.photons_per_metre,
        optics.passing(1.2), light,
    )  # fmt: skip
    # photons of a path R / tan(theta), all of which reach the mirror: 2 pi alpha L sin^2(theta) (1/l1 - 1/l2)
    theta = np.radians(1.2)
    photons = 2 * np.pi * optics.photons_per_metre * 11.1 / np.tan(theta) * np.sin(theta) ** 2
    assert light.sum() == pytest.approx(photons, rel=5e-3)


def test_air_takes_light_of_long_chords() -> None:
    air = telescope(extinction=(np.array([300.0, 600.0]), np.array([3e-4, 3e-5])))
    passing = air.passing(1.2)
    assert passing[0] == pytest.approx(1.0, abs=1e-5)
    assert (np.diff(passing) < 0).all()
    assert 0.8 < passing[-1] < 0.97
    assert (telescope().passing(1.2) == 1.0).all()


def test_rings_are_fitted_within_their_errors(run: MuonRun, rings: MuonRings) -> None:
    assert (rings.status == 0).mean() > 0.98
    for name, width in (("radius", 0.15), ("width", 0.2), ("efficiency", 0.15), ("center_x", 0.15)):
        k = PARAMETERS.index(name)
        pull = (rings.value[:, k] - run.truth[:, k]) / rings.error(name)
        assert abs(pull.mean()) < 0.3, name
        assert pull.std() == pytest.approx(1.0, abs=width), name
    assert np.median(rings.chi2 / rings.degrees) == pytest.approx(1.0, abs=0.03)


def test_rings_at_the_edge_are_told() -> None:
    optics = telescope()
    run = simulate_muons(optics, np.random.default_rng(2), 1)
    vector = run.truth[0].copy()
    vector[:2] = 1.8, 0.0
    light = np.empty(optics.x.size)
    expected_light(
        vector, optics.x, optics.y, 0.1, optics.pixel_area, 11.1, 0.74, optics.photons_per_metre,
        optics.passing(vector[2]), light,
    )  # fmt: skip
    image = np.random.default_rng(3).normal(light, np.sqrt(1.21 + 1.25 * light))
    cut = fit_rings(image[None], (image > 6.0)[None], optics)
    assert cut.status[0] & RingStatus.CUT
    assert cut.containment[0] < 0.95
    kept, rejected = select_rings(cut, 11.1)
    assert not kept[0]
    assert rejected["containment"] == 1
    # what is in the camera is fitted all the same
    assert abs(cut.of("radius")[0] - vector[2]) < 5 * cut.error("radius")[0]


def test_an_image_without_a_ring_is_told() -> None:
    optics = telescope()
    image = np.random.default_rng(4).normal(0.0, 1.1, (2, optics.x.size))
    image[1] += 50.0 * np.exp(-0.5 * ((optics.x / 0.1) ** 2 + (optics.y / 0.05) ** 2))
    rings = fit_rings(image, image > 6.0, optics)
    assert rings.status[0] == RingStatus.NO_RING
    assert np.isnan(rings.value[0]).all()
    assert not select_rings(rings, 11.1)[0].any()


def test_cuts_are_named(rings: MuonRings) -> None:
    strict, rejected = select_rings(rings, 11.1, {"impact": Cut("impact", 0.2, 0.5)})
    impact = rings.impact / 11.1
    assert strict.sum() <= ((impact > 0.2) & (impact < 0.5)).sum()
    assert rejected["impact"] == int((~((impact >= 0.2) & (impact <= 0.5))).sum())
    with pytest.raises(ConfigurationError, match="impct"):
        select_rings(rings, 11.1, {"impct": Cut("", 0, 1)})


def test_impossible_optics_and_other_cameras_are_refused(run: MuonRun) -> None:
    with pytest.raises(ConfigurationError):
        telescope(hole_radius=12.0)
    with pytest.raises(CorruptedInput) as error:
        fit_rings(run.images[:, :-1], run.cleaned[:, :-1], telescope())
    assert error.value.code == "other-camera"


def test_the_throughput_bears_wrong_rings_and_sees_trends(run: MuonRun, rings: MuonRings) -> None:
    random = np.random.default_rng(5)
    good, _ = select_rings(rings, 11.1)
    efficiency, error = rings.of("efficiency")[good], rings.error("efficiency")[good]
    time = np.sort(random.integers(0, DAY, efficiency.size))
    whole = aggregate(efficiency, error, time)
    assert abs(whole.value - 0.2) < 4 * whole.error
    assert whole.status == ThroughputStatus.GOOD
    wrong = efficiency.copy()
    wrong[::20] *= 0.4
    clipped = aggregate(wrong, error, time)
    assert clipped.n_rejected >= wrong[::20].size
    assert abs(clipped.value - 0.2) < 4 * clipped.error
    falling = aggregate(efficiency * (1.0 - 0.1 * time / DAY), error, time)
    assert falling.status & ThroughputStatus.TREND
    assert abs(falling.slope + 0.02) < 4 * falling.slope_error


def test_the_mean_of_many_rings_has_its_error() -> None:
    random = np.random.default_rng(6)
    pulls = []
    for _ in range(300):
        error = random.uniform(0.01, 0.02, 60)
        values = random.normal(0.2, np.hypot(error, 0.01))
        # as of counting: a ring that came out low claims a smaller error
        got = aggregate(values, error * np.sqrt(values / 0.2), np.arange(60))
        pulls.append((got.value - 0.2) / got.error)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.12)
    assert np.mean(pulls) == pytest.approx(0.0, abs=0.2)


def test_rings_that_come_out_low_do_not_pull_the_mean_down() -> None:
    """Errors that go with the root of what was counted: weights by them alone are 0.25 % off here."""
    count = np.random.default_rng(8).poisson(400.0, 40_000)
    efficiency = 0.2 * count / 400.0
    got = aggregate(efficiency, efficiency / np.sqrt(count), np.arange(count.size))
    assert abs(got.value / 0.2 - 1.0) < 4.0 * got.error / 0.2 < 0.0011
    weights = count / efficiency**2
    assert (weights * efficiency).sum() / weights.sum() < 0.2 * (1.0 - 0.002)


def test_no_efficiency_is_no_throughput() -> None:
    with pytest.raises(CorruptedInput) as zero:
        aggregate(np.array([0.2, 0.0, 0.21]), np.full(3, 0.01), np.arange(3))
    assert zero.value.where == "ring 1"
    with pytest.raises(InsufficientStatistics) as few:
        aggregate(np.full(5, 0.2), np.full(5, 0.01), np.arange(5))
    assert few.value.exit_code == 106


def test_width_at_the_radius_of_fast_muons() -> None:
    random = np.random.default_rng(7)
    radius, error = random.uniform(0.9, 1.25, 400), np.full(400, 0.002)
    width = random.normal(0.04 - 0.05 * (radius - 1.2), error)
    psf = optical_psf(width, error, radius)
    assert abs(psf.width - 0.04) < 4 * psf.width_error
    assert abs(psf.slope + 0.05) < 4 * psf.slope_error
    with pytest.raises(InsufficientStatistics):
        optical_psf(width[:5], error[:5], radius[:5])
