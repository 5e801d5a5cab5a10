# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of events: waveforms to images and parameters (DL1)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pellucid.archive.files import Progress
from pellucid.archive.lineage import JSON
from pellucid.errors import MissingInput
from pellucid.events.options import Cleaning, Extractor, ProcessOptions
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.step import Files, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    from pellucid.camera.series import SeriesInSteps
    from pellucid.events import Coefficients, EventChunk
    from pellucid.formats.simtel import SimtelSource
    from pellucid.formats.zfits import ZfitsSource
    from pellucid.instrument import Subarray
    from pellucid.pointing.looking import Pointing

    type Source = SimtelSource | ZfitsSource

__all__ = ["STEPS", "make_dl1", "make_telescope_dl1"]

# array events in a chunk, where nothing else is asked for; the size of the samples bounds it further
_CHUNK_EVENTS = 1000


def make_dl1(
    inputs: Files,
    output: Path,
    parameters: Parameters,
    provenance: Provenance,
    *,
    progress: Progress | None = None,
    effort: Mapping[str, int] | None = None,
) -> Summary:
    """Make images and parameters of a sim_telarray file.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: the file.
    parameters : mapping
        Those of `STEPS`; an empty list of telescopes means all.
    progress : callable, optional
        Called with bytes done and in all.
    """
    from pellucid.formats.simtel import SimtelSource

    options = _options(parameters)
    with SimtelSource(inputs["events"], telescopes=parameters["telescopes"] or None) as source:
        _check_focal_lengths(source.subarray, options.focal_length, inputs["events"])
        chunks = source.chunks(
            max_events=_chunk_events(effort),
            keep_partial=bool(parameters["keep_partial"]),
            low_gain_above=options.gain_threshold,
        )
        report = _reporter(progress, "bytes")
        return _write(source, chunks, output, options, provenance, report, _threads(effort))


def make_telescope_dl1(
    inputs: Files,
    output: Path,
    parameters: Parameters,
    provenance: Provenance,
    *,
    progress: Progress | None = None,
    effort: Mapping[str, int] | None = None,
) -> Summary:
    """Make images and parameters of one telescope's DL0 file.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``events``: DL0 file; ``description``: description of the array; ``calibration``: product of
        ``camera-coefficients``; without it the samples are taken as the camera calibrated them.
        ``throughput``: product of ``joint-throughput``, by which charges of showers are divided;
        ``pointing``: where the telescope looked, for each event.
    progress : callable, optional
        Called with telescope events done and in all.
    """
    from pellucid.formats.zfits import RunFiles, ZfitsSource

    files = RunFiles((inputs["events"],), inputs["description"])
    with ZfitsSource(files, calibration=_calibration(inputs, parameters)) as source:
        chunks = source.chunks(
            max_events=_chunk_events(effort), keep_partial=bool(parameters["keep_partial"])
        )
        report = _reporter(progress, "events")
        corrections = _corrections(inputs, source.subarray.tel_ids)
        return _write(
            source,
            map(corrections.apply, chunks) if corrections else chunks,
            output,
            _options(parameters),
            provenance,
            report,
            _threads(effort),
            corrections=corrections,
        )


class _Corrections(NamedTuple):
    """What corrects chunks of events, and what is to be known of it."""

    apply: "Callable[[EventChunk], EventChunk]"
    flags: list[str]


def _corrections(inputs: Files, tel_ids: Sequence[int]) -> _Corrections | None:
    """Return what corrects chunks of telescopes with the array's products; None where there are none."""
    if not {"throughput", "pointing"} & set(inputs):
        return None
    import numpy as np

    from pellucid.array.light_scale import LightScale
    from pellucid.events.light import with_light_scale
    from pellucid.events.looking import with_pointing
    from pellucid.formats.array_products import read_joint
    from pellucid.formats.pointing import read_pointing

    scales: dict[int, LightScale] = {}
    pointings: dict[int, Pointing] = {}
    if "throughput" in inputs:
        telescopes, edges, found = read_joint(inputs["throughput"])
        _check_covered(tel_ids, telescopes.tolist(), inputs["throughput"])
        for tel_id in tel_ids:
            place = int(np.searchsorted(telescopes, tel_id))
            light = found.optics[:, place], found.optics_error[:, place]
            scales[tel_id] = LightScale.of(tel_id, edges, *light)
    if "pointing" in inputs:
        telescope, pointing = read_pointing(inputs["pointing"])
        _check_covered(tel_ids, [telescope], inputs["pointing"])
        pointings[telescope] = pointing
    borrowed = any(scale.borrowed.any() for scale in scales.values())
    return _Corrections(
        lambda chunk: with_pointing(with_light_scale(chunk, scales), pointings),
        ["throughput-of-nearest-interval"] if borrowed else [],
    )


