# SPDX-License-Identifier: BSD-3-Clause
"""One-pass moments: numpy's numbers, however the samples are cut, and merged in whatever order."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.camera.moments import Moments, MomentStream

NAMES = ("mean", "square", "cube", "fourth")


def direct(samples: np.ndarray) -> Moments:
    x = samples.astype(np.float64)
    d = x - x.mean(axis=0)
    return Moments(len(x), x.mean(axis=0), *((d**k).sum(axis=0) for k in (2, 3, 4)))


def assert_close(a: Moments, b: Moments, rel: float = 1e-9) -> None:
    assert a.n == b.n
    scale = np.sqrt(b.square / max(b.n, 1)).max() + 1e-300
    for power, name in enumerate(NAMES, 1):
        unit = scale**power * (1 if power == 1 else b.n)
        assert np.abs(getattr(a, name) - getattr(b, name)).max() <= rel * (unit + np.abs(b.mean).max() * 1e-3)


def drawn(seed: int, n: int, shape: tuple[int, ...] = (3, 5)) -> np.ndarray:
    return 500.0 + 20.0 * np.random.default_rng(seed).standard_gamma(3.0, (n, *shape))


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 200])
@pytest.mark.parametrize("size", [1, 511, 513])
def test_they_are_those_of_the_samples(n: int, size: int) -> None:
    samples = drawn(n, n, (size,))
    assert_close(Moments.of(samples), direct(samples))


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 100), max_size=6), seed=st.integers(0, 5))
def test_any_cut_gives_equal_bytes(cuts: list[int], seed: int) -> None:
    samples = drawn(seed, 100)
    whole = Moments.of(samples)
    stream = MomentStream((3, 5))
    edges = [0, *sorted(cuts), 100]
    for first, last in pairwise(edges):
        # a stream may be put away and taken up again
        stream = pickle.loads(pickle.dumps(stream))
        stream.update(samples[first:last])
    for name in NAMES:
        assert getattr(stream.moments(), name).tobytes() == getattr(whole, name).tobytes()


@settings(max_examples=30, deadline=None)
@given(sizes=st.tuples(*(st.integers(0, 60) for _ in range(3))), seed=st.integers(0, 5))
def test_merging_is_exact_and_associative(sizes: tuple[int, int, int], seed: int) -> None:
    samples = drawn(seed, sum(sizes))
    a, b, c = (Moments.of(part) for part in np.split(samples, np.cumsum(sizes)[:2]))
    if sum(sizes) == 0:
        assert a.merge(b).merge(c).n == 0
        return
    assert_close(a.merge(b).merge(c), direct(samples))
    assert_close(a.merge(b.merge(c)), direct(samples))
    assert_close(c.merge(b).merge(a), direct(samples))


def test_a_stream_goes_on_after_a_merge() -> None:
    samples = drawn(1, 90)
    one, other = MomentStream((3, 5)), MomentStream((3, 5))
    one.update(samples[:30])
    other.update(samples[30:60])
    one.merge(other)
    one.update(samples[60:])
    assert one.n == 90
    assert_close(one.moments(), direct(samples))


def test_digits_are_kept_far_from_zero_and_beside_a_wild_sample() -> None:
    samples = 1e9 + np.random.default_rng(1).standard_normal((1000, 3))
    assert Moments.of(samples).variance == pytest.approx(samples.var(axis=0, ddof=1), rel=1e-6)
    samples[0] += 1e4
    assert Moments.of(samples).variance == pytest.approx(samples.var(axis=0, ddof=1), rel=1e-6)
    assert np.isnan(Moments.of(samples[:1]).variance).all()


def test_shape_and_its_errors() -> None:
    random = np.random.default_rng(3)
    samples = random.gamma(4.0, 2.0, (400, 2000))
    m = Moments.of(samples)
    # skewness 2 / sqrt(k), kurtosis 3 + 6 / k, biased a little by the finite number
    assert m.skewness.mean() == pytest.approx(1.0, abs=0.05)
    assert m.kurtosis.mean() == pytest.approx(4.5, abs=0.2)
    pull = (m.variance - 16.0) / m.variance_error.mean()
    assert pull.std() == pytest.approx(1.0, abs=0.08)
    assert np.isfinite(Moments.of(np.zeros((5, 2))).kurtosis).all()


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_whole_numbers_count_too(kind: type) -> None:
    samples = drawn(2, 50).astype(kind)
    assert_close(Moments.of(samples), direct(samples))
