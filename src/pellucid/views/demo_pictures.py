# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of the demonstration: images true and reconstructed, gains, times, residuals, bad pixels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pellucid.camera.badpixels import Reason
from pellucid.demo.compare import BRIGHT
from pellucid.demo.products import DemoTelescope
from pellucid.events.batch import EventType
from pellucid.views.camera import draw_camera
from pellucid.views.figures import new_figure, png_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["bad_pixel_picture", "closure_picture", "image_picture", "ring_picture", "shower_picture"]

type F8 = npt.NDArray[np.float64]

_BLUE, _ORANGE, _GREY = "#0b4f8a", "#d96c06", "#8a8a8a"


def shower_picture(telescopes: Sequence[DemoTelescope]) -> tuple[bytes, int]:
    """Draw the brightest shower that all telescopes saw, true above and reconstructed below.

    Returns
    -------
    bytes, int
        PNG, and the event.
    """
    common = set.intersection(*({int(e) for e in _shower_ids(t)} for t in telescopes))
    candidates = sorted(common) or sorted({int(e) for t in telescopes for e in _shower_ids(t)})
    light = {e: min(_charge(t, e) for t in telescopes) for e in candidates}
    event = max(light, key=lambda e: (light[e], -e))
    seen = [t for t in telescopes if event in t.event_id]
    with new_figure(3.1 * len(seen), 6.3) as figure:
        axes = figure.subplots(2, len(seen), squeeze=False)
        for column, t in enumerate(seen):
            row = int(np.flatnonzero(t.event_id == event)[0])
            limits = (0.0, float(t.true_image[row].max()))
            unusable = t.calibration.unusable[0]
            name = f"telescope {t.telescope.tel_id}"
            _image(axes[0, column], t, t.true_image[row], limits, f"{name}: true", None, None)
            _image(
                axes[1, column],
                t,
                t.image[row],
                limits,
                f"{name}: reconstructed",
                unusable,
                t.image_mask[row],
            )
        return png_bytes(figure), event


def image_picture(t: DemoTelescope, event: int) -> bytes:
    """Draw one image of a telescope: charges and arrival times, true and reconstructed."""
    row = int(np.flatnonzero(t.event_id == event)[0])
    lit = t.image_mask[row]
    times = np.where(lit, t.peak_time[row], np.nan)
    true_times = np.where(lit, t.true_time[row], np.nan)
    middle = float(np.nanmedian(times))
    true_middle = float(np.nanmedian(true_times))
    with new_figure(9.4, 4.3) as figure:
        axes = figure.subplots(1, 2)
        for place, (values, title) in enumerate(
            [
                (true_times - true_middle, "true arrival times"),
                (times - middle, "reconstructed arrival times"),
            ]
        ):
            draw_camera(
                axes[place],
                t.telescope.geometry,
                values,
                blank=~lit,
                title=f"telescope {t.telescope.tel_id}, event {event}: {title}",
                label="ns from the median" if place else "",
                cmap="viridis",
                limits=(-4.0, 4.0),
                outlined=lit,
                colorbar=bool(place),
            )
        return png_bytes(figure)


def ring_picture(telescopes: Sequence[DemoTelescope]) -> bytes | None:
    """Draw a muon ring, true and reconstructed; None where there is none."""
    for t in telescopes:
        rings = np.flatnonzero(t.index["event_type"] == EventType.MUON)
        if not rings.size:
            continue
        row = int(rings[np.argmax(t.true_image[rings].sum(axis=1))])
        limits = (0.0, float(np.percentile(t.true_image[row], 99.5)))
        with new_figure(9.4, 4.3) as figure:
            axes = figure.subplots(1, 2)
            name = f"telescope {t.telescope.tel_id}, event {int(t.event_id[row])}"
            _image(axes[0], t, t.true_image[row], limits, f"{name}: true", None, None)
            unusable = t.calibration.unusable[0]
            _image(axes[1], t, t.image[row], limits, f"{name}: reconstructed", unusable, t.image_mask[row])
            return png_bytes(figure)
    return None


def closure_picture(telescopes: Sequence[DemoTelescope]) -> bytes:
    """Draw measured against true gains, time offsets and charges, and below how far they are apart."""
    gains = [_gains(t) for t in telescopes]
    times = [_times(t) for t in telescopes]
    charges = [_charges(t) for t in telescopes]
    with new_figure(12.4, 7.4) as figure:
        axes = figure.subplots(2, 3, height_ratios=[1.35, 1.0])
        for place, (parts, name, unit) in enumerate(
            [
                (gains, "gain", "ADC / p.e."),
                (times, "time offset", "ns"),
                (charges, "charge in showers", "p.e."),
            ]
        ):
            true, measured, error = (np.concatenate(p) for p in zip(*parts, strict=True))
            logarithmic = place == 2
            _against(axes[0, place], true, measured, error, name, unit, logarithmic)
            _pulls(axes[1, place], (measured - true) / error, name)
        return png_bytes(figure)


