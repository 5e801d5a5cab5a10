# SPDX-License-Identifier: BSD-3-Clause
"""Calibration of a camera as a file: HDF5 with every value, its error, its status, and the provenance.

Groups hold the estimates (``value``, ``error``, ``status``; attribute ``n``), arrays the rest. Bytes
follow from the calibration and its provenance alone.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tables

from pellucid.camera.coefficients import CameraCalibration
from pellucid.camera.estimate import Estimate
from pellucid.camera.flatfield import Flatfield
from pellucid.camera.gain import Gain
from pellucid.camera.pedestal import Pedestal
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.events.batch import Coefficients

__all__ = ["as_coefficients", "read_calibration", "write_calibration"]

FORMAT, VERSION = "pellucid camera calibration", 1

_UNITS = {
    "baseline": "ADC counts",
    "noise": "ADC counts",
    "charge_variance": "(ADC counts x samples)^2",
    "charge": "ADC counts x samples",
    "variance": "(ADC counts x samples)^2",
    "ratio": "",
    "gain": "ADC counts x samples per p.e.",
    "photoelectrons": "p.e.",
    "factor": "p.e. per (ADC count x sample)",
    "time_offset": "ns, to be subtracted",
}


def write_calibration(
    path: Path, calibration: CameraCalibration, provenance: Mapping[str, object], obs_id: int
) -> None:
    """Write the calibration of a camera, made from an observation, with its provenance inside."""
    c = calibration
    with tables.open_file(str(path), "w") as file:
        root = file.root._v_attrs
        root.format, root.format_version = FORMAT, np.int64(VERSION)
        root.tel_id, root.obs_id = np.int64(c.tel_id), np.int64(obs_id)
        for name, estimate in _estimates(c).items():
            group = file.create_group("/", name)
            group._v_attrs.unit, group._v_attrs.n = _UNITS[name], np.int64(estimate.n)
            for part in ("value", "error", "status"):
                _put(file, group, part, getattr(estimate, part))
        _put(file, file.root, "reasons", c.reasons)
        _put(file, file.root, "flash_variance", c.flatfield.flash_variance)
        _put(file, file.root, "baseline_covariance", c.pedestal.baseline_covariance)
        _put(file, file.root, "width", np.array(c.pedestal.width))
        text = json.dumps(provenance, sort_keys=True, ensure_ascii=True).encode()
        _put(file, file.root, "provenance", np.frombuffer(text, np.uint8))


def _estimates(c: CameraCalibration) -> dict[str, Estimate]:
    return {
        "baseline": c.pedestal.baseline,
        "noise": c.pedestal.noise,
        "charge_variance": c.pedestal.charge_variance,
        "charge": c.flatfield.charge,
        "variance": c.flatfield.variance,
        "ratio": c.flatfield.ratio,
        "gain": c.gain.gain,
        "photoelectrons": c.gain.photoelectrons,
        "factor": c.factor,
        "time_offset": c.time_offset,
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
    return CameraCalibration(
        tel_id=int(root._v_attrs.tel_id),
        pedestal=Pedestal(
            estimate("baseline"),
            estimate("noise"),
            estimate("charge_variance"),
            root.baseline_covariance.read(),
            int(root.width.read()),
        ),
        flatfield=Flatfield(
            estimate("charge"), estimate("variance"), root.flash_variance.read(), estimate("ratio")
        ),
        gain=Gain(estimate("gain"), estimate("photoelectrons")),
        factor=estimate("factor"),
        time_offset=estimate("time_offset"),
        reasons=root.reasons.read(),
    )


def as_coefficients(calibration: CameraCalibration) -> Coefficients:
    """Return what turns ADC counts into photo-electrons; unusable pixels get factor and shift 0."""
    unusable = calibration.unusable
    return Coefficients(
        tel_id=calibration.tel_id,
        pedestal=calibration.pedestal.baseline.value.astype(np.float32),
        factor=np.where(unusable, 0.0, calibration.factor.value).astype(np.float32),
        time_shift=np.where(unusable, 0.0, calibration.time_offset.value).astype(np.float32),
        unusable=unusable,
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
