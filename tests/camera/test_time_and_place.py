# SPDX-License-Identifier: BSD-3-Clause
"""Epochs, unstable pixels, holes in images, stars, flasher profiles, electronic noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.camera.epochs import epoch_of, find_steps, unstable_pixels
from pellucid.camera.estimate import Estimate, Status
from pellucid.camera.illumination import illumination_profile, relative_yield
from pellucid.camera.neighbours import fill_from_neighbours
from pellucid.camera.sky import effective_window, sky_rate, stars
from pellucid.camera.spectrum import electronic_noise
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.simulate.camera import CameraSimulator
from pellucid.simulate.instruments import make_subarray, preset
from pellucid.simulate.light import no_light
from pellucid.simulate.response import draw_response
from support.cameras import hexagonal
from support.charges import SOUND

HEX = hexagonal(8)
SECOND = 1_000_000_000


def good(value: np.ndarray, error: float | np.ndarray, n: int = 100) -> Estimate:
    return Estimate.good(value, np.broadcast_to(error, value.shape).copy(), n)


def test_steps_of_slow_control_are_found_and_wild_readings_are_not() -> None:
    random = np.random.default_rng(2)
    times = np.arange(200, dtype=np.int64) * SECOND
    volts = 1000.0 + 0.2 * random.standard_normal((200, 3)) + np.linspace(0, 1, 200)[:, None]
    volts[60:, 1] += 15.0
    volts[130:, 2] -= 8.0
    volts[20, 0], volts[90, 1] = 4000.0, np.nan
    assert find_steps(times, volts, 5.0).tolist() == [59.5 * SECOND, 129.5 * SECOND]
    assert find_steps(times, volts, 50.0).size == 0
    assert find_steps(times[:1], volts[:1], 5.0).size == 0
    with pytest.raises(CorruptedInput, match="backwards"):
        find_steps(times[::-1], volts, 5.0)


def test_epochs_begin_at_their_breaks() -> None:
    assert epoch_of(np.array([0, 9, 10, 25]), np.array([20, 10])).tolist() == [0, 0, 1, 2]


def test_drifting_pixels_are_told_from_a_drifting_camera() -> None:
    random = np.random.default_rng(3)
    value = 1000.0 * (1.0 + 0.05 * np.arange(6))[:, None, None] * np.ones((6, 1, 100))
    value += 3.0 * random.standard_normal(value.shape)
    value[3:, 0, 7] *= 0.9
    value[:, 0, 11] = 0.0
    found = unstable_pixels(value, np.full(value.shape, 3.0))
    assert np.flatnonzero(found[0]).tolist() == [7]


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, HEX.n_pixels - 1), max_size=40))
def test_a_plane_is_filled_like_a_plane(holes: set[int]) -> None:
    bad = np.zeros(HEX.n_pixels, bool)
    bad[list(holes)] = True
    image = 10.0 + 40.0 * HEX.pix_x - 30.0 * HEX.pix_y
    filled, ring = fill_from_neighbours(np.where(bad, 1e9, image), bad, HEX, rings=20)
    np.testing.assert_array_equal(filled[~bad], image[~bad])
    assert (ring[~bad] == 0).all()
    # never outside of what was measured
    assert filled.max() <= image.max() + 1e-9
    assert filled.min() >= image.min() - 1e-9


def test_holes_are_filled_from_their_edge_inwards_and_marked() -> None:
    distance = np.hypot(HEX.pix_x, HEX.pix_y) / 0.05
    bad = distance < 2.1
    image = 10.0 + 40.0 * HEX.pix_x
    filled, ring = fill_from_neighbours(np.where(bad, 0.0, image), bad, HEX)
    assert ring[np.argmin(distance)] == 3
    assert filled[np.argmin(distance)] == pytest.approx(10.0, abs=0.05)
    shallow, ring = fill_from_neighbours(np.where(bad, 0.0, image), bad, HEX, rings=1)
    assert ring[np.argmin(distance)] == 255
    assert shallow[np.argmin(distance)] == 0.0


def test_many_images_are_filled_each_by_itself() -> None:
    images = np.arange(3)[:, None] + np.zeros((3, HEX.n_pixels))
    filled, _ = fill_from_neighbours(images, np.arange(HEX.n_pixels) == 5, HEX)
    np.testing.assert_allclose(filled, images)


def test_sky_brightness_and_stars_are_found() -> None:
    kind = preset("small")
    telescope = make_subarray(kind, 1).telescopes[1]
    n_pixels = telescope.geometry.n_pixels
    camera = CameraSimulator(kind, telescope, draw_response(kind, n_pixels, 4, 1, SOUND))
    sky = np.full(n_pixels, 0.25)
    star = np.hypot(telescope.geometry.pix_x - 0.2, telescope.geometry.pix_y) < 0.06
    sky[star] = 2.0
    rng = np.random.default_rng(5)

    def variance(light: np.ndarray | float, n: int) -> Estimate:
        from pellucid.camera.pedestal import PedestalAccumulator

        events = PedestalAccumulator(2, n_pixels, 18)
        events.update(np.stack([camera.expose(rng, no_light(n_pixels), light).adc for _ in range(n)]))
        return events.finish(10).charge_variance

    gain = good(camera.response.gain, 0.02 * camera.response.gain)
    window = effective_window(telescope.readout.reference_pulse, telescope.readout.reference_pulse_step, 18.0)
    assert (window > 16.0).all()
    assert (window < 18.0).all()
    rate = sky_rate(variance(sky, 200), variance(0.0, 100), gain, window)
    pull = (rate.value[0] - sky * camera.response.efficiency) / rate.error[0]
    assert pull.mean() == pytest.approx(0.0, abs=0.25)
    assert pull.std() == pytest.approx(1.0, abs=0.2)
    np.testing.assert_array_equal(stars(rate, *telescope.geometry.neighbors), star)


def test_without_a_gain_there_is_no_sky() -> None:
    one = good(np.ones((1, 3)), 0.1)
    gain = Estimate(np.array([[np.nan, 1.0, 1.0]]), np.ones((1, 3)), 9, np.array([[1, 0, 0]], np.uint8))
    rate = sky_rate(one, one, gain, np.ones(1))
    assert rate.status[0].tolist() == [Status.NO_SIGNAL, 0, 0]
    assert np.isnan(rate.value[0, 0])
    with pytest.raises(ConfigurationError):
        sky_rate(one, good(np.ones((2, 3)), 0.1), gain, np.ones(1))


def test_a_flasher_s_profile_is_found_and_divided_out() -> None:
    random = np.random.default_rng(6)
    x, y = HEX.pix_x, HEX.pix_y
    beam = np.exp(-0.5 * ((x - 0.1) ** 2 + (y + 0.05) ** 2) / 0.5**2)
    light = 1.0 + 0.05 * random.standard_normal(HEX.n_pixels)
    number = 60.0 * beam * light
    number[:10] *= 0.2
    number[10] = np.nan
    error = 0.02 * np.abs(np.nan_to_num(number, nan=1.0))
    found = illumination_profile(good(number[None], error[None]), x, y)
    assert found.n < HEX.n_pixels - 9
    ratio = found.profile / beam
    pull = (ratio / ratio.mean() - 1.0) / (found.error / found.profile)
    assert np.abs(pull).mean() < 2.0
    assert (ratio / ratio.mean()).std() < 0.02
    even = relative_yield(good(number[None], error[None]), found)
    assert np.nanstd(even.value[0, 11:] / light[11:]) < 0.02
    assert np.nanstd(relative_yield(good(number[None], error[None])).value[0, 11:] / light[11:]) > 0.1
    with pytest.raises(InsufficientStatistics):
        illumination_profile(good(np.full((1, HEX.n_pixels), np.nan), 1.0), x, y)


def test_electronic_noise_is_found_under_the_sky() -> None:
    kind = preset("tiny")
    telescope = make_subarray(kind, 1).telescopes[1]
    n_pixels = telescope.geometry.n_pixels
    camera = CameraSimulator(kind, telescope, draw_response(kind, n_pixels, 4, 1, SOUND))
    rng = np.random.default_rng(7)
    adc = np.stack([camera.expose(rng, no_light(n_pixels), 0.25).adc for _ in range(200)])
    noise = electronic_noise(adc)
    assert adc[:, 0].std(axis=(0, 2)).mean() > 4.0 * camera.response.noise[0].mean()
    pull = (noise.value - camera.response.noise) / noise.error
    assert (noise.value / camera.response.noise).mean(axis=1) == pytest.approx(1.0, abs=0.02)
    assert pull.std() == pytest.approx(1.0, abs=0.25)
    with pytest.raises(MissingInput):
        electronic_noise(adc[:0])
