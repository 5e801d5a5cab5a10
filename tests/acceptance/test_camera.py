# SPDX-License-Identifier: BSD-3-Clause
"""Cameras: one test per figure that the topic must show; each prints figure | measured | bound."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from acceptance.figures import Figures
from pellucid.camera.badpixels import bad_pixels
from pellucid.camera.calibration_events import CalibrationEvents
from pellucid.camera.calibrator import CalibrationOptions, calibrate_spans
from pellucid.camera.estimate import Estimate
from pellucid.camera.gain import f_factor_gain
from pellucid.camera.pedestal import PedestalAccumulator
from pellucid.camera.spectrum import electronic_noise
from pellucid.camera.timing import TimeOffsetAccumulator
from pellucid.events import EventType, Extractor, ProcessOptions
from pellucid.events.process import Processor
from pellucid.formats.camera_calibration import write_calibration
from pellucid.formats.simtel import SimtelSource
from pellucid.simulate.camera import CameraSimulator
from pellucid.simulate.instruments import make_subarray, preset
from pellucid.simulate.light import flash_light, no_light
from pellucid.simulate.response import draw_response
from pellucid.simulate.run import SimulationConfig, simulate_run
from pellucid.simulate.seeds import Purpose, generator
from support import ctapipe_coefficients
from support.charges import SOUND, calibrated, some_pixels
from support.flashes import relative_response

REPOSITORY = Path(__file__).resolve().parents[2]
N = 10_000


def test_gains_have_no_bias_and_right_errors(full: bool, figures: Figures) -> None:
    seeds, n_pixels = (40, 200) if full else (6, 60)
    pulls, ratios = [], []
    for seed in range(seeds):
        c = calibrated(seed, n_pixels, N, N)
        gain = f_factor_gain(c.flatfield, c.pedestal).gain
        pulls.append((gain.value[0] - c.truth.gain[0]) / gain.error[0])
        ratios.append(gain.value[0] / c.truth.gain[0] - 1.0)
    pull, ratio = np.concatenate(pulls), np.concatenate(ratios)
    name = f"{N} pedestals, {N} flashes, {seeds} seeds of {n_pixels} pixels: gain"
    # a few hundred pulls scatter by themselves
    figures.at_most(f"{name}, bias, %", 100.0 * abs(float(ratio.mean())), 0.3)
    figures.at_most(f"{name}, mean pull", abs(float(pull.mean())), 0.05 if full else 0.2)
    figures.at_most(f"{name}, pull width off 1", abs(float(pull.std()) - 1.0), 0.05 if full else 0.15)


def test_time_offsets_are_right_to_picoseconds(full: bool, figures: Figures) -> None:
    n = N if full else 700
    kind = preset("tiny")
    telescope = make_subarray(kind, 1).telescopes[1]
    n_pixels = telescope.geometry.n_pixels
    response = draw_response(kind, n_pixels, 11, 1, SOUND)
    camera = CameraSimulator(kind, telescope, response)

    def events(first: int, count: int, intensity: float) -> np.ndarray:
        found = []
        for k in range(first, first + count):
            rng = generator(11, Purpose.LIGHT, 1, k)
            light = flash_light(rng, n_pixels, intensity, 0.04, 16.0) if intensity else no_light(n_pixels)
            found.append(camera.expose(rng, light, 0.25).adc)
        return np.stack(found)

    pedestals = PedestalAccumulator(2, n_pixels, 18)
    pedestals.update(events(0, 300, 0.0))
    times = TimeOffsetAccumulator(pedestals.finish(), 8, kind.sampling_rate)
    for first in range(1000, 1000 + n, 100):
        times.update(events(first, 100, 100.0))
    offset = times.finish()
    rest = offset.value[0] - response.time_offset
    rest -= np.median(rest)
    figures.at_most(f"{n} flashes: time offsets, rms error, ps", 1e3 * float(rest.std()), 20.0)
    pull = rest / offset.error[0]
    figures.at_most("time offsets: pull width off 1", abs(float(pull.std()) - 1.0), 0.3)


def test_bad_pixels_are_found_and_good_ones_left(figures: Figures) -> None:
    n_pixels = 1855
    found, bad, false, good = 0, 0, 0, 0
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        truth = some_pixels(100 + seed, n_pixels)
        kinds = rng.permutation(n_pixels)[:120].reshape(6, 20)
        dead, noisy, weak, strong, blind, late = kinds
        gain, noise, light = truth.gain.copy(), truth.noise.copy(), truth.efficiency.copy()
        gain[:, dead] = 0.0
        # under this sky, twice the noise of a good pixel
        noise[:, noisy] *= 20.0
        gain[:, weak] *= 0.5
        gain[:, strong] *= 2.0
        light[blind] *= 0.4
        ill = np.isin(np.arange(n_pixels), dead)
        camera = replace(truth, gain=gain, noise=noise, efficiency=light, dead=ill)
        c = calibrated(seed, n_pixels, 500, 1000, camera)
        times = 0.01 * rng.standard_normal((1, n_pixels)) + truth.time_offset
        times[0, late] += 12.0
        offset = Estimate.good(times, np.full((1, n_pixels), 0.01), 1000)
        reasons = bad_pixels(c.pedestal, c.flatfield, f_factor_gain(c.flatfield, c.pedestal), offset).reasons
        is_bad = np.isin(np.arange(n_pixels), kinds)
        found += int((reasons[0][is_bad] != 0).sum())
        bad += int(is_bad.sum())
        false += int((reasons[0][~is_bad] != 0).sum())
        good += int((~is_bad).sum())
    figures.at_least(f"of {bad} bad pixels found, %", 100.0 * found / bad, 99.0)
    figures.at_most(f"of {good} good pixels called bad, %", 100.0 * false / good, 0.5)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_statistics_are_faster_than_the_peer_s(figures: Figures) -> None:
    command = [sys.executable, REPOSITORY / "bench" / "statistics.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = {row["figure"]: row for row in json.loads(done.stdout)}
    figures.at_least("sigma-clipped, ctapipe's time over ours", rows["sigma clipping"]["ratio"], 10.0)
    figures.at_least("streaming moments, ctapipe's time over ours", rows["streaming moments"]["ratio"], 150.0)
    for name in ("1000 pedestals", "1000 flashes"):
        figure = f"{name} of a camera of 2 x 1855 x 40 samples"
        figures.at_most(f"{figure}, CPU s", rows[figure]["value"], 1.0)
    figures.at_most(
        "largest difference of the clipped statistics, in units of float32's",
        rows["sigma clipping: difference"]["value"],
        1.0,
    )


def test_photoelectrons_of_a_simulated_flasher(data_dir: Path, figures: Figures) -> None:
    path = data_dir / "camera" / "simtel" / "calib_true_pe.simtel.zst"
    options = ProcessOptions(extractor=Extractor("fixed-window", width=12, shift=2, peak=10))
    with SimtelSource(path) as source:
        process = Processor(source.subarray, options)
        (chunk,) = source.chunks()
        (images,) = process(chunk)
    assert images.batch.true_image is not None
    coefficients = chunk.coefficients[0]
    # the others have no photo-electrons, and are filled from their neighbours
    sound = ~coefficients.unusable[0]
    true = images.batch.true_image[:, sound].astype(np.float64)
    for row in range(len(true)):
        image, mean = images.image[row, 0, sound], float(true[row].mean())
        off = float(image.mean()) / mean - 1.0
        # of one flash of 1758 pixels: the night sky alone makes 5 % of the faint one
        error = float((image - true[row]).std()) / np.sqrt(image.size) / mean
        allowed = 2.0 if error < 0.01 else 100.0 * 2.0 * error
        name = f"calib_true_pe: mean of {mean:.2f} p.e. recovered to {100 * error:.1f} %: % off"
        figures.at_most(name, 100.0 * abs(off), allowed)
    samples = (images.batch.adc[:, 0] - coefficients.pedestal[0][:, None]) * coefficients.factor[0][:, None]
    faint, bright = samples[:, sound].astype(np.float64)
    response, error = relative_response(faint, bright, true[0], true[1], dark=8)
    name = f"calib_true_pe: 1.70 p.e. against 19.3 p.e., best filter, to {100 * error:.1f} %: % off"
    figures.at_most(name, 100.0 * abs(response - 1.0), 2.0)


def test_noise_of_simulated_pedestals(data_dir: Path, figures: Figures) -> None:
    path = data_dir / "camera" / "simtel" / "extracted_pedestals.simtel.zst"
    with SimtelSource(path) as source:
        (chunk,) = source.chunks()
    noise = electronic_noise(chunk.cameras[0].adc)
    mean = np.sqrt((noise.value**2).mean(axis=1))
    figures.at_most(
        "extracted_pedestals: high-gain noise off 6.7 ADC, %", 100.0 * abs(mean[0] / 6.7 - 1), 2.0
    )
    figures.at_most("extracted_pedestals: low-gain noise off 5.7 ADC, %", 100.0 * abs(mean[1] / 5.7 - 1), 2.0)


def test_ctapipe_applies_our_coefficients(tmp_path: Path, figures: Figures) -> None:
    pytest.importorskip("ctapipe.io", reason="ctapipe is not installed")
    config = SimulationConfig(
        camera="small", telescopes=1, pedestals=120, flashes=240, showers=20, muons=5, rate=100.0
    )
    run = simulate_run(config, tmp_path / "run")
    made = ctapipe_coefficients.make_series(run, tmp_path / "run.monitoring.h5")
    compared, largest = ctapipe_coefficients.largest_difference(run, made)
    figures.at_least("events calibrated by ctapipe with our monitoring file", compared, 15)
    figures.at_most("its images against ours, largest relative difference", largest, 2e-5)


def test_a_stream_cut_anywhere_makes_equal_bytes(tmp_path: Path, figures: Figures) -> None:
    kind = preset("tiny")
    telescope = make_subarray(kind, 1).telescopes[1]
    n_pixels = telescope.geometry.n_pixels
    camera = CameraSimulator(kind, telescope, draw_response(kind, n_pixels, 3, 1))
    dark, lit = [], []
    for k in range(130):
        rng = generator(3, Purpose.LIGHT, 1, k)
        dark.append(camera.expose(rng, no_light(n_pixels), 0.25).adc)
        lit.append(camera.expose(rng, flash_light(rng, n_pixels, 60.0, 0.04, 16.0), 0.25).adc)
    none = np.zeros((2, n_pixels), np.bool_)
    whole = {EventType.SKY_PEDESTAL: np.stack(dark), EventType.FLATFIELD: np.stack(lit)}

    def made(seed: int) -> bytes:
        rng = np.random.default_rng(seed)
        edges = np.unique(np.concatenate([[0, 130], rng.integers(1, 130, seed)]))
        batches = [
            CalibrationEvents(int(kind), np.arange(a, b, dtype=np.int64), adc[a:b], none)
            for a, b in pairwise(edges.tolist())
            for kind, adc in whole.items()
        ]
        options = CalibrationOptions()
        (found,) = calibrate_spans(telescope, lambda: iter(batches), [(0, 1000)], options)
        assert found is not None
        path = tmp_path / f"{seed}.h5"
        write_calibration(path, found, {"product": "test"}, 1)
        return path.read_bytes()

    different = sum(made(seed) != made(0) for seed in (1, 3, 10, 40, 100))
    figures.equal("streams cut at random places with other bytes, of 5", different, 0)
