# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of stars in the camera: the pedestals' variance to how far off a telescope looks."""

from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import MissingInput
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Files, Parameters, Provenance, Step, Summary
from pellucid.pipeline.steps.pointing import TELESCOPE, whose

if TYPE_CHECKING:
    import astropy.units as u
    import numpy as np
    import numpy.typing as npt

    from pellucid.camera.coefficients import CameraCalibration
    from pellucid.instrument import Subarray
    from pellucid.pointing.stars import StarFit

__all__ = ["STEPS", "make_offsets"]


def make_offsets(inputs: Files, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Find stars in a map of the pedestals' variance, and how far off the telescope looked.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``map``: product of ``camera-coefficients``; ``drive``: the log of the time; ``description``: of the
        array; ``catalogue``: FITS table of bright stars.
    """
    import astropy.units as u
    import numpy as np

    from pellucid.formats.camera_calibration import check_camera, read_calibration
    from pellucid.formats.description import read_description
    from pellucid.formats.star_offsets import StarOffsets, write_star_offsets

    calibration = read_calibration(inputs["map"])
    subarray = read_description(inputs["description"])
    check_camera(calibration, subarray, inputs["map"])
    middle = (calibration.start + calibration.stop) // 2
    azimuth, altitude = _sent(inputs, calibration, parameters, middle)
    focal = subarray.telescopes[calibration.tel_id].optics.focal_length(parameters["focal_length"])
    fit = _fit(inputs, calibration, subarray, (azimuth, altitude), focal, parameters)
    # a camera that looks too high sees its stars too low
    upward, across = (-fit.shift.to_value(u.m) / focal * u.rad).to_value(u.arcsec)
    scale_of_angle = float((1.0 / focal * u.rad).to_value(u.arcsec))
    error = np.sqrt(np.diagonal(fit.covariance))
    turn = float((1.0 * u.rad).to_value(u.arcsec))
    numbers = {
        "azimuth": azimuth.to_value(u.deg),
        "altitude": altitude.to_value(u.deg),
        "across": across,
        "upward": upward,
        "across_error": error[1] * scale_of_angle,
        "upward_error": error[0] * scale_of_angle,
        "rotation": fit.rotation.to_value(u.arcsec),
        "rotation_error": error[2] * turn,
        "scale": fit.scale,
        "scale_error": error[3],
        "chi2": fit.chi2,
    }
    counts = {"time": middle, "n_stars": fit.n, "degrees": fit.degrees}
    columns = {name: np.array([float(value)]) for name, value in numbers.items()}
    columns |= {name: np.array([value], np.int64) for name, value in counts.items()}
    write_star_offsets(output, StarOffsets(calibration.tel_id, columns), provenance)
    told = ("across", "across_error", "upward", "upward_error", "chi2")
    return {
        "telescopes": [calibration.tel_id],
        "time_start": calibration.start,
        "time_stop": calibration.stop,
        "stars": fit.n,
        "degrees": fit.degrees,
        **{name: float(numbers[name]) for name in told},
    }


def _sent(
    inputs: Files, calibration: "CameraCalibration", parameters: Parameters, middle: int
) -> "tuple[u.Quantity, u.Quantity]":
    """Return where the drive's encoders read in the middle of a calibration's time."""
    import astropy.units as u

    from pellucid.formats.drive import read_drive
    from pellucid.pointing.track import Track

    drive = read_drive(inputs["drive"])
    whose([drive.tel_id, calibration.tel_id], parameters, inputs["drive"])
    track = Track.of(drive.time, drive.azimuth * u.deg, drive.altitude * u.deg)
    lines = (drive.time >= calibration.start) & (drive.time <= calibration.stop)
    if not drive.tracking[lines].all():
        raise MissingInput(
            "The drive did not track while the map was taken.",
            where=str(inputs["drive"]),
            expected="a state of tracking all the time",
            got=f"{int((~drive.tracking[lines]).sum())} lines of another state",
            mend="use a map of another time",
            code="not-tracked",
        )
    azimuth, altitude = track.at(middle, float(parameters["longest_gap"]) * u.s)
    return azimuth[0], altitude[0]


def _fit(
    inputs: Files,
    calibration: "CameraCalibration",
    subarray: "Subarray",
    sent: "tuple[u.Quantity, u.Quantity]",
    focal: float,
    parameters: Parameters,
) -> "StarFit":
    import astropy.units as u
    import numpy as np

    from pellucid.formats.star_catalogue import read_star_catalogue
    from pellucid.pointing.sky import stars_in_view
    from pellucid.pointing.spots import fit_spots
    from pellucid.pointing.stars import fit_stars

    geometry = subarray.telescopes[calibration.tel_id].geometry
    pixels = np.stack([geometry.pix_x, geometry.pix_y], axis=1)
    site = subarray.reference
    width = float(parameters["spot_width"])
    places, _ = stars_in_view(
        read_star_catalogue(inputs["catalogue"], float(parameters["epoch"]) or None),
        (calibration.start + calibration.stop) // 2,
        *sent,
        (site.longitude, site.latitude, site.height),
        faintest=float(parameters["faintest"]),
        view=np.degrees(np.hypot(*pixels.T).max() / focal) * u.deg,
        apart=8.0 * width * u.deg,
    )
    expected = _with_coma(places.to_value(u.rad) * focal * u.m, parameters)[None]
    variance, error = _map(calibration)
    spots = fit_spots(
        variance,
        error,
        pixels * u.m,
        expected,
        np.radians(width) * focal * u.m,
        least=float(parameters["least"]),
    )
    return fit_stars(expected[spots.found], spots.position[spots.found], spots.error[spots.found])


def _with_coma(places: "u.Quantity", parameters: Parameters) -> "u.Quantity":
    """Return where the centroids of stars are whose nominal places are given, shape (n, 2), in m."""
    import numpy as np

    from pellucid.pointing.psf import ComaPsf

    coma = parameters["coma"]
    if not coma["radial"]:
        return places
    psf = ComaPsf(*(tuple(coma[name]) for name in ("asymmetry", "radial", "polar")))
    radius = np.hypot(places[:, 0], places[:, 1])
    return places * (1.0 + psf.shift(radius) / np.maximum(radius, 1e-9 * radius.unit)).value[:, None]


def _map(
    calibration: "CameraCalibration",
) -> "tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]":
    """Return the pedestals' variance and its error in p.e.^2, shape (1, n_pixels), NaN where unusable."""
    import numpy as np

    estimate, factor = calibration.pedestal.charge_variance, calibration.factor.value[0]
    good = ~calibration.unusable[0]
    # variances scale with the square of the flat-field factors
    value = np.where(good, estimate.value[0] * factor**2, np.nan)
    return value[None], np.where(good, estimate.error[0] * factor**2, np.nan)[None]


STEPS = (
    Step(
        name="star-offsets",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.stars:make_offsets",
        inputs={
            "map": "DL1/Monitoring/Telescope/CameraCalibration",
            "drive": Input("*0/Monitoring/Telescope/Drive"),
            "description": "DL0/Service/Subarray/Description",
            "catalogue": "DL0/Service/Array/StarCatalogue",
        },
        output="DL1/Monitoring/Telescope/StarOffset",
        suffix=".stars.h5",
        parameters={
            "spot_width": parameter(
                0.06, "Gaussian width of a star, pixels included.", unit="deg", minimum=0
            ),
            "faintest": 7.0,
            "least": 5.0,
            "epoch": parameter(0.0, "Julian year of the catalogue; 0 where its file tells it.", minimum=0),
            "coma": {"asymmetry": [], "radial": [], "polar": []},
            "longest_gap": parameter(5.0, "Time over which the drive's lines are interpolated.", unit="s"),
            "focal_length": parameter(
                "effective", "Which one is the scale.", choices=("effective", "nominal")
            ),
            "telescope": TELESCOPE,
        },
        levels=("B", "C"),
        cost=2.0,
        determinism="tolerance",
        tolerance={"/*": (1e-6, 1e-6)},
    ),
)
"""``star-offsets``: stars down to the magnitude ``faintest`` whose spots are brighter than ``least`` of their
errors; ``epoch`` is the Julian year of the catalogue's positions. ``coma`` holds the constants of
`pellucid.pointing.psf.ComaPsf` for an instrument whose stars' centroids lie farther out than their places."""
