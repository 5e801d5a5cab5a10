# SPDX-License-Identifier: BSD-3-Clause
"""Camera geometry: where the pixels are, who their neighbours are, which of them are on the border."""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput

__all__ = ["CameraGeometry", "PixelShape", "TelescopeFrameGeometry"]

type Floats = npt.NDArray[np.float64]
type Bools = npt.NDArray[np.bool_]
type Ints = npt.NDArray[np.int32]


class PixelShape(StrEnum):
    """Shape of a pixel; hexagons and circles stand on a hexagonal grid, squares on a square one."""

    CIRCLE = "circle"
    HEXAGON = "hexagon"
    SQUARE = "square"


@dataclass(frozen=True, eq=False)
class CameraGeometry:
    """Pixels of a camera in the camera frame, derotated.

    Attributes
    ----------
    name : str
        Camera name, e.g. ``LSTCam``; two cameras of one name may differ, so never a key.
    pix_x, pix_y : ndarray of float64, shape (n_pixels,)
        Pixel centres, in m.
    pix_area : ndarray of float64, shape (n_pixels,)
        Pixel areas, in m2.
    pix_shape : PixelShape
        Shape of all pixels.
    pix_rotation : float
        Rotation of the pixels about their centre, in deg.
    cam_rotation : float
        Rotation of the camera that was removed from the positions, in deg (kept for the record).
    """

    name: str
    pix_x: Floats
    pix_y: Floats
    pix_area: Floats
    pix_shape: PixelShape
    pix_rotation: float = 0.0
    cam_rotation: float = 0.0

    def __post_init__(self) -> None:
        shapes = {self.pix_x.shape, self.pix_y.shape, self.pix_area.shape}
        if len(shapes) != 1 or self.pix_x.ndim != 1 or self.pix_x.size == 0:
            raise CorruptedInput(
                f"The geometry of camera '{self.name}' has no consistent list of pixels.",
                expected="x, y and area of equal length, at least one pixel",
                got=f"shapes {sorted(shapes)}",
                mend="check the camera description in the input file",
            )
        if not (
            np.isfinite(self.pix_x).all() and np.isfinite(self.pix_y).all() and (self.pix_area > 0).all()
        ):
            raise CorruptedInput(
                f"The geometry of camera '{self.name}' has pixels without a position or an area.",
                expected="finite x and y, area above 0",
                mend="check the camera description in the input file",
            )

    @classmethod
    def from_rotated(
        cls,
        name: str,
        pix_x: npt.ArrayLike,
        pix_y: npt.ArrayLike,
        pix_area: npt.ArrayLike,
        pix_shape: PixelShape,
        pix_rotation: float,
        cam_rotation: float,
    ) -> "CameraGeometry":
        """Build a geometry from positions in a camera rotated by ``cam_rotation``; the rotation is removed.

        Parameters
        ----------
        name : str
            Camera name.
        pix_x, pix_y : array_like, shape (n_pixels,)
            Pixel centres as mounted, in m.
        pix_area : array_like, shape (n_pixels,)
            Pixel areas, in m2.
        pix_shape : PixelShape
            Shape of all pixels.
        pix_rotation, cam_rotation : float
            Rotation of the pixels and of the camera, in deg.
        """
        c, s = np.cos(np.deg2rad(cam_rotation)), np.sin(np.deg2rad(cam_rotation))
        x = np.asarray(pix_x, dtype=np.float64)
        y = np.asarray(pix_y, dtype=np.float64)
        return cls(
            name=name,
            pix_x=c * x + s * y,
            pix_y=c * y - s * x,
            pix_area=np.asarray(pix_area, dtype=np.float64),
            pix_shape=pix_shape,
            pix_rotation=pix_rotation - cam_rotation,
            cam_rotation=cam_rotation,
        )

    @property
    def n_pixels(self) -> int:
        """Number of pixels."""
        return int(self.pix_x.size)

    @cached_property
    def pixel_width(self) -> Floats:
        """Width of each pixel (in-circle diameter, edge or diameter), in m, shape (n_pixels,)."""
        return pixel_width(self.pix_area, self.pix_shape)

    @cached_property
    def neighbors(self) -> tuple[Ints, Ints]:
        """Neighbours in compressed-row form: (indptr, shape (n_pixels + 1,); indices, ascending in a row)."""
        return _neighbors(self.pix_x, self.pix_y, self.pix_shape)

    @cached_property
    def neighbor_distance(self) -> Floats:
        """Distances of the neighbours, in m, in the order of the indices of `neighbors`, shape (m,)."""
        indptr, indices = self.neighbors
        rows = np.repeat(np.arange(self.n_pixels), np.diff(indptr))
        distance: Floats = np.hypot(
            self.pix_x[rows] - self.pix_x[indices], self.pix_y[rows] - self.pix_y[indices]
        )
        return distance

    def border(self, width: int = 1) -> Bools:
        """Mask of the pixels within ``width`` rows of the camera's edge, shape (n_pixels,).

        The first row is every pixel with fewer neighbours than the best connected one; row k + 1 is
        every pixel next to row k.
        """
        indptr, indices = self.neighbors
        n_neighbors = np.diff(indptr)
        mask: Bools = n_neighbors < n_neighbors.max(initial=0)
        rows = np.repeat(np.arange(self.n_pixels), n_neighbors)
        for _ in range(width - 1):
            mask = np.bincount(rows, weights=mask[indices], minlength=self.n_pixels) > 0
        return mask

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the numbers that define the geometry; equal cameras share it, whatever their telescope."""
        digest = sha256(f"{self.name}|{self.pix_shape}|{self.pix_rotation!r}|{self.cam_rotation!r}".encode())
        for array in (self.pix_x, self.pix_y, self.pix_area):
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()

    def telescope_frame(self, focal_length: float) -> "TelescopeFrameGeometry":
        """Project the pixels on the sky with an equidistant mapping, angle = distance / focal length.

        Parameters
        ----------
        focal_length : float
            Focal length, in m: effective (with aberrations) or nominal, as the caller chooses.
        """
        scale = np.rad2deg(1.0 / focal_length)
        area = self.pix_area * scale**2
        return TelescopeFrameGeometry(
            fov_lon=np.rad2deg(self.pix_y / focal_length),
            fov_lat=np.rad2deg(self.pix_x / focal_length),
            pix_area=area,
            pix_width=pixel_width(area, self.pix_shape),
            focal_length=focal_length,
        )


@dataclass(frozen=True, eq=False)
class TelescopeFrameGeometry:
    """Pixels of a camera in the telescope frame (angles from the optical axis).

    Attributes
    ----------
    fov_lon, fov_lat : ndarray of float64, shape (n_pixels,)
        Pixel centres along azimuth and altitude, in deg.
    pix_area : ndarray of float64, shape (n_pixels,)
        Pixel solid angles, in deg2.
    pix_width : ndarray of float64, shape (n_pixels,)
        Pixel widths, in deg.
    focal_length : float
        Focal length that was used, in m.
    """

    fov_lon: Floats
    fov_lat: Floats
    pix_area: Floats
    pix_width: Floats = field(repr=False)
    focal_length: float


def pixel_width(area: Floats, shape: PixelShape) -> Floats:
    """Return pixel widths (in-circle diameter, edge or diameter) from areas, shape (n,), unit sqrt(area)."""
    # area = k * width^2 with k of the in-circle diameter, the edge, the diameter
    k = {PixelShape.HEXAGON: np.sqrt(3.0) / 2.0, PixelShape.SQUARE: 1.0, PixelShape.CIRCLE: np.pi / 4.0}
    width: Floats = np.sqrt(area / k[shape])
    return width


def _neighbors(x: Floats, y: Floats, shape: PixelShape) -> tuple[Ints, Ints]:
    from scipy.spatial import KDTree

    n = x.size
    if n == 1:
        return np.zeros(2, np.int32), np.zeros(0, np.int32)
    # the second ring of a hexagonal grid starts at sqrt(3), that of a square one (L1 norm) at 2
    most, reach, norm = (4, 1.5, 1) if shape is PixelShape.SQUARE else (6, 1.4, 2)
    tree = KDTree(np.column_stack([x, y]))
    distance, candidate = tree.query(tree.data, k=min(most, n - 1) + 1, p=norm)
    distance, candidate = distance[:, 1:], candidate[:, 1:]
    near = distance < reach * distance.min(axis=1, keepdims=True)
    pixel, column = np.nonzero(near)
    other = candidate[pixel, column]
    order = np.lexsort((other, pixel))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(pixel, minlength=n))])
    return indptr.astype(np.int32), other[order].astype(np.int32)
