# SPDX-License-Identifier: BSD-3-Clause
"""A small made-up run: four telescopes with two kinds of camera, showers and calibration events."""

from dataclasses import replace

import numpy as np

from pellucid.events import (
    PARAMETERS,
    TRUE_PARAMETERS,
    ArrayEvents,
    CameraBatch,
    CameraImages,
    CameraKind,
    EventChunk,
    EventType,
    Showers,
    TelescopeTriggers,
)
from pellucid.instrument import (
    CameraGeometry,
    Optics,
    PixelShape,
    Readout,
    ReferenceLocation,
    Subarray,
    Telescope,
)
from pellucid.instrument.run import AtmosphereProfile, RunInfo, ShowerDistribution, SimulationRun

LINEAGE = {"step": "dl1", "version": "1", "parameters": {"picture": 10.0}, "inputs": ["ab" * 32]}


def hexagons(rings: int, name: str = "HexCam") -> CameraGeometry:
    q, r = np.meshgrid(np.arange(-rings, rings + 1), np.arange(-rings, rings + 1))
    inside = np.abs(q + r) <= rings
    x, y = (q + r / 2)[inside] * 0.05, (r * np.sqrt(3) / 2)[inside] * 0.05
    return CameraGeometry(
        name, x, y, np.full(x.size, np.sqrt(3) / 2 * 0.05**2), PixelShape.HEXAGON, 30.0, 10.0
    )


def squares(side: int) -> CameraGeometry:
    x, y = (a.ravel() * 0.006 for a in np.meshgrid(np.arange(side) - 1.5, np.arange(side) - 1.5))
    return CameraGeometry("SquareCam", x, y, np.full(x.size, 0.006**2), PixelShape.SQUARE)


def make_array(geometry: CameraGeometry | None = None) -> Subarray:
    pulse = np.exp(-(((np.arange(40) * 0.25 - 5) / 2) ** 2))
    lst = Optics("LST", "LST", "PARABOLIC", 1, 198, 386.7, 28.0, 29.3)
    sst = Optics("ASTRI", "SST", "SCHWARZSCHILD_COUDER", 2, 18, 11.5, 2.15, 2.19)
    big, small = geometry or hexagons(3), squares(4)
    two = Readout(1.0, 2, big.n_pixels, 40, np.stack([pulse, pulse * 0.9]), 0.25)
    one = Readout(0.5, 1, small.n_pixels, 25, pulse[None], 0.25)
    telescopes = {
        1: Telescope(1, lst, big, two, (-70.0, -52.0, 43.0)),
        2: Telescope(2, lst, big, two, (-35.0, 66.0, 32.0)),
        7: Telescope(7, sst, small, one, (100.5, 3.0, 20.0)),
        19: Telescope(19, sst, small, one, (-1.0, 250.0, 21.0)),
    }
    return Subarray("Made-up", telescopes, ReferenceLocation(-17.89, 28.76, 2200.0))


def make_run(simulation: bool = True, obs_id: int = 4, atmosphere: bool = True) -> RunInfo:
    h = np.linspace(0, 100, 20)
    profile = AtmosphereProfile("winter", 99, 2156.0, 120e3, h, 1.2e-3 * np.exp(-h / 8), 1e3 * np.exp(-h / 8))
    truth = SimulationRun(
        run_number=obs_id, corsika_version=7741, simtel_version=1666280811, energy_range_min=0.03,
        energy_range_max=50.0, spectral_index=-2.0, n_showers=1000, shower_reuse=10,
        min_alt=70.0, max_alt=70.0,
        min_az=180.0, max_az=180.0, min_viewcone_radius=0.0, max_viewcone_radius=10.0, min_scatter_range=0.0,
        max_scatter_range=1500.0, diffuse=1, core_pos_mode=1, atmosphere=99, prod_site_alt=2156.0,
        prod_site_b_total=38.7, prod_site_b_declination=-4.3, prod_site_b_inclination=37.1,
        corsika_wlen_min=240.0, corsika_wlen_max=1000.0, corsika_bunchsize=5.0,
    )  # fmt: skip
    return RunInfo(
        obs_id=obs_id,
        sb_id=obs_id,
        producer="simulation" if simulation else "north",
        pointing_alt=70.0,
        pointing_az=180.0,
        start=(1_666_867_000, 0),
        simulation=truth if simulation else None,
        atmosphere=profile if simulation and atmosphere else None,
    )


def make_distribution() -> ShowerDistribution:
    histogram = np.arange(6, dtype=np.float32).reshape(2, 3)
    return ShowerDistribution(6, 15, np.array([0.1, 1, 10.0]), np.array([0, 100, 200, 300.0]), histogram)


