# SPDX-License-Identifier: BSD-3-Clause
"""Simulate a run: DL0 event files, the description of the array, and the truth."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt

from pellucid.errors import OutputExists
from pellucid.events.batch import EventType
from pellucid.formats.description import write_description
from pellucid.formats.slow_control import write_slow_control
from pellucid.instrument import Subarray, Telescope
from pellucid.simulate.camera import FULL_SCALE, CameraEvent, CameraSimulator
from pellucid.simulate.chips import draw_chips, first_cells
from pellucid.simulate.dl0 import DL0Names, SubarrayWriter, TelescopeWriter, quiet
from pellucid.simulate.drs4 import Drs4Camera, Drs4Readout
from pellucid.simulate.history import CameraHistory, HistoryPlan, draw_history
from pellucid.simulate.instruments import PIXELS_PER_MODULE, CameraPreset, make_subarray, preset
from pellucid.simulate.light import Light, flash_light, muon_light, no_light, shower_light
from pellucid.simulate.plan import PlannedEvent, SimulationConfig, plan_run
from pellucid.simulate.response import draw_response
from pellucid.simulate.seeds import Purpose, generator
from pellucid.simulate.slow_control import simulate_slow_control
from pellucid.simulate.truth import TruthWriter
from pellucid.times import from_unix_utc, to_tai_ns

__all__ = ["RunSimulator", "SimulatedRun", "SimulationConfig", "simulate_run"]

type Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class SimulatedRun:
    """Files of a simulated run.

    Attributes
    ----------
    config : SimulationConfig
        What was simulated.
    trigger : Path
        Events of the subarray (DL0).
    telescopes : dict of int to Path
        Events of each telescope that recorded some (DL0).
    description : Path
        Description of the array.
    truth : dict of int to Path
        Truth of each telescope.
    slow_control : dict of int to Path
        Readings of each camera's high voltage and temperature, where something happens to it.
    """

    config: SimulationConfig
    trigger: Path
    telescopes: dict[int, Path]
    description: Path
    truth: dict[int, Path]
    slow_control: dict[int, Path] = field(default_factory=dict)


class RunSimulator:
    """All that a run is made of; each event can be asked for alone.

    Parameters
    ----------
    config : SimulationConfig
        The run.
    """

    def __init__(self, config: SimulationConfig) -> None:
        self.config = config
        self.kind: CameraPreset = preset(config.camera)
        self.subarray: Subarray = make_subarray(self.kind, config.telescopes)
        self.events: list[PlannedEvent] = plan_run(config, self.subarray)
        self._histories: dict[int, CameraHistory] = {}
        self._chips: dict[int, Drs4Camera] = {}

    def camera(self, tel_id: int) -> CameraSimulator:
        """Return the camera of a telescope."""
        telescope = self.subarray.telescopes[tel_id]
        response = draw_response(self.kind, telescope.geometry.n_pixels, self.config.seed, tel_id)
        c = self.config
        return CameraSimulator(self.kind, telescope, response, c.excess, c.crosstalk, c.shape)

    def history(self, tel_id: int) -> CameraHistory:
        """Return what happens to the camera of a telescope."""
        geometry = self.subarray.telescopes[tel_id].geometry
        return draw_history(self.config.history, geometry, self.config.seed, tel_id)

    def chips(self, tel_id: int) -> Drs4Camera | None:
        """Return the chips that read the camera of a telescope; None where the samples are ideal ones."""
        if not self.config.chips.kind:
            return None
        if tel_id not in self._chips:
            readout = self.subarray.telescopes[tel_id].readout
            shape = readout.n_channels, readout.n_pixels
            peak, rate = round(self.kind.peak * readout.sampling_rate), readout.sampling_rate
            self._chips[tel_id] = draw_chips(self.config.chips, shape, rate, peak, self.config.seed, tel_id)
        return self._chips[tel_id]

    def first_cells(self, chips: Drs4Camera, tel_id: int, event: PlannedEvent) -> npt.NDArray[np.int64]:
        """Return the capacitors that an event begins with, shape (n_channels, n_pixels), no unit."""
        return first_cells(chips, self.config.seed, tel_id, event.event_id)

    def record(
        self, camera: CameraSimulator, event: PlannedEvent, chips: Drs4Readout | None = None
    ) -> CameraEvent:
        """Return what a camera records in an event; it depends on seed, telescope and event alone.

        Except for what the capacitors of chips add, which remember the events before.
        """
        tel_id = camera.telescope.tel_id
        light = self._light(camera.telescope, event)
        rng = generator(self.config.seed, Purpose.READOUT, tel_id, event.event_id)
        dark = event.event_type is EventType.DARK_PEDESTAL
        response, sky = camera.response, 0.0 if dark else self.config.sky
        rates: float | npt.NDArray[np.float64] = sky
        if self.config.history != HistoryPlan():
            history = self._histories.setdefault(tel_id, self.history(tel_id))
            time = (event.event_id - 1) / self.config.rate
            response = history.response(response, time)
            rates = sky if dark else history.sky(camera.telescope.geometry, sky, time)
        if (known := self.chips(tel_id)) is None:
            return camera.expose(rng, light, rates, response)
        first = self.first_cells(known, tel_id, event)
        if known.delays is not None:
            late = known.delays[np.arange(first.shape[1]), first[0] % known.chip.ring]
            response = replace(response, time_offset=response.time_offset + late)
        if chips is None:
            return camera.expose(rng, light, rates, response)
        time_ns = int(to_tai_ns(event.time[None])[0])
        return camera.expose(
            rng, light, rates, response, lambda samples: chips.read(samples, first, time_ns, FULL_SCALE)
        )

    def _light(self, telescope: Telescope, event: PlannedEvent) -> Light:
        n_pixels, peak = telescope.geometry.n_pixels, self.kind.peak
        share = self.config.throughput[telescope.tel_id - 1] if self.config.throughput else 1.0
        if event.shower is not None:
            return shower_light(telescope, event.shower, peak).dimmed(share)
        if event.muon is not None:
            return muon_light(telescope, event.muon, peak).dimmed(share)
        if event.event_type in (EventType.FLATFIELD, EventType.SINGLE_PE):
            rng = generator(self.config.seed, Purpose.LIGHT, telescope.tel_id, event.event_id)
            c = self.config
            dim = event.event_type is EventType.SINGLE_PE
            intensity = c.dim_intensity if dim else c.flash_intensity
            return flash_light(rng, n_pixels, intensity, c.flash_spread, peak)
        return no_light(n_pixels)


def simulate_run(
    config: SimulationConfig, directory: Path, progress: Progress | None = None, workers: int = 2
) -> SimulatedRun:
    """Simulate a run and write it below a folder.

    Parameters
    ----------
    config : SimulationConfig
        What to simulate.
    directory : Path
        Folder for ``DL0``, ``subarray.json`` and ``truth``; files that are there already are an error.
    progress : callable, optional
        Called with telescope events done and to do.
    workers : int
        Telescopes simulated at a time; the files do not depend on it.

    Returns
    -------
    SimulatedRun
        The files.
    """
    simulator = RunSimulator(config)
    start_ns = int(to_tai_ns(from_unix_utc(config.start_unix, 0))[0])
    names = DL0Names(directory, config.sb_id, config.obs_id, config.subarray_id, start_ns)
    run = SimulatedRun(
        config=config,
        trigger=names.trigger(),
        telescopes={t: names.telescope(t, element_name(simulator, t)) for t in simulator.subarray.tel_ids},
        description=directory / "subarray.json",
        truth={t: directory / "truth" / f"TEL{t:03d}.h5" for t in simulator.subarray.tel_ids},
    )
    if config.history != HistoryPlan():
        paths = {t: directory / "slow_control" / f"TEL{t:03d}.parquet" for t in simulator.subarray.tel_ids}
        run = replace(run, slow_control=paths)
    _refuse_existing(run)
    count = _Counter(sum(len(e.tel_ids) for e in simulator.events), progress)
    with quiet():
        _write_subarray(simulator, names)
        with ThreadPoolExecutor(max(1, workers)) as pool:
            tasks = [
                pool.submit(_write_telescope, simulator, names, t, run.truth[t], count)
                for t in simulator.subarray.tel_ids
            ]
            for task in tasks:
                task.result()
    write_description(simulator.subarray, run.description)
    for tel_id, path in run.slow_control.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        n_pixels = simulator.subarray.telescopes[tel_id].geometry.n_pixels
        seconds = len(simulator.events) / config.rate
        readings = simulate_slow_control(config.history, n_pixels, start_ns, seconds, config.seed, tel_id)
        write_slow_control(path, readings, tel_id)
    return replace(run, telescopes={t: path for t, path in run.telescopes.items() if path.exists()})


def element_name(simulator: RunSimulator, tel_id: int) -> str:
    """Name of a telescope as array element, e.g. LSTN-01."""
    return f"{simulator.kind.optics.size_type}N-{tel_id:02d}"


def _refuse_existing(run: SimulatedRun) -> None:
    for path in (
        run.trigger,
        *run.telescopes.values(),
        run.description,
        *run.truth.values(),
        *run.slow_control.values(),
    ):
        if path.exists():
            raise OutputExists(
                "There is a simulated run in this folder already.",
                where=str(path),
                expected="a folder without this run",
                mend="choose another folder, or remove the old run",
            )


class _Counter:
    """Counts events of all threads and tells about them one at a time."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress, self._lock = 0, total, progress, Lock()

    def add(self) -> None:
        with self._lock:
            self._done += 1
            if self._progress is not None:
                self._progress(self._done, self._total)


