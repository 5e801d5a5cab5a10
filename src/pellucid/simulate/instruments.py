# SPDX-License-Identifier: BSD-3-Clause
"""Cameras and telescopes to simulate: own hexagonal geometries with the size of the field's cameras."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError, nearest
from pellucid.instrument import (
    CameraGeometry,
    Optics,
    PixelShape,
    Readout,
    ReferenceLocation,
    Subarray,
    Telescope,
)

__all__ = ["PRESETS", "CameraPreset", "flower_geometry", "make_subarray", "preset"]

PIXELS_PER_MODULE = 7
PULSE_STEP = 0.1
"""Bin width of the reference pulses, in ns."""


@dataclass(frozen=True)
class CameraPreset:
    """A kind of telescope with its camera, as the simulator builds it.

    Attributes
    ----------
    name : str
        Name of the preset.
    optics : Optics
        Optics of the telescope.
    camera : str
        Name of the camera.
    n_modules : int
        Modules of seven pixels.
    pixel_width : float
        Flat to flat, in m.
    sampling_rate : float
        In GHz.
    n_samples : int
        Samples of a waveform.
    rise, fall : tuple of float
        Widths of the pulse of one photo-electron before and after its peak, per gain channel, in ns.
    charge : tuple of float
        Charge of one photo-electron per gain channel, in ADC counts times samples.
    noise : tuple of float
        Electronic noise of a sample per gain channel, in ADC counts.
    pedestal : float
        Mean baseline, in ADC counts.
    peak : float
        When light of the calibration source arrives in the window, in ns.
    """

    name: str
    optics: Optics
    camera: str
    n_modules: int
    pixel_width: float = 0.05
    sampling_rate: float = 1.0
    n_samples: int = 40
    rise: tuple[float, ...] = (1.0, 1.1)
    fall: tuple[float, ...] = (1.5, 1.7)
    charge: tuple[float, ...] = (60.0, 3.5)
    noise: tuple[float, ...] = (3.0, 1.2)
    pedestal: float = 400.0
    peak: float = 16.0

    @property
    def n_channels(self) -> int:
        """Number of gain channels."""
        return len(self.charge)

    def reference_pulse(self) -> npt.NDArray[np.float64]:
        """Pulse of one photo-electron, unit area in ns, shape (n_channels, n_bins); the peak is at 6 ns."""
        time = np.arange(0.0, 18.0, PULSE_STEP) + 0.5 * PULSE_STEP - 6.0
        pulse = np.stack([split_gaussian(time, r, f) for r, f in zip(self.rise, self.fall, strict=True)])
        area: npt.NDArray[np.float64] = pulse.sum(axis=1, keepdims=True) * PULSE_STEP
        return pulse / area


def split_gaussian(time: npt.NDArray[np.float64], rise: float, fall: float) -> npt.NDArray[np.float64]:
    """Two half Gaussians that meet at time 0, of unit area; time, rise and fall in ns, result in 1/ns."""
    height = 2.0 / (np.sqrt(2.0 * np.pi) * (rise + fall))
    return np.asarray(height * np.exp(-0.5 * (time / np.where(time < 0.0, rise, fall)) ** 2))


_LST = Optics("LST", "LST", "PARABOLIC", 1, 198, 386.7, 28.0, 29.3)
_MST = Optics("MST", "MST", "DAVIES_COTTON", 1, 86, 106.2, 16.0, 16.4)

PRESETS: dict[str, CameraPreset] = {
    "lst": CameraPreset("lst", _LST, "LSTCam", 265),
    "mst": CameraPreset("mst", _MST, "NectarCam", 265, charge=(58.0, 4.46), noise=(3.2, 1.3), n_samples=60),
    "small": CameraPreset("small", _LST, "SmallCam", 61),
    "tiny": CameraPreset("tiny", _LST, "TinyCam", 13),
}
"""Kinds of telescopes by name: two of the size of the field's (1855 pixels), and two small ones."""


def preset(name: str) -> CameraPreset:
    """Return the preset of that name; an unknown one is a `ConfigurationError`."""
    if name not in PRESETS:
        raise ConfigurationError(
            f"There is no simulated camera '{name}'.",
            expected="one of " + ", ".join(sorted(PRESETS)),
            mend=nearest(name, list(PRESETS)),
            code="unknown-camera",
        )
    return PRESETS[name]


def flower_geometry(name: str, n_modules: int, pixel_width: float) -> CameraGeometry:
    """Tile a camera with modules of seven hexagonal pixels: one in the middle, six around it.

    Module centres form a hexagonal lattice of sqrt(7) pixel widths; the ``n_modules`` nearest to the
    optical axis are kept, ties broken by angle. Pixels are numbered module by module.

    Parameters
    ----------
    name : str
        Name of the camera.
    n_modules : int
        Number of modules.
    pixel_width : float
        Flat to flat, in m.
    """
    reach = int(np.ceil(np.sqrt(n_modules))) + 2
    i, j = (a.ravel() for a in np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1)))
    # in the basis (1, 0), (1/2, sqrt(3)/2) the super-lattice of flowers is spanned by (2, 1) and (-1, 3)
    a, b = 2 * i - j, i + 3 * j
    norm = a * a + a * b + b * b
    angle = np.round(np.mod(np.arctan2(b * np.sqrt(3.0) / 2.0, a + 0.5 * b), 2.0 * np.pi), 9)
    keep = np.lexsort((angle, norm))[:n_modules]
    da = np.array([0, 1, 0, -1, -1, 0, 1])
    db = np.array([0, 0, 1, 1, 0, -1, -1])
    pa, pb = (a[keep][:, None] + da).ravel(), (b[keep][:, None] + db).ravel()
    return CameraGeometry(
        name=name,
        pix_x=pixel_width * (pa + 0.5 * pb),
        pix_y=pixel_width * (np.sqrt(3.0) / 2.0) * pb,
        pix_area=np.full(pa.size, np.sqrt(3.0) / 2.0 * pixel_width**2),
        pix_shape=PixelShape.HEXAGON,
    )


def make_subarray(kind: CameraPreset, n_telescopes: int, spacing: float = 110.0) -> Subarray:
    """Place equal telescopes on a rhombus-like spiral around the reference location.

    Parameters
    ----------
    kind : CameraPreset
        What all of them are.
    n_telescopes : int
        1 or more; identifiers count from 1.
    spacing : float
        Typical distance between neighbours, in m.
    """
    geometry = flower_geometry(kind.camera, kind.n_modules, kind.pixel_width)
    readout = Readout(
        sampling_rate=kind.sampling_rate,
        n_channels=kind.n_channels,
        n_pixels=geometry.n_pixels,
        n_samples=kind.n_samples,
        reference_pulse=kind.reference_pulse(),
        reference_pulse_step=PULSE_STEP,
    )
    telescopes = {}
    for k in range(n_telescopes):
        # sunflower spiral: even cover for any number of telescopes
        radius, angle = 0.65 * spacing * np.sqrt(k + 0.5), k * np.pi * (3.0 - np.sqrt(5.0))
        position = (float(radius * np.cos(angle)), float(radius * np.sin(angle)), 0.0)
        telescopes[k + 1] = Telescope(k + 1, kind.optics, geometry, readout, position)
    return Subarray(f"simulated {kind.name} array", telescopes, ReferenceLocation(-17.89, 28.76, 2150.0))
