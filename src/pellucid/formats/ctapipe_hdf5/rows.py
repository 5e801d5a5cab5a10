# SPDX-License-Identifier: BSD-3-Clause
"""Rows of the event tables, put together from the columns of a chunk whatever their order in it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput
from pellucid.events import CameraImages, EventChunk
from pellucid.formats.ctapipe_hdf5.blocks import Fill
from pellucid.formats.ctapipe_hdf5.columns import blank_row
from pellucid.formats.ctapipe_hdf5.schema import TableLayout

__all__ = [
    "CameraRows",
    "copied",
    "copy_calibration",
    "copy_corrections",
    "copy_filled",
    "copy_image",
    "copy_parameters",
    "copy_true_image",
    "copy_true_parameters",
    "filled_from",
]

type I8 = npt.NDArray[np.int64]
type Where = slice | npt.NDArray[np.bool_]
type Copy = Callable[[np.ndarray, Where, CameraImages, I8], None]
"""Writes rows of a batch's images to the places of a block."""


@dataclass(frozen=True, eq=False)
class CameraRows:
    """Images of one telescope, in the order of the array events.

    Attributes
    ----------
    tel_id : int
        Telescope.
    event : ndarray of int64, shape (n,)
        Rows of the array events in the chunk, ascending.
    batch, row : ndarray of int64, shape (n,)
        Where the images are: which of the chunk's batches, which row; -1 where there is none.
    """

    tel_id: int
    event: I8
    batch: I8
    row: I8

    @classmethod
    def none(cls, tel_id: int) -> "CameraRows":
        """Return no images of a telescope."""
        empty = np.zeros(0, np.int64)
        return cls(tel_id, empty, empty, empty)

    @classmethod
    def by_telescope(cls, images: Sequence[CameraImages]) -> Iterator["CameraRows"]:
        """Yield the images of each telescope, ascending; two of one event and telescope are an error."""
        batches = [i.batch for i in images]
        if not batches:
            return
        tel = np.concatenate([b.tel_id for b in batches]).astype(np.int64)
        event = np.concatenate([b.event_row for b in batches])
        batch = np.repeat(np.arange(len(batches)), [b.tel_id.size for b in batches])
        row = np.concatenate([np.arange(b.tel_id.size) for b in batches])
        order = np.lexsort((event, tel))
        tel, event, batch, row = tel[order], event[order], batch[order], row[order]
        if ((np.diff(tel) == 0) & (np.diff(event) == 0)).any():
            raise ValueError("a telescope has two images in one array event")
        for part in np.split(np.arange(tel.size), np.flatnonzero(np.diff(tel)) + 1):
            if part.size:
                yield cls(int(tel[part[0]]), event[part], batch[part], row[part])

    def only(self, wanted: npt.NDArray[np.bool_]) -> "CameraRows":
        """Return the images of the array events for which ``wanted``, shape (n_events,), is true."""
        keep = wanted[self.event]
        return CameraRows(self.tel_id, self.event[keep], self.batch[keep], self.row[keep])

    def with_filled(self, images: Sequence[CameraImages]) -> "CameraRows":
        """Return the images of one gain channel with pixels that were filled from others."""
        some = [image.filled[:, 0].any(axis=1) for image in images]
        there = (b >= 0 and some[b][r] for b, r in zip(self.batch.tolist(), self.row.tolist(), strict=True))
        keep = np.fromiter(there, np.bool_, self.event.size)
        return CameraRows(self.tel_id, self.event[keep], self.batch[keep], self.row[keep])

    def matched_to(self, event: I8) -> "CameraRows":
        """Return one row for each of the given array events (ascending), empty ones where no image is."""
        if np.array_equal(event, self.event):
            return self
        place = np.searchsorted(event, self.event)
        if (place == event.size).any() or (event[place] != self.event).any():
            raise CorruptedInput(
                f"Telescope {self.tel_id} was read out in an array event in which it did not trigger.",
                expected="a telescope trigger for each image",
                got="an image without a trigger",
                mend="check that triggers and camera data belong together",
                code="image-without-trigger",
            )
        batch, row = np.full(event.size, -1), np.full(event.size, -1)
        batch[place], row[place] = self.batch, self.row
        return CameraRows(self.tel_id, event, batch, row)


