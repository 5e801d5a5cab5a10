# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of a LIDAR's night: what it saw over time and height, and what that says about the air."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.night import LidarNight
from pellucid.times import to_utc_iso
from pellucid.views.figures import new_figure, png_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "draw_clouds",
    "draw_depth",
    "draw_layers",
    "draw_profile",
    "draw_quicklook",
    "profile_picture",
    "quicklook_picture",
    "trend_picture",
]

type F8 = npt.NDArray[np.float64]

_BLUE, _RED, _GREY, _CLOUD = "#1f5fa8", "#b3261e", "#7a7a7a", "#ffffff"
_COLOURS = ("#0b4f8a", "#1b9e77", "#d95f02", "#7570b3")
_LONG = 1.5
"""A cell of the quick look lasts so many times its file at most; longer pauses stay white."""


_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 240)
"""Minutes between two labels of a time axis, at most eight of them."""


def _hours(night: LidarNight, times: npt.NDArray[np.int64]) -> F8:
    """Hours since midnight UTC before the night's first file."""
    clock = to_utc_iso(int(night.look_time[0, 0]))[11:19].split(":")
    first = sum(int(part) / 60.0**i for i, part in enumerate(clock))
    hours: F8 = first + (times - night.look_time[0, 0]) / 3.6e12
    return hours


