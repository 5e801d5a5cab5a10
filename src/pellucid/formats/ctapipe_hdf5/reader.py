# SPDX-License-Identifier: BSD-3-Clause
"""Read back what a DL1 file holds."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tables

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.ctao_metadata import JSON
from pellucid.formats.ctapipe_hdf5.reference import FLAGS, LINEAGE, PRODUCT
from pellucid.formats.ctapipe_hdf5.schema import (
    CALIBRATION_IMAGES,
    CORRECTIONS,
    FILLED,
    IMAGES,
    PARAMETERS_GROUP,
    TEL_TRIGGER,
    tel_table,
)
from pellucid.formats.ctapipe_hdf5.subarray import CAMERA, LAYOUT, OPTICS
from pellucid.instrument import CameraGeometry, Optics, PixelShape
from pellucid.times import to_tai_ns

__all__ = [
    "image_blocks",
    "read_calibration_images",
    "read_corrections",
    "read_filled",
    "read_flags",
    "read_image_times",
    "read_images",
    "read_lineage",
    "read_parameters",
    "read_product_metadata",
    "read_table",
    "read_telescope",
    "read_times",
    "tel_ids",
]


def tel_ids(path: Path, *, calibration: bool = False) -> list[int]:
    """Return the telescopes that have images (of showers, or of events that calibrate), ascending."""
    with _opened(path) as file:
        group = CALIBRATION_IMAGES if calibration else IMAGES
        if group not in file:
            return []
        return sorted(int(node._v_name.removeprefix("tel_")) for node in file.iter_nodes(group))


def read_parameters(path: Path, tel_id: int) -> np.ndarray:
    """Return the parameters of a telescope's images, structured, shape (n,); units as in the file.

    Parameters
    ----------
    path : Path
        A DL1 file in ctapipe's format.
    tel_id : int
        Telescope.

    Raises
    ------
    MissingInput
        If the file or the telescope is not there.
    CorruptedInput
        If the file is damaged or no HDF5 file.
    """
    return read_table(path, tel_table(PARAMETERS_GROUP, tel_id))


def read_images(path: Path, tel_id: int) -> np.ndarray:
    """Return a telescope's images of showers, structured, shape (n,): image (p.e.), peak_time (ns), mask.

    Parameters, errors: as `read_parameters`.
    """
    return read_table(path, tel_table(IMAGES, tel_id))


def read_filled(path: Path, tel_id: int) -> np.ndarray:
    """Return which pixels of a telescope's shower images were filled from others, structured, shape (n,).

    One row for each event with such pixels: ``ring`` is 0 as measured, else the ring of its hole that a pixel
    was filled in, 255 where none was near. Parameters, errors: as `read_parameters`; a file in which all
    pixels were measured has no such table.
    """
    return read_table(path, tel_table(FILLED, tel_id))


def image_blocks(path: Path, tel_id: int, rows: int = 2000) -> Iterator[np.ndarray]:
    """Yield a telescope's images of showers in blocks of rows, structured, shape (m,), as `read_images`."""
    with _opened(path) as file:
        name = tel_table(IMAGES, tel_id)
        if name in file:
            table = file.get_node(name)
            for start in range(0, table.nrows, rows):
                yield table.read(start, min(start + rows, table.nrows))