def _write_subarray(simulator: RunSimulator, names: DL0Names) -> None:
    with SubarrayWriter(names) as writer:
        for event in simulator.events:
            writer.write(event.event_id, event.time, event.tel_ids, int(event.event_type))


def _write_telescope(
    simulator: RunSimulator, names: DL0Names, tel_id: int, truth_path: Path, count: _Counter
) -> None:
    camera = simulator.camera(tel_id)
    readout = camera.telescope.readout
    n_modules = readout.n_pixels // PIXELS_PER_MODULE
    # modules are read out in the order of their cables, not of their place
    modules = generator(simulator.config.seed, Purpose.PLAN, tel_id).permutation(n_modules)
    pixels = (modules[:, None] * PIXELS_PER_MODULE + np.arange(PIXELS_PER_MODULE)).ravel()
    shape = (readout.n_channels, readout.n_pixels, readout.n_samples)
    element = element_name(simulator, tel_id)
    with (
        TelescopeWriter(names, tel_id, element, shape, readout.sampling_rate, pixels, modules) as writer,
        TruthWriter(truth_path, camera.response) as truth,
    ):
        chips = simulator.chips(tel_id)
        reading = None if chips is None else Drs4Readout(chips)
        for event in simulator.events:
            if tel_id in event.tel_ids:
                recorded = simulator.record(camera, event, reading)
                first = None if chips is None else simulator.first_cells(chips, tel_id, event)
                writer.write(event.event_id, int(event.event_type), event.time, recorded.adc, first)
                truth.write(event, recorded)
                count.add()
