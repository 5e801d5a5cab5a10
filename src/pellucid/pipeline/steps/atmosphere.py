# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the atmosphere: a LIDAR's raw file to profiles of the air, elastic on-line, Raman on site."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.errors import ConfigurationError, InsufficientStatistics
from pellucid.pipeline.step import Step

if TYPE_CHECKING:
    from pellucid.atmosphere.lidar.chain import Analysis
    from pellucid.atmosphere.lidar.dead_time import DeadTimeFit
    from pellucid.atmosphere.lidar.signal import Signal
    from pellucid.formats.licel import LicelFile

__all__ = ["STEPS", "analyse_files", "channel_signal", "make_profile"]


def make_profile(
    inputs: Mapping[str, Path],
    output: Path,
    parameters: Mapping[str, JSON],
    provenance: Mapping[str, JSON],
) -> dict[str, JSON]:
    """Make profiles of the air from one recording of a LIDAR.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``lidar``: a Licel file.
    output : Path
        HDF5 file to write.
    parameters : mapping
        Those of `STEPS`.
    provenance : mapping
        Lineage, written into the product.

    Returns
    -------
    dict
        Numbers to search by.
    """
    from pellucid.formats.licel import read_licel
    from pellucid.formats.lidar_profile import write_lidar_profile

    file = read_licel(inputs["lidar"], _zone(str(parameters["time_zone"])))
    analyses = analyse_files([file], parameters)
    write_lidar_profile(output, analyses, provenance, file.header.zenith)
    return {"time_start": file.start, "time_stop": file.stop, **_summary(analyses)}


def analyse_files(files: "list[LicelFile]", parameters: Mapping[str, Any]) -> "dict[int, Analysis]":
    """Analyse recordings of one LIDAR and one direction, summed; a night's files or a single one.

    Parameters
    ----------
    files : list of LicelFile
        With one set of channels.
    parameters : mapping
        Those of `STEPS`, complete.

    Returns
    -------
    dict of int to Analysis
        By elastic wavelength in nm.
    """
    import numpy as np

    from pellucid.atmosphere.lidar.chain import AnalysisOptions, Channel, analyse
    from pellucid.atmosphere.molecular import molecular_optics, standard_air

    header = files[0].header
    options = AnalysisOptions(
        start=float(parameters["start"]),
        stop=float(parameters["stop"]),
        reference=tuple(parameters["reference"]),
        lidar_ratio=float(parameters["lidar_ratio"]),
        angstrom=float(parameters["angstrom"]),
        angstrom_error=float(parameters["angstrom_error"]),
    )
    analyses = {}
    end = max(options.stop, options.reference[1])
    for wavelength, raman in _pairs(parameters["wavelengths"]):
        signal = channel_signal(files, wavelength, parameters).until(end)
        height = signal.range * np.cos(np.deg2rad(header.zenith)) + header.altitude
        air = standard_air(height)
        cabannes = bool(parameters["cabannes"])
        optics = molecular_optics(air, wavelength, cabannes=cabannes)
        if raman:
            other = channel_signal(files, raman, parameters).until(end)
            analyses[wavelength] = analyse(
                Channel(signal, optics), Channel(other, molecular_optics(air, raman)), options
            )
        else:
            analyses[wavelength] = analyse(Channel(signal, optics), options=options)
    return analyses


def channel_signal(files: "list[LicelFile]", wavelength: int, parameters: Mapping[str, Any]) -> "Signal":
    """Return the summed counts of a channel, dead time corrected and glued to its analog twin if it has one.

    Parameters
    ----------
    files : list of LicelFile
        With one set of channels.
    wavelength : int
        In nm.
    parameters : mapping
        Those of `STEPS`; a ``dead_time`` below 0 means that it is found by comparing the twins.
    """
    import numpy as np

    from pellucid.atmosphere.lidar.gluing import glued
    from pellucid.atmosphere.lidar.signal import photon_signal

    file = files[0]
    photon = file.index(wavelength, photon=True)
    dataset = file.header.active[photon]
    shots = np.array([f.header.active[photon].shots for f in files], np.int64)
    raw = np.stack([f.raw[photon] for f in files])
    analog, fit = _twin(files, wavelength, raw, shots, parameters)
    dead_time = fit.tau if fit else float(parameters["dead_time"]) * 1e-3
    signal = photon_signal(
        raw, shots, dataset.bin_width, tuple(parameters["background"]), dead_time=dead_time
    )
    if fit is not None and analog is not None:
        far = signal.range >= float(parameters["background"][0])
        noise = float(np.mean(analog[:, far].std(axis=1) * np.sqrt(shots)))
        signal = glued(signal, analog, fit, noise, rates=tuple(parameters["gluing"]))
    return signal.merged()