def _clock(axes: "Axes") -> None:
    """Label hours as clock times, at round minutes."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    def text(hour: float, _position: int | None = None) -> str:
        minutes = round(hour * 60.0)
        return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"

    low, high = axes.get_xlim()
    minutes = next((m for m in _TICKS if (high - low) * 60.0 / m <= 8.0), _TICKS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(minutes / 60.0))
    axes.xaxis.set_major_formatter(FuncFormatter(text))
    axes.set_xlabel("UTC")


def _from_zero(axes: "Axes") -> None:
    """Show zero, and leave room above for the legend."""
    low, high = axes.get_ylim()
    high = max(0.0, high)
    axes.set_ylim(min(0.0, low), high + 0.25 * (high - min(0.0, low)))


def draw_quicklook(axes: "Axes", night: LidarNight, top: float) -> None:
    """Draw the logarithm of the range-corrected signal over time and height, up to a height in m.

    Layers' edges are drawn over it; pauses between files stay white.
    """
    cells = night.height < top
    edges = _edges(night.height[cells]) / 1000.0
    light = night.light[:, cells]
    seen = light[np.isfinite(light)]
    low, high = np.percentile(seen, [5.0, 99.5]) if seen.size else (0.0, 1.0)
    hours = _hours(night, night.look_time)
    ends = hours[:, 1].copy()
    # a short pause between two files is no gap
    close = np.flatnonzero(hours[1:, 0] - hours[:-1, 0] < _LONG * (hours[:-1, 1] - hours[:-1, 0]))
    ends[close] = hours[close + 1, 0]
    mesh = None
    for start, stop, row in zip(hours[:, 0], ends, light, strict=True):
        mesh = axes.pcolormesh([start, stop], edges, row[:, None], cmap="viridis", vmin=low, vmax=high)
    draw_layers(axes, night, top)
    axes.set(ylabel="height above the LIDAR (km)", ylim=(0.0, top / 1000.0))
    _clock(axes)
    figure = axes.get_figure()
    if mesh is not None and figure is not None:
        figure.colorbar(mesh, ax=axes, pad=0.01, label="log10(counts per shot x m2)")


def _edges(middle: F8) -> F8:
    step = float(middle[1] - middle[0]) if middle.size > 1 else 1.0
    return np.concatenate([middle - 0.5 * step, [middle[-1] + 0.5 * step]])


def draw_layers(axes: "Axes", night: LidarNight, top: float) -> None:
    """Draw base and top of each layer below a height in m over the span of its group, clouds in white."""
    spans = _hours(night, night.time)
    for i, layer in night.layers:
        colour = _CLOUD if layer.found.cloud else _RED
        ends = [layer.found.top] if layer.found.ground else [layer.found.base, layer.found.top]
        for height in (h for h in ends if h < top):
            axes.plot(spans[i], [height / 1000.0] * 2, color=colour, linewidth=1.6)


def draw_profile(
    axes: "Axes", night: LidarNight, values: tuple[F8, F8], scale: float, label: str, top: float
) -> None:
    """Draw the median of a profile and its error over the night, and the spread of the night, below a height.

    ``values`` are values and errors of the groups, shape (g, m), drawn times ``scale``; ``top`` is in m.
    """
    value, error = (v * scale for v in values)
    known = np.isfinite(value).sum(axis=0) >= max(1, value.shape[0] // 2)
    known &= night.height < top
    if known.any():
        middle = np.nanmedian(value[:, known], axis=0)
        # groups of files are independent
        n = np.isfinite(value[:, known]).sum(axis=0)
        spread = np.sqrt(np.nanmean(error[:, known] ** 2, axis=0) / n)
        height = night.height[known] / 1000.0
        if value.shape[0] > 2:
            low, high = np.nanpercentile(value[:, known], [16.0, 84.0], axis=0)
            axes.fill_betweenx(
                height, low, high, color=_GREY, alpha=0.25, linewidth=0, label="spread of the night"
            )
        axes.fill_betweenx(height, middle - spread, middle + spread, color=_BLUE, alpha=0.35, linewidth=0)
        axes.plot(middle, height, color=_BLUE, linewidth=1.1, label="median and its error")
        least, most = np.quantile(middle - spread, 0.02), np.quantile(middle + spread, 0.99)
        axes.set_xlim(min(0.0, float(least)), 1.15 * float(most) if most > 0 else 1.0)
        axes.legend(frameon=False, loc="upper right")
    axes.axvline(0.0, color=_GREY, linewidth=0.6)
    axes.set(xlabel=label, ylim=(0.0, top / 1000.0), ylabel="height above the LIDAR (km)")


def draw_depth(axes: "Axes", night: LidarNight, heights: Sequence[float]) -> None:
    """Draw the aerosol's optical depth up to some heights (m) over time, with errors.

    A point is missing where the signal does not reach so far.
    """
    middle = _hours(night, night.time).mean(axis=1)
    for height, marker, colour in zip(heights, "osD^", _COLOURS, strict=False):
        cell = int(np.searchsorted(night.height, height))
        if cell < night.height.size and (known := np.isfinite(night.depth[:, cell])).any():
            axes.errorbar(
                middle[known],
                night.depth[known, cell],
                night.depth_error[known, cell],
                fmt=marker,
                color=colour,
                markersize=4,
                linewidth=0.9,
                label=f"up to {height / 1000:g} km",
            )
    axes.set(ylabel="optical depth", title="aerosol, from full overlap (Raman)")
    _clock(axes)
    if axes.get_legend_handles_labels()[0]:
        _from_zero(axes)
        axes.legend(frameon=False, ncols=2, loc="upper left")
    else:
        axes.text(0.5, 0.5, "no Raman light", transform=axes.transAxes, ha="center", color=_GREY)


def draw_clouds(axes: "Axes", night: LidarNight) -> None:
    """Draw the optical depth of clouds over time, by elastic and by Raman light, with errors."""
    middle = _hours(night, night.time).mean(axis=1)
    ways = (("elastic", "elastic", "o", _BLUE), ("raman", "Raman", "s", _COLOURS[2]))
    for way, label, marker, colour in ways:
        rows = [
            (middle[i], getattr(x, way), getattr(x, f"{way}_error"))
            for i, x in night.layers
            if x.found.cloud and np.isfinite(getattr(x, way))
        ]
        if rows:
            x, y, error = np.array(rows).T
            axes.errorbar(x, y, error, fmt=marker, color=colour, markersize=4, linewidth=0.9, label=label)
    axes.set(ylabel="optical depth", title="clouds, by the light missing behind them")
    _clock(axes)
    if axes.get_legend_handles_labels()[0]:
        _from_zero(axes)
        axes.legend(frameon=False, ncols=2, loc="upper left")
    else:
        axes.text(0.5, 0.5, "no cloud measured", transform=axes.transAxes, ha="center", color=_GREY)


def quicklook_picture(night: LidarNight, top: float = 16000.0) -> bytes:
    """Return the night over time and height (up to ``top`` m) as PNG: the same bytes for the same numbers."""
    with new_figure(12.0, 4.4) as figure:
        draw_quicklook(figure.add_subplot(), night, top)
        return png_bytes(figure)


def profile_picture(night: LidarNight, top: float = 16000.0) -> bytes:
    """Return the profiles of extinction and backscatter, up to ``top`` m, as PNG."""
    with new_figure(12.0, 5.6) as figure:
        left, right = figure.subplots(1, 2)
        draw_profile(left, night, (night.extinction, night.extinction_error), 1e6, "extinction (1/Mm)", top)
        both = (night.backscatter, night.backscatter_error)
        draw_profile(right, night, both, 1e6, "backscatter (1/(Mm sr))", top)
        return png_bytes(figure)


def trend_picture(night: LidarNight, heights: Sequence[float] = (3000.0, 6000.0, 9000.0, 12000.0)) -> bytes:
    """Return the optical depths of aerosol (up to heights in m) and clouds over time as PNG."""
    with new_figure(12.0, 3.8) as figure:
        left, right = figure.subplots(1, 2)
        draw_depth(left, night, heights)
        draw_clouds(right, night)
        return png_bytes(figure)
