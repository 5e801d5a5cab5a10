# SPDX-License-Identifier: BSD-3-Clause
"""A camera's night on one page: maps, reasons of bad pixels, trends, what changed since the last night."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pellucid.camera.badpixels import Reason
from pellucid.camera.changes import CameraChanges, camera_changes
from pellucid.camera.coefficients import CameraCalibration
from pellucid.instrument import Telescope
from pellucid.times import to_utc_iso
from pellucid.views.camera import draw_camera, pixel_polygons
from pellucid.views.figures import new_figure, png_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["change_picture", "map_picture", "reason_picture", "trend_picture", "write_camera_page"]

type F8 = npt.NDArray[np.float64]

_BLUE, _GREY, _RED = "#0b4f8a", "#8a8a8a", "#b3261e"

# the gravest first: a pixel is drawn with the first that it has
_COLOURS = (
    (Reason.MISSING, "#1b1f24", "not read out"),
    (Reason.DEAD, "#5b3a8c", "dead"),
    (Reason.HV_OFF, "#8c6bb1", "high voltage off"),
    (Reason.HARDWARE, "#666666", "hardware"),
    (Reason.CLUSTER, "#7a0177", "module"),
    (Reason.SATURATED, "#e6550d", "flashes saturated"),
    (Reason.UNSTABLE, "#a65628", "unstable"),
    (Reason.NOISY, "#b3261e", "noisy"),
    (Reason.STAR, "#ffd92f", "star"),
    (Reason.QUIET, "#6baed6", "quiet"),
    (Reason.TIME, "#238b45", "time"),
    (Reason.CHARGE, "#0b4f8a", "charge"),
    (Reason.LOW_GAIN, "#41b6c4", "low gain"),
    (Reason.HIGH_GAIN, "#c51b8a", "high gain"),
    (Reason.NO_GAIN, "#a0a0a0", "no gain"),
    (Reason.PHOTOELECTRONS, "#fd8d3c", "photo-electrons"),
)


def map_picture(telescope: Telescope, calibration: CameraCalibration) -> bytes:
    """Draw gain, light yield, baseline, noise and time offset on the pixels of the high gain, as PNG.

    Colours span what 98 % of the good pixels have; bad pixels are hatched.
    """
    c, bad = calibration, calibration.unusable[0]
    maps = [
        ("gain", c.gain.gain.value[0], "ADC counts x samples per p.e."),
        ("light yield", c.light_yield.value[0], "relative to the median"),
        ("baseline", c.pedestal.baseline.value[0], "ADC counts"),
        ("noise", c.pedestal.noise.value[0], "ADC counts"),
        ("time offset", c.time_offset.value[0], "ns"),
        ("night sky", c.sky.value[0], "p.e. per ns")
        if len(c.sky.value)
        else ("photo-electrons of a flash", c.gain.photoelectrons.value[0], "p.e."),
    ]
    with new_figure(12.6, 7.6) as figure:
        for axes, (title, values, label) in zip(figure.subplots(2, 3).ravel(), maps, strict=True):
            _map(axes, telescope, values, bad, title, label)
        return png_bytes(figure)


def _map(
    axes: "Axes", telescope: Telescope, values: F8, bad: npt.NDArray[np.bool_], title: str, label: str
) -> None:
    shown = values[~bad & np.isfinite(values)]
    limits = tuple(float(v) for v in np.percentile(shown, [1.0, 99.0])) if shown.size else (0.0, 1.0)
    low, high = limits
    draw_camera(
        axes,
        telescope.geometry,
        values,
        masked=bad,
        title=title,
        label=label,
        cmap="viridis",
        limits=(low, high if high > low else low + 1.0),
    )


def reason_picture(telescope: Telescope, calibration: CameraCalibration) -> bytes:
    """Draw the reasons of bad pixels, high gain on the left, low gain on the right, as PNG."""
    from matplotlib.patches import Patch

    channels = calibration.reasons
    polygons = pixel_polygons(telescope.geometry)
    with new_figure(5.0 * len(channels) + 2.4, 4.6) as figure:
        every = figure.subplots(1, len(channels), squeeze=False)[0]
        seen = []
        for axes, reasons, name in zip(every, channels, ("high gain", "low gain"), strict=False):
            _base(axes, polygons)
            left = reasons.copy()
            for reason, colour, word in _COLOURS:
                mine = (left & np.uint16(reason)) != 0
                if mine.any():
                    _paint(axes, polygons[mine], colour)
                    seen.append((colour, word))
                    left[mine] = 0
            axes.set_title(f"{name}: {int((reasons != 0).sum())} of {reasons.size} pixels")
        handles = [Patch(color=colour, label=word) for colour, word in dict.fromkeys(seen)]
        if handles:
            figure.legend(handles=handles, loc="outside right center", frameon=False)
        return png_bytes(figure)


def _base(axes: "Axes", polygons: F8) -> None:
    from matplotlib.collections import PolyCollection

    axes.add_collection(
        PolyCollection(list(polygons), facecolors="#e9ecef", edgecolors="#ffffff", linewidths=0.2)
    )
    reach = 1.03 * float(np.abs(polygons).max())
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set_axis_off()


def _paint(axes: "Axes", polygons: F8, colour: str) -> None:
    from matplotlib.collections import PolyCollection

    axes.add_collection(PolyCollection(list(polygons), facecolors=colour, edgecolors=colour, linewidths=0.6))


def trend_picture(calibrations: Sequence[CameraCalibration]) -> bytes:
    """Draw medians of the good pixels over the night, with the range of two thirds of them, as PNG."""
    hours = np.array([_hour(c, calibrations[0]) for c in calibrations])
    curves = [
        ("gain", "ADC counts x samples per p.e.", [c.gain.gain.value[0] for c in calibrations]),
        ("baseline", "ADC counts", [c.pedestal.baseline.value[0] for c in calibrations]),
        ("noise", "ADC counts", [c.pedestal.noise.value[0] for c in calibrations]),
    ]
    with new_figure(12.6, 3.1) as figure:
        every = figure.subplots(1, 4)
        for axes, (title, label, values) in zip(every, curves, strict=False):
            good = [np.where(c.unusable[0], np.nan, v) for c, v in zip(calibrations, values, strict=True)]
            low, middle, high = np.nanpercentile(np.stack(good), [16.7, 50.0, 83.3], axis=1)
            axes.fill_between(hours, low, high, color=_BLUE, alpha=0.15, linewidth=0)
            axes.plot(hours, middle, "o-", color=_BLUE, markersize=3.5)
            axes.set(title=title, ylabel=label)
        number = [int(c.unusable.any(axis=0).sum()) for c in calibrations]
        every[3].step(hours, number, where="mid", color=_RED)
        every[3].plot(hours, number, "o", color=_RED, markersize=3.5)
        every[3].set(title="unusable pixels", ylabel="number", ylim=(0, 1.15 * max(number) + 1))
        for axes in every:
            axes.set_xlabel("UTC (h)")
            axes.margins(x=0.08)
            axes.locator_params(axis="x", nbins=4)
            axes.ticklabel_format(useOffset=False)
        return png_bytes(figure)


def _hour(c: CameraCalibration, first: CameraCalibration) -> float:
    """Hours UTC of the middle of a calibration, beyond 24 after midnight."""
    clock = to_utc_iso(first.start)[11:23]
    begin = int(clock[:2]) + int(clock[3:5]) / 60.0 + float(clock[6:]) / 3600.0
    return begin + ((c.start + c.stop) / 2 - first.start) / 3.6e12


def change_picture(telescope: Telescope, changes: CameraChanges) -> bytes:
    """Draw what changed in the pixels since the last night, as PNG; those that moved are outlined."""
    bad = ~np.isfinite(changes.relative_gain)
    maps = [
        ("gain, over the camera's", 100.0 * changes.relative_gain, "%"),
        ("baseline", changes.baseline, "ADC counts"),
        ("time offset", changes.time, "ns"),
    ]
    with new_figure(12.6, 3.9) as figure:
        for axes, (title, values, label) in zip(figure.subplots(1, 3), maps, strict=True):
            spread = float(np.nanpercentile(np.abs(values), 99.0)) if np.isfinite(values).any() else 1.0
            draw_camera(
                axes,
                telescope.geometry,
                values,
                masked=bad,
                title=title,
                label=label,
                cmap="RdBu_r",
                limits=(-spread or -1.0, spread or 1.0),
                outlined=changes.moved,
            )
        return png_bytes(figure)


def write_camera_page(
    path: Path,
    telescope: Telescope,
    calibrations: Sequence[CameraCalibration],
    previous: CameraCalibration | None = None,
    night: str = "",
) -> None:
    """Write the page of a camera's night; equal inputs give equal bytes.

    Parameters
    ----------
    path : Path
        HTML file, with its pictures inside.
    telescope : Telescope
        Whose camera it is.
    calibrations : sequence of CameraCalibration
        Of the night, in the order of their times; the last one is drawn on the maps.
    previous : CameraCalibration, optional
        The last one of the night before.
    night : str
        Its name, for the title.

    Raises
    ------
    CorruptedInput
        The last night's calibration is of another camera (``other-camera``).
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    last = calibrations[-1]
    changes = None if previous is None else camera_changes(previous, last)
    environment = Environment(
        loader=PackageLoader("pellucid.views"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("camera_night.html").render(
        telescope=telescope,
        night=night or to_utc_iso(calibrations[0].start)[:10],
        spans=[(to_utc_iso(c.start)[:19], to_utc_iso(c.stop)[:19], c) for c in calibrations],
        last=last,
        good=int((~last.unusable.any(axis=0)).sum()),
        numbers=_numbers(last),
        maps=_inline(map_picture(telescope, last)),
        reasons=_inline(reason_picture(telescope, last)),
        faults=_fault_rows(last),
        trends=_inline(trend_picture(calibrations)) if len(calibrations) > 1 else None,
        changes=changes,
        worse=[] if changes is None else np.flatnonzero(changes.worse).tolist(),
        mended=[] if changes is None else np.flatnonzero(changes.mended).tolist(),
        moved=[] if changes is None else np.flatnonzero(changes.moved).tolist(),
        change=None if changes is None else _inline(change_picture(telescope, changes)),
    )
    path.write_text(page, encoding="utf-8")


def _numbers(c: CameraCalibration) -> list[tuple[str, str, float, float, float, str]]:
    """Name, channel, median, its spread over the pixels, median error, unit."""
    rows = []
    quantities = [
        ("gain", c.gain.gain, "ADC counts x samples per p.e."),
        ("photo-electrons of a flash", c.gain.photoelectrons, "p.e."),
        ("baseline", c.pedestal.baseline, "ADC counts"),
        ("noise of a sample", c.pedestal.noise, "ADC counts"),
        ("high gain over low gain", c.flatfield.ratio, ""),
        ("time offset", c.time_offset, "ns"),
        ("light yield", c.light_yield, "relative"),
        ("night sky", c.sky, "p.e. per ns"),
    ]
    for name, estimate, unit in quantities:
        for channel, (value, error) in enumerate(zip(estimate.value, estimate.error, strict=True)):
            good = ~c.unusable[channel] & np.isfinite(value)
            if good.any():
                low, middle, high = np.percentile(value[good], [15.9, 50.0, 84.1])
                which = ("high", "low")[channel] if len(estimate.value) > 1 else ""
                spread, typical = 0.5 * float(high - low), float(np.median(error[good]))
                rows.append((name, which, float(middle), spread, typical, unit))
    return rows


def _fault_rows(c: CameraCalibration) -> list[tuple[str, int, str, str]]:
    """Reason, how many pixels, what was measured and where the cut lay, and which pixels."""
    rows = []
    for reason, _, word in _COLOURS:
        pixels = np.flatnonzero(((c.reasons & np.uint16(reason)) != 0).any(axis=0)).tolist()
        if pixels:
            shown = ", ".join(map(str, pixels[:24])) + (" …" if len(pixels) > 24 else "")
            rows.append((word, len(pixels), _measured(c, reason), shown))
    return rows


def _measured(c: CameraCalibration, reason: Reason) -> str:
    """Range of what was found, and the cut; empty where others said that a pixel is bad."""
    found = c.faults.table[c.faults.table["reason"] == int(reason)]
    value = found["value"][np.isfinite(found["value"])]
    if not value.size:
        return ""
    unit = "of the median" if reason in (Reason.DEAD, Reason.QUIET) else "robust standard deviations"
    low, high = f"{value.min():.3g}", f"{value.max():.3g}"
    span = low if low == high else f"{low} to {high}"
    return f"{span} {unit}, cut at {float(found['limit'][0]):.3g}"


def _inline(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode()
