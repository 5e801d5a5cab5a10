# SPDX-License-Identifier: BSD-3-Clause
"""Moments as people write them, and the integers the archive counts in.

What a product covers and what a calibration is valid for is counted in ns since 1970-01-01T00:00:00 TAI;
when the archive learnt of something, in ns since 1970-01-01T00:00:00 UTC by its own clock.
"""

import re
import warnings
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal

from pellucid.errors import ConfigurationError

__all__ = ["check_span", "clock_text", "moment_text", "night_of", "parse_clock", "parse_moment", "span_text"]

LATEST = 2**63 - 1

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?Z?",
    re.ASCII,
)
_EPOCH = date(1970, 1, 1)


def parse_moment(text: str) -> int:
    """Read a moment in UTC, such as ``2026-11-23T02:10``, as ns TAI since 1970.

    TAI - UTC is that of the SOFA routine `dat`; a 61st second is read where there was one.

    Raises
    ------
    ConfigurationError
        It is no moment (``moment``), a leap second that never was (``leap-second``), before 1970
        (``before-1970``), or endless (``validity-infinite``).
    """
    day, second, nanosecond = _parts(text)
    offset = _tai_minus_utc(day, second / 86400)
    if second == 86400 and _tai_minus_utc(day + timedelta(1), 0) - offset != 1:
        raise ConfigurationError(
            "There was no leap second then.",
            expected="seconds from 0 to 59, or 60 in a minute that had 61",
            got=text,
            mend="give the next minute's second 0",
            code="leap-second",
        )
    seconds = (day - _EPOCH).days * 86400 + second
    return seconds * 10**9 + nanosecond + round(offset * 10**9)


def parse_clock(text: str) -> int:
    """Read a moment in UTC as the archive's clock would have shown it, in ns UTC since 1970.

    Raises
    ------
    ConfigurationError
        As `parse_moment`; a clock knows no leap seconds.
    """
    day, second, nanosecond = _parts(text)
    return ((day - _EPOCH).days * 86400 + second) * 10**9 + nanosecond


def clock_text(ns: int) -> str:
    """Return a moment of the archive's clock in ISO 8601, to the microsecond."""
    return (datetime.fromtimestamp(ns // 10**9, UTC).isoformat()[:19]) + f".{ns % 10**9 // 1000:06d}Z"


def moment_text(ns: int, unit: Literal["ms", "ns"] = "ms") -> str:
    """Return a moment in ns TAI as UTC in ISO 8601, to the unit."""
    # numpy and the leap seconds take longer to import than most look-ups last
    from pellucid.times import to_utc_iso

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # leap seconds of the far future are not known
        return to_utc_iso(ns, unit)


def span_text(start: int, stop: int) -> str:
    """Return a half-open span in ns TAI as UTC."""
    return f"[{moment_text(start)}, {moment_text(stop)})"


def night_of(ns: int, longitude: float = 0.0) -> int:
    """Return the night of operation that a moment lies in, as YYYYMMDD of the day on which it begins.

    A night lasts from noon to noon of local mean time, UTC + longitude / 15 h. At Greenwich's noon, the
    default, it is day on La Palma and at Paranal too. Leap seconds (37 since 1972) are not counted: no
    telescope observes at noon.

    Parameters
    ----------
    ns : int
        Moment, in ns since 1970 TAI.
    longitude : float
        Of the site, in deg, positive to the east.
    """
    local = ns + round(longitude * _NS_PER_DEGREE) if longitude else ns
    return _day_number((local - _NOON) // _DAY)


_DAY = 86400 * 10**9
_NOON = _DAY // 2
_NS_PER_DEGREE = _DAY / 360


@lru_cache(4096)
def _day_number(days: int) -> int:
    day = _EPOCH + timedelta(days)
    return day.year * 10000 + day.month * 100 + day.day


def check_span(start: object, stop: object) -> tuple[int, int]:
    """Return a span of validity if it is one.

    Parameters
    ----------
    start, stop : int
        In ns TAI since 1970; ``start`` belongs to the span, ``stop`` does not.

    Raises
    ------
    ConfigurationError
        It is inverted, empty, endless, begins before 1970 or is not counted in whole numbers
        (``validity-inverted``, ``validity-empty``, ``validity-infinite``, ``before-1970``,
        ``validity-not-whole``).
    """
    for end in (start, stop):
        if end is None or (isinstance(end, float) and not float("-inf") < end < float("inf")):
            raise _refused("is endless or undefined", "validity-infinite", start, stop)
        if not isinstance(end, int) or isinstance(end, bool):
            raise _refused("is not counted in whole nanoseconds", "validity-not-whole", start, stop)
    assert isinstance(start, int)
    assert isinstance(stop, int)
    if stop >= LATEST:
        raise _refused("is endless", "validity-infinite", start, stop)
    if start < 0:
        raise _refused("begins before 1970: a clock was not set", "before-1970", start, stop)
    if start == stop:
        raise _refused("is empty", "validity-empty", start, stop)
    if start > stop:
        raise _refused("ends before it begins", "validity-inverted", start, stop)
    return start, stop


def _refused(what: str, code: str, start: object, stop: object) -> ConfigurationError:
    return ConfigurationError(
        f"The span of validity {what}.",
        expected="0 <= start < stop, both finite, in ns TAI since 1970",
        got=f"start {start!r}, stop {stop!r}",
        mend="certify a finite span, and the next one when it is known",
        code=code,
    )


def _parts(text: str) -> tuple[date, int, int]:
    """Return day, second of the day (86400 in a leap second) and nanosecond."""
    found = _ISO.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second = (int(g or 0) for g in found.groups()[:6])
        if hour > 23 or minute > 59 or second > 60 or (second == 60 and (hour, minute) != (23, 59)):
            raise ValueError
        when = date(year, month, day)
    except ValueError:
        endless = text.strip().lstrip("+-").lower() in ("inf", "infinity", "forever", "never", "nan", "")
        raise ConfigurationError(
            "This is no moment in time.",
            expected="UTC in ISO 8601, e.g. 2026-11-23 or 2026-11-23T02:10:05.25",
            got=repr(text),
            mend="certify a finite span" if endless else "check the spelling; there are no other time zones",
            code="validity-infinite" if endless else "moment",
        ) from None
    if year < 1970:
        raise ConfigurationError(
            "The moment lies before 1970: a clock was not set, or a digit is wrong.",
            expected="1970-01-01 or later",
            got=text,
            code="before-1970",
        )
    return when, hour * 3600 + minute * 60 + second, int((found.group(7) or "").ljust(9, "0") or 0)


def _tai_minus_utc(day: date, fraction: float) -> float:
    import erfa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # leap seconds of the far future are not known
        return float(erfa.dat(day.year, day.month, day.day, min(fraction, 0.999999)))