def bad_pixel_picture(telescopes: Sequence[DemoTelescope]) -> bytes:
    """Draw the gains over each camera, pixels that must not be used hatched, and the reasons counted."""
    with new_figure(3.1 * len(telescopes), 3.5) as figure:
        axes = figure.subplots(1, len(telescopes), squeeze=False)[0]
        for place, t in enumerate(telescopes):
            reasons = t.calibration.reasons[0]
            dead, noisy = (int((reasons & bit != 0).sum()) for bit in (Reason.DEAD, Reason.NOISY))
            draw_camera(
                axes[place],
                t.telescope.geometry,
                t.calibration.gain.gain.value[0],
                masked=t.calibration.unusable[0],
                title=f"telescope {t.telescope.tel_id}: {dead} dead, {noisy} noisy",
                label="gain [ADC / p.e.]" if place == len(telescopes) - 1 else "",
                limits=(45.0, 75.0),
            )
        return png_bytes(figure)


def _image(
    axes: "Axes",
    t: DemoTelescope,
    values: npt.NDArray[np.generic],
    limits: tuple[float, float],
    title: str,
    masked: npt.NDArray[np.bool_] | None,
    outlined: npt.NDArray[np.bool_] | None,
) -> None:
    draw_camera(
        axes,
        t.telescope.geometry,
        values,
        masked=masked,
        title=title,
        label="p.e.",
        limits=limits,
        outlined=outlined,
        root_scale=True,
    )


def _shower_ids(t: DemoTelescope) -> npt.NDArray[np.int64]:
    ids: npt.NDArray[np.int64] = t.event_id[t.index["event_type"] == EventType.SUBARRAY]
    return ids


def _charge(t: DemoTelescope, event: int) -> float:
    found = np.flatnonzero(t.event_id == event)
    return float(t.true_image[found[0]].sum()) if found.size else 0.0


def _gains(t: DemoTelescope) -> tuple[F8, F8, F8]:
    gain = t.calibration.gain.gain
    return t.truth.response.gain[0, t.good], gain.value[0, t.good], gain.error[0, t.good]


def _times(t: DemoTelescope) -> tuple[F8, F8, F8]:
    offset, truth = t.calibration.time_offset, t.truth.response.time_offset
    true, measured = truth[t.good], offset.value[0, t.good]
    return true - true.mean(), measured - measured.mean(), offset.error[0, t.good]


def _charges(t: DemoTelescope) -> tuple[F8, F8, F8]:
    bright = (t.true_image >= BRIGHT) & t.good & (t.index["event_type"] == EventType.SUBARRAY)[:, None]
    true = t.evened_image[bright]
    # excess noise and the sky's light in the window
    return true, t.image[bright].astype(np.float64), np.sqrt(0.222 * true + 4.0)


def _against(
    axes: "Axes", true: F8, measured: F8, error: F8, name: str, unit: str, logarithmic: bool
) -> None:
    low, high = float(true.min()), float(true.max())
    axes.errorbar(
        true,
        measured,
        yerr=error,
        fmt="o",
        ms=2.2,
        lw=0.4,
        color=_BLUE,
        alpha=0.35,
        rasterized=True,
        zorder=1,
    )
    axes.plot([low, high], [low, high], color=_ORANGE, lw=1.6, zorder=2, label="measured = true")
    if logarithmic:
        axes.set(xscale="log", yscale="log")
    axes.set(xlabel=f"true {name} [{unit}]", ylabel=f"measured [{unit}]", title=f"{name}: {true.size} values")
    axes.legend(frameon=False, loc="upper left")


def _pulls(axes: "Axes", pulls: F8, name: str) -> None:
    edges = np.linspace(-5.0, 5.0, 51)
    axes.hist(pulls, edges.tolist(), color=_BLUE, alpha=0.75)
    centre = 0.5 * (edges[1:] + edges[:-1])
    normal = pulls.size * (edges[1] - edges[0]) * np.exp(-0.5 * centre**2) / np.sqrt(2.0 * np.pi)
    axes.plot(centre, normal, color=_ORANGE, lw=1.6, label="expected: width 1")
    axes.axvline(0.0, color=_GREY, lw=0.8)
    axes.set(
        xlabel="(measured - true) / error",
        ylabel="number",
        title=f"{name}: mean {pulls.mean():+.2f}, width {pulls.std():.2f}",
    )
    axes.set_ylim(0.0, 1.35 * normal.max())
    axes.legend(frameon=False, loc="upper left")
