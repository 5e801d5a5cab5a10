# SPDX-License-Identifier: BSD-3-Clause
"""Stars of a catalogue at the time they are looked at."""

from dataclasses import dataclass
from typing import Any, Self

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.errors import ConfigurationError, CorruptedInput
from pellucid.pointing.angles import radians

__all__ = ["StarCatalogue"]

type F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StarCatalogue:
    """Bright stars.

    Attributes
    ----------
    right_ascension, declination : ndarray of float64, shape (n,)
        ICRS at the epoch, in rad.
    motion : ndarray of float64, shape (n, 2)
        Proper motion in right ascension (times cos of the declination) and declination, in rad a year.
    magnitude : ndarray of float64, shape (n,)
        In V.
    epoch : float
        Julian year of the positions.
    """

    right_ascension: F8
    declination: F8
    motion: F8
    magnitude: F8
    epoch: float

    @classmethod
    def of(
        cls,
        right_ascension: Any,
        declination: Any,
        magnitude: npt.ArrayLike,
        epoch: float | None,
        motion: u.Quantity | None = None,
    ) -> Self:
        """Check a catalogue.

        Parameters
        ----------
        right_ascension, declination : Quantity, shape (n,)
            At the epoch.
        magnitude : array_like, shape (n,)
            In V.
        epoch : float or None
            Julian year of the positions; it is asked for, since a star may move by 10 arcsec in a year.
        motion : Quantity, shape (n, 2), optional
            Proper motions, in angle per time; 0 where not given.

        Raises
        ------
        ConfigurationError
            There is no epoch (``no-epoch``), or angles without units (``unit-needed``).
        CorruptedInput
            The epoch is no year between 1850 and 2150 (``bad-epoch``).
        """
        if epoch is None:
            raise ConfigurationError(
                "The star catalogue does not say for which epoch its positions are.",
                expected="a Julian year, such as 1991.25 (Hipparcos) or 2000.0",
                mend="look it up in the catalogue's description and give it",
                code="no-epoch",
            )
        if not 1850.0 <= epoch <= 2150.0:
            raise CorruptedInput(
                "The epoch of the star catalogue is no year.",
                expected="a Julian year between 1850 and 2150",
                got=f"{epoch:g}",
                mend="convert days or Besselian years",
                code="bad-epoch",
            )
        ra, dec = radians(right_ascension, "right ascension"), radians(declination, "declination")
        moving = np.zeros((ra.size, 2)) if motion is None else motion.to_value(u.rad / u.yr)
        return cls(ra, dec, np.asarray(moving, np.float64), np.asarray(magnitude, np.float64), float(epoch))

    def brighter(self, magnitude: float) -> Self:
        """Return the stars brighter than a magnitude in V."""
        kept = self.magnitude < magnitude
        return type(self)(
            self.right_ascension[kept],
            self.declination[kept],
            self.motion[kept],
            self.magnitude[kept],
            self.epoch,
        )

    def at(self, year: float) -> tuple[u.Quantity, u.Quantity]:
        """Return right ascensions and declinations, shape (n,), in deg, at a Julian year."""
        passed = year - self.epoch
        across = self.motion[:, 0] / np.cos(self.declination)
        ra = np.degrees(self.right_ascension + across * passed) % 360.0
        return ra * u.deg, np.degrees(self.declination + self.motion[:, 1] * passed) * u.deg
