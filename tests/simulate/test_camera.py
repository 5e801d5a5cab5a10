# SPDX-License-Identifier: BSD-3-Clause
"""The simulator against its own truth: moments of charges, sky and pulses, within the errors."""

import numpy as np
import pytest

from pellucid.simulate.camera import FULL_SCALE, CameraSimulator
from pellucid.simulate.instruments import PRESETS, flower_geometry, make_subarray, preset
from pellucid.simulate.light import Light, Muon, Shower, muon_light, no_light, shower_light
from pellucid.simulate.pmt import pulse_template, spe_charges
from pellucid.simulate.response import ResponseSpread, draw_response
from pellucid.simulate.seeds import Purpose, generator


@pytest.fixture(scope="module")
def camera() -> CameraSimulator:
    kind = preset("tiny")
    telescope = make_subarray(kind, 1).telescopes[1]
    spread = ResponseSpread(dead=0.0, noisy=0.0)
    return CameraSimulator(kind, telescope, draw_response(kind, telescope.geometry.n_pixels, 5, 1, spread))


def recorded(camera: CameraSimulator, light: Light, sky: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    events = [camera.expose(generator(7, Purpose.READOUT, 1, k), light, sky) for k in range(n)]
    return np.stack([e.adc for e in events]).astype(float), np.stack([e.true_image for e in events])


def test_single_photoelectrons_have_the_asked_mean_and_excess_noise_and_are_positive() -> None:
    q = spe_charges(np.random.default_rng(1), 400_000, 1.222).astype(float)
    assert (q > 0).all()
    assert q.mean() == pytest.approx(1.0, abs=4 * np.sqrt(0.222 / q.size))
    # kurtosis of the gamma distribution gives the error of its variance
    error = 0.222 * np.sqrt((2 + 6 * 0.222) / q.size)
    assert q.var() == pytest.approx(0.222, abs=4 * error)


def test_dark_pedestals_have_the_true_baseline_and_noise(camera: CameraSimulator) -> None:
    adc, true = recorded(camera, no_light(91), 0.0, 150)
    n = adc.shape[0] * adc.shape[-1]
    mean, std = adc.mean(axis=(0, 3)), adc.std(axis=(0, 3))
    sigma = np.sqrt(camera.response.noise**2 + 1 / 12)
    assert not true.any()
    pull = (mean - camera.response.pedestal) / (sigma / np.sqrt(n))
    assert abs(pull.mean()) < 4 / np.sqrt(pull.size)
    assert pull.std() == pytest.approx(1.0, abs=0.2)
    assert np.allclose(std, sigma, rtol=5 / np.sqrt(2 * n))


def test_sky_keeps_the_baseline_and_adds_the_variance_of_campbells_theorem(camera: CameraSimulator) -> None:
    rate, n = 0.25, 150
    adc, _ = recorded(camera, no_light(91), rate, n)
    r, template = camera.response, pulse_template(camera.kind).values
    # Campbell: variance = F^2 rate G^2 sum h^2, over samples of 1 ns, averaged over the phase
    expected = r.noise[0] ** 2 + 1 / 12
    expected += camera.excess * rate * r.efficiency * r.gain[0] ** 2 * (template[0] ** 2).sum(axis=1).mean()
    ratio = adc[:, 0].var(axis=(0, 2)) / expected
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)
    assert (adc[:, 0].mean(axis=(0, 2)) - r.pedestal[0]).mean() == pytest.approx(0.0, abs=0.15)


def test_charge_and_time_of_a_flash_follow_gain_and_offset(camera: CameraSimulator) -> None:
    flash = Light(np.full(91, 80.0), np.full(91, 16.0), 0.5)
    adc, true = recorded(camera, flash, 0.0, 60)
    signal = adc[:, 0] - camera.response.pedestal[0][:, None]
    charge = signal.sum(axis=2).sum(axis=0) / true.sum(axis=0)
    error = np.sqrt(0.222 * true.sum(axis=0)) / true.sum(axis=0)
    pull = (charge / camera.response.gain[0] - 1) / error
    assert abs(pull.mean()) < 0.5
    assert pull.std() == pytest.approx(1.0, abs=0.35)
    mean_time = (signal.mean(axis=0) * np.arange(40)).sum(axis=1) / signal.mean(axis=0).sum(axis=1)
    shift = mean_time - camera.response.time_offset
    assert np.std(shift) < 0.12
    # the mean of the asymmetric pulse lies (fall - rise) sqrt(2/pi) after its peak
    assert shift.mean() == pytest.approx(16.0 + 0.5 * np.sqrt(2 / np.pi), abs=0.05)