def copied(rows: np.ndarray) -> Fill:
    """Return a fill that copies the rows of a structured array, shape (n,)."""

    def fill(view: np.ndarray, start: int, stop: int) -> None:
        view[...] = rows[start:stop]

    return fill


def filled_from(
    copy: Copy,
    rows: CameraRows,
    images: Sequence[CameraImages],
    chunk: EventChunk,
    layout: TableLayout,
) -> Fill:
    """Return a fill with a telescope's rows from the batches, shape (n,); a missing one is blank."""

    def fill(view: np.ndarray, start: int, stop: int) -> None:
        batch, row = rows.batch[start:stop], rows.row[start:stop]
        for index in np.unique(batch).tolist():
            chosen = batch == index
            where: Where = slice(None) if chosen.all() else chosen
            if index < 0:
                view[where] = blank_row(layout.columns, layout.dtype)
            else:
                copy(view, where, images[index], row[where])
        view["obs_id"] = chunk.obs_id
        view["event_id"] = chunk.events.event_id[rows.event[start:stop]]
        view["tel_id"] = rows.tel_id

    return fill


def copy_image(view: np.ndarray, where: Where, images: CameraImages, rows: I8) -> None:
    """Copy images of one gain channel (photo-electrons), peak times (ns) and masks to rows, shape (n,)."""
    view["image"][where] = images.image[rows, 0]
    view["peak_time"][where] = images.peak_time[rows, 0]
    view["image_mask"][where] = images.image_mask[rows]
    view["is_valid"][where] = True
    if "selected_gain_channel" in (view.dtype.names or ()):
        view["selected_gain_channel"][where] = images.gain_channel[rows]


def copy_filled(view: np.ndarray, where: Where, images: CameraImages, rows: I8) -> None:
    """Copy how pixels of images of one gain channel were filled (no unit) to rows, shape (n,)."""
    view["ring"][where] = images.filled[rows, 0]


def copy_calibration(view: np.ndarray, where: Where, images: CameraImages, rows: I8) -> None:
    """Copy images of all gain channels (photo-electrons, ns), and the truth, to rows, shape (n,)."""
    view["image"][where] = images.image[rows]
    view["peak_time"][where] = images.peak_time[rows]
    if "true_image" in (view.dtype.names or ()):
        copy_true_image(view, where, images, rows)


def copy_corrections(chunk: EventChunk) -> Copy:
    """Return what copies light scales (no unit) and pointing (deg) to rows, shape (n,)."""
    scale = np.array([(c.light_scale, c.light_scale_error) for c in chunk.coefficients]).reshape(-1, 2)

    def copy(view: np.ndarray, where: Where, images: CameraImages, rows: I8) -> None:
        batch = images.batch
        view["light_scale"][where], view["light_scale_error"][where] = scale[batch.coefficients[rows]].T
        view["azimuth"][where], view["altitude"][where] = batch.azimuth[rows], batch.altitude[rows]
        status = batch.pointing_status
        view["pointing_status"][where] = -1 if status is None else status[rows]

    return copy


def copy_parameters(view: np.ndarray, where: Where, images: CameraImages, rows: I8) -> None:
    """Copy the parameters of the cleaned images, units as in `PARAMETERS`, to rows, shape (n,)."""
    found = images.parameters[rows]
    for name in found.dtype.names or ():
        view[name][where] = found[name]
    view["core_psi"][where] = np.nan


def copy_true_image(view: np.ndarray, where: Where, images: CameraImages, rows: I8) -> None:
    """Copy simulated photo-electrons to rows, shape (n,); -1 where the input does not say."""
    image, total = images.batch.true_image, images.batch.true_image_sum
    view["true_image"][where] = -1 if image is None else image[rows]
    view["true_image_sum"][where] = -1 if total is None else total[rows]


def copy_true_parameters(view: np.ndarray, where: Where, images: CameraImages, rows: I8) -> None:
    """Copy the parameters of the simulated photo-electrons to rows, shape (n,); NaN, -1 if none."""
    for name in view.dtype.names or ():
        if not name.startswith("true_"):
            continue
        if images.true_parameters is None:
            view[name][where] = -1 if view.dtype[name].kind == "i" else np.nan
        else:
            view[name][where] = images.true_parameters[name][rows]
