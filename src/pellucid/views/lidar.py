# SPDX-License-Identifier: BSD-3-Clause
"""A LIDAR's night on one picture: what it saw over time and height, and what that says about the air."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pellucid.atmosphere.lidar.chain import Analysis
from pellucid.atmosphere.lidar.signal import Signal
from pellucid.views.figures import new_figure, png_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_depth", "draw_extinction", "draw_quicklook", "lidar_night"]

type F8 = npt.NDArray[np.float64]

_BLUE, _RED, _GREY = "#1f5fa8", "#b3261e", "#7a7a7a"
_CELL = 60.0


def draw_quicklook(axes: "Axes", hours: F8, signal: Signal, top: float, zenith: float = 0.0) -> None:
    """Draw the logarithm of the range-corrected signal over time and height.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    hours : ndarray of float64, shape (n, 2)
        Start and stop of each profile, in hours UTC; gaps between profiles stay white.
    signal : Signal
        The profiles.
    top : float
        Height to draw up to, in m; cells of 60 m.
    zenith : float
        In deg.
    """
    width = max(1, round(_CELL / signal.bin_width))
    slope = float(np.cos(np.deg2rad(zenith)))
    cells = min(int(top / slope / signal.bin_width), signal.range.size) // width
    corrected = signal.range_corrected[:, : cells * width].reshape(-1, cells, width).mean(axis=2)
    light = np.log10(np.where(corrected > 0.0, corrected, np.nan) / signal.shots[:, None])
    edges = np.arange(cells + 1) * width * signal.bin_width * slope / 1000.0
    low, high = np.nanpercentile(light, [5.0, 99.5])
    mesh = None
    for row, (start, stop) in zip(light, hours, strict=True):
        mesh = axes.pcolormesh([start, stop], edges, row[:, None], cmap="viridis", vmin=low, vmax=high)
    axes.set(xlabel="UTC (h)", ylabel="height above site (km)", title="range-corrected signal")
    figure = axes.get_figure()
    if mesh is not None and figure is not None:
        figure.colorbar(mesh, ax=axes, pad=0.02, label="log10 counts per shot x m2")


def draw_extinction(axes: "Axes", analysis: Analysis, top: float) -> None:
    """Draw the aerosol's extinction with its errors and the layers, up to a height in m."""
    good = (analysis.extinction.status[0] == 0) & (analysis.range < top)
    x, error = analysis.extinction.value[0][good] * 1e6, analysis.extinction.error[0][good] * 1e6
    height = analysis.range[good] / 1000.0
    axes.fill_betweenx(height, x - error, x + error, color=_BLUE, alpha=0.25, linewidth=0)
    axes.plot(x, height, color=_BLUE, linewidth=1.0)
    axes.axvline(0.0, color=_GREY, linewidth=0.6)
    for layer in analysis.layers:
        axes.axhspan(layer.found.base / 1000.0, layer.found.top / 1000.0, color=_RED, alpha=0.12, linewidth=0)
    how = "Raman" if analysis.has_raman else "elastic, lidar ratio assumed"
    axes.set(xlabel="extinction (1/Mm)", ylim=(0.0, top / 1000.0), title=f"extinction ({how})")
    if good.any():
        least, most = float(np.quantile(x - error, 0.02)), float(np.quantile(x + error, 0.98))
        axes.set_xlim(min(0.0, least) - 5.0, 1.1 * most + 5.0)


def draw_depth(axes: "Axes", hours: F8, analyses: Sequence[Analysis], heights: Sequence[float]) -> None:
    """Draw the optical depth from the range of full overlap to some ranges (m) over time, with errors.

    A point is missing where the signal does not reach so far. ``hours`` holds the middle of each analysis,
    shape (n,), in hours UTC.
    """
    for height, marker in zip(heights, "osD^v", strict=False):
        points = [
            (hour, *a.optical_depth.between(a.optical_depth.start, height))
            for hour, a in zip(hours, analyses, strict=True)
            if a.optical_depth is not None and a.optical_depth.trusted >= height
        ]
        if points:
            x, y, error = np.array(points).T
            axes.errorbar(x, y, error, fmt=marker, markersize=4, linewidth=0.9, label=f"{height / 1000:g} km")
    axes.set(xlabel="UTC (h)", ylabel="aerosol optical depth", title="optical depth (Raman)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, title="up to")


def lidar_night(
    name: str,
    hours: F8,
    elastic: Signal,
    analyses: Sequence[Analysis],
    middles: F8,
    *,
    top: float = 16000.0,
    heights: Sequence[float] = (3000.0, 6000.0, 9000.0),
) -> bytes:
    """Return the picture of a night as PNG: the same bytes for the same numbers.

    Parameters
    ----------
    name : str
        Title: site, date and wavelength.
    hours : ndarray of float64, shape (n, 2)
        Start and stop of each profile, in hours UTC.
    elastic : Signal
        The n profiles of the elastic channel.
    analyses : sequence of Analysis
        Of groups of profiles; the last one's extinction is drawn.
    middles : ndarray of float64, shape (m,)
        Middle of each analysis, in hours UTC.
    top : float
        Height in m to draw up to.
    heights : sequence of float
        Ranges of the optical depth, in m.
    """
    with new_figure(12.0, 7.0) as figure:
        grid = figure.add_gridspec(2, 2, width_ratios=(1.7, 1.0))
        draw_quicklook(figure.add_subplot(grid[0, 0]), hours, elastic, top)
        draw_extinction(figure.add_subplot(grid[:, 1]), analyses[-1], top)
        draw_depth(figure.add_subplot(grid[1, 0]), middles, analyses, heights)
        figure.suptitle(name)
        return png_bytes(figure)
