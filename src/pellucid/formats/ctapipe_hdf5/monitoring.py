# SPDX-License-Identifier: BSD-3-Clause
"""Camera coefficients in time, in the layout that ctapipe's monitoring source reads, with what it lacks.

ctapipe takes the row whose ``time``, the start of its validity, comes last before an event. Beside the
columns that it knows there are the end, errors, reasons and epoch of each chunk, for look-up with
interpolation; and tables of their own tell the reasons of bad pixels with what was measured, and the course
of gain, noise and night sky in every pixel.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tables

from pellucid.camera.badpixels import FATAL, FAULT
from pellucid.camera.coefficients import CameraCalibration
from pellucid.camera.intime import TimeSeries
from pellucid.camera.series import CalibrationSeries
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.ctao_metadata import JSON, Contact
from pellucid.formats.ctapipe_hdf5 import configuration
from pellucid.formats.ctapipe_hdf5.columns import Column, layout
from pellucid.formats.ctapipe_hdf5.reference import root_attributes
from pellucid.formats.ctapipe_hdf5.schema import tel_table
from pellucid.formats.ctapipe_hdf5.subarray import write_subarray
from pellucid.formats.ctapipe_hdf5.tables import TableFile
from pellucid.instrument import Subarray
from pellucid.instrument.run import RunInfo

__all__ = [
    "COEFFICIENTS",
    "is_monitoring",
    "read_course",
    "read_faults",
    "read_monitoring",
    "write_monitoring",
]

COEFFICIENTS = "/dl1/monitoring/telescope/calibration/camera/coefficients"
_MJD_OF_STAMP_0 = 40587.0
_NS_PER_DAY = 86400e9


def write_monitoring(
    path: Path,
    subarray: Subarray,
    run: RunInfo,
    calibrations: Sequence[CameraCalibration],
    breaks: npt.NDArray[np.int64],
    provenance: Mapping[str, JSON],
    *,
    overwrite: bool = False,
) -> None:
    """Write calibrations of one telescope.

    Parameters
    ----------
    path : Path
        File to write.
    subarray : Subarray
        The array.
    run : RunInfo
        Observation they come from.
    calibrations : sequence of CameraCalibration
        In the order of their times.
    breaks : ndarray of int64, shape (k,)
        When epochs begin, in ns TAI.
    provenance : mapping
        All that determines the product, JSON.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    MissingInput, CorruptedInput
        The calibrations make no series.
    IntermittentError
        If writing fails, e.g. on a full disk.
    """
    series = CalibrationSeries.of(list(calibrations), breaks)
    columns = _columns(series.reasons.shape[1:])
    rows = _rows(series, columns, run.obs_id)
    file = TableFile(path, overwrite=overwrite)
    try:
        write_subarray(file, subarray.select([series.tel_id]))
        configuration.write_blocks(file, run)
        meta: dict[str, str | int] = {"camera": series.camera, "applied": series.applied}
        file.static_table(tel_table(COEFFICIENTS, series.tel_id), columns, rows, meta)
        times = np.zeros(len(breaks), layout(_BREAKS))
        times["time_ns"] = np.sort(breaks)
        if len(times):
            file.static_table(tel_table(f"{COEFFICIENTS}_breaks", series.tel_id), _BREAKS, times)
        faults, course = _faults(calibrations), _course(calibrations)
        file.static_table(tel_table(f"{COEFFICIENTS}_faults", series.tel_id), _FAULTS, faults)
        names = _course_columns(series.reasons.shape[1:])
        file.static_table(tel_table(f"{COEFFICIENTS}_course", series.tel_id), names, course)
        file.root_attributes(
            root_attributes(
                run=run,
                subarray=subarray,
                lineage=provenance,
                contact=Contact(),
                focal_length="",
                span=(int(rows["start_ns"].min()), int(rows["stop_ns"].max())),
                flags=[],
                monitoring=True,
            )
        )
        file.commit()
    except BaseException:
        file.abort()
        raise


_BREAKS = (Column("time_ns", "<i8", "begin of an epoch, ns TAI"),)

_VALUES = ("pedestal_offset", "factor", "time_shift")

_FAULTS = (
    Column("chunk", "<i8", "number of the chunk, from 0"),
    Column("epoch", "<i4", "number of the epoch"),
    Column("channel", "<i2", "gain channel"),
    Column("pixel", "<i4", "pixel"),
    Column("reason", "<u2", "why it is bad, one bit"),
    Column("value", "<f8", "what was found, in robust standard deviations or over the median"),
    Column("limit", "<f8", "where the cut lay"),
)

_COURSE = {
    "gain": "charge of a photo-electron, in ADC counts times samples",
    "photoelectrons": "of a flash",
    "noise": "of a sample, in ADC counts",
    "sky": "night sky, in photo-electrons per ns",
}


def _faults(calibrations: Sequence[CameraCalibration]) -> np.ndarray:
    tables_of = [c.faults.table for c in calibrations]
    rows = np.zeros(sum(map(len, tables_of)), layout(_FAULTS))
    rows["chunk"] = np.repeat(np.arange(len(tables_of)), [len(t) for t in tables_of])
    together = np.concatenate(tables_of)
    for name in FAULT.names or ():
        rows[name] = together[name]
    return rows


def _course_columns(shape: tuple[int, ...]) -> list[Column]:
    columns = [
        Column("start_ns", "<i8", "first event, ns TAI"),
        Column("stop_ns", "<i8", "just after the last event, ns TAI"),
    ]
    for name, what in _COURSE.items():
        columns += [
            Column(name, "<f8", what, shape=shape),
            Column(f"{name}_error", "<f8", "standard error", shape=shape),
        ]
    return columns


def _course(calibrations: Sequence[CameraCalibration]) -> np.ndarray:
    """Gain, light, noise and sky of every chunk; NaN where there is none."""
    shape = calibrations[0].reasons.shape
    rows = np.zeros(len(calibrations), layout(_course_columns(shape)))
    rows["start_ns"], rows["stop_ns"] = zip(*((c.start, c.stop) for c in calibrations), strict=True)
    for k, c in enumerate(calibrations):
        found = (c.gain.gain, c.gain.photoelectrons, c.pedestal.noise, c.sky)
        for name, estimate in zip(_COURSE, found, strict=True):
            there = len(estimate.value) > 0
            rows[name][k] = estimate.value if there else np.nan
            rows[f"{name}_error"][k] = estimate.error if there else np.nan
    return rows


def _columns(shape: tuple[int, ...]) -> list[Column]:
    return [
        Column("obs_id", "<u8", "number of the observation"),
        Column("time", "<f8", "start of validity", transform="mjd"),
        Column("pedestal_offset", "<f8", "mean of a sample, in ADC counts", shape=shape),
        Column("factor", "<f8", "photo-electrons per ADC count and sample", shape=shape),
        Column("time_shift", "<f8", "in ns, subtracted from peak times", shape=shape),
        Column("outlier_mask", "?", "pixels that must not be used", shape=shape),
        Column("is_valid", "?", "whether few enough pixels are bad"),
        Column("time_end", "<f8", "end of the chunk", transform="mjd"),
        Column("start_ns", "<i8", "first event, ns TAI"),
        Column("stop_ns", "<i8", "just after the last event, ns TAI"),
        Column("epoch", "<i8", "number of the epoch"),
        Column("pedestal_offset_error", "<f8", "standard error", shape=shape),
        Column("factor_error", "<f8", "standard error", shape=shape),
        Column("time_shift_error", "<f8", "standard error, in ns", shape=shape),
        Column("reasons", "<u2", "why pixels are bad, as bits", shape=shape),
    ]


def _rows(series: CalibrationSeries, columns: list[Column], obs_id: int) -> np.ndarray:
    one = series.factor
    rows = np.zeros(len(one.start), layout(columns))
    rows["obs_id"], rows["epoch"], rows["reasons"] = obs_id, one.epoch, series.reasons
    rows["start_ns"], rows["stop_ns"] = one.start, one.stop
    rows["time"], rows["time_end"] = (_MJD_OF_STAMP_0 + t / _NS_PER_DAY for t in (one.start, one.stop))
    # as the pixels were judged, not as the series decided on whole chunks
    bad = (series.reasons & np.uint16(FATAL)) != 0
    rows["outlier_mask"] = bad
    rows["is_valid"] = one.good.any(axis=(1, 2))
    for name, values in zip(_VALUES, (series.pedestal, series.factor, series.time_shift), strict=True):
        # ctapipe multiplies before it masks: what is no number would spread to the neighbours
        rows[name] = np.where(bad | ~np.isfinite(values.value), 0.0, values.value)
        rows[f"{name}_error"] = values.error
    return rows


def is_monitoring(path: Path) -> bool:
    """Whether a file has coefficients in this layout."""
    if not path.is_file() or not tables.is_hdf5_file(str(path)):
        return False
    with tables.open_file(str(path)) as file:
        return COEFFICIENTS in file


def read_monitoring(path: Path, tel_id: int | None = None) -> CalibrationSeries:
    """Read the coefficients of a telescope, by default the only one there.

    Raises
    ------
    MissingInput
        There is no such file, or nothing about the telescope (``no-calibration``).
    CorruptedInput
        It is no monitoring file of Pellucid, or damaged (``bad-calibration``).
    """
    if not path.is_file():
        raise MissingInput("There is no such monitoring file.", where=str(path), code="no-file")
    try:
        with tables.open_file(str(path)) as file:
            tel_id = _telescope(file, path) if tel_id is None else tel_id
            where = tel_table(COEFFICIENTS, tel_id)
            if where not in file:
                raise _missing(path, f"There are no coefficients of telescope {tel_id}.", where)
            table = file.get_node(where)
            rows, camera, applied = table.read(), str(table._v_attrs.camera), int(table._v_attrs.applied)
            later = tel_table(f"{COEFFICIENTS}_breaks", tel_id)
            breaks = file.get_node(later).read()["time_ns"] if later in file else np.zeros(0, np.int64)
    except (tables.HDF5ExtError, AttributeError) as error:
        raise CorruptedInput(
            "The file is no monitoring file of a camera.",
            where=str(path),
            expected="tables as the step camera-series writes them",
            got=str(error).splitlines()[0],
            mend="make it again: step camera-series",
            code="bad-calibration",
        ) from error
    shared = rows["start_ns"].copy(), rows["stop_ns"].copy()
    pedestal, factor, shift = (
        TimeSeries.of(*shared, rows[name], rows[f"{name}_error"], ~rows["outlier_mask"], breaks)
        for name in _VALUES
    )
    return CalibrationSeries(tel_id, camera, applied, pedestal, factor, shift, rows["reasons"].copy())


def read_faults(path: Path, tel_id: int) -> np.ndarray:
    """Read the reasons of a telescope's bad pixels, structured, shape (n,).

    Chunk, epoch, channel, pixel, reason, value and limit, as `pellucid.camera.badpixels.FAULT`. Errors: as
    `read_monitoring`.
    """
    return _beside(path, "faults", tel_id)


def read_course(path: Path, tel_id: int) -> np.ndarray:
    """Read gain, photo-electrons, noise and night sky of a telescope, structured, shape (n_chunks,).

    Units as in the columns' titles; with errors. Errors: as `read_monitoring`.
    """
    return _beside(path, "course", tel_id)


def _beside(path: Path, name: str, tel_id: int) -> np.ndarray:
    if not is_monitoring(path):
        raise _missing(path, "There are no coefficients in this file.", f"a table {COEFFICIENTS}")
    where = tel_table(f"{COEFFICIENTS}_{name}", tel_id)
    with tables.open_file(str(path)) as file:
        if where not in file:
            raise _missing(path, f"There are no coefficients of telescope {tel_id}.", where)
        rows: np.ndarray = file.get_node(where).read()
        return rows


def _telescope(file: tables.File, path: Path) -> int:
    there = [n._v_name for n in file.iter_nodes(COEFFICIENTS)] if COEFFICIENTS in file else []
    if len(there) != 1:
        raise _missing(path, "The file does not have the coefficients of one telescope.", "one table")
    return int(there[0].removeprefix("tel_"))


def _missing(path: Path, what: str, expected: str) -> MissingInput:
    return MissingInput(
        what, where=str(path), expected=expected, mend="make them: step camera-series", code="no-calibration"
    )
