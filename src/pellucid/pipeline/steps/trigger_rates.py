# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the array's triggers to the rates of its telescopes, without dead time and gaps."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import CorruptedInput, InsufficientStatistics
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.array.triggers import LiveTime
    from pellucid.formats.array_triggers import ArrayTriggers
    from pellucid.instrument import Subarray

    type Columns = dict[str, npt.NDArray[Any]]

__all__ = ["STEPS", "make_rates"]

_FLASH = 15
"""Kinds of events up to this one are taken to calibrate: they tell nothing of showers."""

_STRAINED = 5.0, 0.01
"""Errors, and share of the live time, by which two ways to know it may differ."""


def make_rates(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Count the events of a telescope, alone and with each partner, in slices of time with its live time.

    Parameters
    ----------
    inputs : mapping
        ``pointing``: where the telescope looked; ``triggers``: DL0 files of the array's trigger, as a
        sequence; ``description``: of the array; ``throughput``: its muon efficiency; ``calibration``: its
        gain and the night sky.
    """
    import numpy as np

    from pellucid.formats.array_triggers import read_array_triggers
    from pellucid.formats.description import read_description
    from pellucid.formats.pointing import read_pointing
    from pellucid.formats.trigger_rates import write_trigger_rates

    tel_id, pointing = read_pointing(inputs["pointing"])
    subarray = read_description(inputs["description"])
    tel_ids = np.array(subarray.tel_ids)
    partner = _partners(subarray, tel_id, across=bool(parameters["across_types"]))
    parts: list[Columns] = []
    flags, silent = [], 0
    for triggers in sorted((read_array_triggers(p, tel_ids) for p in inputs["triggers"]), key=_begin):
        columns, live = _observation(triggers, int(np.searchsorted(tel_ids, tel_id)), partner, parameters)
        parts.append(columns)
        silent += live is None
        if live is not None and not parameters["beside"] and _strained(live):
            flags.append(f"dead-time-does-not-fit-arrivals-{triggers.obs_id}")
        if live is not None and live.too_busy.any():
            flags.append(f"rate-above-dead-time-limit-{triggers.obs_id}")
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    looking = pointing.at(joined["time"] + np.rint(0.5e9 * joined["duration"]).astype(np.int64))
    joined["zenith"] = 90.0 - looking.altitude.to_value("deg")
    joined["azimuth"] = looking.azimuth.to_value("deg")
    # where nobody knows where it looked, its rates mean nothing
    for name in ("live_time", "live_pairs"):
        joined[name][~looking.is_known] = 0.0
    joined |= _light(inputs, tel_id, joined["time"])
    write_trigger_rates(output, tel_id, joined, provenance)
    return {
        "telescopes": [tel_id],
        "time_start": int(joined["time"][0]),
        "time_stop": int(joined["time"][-1] + round(1e9 * joined["duration"][-1])),
        "slices": int(joined["time"].size),
        "observations": len(parts),
        "observations_without_live_time": silent,
        "slices_without_pointing": int((~looking.is_known).sum()),
        "stereo_events": int(joined["n_stereo"].sum()),
        "live_time": float(joined["live_time"].sum()),
        "time_in_gaps": float((joined["duration"] - joined["elapsed"]).sum()),
        "flags": sorted(flags),
    }


def _begin(triggers: "ArrayTriggers") -> int:
    return int(triggers.time[0])


def _partners(subarray: "Subarray", tel_id: int, *, across: bool) -> "npt.NDArray[np.bool_]":
    """Return which telescopes of an array are counted as partners of one, shape (n_telescopes,)."""
    import numpy as np

    if tel_id not in subarray.telescopes:
        raise CorruptedInput(
            "The array does not have this telescope.",
            where=f"telescope {tel_id}",
            expected=f"some of {subarray.tel_ids}",
            mend="give the description of the array that took the events",
            code="other-array",
        )
    kind = subarray.telescopes[tel_id].name
    return np.array([t != tel_id and (across or s.name == kind) for t, s in subarray.telescopes.items()])


def _observation(
    triggers: "ArrayTriggers", place: int, partner: "npt.NDArray[np.bool_]", parameters: Parameters
) -> "tuple[Columns, LiveTime | None]":
    """Return the columns of an observation; without live time where the telescope has too few events."""
    import numpy as np

    from pellucid.array.rates import all_pairs, count_coincidences
    from pellucid.array.triggers import even_slices

    first, last = int(triggers.time[0]), int(triggers.time[-1]) + 1
    edges = even_slices(first, last, round(float(parameters["slice"]) * 1e9))
    physics = triggers.event_type > _FLASH
    single, pairs = count_coincidences(triggers.time, triggers.triggered, edges, physics=physics)
    one, other = all_pairs(partner.size)
    mine = ((one == place) & partner[other]) | ((other == place) & partner[one])
    n = edges.size - 1
    columns: Columns = {
        "time": edges[:-1],
        "duration": np.diff(edges) * 1e-9,
        "n_stereo": single[:, place],
        # pairs of one telescope are in order of the other one's identifier
        "n_pairs": pairs[:, mine],
    }
    every = [_live(triggers, k, edges, parameters) for k in range(partner.size)]
    live = every[place]
    nothing, unknown = np.zeros(n), np.full(n, np.nan)
    pairs_live = [
        nothing if live is None or other is None else live.together(other, edges)
        for other, counted in zip(every, partner)
        if counted
    ]
    columns |= {
        "live_time": nothing if live is None else live.live,
        "elapsed": nothing if live is None else live.elapsed,
        "live_time_by_arrivals": unknown if live is None else live.by_arrivals,
        "live_time_by_arrivals_error": unknown if live is None else live.by_arrivals_error,
        "live_pairs": np.stack(pairs_live, axis=1) if pairs_live else np.zeros((n, 0)),
    }
    return columns, live


def _live(
    triggers: "ArrayTriggers", place: int, edges: "npt.NDArray[np.int64]", parameters: Parameters
) -> "LiveTime | None":
    """Return when a telescope was live; None where it has too few events to tell."""
    from pellucid.array.triggers import live_time

    time = triggers.time[triggers.triggered[:, place]]
    try:
        return live_time(time, edges, float(parameters["dead_time"]), beside=float(parameters["beside"]))
    except InsufficientStatistics:
        return None


def _strained(live: "LiveTime") -> bool:
    away, error = live.disagreement
    return abs(away) > max(_STRAINED[0] * error, _STRAINED[1])


def _light(inputs: Mapping[str, Any], tel_id: int, time: Any) -> "Columns":
    """Return muon efficiency, gain and night sky at some times; NaN where nothing tells them."""
    import numpy as np

    names = ("muon_efficiency", "muon_efficiency_error", "gain", "night_sky")
    columns = {name: np.full(time.size, np.nan) for name in names}
    if "throughput" in inputs:
        from pellucid.formats.throughput import telescope_throughput

        efficiency = telescope_throughput(inputs["throughput"], tel_id).efficiency
        columns["muon_efficiency"], columns["muon_efficiency_error"] = efficiency.at(time)
    if "calibration" in inputs:
        from pellucid.formats.camera_calibration import read_calibration

        calibration = read_calibration(inputs["calibration"])
        good = ~calibration.unusable[0]
        columns["gain"][:] = 1.0 / np.nanmedian(calibration.factor.value[0][good])
        if len(calibration.sky.value):
            columns["night_sky"][:] = 1e3 * np.nanmedian(calibration.sky.value[0][good])
    return columns


STEPS = (
    Step(
        name="trigger-rates",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.trigger_rates:make_rates",
        inputs={
            "pointing": "DL1/Monitoring/Telescope/Pointing",
            "triggers": Input("DL0/Event/Subarray/Observation", by="array", many=True),
            "description": "DL0/Service/Subarray/Description",
            "throughput": Input("DL2/Monitoring/Telescope/Throughput", validity=True, required=False),
            "calibration": Input("DL1/Monitoring/Telescope/CameraCalibration", required=False),
        },
        output="DL1/Monitoring/Telescope/TriggerRates",
        suffix=".trigger-rates.h5",
        parameters={
            "slice": parameter(60.0, "Length of a slice of time.", unit="s", minimum=1.0),
            "dead_time": parameter(7e-6, "Of the camera.", unit="s", minimum=0.0),
            "beside": parameter(
                0.0, "Rate of events that the camera reads out and the array drops.", unit="Hz", minimum=0.0
            ),
            "across_types": parameter(False, "Whether telescopes of other kinds are partners too."),
        },
        determinism="tolerance",
        tolerance={"/*": (1e-9, 1e-12)},
    ),
)
"""``trigger-rates``: rates of a telescope and of its pairs from the array's triggers, as the Cherenkov
Transparency Coefficient (DPPS-UC-120-2.4) asks for them. The dead time is known from the rate, and from the
arrival times alone; a product in which both do not agree is flagged.
"""
