# SPDX-License-Identifier: BSD-3-Clause
"""Tables that describe the instrument: layout of the array, optics, camera geometries and readouts."""

import erfa
import numpy as np

from pellucid.formats.ctapipe_hdf5.columns import Attribute, Column, layout, strings
from pellucid.formats.ctapipe_hdf5.tables import TableFile
from pellucid.instrument import CameraGeometry, Optics, PixelShape, Readout, ReferenceLocation, Subarray

__all__ = ["CAMERA", "LAYOUT", "OPTICS", "write_subarray"]

LAYOUT = "/configuration/instrument/subarray/layout"
OPTICS = "/configuration/instrument/telescope/optics"
CAMERA = "/configuration/instrument/telescope/camera"

type _Filled = tuple[Column, np.ndarray]


def write_subarray(file: TableFile, subarray: Subarray) -> None:
    """Write the array; equal cameras and equal optics are stored once, telescopes point to them."""
    telescopes = [subarray.telescopes[t] for t in subarray.tel_ids]
    camera_keys = [(t.geometry.fingerprint, t.readout.fingerprint) for t in telescopes]
    # repr, because optics without an effective focal length hold a NaN, which equals nothing
    optics_keys = [repr(t.optics) for t in telescopes]
    cameras, optics = list(dict.fromkeys(camera_keys)), list(dict.fromkeys(optics_keys))
    position = np.array([t.position for t in telescopes], dtype=np.float32).reshape(-1, 3)
    columns = [
        (Column("tel_id", "<u2", "number of the telescope"), np.array([t.tel_id for t in telescopes])),
        strings("name", [t.optics.name for t in telescopes], "name of the telescope's structure"),
        strings("type", [t.optics.size_type for t in telescopes], "size class: LST, MST or SST"),
        (Column("pos_x", "<f4", "north of the reference", "m"), position[:, 0]),
        (Column("pos_y", "<f4", "west of the reference", "m"), position[:, 1]),
        (Column("pos_z", "<f4", "above the reference", "m"), position[:, 2]),
        strings("camera_name", [t.geometry.name for t in telescopes], "name of the camera"),
        strings("optics_name", [t.optics.name for t in telescopes], "name of the optics"),
        (
            Column("camera_index", "<i8", "which geometry and readout table"),
            np.array([cameras.index(k) for k in camera_keys]),
        ),
        (
            Column("optics_index", "<i8", "which row of the optics table"),
            np.array([optics.index(k) for k in optics_keys]),
        ),
        strings("tel_description", [t.name for t in telescopes], "size class, optics and camera in one word"),
    ]
    meta: dict[str, Attribute] = {
        "TAB_TYPE": "subarray",
        "TAB_VER": "2.0",
        "SUBARRAY": subarray.name,
        "name": subarray.name,
        **_reference(subarray.reference),
    }
    _write(file, LAYOUT, columns, meta)
    _write_optics(file, [telescopes[optics_keys.index(k)].optics for k in optics], subarray.name)
    for i, key in enumerate(cameras):
        telescope = telescopes[camera_keys.index(key)]
        _write_geometry(file, f"{CAMERA}/geometry_{i}", telescope.geometry)
        _write_readout(file, f"{CAMERA}/readout_{i}", telescope.geometry.name, telescope.readout)


def _write_optics(file: TableFile, optics: list[Optics], array: str) -> None:
    columns = [
        strings("optics_name", [o.name for o in optics], "name of the optics"),
        strings("size_type", [o.size_type for o in optics], "size class: LST, MST or SST"),
        strings("reflector_shape", [o.reflector_shape for o in optics], "shape of the reflector"),
        (
            Column("mirror_area", "<f8", "area of the mirror", "m**2"),
            np.array([o.mirror_area for o in optics]),
        ),
        (Column("n_mirrors", "<i8", "number of reflections"), np.array([o.n_mirrors for o in optics])),
        (Column("n_mirror_tiles", "<i8", "number of facets"), np.array([o.n_mirror_tiles for o in optics])),
        (
            Column("equivalent_focal_length", "<f8", "focal length of the design", "m"),
            np.array([o.nominal_focal_length for o in optics]),
        ),
        (
            Column("effective_focal_length", "<f8", "focal length with aberrations, NaN if not known", "m"),
            np.array([o.effective_focal_length for o in optics]),
        ),
    ]
    _write(file, OPTICS, columns, {"TAB_TYPE": "optics", "TAB_VER": "4.0", "SUBARRAY": array})


def _write_geometry(file: TableFile, path: str, geometry: CameraGeometry) -> None:
    columns = [
        (Column("pix_id", "<i8", "number of the pixel"), np.arange(geometry.n_pixels)),
        (Column("pix_x", "<f8", "centre of the pixel", "m"), geometry.pix_x),
        (Column("pix_y", "<f8", "centre of the pixel", "m"), geometry.pix_y),
        (Column("pix_area", "<f8", "area of the pixel", "m**2"), geometry.pix_area),
    ]
    meta: dict[str, Attribute] = {
        "TAB_TYPE": "ctapipe.instrument.CameraGeometry",
        "TAB_VER": "2.1",
        "CAM_ID": geometry.name,
        "PIX_TYPE": str(geometry.pix_shape),
        "GRID": "square" if geometry.pix_shape is PixelShape.SQUARE else "hex",
        "PIX_ROT": float(geometry.pix_rotation),
        "CAM_ROT": 0.0,  # the positions are derotated
    }
    _write(file, path, columns, meta)


def _write_readout(file: TableFile, path: str, name: str, readout: Readout) -> None:
    pulses = [
        (Column(f"reference_pulse_shape_channel{i}", "<f8", f"pulse of gain channel {i}"), pulse)
        for i, pulse in enumerate(readout.reference_pulse)
    ]
    time = np.arange(readout.reference_pulse.shape[1]) * readout.reference_pulse_step
    columns = [*pulses, (Column("reference_pulse_sample_time", "<f8", "time in the pulse", "ns"), time)]
    meta: dict[str, Attribute] = {
        "TAB_TYPE": "ctapipe.instrument.CameraReadout",
        "TAB_VER": "3.0",
        "CAM_ID": name,
        "NCHAN": readout.n_channels,
        "NPIXELS": readout.n_pixels,
        "NSAMPLES": readout.n_samples,
        "SAMPFREQ": float(readout.sampling_rate),
        "REFWIDTH": float(readout.reference_pulse_step),
    }
    _write(file, path, columns, meta)


def _reference(location: ReferenceLocation) -> dict[str, Attribute]:
    # 1 is WGS84 in the SOFA routine
    xyz = erfa.gd2gc(1, np.deg2rad(location.longitude), np.deg2rad(location.latitude), location.height)
    return {f"reference_itrs_{axis}": float(value) for axis, value in zip("xyz", xyz, strict=True)}


def _write(file: TableFile, path: str, filled: list[_Filled], meta: dict[str, Attribute]) -> None:
    columns = [column for column, _ in filled]
    rows = np.zeros(len(filled[0][1]), layout(columns))
    for column, values in filled:
        rows[column.name] = values
    file.static_table(path, columns, rows, meta)
