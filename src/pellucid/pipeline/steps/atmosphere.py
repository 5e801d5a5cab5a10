# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the atmosphere: a LIDAR's raw file to profiles of the air, at three levels.

Level A: elastic light on-line, level B: Raman light on site, level C: with the night's own profile of the
air, and errors drawn with all that is not known well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.errors import InsufficientStatistics, UsageError
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.lidar_channels import (
    LEVEL,
    busy,
    channel_pair,
    clock_zone,
    wavelength_pairs,
)
from pellucid.pipeline.step import Files, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.atmosphere.lidar.angstrom import Angstrom
    from pellucid.atmosphere.lidar.chain import Analysis
    from pellucid.atmosphere.lidar.instrument import Instrument
    from pellucid.atmosphere.lidar.options import AnalysisOptions
    from pellucid.atmosphere.molecular import Air
    from pellucid.formats.licel import LicelFile

__all__ = [
    "COMMON",
    "INSTRUMENT",
    "STEPS",
    "analyse_files",
    "colours",
    "known_air",
    "known_instrument",
    "make_profile",
    "options_of",
    "summary_of",
]


def make_profile(inputs: Files, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Make profiles of the air from one recording of a LIDAR.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``lidar``: a Licel file; ``instrument``, where there is one: what its night told about the LIDAR;
        ``air``, at level C: a profile of the air.
    """
    from pellucid.formats.licel import read_licel
    from pellucid.formats.lidar_profile import write_lidar_profile

    file = read_licel(inputs["lidar"], clock_zone(parameters))
    analyses = analyse_files([file], parameters, known_air(inputs), known_instrument(inputs))
    exponents = colours(analyses)
    place = (file.header.zenith, file.header.altitude)
    write_lidar_profile(output, analyses, provenance, place, (file.start, file.stop), exponents)
    found: Summary = {"time_start": file.start, "time_stop": file.stop, **summary_of(analyses)}
    if exponents:
        found |= {"angstrom": exponents[-1].value, "angstrom_error": exponents[-1].error}
    return found


def known_air(inputs: Mapping[str, Any]) -> "Air | None":
    """Return the profile of the air, where there is one among the inputs (role ``air``)."""
    from pellucid.formats.air_profile import read_air_profile

    return read_air_profile(inputs["air"]) if "air" in inputs else None


def known_instrument(inputs: Mapping[str, Any]) -> "Instrument | None":
    """Return what a night told about the LIDAR, where it is among the inputs (role ``instrument``)."""
    from pellucid.formats.lidar_instrument import read_lidar_instrument

    return read_lidar_instrument(inputs["instrument"]) if "instrument" in inputs else None


def analyse_files(
    files: "Sequence[LicelFile]",
    parameters: Parameters,
    air: "Air | None" = None,
    instrument: "Instrument | None" = None,
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
    instrument : Instrument, optional
        Dead times and overlap; dead times are found in the files themselves where not given.

    Returns
    -------
    dict of int to Analysis
        By elastic wavelength in nm.
    """
    from pellucid.atmosphere.lidar.bootstrap import Unknowns, with_bootstrap
    from pellucid.atmosphere.lidar.chain import analyse

    analyses = {}
    zenith = files[0].header.zenith
    if zenith >= LEVEL:
        raise UsageError(
            "A horizontal shot makes no profile.",
            where=files[0].header.name,
            expected=f"a zenith angle below {LEVEL:g} deg",
            got=f"{zenith:g} deg",
            mend="use it for the overlap or in a scan: steps lidar-instrument, lidar-scan",
            code="lidar-horizontal",
        )
    for wavelength, raman in wavelength_pairs(parameters["wavelengths"]):
        first, second = channel_pair(files, wavelength, raman, parameters, air, instrument)
        options = options_of(parameters, wavelength, zenith, first.signal.range)
        found = analyse(first, second, options)
        if any(busy(files, nm, parameters) for nm in (wavelength, raman) if nm):
            found = replace(found, flags=(*found.flags, "busy-counter"))
        if "draws" in parameters:
            unknowns = Unknowns(
                dead_time=float(parameters["dead_time_error"]) * 1e-3,
                air=float(parameters["air_error"]),
                draws=int(parameters["draws"]),
            )
            found = with_bootstrap(found, first, second, options, unknowns)
        analyses[wavelength] = found
    return analyses


def options_of(
    parameters: Parameters, wavelength: int, zenith: float, distance: "npt.NDArray[np.float64]"
) -> "AnalysisOptions":
    """Return the options of the analysis among the parameters of a step.

    Parameters
    ----------
    parameters : mapping
        Of a step.
    wavelength : int
        Elastic, in nm.
    zenith : float
        In deg.
    distance : ndarray of float64, shape (n_bins,)
        Range of the bins, in m.

    Raises
    ------
    ConfigurationError
        The column's optical depth or the profile of lidar ratios is none (``bad-column``,
        ``bad-lidar-ratio``).
    """
    import numpy as np

    from pellucid.atmosphere.lidar.options import AnalysisOptions
    from pellucid.pipeline.number_tables import number_columns

    low, high = parameters["reference"]
    slope = float(np.cos(np.deg2rad(zenith)))
    ratio: Any = float(parameters["lidar_ratio"])
    profile = parameters["lidar_ratio_profile"]
    if profile is not None:
        example = "[[0, 55], [3000, 45]]"
        height, ratios = number_columns(profile, "lidar_ratio_profile", 2, example, "bad-lidar-ratio")
        ratio = np.interp(distance * slope, height, ratios)
    column = None
    if parameters["column"] is not None:
        example = "[[355, 0.15, 0.02]]"
        rows = number_columns(parameters["column"], "column", 3, example, "bad-column").T
        column = next(((tau / slope, error / slope) for nm, tau, error in rows if nm == wavelength), None)
    return AnalysisOptions(
        start=float(parameters["start"]),
        stop=float(parameters["stop"]),
        reference=(float(low), float(high)),
        reference_error=float(parameters["reference_error"]),
        lidar_ratio=ratio,
        lidar_ratio_error=float(parameters["lidar_ratio_error"]),
        column=column,
        angstrom=float(parameters["angstrom"]),
        angstrom_error=float(parameters["angstrom_error"]),
    )


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


COMMON: dict[str, JSON] = {
    "time_zone": "UTC",
    "background": [45000.0, 60000.0],
    "dead_time": -1.0,
    "paralysable": False,
    "zero_bin": 0.0,
    "gluing": [10.0, 30.0],
    "joint": False,
    "steady": 0.5,
    "start": 400.0,
    "stop": 18000.0,
    "reference": [3000.0, 18000.0],
    "reference_error": 1e-8,
    "lidar_ratio": 50.0,
    "lidar_ratio_error": 15.0,
    "lidar_ratio_profile": None,
    "column": None,
    "angstrom": 1.0,
    "angstrom_error": 0.5,
    "cabannes": False,
    "co2": 400.0,
    "ozone": 300.0,
    "straight": [1000.0, 4000.0],
}
"""Parameters of all steps of LIDARs."""

_RAW = "DL0/Monitoring/Subarray/Lidar"
INSTRUMENT = Input("DL1/Monitoring/Subarray/LidarInstrument", window="12 h", required=False)
"""What a night told about the LIDAR; profiles do without it, too."""

STEPS = (
    Step(
        name="lidar-elastic",
        version="4",
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
        version="3",
        function="pellucid.pipeline.steps.atmosphere:make_profile",
        inputs={"lidar": _RAW, "instrument": INSTRUMENT},
        output="DL2/Monitoring/Subarray/LidarRaman",
        suffix=".lidar.h5",
        parameters={**COMMON, "wavelengths": [[355, 387]]},
        levels=("B",),
        cost=0.05,
    ),
    Step(
        name="arcade-raman",
        version="1",
        function="pellucid.pipeline.steps.atmosphere:make_profile",
        inputs={"lidar": "DL0/Monitoring/Subarray/Arcade"},
        output="DL2/Monitoring/Subarray/ArcadeRaman",
        suffix=".lidar.h5",
        parameters={**COMMON, "wavelengths": [[355, 387]]},
        levels=("B",),
        cost=0.05,
    ),
    Step(
        name="lidar-final",
        version="2",
        function="pellucid.pipeline.steps.atmosphere:make_profile",
        inputs={
            "lidar": _RAW,
            "air": Input("DL0/Monitoring/Array/AirProfile", window="12 h"),
            "instrument": INSTRUMENT,
        },
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
"""``lidar-elastic`` (level A): Klett's solution with a lidar ratio (sr) that is assumed, a number or with
height (``lidar_ratio_profile``: m above the LIDAR, sr), or that follows from the optical depth of all aerosol
(``column``: nm, vertical depth, error), as a photometer or stars tell it. ``lidar-raman`` (level B):
extinction, backscatter, optical depth without that assumption. ``lidar-final`` (level C): with the profile
of the air of that night, and errors drawn over dead time (``dead_time_error``, ns), density of the air
(``air_error``, relative), exponent, reference and counts. ``arcade-raman`` is ``lidar-raman`` for recordings
of the ARCADE LIDAR, which the products of the others are compared with.

``wavelengths`` pairs each elastic wavelength with its Raman one (nm; 0: none). ``background`` is a window
in m, negative before the shot, which lies ``zero_bin`` bins from the start of the record. ``dead_time`` is in
ns; below 0 it is that of the night's ``lidar-instrument``, or else found by comparing counter and analog
channel, which are then glued between the rates ``gluing`` (MHz), or by the likelihood of both (``joint``);
``paralysable`` counters prolong it. ``start`` to ``stop`` are the ranges used, in m; ``steady`` is the change
of the zenith angle within one profile, in deg. ``cabannes`` filters pass the central line alone; ``co2`` is
in 1e-6, ``ozone`` in Dobson units. Levels A and B take the U.S. Standard Atmosphere above the site.
"""
