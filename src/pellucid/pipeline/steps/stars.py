# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of stars in the camera: the pedestals' variance to how far off a telescope looks."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import InsufficientStatistics, MissingInput
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Parameters, Provenance, Step, Summary
from pellucid.pipeline.steps.pointing import TELESCOPE, whose

if TYPE_CHECKING:
    import astropy.units as u
    import numpy as np
    import numpy.typing as npt

    from pellucid.camera.coefficients import CameraCalibration
    from pellucid.formats.drive import Drive
    from pellucid.instrument import Subarray
    from pellucid.pointing.stars import StarFit
    from pellucid.pointing.track import Track

__all__ = ["STEPS", "make_offsets"]


def make_offsets(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Find stars in maps of the pedestals' variance, and how far off the telescope looked.

    All maps of one look, those that follow each other while the drive tracked, are fitted together: all stars
    at all times. A map without stars does no harm where another of its look has them.

    Parameters
    ----------
    inputs : mapping
        ``drive``: the log of the time; ``maps``: products of ``camera-coefficients``, as a sequence;
        ``description``: of the array; ``catalogue``: FITS table of bright stars.
    """
    import numpy as np

    from pellucid.formats.camera_calibration import check_camera, read_calibration
    from pellucid.formats.description import read_description
    from pellucid.formats.drive import read_drive
    from pellucid.formats.star_offsets import StarOffsets, write_star_offsets

    subarray = read_description(inputs["description"])
    drive = read_drive(inputs["drive"])
    maps = []
    for path in inputs["maps"]:
        maps.append(read_calibration(path))
        check_camera(maps[-1], subarray, path)
    maps.sort(key=lambda one: one.start)
    tel_id = whose([drive.tel_id, *(one.tel_id for one in maps)], parameters, inputs["drive"])
    gap = 1e9 * float(parameters["longest_gap"])
    looks, lost = _looks(drive, maps, float(parameters["together"]), gap, inputs["drive"])
    rows: list[dict[str, float]] = []
    problems: list[InsufficientStatistics] = []
    for look in looks:
        try:
            rows.append(_look(look, drive, subarray, inputs["catalogue"], parameters))
        except InsufficientStatistics as error:
            problems.append(error)
    if not rows:
        raise problems[0]
    counts = ("time", "n_stars", "degrees", "n_maps")
    columns: dict[str, npt.NDArray[Any]] = {
        name: np.array([row[name] for row in rows], np.int64 if name in counts else np.float64)
        for name in rows[0]
    }
    write_star_offsets(output, StarOffsets(tel_id, columns), provenance)
    told = ("across", "across_error", "upward", "upward_error", "chi2")
    return {
        "telescopes": [tel_id],
        "time_start": maps[0].start,
        "time_stop": maps[-1].stop,
        "looks": len(rows),
        "looks_without_stars": len(problems),
        "maps_not_tracked": lost,
        "stars": int(columns["n_stars"].sum()),
        "degrees": int(columns["degrees"].sum()),
        **{name: float(np.median(columns[name])) for name in told},
    }


def _looks(
    drive: "Drive", maps: "list[CameraCalibration]", together: float, gap: float, path: Path
) -> "tuple[list[list[CameraCalibration]], int]":
    """Return maps that belong to one look of the telescope, and how many it did not track for."""
    import numpy as np

    def tracked(start: int, stop: int) -> bool:
        """Whether the log covers a time, from the line before to the one behind, and tells of tracking."""
        first, last = np.searchsorted(drive.time, start, "right") - 1, np.searchsorted(drive.time, stop)
        if first < 0 or last >= drive.time.size:
            return False
        lines = slice(first, last + 1)
        return bool(drive.tracking[lines].all() and np.diff(drive.time[lines]).max(initial=0) <= gap)

    looks: list[list[CameraCalibration]] = []
    good = [one for one in maps if tracked(one.start, one.stop)]
    for one in good:
        last = looks[-1][0].start if looks else None
        if last is not None and one.stop - last <= round(together * 1e9) and tracked(last, one.stop):
            looks[-1].append(one)
        else:
            looks.append([one])
    if not looks:
        raise MissingInput(
            "The drive did not track while the maps were taken.",
            where=str(path),
            expected="a state of tracking all the time of a map",
            got=f"{len(maps)} maps of other states",
            mend="use maps of another time",
            code="not-tracked",
        )
    return looks, len(maps) - len(good)


def _look(
    maps: "list[CameraCalibration]",
    drive: "Drive",
    subarray: "Subarray",
    catalogue: Path,
    parameters: Parameters,
) -> dict[str, float]:
    """Return how far off the telescope was at one look, with where its encoders read in the middle of it."""
    import astropy.units as u
    import numpy as np

    from pellucid.pointing.track import Track

    focal = subarray.telescopes[maps[0].tel_id].optics.focal_length(parameters["focal_length"])
    track = Track.of(drive.time, drive.azimuth * u.deg, drive.altitude * u.deg)
    gap = float(parameters["longest_gap"]) * u.s
    middle = (maps[0].start + maps[-1].stop) // 2
    azimuth, altitude = track.at(middle, gap)
    fit = _fit(maps, track, gap, subarray, focal, catalogue, parameters)
    # a camera that looks too high sees its stars too low
    upward, across = (-fit.shift.to_value(u.m) / focal * u.rad).to_value(u.arcsec)
    scale_of_angle = float((1.0 / focal * u.rad).to_value(u.arcsec))
    error = np.sqrt(np.diagonal(fit.covariance))
    turn = float((1.0 * u.rad).to_value(u.arcsec))
    return {
        "time": middle,
        "azimuth": float(azimuth[0].to_value(u.deg)),
        "altitude": float(altitude[0].to_value(u.deg)),
        "across": across,
        "upward": upward,
        "across_error": error[1] * scale_of_angle,
        "upward_error": error[0] * scale_of_angle,
        "rotation": float(fit.rotation.to_value(u.arcsec)),
        "rotation_error": error[2] * turn,
        "scale": fit.scale,
        "scale_error": error[3],
        "chi2": fit.chi2,
        "n_stars": fit.n,
        "degrees": fit.degrees,
        "n_maps": len(maps),
        **_drift(fit, scale_of_angle, (maps[-1].stop - maps[0].start) / 3600e9),
    }


def _drift(fit: "StarFit", scale_of_angle: float, hours: float) -> dict[str, float]:
    """Return how the offsets change in a look of some hours, in arcsec / h; NaN where that was not fitted."""
    import numpy as np

    names = ("upward_drift", "across_drift")
    if fit.covariance.shape[0] < 6:
        return dict.fromkeys((*names, *(f"{name}_error" for name in names)), np.nan)
    value = -fit.drift.to_value("m") * scale_of_angle / hours
    error = np.sqrt(np.diagonal(fit.covariance)[4:]) * scale_of_angle / hours
    found = dict(zip(names, value.tolist()))
    return found | {f"{name}_error": e for name, e in zip(names, error.tolist())}


def _fit(
    maps: "list[CameraCalibration]",
    track: "Track",
    gap: "u.Quantity",
    subarray: "Subarray",
    focal: float,
    catalogue: Path,
    parameters: Parameters,
) -> "StarFit":
    import astropy.units as u
    import numpy as np

    from pellucid.formats.star_catalogue import read_star_catalogue
    from pellucid.pointing.sky import stars_in_view
    from pellucid.pointing.spots import fit_spots
    from pellucid.pointing.stars import fit_stars

    geometry = subarray.telescopes[maps[0].tel_id].geometry
    pixels = np.stack([geometry.pix_x, geometry.pix_y], axis=1)
    site = subarray.reference
    width = float(parameters["spot_width"])
    stars = read_star_catalogue(catalogue, float(parameters["epoch"]) or None)
    middle = (maps[0].start + maps[-1].stop) // 2
    seen: list[tuple[u.Quantity, u.Quantity, u.Quantity, npt.NDArray[np.float64]]] = []
    problems: list[InsufficientStatistics | MissingInput] = []
    for one in maps:
        moment = (one.start + one.stop) // 2
        azimuth, altitude = track.at(moment, gap)
        places, _ = stars_in_view(
            stars,
            moment,
            azimuth[0],
            altitude[0],
            (site.longitude, site.latitude, site.height),
            faintest=float(parameters["faintest"]),
            view=np.degrees(np.hypot(*pixels.T).max() / focal) * u.deg,
            apart=8.0 * width * u.deg,
        )
        expected = _with_coma(places.to_value(u.rad) * focal * u.m, parameters)[None]
        try:
            spots = fit_spots(
                *_map(one),
                pixels * u.m,
                expected,
                np.radians(width) * focal * u.m,
                least=float(parameters["least"]),
            )
        except (InsufficientStatistics, MissingInput) as error:
            problems.append(error)
            continue
        when = np.full(spots.found.sum(), (moment - middle) / (maps[-1].stop - maps[0].start))
        seen.append((expected[spots.found], spots.position[spots.found], spots.error[spots.found], when))
    if not seen:
        raise InsufficientStatistics(
            "No star of the catalogue was found in any map of a look.",
            where=f"{maps[0].start} to {maps[-1].stop} ns TAI",
            expected="spots where bright stars should be",
            got=problems[0].what,
            mend=problems[0].mend or "use fainter stars, or maps of another time",
            code="no-star-found",
        )
    with_drift = bool(parameters["drift"]) and len(seen) > 1
    return fit_stars(*(np.concatenate(part) for part in zip(*seen)), with_drift=with_drift)


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
        version="2",
        function="pellucid.pipeline.steps.stars:make_offsets",
        inputs={
            "drive": Input("*0/Monitoring/Telescope/Drive"),
            "maps": Input("DL1/Monitoring/Telescope/CameraCalibration", many=True),
            "description": "DL0/Service/Subarray/Description",
            "catalogue": "DL0/Service/Array/StarCatalogue",
        },
        output="DL1/Monitoring/Telescope/StarOffset",
        suffix=".stars.h5",
        parameters={
            "spot_width": parameter(
                0.06, "Gaussian width of a star, pixels included.", unit="deg", minimum=0
            ),
            "together": parameter(1200.0, "Time whose maps are one look.", unit="s", minimum=0.0),
            "drift": parameter(False, "Whether a look of several maps may drift."),
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
"""``star-offsets``: how far off a telescope looked, for each look of a night: maps that follow each other
within the time ``together`` while the drive tracked, with all their stars at all times. Stars count down to
the magnitude ``faintest`` whose spots are brighter than ``least`` of their errors; ``epoch`` is the Julian
year of the catalogue's positions. ``coma`` holds the constants of `pellucid.pointing.psf.ComaPsf` for an
instrument whose stars' centroids lie farther out than their places."""
