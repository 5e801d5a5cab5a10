# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of readouts: raw events of DRS4 cameras to coefficients of their chips, and to corrected events."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.errors import ConfigurationError, CorruptedInput, MissingInput, nearest
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.step import Files, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy as np

    from pellucid.camera.drs4.chip import Chip
    from pellucid.camera.drs4.corrector import Drs4Calibration, Drs4Corrector
    from pellucid.formats.r0_events import R0File

__all__ = ["STEPS", "correct_events", "make_drs4_calibration"]

_EVENTS = "R0/Event/Telescope/*"
_CALIBRATION = "DL1/Monitoring/Telescope/Drs4Calibration"


def make_drs4_calibration(
    inputs: Files, output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Find what is to be known of a camera's capacitors.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: raw file with events without light, and maybe flashes; optional: ``drs``, FACT's own
        calibration of its chips, taken over where ``offsets`` is ``file``; ``sampling``, FACT's table of cell
        times, with which samples are weighed by how long they last.
    """
    import numpy as np

    from pellucid.camera.drs4.sampling import relative_intervals
    from pellucid.formats.drs4_calibration import write_drs4_calibration
    from pellucid.formats.fact_times import read_fact_cell_times
    from pellucid.formats.r0_events import R0File

    source = R0File(inputs["events"])
    origin = parameters["offsets"]
    if origin == "events":
        made = _calibrated(source, parameters)
    elif origin == "camera":
        made = _taken_over(source, None)
    elif origin == "file" and "drs" in inputs:
        made = _taken_over(source, inputs["drs"])
    else:
        raise ConfigurationError(
            "It is not said where the offsets of capacitors come from.",
            expected="offsets = 'events' or 'camera', or 'file' with a file in the role drs",
            got=f"'{origin}', roles {', '.join(sorted(inputs))}",
            code="configuration-value",
        )
    if "sampling" in inputs:
        intervals = relative_intervals(read_fact_cell_times(inputs["sampling"]))
        made = replace(made, intervals=intervals[None])
    write_drs4_calibration(output, made, provenance, source.obs_id)
    return {
        "obs_id": source.obs_id,
        "telescopes": [source.tel_id],
        "time_start": made.start,
        "time_stop": made.stop,
        "capacitors_without_error": int((~np.isfinite(made.baseline.error)).sum()),
        "has_spikes": made.spikes is not None,
        "has_delays": made.timing is not None,
    }


def correct_events(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Correct raw events for what is known of their capacitors (R0 to R1).

    Parameters
    ----------
    inputs : mapping of str to Path or tuple of Path
        ``events``: raw file; ``calibration``: product of ``drs4-calibration``; ``stream``: raw files around
        it, optional. Chips remember their last readings: those before the file are replayed, so that the
        parts of a stream come out as the whole would.
    """
    from pellucid.camera.drs4.corrector import Drs4Corrector
    from pellucid.formats.drs4_calibration import read_drs4_calibration
    from pellucid.formats.r0_events import R0File
    from pellucid.formats.r1_events import R1Writer

    source, calibration = R0File(inputs["events"]), read_drs4_calibration(inputs["calibration"])
    if calibration.tel_id != source.tel_id:
        raise CorruptedInput(
            "The coefficients are those of another telescope.",
            where=str(inputs["calibration"]),
            expected=f"telescope {source.tel_id}",
            got=f"telescope {calibration.tel_id}",
            mend="certify the coefficients of the telescope that took the data",
            code="other-camera",
        )
    n_pixels = calibration.baseline.mean.shape[1]
    corrector = Drs4Corrector(_chip(parameters), calibration, _even(parameters, n_pixels))
    replayed = _replay(corrector, source, [R0File(path) for path in inputs.get("stream", ())])
    start, stop = None, 0
    with R1Writer(output, source.tel_id, source.obs_id, source.sb_id, provenance) as writer:
        for batch in source.batches():
            waveforms, _ = corrector.correct(batch)
            writer.write(batch, waveforms, corrector.time_shift(batch))
            start = int(batch.time[0]) if start is None else start
            stop = int(batch.time[-1]) + 1
    return {
        "obs_id": source.obs_id,
        "telescopes": [source.tel_id],
        "time_start": start,
        "time_stop": stop if start is not None else None,
        "telescope_events": writer.n_events,
        "replayed_events": replayed,
        "clipped_samples": writer.clipped,
    }


def _replay(corrector: "Drs4Corrector", source: "R0File", stream: "list[R0File]") -> int:
    """Let the chips remember the files of a stream that end before a file begins, in order; return events."""
    begin = next((int(b.time[0]) for b in source.batches()), 0)
    before: list[tuple[int, R0File]] = []
    for file in stream:
        times = [(int(b.time[0]), int(b.time[-1])) for b in file.batches()]
        if times and times[-1][1] <= begin and file.path != source.path:
            before.append((times[0][0], file))
    replayed = 0
    for _, file in sorted(before, key=lambda item: item[0]):
        for batch in file.batches():
            corrector.replay(batch)
            replayed += len(batch.time)
    return replayed


def _calibrated(source: "R0File", parameters: Parameters) -> "Drs4Calibration":
    from pellucid.camera.drs4.calibrator import Drs4Options, calibrate_drs4

    options = Drs4Options(**{name: parameters[name] for name in _OPTIONS})
    even = _even(parameters, source.n_pixels)
    return calibrate_drs4(
        _chip(parameters), source.tel_id, source.batches, source.sampling_rate, options, even
    )


def _taken_over(source: "R0File", drs: Path | None) -> "Drs4Calibration":
    """Take over what is known already: a calibration of FACT's, or the offsets in its raw file.

    The latter come without errors: those are infinite.
    """
    import numpy as np

    from pellucid.camera.drs4.baseline import CellBaseline
    from pellucid.camera.drs4.corrector import Drs4Calibration
    from pellucid.formats.fact_drs import read_fact_drs

    times = [(int(b.time[0]), int(b.time[-1]) + 1) for b in source.batches()]
    if source.offsets is None or not times:
        raise MissingInput(
            "The file has no offsets of capacitors.",
            where=str(source.path),
            expected="a raw file of FACT, with events",
            mend="find them from events without light: offsets = 'events'",
            code="no-offsets",
        )
    start, stop, offsets = times[0][0], times[-1][1], source.offsets
    if drs is not None:
        found = read_fact_drs(drs)
        number = np.full(offsets.shape, found.n)
        std = found.offset_std[None]
        baseline = CellBaseline(found.offset[None], std / np.sqrt(found.n), std, number)
        return Drs4Calibration(
            source.tel_id, start, stop, baseline,
            amplitude=found.gain[None], sample_offset=found.sample_offset[None],
        )  # fmt: skip
    unknown = np.full(offsets.shape, np.inf)
    baseline = CellBaseline(offsets, unknown, unknown, np.zeros(offsets.shape, np.int64))
    return Drs4Calibration(source.tel_id, start, stop, baseline)


def _chip(parameters: Parameters) -> "Chip":
    """Return the preset, its clock that of the events' times."""
    from pellucid.camera.drs4.chip import FACT, LST, Chip

    chips = {"lst": LST, "fact": FACT, "generic": Chip(parameters["ring"], parameters["cascade"])}
    name = parameters["chip"]
    if name not in chips:
        raise ConfigurationError(
            f"There is no preset '{name}' of DRS4 chips.",
            expected="one of " + ", ".join(chips),
            mend=nearest(name, list(chips)),
            code="configuration-value",
        )
    return replace(chips[name], clock=1e6)


def _even(parameters: Parameters, n_pixels: int) -> "np.ndarray | None":
    """Pixels on even channels of their chips, which renew more capacitors than they read."""
    import numpy as np

    per_module = parameters["pixels_per_module"]
    return np.arange(n_pixels) % per_module % 2 == 0 if per_module else None


# the defaults of `Drs4Options`, written out because their module brings numba; a test compares
_OPTIONS: dict[str, JSON] = {
    "min_dark": 1000,
    "min_flashes": 5000,
    "width": 18,
    "shift": 8,
    "least_charge": 200.0,
    "harmonics": 15,
}
_CHIP: dict[str, JSON] = {"chip": "lst", "ring": 1024, "cascade": 1, "pixels_per_module": 7}

STEPS = (
    Step(
        name="drs4-calibration",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.readout:make_drs4_calibration",
        inputs={
            "events": _EVENTS,
            "drs": Input("DL0/Monitoring/Telescope/LSTDRS4BaselineCalibration", required=False),
            "sampling": Input("DL0/Monitoring/Telescope/LSTDRS4SamplingCalibration", required=False),
        },
        output=_CALIBRATION,
        suffix=".drs4.h5",
        parameters={**_CHIP, **_OPTIONS, "offsets": "events"},
        valid="30 d",
    ),
    Step(
        name="drs4-r1",
        alternative=True,
        version="2",
        function="pellucid.pipeline.steps.readout:correct_events",
        inputs={
            "events": _EVENTS,
            "calibration": Input(_CALIBRATION, validity=True),
            "stream": Input(_EVENTS, many=True, required=False, window="1 s"),
        },
        output="R1/Event/Telescope/Observation",
        suffix=".r1.h5",
        parameters=_CHIP,
    ),
)
"""``drs4-calibration``: offsets, spikes and delays of capacitors, from events without light and flashes, or
taken over from files of a camera that knows its own (``offsets``: ``events``, ``camera`` or ``file``);
``drs4-r1``: events corrected by those in force.

``chip`` names the camera's chips (``generic`` ones have ``ring`` and ``cascade``); pixels of a module are
counted to tell even channels, 0 where there are none that renew more than they read. Both are asked for by
name: most raw files are of other cameras."""