def _twin(
    files: "list[LicelFile]", wavelength: int, raw: Any, shots: Any, parameters: Mapping[str, Any]
) -> "tuple[Any, DeadTimeFit | None]":
    """Return the analog profiles in mV and what ties them to the counter; None where it is configured."""
    import numpy as np

    from pellucid.atmosphere.lidar.dead_time import fit_dead_time

    if float(parameters["dead_time"]) >= 0.0:
        return None, None
    twin = files[0].index(wavelength, photon=False)
    width = files[0].header.active[twin].bin_width
    analog = np.stack([f.physical(twin) for f in files])
    rates = raw / shots[:, None] * 150.0 / width
    try:
        return analog, fit_dead_time(analog, rates, shots, width)
    except InsufficientStatistics as error:
        raise InsufficientStatistics(
            error.what,
            where=f"{wavelength} nm of {files[0].header.name}",
            expected=error.expected,
            got=error.got,
            mend="configure the dead time: parameter dead_time, in ns",
            code=error.code,
        ) from error


def _summary(analyses: "dict[int, Analysis]") -> dict[str, JSON]:
    summary: dict[str, JSON] = {"layers": 0, "clouds": 0, "flags": []}
    flags: set[str] = set()
    for wavelength, a in analyses.items():
        flags |= {f"{wavelength}: {flag}" for flag in a.flags}
        summary["layers"] = max(int(str(summary["layers"])), len(a.layers))
        summary["clouds"] = max(int(str(summary["clouds"])), sum(x.found.cloud for x in a.layers))
        summary[f"trusted_{wavelength}"] = a.trusted
        if a.optical_depth is not None:
            summary[f"optical_depth_{wavelength}"] = float(a.optical_depth.value[-1])
            summary[f"optical_depth_{wavelength}_error"] = float(a.optical_depth.error[-1])
    summary["flags"] = sorted(flags)
    return summary


def _zone(name: str) -> Any:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as error:
        raise ConfigurationError(
            "There is no such time zone.",
            where="time_zone",
            expected="a name such as UTC or Atlantic/Canary",
            got=repr(name),
            mend="name the zone of the clock of the LIDAR's computer",
            code="unknown-time-zone",
        ) from error


def _pairs(given: Any) -> list[tuple[int, int]]:
    try:
        pairs = [(int(elastic), int(raman)) for elastic, raman in given]
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            "These are no pairs of wavelengths.",
            where="wavelengths",
            expected="elastic and Raman wavelength in nm, as in [[355, 387], [532, 0]]",
            got=repr(given),
            code="bad-wavelengths",
        ) from error
    return sorted(pairs)


_COMMON: dict[str, JSON] = {
    "time_zone": "UTC",
    "background": [45000.0, 60000.0],
    "dead_time": -1.0,
    "gluing": [10.0, 30.0],
    "start": 400.0,
    "stop": 18000.0,
    "reference": [5000.0, 18000.0],
    "lidar_ratio": 50.0,
    "angstrom": 1.0,
    "angstrom_error": 0.5,
    "cabannes": False,
}

STEPS = (
    Step(
        name="lidar-elastic",
        version="1",
        function="pellucid.pipeline.steps.atmosphere:make_profile",
        inputs={"lidar": "DL0/Monitoring/Subarray/Lidar"},
        output="DL2/Monitoring/Subarray/LidarElastic",
        suffix=".lidar.h5",
        parameters={**_COMMON, "wavelengths": [[355, 0]]},
    ),
    Step(
        name="lidar-raman",
        version="1",
        function="pellucid.pipeline.steps.atmosphere:make_profile",
        inputs={"lidar": "DL0/Monitoring/Subarray/Lidar"},
        output="DL2/Monitoring/Subarray/LidarRaman",
        suffix=".lidar.h5",
        parameters={**_COMMON, "wavelengths": [[355, 387]]},
    ),
)
"""``lidar-elastic`` (level A): Klett's solution with an assumed lidar ratio (sr). ``lidar-raman`` (level B):
extinction, backscatter, optical depth without that assumption.

``wavelengths`` pairs each elastic wavelength with its Raman one (nm; 0: none). ``background`` is a window
in m, ``dead_time`` in ns (below 0: found by comparing counter and analog channel, which are then glued
between the rates ``gluing``, MHz), ``start`` to ``stop`` the ranges used, in m. The air is the U.S. Standard
Atmosphere above the site's altitude.
"""
