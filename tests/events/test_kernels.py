# SPDX-License-Identifier: BSD-3-Clause
"""Kernels against plain numpy on random images of a small camera."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.events.kernels.cleaning import fill_unusable, islands, tailcuts
from pellucid.events.kernels.moments import concentration, hillas, statistics
from pellucid.events.kernels.timing import seed_of, trimmed_line
from pellucid.events.kernels.waveform import local_peak, neighbor_peak, window_sum
from support.cameras import hexagonal

CAMERA = hexagonal(5)
N = CAMERA.n_pixels
INDPTR, INDICES = CAMERA.neighbors
ADJACENT = np.zeros((N, N), np.bool_)
ADJACENT[np.repeat(np.arange(N), np.diff(INDPTR)), INDICES] = True

charges = hnp.arrays(np.float32, N, elements=st.floats(-5, 40, width=32))
masks = hnp.arrays(np.bool_, N)
waveforms = hnp.arrays(np.float32, (N, 11), elements=st.floats(-3, 9, width=32))

type F8 = npt.NDArray[np.float64]


@given(charges, st.integers(0, 3), st.booleans())
@settings(max_examples=200, deadline=None)
def test_tailcuts(image: npt.NDArray[np.float32], min_neighbors: int, keep_isolated: bool) -> None:
    mask, scratch = np.empty(N, np.bool_), np.empty(N, np.bool_)
    kept = tailcuts(
        image, INDPTR, INDICES, np.float32(10), np.float32(5), min_neighbors, keep_isolated, scratch, mask
    )
    picture = image >= 10
    if min_neighbors and not keep_isolated:
        picture &= ADJACENT @ picture.astype(int) >= min_neighbors
    boundary = image >= 5
    expected = boundary & (ADJACENT @ picture)
    expected |= picture if keep_isolated else picture & (ADJACENT @ boundary)
    assert np.array_equal(mask, expected)
    assert kept == expected.sum()


@given(masks)
@settings(max_examples=200, deadline=None)
def test_islands(mask: npt.NDArray[np.bool_]) -> None:
    from scipy.sparse.csgraph import connected_components

    counts = np.empty(4, np.int32)
    islands(mask, INDPTR, INDICES, np.empty(N, np.bool_), np.empty(N, np.int32), counts)
    _, labels = connected_components(ADJACENT[np.ix_(mask, mask)])
    sizes = np.bincount(labels) if mask.any() else np.zeros(0, int)
    assert counts.tolist() == [
        len(sizes),
        int((sizes <= 2).sum()),
        int(((sizes > 2) & (sizes <= 50)).sum()),
        int((sizes > 50).sum()),
    ]


@given(charges, masks)
@settings(max_examples=100, deadline=None)
def test_unusable_pixels_take_the_mean_of_their_usable_neighbours(
    image: npt.NDArray[np.float32], unusable: npt.NDArray[np.bool_]
) -> None:
    filled = image.copy()
    ring = np.full(image.size, 7, np.uint8)
    fill_unusable(filled, INDPTR, INDICES, unusable, ring)
    assert np.array_equal(ring == 0, ~unusable)
    for pixel in np.flatnonzero(unusable):
        usable = image[ADJACENT[pixel] & ~unusable].astype(np.float64)
        expected = usable.mean() if usable.size else 0.0
        assert filled[pixel] == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert np.array_equal(filled[~unusable], image[~unusable])


@given(waveforms, masks, st.integers(0, 2))
@settings(max_examples=100, deadline=None)
def test_neighbor_peak(
    samples: npt.NDArray[np.float32], unusable: npt.NDArray[np.bool_], weight: int
) -> None:
    peak = np.empty(N, np.int64)
    neighbor_peak(samples, INDPTR, INDICES, unusable, weight, np.empty(11), peak)
    for pixel in range(N):
        total = weight * samples[pixel].astype(np.float64)
        for neighbor in INDICES[INDPTR[pixel] : INDPTR[pixel + 1]]:
            if not unusable[neighbor]:
                total += samples[neighbor]
        assert peak[pixel] == total.argmax()


@given(waveforms, st.integers(1, 13), st.integers(-2, 6))
@settings(max_examples=100, deadline=None)
def test_window_sum(samples: npt.NDArray[np.float32], width: int, shift: int) -> None:
    peak = np.empty(N, np.int64)
    local_peak(samples, peak)
    assert np.array_equal(peak, samples.argmax(axis=1))
    image, time = np.empty(N, np.float32), np.empty(N, np.float32)
    correction, late = np.linspace(1, 2, N), np.linspace(-1, 1, N).astype(np.float32)
    window_sum(samples, peak, width, shift, 2.0, correction, late, image, time)
    for pixel in range(N):
        start = max(0, peak[pixel] - shift)
        stop = max(0, min(peak[pixel] - shift + width, 11))
        window = samples[pixel, start:stop].astype(np.float64)
        weights = np.clip(window, 0, None)
        at = np.arange(start, start + window.size)
        middle = (weights * at).sum() / weights.sum() if weights.sum() > 0 else peak[pixel]
        assert image[pixel] == pytest.approx(window.sum() * correction[pixel], rel=1e-5, abs=1e-5)
        assert time[pixel] == pytest.approx(middle / 2.0 - late[pixel], rel=1e-5, abs=1e-5)


def ellipse(psi: float, length: float, width: float, centre: tuple[float, float]) -> tuple[F8, F8, F8]:
    dx, dy = CAMERA.pix_x - centre[0], CAMERA.pix_y - centre[1]
    along, across = dx * np.cos(psi) + dy * np.sin(psi), dy * np.cos(psi) - dx * np.sin(psi)
    q = np.exp(-0.5 * ((along / length) ** 2 + (across / width) ** 2)) * 100
    keep = q > 1
    return CAMERA.pix_x[keep], CAMERA.pix_y[keep], q[keep]


@given(
    st.floats(-1.5, 1.5),
    st.floats(0.04, 0.2),
    st.floats(0.3, 0.95),
    st.floats(-0.1, 0.1),
    st.floats(-0.1, 0.1),
)
@settings(max_examples=200, deadline=None)
def test_hillas_is_the_weighted_covariance(
    psi: float, length: float, shape: float, x0: float, y0: float
) -> None:
    x, y, q = ellipse(psi, length, length * shape, (x0, y0))
    if q.size < 4:
        return
    out = np.empty(14)
    hillas(x, y, np.full(q.size, 0.002), q, out)
    covariance = np.cov(x, y, aweights=q, ddof=0)
    small, large = np.linalg.eigvalsh(covariance)
    assert out[0] == pytest.approx(q.sum())
    assert out[3:5] == pytest.approx([np.average(x, weights=q), np.average(y, weights=q)], abs=1e-14)
    assert out[7] == pytest.approx(np.sqrt(large), rel=1e-9)
    assert out[9] == pytest.approx(np.sqrt(max(small, 0)), rel=1e-6, abs=1e-9)
    axis = np.array([np.cos(out[11]), np.sin(out[11])])
    assert axis @ covariance @ axis == pytest.approx(large, rel=1e-9)


def test_hillas_errors_are_those_of_poisson_images() -> None:
    random = np.random.default_rng(4)
    x, y, q = ellipse(0.6, 0.09, 0.04, (0.02, -0.01))
    drawn = np.empty((4000, 14))
    for row in drawn:
        n = random.poisson(q).astype(np.float64)
        lit = n > 0
        hillas(x[lit], y[lit], np.full(lit.sum(), 0.002), n[lit], row)
    for value, error in ((7, 8), (9, 10)):
        assert drawn[:, value].std() == pytest.approx(drawn[:, error].mean(), rel=0.05)


def test_an_image_of_one_place_has_no_axis() -> None:
    out = np.empty(14)
    hillas(np.array([0.1, 0.2]), np.array([0.0, 0.0]), np.full(2, 0.002), np.array([5.0, 0.0]), out)
    assert out[[7, 9]].tolist() == [0.0, 0.0]
    assert np.isnan(out[[1, 2, 8, 10, 11, 12, 13]]).all()


def test_concentration_of_a_point_is_one() -> None:
    x, y, q = ellipse(0.3, 0.06, 0.03, (0.011, 0.004))
    moments, out = np.empty(14), np.empty(3)
    hillas(x, y, np.full(q.size, 0.002), q, moments)
    concentration(x, y, np.full(q.size, 0.05), q, moments, out)
    distance = np.hypot(x - moments[3], y - moments[4])
    assert out[0] == pytest.approx(q[distance < 0.05].sum() / q.sum())
    assert out[2] == pytest.approx(q.max() / q.sum())
    assert 0.3 < out[1] < 0.5  # an ellipse of one sigma holds 39 % of a Gaussian


@given(hnp.arrays(np.float64, st.integers(2, 60), elements=st.floats(0, 1000)))
@settings(max_examples=100, deadline=None)
def test_statistics(values: F8) -> None:
    from scipy import stats

    out = np.empty(6)
    statistics(values, out)
    assert out[:4] == pytest.approx([values.max(), values.min(), values.mean(), values.std()], abs=1e-9)
    if values.std() > 1e-3:
        assert out[4:] == pytest.approx([stats.skew(values), stats.kurtosis(values)], rel=1e-6, abs=1e-6)


def fitted(x: F8, t: F8, seed: np.uint64) -> F8:
    out = np.empty(3)
    trimmed_line(x, t, np.uint64(seed), np.empty(x.size), np.empty(x.size), out)
    return out


def test_the_line_forgets_outliers() -> None:
    random = np.random.default_rng(3)
    x = random.uniform(-1, 1, 200)
    t = 4.0 * x + 20.0 + random.normal(0, 0.1, 200)
    t[:25] += 15.0
    slope, intercept, deviation = fitted(x, t, seed_of(1, 2, 3))
    assert slope == pytest.approx(4.0, abs=0.05)
    assert intercept == pytest.approx(20.0, abs=0.03)
    assert deviation > 4.0


def test_the_line_depends_on_nothing_but_its_event() -> None:
    random = np.random.default_rng(5)
    x, t = random.normal(0, 1, 40), random.normal(0, 1, 40)
    first = fitted(x, t, seed_of(7, 8, 9))
    for other in range(30):
        fitted(random.normal(0, 1, 40), random.normal(0, 1, 40), seed_of(7, other, 9))
    assert np.array_equal(first, fitted(x, t, seed_of(7, 8, 9)))


def test_seeds_differ_in_each_part() -> None:
    seeds = {int(seed_of(o, e, t)) for o in range(12) for e in range(-12, 12) for t in range(12)}
    assert len(seeds) == 12 * 24 * 12


def test_pixels_across_the_axis_have_no_slope() -> None:
    assert np.isnan(fitted(np.zeros(9), np.arange(9.0), seed_of(1, 1, 1))).all()
