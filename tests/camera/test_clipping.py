# SPDX-License-Identifier: BSD-3-Clause
"""Sigma clipping: astropy's numbers, no bias of the variance, errors that are right."""

import numpy as np
import pytest
from astropy.stats import sigma_clip
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.camera.clipping import sigma_clipped, variance_kept


def reference(samples: np.ndarray, max_sigma: float = 4.0, iterations: int = 5) -> np.ma.MaskedArray:
    return sigma_clip(
        np.ma.masked_invalid(samples.astype(np.float64)),
        sigma=max_sigma, maxiters=iterations, cenfunc="mean", axis=0,
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 60),
    size=st.integers(1, 40),
    seed=st.integers(0, 10_000),
    sigma=st.sampled_from([1.5, 2, 4]),
)
def test_it_keeps_what_astropy_keeps(n: int, size: int, seed: int, sigma: float) -> None:
    random = np.random.default_rng(seed)
    samples = random.standard_t(2, (n, size)).astype(np.float32)
    samples[random.random((n, size)) < 0.05] = np.nan
    found, right = sigma_clipped(samples, sigma, corrected=False), reference(samples, sigma)
    np.testing.assert_array_equal(found.n, right.count(axis=0))
    some = found.n > 0
    np.testing.assert_allclose(found.mean[some], right.mean(axis=0).data[some], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found.median[some], np.ma.median(right, axis=0).filled(0)[some])
    np.testing.assert_allclose(found.std[some], right.std(axis=0).data[some], rtol=1e-6, atol=1e-9)
    assert np.isnan(found.mean[~some]).all()


def test_medians_far_from_the_mean_are_exact_too() -> None:
    samples = np.random.default_rng(5).pareto(1.1, (501, 30))
    found = sigma_clipped(samples, 1e9, corrected=False)
    np.testing.assert_array_equal(found.median, np.median(samples, axis=0))


def test_the_variance_has_no_bias() -> None:
    assert 1.0 - variance_kept(4.0) == pytest.approx(0.00107, rel=0.02)
    samples = np.random.default_rng(7).normal(0.0, 3.0, (2500, 1500))
    error = 9.0 * np.sqrt(2.0 / samples.size)
    for sigma in (2.5, 4.0):
        assert sigma_clipped(samples, sigma, 20).variance.mean() == pytest.approx(9.0, abs=5 * error)
    assert sigma_clipped(samples, 2.5, 20, corrected=False).variance.mean() < 9.0 - 20 * error


def test_errors_are_right() -> None:
    samples = np.random.default_rng(8).normal(100.0, 5.0, (400, 4000)).astype(np.float32)
    found = sigma_clipped(samples)
    for pull in ((found.mean - 100.0) / found.mean_error, (found.variance - 25.0) / found.variance_error):
        assert pull.mean() == pytest.approx(0.0, abs=0.12)
        assert pull.std() == pytest.approx(1.0, abs=0.05)


def test_outliers_do_not_count() -> None:
    samples = np.random.default_rng(9).normal(100.0, 5.0, (1000, 20))
    samples[:30] = 1e5
    found = sigma_clipped(samples, iterations=50)
    assert (found.n <= 970).all()
    assert found.mean == pytest.approx(100.0, abs=1.0)


def test_nothing_is_no_number() -> None:
    found = sigma_clipped(np.full((3, 2), np.nan))
    assert (found.n == 0).all()
    assert np.isnan(found.mean).all()
    assert np.isnan(found.variance).all()
    assert sigma_clipped(np.zeros((0, 2))).n.tolist() == [0, 0]
