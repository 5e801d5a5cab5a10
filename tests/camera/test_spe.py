# SPDX-License-Identifier: BSD-3-Clause
"""Single photo-electrons: the model is exact, the fit gives back what was drawn, bad spectra are told."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.camera.spe.fit import SpeFit, SpeStatus, fit_spectra
from pellucid.camera.spe.model import Parameters, predict, predict_with_slopes
from pellucid.camera.spe.photomultiplier import Photomultiplier, Widths
from pellucid.camera.spe.shape import Shape
from pellucid.camera.spe.silicon import SiliconPhotomultiplier
from pellucid.errors import InsufficientStatistics
from pellucid.simulate.photoelectrons import photomultiplier_charges, silicon_charges

type F8 = npt.NDArray[np.float64]

N_BINS = 512
WIDE = 2048
SHAPES = {
    "photomultiplier": (Photomultiplier(), (0.42, 0.5, 0.813)),
    "silicon": (SiliconPhotomultiplier(), (0.15, 0.1)),
}


def known_tubes() -> Photomultiplier:
    """Tubes whose p and n are known to 0.05 and 0.03 from elsewhere."""
    p, r, n = Photomultiplier().parameters
    return Photomultiplier((replace(p, error=0.05), r, replace(n, error=0.03)))


def one(shape: tuple[float, ...], *, light: float = 1.0, gain: float = 20.0) -> Parameters:
    return Parameters(
        np.array([60.0]), np.array([3.0]), np.array([light]), np.array([gain]), np.array([shape])
    )


@given(st.floats(0.02, 0.98), st.floats(0.2, 0.75), st.floats(0.02, 0.98))
@settings(deadline=None, max_examples=200)
def test_the_two_components_have_the_resolution(p: float, r: float, n: float) -> None:
    w = Widths.of(np.array(p), np.array(r), np.array(n))
    second = (1 - w.low_fraction) * (1 + w.high**2) + w.low_fraction * w.low**2
    assert np.sqrt(second - w.mean**2) / w.mean == pytest.approx(r, rel=1e-6)
    assert 0 <= w.low_fraction <= 1
    assert w.high > 0


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("light", [0.1, 1.0, 5.0])
def test_mean_and_variance_of_the_model_are_exact(name: str, light: float) -> None:
    shape, theta = SHAPES[name]
    parameters = one(theta, light=light)
    bins = predict(shape, parameters, WIDE)[0]
    x = np.arange(WIDE)
    mean, variance = (m[0] for m in shape.moments(parameters.gain, parameters.theta))
    assert bins.sum() == pytest.approx(1.0, abs=1e-12)
    got = (x * bins).sum()
    # a millionth of the charges may be anywhere, which is 1e-6 of half the range
    assert got == pytest.approx(60.0 + light * mean, abs=2e-3)
    spread = ((x - got) ** 2 * bins).sum()
    assert spread == pytest.approx(9.0 + 1 / 12 + light * (variance + mean**2), abs=2.0)


def test_the_mean_charge_is_that_of_the_photoelectrons() -> None:
    # the peer's grid places it 0.54 counts too high (specified check value 49.3436 against 49.3439)
    parameters = one(SHAPES["photomultiplier"][1], gain=49.3439 / 3.0)
    bins = predict(Photomultiplier(), parameters, N_BINS)[0]
    assert 3.0 * ((np.arange(N_BINS) * bins).sum() - 60.0) == pytest.approx(49.3439, abs=1e-3)


@pytest.mark.parametrize("name", SHAPES)
def test_slopes_are_those_of_the_model(name: str) -> None:
    shape, theta = SHAPES[name]
    _, slopes = predict_with_slopes(shape, one(theta), N_BINS)

    def bins(vector: F8) -> F8:
        b, s, light, gain = vector[0], *np.exp(vector[1:4])
        values = Parameters(*(np.array([v]) for v in (b, s, light, gain)), vector[None, 4:])
        return predict(shape, values, N_BINS)[0]

    centre = np.array([60.0, np.log(3.0), 0.0, np.log(20.0), *theta])
    for k in range(centre.size):
        step = np.zeros_like(centre)
        step[k] = 1e-5
        numeric = (bins(centre + step) - bins(centre - step)) / 2e-5
        assert slopes[k, 0] == pytest.approx(numeric, abs=1e-7)


def drawn_tubes(n: int, events: int, seed: int) -> tuple[F8, F8, F8]:
    """Charges of tubes of one type, their gains and shapes."""
    random = np.random.default_rng(seed)
    gain = random.normal(49.34, 4.0, n)
    theta = random.normal([0.42, 0.5, 0.813], [0.05, 0.03, 0.03], (n, 3))
    zero = np.zeros(n)
    return photomultiplier_charges(random, events, zero + 1.0, gain, zero, zero + 12.0, theta), gain, theta


def pulls(value: F8, error: F8, truth: F8 | float) -> F8:
    return (value - truth) / error


def test_tubes_give_back_their_gains() -> None:
    charges, gain, theta = drawn_tubes(80, 8000, seed=1)
    fit = fit_spectra(charges, known_tubes())
    assert (fit.status == 0).mean() > 0.97
    for pull in (
        pulls(fit.gain, fit.gain_error, gain),
        pulls(fit.theta[:, 1], fit.theta_error[:, 1], theta[:, 1]),
        pulls(fit.light, fit.light_error, 1.0),
        pulls(fit.noise, fit.noise_error, 12.0),
    ):
        assert abs(pull.mean()) < 0.4
        assert pull.std() == pytest.approx(1.0, abs=0.25)
    assert fit.excess == pytest.approx(1.0 + fit.theta[:, 1] ** 2)
    # what the light and the gain do not know of each other cancels in the mean charge
    product = fit.gain * fit.light
    error = np.sqrt(
        (fit.light * fit.gain_error) ** 2
        + (fit.gain * fit.light_error) ** 2
        + 2 * fit.gain * fit.light * fit.covariance
    )
    assert pulls(product, error, gain).std() == pytest.approx(1.0, abs=0.3)


def test_silicon_gives_back_crosstalk_and_gain() -> None:
    random = np.random.default_rng(2)
    n = 60
    zero = np.zeros(n)
    theta = np.stack([random.uniform(0.05, 0.3, n), random.uniform(0.05, 0.15, n)], axis=1)
    gain = random.normal(20.0, 1.0, n)
    charges = silicon_charges(random, 6000, zero + 1.2, gain, zero + 5.0, zero + 3.0, theta)
    fit = fit_spectra(charges, SiliconPhotomultiplier())
    assert (fit.status == 0).all()
    for pull in (pulls(fit.gain, fit.gain_error, gain), *pulls(fit.theta, fit.theta_error, theta).T):
        assert abs(pull.mean()) < 0.45
        assert pull.std() == pytest.approx(1.0, abs=0.25)
    assert fit.excess == pytest.approx(
        1 / (1 - fit.theta[:, 0]) + fit.theta[:, 1] ** 2 * (1 - fit.theta[:, 0])
    )


def test_pixels_that_share_a_shape_know_their_gains_better() -> None:
    random = np.random.default_rng(3)
    n = 24
    one_each = np.ones(n)
    theta = np.tile([0.42, 0.5, 0.813], (n, 1))
    gain = np.linspace(40.0, 60.0, n)
    charges = photomultiplier_charges(random, 8000, one_each, gain, 0 * one_each, 12 * one_each, theta)
    alone = fit_spectra(charges)
    shared = fit_spectra(charges, group=np.zeros(n, np.intp))
    assert np.ptp(shared.theta, axis=0) == pytest.approx(0.0, abs=1e-12)
    assert np.median(shared.gain_error / alone.gain_error) < 0.5
    assert abs(pulls(shared.gain, shared.gain_error, gain)).max() < 4.0


def test_a_dark_run_carries_brighter_flashes() -> None:
    random = np.random.default_rng(4)
    n = 12
    one_each = np.ones(n)
    theta = np.tile([0.42, 0.5, 0.813], (n, 1))
    charges = photomultiplier_charges(
        random, 8000, 3.5 * one_each, 50 * one_each, 7 * one_each, 12 * one_each, theta
    )
    dark = random.normal(7.0, 12.0, (4000, n))
    fit = fit_spectra(charges, known_tubes(), dark=dark)
    assert (fit.status == 0).all()
    assert abs(pulls(fit.gain, fit.gain_error, 50.0)).max() < 4.0
    assert abs(pulls(fit.light, fit.light_error, 3.5)).max() < 4.0


def fit_of(charges: F8, shape: Shape | None = None, quantum: float = 0.0) -> SpeFit:
    return fit_spectra(charges, shape or known_tubes(), quantum=quantum)


def test_a_spectrum_that_is_no_such_thing_is_told() -> None:
    charges, _, _ = drawn_tubes(4, 8000, seed=5)
    random = np.random.default_rng(6)
    charges[:, 2] = random.normal(0.0, 12.0, 8000) + 60.0 * (random.random(8000) < 0.5)
    fit = fit_of(charges)
    assert (fit.status & SpeStatus.BAD_FIT).tolist() == [0, 0, SpeStatus.BAD_FIT, 0]
    assert fit.p_value[2] < 1e-4


def test_too_few_charges_are_refused_with_their_number() -> None:
    charges, _, _ = drawn_tubes(3, 1500, seed=7)
    charges[800:, 1] = np.nan
    with pytest.raises(InsufficientStatistics, match="1 of 3") as error:
        fit_of(charges)
    assert (error.value.code, error.value.got, error.value.exit_code) == ("too-few-events", "800", 106)


def test_whole_counts_are_no_comb() -> None:
    charges, gain, _ = drawn_tubes(6, 8000, seed=8)
    fit = fit_of(np.rint(charges), quantum=1.0)
    assert abs(pulls(fit.gain, fit.gain_error, gain)).max() < 4.0
    assert not (fit.status & SpeStatus.BAD_FIT).any()


def test_the_order_of_spectra_changes_nothing() -> None:
    charges, _, _ = drawn_tubes(60, 3000, seed=9)
    order = np.random.default_rng(1).permutation(60)
    straight, shuffled = fit_of(charges), fit_of(charges[:, order])
    assert shuffled.gain == pytest.approx(straight.gain[order], rel=1e-3)
