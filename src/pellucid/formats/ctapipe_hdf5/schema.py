# SPDX-License-Identifier: BSD-3-Clause
"""Event tables of ctapipe's data format, version 7.6.0: where they lie and which columns they have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pellucid.events.images import PARAMETERS, TRUE_PARAMETERS
from pellucid.formats.ctapipe_hdf5.columns import Column, layout

__all__ = [
    "CALIBRATION_IMAGES",
    "CALIBRATION_TEL_TRIGGER",
    "CALIBRATION_TRIGGER",
    "CORRECTIONS",
    "DATA_MODEL_VERSION",
    "FILLED",
    "IMAGES",
    "IMPACT",
    "PARAMETERS_GROUP",
    "POINTING",
    "SHOWER",
    "TEL_TRIGGER",
    "TRIGGER",
    "TRUE_IMAGES",
    "TRUE_PARAMETERS_GROUP",
    "Schema",
    "TableLayout",
    "tel_table",
]

DATA_MODEL_VERSION = "v7.6.0"

TRIGGER = "/dl1/event/subarray/trigger"
TEL_TRIGGER = "/dl1/event/telescope/trigger"
IMAGES = "/dl1/event/telescope/images"
PARAMETERS_GROUP = "/dl1/event/telescope/parameters"
SHOWER = "/simulation/event/subarray/shower"
IMPACT = "/simulation/event/telescope/impact"
TRUE_IMAGES = "/simulation/event/telescope/images"
TRUE_PARAMETERS_GROUP = "/simulation/event/telescope/parameters"
POINTING = "/configuration/telescope/pointing"
# ctapipe reads event by event and expects one image of one gain channel for each trigger, so events that
# calibrate a camera have tables of their own, which its readers pass over
CALIBRATION_TRIGGER = "/dl1/event/subarray/calibration_trigger"
CALIBRATION_TEL_TRIGGER = "/dl1/event/telescope/calibration_trigger"
CALIBRATION_IMAGES = "/dl1/event/telescope/calibration_images"
# what was corrected with products of other steps, row by row beside images and parameters
CORRECTIONS = "/dl1/event/telescope/corrections"
# which pixels of an image were filled from others; events without any have no row
FILLED = "/dl1/event/telescope/filled_pixels"

_IMAGE_CHUNK = 1 << 19
_CHUNK = 1 << 16
_NAN = float("nan")

_PARAMETER_GROUPS = {
    "hillas": "ellipse of the cleaned image",
    "timing": "straight line through the peak times along the main axis",
    "leakage": "part of the cleaned image at the edge of the camera",
    "concentration": "how much of the light is in one place",
    "morphology": "connected groups of pixels in the cleaned image",
    "intensity": "charges of the cleaned image, in photo-electrons",
    "peak_time": "peak times of the cleaned image, in ns",
}
_PARAMETER_NOTES = {
    "hillas_intensity": ("", "sum of the charges in photo-electrons"),
    "hillas_fov_lon": ("deg", "centre of gravity along azimuth"),
    "hillas_fov_lat": ("deg", "centre of gravity along altitude"),
    "hillas_r": ("deg", "distance of the centre of gravity from the optical axis"),
    "hillas_phi": ("deg", "polar angle of the centre of gravity"),
    "hillas_length": ("deg", "standard deviation along the main axis"),
    "hillas_length_uncertainty": ("deg", "statistical error of the length"),
    "hillas_width": ("deg", "standard deviation across the main axis"),
    "hillas_width_uncertainty": ("deg", "statistical error of the width"),
    "hillas_psi": ("deg", "direction of the main axis"),
    "hillas_psi_uncertainty": ("deg", "statistical error of psi"),
    "hillas_transverse_cog_uncertainty": ("deg", "error of the centre of gravity across the main axis"),
    "timing_slope": ("deg**-1", "change of the peak time with the distance along the axis, ns per deg"),
    "timing_intercept": ("", "peak time at the centre of gravity, in ns"),
    "timing_deviation": ("", "root mean square about the line, in ns"),
    "leakage_pixels_width_1": ("", "share of the pixels in the outermost row"),
    "leakage_pixels_width_2": ("", "share of the pixels in the two outermost rows"),
    "leakage_intensity_width_1": ("", "share of the charge in the outermost row"),
    "leakage_intensity_width_2": ("", "share of the charge in the two outermost rows"),
    "concentration_cog": ("", "share of the charge within one pixel width of the centre of gravity"),
    "concentration_core": ("", "share of the charge inside the ellipse"),
    "concentration_pixel": ("", "share of the charge in the brightest pixel"),
}


@dataclass(frozen=True)
class TableLayout:
    """How a table lies in the file.

    Attributes
    ----------
    columns : tuple of Column
        Its columns.
    dtype : numpy.dtype
        Its row.
    rows : int
        Rows of an HDF5 chunk.
    typesize : int
        Size of the numbers that the shuffle brings together, in bytes.
    """

    columns: tuple[Column, ...]
    dtype: np.dtype[np.void]
    rows: int
    typesize: int


def tel_table(group: str, tel_id: int) -> str:
    """Return the path of a telescope's table in a group."""
    return f"{group}/tel_{tel_id:03d}"


