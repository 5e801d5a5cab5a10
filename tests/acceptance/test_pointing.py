# SPDX-License-Identifier: BSD-3-Clause
"""Pointing: star fits, bending models and a real night of a drive."""

from pathlib import Path

import astropy.units as u
import numpy as np

from acceptance.figures import Figures
from pellucid.formats.fact_drive import read_drive_log
from pellucid.formats.pointing import read_pointing
from pellucid.pipeline.steps import step_named
from pellucid.pointing.bending import fit_bending
from pellucid.pointing.spots import fit_spots
from pellucid.pointing.stars import fit_stars
from pellucid.pointing.track import Track
from pellucid.simulate.muons import hexagonal_camera
from pellucid.simulate.stars import simulate_sky, simulate_spots, simulate_track


def test_stars_of_very_different_worth(figures: Figures, full: bool) -> None:
    rms: dict[str, list[float]] = {"inverse variances": [], "no weights": [], "errors as weights": []}
    for seed in range(1000 if full else 200):
        track = simulate_track(np.random.default_rng(seed), 5, 8, (14.0, -9.0), 2e-3, 0.0, noise=10.0)
        errors = track.error.to_value(u.arcsec)
        kinds = (errors, np.ones_like(errors), errors**-0.5)
        for name, taken in zip(rms, kinds, strict=True):
            shift = fit_stars(track.expected, track.found, taken * u.arcsec).shift.to_value(u.arcsec)
            rms[name].append(float(((shift - (14.0, -9.0)) ** 2).mean()))
    figure = {name: float(np.sqrt(np.mean(squares))) for name, squares in rms.items()}
    found = figure["inverse variances"]
    figures.at_most("star fit, half the points 10x worse: rms, arcsec", found, 3.0)
    # what gives 23 is calibpipe's star fit, which hands errors over as weights; without any, half the points
    # being 10 times worse cannot cost more than a factor of 5
    figures.at_most(
        "the same, errors taken for weights, off 23.3, arcsec", abs(figure["errors as weights"] - 23.3), 1.5
    )
    figures.at_most(
        "the same, no weights, over the fit, off 5.05", abs(figure["no weights"] / found - 5.05), 0.4
    )


def test_stars_in_maps_of_variances(figures: Figures, full: bool) -> None:
    x, y, _ = hexagonal_camera()
    random, pulls, chi2 = np.random.default_rng(1), [], []
    middle = np.array([[0.9, 0.1], [-0.8, 0.5], [0.0, -0.9], [-0.7, -0.6], [0.5, 0.9], [0.1, 0.1]])
    shift, pixels = np.array([0.02, -0.01]), np.stack([x, y], axis=1)
    for _ in range(400 if full else 80):
        stars = middle + random.uniform(-0.1, 0.1, middle.shape)
        bright = random.uniform(5.0, 60.0, len(stars))
        value, error = simulate_spots(random, pixels, stars + shift, bright, 0.06, 4.0, 2000)
        spots = fit_spots(value[None], error[None], pixels * u.deg, stars[None] * u.deg, 0.06 * u.deg)
        fit = fit_stars(
            stars[None][spots.found] * u.deg, spots.position[spots.found], spots.error[spots.found]
        )
        found = np.array([*(fit.shift.to_value(u.deg) - shift), fit.rotation.value, fit.scale])
        pulls.append(found / np.sqrt(np.diagonal(fit.covariance)))
        chi2.append(fit.chi2 / fit.degrees)
    figures.at_most(
        "stars in maps of variances: pull width from 1, worst of shift, rotation, scale",
        float(np.abs(np.std(pulls, axis=0) - 1.0).max()),
        0.1 if full else 0.25,
    )
    figures.at_most(
        "the same, chi2 a degree of freedom, from 1", abs(float(np.mean(chi2)) - 1.0), 0.1 if full else 0.2
    )


def test_bending_with_outliers(figures: Figures, full: bool) -> None:
    truth = {"IA": 300.0, "IE": -120.0, "CA": 45.0, "NPAE": -20.0, "AN": 15.0, "AW": -8.0, "TF": 30.0}
    noise, pulls, residual = 8.0, [], []
    for seed in range(300 if full else 60):
        run = simulate_sky(np.random.default_rng(seed), 150, truth, noise, share=0.05)
        fit = fit_bending(run.altitude, run.azimuth, run.across, run.upward)
        pulls.append((fit.value.value - np.array([truth[t] for t in fit.terms])) / fit.error.value)
        residual.append(fit.noise.value)
    away = abs(float(np.mean(residual)) / noise - 1.0)
    figures.at_most("bending, 5 % outliers: residual off the noise, relative", away, 0.1)
    figures.at_most("bending parameters: pull width, from 1", abs(float(np.std(pulls)) - 1.0), 0.1)


def test_drive_night(data_dir: Path, figures: Figures, tmp_path: Path) -> None:
    log = read_drive_log(data_dir / "camera" / "fact" / "testDriveFile.fits")
    Track.of(log.time, log.azimuth * u.deg, (90.0 - log.zenith) * u.deg)
    figures.equal("FACT drive night: lines tracked", log.time.size, 12113)
    own = 3600.0 * np.hypot(log.zenith_error, log.azimuth_error * np.sin(np.radians(log.zenith)))
    for share, expected in ((5, 0.81), (50, 4.46), (95, 21.2)):
        away = abs(float(np.percentile(own, share)) - expected)
        figures.at_most(f"deviation at {share} %, off {expected} arcsec", away, 0.02)
    step, path = step_named("pointing"), data_dir / "camera" / "fact" / "testDriveFile.fits"
    step.run({"drive": path}, tmp_path / "p.h5", step.complete({"telescope": 1}), {})
    _, pointing = read_pointing(tmp_path / "p.h5")
    figures.equal("lines of the night's product", pointing.deviation.size, 12113)
    for share, expected in ((5, 0.81), (50, 4.46), (95, 21.2)):
        away = abs(float(np.percentile(pointing.deviation, share)) - expected)
        figures.at_most(f"the product's deviation at {share} %, off {expected} arcsec", away, 0.02)
    seen = pointing.at(log.time[:-1] + np.diff(log.time) // 2)
    lost = np.diff(log.time) > 5_000_000_000
    figures.equal(
        "moments in gaps that are given no direction, of 32", int((~seen.is_known & lost).sum()), 32
    )
    figures.equal("moments between lines without a direction", int((~seen.is_known & ~lost).sum()), 0)
