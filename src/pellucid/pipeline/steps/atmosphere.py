# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the atmosphere: a LIDAR's raw file to profiles of the air, at three levels.

Level A: elastic light on-line, level B: Raman light on site, level C: with the night's own profile of the
air, and errors drawn with all that is not known well.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.step import Files, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    from pellucid.atmosphere.lidar.angstrom import Angstrom
    from pellucid.atmosphere.lidar.chain import Analysis, AnalysisOptions, Channel
    from pellucid.atmosphere.lidar.dead_time import DeadTimeFit
    from pellucid.atmosphere.lidar.signal import Signal
    from pellucid.atmosphere.molecular import Air
    from pellucid.formats.licel import LicelFile

__all__ = [
    "COMMON",
    "STEPS",
    "analyse_files",
    "channel_pair",
    "channel_signal",
    "clock_zone",
    "colours",
    "make_profile",
    "options_of",
    "summary_of",
]

_STEADY = 0.5
"""Change of the zenith angle in deg above which files are not of one direction."""


def make_profile(inputs: Files, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Make profiles of the air from one recording of a LIDAR.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``lidar``: a Licel file; ``air``, at level C: a profile of the air.
    """
    from pellucid.formats.licel import read_licel
    from pellucid.formats.lidar_profile import write_lidar_profile

    air = None
    if "air" in inputs:
        from pellucid.formats.air_profile import read_air_profile

        air = read_air_profile(inputs["air"])
    file = read_licel(inputs["lidar"], clock_zone(parameters))
    analyses = analyse_files([file], parameters, air)
    exponents = colours(analyses)
    place = (file.header.zenith, file.header.altitude)
    write_lidar_profile(output, analyses, provenance, place, exponents)
    found: Summary = {"time_start": file.start, "time_stop": file.stop, **summary_of(analyses)}
    if exponents:
        found |= {"angstrom": exponents[-1].value, "angstrom_error": exponents[-1].error}
    return found


def analyse_files(
    files: "Sequence[LicelFile]", parameters: Parameters, air: "Air | None" = None
) -> "dict[int, Analysis]":
    """Analyse recordings of one LIDAR and one direction, summed; a night's files or a single one.

    Parameters
    ----------
    files : sequence of LicelFile
        With one set of channels.
    parameters : mapping
        Those of `STEPS`, complete.
    air : Air, optional
        Over height above sea level; the U.S. Standard Atmosphere where not given.

    Returns
    -------
    dict of int to Analysis
        By elastic wavelength in nm.
    """
    from pellucid.atmosphere.lidar.bootstrap import Unknowns, with_bootstrap
    from pellucid.atmosphere.lidar.chain import analyse

    options = options_of(parameters)
    analyses = {}
    for wavelength, raman in _pairs(parameters["wavelengths"]):
        first, second = channel_pair(files, wavelength, raman, parameters, air)
        found = analyse(first, second, options)
        if "draws" in parameters:
            unknowns = Unknowns(
                dead_time=float(parameters["dead_time_error"]) * 1e-3,
                air=float(parameters["air_error"]),
                draws=int(parameters["draws"]),
            )
            found = with_bootstrap(found, first, second, options, unknowns)
        analyses[wavelength] = found
    return analyses


def options_of(parameters: Parameters) -> "AnalysisOptions":
    """Return the options of the analysis among the parameters of a step."""
    from pellucid.atmosphere.lidar.chain import AnalysisOptions

    low, high = parameters["reference"]
    return AnalysisOptions(
        start=float(parameters["start"]),
        stop=float(parameters["stop"]),
        reference=(float(low), float(high)),
        reference_error=float(parameters["reference_error"]),
        lidar_ratio=float(parameters["lidar_ratio"]),
        lidar_ratio_error=float(parameters["lidar_ratio_error"]),
        angstrom=float(parameters["angstrom"]),
        angstrom_error=float(parameters["angstrom_error"]),
    )


def channel_pair(
    files: "Sequence[LicelFile]",
    wavelength: int,
    raman: int,
    parameters: Parameters,
    air: "Air | None" = None,
) -> "tuple[Channel, Channel | None]":
    """Return an elastic channel and its Raman channel (None where ``raman`` is 0), in nm, with their air."""
    import numpy as np

    from pellucid.atmosphere.lidar.chain import Channel
    from pellucid.atmosphere.molecular import molecular_optics, standard_air

    header = files[0].header
    end = max(float(parameters["stop"]), float(parameters["reference"][1]))
    signal = channel_signal(files, wavelength, parameters).merged().until(end)
    height = signal.range * np.cos(np.deg2rad(header.zenith)) + header.altitude
    local = standard_air(height) if air is None else air.at(height)
    cabannes = bool(parameters["cabannes"])
    first = Channel(signal, molecular_optics(local, wavelength, cabannes=cabannes))
    if not raman:
        return first, None
    other = channel_signal(files, raman, parameters).merged().until(end)
    return first, Channel(other, molecular_optics(local, raman))


def colours(analyses: "Mapping[int, Analysis]") -> "list[Angstrom]":
    """Return the Angstrom exponents between the first two wavelengths, layer by layer, the column's last.

    Only stretches whose optical depth both wavelengths know well are there.
    """
    from pellucid.atmosphere.lidar.angstrom import angstrom_exponent

    if len(analyses) < 2:
        return []
    one, two = list(analyses.values())[:2]
    if one.optical_depth is None or two.optical_depth is None or not (one.has_raman and two.has_raman):
        return []
    first, second = one.optical_depth, two.optical_depth
    low, high = max(first.start, second.start), min(first.trusted, second.trusted)
    spans = [(max(low, x.found.base), min(high, x.found.top)) for x in one.layers]
    found = []
    for span in [*spans, (low, high)]:
        try:
            found.append(angstrom_exponent(first, second, *span))
        except InsufficientStatistics:
            continue
    return found


def channel_signal(files: "Sequence[LicelFile]", wavelength: int, parameters: Parameters) -> "Signal":
    """Return the counts of a channel, dead time corrected and glued to its analog twin if it has one.

    Parameters
    ----------
    files : sequence of LicelFile
        With one set of channels, of one direction; n of them.
    wavelength : int
        In nm.
    parameters : mapping
        Those of `STEPS`; a ``dead_time`` below 0 means that it is found by comparing the twins.

    Returns
    -------
    Signal
        n profiles.

    Raises
    ------
    CorruptedInput
        The files look in different directions (``lidar-directions``).
    """
    import numpy as np

    from pellucid.atmosphere.lidar.gluing import glued
    from pellucid.atmosphere.lidar.signal import photon_signal

    file = files[0]
    zenith = np.array([f.header.zenith for f in files])
    if np.ptp(zenith) > _STEADY:
        raise CorruptedInput(
            "The files of one profile look in different directions.",
            where=f"{files[0].header.name} to {files[-1].header.name}",
            expected=f"one zenith angle within {_STEADY} deg",
            got=f"{zenith.min():.1f} to {zenith.max():.1f} deg",
            mend="sum files of one direction; a scan has a step of its own: lidar-scan",
            code="lidar-directions",
        )
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
    return signal


def _twin(
    files: "Sequence[LicelFile]", wavelength: int, raw: Any, shots: Any, parameters: Parameters
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


def summary_of(analyses: "Mapping[int, Analysis]") -> Summary:
    """Return the numbers of analyses, by wavelength in nm, that one wants to search by."""
    summary: Summary = {"layers": 0, "clouds": 0, "flags": []}
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


def clock_zone(parameters: Parameters) -> Any:
    """Return the time zone of the LIDAR's clock.

    Raises
    ------
    ConfigurationError
        There is none of this name (``unknown-time-zone``).
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    name = str(parameters["time_zone"])
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


COMMON: dict[str, JSON] = {
    "time_zone": "UTC",
    "background": [45000.0, 60000.0],
    "dead_time": -1.0,
    "gluing": [10.0, 30.0],
    "start": 400.0,
    "stop": 18000.0,
    "reference": [3000.0, 18000.0],
    "reference_error": 1e-8,
    "lidar_ratio": 50.0,
    "lidar_ratio_error": 15.0,
    "angstrom": 1.0,
    "angstrom_error": 0.5,
    "cabannes": False,
}
"""Parameters of all steps of LIDARs."""

_RAW = "DL0/Monitoring/Subarray/Lidar"

STEPS = (
    Step(
        name="lidar-elastic",
        version="3",
        function="pellucid.pipeline.steps.atmosphere:make_profile",
        inputs={"lidar": _RAW},
        output="DL2/Monitoring/Subarray/LidarElastic",
        suffix=".lidar.h5",
        parameters={**COMMON, "wavelengths": [[355, 0]]},
        levels=("A", "B"),
        cost=0.02,
    ),
    Step(
        name="lidar-raman",
        version="2",
        function="pellucid.pipeline.steps.atmosphere:make_profile",
        inputs={"lidar": _RAW},
        output="DL2/Monitoring/Subarray/LidarRaman",
        suffix=".lidar.h5",
        parameters={**COMMON, "wavelengths": [[355, 387]]},
        levels=("B",),
        cost=0.05,
    ),
    Step(
        name="lidar-final",
        version="1",
        function="pellucid.pipeline.steps.atmosphere:make_profile",
        inputs={"lidar": _RAW, "air": Input("DL0/Monitoring/Array/AirProfile", window="12 h")},
        output="DL2/Monitoring/Subarray/LidarFinal",
        suffix=".lidar.h5",
        parameters={
            **COMMON,
            "wavelengths": [[355, 387]],
            "draws": 100,
            "dead_time_error": 0.5,
            "air_error": 0.01,
        },
        levels=("C",),
        cost=0.5,
    ),
)
"""``lidar-elastic`` (level A): Klett's solution with an assumed lidar ratio (sr). ``lidar-raman`` (level B):
extinction, backscatter, optical depth without that assumption. ``lidar-final`` (level C): with the profile
of the air of that night, and errors drawn over dead time (``dead_time_error``, ns), density of the air
(``air_error``, relative), exponent, reference and counts.

``wavelengths`` pairs each elastic wavelength with its Raman one (nm; 0: none). ``background`` is a window
in m, ``dead_time`` in ns (below 0: found by comparing counter and analog channel, which are then glued
between the rates ``gluing``, MHz), ``start`` to ``stop`` the ranges used, in m. Levels A and B take the U.S.
Standard Atmosphere above the site's altitude.
"""
