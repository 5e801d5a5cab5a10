# SPDX-License-Identifier: BSD-3-Clause
"""Least squares of a chain of intervals: the same as all at once, in a time that grows with their number."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.array.chain import solve_chain
from pellucid.array.joint import Measurement, joint_solution
from pellucid.array.leastsquares import Rows, solve, stack
from pellucid.array.rates import all_pairs
from pellucid.errors import ConfigurationError

K = 4


def random_rows(random: np.random.Generator, n: int, touched: Sequence[int]) -> tuple[Rows, np.ndarray]:
    """Differences and sums of some unknowns, and single ones of some, in random intervals."""
    m = 12 * n
    index = random.choice(touched, (m, 2))
    coefficient = random.choice([-1.0, 0.5, 1.0], (m, 2))
    coefficient[index[:, 0] == index[:, 1], 1] = 0.0
    return Rows(index, coefficient, random.normal(0.0, 1.0, m), np.exp(random.normal(-2.0, 1.0, m))), (
        random.integers(0, n, m)
    )


def all_at_once(rows: Rows, interval: np.ndarray, n: int, walk: np.ndarray) -> Rows:
    """The same equations in unknowns that are numbered through, with the walks as equations too."""
    step, unknown = np.nonzero(np.isfinite(walk))
    before = step * K + unknown
    walks = Rows(
        np.stack([before, before + K], axis=1),
        np.tile([-1.0, 1.0], (before.size, 1)),
        np.zeros(before.size),
        walk[step, unknown],
    )
    whole = Rows(rows.index + interval[:, None] * K, rows.coefficient, rows.value, rows.variance)
    return stack(whole, walks) if before.size else whole


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000), st.sampled_from([(0, 1, 2, 3), (1, 3), (2,)]))
def test_a_chain_is_solved_as_all_at_once(n: int, seed: int, touched: tuple[int, ...]) -> None:
    random = np.random.default_rng(seed)
    rows, interval = random_rows(random, n, touched)
    walk = np.exp(random.normal(-3.0, 1.0, (n - 1, K)))
    walk[:, 0] = np.inf
    found = solve_chain(rows, interval, (n, K), walk)
    expected = solve(all_at_once(rows, interval, n, walk), n * K)
    np.testing.assert_array_equal(found.identified.ravel(), expected.identified)
    np.testing.assert_allclose(found.value.ravel(), expected.value, rtol=1e-7, atol=1e-9)
    for t in range(n):
        own = slice(t * K, (t + 1) * K)
        np.testing.assert_allclose(found.covariance[t], expected.covariance[own, own], rtol=1e-7, atol=1e-10)
    m = rows.value.size
    np.testing.assert_allclose(found.residual, expected.residual[:m], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.pull, expected.pull[:m], rtol=1e-4, atol=1e-6)
    assert found.chi2 == pytest.approx(expected.chi2, rel=1e-8)
    assert found.ndf == expected.ndf


def test_unknowns_that_only_differences_know_are_not_identified_in_any_interval() -> None:
    index = np.array([[0, 1], [1, 2], [3, 3]])
    coefficient = np.array([[1.0, -1.0], [1.0, -1.0], [1.0, 0.0]])
    rows = Rows(index, coefficient, np.ones(3), np.full(3, 0.01))
    found = solve_chain(rows, np.array([0, 2, 1]), (3, K), np.full((2, K), 1e-4))
    assert found.identified.tolist() == [[False, False, False, True]] * 3
    assert np.isnan(found.covariance[:, 0]).all()
    assert found.value[:, 3] == pytest.approx(1.0)


def test_walks_by_nothing_are_refused() -> None:
    rows = Rows(np.zeros((2, 1), np.int64), np.ones((2, 1)), np.ones(2), np.ones(2))
    with pytest.raises(ConfigurationError) as caught:
        solve_chain(rows, np.array([0, 1]), (2, 1), np.zeros((1, 1)))
    assert caught.value.code == "bad-drift"


def test_a_season_of_an_array_is_a_matter_of_seconds() -> None:
    """300 nights of 25 telescopes, 15,300 unknowns: all at once this would be a matter of minutes and GB."""
    random, n, m = np.random.default_rng(1), 300, 25
    first, second = all_pairs(m)
    pair, each = np.repeat(np.arange(n), first.size), np.repeat(np.arange(n), m)
    one, other, tel = np.tile(first, n), np.tile(second, n), np.tile(np.arange(m), n)

    e, g = np.cumsum(random.normal(0.0, 0.002, (2, n, m)), axis=1)
    eta = random.uniform(-0.3, 0.0, n)

    def drawn(truth: np.ndarray, interval: np.ndarray, a: np.ndarray, b: np.ndarray, s: float) -> Measurement:
        return Measurement(interval, a, b, truth + random.normal(0.0, s, a.size), np.full(a.size, s))

    light = eta[pair] + 0.5 * (e[pair, one] + e[pair, other])
    measured = {
        "rates": drawn(light, pair, one, other, 0.01),
        "muons": drawn(e[each, tel] - g[each, tel], each, tel, tel, 0.03),
        "gains": drawn(g[each, tel], each, tel, tel, 0.01),
    }
    start = time.process_time()
    found = joint_solution(measured, m, np.arange(n) * 1.0)
    assert time.process_time() - start < 10.0
    pulls = (np.log(found.optics) - e + g) / (found.optics_error / found.optics)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.15)
    assert found.chi2 / found.ndf == pytest.approx(1.0, abs=0.05)
