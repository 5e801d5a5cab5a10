# SPDX-License-Identifier: BSD-3-Clause
"""A night of operation: noon to noon local mean time, named by the day on which it begins."""

import re
from dataclasses import dataclass
from datetime import date

from pellucid.archive.moments import night_of
from pellucid.archive.product import check_night
from pellucid.errors import UsageError

__all__ = ["Night"]

_DAY_NS = 86400 * 10**9
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Night:
    """A night.

    Attributes
    ----------
    number : int
        YYYYMMDD of the day on which it begins.
    longitude : float
        Of the site, deg east of Greenwich.
    """

    number: int
    longitude: float = 0.0

    @classmethod
    def parse(cls, text: str, longitude: float = 0.0) -> "Night":
        """Read a night written as 2026-11-22 or 20261122.

        Raises
        ------
        UsageError
            It is none (``night``).
        """
        digits = text.replace("-", "")
        if not re.fullmatch(r"\d{8}", digits) or not re.fullmatch(r"\d{8}|\d{4}-\d\d-\d\d", text):
            raise UsageError(
                "This is no night.",
                expected="the day on which it begins, e.g. 2026-11-22",
                got=text,
                code="night",
            )
        check_night(int(digits))
        return cls(int(digits), longitude)

    @classmethod
    def at(cls, ns: int, longitude: float = 0.0) -> "Night":
        """Return the night in which a moment (ns TAI) lies."""
        return cls(night_of(ns, longitude), longitude)

    @property
    def day(self) -> str:
        """The day on which it begins, as 2026-11-22."""
        return f"{self.number // 10000:04d}-{self.number // 100 % 100:02d}-{self.number % 100:02d}"

    @property
    def span(self) -> tuple[int, int]:
        """Half-open span from noon to noon, ns TAI."""
        # as `night_of` has it: leap seconds are not counted
        noon = (date.fromisoformat(self.day) - _EPOCH).days * _DAY_NS + _DAY_NS // 2
        start = noon - round(self.longitude * (_DAY_NS / 360))
        return start, start + _DAY_NS
