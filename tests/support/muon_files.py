# SPDX-License-Identifier: BSD-3-Clause
"""DL1 files of one large telescope with muon rings, or whatever else is in the images."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from pellucid.array.muons.camera import MuonOptics
from pellucid.events import (
    PARAMETERS,
    ArrayEvents,
    CameraBatch,
    CameraImages,
    CameraKind,
    Coefficients,
    EventChunk,
    EventType,
    TelescopeTriggers,
)
from pellucid.formats.ctapipe_hdf5 import DL1Writer
from pellucid.instrument import (
    CameraGeometry,
    Optics,
    PixelShape,
    Readout,
    ReferenceLocation,
    Subarray,
    Telescope,
)
from pellucid.instrument.run import RunInfo
from pellucid.simulate.muons import hexagonal_camera

FOCAL, RADIUS = 28.0, 11.1
NIGHT = 1_795_471_237
"""2026-11-23T22:00:00 UTC, in s TAI."""


def telescope(tel_id: int = 1) -> Telescope:
    x, y, area = hexagonal_camera()
    metres = np.radians(1.0) * FOCAL
    geometry = CameraGeometry(
        "HexCam", y * metres, x * metres, np.full(x.size, area * metres**2), PixelShape.HEXAGON
    )
    optics = Optics("LST", "LST", "PARABOLIC", 1, 198, np.pi * RADIUS**2, FOCAL, FOCAL)
    readout = Readout(1.0, 1, x.size, 40, np.ones((1, 40)), 0.25)
    return Telescope(tel_id, optics, geometry, readout, (0.0, 0.0, 0.0))


def muon_optics() -> MuonOptics:
    x, y, area = hexagonal_camera()
    return MuonOptics(x, y, 0.1, area, mirror_radius=RADIUS, hole_radius=0.74)


def write_dl1(
    path: Path,
    images: npt.NDArray[np.float64],
    cleaned: npt.NDArray[np.bool_],
    seconds: npt.NDArray[np.int64],
    tel_id: int = 1,
) -> None:
    """Write images, shape (n, n_pixels), in p.e., of events that many seconds into the night, shape (n,)."""
    n, n_pixels = images.shape
    here = telescope(tel_id)
    stamps = np.stack([NIGHT + seconds, np.zeros(n, np.int64)], axis=1).astype(np.uint32)
    rows, ids = np.arange(n), np.full(n, tel_id, np.int16)
    kinds = np.full(n, EventType.SUBARRAY, np.uint8)
    batch = CameraBatch(
        CameraKind(here.geometry, 1, 1),
        rows,
        ids,
        np.zeros((n, 1, n_pixels, 1), np.uint16),
        np.zeros(n, np.int64),
        np.full(n, np.nan),
        np.full(n, np.nan),
    )
    made = CameraImages(
        batch,
        np.ones(n, np.bool_),
        images[:, None].astype(np.float32),
        np.zeros((n, 1, n_pixels), np.float32),
        np.zeros((n, 1, n_pixels), np.uint8),
        np.zeros((n, n_pixels), np.int8),
        cleaned,
        np.zeros(n, PARAMETERS),
        None,
    )
    zero = np.zeros((1, n_pixels), np.float32)
    none = Coefficients(tel_id, zero, zero, zero, np.zeros((1, n_pixels), np.bool_))
    chunk = EventChunk(
        1,
        ArrayEvents(1 + rows, kinds, stamps),
        TelescopeTriggers(rows, ids, stamps, kinds, np.full(n, -1, np.int32)),
        [batch],
        [none],
    )
    subarray = Subarray("Made-up", {tel_id: here}, ReferenceLocation(-17.89, 28.76, 2200.0))
    run = RunInfo(obs_id=1, sb_id=1, producer="north", pointing_alt=70.0, pointing_az=180.0)
    with DL1Writer(path, subarray, run, provenance={}, focal_length="effective") as writer:
        writer.write(chunk, [made])
        writer.close()
