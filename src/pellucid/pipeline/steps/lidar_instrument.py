# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of a LIDAR's own calibration: dead times and overlap from all files of a night."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import InsufficientStatistics, MissingInput
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.lidar_channels import (
    LEVEL,
    channel_pair,
    channel_signal,
    clock_zone,
    counted,
    horizontal_shot,
    level_files,
    recorded,
    twin_fit,
    wavelength_pairs,
)
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import ManyFiles, Parameters, Provenance, Step, Summary
from pellucid.pipeline.steps.atmosphere import COMMON, options_of

if TYPE_CHECKING:
    from pellucid.atmosphere.lidar.dead_time import DeadTimeFit
    from pellucid.atmosphere.lidar.instrument import Instrument
    from pellucid.atmosphere.lidar.overlap import Overlap
    from pellucid.formats.licel import LicelFile

__all__ = ["STEPS", "instrument_of", "make_instrument"]


def make_instrument(
    inputs: ManyFiles, output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Find a LIDAR's dead times, the ties between its twin channels, and its overlap, from a night.

    Parameters
    ----------
    inputs : mapping of str to sequence of Path
        ``lidar``: Licel files; damaged ones and those of another layout are left out.

    Raises
    ------
    InsufficientStatistics
        No pair of twins tells a dead time (``no-dead-time``).
    """
    from pellucid.formats.licel import read_night
    from pellucid.formats.lidar_instrument import write_lidar_instrument

    night = read_night(inputs["lidar"], clock_zone(parameters))
    instrument, flags = instrument_of(night.files, parameters)
    time = int(night.times[0, 0]), int(night.times[-1, 1])
    write_lidar_instrument(output, instrument, flags, provenance, time)
    summary: Summary = {
        "time_start": time[0],
        "time_stop": time[1],
        "files": len(night.files),
        "flags": flags,
    }
    for nm, fit in instrument.twins.items():
        summary |= {f"dead_time_{nm}": fit.tau * 1e3, f"dead_time_{nm}_error": fit.tau_error * 1e3}
    for nm, overlap in instrument.overlap.items():
        summary[f"full_overlap_{nm}"] = overlap.full
    return summary


def instrument_of(files: "Sequence[LicelFile]", parameters: Parameters) -> "tuple[Instrument, list[str]]":
    """Return what files tell about the LIDAR, and what they do not tell, as flags.

    The files of the most upright direction are summed; horizontal shots tell the overlap alone.

    Parameters
    ----------
    files : sequence of LicelFile
        With one set of channels.
    parameters : mapping
        Those of the step ``lidar-instrument``, complete.

    Raises
    ------
    InsufficientStatistics
        No pair of twins tells a dead time (``no-dead-time``).
    MissingInput
        The overlap is to come from horizontal shots, and there are none (``no-horizontal``); see also
        `recorded`.
    """
    from pellucid.atmosphere.lidar.instrument import Instrument

    sky, level = level_files(files)
    least = min((f.header.zenith for f in sky), default=0.0)
    upright = [f for f in sky if f.header.zenith - least <= float(parameters["steady"])] or level
    pairs = wavelength_pairs(parameters["wavelengths"])
    twins: dict[int, DeadTimeFit] = {}
    flags, problem = [], None
    for nm in sorted({nm for pair in pairs for nm in pair if nm}):
        try:
            twins[nm] = twin_fit(recorded(upright, nm, parameters), parameters)
        except InsufficientStatistics as error:
            problem = error
            flags.append(f"{nm}: {error.code}")
    if not twins and problem is not None:
        raise problem
    found = Instrument(twins)
    overlap: dict[int, Overlap] = {}
    for elastic, raman in pairs if parameters["overlap"] != "none" else []:
        if elastic not in twins:
            continue
        try:
            overlap[elastic] = _overlap((elastic, raman), upright, level, parameters, found)
        except InsufficientStatistics as error:
            flags.append(f"{elastic}: {error.code}")
    return Instrument(twins, overlap), flags


def _overlap(
    pair: tuple[int, int],
    upright: "Sequence[LicelFile]",
    level: "Sequence[LicelFile]",
    parameters: Parameters,
    instrument: "Instrument",
) -> "Overlap":
    """The overlap of an elastic channel, in the way that is asked for."""
    if parameters["overlap"] == "horizontal":
        found = _by_horizontal_shots(pair[0], level, parameters, instrument)
    elif parameters["overlap"] == "near-range":
        found = _by_near_telescope(pair[0], upright, parameters, instrument)
    else:
        found = _by_raman_light(pair, upright, parameters, instrument)
    near = found.until(float(parameters["full"]))
    if not math.isfinite(near.full):
        raise _untold(f"a full overlap below {parameters['full']:g} m", "less than 0.99 up to there")
    return near


def _by_raman_light(
    pair: tuple[int, int], files: "Sequence[LicelFile]", parameters: Parameters, instrument: "Instrument"
) -> "Overlap":
    import numpy as np

    from pellucid.atmosphere.lidar.chain import analyse, windows
    from pellucid.atmosphere.lidar.overlap import raman_elastic_overlap
    from pellucid.atmosphere.lidar.raman import raman_backscatter

    elastic, raman = channel_pair(files, *pair, parameters, instrument=instrument)
    if raman is None:
        raise _untold("a Raman channel", "none")
    options = options_of(parameters, pair[0], files[0].header.zenith, elastic.signal.range)
    found = analyse(elastic, raman, options)
    if found.reference is None:
        raise _untold("clean air to refer to", "none")
    at = (found.reference.low, found.reference.high)
    _, narrow = windows(elastic.signal, options)
    # the ratio holds down to the ground, where the overlap is wanted
    near = (elastic.signal.range > 0.0) & (elastic.signal.range < options.start)
    row = np.arange(narrow.size)
    half = np.where(near, np.minimum(row, 4), narrow)
    beta = raman_backscatter(
        elastic.signal, raman.signal, elastic.optics, raman.optics, found.extinction.value, half, at
    )
    mean = float(np.mean(options.lidar_ratio))
    return raman_elastic_overlap(
        elastic.signal,
        elastic.optics,
        beta,
        at,
        lidar_ratio=mean,
        lidar_ratio_error=options.lidar_ratio_error,
    )


def _by_horizontal_shots(
    nm: int, files: "Sequence[LicelFile]", parameters: Parameters, instrument: "Instrument"
) -> "Overlap":
    from pellucid.atmosphere.lidar.overlap import horizontal_overlap

    if not files:
        raise MissingInput(
            "There are no horizontal shots.",
            expected=f"files with a zenith angle of {LEVEL:g} deg or more",
            got="none",
            mend="take some, or find the overlap in another way: parameter overlap",
            code="no-horizontal",
        )
    signal, shot, molecular = horizontal_shot(files, nm, parameters, instrument)
    return horizontal_overlap(signal, shot, molecular)


def _by_near_telescope(
    nm: int, files: "Sequence[LicelFile]", parameters: Parameters, instrument: "Instrument"
) -> "Overlap":
    from pellucid.atmosphere.lidar.overlap import near_range_overlap

    end = float(parameters["stop"])
    far = channel_signal(files, nm, parameters, instrument).merged().until(end)
    beside = recorded(files, nm, parameters, twin=False, device=str(parameters["near"]))
    # a counter of the same kind
    near = counted(beside, instrument.twins[nm].tau, parameters).merged().until(end)
    low, high = parameters["straight"]
    return near_range_overlap(far, near, (float(low), float(high)))


def _untold(expected: str, got: str) -> InsufficientStatistics:
    return InsufficientStatistics(
        "The overlap cannot be told from this night.",
        expected=expected,
        got=got,
        mend="take a clear night, or find the overlap in another way: parameter overlap",
        code="no-overlap",
    )


STEPS = (
    Step(
        name="lidar-instrument",
        version="1",
        function="pellucid.pipeline.steps.lidar_instrument:make_instrument",
        inputs={"lidar": Input("DL0/Monitoring/Subarray/Lidar", many=True)},
        output="DL1/Monitoring/Subarray/LidarInstrument",
        suffix=".lidar-instrument.h5",
        parameters={
            **COMMON,
            "wavelengths": [[355, 387]],
            "overlap": parameter(
                "none",
                "How the overlap is found.",
                choices=("none", "raman-elastic", "horizontal", "near-range"),
            ),
            "near": "",
            "full": 1500.0,
        },
        levels=("B", "C"),
        cost=5.0,
    ),
)
"""``lidar-instrument``: dead time of each counter, delay and scale of its analog twin, with errors, and,
where ``overlap`` names a way, the overlap: by Raman and elastic light, by horizontal shots (straight over the
ranges ``straight``, m), or by the device ``near`` of a telescope that sees the beam earlier (compared over
``straight``). Below the range ``full``, m, it must have become full.
"""
