# SPDX-License-Identifier: BSD-3-Clause
"""Time inside Pellucid: integers since 1970-01-01T00:00:00 TAI, never floats.

Events carry CTAO high-resolution time stamps, two uint32 (seconds, quarter nanoseconds);
the archive uses int64 nanoseconds on the same scale.
"""

from typing import Literal

import erfa
import numpy as np
import numpy.typing as npt

__all__ = ["QUARTERS_PER_SECOND", "from_unix_utc", "shifted", "to_tai_ns", "to_utc_iso"]

QUARTERS_PER_SECOND = 4_000_000_000

type Stamps = npt.NDArray[np.uint32]


def from_unix_utc(seconds: npt.ArrayLike, nanoseconds: npt.ArrayLike) -> Stamps:
    """Convert Unix UTC times to CTAO high-resolution stamps.

    TAI - UTC is taken from the SOFA routine `dat` (IERS Bulletin C).

    Parameters
    ----------
    seconds, nanoseconds : array_like of int, shape (n,)
        Unix time, in s and ns.

    Returns
    -------
    ndarray of uint32, shape (n, 2)
        Seconds and quarter nanoseconds since 1970-01-01T00:00:00 TAI.
    """
    s = np.atleast_1d(np.asarray(seconds, dtype=np.int64))
    quarters = np.atleast_1d(np.asarray(nanoseconds, dtype=np.int64)) * 4
    offset = np.round(_tai_minus_utc(s) * QUARTERS_PER_SECOND).astype(np.int64)
    return _normalised(s, quarters + offset)


def shifted(stamps: Stamps, nanoseconds: npt.ArrayLike) -> Stamps:
    """Add a signed number of nanoseconds (shape (n,), ns, fractions allowed) to stamps of shape (n, 2)."""
    extra = np.round(np.asarray(nanoseconds, dtype=np.float64) * 4).astype(np.int64)
    return _normalised(stamps[:, 0].astype(np.int64), stamps[:, 1].astype(np.int64) + extra)


def to_tai_ns(stamps: Stamps) -> npt.NDArray[np.int64]:
    """Convert stamps of shape (n, 2) to int64 nanoseconds since 1970-01-01T00:00:00 TAI, shape (n,)."""
    return stamps[:, 0].astype(np.int64) * 1_000_000_000 + stamps[:, 1].astype(np.int64) // 4


def to_utc_iso(tai_ns: int, unit: Literal["ms", "ns"] = "ms") -> str:
    """Return an int64 TAI time in ns as UTC in ISO 8601, cut to the unit, with a final Z."""
    tai_s = tai_ns // 1_000_000_000
    # the offset is asked for at the UTC second, found in one step from the TAI one
    guess = tai_s - int(_tai_minus_utc(np.array([tai_s - 37]))[0])
    utc_ns = tai_ns - round(float(_tai_minus_utc(np.array([guess]))[0]) * 1e9)
    return str(np.datetime64(utc_ns, "ns").astype(f"datetime64[{unit}]")) + "Z"


def _normalised(seconds: npt.NDArray[np.int64], quarters: npt.NDArray[np.int64]) -> Stamps:
    carry, rest = np.divmod(quarters, QUARTERS_PER_SECOND)
    return np.stack([seconds + carry, rest], axis=-1).astype(np.uint32)


def _tai_minus_utc(unix_seconds: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    days = np.floor_divide(unix_seconds, 86400).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    year = days.astype("datetime64[Y]").astype(int) + 1970
    month = months.astype(int) % 12 + 1
    day = (days - months).astype(int) + 1
    fraction = np.mod(unix_seconds, 86400) / 86400.0
    offset: npt.NDArray[np.float64] = erfa.dat(year, month, day, fraction)
    return offset
