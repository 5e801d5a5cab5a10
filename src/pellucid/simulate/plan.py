# SPDX-License-Identifier: BSD-3-Clause
"""What is simulated: the configuration of a run, and the events that follow from it."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError
from pellucid.events.batch import EventType
from pellucid.instrument import Subarray
from pellucid.simulate.chips import ChipPlan
from pellucid.simulate.history import HistoryPlan
from pellucid.simulate.light import Muon, Shower, shower_light
from pellucid.simulate.seeds import Purpose, generator
from pellucid.times import from_unix_utc, shifted

__all__ = ["PlannedEvent", "SimulationConfig", "plan_run"]

THRESHOLD = 150.0
"""Photo-electrons in the camera with which a telescope triggers on a shower."""


@dataclass(frozen=True)
class SimulationConfig:
    """A run to simulate.

    Attributes
    ----------
    seed : int
        Everything follows from it, 0 or more.
    camera : str
        Name in `pellucid.simulate.instruments.PRESETS`.
    telescopes : int
        Number of telescopes, identifiers 1 and on.
    pedestals, dark_pedestals, flashes, dim_flashes, showers, muons : int
        Number of array events of each kind; a muon is seen by one telescope. Dim flashes are those from
        which charges of single photo-electrons are taken.
    sky : float
        Night-sky photo-electrons per pixel and ns.
    flash_intensity : float
        Mean photo-electrons per pixel in a flash.
    dim_intensity : float
        Mean photo-electrons per pixel in a dim flash.
    flash_spread : float
        Relative standard deviation of the flashes' brightness.
    excess : float
        Excess noise factor squared, F^2.
    shape : {"gamma", "caroff"}
        Charges of single photo-electrons: see `pellucid.simulate.camera.CameraSimulator`.
    obs_id, sb_id, subarray_id : int
        Identifiers of observation, scheduling block and subarray.
    start_unix : int
        Begin, in Unix UTC seconds.
    rate : float
        Events per second.
    crosstalk : float
        Above 0, the sensors are silicon photomultipliers with so much optical cross-talk.
    history : HistoryPlan
        What happens to the cameras in the course of the run; nothing by default.
    chips : ChipPlan
        DRS4 chips that read the cameras; none by default.
    throughput : tuple of float
        Light of showers and muons that the optics of each telescope pass, over that of the reference; all of
        it where empty.
    """

    seed: int = 1
    camera: str = "lst"
    telescopes: int = 4
    pedestals: int = 200
    dark_pedestals: int = 0
    flashes: int = 300
    dim_flashes: int = 0
    showers: int = 20
    muons: int = 8
    sky: float = 0.25
    flash_intensity: float = 60.0
    flash_spread: float = 0.04
    dim_intensity: float = 1.0
    excess: float = 1.222
    shape: Literal["gamma", "caroff"] = "gamma"
    obs_id: int = 1
    sb_id: int = 1
    subarray_id: int = 2
    start_unix: int = 1768514400
    rate: float = 500.0
    crosstalk: float = 0.0
    history: HistoryPlan = field(default_factory=HistoryPlan)
    chips: ChipPlan = field(default_factory=ChipPlan)
    throughput: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        bounds = {
            "seed": self.seed >= 0,
            "telescopes": 1 <= self.telescopes <= 512,
            "pedestals": self.pedestals >= 0,
            "dark_pedestals": self.dark_pedestals >= 0,
            "flashes": self.flashes >= 0,
            "dim_flashes": self.dim_flashes >= 0,
            "showers": self.showers >= 0,
            "muons": self.muons >= 0,
            "events": sum(self.numbers().values()) > 0,
            "sky": 0.0 <= self.sky < 100.0,
            "flash_intensity": 0.0 <= self.flash_intensity < 1e5,
            "flash_spread": 0.0 <= self.flash_spread < 0.5,
            "dim_intensity": 0.0 <= self.dim_intensity < 100.0,
            "excess": 1.0 <= self.excess < 10.0,
            # what the shape's two components can make
            "shape": self.shape == "gamma" or (self.shape == "caroff" and 1.04 < self.excess < 1.56),
            "obs_id": self.obs_id > 0,
            "sb_id": self.sb_id > 0,
            "subarray_id": self.subarray_id > 0,
            "start_unix": 0 <= self.start_unix < 2**32 - 10**6,
            "rate": 0.0 < self.rate <= 1e6,
            # tables are of no use without chips
            "chips": self.chips.kind in ("lst", "fact", "generic") or self.chips == ChipPlan(),
            "crosstalk": 0.0 <= self.crosstalk < 0.9,
            "throughput": len(self.throughput) in (0, self.telescopes)
            and all(0.0 <= t < 100.0 for t in self.throughput),
        }
        wrong = [name for name, right in bounds.items() if not right]
        if wrong:
            raise ConfigurationError(
                "A value of the simulation is out of range.",
                where=", ".join(wrong),
                got=", ".join(f"{name} = {getattr(self, name, 'none at all')}" for name in wrong),
                mend="see the documentation of SimulationConfig for what each means",
                code="simulation-range",
            )

    def numbers(self) -> dict[EventType, int]:
        """Return how many array events of each kind there are."""
        return {
            EventType.SKY_PEDESTAL: self.pedestals,
            EventType.DARK_PEDESTAL: self.dark_pedestals,
            EventType.FLATFIELD: self.flashes,
            EventType.SINGLE_PE: self.dim_flashes,
            EventType.SUBARRAY: self.showers,
            EventType.MUON: self.muons,
        }


@dataclass(frozen=True, eq=False)
class PlannedEvent:
    """One array event to simulate.

    Attributes
    ----------
    event_id : int
        Counts from 1.
    event_type : EventType
        Kind.
    time : ndarray of uint32, shape (2,)
        Stamp of the trigger: s and quarter ns since 1970-01-01T00:00:00 TAI.
    tel_ids : list of int
        Telescopes that record it.
    shower : Shower or None
        Its shower.
    muon : Muon or None
        Its muon.
    """

    event_id: int
    event_type: EventType
    time: npt.NDArray[np.uint32]
    tel_ids: list[int]
    shower: Shower | None = None
    muon: Muon | None = None


def plan_run(config: SimulationConfig, subarray: Subarray) -> list[PlannedEvent]:
    """Return the array events of a run in time order, calibration interleaved with the rest."""
    numbers = config.numbers()
    kinds = np.repeat(list(numbers), list(numbers.values()))
    kinds = generator(config.seed, Purpose.PLAN).permutation(kinds)
    start = from_unix_utc(np.full(kinds.size, config.start_unix), np.zeros(kinds.size, dtype=np.int64))
    times = shifted(start, 1e9 * np.arange(kinds.size) / config.rate)
    return [_planned(config, subarray, k + 1, EventType(int(kind)), times[k]) for k, kind in enumerate(kinds)]


def _planned(
    config: SimulationConfig,
    subarray: Subarray,
    event_id: int,
    kind: EventType,
    time: npt.NDArray[np.uint32],
) -> PlannedEvent:
    rng = generator(config.seed, Purpose.SHOWER, event_id=event_id)
    if kind is EventType.SUBARRAY:
        shower = draw_shower(rng)
        charge = {
            t: shower_light(subarray.telescopes[t], shower, 0.0).expected.sum() for t in subarray.tel_ids
        }
        triggered = [t for t in subarray.tel_ids if charge[t] >= THRESHOLD]
        # an array event has at least the telescope that saw it best
        return PlannedEvent(event_id, kind, time, triggered or [max(charge, key=lambda t: charge[t])], shower)
    if kind is EventType.MUON:
        tel_id = subarray.tel_ids[int(rng.integers(len(subarray.tel_ids)))]
        return PlannedEvent(event_id, kind, time, [tel_id], muon=draw_muon(rng))
    return PlannedEvent(event_id, kind, time, subarray.tel_ids)


def draw_shower(rng: np.random.Generator) -> Shower:
    """Draw a shower: E^-2 from 0.3 to 10 TeV, cores within 120 m, directions within 0.3 deg of the axis."""
    energy = 0.3 / (1.0 - rng.random() * (1.0 - 0.3 / 10.0))
    core, angle = 120.0 * np.sqrt(rng.random()), 2.0 * np.pi * rng.random()
    lon, lat = rng.uniform(-0.3, 0.3, 2)
    return Shower(
        float(energy), float(core * np.cos(angle)), float(core * np.sin(angle)), float(lon), float(lat)
    )


def draw_muon(rng: np.random.Generator) -> Muon:
    """Draw a ring: radius 1.0 to 1.25 deg, centre within 0.5 deg of the axis, impact on the mirror."""
    lon, lat = rng.uniform(-0.35, 0.35, 2)
    return Muon(
        fov_lon=float(lon),
        fov_lat=float(lat),
        radius=float(rng.uniform(1.0, 1.25)),
        width=0.05,
        impact=float(0.9 * np.sqrt(rng.random())),
        azimuth=float(rng.uniform(0.0, 360.0)),
        charge=float(rng.uniform(2000.0, 3500.0)),
    )
