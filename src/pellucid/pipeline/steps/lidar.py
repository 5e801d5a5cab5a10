# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of LIDARs beyond one file: a night, a scan, and the transmission that follows from profiles."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.files import Progress
from pellucid.errors import ConfigurationError, InsufficientStatistics
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.step import Files, ManyFiles, Parameters, Provenance, Step, Summary
from pellucid.pipeline.steps.atmosphere import (
    COMMON,
    analyse_files,
    channel_pair,
    channel_signal,
    clock_zone,
    options_of,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.atmosphere.lidar.night import LidarNight
    from pellucid.atmosphere.lidar.scan_fit import ScanFit
    from pellucid.formats.licel import LicelFile

__all__ = ["STEPS", "analyse_night", "make_night", "make_scan", "make_transmission", "scan_files"]

_SAME = 0.5
"""Difference of zenith angles in deg within which files belong to one direction."""


def make_night(
    inputs: ManyFiles,
    output: Path,
    parameters: Parameters,
    provenance: Provenance,
    progress: Progress | None = None,
) -> Summary:
    """Make the record of a night from all its files: quick look, profiles over time, layers.

    Parameters
    ----------
    inputs : mapping of str to sequence of Path
        ``lidar``: Licel files; damaged ones and those of another layout are left out and counted.
    """
    import numpy as np

    from pellucid.formats.licel import read_night
    from pellucid.formats.lidar_night import write_lidar_night

    night = read_night(inputs["lidar"], clock_zone(parameters))
    records = analyse_night(night.files, parameters, progress)
    write_lidar_night(output, records, provenance, night.files[0].header.site)
    summary: Summary = {
        "time_start": int(night.times[0, 0]),
        "time_stop": int(night.times[-1, 1]),
        "files": len(night.files),
        "rejected": len(night.rejected),
        "flags": ["rejected-files"] if night.rejected else [],
    }
    for nm, record in records.items():
        known = np.isfinite(record.depth)
        highest = [float(d[k][-1]) for d, k in zip(record.depth, known, strict=True) if k.any()]
        if highest:
            summary[f"optical_depth_{nm}"] = float(np.median(highest))
        summary[f"cloudy_{nm}"] = len({i for i, x in record.layers if x.found.cloud}) / len(record.time)
    return summary


def analyse_night(
    files: "Sequence[LicelFile]", parameters: Parameters, progress: Progress | None = None
) -> "dict[int, LidarNight]":
    """Return a night's record for each elastic wavelength in nm.

    Parameters
    ----------
    files : sequence of LicelFile
        In order of time, with one set of channels.
    parameters : mapping
        Those of the step ``lidar-night``, complete.
    progress : callable, optional
        Called with (done, total, unit).
    """
    import numpy as np

    from pellucid.atmosphere.lidar.night import Group, looks, night_of

    edges = np.arange(0.0, float(parameters["stop"]) + 1.0, float(parameters["cell"]))
    pairs = [int(nm) for nm, _ in parameters["wavelengths"]]
    seen: dict[int, list[Any]] = {nm: [] for nm in pairs}
    groups: dict[int, list[Group]] = {nm: [] for nm in pairs}
    done = 0
    for group in _groups(files, int(parameters["files_per_profile"])):
        zenith = float(np.mean([f.header.zenith for f in group]))
        analyses = analyse_files(group, parameters)
        times = [(f.start, f.stop) for f in group]
        for nm in pairs:
            groups[nm].append(Group((times[0][0], times[-1][1]), zenith, analyses[nm]))
            seen[nm] += looks(channel_signal(group, nm, parameters), times, zenith, edges)
        done += len(group)
        if progress is not None:
            progress(done, len(files), "files")
    return {nm: night_of(float(nm), edges, seen[nm], groups[nm]) for nm in sorted(pairs)}


def _groups(files: "Sequence[LicelFile]", most: int) -> "Iterator[list[LicelFile]]":
    """Neighbours in time that look in one direction, without long pauses between them."""
    group: list[LicelFile] = []
    for file in files:
        if group:
            turned = abs(file.header.zenith - group[0].header.zenith) > _SAME
            pause = file.start - group[-1].stop > 2 * (group[-1].stop - group[-1].start)
            if len(group) >= most or turned or pause:
                yield group
                group = []
        group.append(file)
    if group:
        yield group


def make_scan(inputs: ManyFiles, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Make optical depth and extinction from the directions of a scan.

    Parameters
    ----------
    inputs : mapping of str to sequence of Path
        ``lidar``: Licel files of at least two zenith angles.
    """
    import numpy as np

    from pellucid.formats.licel import read_night
    from pellucid.formats.lidar_scan import write_lidar_scan

    night = read_night(inputs["lidar"], clock_zone(parameters))
    scans, zenith = scan_files(night.files, parameters)
    write_lidar_scan(output, scans, provenance, zenith)
    summary: Summary = {
        "time_start": int(night.times[0, 0]),
        "time_stop": int(night.times[-1, 1]),
        "directions": int(zenith.size),
        "flags": [f"{nm}: uneven-layers" for nm, s in scans.items() if not s.plain.uniform()],
    }
    for nm, scan in scans.items():
        summary[f"optical_depth_{nm}"] = float(scan.value[-1])
        summary[f"optical_depth_{nm}_error"] = float(np.sqrt(scan.covariance[-1, -1]))
    return summary


def scan_files(
    files: "Sequence[LicelFile]", parameters: Parameters
) -> "tuple[dict[int, ScanFit], npt.NDArray[np.float64]]":
    """Return the fit of a scan for each elastic wavelength in nm, and its zenith angles in deg.

    The Raman channel of the most upright direction, where it is paired with one, is the prior.
    """
    import numpy as np

    from pellucid.atmosphere.lidar.chain import analyse
    from pellucid.atmosphere.lidar.scan import Ray, scan_table
    from pellucid.atmosphere.lidar.scan_fit import fit_scan

    directions: dict[float, list[LicelFile]] = {}
    for file in files:
        angle = next((z for z in directions if abs(z - file.header.zenith) <= _SAME), file.header.zenith)
        directions.setdefault(angle, []).append(file)
    angles = sorted(directions)
    # slanted directions reach a height further away
    longest = float(parameters["stop"]) / np.cos(np.deg2rad(min(angles[-1], 88.0)))
    last = float(min(longest, float(parameters["background"][0])))
    far = {**parameters, "stop": last, "reference": [parameters["reference"][0], last]}
    fits = {}
    for nm, raman in parameters["wavelengths"]:
        rays, prior = [], None
        for angle in angles:
            elastic, shifted = channel_pair(directions[angle], nm, raman if angle == angles[0] else 0, far)
            rays.append(Ray(elastic.signal, elastic.optics, angle))
            if shifted is not None:
                prior = analyse(elastic, shifted, options_of(parameters)).optical_depth
        table = scan_table(rays, float(parameters["start"]), float(parameters["stop"]))
        secant = float(1.0 / np.cos(np.deg2rad(angles[0])))
        fits[int(nm)] = fit_scan(table, prior, prior_secant=secant)
    return fits, np.array(angles)


def make_transmission(inputs: Files, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Make a table of the transmission of the air from a LIDAR's profile.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``profile``: one with optical depths, by Raman light or, with its error, an assumed lidar ratio.

    Raises
    ------
    InsufficientStatistics
        The profile has no optical depth (``no-optical-depth``).
    """
    import numpy as np

    from pellucid.atmosphere.lidar.bootstrap import low_rank
    from pellucid.atmosphere.molecular import vertical_depth
    from pellucid.atmosphere.transmission import aerosol_column, transmission
    from pellucid.formats.lidar_profile import read_lidar_profile, read_optical_depth
    from pellucid.formats.lidar_scan import write_transmission

    found, (slant, altitude) = read_optical_depth(inputs["profile"])
    if not found:
        raise InsufficientStatistics(
            "The profile has no optical depth to make a transmission of.",
            expected="a Raman channel with enough light, or clean air above the aerosol and below clouds",
            got="neither at any wavelength",
            mend="sum more files, or take the profile of another time",
            code="no-optical-depth",
        )
    nm, depth = min(found.items())
    wavelength = read_lidar_profile(inputs["profile"]).attributes[f"nm{nm}"]
    flags = [] if isinstance(wavelength, dict) and wavelength["has_raman"] else ["assumed-lidar-ratio"]
    cosine = float(np.cos(np.deg2rad(slant)))
    top = min(float(parameters["top"]), depth.trusted * cosine)
    height = np.arange(float(parameters["step"]), top, float(parameters["step"]))
    if height.size < 2:
        raise ConfigurationError(
            "The table of transmission has no heights.",
            expected=f"steps that fit twice below {top:.0f} m",
            got=f"{parameters['step']} m",
            code="no-heights",
        )
    aerosol, covariance = aerosol_column(
        height,
        depth.range * cosine,
        depth.value * cosine,
        depth.covariance * cosine**2,
        start=depth.start * cosine,
        below=(depth.below * cosine, depth.below_error * cosine),
    )
    shape = (len(parameters["zenith"]), len(parameters["colours"]), height.size)
    value, error, diagonal = (np.empty(shape) for _ in range(3))
    factors = np.empty((*shape, min(8, height.size)))
    for j, colour in enumerate(parameters["colours"]):
        molecular = vertical_depth(height, float(colour), altitude)
        for i, zenith in enumerate(parameters["zenith"]):
            t = transmission(
                height,
                molecular,
                aerosol,
                covariance,
                zenith=float(zenith),
                altitude=altitude,
                colour=(float(colour), float(nm)),
                angstrom=float(parameters["angstrom"]),
                angstrom_error=float(parameters["angstrom_error"]),
            )
            value[i, j], error[i, j] = t.value, t.error
            factors[i, j], diagonal[i, j] = low_rank(t.covariance, factors.shape[-1])
    axes = {
        "height": height,
        "wavelength": np.asarray(parameters["colours"], np.float64),
        "zenith": np.asarray(parameters["zenith"], np.float64),
    }
    values = {"transmission": value, "error": error, "factors": factors, "diagonal": diagonal}
    attributes = {"lidar_wavelength": nm, "altitude": altitude, "flags": flags}
    write_transmission(output, {**axes, **values}, attributes, provenance)
    return {"top": float(height[-1]), "aerosol_depth": float(aerosol[-1]), "flags": [*flags]}


def _transmission(name: str, profile: str, level: str, *, alternative: bool = False) -> Step:
    return Step(
        name=name,
        version="2",
        function="pellucid.pipeline.steps.lidar:make_transmission",
        inputs={"profile": f"DL2/Monitoring/Subarray/{profile}"},
        output="DL2/Monitoring/Subarray/Transmission",
        suffix=".transmission.h5",
        parameters={
            "step": 500.0,
            "top": 15000.0,
            "zenith": [0.0, 20.0, 40.0, 52.0, 60.0, 75.0],
            "colours": [300.0, 355.0, 400.0, 450.0, 532.0, 600.0],
            "angstrom": 1.0,
            "angstrom_error": 0.3,
        },
        levels=(level,),
        alternative=alternative,
        cost=0.1,
    )


_RAW = Input("DL0/Monitoring/Subarray/Lidar", many=True)

STEPS = (
    Step(
        name="lidar-night",
        version="1",
        function="pellucid.pipeline.steps.lidar:make_night",
        inputs={"lidar": _RAW},
        output="DL2/Monitoring/Subarray/LidarNight",
        suffix=".lidar-night.h5",
        parameters={**COMMON, "wavelengths": [[355, 387]], "files_per_profile": 5, "cell": 60.0},
        levels=("B",),
        cost=30.0,
    ),
    Step(
        name="lidar-scan",
        version="1",
        function="pellucid.pipeline.steps.lidar:make_scan",
        inputs={"lidar": Input("DL0/Monitoring/Subarray/LidarScan", many=True, window="30 min")},
        output="DL2/Monitoring/Subarray/LidarScan",
        suffix=".lidar-scan.h5",
        parameters={**COMMON, "stop": 9400.0, "wavelengths": [[355, 387]]},
        levels=("B", "C"),
        cost=2.0,
    ),
    _transmission("lidar-transmission-online", "LidarElastic", "A"),
    _transmission("lidar-transmission", "LidarRaman", "B"),
    _transmission("lidar-transmission-elastic", "LidarElastic", "B", alternative=True),
    _transmission("lidar-transmission-final", "LidarFinal", "C"),
)
"""``lidar-night``: ``files_per_profile`` files are summed to a profile, told in cells of height of ``cell``
m. ``lidar-scan``: heights ``start`` to ``stop`` in m, from files of several zenith angles.
``lidar-transmission``: T(height, wavelength, zenith) in steps of ``step`` m above the site, for ``colours``
in nm and ``zenith`` in deg, with its covariance between heights; ``-online`` and ``-elastic`` from elastic
light, with the error of the assumed lidar ratio, ``-final`` from the profile of level C.
"""
