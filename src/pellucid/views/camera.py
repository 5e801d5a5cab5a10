# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of cameras: values on the pixels, those without a value hatched."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pellucid.instrument import CameraGeometry, PixelShape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

__all__ = ["draw_camera", "pixel_polygons"]

type F8 = npt.NDArray[np.float64]

_NEUTRAL = "#e4e4e4"
_HATCH = "#b3261e"


def pixel_polygons(geometry: CameraGeometry) -> F8:
    """Corners of the pixels, shape (n_pixels, n_corners, 2), in m; circles have 24 corners."""
    if geometry.pix_shape is PixelShape.SQUARE:
        n_corners, radius, start = 4, geometry.pixel_width / np.sqrt(2.0), np.pi / 4.0
    elif geometry.pix_shape is PixelShape.HEXAGON:
        # rotation 0 has two corners on the vertical axis, as for rows along x
        n_corners, radius, start = 6, geometry.pixel_width / np.sqrt(3.0), np.pi / 2.0
    else:
        n_corners, radius, start = 24, geometry.pixel_width / 2.0, 0.0
    angle = start + np.deg2rad(geometry.pix_rotation) + 2.0 * np.pi * np.arange(n_corners) / n_corners
    corners = radius[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    centres = np.stack([geometry.pix_x, geometry.pix_y], axis=1)
    polygons: F8 = centres[:, None, :] + corners
    return polygons


def draw_camera(
    axes: "Axes",
    geometry: CameraGeometry,
    values: npt.ArrayLike,
    *,
    masked: npt.NDArray[np.bool_] | None = None,
    label: str = "",
    title: str = "",
    cmap: str = "cividis",
    limits: tuple[float, float] | None = None,
    blank: npt.NDArray[np.bool_] | None = None,
    outlined: npt.NDArray[np.bool_] | None = None,
    colorbar: bool = True,
    root_scale: bool = False,
) -> "PolyCollection":
    """Draw values on the pixels of a camera.

    Parameters
    ----------
    axes : Axes
        Where to draw.
    geometry : CameraGeometry
        The camera.
    values : array_like of float, shape (n_pixels,)
        In the unit that the label names; NaN is drawn as masked.
    masked : ndarray of bool, shape (n_pixels,), optional
        Pixels to hatch instead.
    label, title : str
        Of the colour bar, with the unit; of the picture.
    cmap : str
        Colour map; cividis and viridis are safe for the colour-blind.
    limits : tuple of float, optional
        Ends of the colour scale; those of the drawn values where not given.
    blank : ndarray of bool, shape (n_pixels,), optional
        Pixels without anything to show that are not bad, drawn in light grey.
    outlined : ndarray of bool, shape (n_pixels,), optional
        Pixels to draw a line around, e.g. those that survived a cleaning.
    colorbar : bool
        Whether to draw one.
    root_scale : bool
        Whether colours follow the square root of the values, which makes faint pixels visible.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import PowerNorm
    from matplotlib.ticker import MaxNLocator

    shown = np.asarray(values, dtype=np.float64)
    empty = np.zeros(shown.size, np.bool_) if blank is None else blank
    hidden = ~np.isfinite(shown) if masked is None else masked | ~np.isfinite(shown)
    hidden &= ~empty
    drawn = ~(hidden | empty)
    polygons = pixel_polygons(geometry)
    pixels = PolyCollection(
        list(polygons[drawn]), array=shown[drawn], cmap=cmap, edgecolors="face", linewidths=0.2
    )
    if root_scale:
        pixels.set_norm(PowerNorm(0.5, clip=True))
    if limits is not None:
        pixels.set_clim(*limits)
    axes.add_collection(pixels)
    if empty.any():
        axes.add_collection(
            PolyCollection(list(polygons[empty]), facecolors=_NEUTRAL, edgecolors="#ffffff", linewidths=0.2)
        )
    if hidden.any():
        axes.add_collection(
            PolyCollection(
                list(polygons[hidden]), facecolors=_NEUTRAL, edgecolors=_HATCH, linewidths=0.8, hatch="xxxx"
            )
        )
    if outlined is not None and outlined.any():
        axes.add_collection(
            PolyCollection(list(polygons[outlined]), facecolors="none", edgecolors="#ff9d2e", linewidths=0.6)
        )
    reach = 1.03 * float(np.abs(polygons).max())
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    axes.set_axis_off()
    figure = axes.get_figure()
    if colorbar and figure is not None:
        figure.colorbar(pixels, ax=axes, shrink=0.8, pad=0.02, label=label, ticks=MaxNLocator(4))
    return pixels
