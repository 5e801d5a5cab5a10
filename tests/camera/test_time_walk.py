# SPDX-License-Identifier: BSD-3-Clause
"""Time walk and transit time: the line against 1 / sqrt(q) within its errors."""

import numpy as np
import pytest

from pellucid.camera.estimate import Status
from pellucid.camera.time_walk import TimeWalkAccumulator
from pellucid.errors import CorruptedInput, InsufficientStatistics, MissingInput

PIXELS = 400


def flashes(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    slope = random.normal(3.0, 0.5, PIXELS)
    charge = random.uniform(5.0, 500.0, (n, 1, PIXELS))
    time = 0.4 + slope / np.sqrt(charge) + random.normal(0.0, 0.3, charge.shape)
    return time, charge, slope


def test_walk_is_found_within_its_errors() -> None:
    time, charge, slope = flashes(1)
    gather, other = TimeWalkAccumulator(1, PIXELS), TimeWalkAccumulator(1, PIXELS)
    gather.update(time[:100], charge[:100])
    other.update(time[100:], charge[100:])
    gather.merge(other)
    walk = gather.finish()
    for estimate, truth in ((walk.slope, slope), (walk.offset, 0.4)):
        pull = (estimate.value[0] - truth) / estimate.error[0]
        assert pull.mean() == pytest.approx(0.0, abs=0.15)
        assert pull.std() == pytest.approx(1.0, abs=0.12)
    error = np.array([walk.offset.error[0] ** 2 + walk.slope.error[0] ** 2 / 25 + 2 * walk.covariance[0] / 5])
    at_25 = walk.offset.value[0] + walk.slope.value[0] / 5 - (0.4 + slope / 5)
    assert (at_25 / np.sqrt(error)).std() == pytest.approx(1.0, abs=0.12)


def test_errors_bear_that_small_pulses_scatter_more() -> None:
    random = np.random.default_rng(7)
    charge = random.choice([10.0, 400.0], (300, 1, PIXELS))
    time = 3.0 / np.sqrt(charge) + random.normal(0.0, 3.0 / np.sqrt(charge))
    gather = TimeWalkAccumulator(1, PIXELS)
    gather.update(time, charge)
    walk = gather.finish()
    assert ((walk.slope.value - 3.0) / walk.slope.error).std() == pytest.approx(1.0, abs=0.1)
    assert (walk.offset.value / walk.offset.error).std() == pytest.approx(1.0, abs=0.1)


def test_the_shift_is_what_to_subtract() -> None:
    time, charge, slope = flashes(2)
    gather = TimeWalkAccumulator(1, PIXELS)
    gather.update(time, charge)
    shift, error = gather.finish().shift(charge, reference=100.0)
    assert (time - shift).std(axis=0).mean() == pytest.approx(0.3, rel=0.02)
    truth = slope * (charge**-0.5 - 0.1)
    assert ((shift - truth) / error).std() == pytest.approx(1.0, abs=0.12)
    none, _ = gather.finish().shift(np.full((1, PIXELS), -1.0), reference=100.0)
    assert np.isnan(none).all()


def test_pixels_without_a_lever_say_so() -> None:
    time, charge, _ = flashes(3, n=150)
    charge[:, :, 0], time[:, :, 1], charge[:, :, 2] = 50.0, np.nan, -3.0
    gather = TimeWalkAccumulator(1, PIXELS)
    gather.update(time, charge)
    walk = gather.finish()
    assert walk.slope.status[0, :4].tolist() == [Status.NO_SIGNAL] * 3 + [Status.GOOD]
    assert np.isnan(walk.slope.value[0, :3]).all()


def test_what_cannot_be_is_refused() -> None:
    gather = TimeWalkAccumulator(1, 3)
    with pytest.raises(MissingInput):
        gather.finish()
    gather.update(np.zeros((5, 1, 3)), np.ones((5, 1, 3)))
    with pytest.raises(InsufficientStatistics):
        gather.finish()
    with pytest.raises(CorruptedInput):
        gather.update(np.zeros((5, 1, 4)), np.ones((5, 1, 4)))