def _check_covered(tel_ids: Sequence[int], known: Sequence[int], path: Path) -> None:
    """Refuse corrections that leave out a telescope: its events would silently stay as they are."""
    if missing := sorted(set(tel_ids) - set(known)):
        raise MissingInput(
            f"There is no correction for telescope {missing[0]}.",
            where=str(path),
            expected=f"telescopes {', '.join(map(str, tel_ids))}",
            got=", ".join(map(str, known)),
            mend="give the correction that is in force for this telescope",
            code="other-telescope",
        )


def _calibration(inputs: Files, parameters: Parameters) -> "dict[int, Coefficients | SeriesInSteps] | None":
    """Read the calibration, of one moment or in chunks of time; none where there is no such input."""
    if "calibration" not in inputs:
        return None
    from pellucid.camera.series import SeriesInSteps
    from pellucid.formats.camera_calibration import as_coefficients, check_camera, read_calibration
    from pellucid.formats.ctapipe_hdf5.monitoring import is_monitoring, read_monitoring
    from pellucid.formats.description import read_description

    path, subarray = inputs["calibration"], read_description(inputs["description"])
    if not is_monitoring(path):
        calibration = read_calibration(path)
        check_camera(calibration, subarray, path)
        return {calibration.tel_id: as_coefficients(calibration)}
    series = read_monitoring(path)
    check_camera(series, subarray, path)
    step, hold = (round(1e9 * float(str(parameters[name]))) for name in ("step_seconds", "hold_seconds"))
    return {series.tel_id: SeriesInSteps(series, step, hold)}


def _write(
    source: "Source",
    chunks: "Iterator[EventChunk]",
    output: Path,
    options: ProcessOptions,
    provenance: Provenance,
    report: Callable[[tuple[int, int]], object],
    threads: int,
    *,
    corrections: _Corrections | None = None,
) -> Summary:
    """Carry all chunks of a source through the processor into a file; return the summary."""
    from pellucid.events.process import Processor
    from pellucid.formats.ctapipe_hdf5 import DL1Writer

    counts = _Counts()
    with ExitStack() as stack:
        executor = stack.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None
        writer = stack.enter_context(
            DL1Writer(
                output,
                source.subarray,
                source.run,
                provenance=provenance,
                focal_length=options.focal_length,
                corrected=corrections is not None,
            )
        )
        process = Processor(source.subarray, options, executor, threads)
        for chunk in _read_ahead(chunks, executor):
            writer.write(chunk, process(chunk))
            counts.add(chunk)
            report(source.position)
        flags = ["partial"] if source.damage else []
        flags += corrections.flags if corrections else []
        writer.close(shower_distribution=source.shower_distribution, flags=flags)
    return counts.summary(source, flags)


def _threads(effort: Mapping[str, int] | None) -> int:
    return max(1, (effort or {}).get("threads", 1))


def _chunk_events(effort: Mapping[str, int] | None) -> int:
    return (effort or {}).get("chunk_events") or _CHUNK_EVENTS


def _reporter(progress: Progress | None, unit: str) -> Callable[[tuple[int, int]], object]:
    return lambda position: progress(*position, unit) if progress is not None else None


def _check_focal_lengths(subarray: "Subarray", choice: str, path: Path) -> None:
    """Refuse a file without the wanted focal lengths before any event is read."""
    for tel_id, telescope in subarray.telescopes.items():
        try:
            telescope.optics.focal_length(choice)
        except MissingInput as error:
            error.where = f"{path}, telescope {tel_id}"
            raise


def _options(parameters: Parameters) -> ProcessOptions:
    fields = {k: v for k, v in parameters.items() if k not in _OWN}
    extractor, cleaning = fields.pop("extractor"), fields.pop("cleaning")
    return ProcessOptions(extractor=Extractor(**extractor), cleaning=Cleaning(**cleaning), **fields)


def _read_ahead(chunks: "Iterator[EventChunk]", executor: Executor | None) -> "Iterator[EventChunk]":
    """Read the next chunk while the last one is worked on."""
    if executor is None:
        yield from chunks
        return
    coming = executor.submit(next, chunks, None)
    while (chunk := coming.result()) is not None:
        coming = executor.submit(next, chunks, None)
        yield chunk


