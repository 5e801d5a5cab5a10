# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of cameras: pixels in their place and size, masked ones visible, bytes that do not change."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.instrument import CameraGeometry, PixelShape
from pellucid.simulate.instruments import flower_geometry
from pellucid.views.camera import draw_camera, pixel_polygons
from pellucid.views.figures import new_figure, png_bytes

GEOMETRY = flower_geometry("test", 7, 0.05)


def area(polygons: np.ndarray) -> np.ndarray:
    x, y = polygons[..., 0], polygons[..., 1]
    return 0.5 * np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(axis=1))


@pytest.mark.parametrize("shape", list(PixelShape))
def test_polygons_have_the_pixels_area_and_centre(shape: PixelShape) -> None:
    geometry = replace(GEOMETRY, pix_shape=shape, pix_rotation=17.0)
    polygons = pixel_polygons(geometry)
    # a circle is drawn with 24 corners
    tolerance = 0.02 if shape is PixelShape.CIRCLE else 1e-9
    assert area(polygons) == pytest.approx(geometry.pix_area, rel=tolerance)
    assert polygons.mean(axis=1)[:, 0] == pytest.approx(geometry.pix_x, abs=1e-12)


def test_hexagons_tile_without_overlap() -> None:
    polygons = pixel_polygons(GEOMETRY)
    corners = np.round(polygons.reshape(-1, 2), 6)
    # inner corners are shared by three pixels
    _, counts = np.unique(corners, axis=0, return_counts=True)
    assert counts.max() == 3


def picture(geometry: CameraGeometry, masked: np.ndarray | None) -> bytes:
    with new_figure(3, 3) as figure:
        values = np.arange(geometry.n_pixels, dtype=float)
        draw_camera(figure.subplots(), geometry, values, masked=masked, label="p.e.", title="test")
        return png_bytes(figure)


def test_pictures_are_equal_bytes_and_show_masked_pixels() -> None:
    masked = np.zeros(GEOMETRY.n_pixels, bool)
    masked[3] = True
    assert picture(GEOMETRY, None) == picture(GEOMETRY, None)
    assert picture(GEOMETRY, masked) != picture(GEOMETRY, None)
    assert b"Date" not in picture(GEOMETRY, masked)


def test_values_that_are_not_numbers_are_masked() -> None:
    with new_figure(3, 3) as figure:
        values = np.arange(GEOMETRY.n_pixels, dtype=float)
        values[5] = np.nan
        axes = figure.subplots()
        pixels = draw_camera(axes, GEOMETRY, values)
        assert len(pixels.get_paths()) == GEOMETRY.n_pixels - 1
        assert axes.collections[1].get_hatch()
