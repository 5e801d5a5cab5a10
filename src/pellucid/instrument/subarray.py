# SPDX-License-Identifier: BSD-3-Clause
"""Telescopes of an array: optics, readout, position. Everything is held per telescope, never per name."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from pellucid.errors import MissingInput, UsageError
from pellucid.instrument.geometry import CameraGeometry

__all__ = ["Optics", "Readout", "ReferenceLocation", "Subarray", "Telescope"]

type Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Optics:
    """Optics of a telescope.

    Attributes
    ----------
    name : str
        Name of the structure, e.g. ``LST``.
    size_type : str
        ``LST``, ``MST`` or ``SST``.
    reflector_shape : str
        ``PARABOLIC``, ``DAVIES_COTTON``, ``HYBRID``, ``SCHWARZSCHILD_COUDER`` or ``UNKNOWN``.
    n_mirrors, n_mirror_tiles : int
        Number of reflections and of mirror facets.
    mirror_area : float
        In m2.
    nominal_focal_length : float
        Focal length of the design, in m.
    effective_focal_length : float
        Focal length that the image scale has, aberrations included, in m; NaN where the input has none.
    """

    name: str
    size_type: str
    reflector_shape: str
    n_mirrors: int
    n_mirror_tiles: int
    mirror_area: float
    nominal_focal_length: float
    effective_focal_length: float

    def focal_length(self, choice: str = "effective") -> float:
        """Return the ``effective`` or ``nominal`` focal length, in m; a missing one is an error."""
        if choice == "nominal":
            return self.nominal_focal_length
        if choice != "effective":
            raise UsageError(
                "There is no such focal length.", expected="'effective' or 'nominal'", got=repr(choice)
            )
        if not np.isfinite(self.effective_focal_length) or self.effective_focal_length <= 0:
            raise MissingInput(
                f"The description of telescope '{self.name}' has no effective focal length.",
                expected="an effective focal length above 0 m",
                got=repr(self.effective_focal_length),
                mend="use the nominal one: events.focal_length = 'nominal' (--focal-length nominal)",
                code="no-effective-focal-length",
            )
        return self.effective_focal_length


@dataclass(frozen=True, eq=False)
class Readout:
    """Readout of a camera.

    Attributes
    ----------
    sampling_rate : float
        In GHz.
    n_channels, n_pixels, n_samples : int
        Gain channels (0 is high gain), pixels and samples of a waveform.
    reference_pulse : ndarray of float64, shape (n_channels, n_bins)
        Shape of a single photo-electron's pulse.
    reference_pulse_step : float
        Bin width of the reference pulse, in ns.
    """

    sampling_rate: float
    n_channels: int
    n_pixels: int
    n_samples: int
    reference_pulse: Floats
    reference_pulse_step: float

    @property
    def fingerprint(self) -> str:
        """Hash of all numbers of the readout."""
        head = (self.sampling_rate, self.n_channels, self.n_pixels, self.n_samples, self.reference_pulse_step)
        pulse = np.ascontiguousarray(self.reference_pulse, dtype="<f8")
        return sha256(repr((head, pulse.shape)).encode() + pulse.tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class Telescope:
    """One telescope.

    Attributes
    ----------
    tel_id : int
        Identifier in the array.
    optics : Optics
        Its optics.
    geometry : CameraGeometry
        Its camera.
    readout : Readout
        Its readout.
    position : tuple of float
        x (north), y (west), z (up) from the reference location, in m.
    """

    tel_id: int
    optics: Optics
    geometry: CameraGeometry
    readout: Readout
    position: tuple[float, float, float]

    @property
    def name(self) -> str:
        """Description of the telescope, e.g. ``LST_LST_LSTCam``."""
        return f"{self.optics.size_type}_{self.optics.name}_{self.geometry.name}"


@dataclass(frozen=True)
class ReferenceLocation:
    """Where the array stands: longitude and latitude in deg (WGS84), height in m."""

    longitude: float
    latitude: float
    height: float


@dataclass(frozen=True, eq=False)
class Subarray:
    """Telescopes of an array, by identifier.

    Attributes
    ----------
    name : str
        Name of the array.
    telescopes : dict of int to Telescope
        In ascending order of identifier.
    reference : ReferenceLocation
        Origin of the telescope positions.
    """

    name: str
    telescopes: dict[int, Telescope]
    reference: ReferenceLocation

    @property
    def tel_ids(self) -> list[int]:
        """Identifiers of the telescopes, ascending."""
        return sorted(self.telescopes)

    def select(self, tel_ids: Iterable[int]) -> "Subarray":
        """Return the part of the array with the given telescopes; an unknown one is an error."""
        wanted = sorted(set(tel_ids))
        unknown = [t for t in wanted if t not in self.telescopes]
        if unknown:
            raise UsageError(
                f"The array '{self.name}' has no telescope {', '.join(map(str, unknown))}.",
                expected=f"some of {self.tel_ids}",
                mend="choose from these with --telescopes",
            )
        return replace(self, telescopes={t: self.telescopes[t] for t in wanted})