class _Counts:
    """What passed through, for the summary."""

    def __init__(self) -> None:
        self.array_events = 0
        self.telescope_events = 0
        self.kinds: dict[str, int] = {}
        self.telescopes: set[int] = set()
        self.start: int | None = None
        self.stop = 0

    def add(self, chunk: "EventChunk") -> None:
        """Count a chunk."""
        from pellucid.events import EventType
        from pellucid.times import to_tai_ns

        self.array_events += len(chunk.events.event_id)
        for batch in chunk.cameras:
            self.telescope_events += len(batch.tel_id)
            self.telescopes.update(batch.tel_id.tolist())
        for code in chunk.events.event_type.tolist():
            name = EventType(code).name.lower()
            self.kinds[name] = self.kinds.get(name, 0) + 1
        times = to_tai_ns(chunk.events.time)
        first, last = int(times.min()), int(times.max())
        self.start = first if self.start is None else min(self.start, first)
        self.stop = max(self.stop, last + 1)

    def summary(self, source: "Source", flags: list[str]) -> Summary:
        """Return the numbers to search by, and what describes the product."""
        return {
            "obs_id": source.obs_id,
            "telescopes": sorted(self.telescopes),
            "time_start": self.start,
            "time_stop": self.stop if self.start is not None else None,
            "flags": list(flags),
            "array_events": self.array_events,
            "telescope_events": self.telescope_events,
            "event_kinds": dict(sorted(self.kinds.items())),
            "untriggered_telescope_events": source.n_untriggered,
            "damage": source.damage.as_dict() if source.damage else None,
        }


_OWN = ("telescopes", "keep_partial", "step_seconds", "hold_seconds")
"""Parameters of the steps that are none of the processor's."""

_OPTIONS: dict[str, JSON] = {"keep_partial": False, **asdict(ProcessOptions())}
_IN_TIME: dict[str, JSON] = {**_OPTIONS, "step_seconds": 10.0, "hold_seconds": 7200.0}

STEPS = (
    Step(
        name="dl1",
        version="1",
        function="pellucid.pipeline.steps.events:make_dl1",
        inputs={"events": "DL0/Event/Subarray/ObservationSim"},
        output="DL1/Event/Subarray/ObservationSim",
        suffix=".dl1.h5",
        parameters={"telescopes": [], **_OPTIONS},
    ),
    Step(
        name="telescope-dl1",
        version="1",
        function="pellucid.pipeline.steps.events:make_telescope_dl1",
        inputs={
            "events": "DL0/Event/Telescope/Observation",
            "description": "DL0/Service/Subarray/Description",
            "calibration": "DL1/Monitoring/Telescope/CameraCalibration*",
        },
        output="DL1/Event/Telescope/Observation",
        suffix=".dl1.h5",
        parameters=_IN_TIME,
    ),
    Step(
        name="certified-dl1",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.events:make_telescope_dl1",
        inputs={
            "events": "DL0/Event/Telescope/Observation",
            "description": "DL0/Service/Subarray/Description",
            "calibration": Input("DL1/Monitoring/Telescope/CameraCalibration*", validity=True),
        },
        output="DL1/Event/Telescope/Observation",
        suffix=".dl1.h5",
        parameters=_IN_TIME,
    ),
    Step(
        name="r1-dl1",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.events:make_telescope_dl1",
        inputs={
            "events": "R1/Event/Telescope/Observation",
            "description": "DL0/Service/Subarray/Description",
            "calibration": Input("DL1/Monitoring/Telescope/CameraCalibration*", validity=True),
        },
        output="DL1/Event/Telescope/Observation",
        suffix=".dl1.h5",
        parameters={**_IN_TIME, "gain_threshold": 33000.0},
    ),
    Step(
        name="corrected-dl1",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.events:make_telescope_dl1",
        inputs={
            "events": "DL0/Event/Telescope/Observation",
            "description": "DL0/Service/Subarray/Description",
            "calibration": Input("DL1/Monitoring/Telescope/CameraCalibration*", validity=True),
            "throughput": Input("DL2/Monitoring/Subarray/JointThroughput", validity=True),
            "pointing": Input("DL1/Monitoring/Telescope/Pointing", validity=True),
        },
        output="DL1/Event/Telescope/Observation",
        suffix=".dl1.h5",
        parameters=_IN_TIME,
    ),
    Step(
        name="precalibrated-dl1",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.events:make_telescope_dl1",
        inputs={
            "events": "DL0/Event/Telescope/Observation",
            "description": "DL0/Service/Subarray/Description",
        },
        output="DL1/Event/Telescope/Observation",
        suffix=".dl1.h5",
        parameters=_OPTIONS,
    ),
)
"""``dl1``: images and parameters of a simulated observation; ``telescope-dl1``: of one telescope's file,
with the calibration made of it; ``certified-dl1``: with the one that is certified for its time;
``r1-dl1``: likewise, of events that ``drs4-r1`` corrected, whose ``gain_threshold`` is in stored counts;
``corrected-dl1``: with throughput and pointing that are certified as well; ``precalibrated-dl1``: of one that
the camera calibrated.

A calibration in chunks of time is interpolated in steps of ``step_seconds``, and holds for
``hold_seconds`` outside its chunks."""
