# SPDX-License-Identifier: BSD-3-Clause
"""Description of an array beside its event files: JSON with telescopes, optics, cameras and read-outs.

DL0 event files name telescopes by number only. This file says what they are; cameras and read-outs
that telescopes share are written once. Numbers survive the round trip to the bit.
"""

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.instrument import (
    CameraGeometry,
    Optics,
    PixelShape,
    Readout,
    ReferenceLocation,
    Subarray,
    Telescope,
)

__all__ = ["FORMAT", "VERSION", "read_description", "write_description"]

FORMAT = "pellucid subarray description"
VERSION = 1


def write_description(subarray: Subarray, path: Path) -> None:
    """Write the description of an array; the bytes follow from the array alone."""
    cameras: dict[str, Any] = {}
    telescopes = []
    for tel_id in subarray.tel_ids:
        telescope = subarray.telescopes[tel_id]
        geometry, readout = telescope.geometry, telescope.readout
        key = sha256((geometry.fingerprint + readout.fingerprint).encode()).hexdigest()[:16]
        cameras[key] = {"geometry": _geometry_out(geometry), "readout": _readout_out(readout)}
        telescopes.append(
            {
                "tel_id": tel_id,
                "position_m": list(telescope.position),
                "optics": asdict(telescope.optics),
                "camera": key,
            }
        )
    # the format comes first: by it the file is recognised
    document = {
        "format": FORMAT,
        "version": VERSION,
        "name": subarray.name,
        "reference": asdict(subarray.reference),
        "telescopes": telescopes,
        "cameras": cameras,
    }
    path.write_text(json.dumps(document) + "\n", encoding="utf-8")


def read_description(path: Path) -> Subarray:
    """Read the description of an array.

    Raises
    ------
    MissingInput
        There is no such file.
    CorruptedInput
        It is no description, of another version, or incomplete.
    """
    if not path.is_file():
        raise MissingInput(
            "The description of the array is missing.",
            where=str(path),
            expected="a JSON file with the telescopes, their optics, cameras and read-outs",
            mend="DL0 event files do not carry it: lay the description beside them, or name it",
            code="no-description",
        )
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _wrong(path, "a JSON document", str(error)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _wrong(path, f"format '{FORMAT}'", "another document")
    if document.get("version") != VERSION:
        raise _wrong(path, f"version {VERSION}", f"version {document.get('version')}")
    try:
        return _subarray(document)
    except (KeyError, TypeError, ValueError) as error:
        raise _wrong(path, "all fields of the description", f"{type(error).__name__}: {error}") from error


def _subarray(document: dict[str, Any]) -> Subarray:
    cameras = {
        key: (_geometry_in(entry["geometry"]), _readout_in(entry["readout"]))
        for key, entry in document["cameras"].items()
    }
    telescopes = {}
    for entry in document["telescopes"]:
        geometry, readout = cameras[entry["camera"]]
        x, y, z = map(float, entry["position_m"])
        tel_id = int(entry["tel_id"])
        telescopes[tel_id] = Telescope(tel_id, Optics(**entry["optics"]), geometry, readout, (x, y, z))
    reference = ReferenceLocation(**document["reference"])
    return Subarray(document["name"], dict(sorted(telescopes.items())), reference)


def _geometry_out(geometry: CameraGeometry) -> dict[str, Any]:
    return {
        "name": geometry.name,
        "pix_x_m": geometry.pix_x.tolist(),
        "pix_y_m": geometry.pix_y.tolist(),
        "pix_area_m2": geometry.pix_area.tolist(),
        "pix_shape": str(geometry.pix_shape),
        "pix_rotation_deg": geometry.pix_rotation,
        "cam_rotation_deg": geometry.cam_rotation,
    }


def _geometry_in(entry: dict[str, Any]) -> CameraGeometry:
    return CameraGeometry(
        name=entry["name"],
        pix_x=np.array(entry["pix_x_m"], dtype=np.float64),
        pix_y=np.array(entry["pix_y_m"], dtype=np.float64),
        pix_area=np.array(entry["pix_area_m2"], dtype=np.float64),
        pix_shape=PixelShape(entry["pix_shape"]),
        pix_rotation=entry["pix_rotation_deg"],
        cam_rotation=entry["cam_rotation_deg"],
    )


def _readout_out(readout: Readout) -> dict[str, Any]:
    return {
        "sampling_rate_ghz": readout.sampling_rate,
        "n_channels": readout.n_channels,
        "n_pixels": readout.n_pixels,
        "n_samples": readout.n_samples,
        "reference_pulse": readout.reference_pulse.tolist(),
        "reference_pulse_step_ns": readout.reference_pulse_step,
    }


def _readout_in(entry: dict[str, Any]) -> Readout:
    return Readout(
        sampling_rate=entry["sampling_rate_ghz"],
        n_channels=entry["n_channels"],
        n_pixels=entry["n_pixels"],
        n_samples=entry["n_samples"],
        reference_pulse=np.array(entry["reference_pulse"], dtype=np.float64),
        reference_pulse_step=entry["reference_pulse_step_ns"],
    )


def _wrong(path: Path, expected: str, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file is no readable description of an array.",
        where=str(path),
        expected=expected,
        got=got,
        mend="write it again, e.g. with `pellucid simulate`, or name the right file",
        code="bad-description",
    )
