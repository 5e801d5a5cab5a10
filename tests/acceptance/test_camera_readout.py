# SPDX-License-Identifier: BSD-3-Clause
"""Cameras, second half: single photo-electrons, DRS4, and the files of cameras that exist."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acceptance.figures import Figures
from pellucid.archive.lineage import JSON
from pellucid.camera.flatfield import FlatfieldAccumulator
from pellucid.camera.pedestal import PedestalAccumulator
from pellucid.camera.spe.fit import fit_spectra
from pellucid.camera.spe.photomultiplier import Photomultiplier
from pellucid.formats.fact import read_fact_run
from pellucid.formats.protobuf_zfits import read_camera_events
from pellucid.formats.r1_events import read_r1_events
from pellucid.formats.spe_gains import read_spe_gains
from pellucid.pipeline.steps import step_named
from pellucid.simulate.photoelectrons import photomultiplier_charges
from pellucid.simulate.run import RunSimulator, SimulationConfig, simulate_run

SCATTER = (0.03, 0.03, 0.02)
"""Of p, R and n among tubes of one type, of which p's and n's are known to the fit."""


def tubes() -> Photomultiplier:
    p, r, n = Photomultiplier().parameters
    return Photomultiplier((replace(p, error=SCATTER[0]), r, replace(n, error=SCATTER[2])))


def test_gains_of_single_photoelectrons(figures: Figures, full: bool) -> None:
    pixels = 1000 if full else 400
    random = np.random.default_rng(2026)
    gain = random.normal(58.0, 3.0, pixels)
    theta = random.normal([0.42, 0.5, 0.813], SCATTER, (pixels, 3))
    zero = np.zeros(pixels)
    charges = photomultiplier_charges(random, 20_000, zero + 1.0, gain, zero, zero + 13.0, theta)
    fit = fit_spectra(charges, tubes())
    pull = (fit.gain - gain) / fit.gain_error
    figures.at_most(f"gain pull width of {pixels} spectra, from 1", abs(float(pull.std()) - 1.0), 0.1)
    error = 1.0 / np.sqrt(pixels)
    figures.at_most("gain pull mean, in its standard errors", abs(float(pull.mean())) / error, 3.0)
    bias = float(np.mean(fit.gain / gain - 1.0))
    figures.at_most("gain bias, % (the peer's mean is 0.4 to 2 % high)", 100.0 * abs(bias), 0.4)


def test_gains_through_the_step(tmp_path: Path, figures: Figures, full: bool) -> None:
    camera, flashes, seeds = ("small", 5000, 4) if full else ("tiny", 2500, 1)
    step = step_named("camera-spe")
    pulls, ratios, lost = [], [], 0
    for seed in range(1, seeds + 1):
        config = SimulationConfig(
            camera=camera, telescopes=1, pedestals=0, dark_pedestals=flashes // 4, flashes=0,
            dim_flashes=flashes, showers=0, muons=0, sky=0.0, shape="caroff", seed=seed,
        )  # fmt: skip
        run = simulate_run(config, tmp_path / f"{seed}")
        inputs = {"events": run.telescopes[1], "description": run.description}
        step.run(inputs, tmp_path / f"{seed}.h5", step.complete({}), {})
        fit, truth = read_spe_gains(tmp_path / f"{seed}.h5").fit, RunSimulator(config).camera(1).response
        sound = ~(truth.dead | truth.noisy)
        lost += int((sound & ~fit.usable).sum()) + int((~sound & fit.usable).sum())
        good = sound & fit.usable
        pulls.append(((fit.gain - truth.gain[0]) / fit.gain_error)[good])
        ratios.append((fit.gain / truth.gain[0])[good] - 1.0)
    pull, ratio = np.concatenate(pulls), np.concatenate(ratios)
    name = f"step camera-spe, {seeds} x {flashes} dim flashes of the {camera} camera"
    figures.at_most(f"{name}: pixels with the wrong status, of {pull.size}", lost, 0.01 * pull.size)
    figures.at_most("gain pull width, from 1", abs(float(pull.std()) - 1.0), 0.1)
    # the pixels share a shape, and with it an error of some parts in a thousand
    figures.at_most("gain bias, %", 100.0 * abs(float(ratio.mean())), 0.5 if full else 1.5)


@pytest.mark.full
def test_a_camera_is_fitted_in_a_minute(figures: Figures) -> None:
    import time

    random = np.random.default_rng(7)
    one = np.ones(1855)
    theta = random.normal([0.42, 0.5, 0.813], SCATTER, (1855, 3))
    charges = photomultiplier_charges(random, 20_000, one, 58.0 * one, 0.0 * one, 13.0 * one, theta)
    start = time.process_time()
    fit_spectra(charges)
    figures.at_most(
        "SPE fit of 1855 pixels, nothing known beforehand: CPU s", time.process_time() - start, 60.0
    )


def test_offsets_of_a_fact_run(data_dir: Path, tmp_path: Path, figures: Figures) -> None:
    run = read_fact_run(data_dir / "camera" / "fact" / "testDataFile.fits.fz")
    before = float(np.median(run.raw[0].std(axis=1)))
    chip: dict[str, JSON] = {"chip": "fact", "pixels_per_module": 0}
    inputs = {"events": data_dir / "camera" / "fact" / "testDataFile.fits.fz"}
    calibrate, correct = step_named("drs4-calibration"), step_named("drs4-r1")
    inputs["calibration"] = tmp_path / "offsets.h5"
    complete = calibrate.complete({**chip, "offsets": "camera"})
    calibrate.run({"events": inputs["events"]}, inputs["calibration"], complete, {})
    correct.run(inputs, tmp_path / "r1.h5", correct.complete(chip), {})
    (after,) = read_r1_events(tmp_path / "r1.h5")
    rms = float(np.median(after.waveforms[0, 0].std(axis=1)))
    figures.at_most("FACT event 0, offsets put back: median rms - 33.4, ADC", abs(before - 33.4), 0.3)
    figures.at_most("FACT event 0, offsets taken off by the step: median rms - 9.0, ADC", abs(rms - 9.0), 0.3)


def test_gain_ratio_of_nectarcam(data_dir: Path, figures: Figures) -> None:
    events = read_camera_events(data_dir / "camera" / "zfits" / "example_9evts_NectarCAM.fits.fz")
    adc = events.waveforms.astype(np.uint16)
    peak = int(adc[:, 0].mean(axis=(0, 1)).argmax())
    width = 14
    pedestals = PedestalAccumulator(2, adc.shape[2], width)
    pedestals.update(adc[..., : width + 1])  # before the flash comes
    dark = pedestals.finish(len(adc))
    for channel, (name, level) in enumerate((("high", 214.0), ("low", 224.0))):
        found = float(np.median(adc[:, channel]))
        figure = f"NectarCAM, {name} gain: median of all samples - {level:.0f}, ADC"
        figures.at_most(figure, abs(found - level), 1.5)
        base, error = (float(np.median(v[channel])) for v in (dark.baseline.value, dark.baseline.error))
        figures.at_most(f"NectarCAM, {name} gain: baseline {base:.1f} ADC, its error", error, 1.0)
        noise = float(np.median(adc[:, channel, :, : width + 1].std(axis=2, ddof=1)))
        figures.at_most(f"NectarCAM, {name} gain: noise of a sample, ADC", noise, 3.5)
    flashes = FlatfieldAccumulator(dark, peak - 6)
    flashes.update(adc)
    ratio = flashes.finish(len(adc)).ratio
    figures.equal("NectarCAM: pixels with a high/low ratio", int(np.isfinite(ratio.value).sum()), 84)
    middle = float(np.median(ratio.value))
    typical = float(np.median(ratio.error))
    # the nominal 13 is not this camera's: its pixels agree with one another, so that is no error of ours
    figures.at_most(
        f"median ratio, {middle:.2f} +- {typical:.2f}, from 13 (nominal)", abs(middle - 13.0), 2.5
    )
    error = float(np.median(ratio.error / ratio.value))
    figures.at_most("median error of a ratio from 9 flashes, relative", error, 0.1)


def test_sst1m(data_dir: Path, figures: Figures) -> None:
    events = read_camera_events(data_dir / "camera" / "zfits" / "example_SST1M_20180822.fits.fz")
    triggered = events.waveforms[events.event_type == 1][:, 0]
    noise = float(np.median(triggered.std(axis=(0, 2))))
    figures.at_most("SST-1M rate - 165, Hz", abs(events.rate() - 165.0), 2.0)
    figures.at_most("SST-1M median noise - 8.8, ADC", abs(noise - 8.8), 0.5)
    figures.at_most("SST-1M baseline - 329, ADC", abs(float(np.median(triggered)) - 329.0), 1.0)
