# SPDX-License-Identifier: BSD-3-Clause
"""Simulated truth: showers, cores, and the photo-electrons of each pixel."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.events import Showers
from pellucid.formats.eventio import Block
from pellucid.instrument import Subarray
from pellucid.jit import kernel

__all__ = ["TrueEvent", "has_true_images", "parse_photoelectrons", "showers"]

PHOTOELECTRONS = 1208
_HALF_PI = np.pi / 2

type Int = int | np.signedinteger[Any]
type I4 = npt.NDArray[np.int32]
type F8 = npt.NDArray[np.float64]


@dataclass(slots=True)
class TrueEvent:
    """Truth of one array event.

    Attributes
    ----------
    shower, core : mapping or None
        Shower (type 2020) and event (type 2021); None for calibration events.
    images : dict of int to ndarray of int32, shape (n_pixels,)
        Photo-electrons (p.e.), by telescope.
    sums : ndarray of int32, shape (n_telescopes,), or None
        Photo-electrons in each camera, in the order of the run header.
    """

    shower: dict[str, Any] | None
    core: dict[str, Any] | None
    images: dict[int, I4]
    sums: I4 | None


def has_true_images(history: list[bytes]) -> bool:
    """Tell from the simulation's own configuration whether photo-electrons were stored.

    Parameters
    ----------
    history : list of bytes
        Lines of the configuration (types 71 and 72), command line first.
    """
    lines = [line.decode("utf-8", "replace").strip().lower() for line in history]
    if lines and "merge_simtel" in lines[0]:
        return False
    for line in lines:
        words = line.split()
        if len(words) < 2 or not words[1].lstrip("+-").isdigit():
            continue
        if words[0] == "save_photons" and int(words[1]) & 0b10:
            return True
        if words[0] == "store_photoelectrons" and int(words[1]) > 0:
            return True
    return False


def parse_photoelectrons(block: Block) -> tuple[int, I4]:
    """Read the photo-electrons of one camera (type 1208): telescope and counts, shape (n_pixels,)."""
    if block.version not in (1, 2, 3):
        raise block.corrupted("Photo-electrons are in an unknown layout.", got=f"version {block.version}")
    head = struct.Struct("<iihi" if block.version > 1 else "<iii")
    if len(block.payload) < head.size:
        raise block.corrupted("Photo-electrons end before they begin.", code="truncated")
    values = head.unpack_from(block.payload)
    n_pixels, flags, n_filled = values[1], values[2] if block.version > 1 else 0, values[-1]
    if not 0 < n_pixels < 1 << 24 or not 0 <= n_filled <= n_pixels:
        raise block.corrupted(
            "Photo-electrons have an impossible shape.", got=f"{n_filled} of {n_pixels} pixels"
        )
    image = np.zeros(n_pixels, np.int32)
    data = np.frombuffer(block.payload, np.uint8)
    if not _fill(data, head.size, n_filled, block.version > 2, 2 if flags & 1 else 1, image):
        raise block.corrupted(
            "Photo-electrons are damaged.", expected=f"{n_filled} pixels", got="fewer, or others"
        )
    # the identifier counts telescopes from 0
    return block.ident % 1000 + 1, image


@kernel
def _fill(data: npt.NDArray[np.uint8], start: int, n_filled: int, coded: bool, words: int, image: I4) -> bool:
    position: Int = start
    for _ in range(n_filled):
        if position + 9 > data.size:
            return False
        first = np.int64(data[position])
        size: Int = 2
        pixel: Int = first | (np.int64(data[position + 1]) << 8)
        if coded:
            size = 1 + (first >= 0x80) + (first >= 0xC0)
            code = first & (0xFF >> size)
            for byte in range(1, size):
                code = (code << 8) | np.int64(data[position + byte])
            pixel = (code >> 1) ^ -(code & 1)
        position += size
        count = np.int64(0)
        for byte in range(4):
            count |= np.int64(data[position + byte]) << (8 * byte)
        position += 4 + 4 * words * count
        if pixel < 0 or pixel >= image.size or count >= 1 << 31 or position > data.size:
            return False
        image[pixel] = count
    return True


def showers(rows: list[int], truths: list[TrueEvent], subarray: Subarray) -> Showers:
    """Put the showers of a chunk into columns.

    Parameters
    ----------
    rows : list of int
        Rows of the array events in the chunk.
    truths : list of TrueEvent
        Their truth; each has a shower and a core.
    subarray : Subarray
        Array, for the distances from the shower axis.
    """
    shower = [t.shower or {} for t in truths]
    core = [t.core or {} for t in truths]

    def column(items: list[dict[str, Any]], name: str) -> F8:
        return np.array([item.get(name, np.nan) for item in items], np.float64)

    altitude, azimuth = column(shower, "altitude"), column(shower, "azimuth")
    beyond = (np.abs(altitude) > _HALF_PI) & (np.abs(altitude) < _HALF_PI * (1 + 1e-6))
    altitude[beyond] = np.copysign(_HALF_PI, altitude[beyond])
    x, y = column(core, "xcore"), column(core, "ycore")
    return Showers(
        event_row=np.array(rows, np.int64),
        energy=column(shower, "energy"),
        alt=np.rad2deg(altitude),
        az=np.rad2deg(azimuth),
        core_x=x,
        core_y=y,
        h_first_int=column(shower, "h_first_int"),
        x_max=column(shower, "xmax"),
        starting_grammage=column(shower, "depth_start"),
        primary_id=np.array([s["primary_id"] for s in shower], np.int32),
        impact_distance=_impact_distance(altitude, azimuth, x, y, subarray),
    )


def _impact_distance(altitude: F8, azimuth: F8, x: F8, y: F8, subarray: Subarray) -> F8:
    """Distance of each telescope from each shower axis: |(p - c) x d| with a unit vector d, in m."""
    positions = np.array([subarray.telescopes[t].position for t in subarray.tel_ids]).reshape(-1, 3)
    # x north, y west: the azimuth runs clockwise
    direction = np.stack(
        [np.cos(altitude) * np.cos(azimuth), -np.cos(altitude) * np.sin(azimuth), np.sin(altitude)], axis=-1
    )
    core = np.stack([x, y, np.zeros_like(x)], axis=-1)
    away = positions[np.newaxis] - core[:, np.newaxis]
    distance: F8 = np.linalg.norm(np.cross(away, direction[:, np.newaxis]), axis=-1)
    return distance
