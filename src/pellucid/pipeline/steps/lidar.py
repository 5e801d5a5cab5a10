# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of LIDARs beyond one file: a night, and a scan."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.files import Progress
from pellucid.errors import ConfigurationError, InsufficientStatistics
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.lidar_channels import (
    channel_pair,
    channel_signal,
    clock_zone,
    horizontal_shot,
    level_files,
    wavelength_pairs,
)
from pellucid.pipeline.step import ManyFiles, Parameters, Provenance, Step, Summary
from pellucid.pipeline.steps.atmosphere import (
    COMMON,
    INSTRUMENT,
    analyse_files,
    known_air,
    known_instrument,
    options_of,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.atmosphere.lidar.instrument import Instrument
    from pellucid.atmosphere.lidar.night import LidarNight
    from pellucid.atmosphere.lidar.scan_fit import ScanFit
    from pellucid.atmosphere.molecular import Air
    from pellucid.formats.licel import LicelFile

__all__ = ["STEPS", "analyse_night", "make_night", "make_scan", "scan_files"]


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
        ``lidar``: Licel files; damaged ones and those of another layout are left out and counted;
        ``instrument``, where there is one: what the night told about the LIDAR.
    """
    import numpy as np

    from pellucid.formats.licel import read_night
    from pellucid.formats.lidar_night import write_lidar_night

    night = read_night(inputs["lidar"], clock_zone(parameters))
    records = analyse_night(night.files, parameters, progress, known_instrument(inputs))
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
    files: "Sequence[LicelFile]",
    parameters: Parameters,
    progress: Progress | None = None,
    instrument: "Instrument | None" = None,
) -> "dict[int, LidarNight]":
    """Return a night's record for each elastic wavelength in nm.

    Parameters
    ----------
    files : sequence of LicelFile
        In order of time, with one set of channels; horizontal shots are left out.
    parameters : mapping
        Those of the step ``lidar-night``, complete.
    progress : callable, optional
        Called with (done, total, unit).
    instrument : Instrument, optional
        What the night told about the LIDAR.
    """
    import numpy as np

    from pellucid.atmosphere.lidar.night import Group, looks, night_of

    files, _ = level_files(files)
    edges = np.arange(0.0, float(parameters["stop"]) + 1.0, float(parameters["cell"]))
    pairs = [int(nm) for nm, _ in parameters["wavelengths"]]
    seen: dict[int, list[Any]] = {nm: [] for nm in pairs}
    groups: dict[int, list[Group]] = {nm: [] for nm in pairs}
    done = 0
    for group in _groups(files, int(parameters["files_per_profile"]), float(parameters["steady"])):
        zenith = float(np.mean([f.header.zenith for f in group]))
        analyses = analyse_files(group, parameters, None, instrument)
        times = [(f.start, f.stop) for f in group]
        for nm in pairs:
            groups[nm].append(Group((times[0][0], times[-1][1]), zenith, analyses[nm]))
            seen[nm] += looks(channel_signal(group, nm, parameters, instrument), times, zenith, edges)
        done += len(group)
        if progress is not None:
            progress(done, len(files), "files")
    return {nm: night_of(float(nm), edges, seen[nm], groups[nm]) for nm in sorted(pairs)}


def _groups(files: "Sequence[LicelFile]", most: int, steady: float) -> "Iterator[list[LicelFile]]":
    """Neighbours in time that look in one direction, without long pauses between them."""
    group: list[LicelFile] = []
    for file in files:
        if group:
            turned = abs(file.header.zenith - group[0].header.zenith) > steady
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
        ``lidar``: Licel files of at least two zenith angles, and horizontal shots, as may be; ``instrument``
        and ``air``, where there are any: what the night told about the LIDAR, and a profile of the air.
    """
    import numpy as np

    from pellucid.formats.licel import read_night
    from pellucid.formats.lidar_scan import write_lidar_scan

    night = read_night(inputs["lidar"], clock_zone(parameters))
    scans, zenith, flags = scan_files(night.files, parameters, known_instrument(inputs), known_air(inputs))
    time = int(night.times[0, 0]), int(night.times[-1, 1])
    write_lidar_scan(output, scans, provenance, zenith, time)
    summary: Summary = {
        "time_start": int(night.times[0, 0]),
        "time_stop": int(night.times[-1, 1]),
        "directions": int(zenith.size),
        "flags": flags + [f"{nm}: uneven-layers" for nm, s in scans.items() if not s.plain.uniform()],
    }
    for nm, scan in scans.items():
        summary[f"optical_depth_{nm}"] = float(scan.value[-1])
        summary[f"optical_depth_{nm}_error"] = float(np.sqrt(scan.covariance[-1, -1]))
    return summary


def scan_files(
    files: "Sequence[LicelFile]",
    parameters: Parameters,
    instrument: "Instrument | None" = None,
    air: "Air | None" = None,
) -> "tuple[dict[int, ScanFit], npt.NDArray[np.float64], list[str]]":
    """Return the fit of a scan for each elastic wavelength in nm, its zenith angles in deg, and flags.

    The Raman channel of the most upright direction, where it is paired with one, is the prior. Horizontal
    shots tell the extinction at the ground; where they are too dark, that is flagged (``no-horizontal``).
    """
    import numpy as np

    from pellucid.atmosphere.lidar.chain import analyse
    from pellucid.atmosphere.lidar.scan import Ray, scan_table
    from pellucid.atmosphere.lidar.scan_fit import fit_scan

    sky, level = level_files(files)
    steady = float(parameters["steady"])
    directions: dict[float, list[LicelFile]] = {}
    for file in sky:
        angle = next((z for z in directions if abs(z - file.header.zenith) <= steady), file.header.zenith)
        directions.setdefault(angle, []).append(file)
    angles = sorted(directions)
    if not angles:
        raise _no_scan(len(level))
    # slanted directions reach a height further away
    longest = float(parameters["stop"]) / np.cos(np.deg2rad(angles[-1]))
    last = float(min(longest, float(parameters["background"][0])))
    far = {**parameters, "stop": last, "reference": [parameters["reference"][0], last]}
    fits: dict[int, ScanFit] = {}
    flags: list[str] = []
    for nm, raman in wavelength_pairs(parameters["wavelengths"]):
        rays, prior, ground = [], None, None
        for angle in angles:
            shifts = raman if angle == angles[0] else 0
            elastic, shifted = channel_pair(directions[angle], nm, shifts, far, air, instrument)
            rays.append(Ray(elastic.signal, elastic.optics, angle))
            if shifted is not None:
                options = options_of(parameters, nm, angle, elastic.signal.range)
                prior = analyse(elastic, shifted, options).optical_depth
        if level:
            try:
                _, ground, _ = horizontal_shot(level, nm, parameters, instrument, air)
            except InsufficientStatistics as error:
                flags.append(f"{nm}: {error.code}")
        table = scan_table(rays, float(parameters["start"]), float(parameters["stop"]))
        secant = float(1.0 / np.cos(np.deg2rad(angles[0])))
        fits[nm] = fit_scan(table, prior, prior_secant=secant, ground=ground)
    return fits, np.array(angles), flags


def _no_scan(level: int) -> ConfigurationError:
    return ConfigurationError(
        "These directions make no scan.",
        expected="two or more zenith angles below 85 deg",
        got=f"{level} horizontal shots alone",
        mend="take the files of all directions of the scan",
        code="scan-angles",
    )


_RAW = Input("DL0/Monitoring/Subarray/Lidar", many=True)

STEPS = (
    Step(
        name="lidar-night",
        version="2",
        function="pellucid.pipeline.steps.lidar:make_night",
        inputs={"lidar": _RAW, "instrument": INSTRUMENT},
        output="DL2/Monitoring/Subarray/LidarNight",
        suffix=".lidar-night.h5",
        parameters={**COMMON, "wavelengths": [[355, 387]], "files_per_profile": 5, "cell": 60.0},
        levels=("B",),
        cost=30.0,
    ),
    Step(
        name="lidar-scan",
        version="2",
        function="pellucid.pipeline.steps.lidar:make_scan",
        inputs={
            "lidar": Input("DL0/Monitoring/Subarray/LidarScan", many=True, window="30 min"),
            "instrument": INSTRUMENT,
            "air": Input("DL0/Monitoring/Array/AirProfile", window="12 h", required=False),
        },
        output="DL2/Monitoring/Subarray/LidarScan",
        suffix=".lidar-scan.h5",
        parameters={**COMMON, "stop": 9400.0, "wavelengths": [[355, 387]]},
        levels=("B", "C"),
        cost=2.0,
    ),
)
"""``lidar-night``: ``files_per_profile`` files are summed to a profile, told in cells of height of ``cell``
m. ``lidar-scan``: heights ``start`` to ``stop`` in m, from files of several zenith angles; horizontal shots
among them (85 deg and more), straight over the ranges ``straight`` in m, tell the extinction at the ground.
"""
