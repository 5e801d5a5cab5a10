# SPDX-License-Identifier: BSD-3-Clause
"""Overlap in three ways, against the instrument's own; and what its correction mends."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.atmosphere.lidar.overlap import (
    Overlap,
    corrected,
    horizontal_overlap,
    near_range_overlap,
    raman_elastic_overlap,
)
from pellucid.atmosphere.lidar.raman import NOT_FITTED, RamanProfile, depth, raman_backscatter
from pellucid.atmosphere.lidar.scan import horizontal_extinction
from pellucid.atmosphere.lidar.signal import Signal, photon_signal
from pellucid.atmosphere.molecular import molecular_optics, standard_air
from pellucid.errors import InsufficientStatistics
from pellucid.simulate.lidar import CTA, Layer, Sky, expected_rate

SKY = Sky((Layer(0.0, 1800.0, 0.2, 52.0, 1.0),))
WIDE = replace(CTA, overlap=400.0)
SHOTS = 12000
RANGE = (np.arange(2000) + 0.5) * 7.5
TRUE = 1.0 - np.exp(-((RANGE / WIDE.overlap) ** 4))


def counts(nm: int, seed: int, instrument: object = WIDE, part: float = 1.0) -> Signal:
    (channel,) = (c for c in CTA.channels if c.wavelength == nm)
    instrument = replace(WIDE, overlap=getattr(instrument, "overlap", 400.0))
    rate = expected_rate(SKY, instrument, replace(channel, constant=channel.constant * part))
    raw = np.random.default_rng(seed).poisson(rate * SHOTS * 7.5 / 150.0)
    return photon_signal(raw, SHOTS, 7.5, (45000.0, 60000.0)).until(15000.0)


def test_raman_and_elastic_light_tell_the_overlap() -> None:
    elastic, raman = counts(355, 1), counts(387, 2)
    air = standard_air(RANGE + SKY.altitude)
    optics, shifted = molecular_optics(air, 355.0), molecular_optics(air, 387.0)
    half = np.where((RANGE > 100.0) & (RANGE < 8000.0), 8, 0)
    alpha = SKY.aerosol(RANGE, 355.0)[0]
    beta = raman_backscatter(elastic, raman, optics, shifted, alpha, half, (5000.0, 9000.0))
    found = raman_elastic_overlap(elastic, optics, beta, (5000.0, 9000.0), lidar_ratio=45.0)
    part = (RANGE > 230.0) & (RANGE < 1500.0)
    assert found.value[part] == pytest.approx(TRUE[part], abs=0.05)
    assert (np.abs(found.value - TRUE)[part] < 3.0 * found.error[part]).mean() > 0.95
    # full at 590 m; the edge of the layer, which windows smear, looks like overlap still
    assert 350.0 < found.full < 2100.0
    mended = corrected(elastic, found)
    whole = counts(355, 1, replace(WIDE, overlap=1.0))
    ratio = mended.net[0, part & (TRUE > 0.35)].sum() / whole.net[0, part & (TRUE > 0.35)].sum()
    assert ratio == pytest.approx(1.0, abs=0.02)
    with np.errstate(invalid="ignore"):
        assert np.isnan(mended.counts[0, (found.value < 0.3) & (RANGE < 300.0)]).all()
    assert np.array_equal(mended.counts[0, 400:], elastic.counts[0, 400:])


def test_without_raman_light_it_is_withheld() -> None:
    nothing = np.full((1, RANGE.size), np.nan)
    profile = RamanProfile(nothing, nothing, nothing[0], np.full((1, RANGE.size), NOT_FITTED, np.int8))
    optics = molecular_optics(standard_air(RANGE), 355.0)
    with pytest.raises(InsufficientStatistics) as caught:
        raman_elastic_overlap(counts(355, 1), optics, profile, (5000.0, 9000.0))
    assert caught.value.code == "no-overlap"


def test_a_horizontal_shot_tells_the_overlap() -> None:
    molecular = float(molecular_optics(standard_air([2200.0, 2300.0]), 355.0).extinction[0])
    tau = depth(np.full(RANGE.size, molecular + 6e-5), 7.5)
    mean = 3e10 * TRUE * np.exp(-2.0 * tau) / RANGE**2 * (RANGE < 12000.0) + 0.3
    pulls = []
    for seed in range(30):
        raw = np.random.default_rng(seed).poisson(mean)
        signal = photon_signal(raw, 1, 7.5, (13000.0, 15000.0))
        shot = horizontal_extinction(signal, molecular, 900.0, 7000.0)
        found = horizontal_overlap(signal, shot, molecular)
        pulls.append(((found.value - TRUE) / found.error)[20:400:10])
    assert abs(np.mean(pulls)) < 0.15
    assert np.std(pulls) == pytest.approx(1.0, abs=0.12)


def test_a_near_telescope_tells_the_overlap_of_a_far_one() -> None:
    far, near = counts(355, 3, part=0.05), counts(355, 4, replace(WIDE, overlap=60.0), part=0.05)
    found = near_range_overlap(far, near, (1500.0, 4000.0))
    part = (RANGE > 150.0) & (RANGE < 1500.0)
    pull = ((found.value - TRUE) / found.error)[part]
    assert abs(pull.mean()) < 0.3
    assert pull.std() == pytest.approx(1.0, abs=0.15)
    dark = replace(near, counts=near.background[:, None] + 0.0 * near.counts)
    with pytest.raises(InsufficientStatistics, match="both see all"):
        near_range_overlap(far, dark, (1500.0, 4000.0))


def test_an_overlap_that_is_never_full_says_so() -> None:
    short = Overlap(RANGE, np.full(RANGE.size, 0.8), np.full(RANGE.size, 0.01), RANGE.size)
    assert short.full == float("inf")
