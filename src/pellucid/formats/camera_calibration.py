# SPDX-License-Identifier: BSD-3-Clause
"""Calibration of a camera as a file: HDF5 with every value, its error, its status, and the provenance.

Groups hold the estimates (``value``, ``error``, ``status``; attribute ``n``), arrays the rest. Bytes
follow from the calibration and its provenance alone. The table ``faults`` has a row for each reason of a bad
pixel.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tables

from pellucid.camera.badpixels import FAULT, PixelFaults
from pellucid.camera.coefficients import CameraCalibration
from pellucid.camera.estimate import Estimate
from pellucid.camera.filters import FilterCalibration
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.gain import Gain
from pellucid.camera.illumination import Illumination
from pellucid.camera.pedestal import Pedestal
from pellucid.camera.series import CalibrationSeries
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.events.batch import Coefficients
from pellucid.instrument import Subarray

__all__ = ["as_coefficients", "check_camera", "read_calibration", "write_calibration"]

FORMAT, VERSION = "pellucid camera calibration", 2

_UNITS = {
    "baseline": "ADC counts",
    "noise": "ADC counts",
    "charge_variance": "(ADC counts x samples)^2",
    "charge": "ADC counts x samples",
    "variance": "(ADC counts x samples)^2",
    "steadied": "(ADC counts x samples)^2",
    "searched": "ADC counts x samples",
    "searched_spread": "ADC counts x samples",
    "ratio": "",
    "light_yield": "",
    "sky": "p.e. per ns",
    "gain": "ADC counts x samples per p.e.",
    "photoelectrons": "p.e.",
    "factor": "p.e. per (ADC count x sample)",
    "time_offset": "ns, to be subtracted",
}


_ILLUMINATION = ("profile", "error", "coefficients", "covariance")


def write_calibration(
    path: Path, calibration: CameraCalibration, provenance: Mapping[str, object], obs_id: int
) -> None:
    """Write the calibration of a camera, made from an observation, with its provenance inside."""
    c = calibration
    with tables.open_file(str(path), "w") as file:
        root = file.root._v_attrs
        root.format, root.format_version = FORMAT, np.int64(VERSION)
        root.tel_id, root.obs_id = np.int64(c.tel_id), np.int64(obs_id)
        root.start, root.stop, root.camera = np.int64(c.start), np.int64(c.stop), c.camera
        root.applied = np.int64(c.applied)
        for name, estimate in _estimates(c).items():
            group = file.create_group("/", name)
            group._v_attrs.unit, group._v_attrs.n = _UNITS[name], np.int64(estimate.n)
            for part in ("value", "error", "status"):
                _put(file, group, part, getattr(estimate, part))
        for name, values in _arrays(c).items():
            _put(file, file.root, name, values)
        if c.illumination is not None:
            group = file.create_group("/", "illumination")
            group._v_attrs.n = np.int64(c.illumination.n)
            for part in _ILLUMINATION:
                _put(file, group, part, getattr(c.illumination, part))
        faults = file.create_table("/", "faults", FAULT, expectedrows=len(c.faults.table), track_times=False)
        faults.append(c.faults.table)
        text = json.dumps(provenance, sort_keys=True, ensure_ascii=True).encode()
        _put(file, file.root, "provenance", np.frombuffer(text, np.uint8))


def _estimates(c: CameraCalibration) -> dict[str, Estimate]:
    return {
        "baseline": c.pedestal.baseline,
        "noise": c.pedestal.noise,
        "charge_variance": c.pedestal.charge_variance,
        "charge": c.flatfield.charge,
        "variance": c.flatfield.variance,
        "steadied": c.flatfield.steadied,
        "searched": c.pedestal.searched,
        "searched_spread": c.pedestal.searched_spread,
        "ratio": c.flatfield.ratio,
        "light_yield": c.light_yield,
        "sky": c.sky,
        "gain": c.gain.gain,
        "photoelectrons": c.gain.photoelectrons,
        "factor": c.factor,
        "time_offset": c.time_offset,
    }


def _arrays(c: CameraCalibration) -> dict[str, npt.NDArray[np.generic]]:
    return {
        "reasons": c.reasons,
        "flash_variance": c.flatfield.flash_variance,
        "charge_variance_covariance": c.flatfield.covariance,
        "gain_photoelectrons_covariance": c.gain.covariance,
        "baseline_covariance": c.pedestal.baseline_covariance,
        "width": np.array([c.pedestal.width, c.pedestal.searched_width]),
    }


def _put(file: tables.File, group: tables.Group, name: str, values: npt.NDArray[np.generic]) -> None:
    # an array without elements cannot be a plain array
    if values.size == 0:
        atom = tables.Atom.from_dtype(values.dtype)
        file.create_earray(group, name, atom, values.shape, track_times=False)
    else:
        file.create_array(group, name, values, track_times=False)


def read_calibration(path: Path) -> CameraCalibration:
    """Read the calibration of a camera.

    Raises
    ------
    MissingInput
        There is no such file.
    CorruptedInput
        It is another format or version, or incomplete.
    """
    if not path.is_file():
        raise MissingInput(
            "There is no such calibration.",
            where=str(path),
            mend="make it: step camera-coefficients",
            code="no-file",
        )
    try:
        with tables.open_file(str(path)) as file:
            attributes = file.root._v_attrs
            if "format" not in attributes or str(attributes.format) != FORMAT:
                raise _wrong(path, f"format '{FORMAT}'", "another HDF5 file")
            if int(attributes.format_version) != VERSION:
                raise _wrong(path, f"version {VERSION}", str(attributes.format_version))
            return _read(file)
    except (tables.HDF5ExtError, tables.NoSuchNodeError, AttributeError) as error:
        raise _wrong(path, "a whole calibration file", str(error).splitlines()[0]) from error


def _read(file: tables.File) -> CameraCalibration:
    def estimate(name: str) -> Estimate:
        group = file.get_node("/", name)
        return Estimate(group.value.read(), group.error.read(), int(group._v_attrs.n), group.status.read())

    root = file.root
    attributes = root._v_attrs
    width, searched_width = (int(w) for w in root.width.read())
    return CameraCalibration(
        tel_id=int(attributes.tel_id),
        camera=str(attributes.camera),
        applied=int(attributes.applied),
        start=int(attributes.start),
        stop=int(attributes.stop),
        pedestal=Pedestal(
            estimate("baseline"),
            estimate("noise"),
            estimate("charge_variance"),
            root.baseline_covariance.read(),
            estimate("searched"),
            estimate("searched_spread"),
            width,
            searched_width,
        ),
        flatfield=Flatfield(
            estimate("charge"),
            estimate("variance"),
            root.charge_variance_covariance.read(),
            root.flash_variance.read(),
            estimate("steadied"),
            estimate("ratio"),
        ),
        gain=Gain(estimate("gain"), estimate("photoelectrons"), root.gain_photoelectrons_covariance.read()),
        factor=estimate("factor"),
        light_yield=estimate("light_yield"),
        time_offset=estimate("time_offset"),
        sky=estimate("sky"),
        faults=PixelFaults(root.reasons.read(), root.faults.read()),
        illumination=_illumination(file),
    )


def _illumination(file: tables.File) -> Illumination | None:
    if "/illumination" not in file:
        return None
    group = file.root.illumination
    parts = {part: group[part].read() for part in _ILLUMINATION}
    return Illumination(**parts, n=int(group._v_attrs.n))


def as_coefficients(calibration: CameraCalibration) -> Coefficients:
    """Return what turns ADC counts into photo-electrons; unusable pixels get factor and shift 0."""
    unusable = calibration.unusable
    return Coefficients(
        tel_id=calibration.tel_id,
        pedestal=calibration.pedestal.baseline.value.astype(np.float32),
        factor=np.where(unusable, 0.0, calibration.factor.value).astype(np.float32),
        time_shift=np.where(unusable, 0.0, calibration.time_offset.value).astype(np.float32),
        unusable=unusable,
        applied=calibration.applied,
    )


def check_camera(
    calibration: CameraCalibration | CalibrationSeries | FilterCalibration, subarray: Subarray, where: Path
) -> None:
    """Refuse the calibration of another camera than those of an array.

    Raises
    ------
    CorruptedInput
        The telescope is not there, or has another camera (``other-camera``).
    """
    telescope = subarray.telescopes.get(calibration.tel_id)
    if telescope is None or telescope.geometry.fingerprint != calibration.camera:
        known = ", ".join(
            f"telescope {t.tel_id} with {t.geometry.name}" for t in subarray.telescopes.values()
        )
        raise CorruptedInput(
            "The calibration is that of another camera.",
            where=str(where),
            expected=f"a calibration of {known}",
            got=f"one of telescope {calibration.tel_id}, camera {calibration.camera[:12]}",
            mend="find the right one: pellucid find --at TIME --tel NUMBER",
            code="other-camera",
        )


def _wrong(path: Path, expected: str, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file is no camera calibration.",
        where=str(path),
        expected=expected,
        got=got,
        mend="make it again: step camera-coefficients",
        code="bad-calibration",
    )
