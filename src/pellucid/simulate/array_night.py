# SPDX-License-Identifier: BSD-3-Clause
"""Nights of an array with known truth, as the deliveries that the array is calibrated from.

Truth first: each telescope has optics, a gain and a clock; the air has a transparency in time. Rates of
pairs, muon efficiencies, sizes and arrival times of shared showers follow from them.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.array.rates import all_pairs
from pellucid.array.throughput import TelescopeThroughput, aggregate
from pellucid.array.timing import front_delay
from pellucid.events.batch import EventType
from pellucid.formats.delivery.parquet import write_parquet
from pellucid.formats.delivery.table import WrittenColumn
from pellucid.formats.throughput import write_throughput
from pellucid.simulate.dl0 import DL0Names, SubarrayWriter, quiet
from pellucid.simulate.fronts import simulate_fronts
from pellucid.simulate.rates import simulate_array_triggers

__all__ = ["ArrayTruth", "write_muons", "write_rates", "write_showers", "write_triggers"]

type F8 = npt.NDArray[np.float64]
type Columns = dict[str, tuple[npt.NDArray[np.generic], str, str, str]]

MUON_EFFICIENCY = 0.2
"""Of a telescope with the optics of the reference."""

RATES = {
    "interface": "I-DATA-COM-0006",
    "interface_version": "1.1.1",
    "product_type": "DL0/Monitoring/Telescope/TriggerRates",
}
SHOWERS = {
    "interface": "I-DATA-COM-0007",
    "interface_version": "1.0.1",
    "product_type": "DL2/Event/Subarray/ShowerImages",
}

_GAIN_ERROR, _RING_ERROR, _SIZE_SPREAD = 0.005, 0.05, 0.2


@dataclass(frozen=True, eq=False)
class ArrayTruth:
    """What a night of an array follows from.

    Attributes
    ----------
    tel_id : ndarray of int64, shape (n_telescopes,)
        Identifiers, ascending.
    position : ndarray of float64, shape (n_telescopes, 3)
        To the north, to the west, up, in m.
    optics, gain : ndarray of float64, shape (n_telescopes,)
        Over those of the reference, dimensionless.
    clock : ndarray of float64, shape (n_telescopes,)
        Offset in ns.
    pair_rate : float
        Rate of a pair of the reference at zenith, in Hz; pairs differ from it by up to 20 %.
    exponent : float
        Of the rate in the light.
    gradient : tuple of float
        Change of ln transparency a km, to the north and to the west, as at the edge of a cloud.
    """

    tel_id: npt.NDArray[np.int64]
    position: F8
    optics: F8
    gain: F8
    clock: F8
    pair_rate: float = 30.0
    exponent: float = 1.7
    gradient: tuple[float, float] = (0.0, 0.0)

    def reference(self) -> "ArrayTruth":
        """Return the array as it was in the epoch of the reference."""
        one = np.ones(self.tel_id.size)
        return replace(self, optics=one, gain=one, gradient=(0.0, 0.0))

    def rates(self, transparency: F8, zenith: F8) -> F8:
        """Return rates of all pairs in Hz, shape (n_slices, n_pairs), at zenith angles in deg, shape (n,)."""
        first, second = all_pairs(self.tel_id.size)
        own = self.pair_rate * (1.0 + 0.2 * np.sin(1.0 + np.arange(first.size)))
        middle = self.position[:, :2] - self.position[:, :2].mean(axis=0)
        own_light = self.optics * self.gain * np.exp(middle @ self.gradient / 1000.0)
        light = transparency[:, None] * np.sqrt(own_light[first] * own_light[second])
        rates: F8 = own * np.cos(np.deg2rad(zenith))[:, None] ** 1.3 * light**self.exponent
        return rates


def write_rates(
    truth: ArrayTruth,
    folder: Path,
    start: int,
    transparency: F8,
    zenith: F8,
    seed: int,
    *,
    azimuth: F8 | None = None,
    duration: float = 60.0,
) -> list[Path]:
    """Write a night's trigger rates, one delivery of I-DATA-COM-0006 a telescope.

    Parameters
    ----------
    truth : ArrayTruth
        The array.
    folder : Path
        Where the files go.
    start : int
        In ns TAI.
    transparency, zenith : ndarray of float64, shape (n_slices,)
        Of the air over the reference; zenith angles in deg.
    seed : int
        Of all chance.
    azimuth : ndarray of float64, shape (n_slices,), optional
        In deg; 180 where not given.
    duration : float
        Of a slice, in s.
    """
    random, n, slices = np.random.default_rng(seed), truth.tel_id.size, zenith.size
    live = 0.95 * duration
    first, second = all_pairs(n)
    together = np.zeros((slices, n, n), np.int64)
    counts = random.poisson(truth.rates(transparency, zenith) * live**2 / duration)
    together[:, first, second] = together[:, second, first] = counts
    time = start + np.arange(slices, dtype=np.int64) * round(1e9 * duration)
    # a night has one muon efficiency a telescope, from a number of rings
    muon = MUON_EFFICIENCY * truth.optics * (1.0 + random.normal(0.0, _RING_ERROR / 10.0, n))
    sky = 250.0 + random.normal(0.0, 5.0, slices)
    paths = []
    for i, tel_id in enumerate(truth.tel_id.tolist()):
        columns: Columns = {
            "time": (time, "ns", "tai", ""),
            "duration": (np.full(slices, duration), "s", "", ""),
            "live_time": (np.full(slices, live), "s", "", ""),
            "n_stereo": (together[:, i].sum(axis=1), "", "", ""),
            "n_pairs": (np.delete(together[:, i], i, axis=1), "", "", ""),
            "zenith": (zenith, "deg", "", "altaz"),
            "azimuth": (np.full(slices, 180.0) if azimuth is None else azimuth, "deg", "", "altaz"),
            "muon_efficiency": (np.full(slices, muon[i]), "", "", ""),
            "muon_efficiency_error": (np.full(slices, muon[i] * _RING_ERROR / 10.0), "", "", ""),
            "gain": (np.full(slices, truth.gain[i] * (1.0 + random.normal(0.0, _GAIN_ERROR))), "", "", ""),
            "night_sky": (sky, "MHz", "", ""),
            "threshold": (np.full(slices, 40.0), "pe", "", ""),
        }
        paths.append(folder / f"rates-{start}-tel{tel_id:03d}.parquet")
        _write(paths[-1], columns, {**RATES, "device": "ctc", "tel_id": tel_id, "obs_id": 1}, int(time[-1]))
    return paths


def write_triggers(
    truth: ArrayTruth,
    folder: Path,
    start: int,
    duration: float,
    seed: int,
    *,
    dead_time: float = 7e-6,
    alone: float = 100.0,
    flashes: float = 10.0,
    gaps: tuple[tuple[float, float], ...] = (),
) -> Path:
    """Write the DL0 file of an array's trigger: an observation at zenith under clear air.

    Parameters
    ----------
    truth : ArrayTruth
        The array.
    folder : Path
        Below which the file goes.
    start : int
        In ns TAI.
    duration, dead_time : float
        Of the observation and of each camera, in s.
    seed : int
        Of all chance.
    alone, flashes : float
        Rates in Hz of what each telescope sees alone, and, above 0, of flashes that all of them see.
    gaps : tuple of (float, float)
        Begin and end of stretches without data, in s.
    """
    random, n = np.random.default_rng(seed), truth.tel_id.size
    rates = truth.rates(np.ones(1), np.zeros(1))[0]
    time, seen = simulate_array_triggers(rates, np.full(n, alone), duration, dead_time, random, gaps)
    seconds = (np.arange(int(duration * flashes)) + 0.5) / flashes
    lit = [not any(begin <= t < end for begin, end in gaps) for t in seconds.tolist()]
    beats = (1e9 * seconds[lit]).astype(np.int64)
    kind = np.repeat([EventType.SUBARRAY, EventType.FLATFIELD], [time.size, beats.size])
    stamp = np.concatenate([time, beats])
    seen = np.concatenate([seen, np.ones((beats.size, n), np.bool_)])
    names = DL0Names(folder, sb_id=1, obs_id=1, subarray_id=1, start_ns=start)
    with quiet(), SubarrayWriter(names) as writer:
        for number, event in enumerate(np.argsort(stamp, kind="stable").tolist()):
            ns = start + int(stamp[event])
            parts = np.array([ns // 10**9, ns % 10**9 * 4], np.uint32)
            writer.write(number + 1, parts, truth.tel_id[seen[event]].tolist(), int(kind[event]))
    return names.trigger()


def write_muons(truth: ArrayTruth, path: Path, start: int, seed: int, rings: int = 100) -> None:
    """Write throughputs of all telescopes from so many muon rings, in the hour from ``start`` (ns TAI)."""
    random = np.random.default_rng(seed)
    found = {}
    for tel_id, optics in zip(truth.tel_id.tolist(), truth.optics):
        mean = MUON_EFFICIENCY * optics
        efficiency = mean * (1.0 + random.normal(0.0, _RING_ERROR, rings))
        time = start + random.integers(0, 3_600_000_000_000, rings)
        found[tel_id] = TelescopeThroughput(
            aggregate(efficiency, np.full(rings, _RING_ERROR * mean), time), None
        )
    write_throughput(path, found, {})


def write_showers(truth: ArrayTruth, path: Path, start: int, n_events: int, seed: int) -> None:
    """Write images of so many shared showers, a second apart from ``start`` (ns TAI): I-DATA-COM-0007."""
    random = np.random.default_rng(seed)
    fronts = simulate_fronts(truth.clock, truth.position, n_events, random)
    offset = truth.position[None] - fronts.core[:, None]
    along = np.einsum("etx,ex->et", offset, fronts.direction)
    impact = np.sqrt(np.maximum((offset**2).sum(axis=2) - along**2, 0.0))
    light = 2000.0 * np.exp(random.normal(0.0, 0.7, (n_events, 1)) - impact / 150.0)
    spread = np.exp(random.normal(0.0, _SIZE_SPREAD, impact.shape))
    event, place = np.nonzero(np.isfinite(fronts.time))
    size = (light * truth.optics * spread)[event, place]
    # the zero of an event's times is its own: that of its first telescope will do
    zero = np.nanmin(fronts.time - front_delay(fronts, truth.position), axis=1)
    altitude = np.arcsin(fronts.direction[:, 2])
    azimuth = np.degrees(np.arctan2(-fronts.direction[:, 1], fronts.direction[:, 0])) % 360.0
    time = start + event.astype(np.int64) * 1_000_000_000
    columns: Columns = {
        "time": (time, "ns", "tai", ""),
        "event_id": (event.astype(np.int64) + 1, "", "", ""),
        "tel_id": (truth.tel_id[place], "", "", ""),
        "size": (size, "pe", "", ""),
        "energy": (size / 1000.0, "TeV", "", ""),
        "energy_error": (0.2 * size / 1000.0, "TeV", "", ""),
        "impact": (impact[event, place], "m", "", ""),
        "front_time": (fronts.time[event, place] - zero[event], "ns", "", ""),
        "front_time_error": (fronts.error[event, place], "ns", "", ""),
        "azimuth": (azimuth[event], "deg", "", "altaz"),
        "altitude": (np.degrees(altitude)[event], "deg", "", "altaz"),
        "direction_error": (np.degrees(fronts.direction_error)[event], "deg", "", "altaz"),
        "core_x": (fronts.core[event, 0], "m", "", "enu"),
        "core_y": (fronts.core[event, 1], "m", "", "enu"),
        "h_max": ((fronts.distance * np.sin(altitude))[event], "m", "", ""),
    }
    _write(path, columns, {**SHOWERS, "device": "array", "obs_id": 1}, int(time[-1]))


def _write(path: Path, columns: Columns, metadata: dict[str, object], last: int) -> None:
    delivered = last + 300_000_000_000
    table = {name: WrittenColumn(*column) for name, column in columns.items()}
    write_parquet(path, {"site": "CTAO-North", "delivered": delivered, **metadata}, table)
