# SPDX-License-Identifier: BSD-3-Clause
"""The array as a sim_telarray file describes it: telescopes, cameras, optics, pulses."""

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pellucid.errors import CorruptedInput
from pellucid.formats.eventio import Block
from pellucid.instrument import (
    CameraGeometry,
    Optics,
    PixelShape,
    Readout,
    ReferenceLocation,
    Subarray,
    Telescope,
)

__all__ = ["DESCRIPTIONS", "build_subarray", "description"]

DESCRIPTIONS = {
    2002: "camera_settings",
    2003: "camera_organization",
    2004: "pixel_settings",
    2005: "disabled_pixels",
    2006: "camera_software_settings",
    2007: "pointing_correction",
    2008: "drive_settings",
}
"""Blocks that describe one telescope, by type."""

_ORGANIZATION = 2003
_USED = {2002, 2004, 2005}


class _Known(NamedTuple):
    size_type: str
    name: str
    camera: str
    n_mirrors: int
    shape: str


# (pixels, focal length in m): telescopes whose files do not name them (prod2 to prod5)
_TELESCOPES = {
    (2048, 2.28): _Known("SST", "GCT", "CHEC", 2, "SCHWARZSCHILD_COUDER"),
    (2368, 2.15): _Known("SST", "ASTRI", "ASTRICam", 2, "SCHWARZSCHILD_COUDER"),
    (2048, 2.15): _Known("SST", "ASTRI", "CHEC", 2, "SCHWARZSCHILD_COUDER"),
    (1296, 5.60): _Known("SST", "1M", "DigiCam", 1, "DAVIES_COTTON"),
    (1764, 16.0): _Known("MST", "MST", "FlashCam", 1, "HYBRID"),
    (1855, 16.0): _Known("MST", "MST", "NectarCam", 1, "HYBRID"),
    (1855, 28.0): _Known("LST", "LST", "LSTCam", 1, "PARABOLIC"),
    (11328, 5.59): _Known("MST", "SCT", "SCTCam", 1, "SCHWARZSCHILD_COUDER"),
    (960, 15.0): _Known("MST", "HESS-I", "HESS-I", 1, "DAVIES_COTTON"),
    (2048, 36.0): _Known("LST", "HESS-II", "HESS-II", 1, "PARABOLIC"),
    (1440, 4.89): _Known("SST", "FACT", "FACT", 1, "HYBRID"),
}
# MAGIC's two telescopes differ by their mirror tiles alone
_MAGIC_TILES = {964: "MAGIC-1", 247: "MAGIC-2"}
_MAGIC_FOCAL_LENGTHS = (16.97, 17.0)

_ORGANIZATION_HEAD = struct.Struct("<iiii")
_PIXEL_SHAPES = {
    0: (PixelShape.CIRCLE, 0.0),
    1: (PixelShape.HEXAGON, 0.0),
    2: (PixelShape.SQUARE, 0.0),
    3: (PixelShape.HEXAGON, 30.0),
}

type Meta = Mapping[bytes, bytes]
type Description = Mapping[str, Any]


def description(block: Block) -> Description:
    """Decode a block that describes a telescope, as far as it is used.

    Of the camera's organization only the numbers at its head are: the wiring of every pixel would cost
    more time than all the rest of the file's head.
    """
    if block.kind in _USED:
        parsed: Description = block.parse()
        return parsed
    if block.kind != _ORGANIZATION:
        return {}
    if block.version != 1:
        parsed = block.parse()
        return {"n_pixels": parsed["n_pixels"], "n_gains": parsed["n_gains"]}
    if len(block.payload) < _ORGANIZATION_HEAD.size:
        raise block.corrupted("The organization of a camera is cut.", code="truncated")
    n_pixels, _, n_gains, _ = _ORGANIZATION_HEAD.unpack_from(block.payload)
    return {"n_pixels": n_pixels, "n_gains": n_gains}


def build_subarray(
    run_header: Mapping[str, Any],
    descriptions: Mapping[int, Description],
    telescope_meta: Mapping[int, Meta],
    global_meta: Meta,
    observation_height: float,
    path: str,
) -> Subarray:
    """Put the blocks that describe the telescopes together.

    Parameters
    ----------
    run_header : mapping
        Run header (type 2000).
    descriptions : mapping of int to mapping
        By telescope, its blocks by the names of `DESCRIPTIONS`.
    telescope_meta, global_meta : mapping
        Configuration that newer files carry (type 75).
    observation_height : float
        Height of the observation level, in m; used where the file does not say where the array stands.
    path : str
        File, for error messages.
    """
    telescopes = {}
    positions = {int(t): p for t, p in zip(run_header["tel_id"], run_header["tel_pos"])}
    for tel_id in sorted(descriptions):
        if tel_id not in positions:
            raise CorruptedInput(
                f"Telescope {tel_id} is described but has no position.",
                where=path,
                expected=f"one of the telescopes of the run header: {sorted(positions)}",
                code="undescribed-telescope",
            )
        telescopes[tel_id] = _telescope(
            tel_id, descriptions[tel_id], telescope_meta.get(tel_id, {}), positions[tel_id], path
        )
    name = global_meta.get(b"ARRAY_CONFIG_NAME", b"").decode("utf-8", "replace").strip() or "MonteCarloArray"
    return Subarray(name=name, telescopes=telescopes, reference=_reference(global_meta, observation_height))