def read_times(path: Path, tel_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Return when a telescope triggered: identifiers of events, ascending, and times in ns TAI, shape (n,).

    Parameters, errors: as `read_parameters`.
    """
    triggers = read_table(path, TEL_TRIGGER)
    own = np.sort(triggers[triggers["tel_id"] == tel_id], order="event_id")
    return own["event_id"].astype(np.int64), to_tai_ns(own["time"])


def read_telescope(path: Path, tel_id: int) -> tuple[Optics, CameraGeometry]:
    """Return the optics and the camera of a telescope.

    Parameters, errors: as `read_parameters`.
    """
    layout, optics = read_table(path, LAYOUT), read_table(path, OPTICS)
    own = layout[layout["tel_id"] == tel_id]
    if own.size == 0:
        raise MissingInput(
            f"The file does not describe telescope {tel_id}.",
            where=str(path),
            expected=f"one of {layout['tel_id'].tolist()}",
            mend="choose another telescope or file",
            code="no-such-telescope",
        )
    mirror = optics[own["optics_index"][0]]
    name = f"{CAMERA}/geometry_{own['camera_index'][0]}"
    pixels = read_table(path, name)
    with _opened(path) as file:
        said = file.get_node(name)._v_attrs
        shape, camera, rotation = str(said.PIX_TYPE), str(said.CAM_ID), float(said.PIX_ROT)
    return (
        Optics(
            name=mirror["optics_name"].decode(),
            size_type=mirror["size_type"].decode(),
            reflector_shape=mirror["reflector_shape"].decode(),
            n_mirrors=int(mirror["n_mirrors"]),
            n_mirror_tiles=int(mirror["n_mirror_tiles"]),
            mirror_area=float(mirror["mirror_area"]),
            nominal_focal_length=float(mirror["equivalent_focal_length"]),
            effective_focal_length=float(mirror["effective_focal_length"]),
        ),
        CameraGeometry(
            name=camera,
            pix_x=pixels["pix_x"],
            pix_y=pixels["pix_y"],
            pix_area=pixels["pix_area"],
            pix_shape=PixelShape(shape),
            pix_rotation=rotation,
        ),
    )


def read_corrections(path: Path, tel_id: int) -> np.ndarray:
    """Return what a telescope's images were corrected with, structured, shape (n,); units as in the file.

    Light scales, by which charges are divided, and where the telescope looked. Rows are those of
    `read_images`; errors likewise: a file that was made without corrections has no such table.
    """
    return read_table(path, tel_table(CORRECTIONS, tel_id))


def read_image_times(path: Path, tel_id: int) -> npt.NDArray[np.int64]:
    """Return when a telescope triggered for each of its shower images, in ns TAI, shape (n,).

    Rows are those of `read_images` and `read_parameters`; errors likewise.
    """
    triggers = read_table(path, TEL_TRIGGER)
    return to_tai_ns(triggers["time"][triggers["tel_id"] == tel_id])


def read_calibration_images(path: Path, tel_id: int) -> np.ndarray:
    """Return a telescope's images of events that calibrate, with all channels, structured, shape (n,).

    Parameters, errors: as `read_parameters`.
    """
    return read_table(path, tel_table(CALIBRATION_IMAGES, tel_id))


def read_table(path: Path, name: str) -> np.ndarray:
    """Return a table of the file by its HDF5 path, structured, shape (n,); units as in the file.

    Errors: as `read_parameters`.
    """
    with _opened(path) as file:
        if name not in file:
            raise MissingInput(
                f"There is no table '{name}' in the file.",
                where=str(path),
                expected="a table that the file holds",
                got=f"tables {', '.join(sorted(n._v_pathname for n in file.walk_nodes('/', 'Table')))}"[:500],
                mend="choose another telescope or file",
                code="no-such-table",
            )
        rows: np.ndarray = file.get_node(name).read()
        return rows


def read_lineage(path: Path) -> JSON:
    """Return the lineage that the file carries. Errors: as `read_parameters`."""
    return _document(path, LINEAGE)


def read_product_metadata(path: Path) -> JSON:
    """Return the file's metadata in CTAO's model. Errors: as `read_parameters`."""
    return _document(path, PRODUCT)


def read_flags(path: Path) -> list[str]:
    """Return the remarks on the product, e.g. that it is partial. Errors: as `read_parameters`."""
    flags = _document(path, FLAGS)
    return [str(flag) for flag in flags] if isinstance(flags, list) else []


def _document(path: Path, attribute: str) -> JSON:
    with _opened(path) as file:
        if attribute not in file.root._v_attrs:
            raise MissingInput(
                f"The file has no attribute '{attribute}'.",
                where=str(path),
                expected="a DL1 file written by Pellucid",
                got="an HDF5 file from elsewhere",
                mend="give a file that was made by 'pellucid process'",
                code="no-lineage",
            )
        document: JSON = json.loads(str(file.root._v_attrs[attribute]))
        return document


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise MissingInput(
            f"There is no file '{path}'.", expected="a DL1 file", mend="check the name of the file"
        )
    try:
        with tables.open_file(str(path), "r") as file:
            yield file
    except (tables.HDF5ExtError, json.JSONDecodeError) as error:
        raise CorruptedInput(
            "The file is damaged or not an HDF5 file.",
            where=str(path),
            expected="a DL1 file in ctapipe's format",
            got=str(error).strip().splitlines()[-1][:200],
            mend="make it again, or fetch another copy",
        ) from error