def test_bright_light_saturates_the_high_gain_only(camera: CameraSimulator) -> None:
    adc, _ = recorded(camera, Light(np.full(91, 800.0), np.full(91, 16.0), 0.5), 0.0, 1)
    assert adc[0, 0].max() == FULL_SCALE
    assert adc[0, 1].max() < 0.5 * FULL_SCALE


def test_broken_pixels_are_where_the_truth_says() -> None:
    kind = preset("small")
    telescope = make_subarray(kind, 1).telescopes[1]
    n_pixels = telescope.geometry.n_pixels
    response = draw_response(kind, n_pixels, 3, 1)
    camera = CameraSimulator(kind, telescope, response)
    adc, true = recorded(camera, Light(np.full(n_pixels, 50.0), np.full(n_pixels, 16.0), 0.5), 0.0, 5)
    assert response.dead.sum() == 2
    assert response.noisy.sum() == 2
    assert not true[:, response.dead].any()
    assert adc[:, 0, response.dead].std(axis=(0, 2)).max() < 4
    noise = adc[:, 0, :, :6].std(axis=(0, 2))
    assert noise[response.noisy].min() > 4 * np.median(noise)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_cameras_are_gapless_hexagonal_tilings(name: str) -> None:
    kind = preset(name)
    geometry = flower_geometry(kind.camera, kind.n_modules, kind.pixel_width)
    indptr, _ = geometry.neighbors
    assert geometry.n_pixels == 7 * kind.n_modules
    assert np.diff(indptr).max() == 6
    inner = np.hypot(geometry.pix_x, geometry.pix_y) < 0.6 * np.hypot(geometry.pix_x, geometry.pix_y).max()
    assert (np.diff(indptr)[inner] == 6).all()
    assert geometry.pixel_width == pytest.approx(kind.pixel_width)


def test_shower_image_points_from_its_direction_to_its_core() -> None:
    telescope = make_subarray(preset("lst"), 1).telescopes[1]
    x, y, _ = telescope.position
    light = shower_light(telescope, Shower(1.0, x + 60.0, y, 0.1, -0.2), 16.0)
    frame = telescope.geometry.telescope_frame(telescope.optics.focal_length())
    total = light.expected.sum()
    lon, lat = ((light.expected * c).sum() / total for c in (frame.fov_lon, frame.fov_lat))
    assert lon == pytest.approx(0.1, abs=0.01)
    assert lat == pytest.approx(-0.2 + 0.55, abs=0.01)
    assert total == pytest.approx(3867.0, rel=0.01)


def test_muon_ring_has_its_radius_and_charge() -> None:
    telescope = make_subarray(preset("lst"), 1).telescopes[1]
    light = muon_light(telescope, Muon(0.2, -0.1, 1.1, 0.05, 0.5, 40.0, 3000.0), 16.0)
    frame = telescope.geometry.telescope_frame(telescope.optics.focal_length())
    radius = np.hypot(frame.fov_lon - 0.2, frame.fov_lat + 0.1)
    assert light.expected.sum() == pytest.approx(3000.0, rel=0.02)
    assert (light.expected * radius).sum() / light.expected.sum() == pytest.approx(1.1, abs=0.01)
    # more light on the side where the muon has the longer way over the mirror
    phi = np.rad2deg(np.arctan2(frame.fov_lon - 0.2, frame.fov_lat + 0.1))
    near = np.abs((phi - 40 + 180) % 360 - 180) < 45
    assert light.expected[near].sum() > 0.3 * light.expected.sum()