def _telescope(tel_id: int, blocks: Description, meta: Meta, position: Any, path: str) -> Telescope:
    missing = [name for name in DESCRIPTIONS.values() if name not in blocks]
    if missing:
        raise CorruptedInput(
            f"The description of telescope {tel_id} is incomplete.",
            where=path,
            expected=", ".join(DESCRIPTIONS.values()),
            got=f"no {', '.join(missing)}",
            mend="fetch the file again",
            code="undescribed-telescope",
        )
    camera, pixels = blocks["camera_settings"], blocks["pixel_settings"]
    known = _named(meta, camera) or _recognised(camera)
    return Telescope(
        tel_id=tel_id,
        optics=Optics(
            name=known.name,
            size_type=known.size_type,
            reflector_shape=known.shape,
            n_mirrors=known.n_mirrors,
            n_mirror_tiles=int(camera["n_mirrors"]),
            mirror_area=float(camera["mirror_area"]),
            nominal_focal_length=float(camera["focal_length"]),
            effective_focal_length=float(camera.get("effective_focal_length", np.nan)),
        ),
        geometry=_geometry(known.camera, camera),
        readout=_readout(tel_id, pixels, blocks["camera_organization"], path),
        position=(float(position[0]), float(position[1]), float(position[2])),
    )


def _geometry(name: str, camera: Description) -> CameraGeometry:
    # a shape that sim_telarray does not define counts as a hexagon: only the drawing depends on it
    shape, rotation = _PIXEL_SHAPES.get(int(camera["pixel_shape"][0]), (PixelShape.HEXAGON, 0.0))
    return CameraGeometry.from_rotated(
        name=name,
        pix_x=camera["pixel_x"],
        pix_y=camera["pixel_y"],
        pix_area=camera["pixel_area"],
        pix_shape=shape,
        pix_rotation=rotation,
        cam_rotation=-float(np.rad2deg(camera["cam_rot"])),
    )


def _readout(tel_id: int, pixels: Description, organization: Description, path: str) -> Readout:
    slice_ns = float(pixels["time_slice"])
    pulse = np.asarray(pixels["ref_shape"], np.float64)
    step = float(pixels["ref_step"])
    if not (slice_ns > 0 and step > 0 and pulse.size and np.isfinite(pulse).all()):
        raise CorruptedInput(
            f"The pulse shape or the sampling of telescope {tel_id} makes no sense.",
            where=f"{path}, block type 2004",
            expected="a sample width and a pulse step above 0, a finite pulse",
            got=f"{slice_ns} ns, {step} ns, {np.count_nonzero(~np.isfinite(pulse))} bins not finite",
            mend="fetch the file again",
            code="bad-pulse",
        )
    return Readout(
        sampling_rate=1.0 / slice_ns,
        n_channels=int(organization["n_gains"]),
        n_pixels=int(organization["n_pixels"]),
        n_samples=int(pixels["sum_bins"]),
        reference_pulse=pulse,
        reference_pulse_step=step,
    )


def _named(meta: Meta, camera: Description) -> _Known | None:
    """Names from the file's own configuration, where it has one."""
    try:
        optics, name = meta[b"OPTICS_CONFIG_NAME"], meta[b"CAMERA_CONFIG_NAME"]
        mirror_class = int(meta[b"MIRROR_CLASS"])
    except KeyError:
        return None
    if mirror_class == 2:
        shape = "SCHWARZSCHILD_COUDER"
    elif mirror_class != 0:
        shape = "UNKNOWN"
    elif int(meta.get(b"PARABOLIC_DISH", b"0")) == 1:
        shape = "PARABOLIC"
    elif float(meta.get(b"DISH_SHAPE_Length", b"0")) == float(meta.get(b"FOCAL_Length", b"0")):
        shape = "DAVIES_COTTON"
    else:
        shape = "HYBRID"
    size = _size_type(float(camera["mirror_area"]))
    n_mirrors = 2 if mirror_class == 2 else 1
    return _Known(size, optics.decode("utf-8").strip(), name.decode("utf-8").strip(), n_mirrors, shape)


def _recognised(camera: Description) -> _Known:
    """Names from the numbers of pixels and the focal length; unknown ones are called so."""
    n_pixels, focal_length = int(camera["n_pixels"]), round(float(camera["focal_length"]), 2)
    if known := _TELESCOPES.get((n_pixels, focal_length)):
        return known
    magic = _MAGIC_TILES.get(int(camera["n_mirrors"]))
    if n_pixels == 1039 and focal_length in _MAGIC_FOCAL_LENGTHS and magic:
        return _Known("LST", magic, "MAGICCam", 1, "PARABOLIC")
    area = float(camera["mirror_area"])
    return _Known(_size_type(area), f"UNKNOWN-{area:.0f}M2", f"UNKNOWN-{n_pixels}PX", -1, "UNKNOWN")


def _size_type(mirror_area: float) -> str:
    diameter = 2.0 * np.sqrt(mirror_area / np.pi)
    return "SST" if diameter < 8.0 else "MST" if diameter < 16.0 else "LST"


def _reference(meta: Meta, observation_height: float) -> ReferenceLocation:
    try:
        return ReferenceLocation(
            longitude=float(meta[b"*LONGITUDE"]),
            latitude=float(meta[b"*LATITUDE"]),
            height=float(meta[b"ALTITUDE"]),
        )
    except KeyError:
        # files before prod6 do not say where they are: the origin of coordinates, at their height
        return ReferenceLocation(longitude=0.0, latitude=0.0, height=observation_height)
