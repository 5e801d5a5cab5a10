# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of special runs of a camera's flasher: dim flashes, several brightnesses, several voltages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.step import Parameters, Provenance, Step, Summary
from pellucid.pipeline.steps.camera import (
    EVENTS,
    FLASHES,
    OPTIONS,
    PEDESTALS,
    SLOW_CONTROL,
    calibration_files,
    calibration_options,
    slow_control,
)

if TYPE_CHECKING:
    from pellucid.formats.calibration_events import CalibrationFiles

__all__ = ["STEPS", "make_filter_scan", "make_spe_gains", "make_time_walk"]

_DIM = "DL0/Event/Telescope/SinglePhotoElectron"


def make_spe_gains(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Make the gains of one telescope's pixels from single photo-electrons.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: DL0 file with dim flashes; ``description``: description of the array; ``dark``: files with
        events without light, optional, which may be in the first file too; ``voltages``: files with dim
        flashes at other voltages, optional, at which pixels have the same shape.
    """
    import numpy as np

    from pellucid.camera.spe.gains import SpeOptions, calibrate_single_photoelectrons
    from pellucid.formats.spe_gains import write_spe_gains

    files, *others = _each(inputs, inputs.get("voltages", ()), inputs.get("dark", ()))
    made = calibrate_single_photoelectrons(
        files.telescope, files.events, SpeOptions(**parameters), [other.events for other in others]
    )
    write_spe_gains(output, made, provenance, files.first.obs_id)
    fit, good = made.fit, made.fit.usable
    summary: Summary = {
        "obs_id": files.first.obs_id,
        "telescopes": files.first.subarray.tel_ids,
        "time_start": made.start,
        "time_stop": made.stop,
        "flashes": int(fit.n.max()),
        "dark_pedestals": made.n_dark,
        "pixels_with_gain": int(good.sum()),
        "other_voltages": len(made.others),
    }
    if good.any():
        medians = {"gain": fit.gain, "gain_error": fit.gain_error, "light": fit.light, "excess": fit.excess}
        summary |= {f"median_{name}": float(np.median(values[good])) for name, values in medians.items()}
    return summary


def make_filter_scan(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Fit what fluctuates in flashes beside their light, from several brightnesses.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: DL0 file with flashes; ``filters``: files with flashes of other brightnesses, two at
        least; ``pedestals``: files of pedestals, which may be among the flashes too; ``description``:
        description of the array.
    """
    import numpy as np

    from pellucid.camera.filters import calibrate_filters
    from pellucid.formats.filter_scan import write_filter_scan

    every = _each(inputs, inputs["filters"], inputs.get("pedestals", ()))
    first, options = every[0].first, calibration_options(parameters)
    made = calibrate_filters(every[0].telescope, [files.events for files in every], options)
    write_filter_scan(output, made, provenance, first.obs_id)
    fitted = made.scan.brightness.status == 0
    root = np.sqrt(np.maximum(made.scan.brightness.value[fitted], 0.0))
    return {
        "obs_id": first.obs_id,
        "telescopes": first.subarray.tel_ids,
        "time_start": made.start,
        "time_stop": made.stop,
        "filters": len(every),
        "fits": int(fitted.sum()),
        "median_b": float(np.median(root)) if root.size else None,
    }


def make_time_walk(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Fit how times of pulses depend on their charge, or on the high voltage.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: DL0 file with flashes; ``filters``: files with flashes of other intensities, or at other
        voltages, optional; ``pedestals``: files of pedestals, optional, which may be among the flashes too;
        ``slow_control``: readings of the voltage; ``description``: description of the array.
    """
    import numpy as np

    from pellucid.camera.time_walk_run import TimeWalkOptions, calibrate_time_walk
    from pellucid.formats.time_walk import write_time_walk

    more = (*inputs.get("filters", ()), *inputs.get("pedestals", ()))
    files = calibration_files(inputs, "events", *(path for path in more if path != inputs["events"]))
    control = slow_control(inputs.get("slow_control", ()), files.telescope)
    made = calibrate_time_walk(files.telescope, files.events, TimeWalkOptions(**parameters), control)
    write_time_walk(output, made, provenance, files.first.obs_id)
    fitted = made.walk.slope.status == 0
    return {
        "obs_id": files.first.obs_id,
        "telescopes": files.first.subarray.tel_ids,
        "time_start": made.start,
        "time_stop": made.stop,
        "flashes": made.walk.slope.n,
        "fits": int(fitted.sum()),
        "median_slope": float(np.median(made.walk.slope.value[fitted])) if fitted.any() else None,
    }


def _each(
    inputs: Mapping[str, Any], others: "Sequence[Path]", dark: "Sequence[Path]"
) -> "list[CalibrationFiles]":
    """Open the leading run and the others, each with the events without light beside it."""
    more = [path for path in others if path != inputs["events"]]
    runs = [{**inputs, "events": path} for path in (inputs["events"], *more)]
    return [calibration_files(run, "events", *dark) for run in runs]


# the defaults of `SpeOptions` and `TimeWalkOptions`, written out because their modules bring numba; a test
# compares
_SPE_OPTIONS: dict[str, JSON] = {
    "sensor": "photomultiplier",
    "share": True,
    "proportion_error": 0.0,
    "interpolation_error": 0.0,
    "width": 18,
    "shift": 8,
    "min_flashes": 1000,
    "min_dark": 500,
    "least_p_value": 1e-4,
    "precision": 0.0,
}
_WALK_OPTIONS: dict[str, JSON] = {
    "against": "charge",
    "reference": "camera",
    "width": 18,
    "shift": 8,
    "full_scale": 4095,
    "hold": 600.0,
    "min_pedestals": 50,
    "min_flashes": 100,
}

STEPS = (
    Step(
        name="camera-spe",
        version="2",
        function="pellucid.pipeline.steps.camera_flashes:make_spe_gains",
        inputs={**EVENTS, "events": _DIM, "dark": PEDESTALS},
        output="DL1/Monitoring/Telescope/SinglePhotoElectronGain",
        suffix=".spe.h5",
        parameters=_SPE_OPTIONS,
        cost=60.0,
    ),
    Step(
        name="spe-at-voltages",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.camera_flashes:make_spe_gains",
        inputs={
            **EVENTS,
            "events": _DIM,
            "voltages": Input(_DIM, many=True, window="1 h"),
            "dark": PEDESTALS,
        },
        output="DL1/Monitoring/Telescope/SinglePhotoElectronGain",
        suffix=".spe.h5",
        parameters={**_SPE_OPTIONS, "share": False},
        cost=120.0,
    ),
    Step(
        name="filter-scan",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.camera_flashes:make_filter_scan",
        inputs={
            **EVENTS,
            "events": FLASHES,
            "filters": Input(FLASHES, many=True, minimum=2, window="1 h"),
            "pedestals": PEDESTALS,
        },
        output="DL1/Monitoring/Telescope/FilterScan",
        suffix=".filters.h5",
        valid="30 d",
        parameters=OPTIONS,
    ),
    Step(
        name="time-walk",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.camera_flashes:make_time_walk",
        inputs={
            **EVENTS,
            "events": FLASHES,
            "filters": Input(FLASHES, many=True, required=False, window="1 h"),
            "pedestals": PEDESTALS,
            "slow_control": SLOW_CONTROL,
        },
        output="DL1/Monitoring/Telescope/TimeWalk",
        suffix=".walk.h5",
        parameters=_WALK_OPTIONS,
    ),
)
"""``camera-spe``: gains from dim flashes, whose parameters are those of `SpeOptions`; ``spe-at-voltages``:
with the dim flashes of the hour around, at other voltages, whose pixels have the same shape; ``filter-scan``:
the third way to the flashes' own fluctuation, with the parameters of `CalibrationOptions`; ``time-walk``:
times against charges or voltages, with those of `TimeWalkOptions`. All but the first are asked for by name.
"""