def make_events(
    array: Subarray,
    n_events: int,
    *,
    obs_id: int = 4,
    seed: int = 1,
    simulation: bool = True,
    calibration: float = 0.2,
    unread: float = 0.1,
) -> tuple[EventChunk, list[CameraImages]]:
    """Make events with all telescopes of a kind in one batch; some triggers have no image."""
    rng = np.random.default_rng(seed)
    ids = np.array(array.tel_ids)
    calib = rng.random(n_events) < calibration
    types = np.where(calib, EventType.FLATFIELD, EventType.SUBARRAY).astype(np.uint8)
    time = np.stack([1_666_867_797 + np.arange(n_events), rng.integers(0, 4_000_000_000, n_events)], -1)
    events = ArrayEvents(np.arange(n_events) * 3 + 100, types, time.astype(np.uint32))
    hit = rng.random((n_events, ids.size)) < 0.7
    row, column = np.nonzero(hit)
    triggers = TelescopeTriggers(
        row, ids[column].astype(np.int16), events.time[row], types[row],
        rng.integers(-1, 50, row.size).astype(np.int32),
    )  # fmt: skip
    read = rng.random(row.size) >= unread
    kinds: dict[tuple[str, int, int], CameraKind] = {}
    for t in ids.tolist():
        telescope = array.telescopes[t]
        kind = CameraKind(telescope.geometry, telescope.readout.n_channels, telescope.readout.n_samples)
        kinds.setdefault(kind.key, kind)
    images = []
    for kind in kinds.values():
        same = np.array([array.telescopes[t].geometry is kind.geometry for t in ids[column].tolist()], bool)
        chosen = np.flatnonzero(same & read)
        images.append(_images(rng, kind, row[chosen], ids[column][chosen], ~calib[row[chosen]], simulation))
    showers = _showers(rng, np.flatnonzero(~calib), ids.size) if simulation else None
    chunk = EventChunk(obs_id, events, triggers, [i.batch for i in images], [], showers)
    return chunk, images


def cut(
    chunk: EventChunk, images: list[CameraImages], edges: list[int], rng: np.random.Generator | None = None
) -> list[tuple[EventChunk, list[CameraImages]]]:
    """Cut a run at array events; with a generator, rows and batches are shuffled and batches split."""
    parts = []
    for low, high in zip([0, *edges], [*edges, chunk.events.event_id.size], strict=True):
        e, t, s = chunk.events, chunk.triggers, chunk.showers
        events = ArrayEvents(e.event_id[low:high], e.event_type[low:high], e.time[low:high])
        keep = np.flatnonzero((t.event_row >= low) & (t.event_row < high))
        triggers = TelescopeTriggers(
            t.event_row[keep] - low,
            t.tel_id[keep],
            t.time[keep],
            t.event_type[keep],
            t.n_trigger_pixels[keep],
        )
        showers = None
        if s is not None:
            keep = np.flatnonzero((s.event_row >= low) & (s.event_row < high))
            showers = Showers(
                s.event_row[keep] - low,
                *(getattr(s, name)[keep] for name in list(Showers.__annotations__)[1:]),
            )
        found = []
        for whole in images:
            keep = np.flatnonzero((whole.batch.event_row >= low) & (whole.batch.event_row < high))
            pieces = [keep]
            if rng is not None:
                pieces = np.array_split(rng.permutation(keep), rng.integers(1, 4))
            found += [_taken(whole, piece, low) for piece in pieces]
        if rng is not None:
            found = [found[i] for i in rng.permutation(len(found))]
        part = EventChunk(chunk.obs_id, events, triggers, [i.batch for i in found], [], showers)
        parts.append((part, found))
    return parts


def _taken(whole: CameraImages, rows: np.ndarray, low: int) -> CameraImages:
    b = whole.batch
    batch = replace(
        b,
        event_row=b.event_row[rows] - low,
        **{
            name: None if getattr(b, name) is None else getattr(b, name)[rows]
            for name in (
                "tel_id",
                "adc",
                "coefficients",
                "azimuth",
                "altitude",
                "true_image",
                "true_image_sum",
            )
        },
    )
    names = (
        "selected",
        "image",
        "peak_time",
        "filled",
        "gain_channel",
        "image_mask",
        "parameters",
        "true_parameters",
    )
    return CameraImages(batch, *(None if (v := getattr(whole, n)) is None else v[rows] for n in names))


def _images(rng, kind, event_row, tel_id, selected, simulation):
    n, n_channels, n_pixels = event_row.size, kind.n_channels, kind.geometry.n_pixels
    true = rng.poisson(3, (n, n_pixels)).astype(np.int32)
    batch = CameraBatch(
        kind, event_row, tel_id.astype(np.int16), np.zeros((n, n_channels, n_pixels, 1), np.uint16),
        np.zeros(n, np.int64), np.full(n, 180.0) + tel_id, np.full(n, 70.0),
        true if simulation else None, true.sum(axis=1).astype(np.int64) if simulation else None,
    )  # fmt: skip
    gain = np.where(selected[:, None], rng.integers(0, n_channels, (n, n_pixels)), -1)
    return CameraImages(
        batch,
        selected,
        rng.normal(2, 3, (n, n_channels, n_pixels)).astype(np.float32),
        rng.uniform(0, 40, (n, n_channels, n_pixels)).astype(np.float32),
        (rng.random((n, n_channels, n_pixels)) < 0.01 / (1 + np.arange(n) % 3)[:, None, None]).astype(
            np.uint8
        ),
        gain.astype(np.int8),
        (rng.random((n, n_pixels)) < 0.2) & selected[:, None],
        _parameters(rng, n, PARAMETERS),
        _parameters(rng, n, TRUE_PARAMETERS) if simulation else None,
    )


def _parameters(rng, n, dtype):
    out = np.zeros(n, dtype)
    for name in dtype.names:
        out[name] = rng.integers(0, 30, n) if dtype[name].kind == "i" else rng.normal(1, 1, n)
    return out


def _showers(rng, event_row, n_telescopes):
    n = event_row.size
    numbers = [rng.uniform(0.1, 10, n) for _ in range(8)]
    return Showers(event_row, *numbers, np.zeros(n, np.int32), rng.uniform(0, 300, (n, n_telescopes)))