def _table(columns: Sequence[Column], typesize: int, chunk: int = _CHUNK) -> TableLayout:
    dtype = layout(columns, typesize)
    return TableLayout(tuple(columns), dtype, max(1, chunk // dtype.itemsize), typesize)


class Schema:
    """Layouts of the event tables.

    Parameters
    ----------
    simulation : bool
        Simulated observations are numbered by int32, real ones by uint64, as in ctapipe.
    n_telescopes : int
        Telescopes of the array, the length of the trigger mask.

    Attributes
    ----------
    simulation : bool
        Whether there are tables of simulated truth.
    """

    def __init__(self, simulation: bool, n_telescopes: int) -> None:
        kind = "<i4" if simulation else "<u8"
        self.simulation = simulation
        self._obs = Column("obs_id", kind, "number of the observation")
        self._event = [self._obs, Column("event_id", "<i8", "number of the array event in the observation")]
        self._tel_event = [*self._event, Column("tel_id", "<i2", "number of the telescope")]
        self._n_telescopes = n_telescopes

    def trigger(self) -> TableLayout:
        """Array events."""
        mask = (self._n_telescopes,)
        return _table(
            [
                *self._event,
                Column("time", "<u4", "time of the array trigger", shape=(2,), transform="time"),
                Column("tels_with_trigger", "?", "which telescopes triggered", shape=mask, transform="mask"),
                Column("event_type", "<i8", "kind of the event", transform="enum:EventType"),
            ],
            4,
        )

    def tel_trigger(self) -> TableLayout:
        """Triggers of the telescopes."""
        return _table(
            [
                *self._tel_event,
                Column("time", "<u4", "time of the telescope's trigger", shape=(2,), transform="time"),
                Column(
                    "event_type",
                    "<i8",
                    "kind of the event, seen by the telescope",
                    transform="enum:EventType",
                ),
                Column("n_trigger_pixels", "<i8", "pixels above the trigger's threshold, -1 if not known"),
            ],
            4,
        )

    def corrections(self) -> TableLayout:
        """What images of one telescope were corrected with, and where it looked."""
        return _table(
            [
                *self._tel_event,
                Column(
                    "light_scale", "<f8", "light over the reference; charges are divided by it", blank=_NAN
                ),
                Column("light_scale_error", "<f8", "its standard error", blank=_NAN),
                Column(
                    "azimuth", "<f8", "where the telescope looked, from north over east", "deg", blank=_NAN
                ),
                Column("altitude", "<f8", "where the telescope looked", "deg", blank=_NAN),
                Column("pointing_status", "<i8", "codes of what is the matter; -1: no drive told", blank=-1),
            ],
            8,
        )

    def filled(self, n_pixels: int) -> TableLayout:
        """How pixels of one telescope's images that must not be used got their values."""
        what = "0 as measured, else ring of its hole that the pixel was filled in, 255: none near, it holds 0"
        return _table([*self._tel_event, Column("ring", "u1", what, shape=(n_pixels,))], 1)

    def images(self, n_pixels: int, n_channels: int) -> TableLayout:
        """Images of one telescope; cameras with several gain channels say which one each pixel used."""
        n = (n_pixels,)
        columns = [
            *self._tel_event,
            Column("image_mask", "?", "pixels that survived the cleaning", shape=n),
            Column("is_valid", "?", "whether the camera was read out"),
        ]
        if n_channels > 1:
            note = "gain channel, 0 is high gain, -1 if not known"
            columns.append(Column("selected_gain_channel", "|i1", note, shape=n, blank=-1))
        columns += [
            Column("image", "<f4", "charge in photo-electrons", shape=n, blank=_NAN),
            Column("peak_time", "<f4", "time of the pulse in the window, in ns", shape=n, blank=_NAN),
        ]
        return _table(columns, 4, _IMAGE_CHUNK)

    def calibration_images(self, n_pixels: int, n_channels: int) -> TableLayout:
        """Images of events that calibrate a camera: all gain channels, not cleaned."""
        n = (n_channels, n_pixels)
        columns = [
            *self._tel_event,
            Column("event_type", "<i8", "kind of the event", transform="enum:EventType"),
            Column("image", "<f4", "charge in photo-electrons, per gain channel", shape=n),
            Column("peak_time", "<f4", "time of the pulse in the window, in ns, per channel", shape=n),
        ]
        if self.simulation:
            columns += self._truth(n_pixels)
        return _table(columns, 4, _IMAGE_CHUNK)

    def parameters(self) -> TableLayout:
        """Parameters of the cleaned images of one telescope."""
        note = "direction to the shower core, not known in DL1"
        core = Column("core_psi", "<f8", note, "deg", field="psi", blank=_NAN)
        return _table([*self._tel_event, *_parameters(PARAMETERS, ""), core], 8)

    def shower(self) -> TableLayout:
        """Simulated showers."""
        truth = [
            ("energy", "TeV", "energy of the primary"),
            ("alt", "deg", "altitude of the direction of origin"),
            ("az", "deg", "azimuth of the direction of origin"),
            ("core_x", "m", "core on the ground, towards north"),
            ("core_y", "m", "core on the ground, towards west"),
            ("h_first_int", "m", "height of the first interaction"),
            ("x_max", "g.cm**-2", "depth of the shower maximum"),
            ("starting_grammage", "g.cm**-2", "depth at which the primary started"),
        ]
        columns = [
            Column(f"true_{name}", "<f8", note, unit, field=name, blank=_NAN) for name, unit, note in truth
        ]
        primary = Column(
            "true_shower_primary_id",
            "<i8",
            "primary particle, 0 is a gamma ray",
            field="shower_primary_id",
            blank=-1,
        )
        return _table([*self._event, *columns, primary], 8)

    def true_images(self, n_pixels: int) -> TableLayout:
        """Simulated photo-electrons of one telescope."""
        return _table([*self._tel_event, *self._truth(n_pixels)], 4, _IMAGE_CHUNK)

    def true_parameters(self) -> TableLayout:
        """Parameters of the simulated photo-electrons of one telescope."""
        return _table([*self._tel_event, *_parameters(TRUE_PARAMETERS, "true_")], 8)

    def impact(self) -> TableLayout:
        """Distances of one telescope from the simulated shower axes."""
        note = "distance of the telescope from the shower axis"
        error = "error of the distance, 0 for simulated truth"
        return _table(
            [
                *self._tel_event,
                Column("true_impact_distance", "<f8", note, "m", field="distance", blank=_NAN),
                Column("true_impact_distance_uncert", "<f8", error, "m", field="distance_uncert", blank=_NAN),
            ],
            8,
        )

    def pointing(self) -> tuple[Column, ...]:
        """Columns of the pointing of one telescope that stood still."""
        return (
            self._obs,
            Column("tel_id", "<i8", "number of the telescope"),
            Column("telescope_pointing_azimuth", "<f4", "azimuth of the axis", "rad", field="azimuth"),
            Column("telescope_pointing_altitude", "<f4", "altitude of the axis", "rad", field="altitude"),
        )

    @staticmethod
    def _truth(n_pixels: int) -> list[Column]:
        total = "simulated photo-electrons in the camera, -1 if not known"
        note = "simulated photo-electrons, -1 if not known"
        return [
            Column("true_image_sum", "<i4", total, blank=-1),
            Column("true_image", "<i4", note, shape=(n_pixels,), blank=-1),
        ]


def _parameters(dtype: np.dtype[np.void], prefix: str) -> list[Column]:
    columns: list[Column] = []
    for name in dtype.names or ():
        plain = name.removeprefix(prefix)
        group = next(g for g in _PARAMETER_GROUPS if plain.startswith(g + "_"))
        field = plain.removeprefix(group + "_")
        unit, note = _PARAMETER_NOTES.get(plain, ("", field.replace("_", " ")))
        truth = " of the simulated photo-electrons" if prefix else ""
        integer = dtype[name].kind == "i"
        columns.append(
            Column(
                name=name,
                kind="<i8" if integer else "<f8",
                description=f"{note} ({_PARAMETER_GROUPS[group]}{truth})",
                unit=unit,
                field=field,
                blank=-1 if integer else _NAN,
            )
        )
    return columns
