# SPDX-License-Identifier: BSD-3-Clause
"""When rows were taken and when they arrived: gaps, crowds, lateness."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pellucid.interfaces.column_check import Rows
from pellucid.interfaces.contract import Delivery
from pellucid.interfaces.findings import FIRST, Finding, Place, time_text

__all__ = ["TimeCheck"]

_SECOND = 1_000_000_000

SENSIBLE = (631_152_000 * _SECOND, 4_102_444_800 * _SECOND)
"""Years from 1990 to 2100, in ns since 1970: a clock outside of them was never set, or counts other units."""


class TimeCheck:
    """The times of a delivery's rows.

    Parameters
    ----------
    delivery : Delivery
        What was agreed.

    Attributes
    ----------
    start, stop : int or None
        Least and greatest time seen, ns TAI.
    """

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.start: int | None = None
        self.stop: int | None = None
        self._last: int | None = None
        self._far: dict[str, tuple[int, int, list[Place]]] = {}
        self._late: list[Finding] = []

    def update(self, times: npt.NDArray[np.int64], rows: Rows) -> None:
        """Look at the times of some rows, ns TAI, shape (n,)."""
        if not times.size:
            return
        low, high = int(times.min()), int(times.max())
        self.start = low if self.start is None else min(low, self.start)
        self.stop = high if self.stop is None else max(high, self.stop)
        if low < SENSIBLE[0] or high > SENSIBLE[1]:
            wrong = (times < SENSIBLE[0]) | (times > SENSIBLE[1])
            self._add("senseless-time", wrong, int(times[wrong][0]), rows, 0)
        if self.delivery.cadence is not None and self.delivery.cadence_tolerance is not None:
            self._steps(times, rows, self.delivery.cadence, self.delivery.cadence_tolerance)
        self._last = int(times[-1])

    def _steps(self, times: npt.NDArray[np.int64], rows: Rows, cadence: float, tolerance: float) -> None:
        steps = np.diff(times, prepend=times[0] if self._last is None else self._last)
        if self._last is None:
            steps = steps[1:]
        if not steps.size:
            return
        longest, shortest = round((cadence + tolerance) * _SECOND), round((cadence - tolerance) * _SECOND)
        if steps.max() > longest:
            self._add("gap", steps > longest, int(steps.max()), rows, times.size - steps.size)
        # what does not go forward at all is told by the order of the column
        crowded = (steps < shortest) & (steps > 0)
        if steps.min() < shortest and crowded.any():
            self._add("too-frequent", crowded, int(steps[crowded].min()), rows, times.size - steps.size)

    def _add(self, code: str, bad: npt.NDArray[np.bool_], worst: int, rows: Rows, offset: int) -> None:
        count, known, places = self._far.get(code, (0, worst, []))
        found = np.flatnonzero(bad)[: FIRST - len(places)]
        places = places + [rows.place(int(i) + offset) for i in found]
        worst = max(known, worst) if code == "gap" else min(known, worst)
        self._far[code] = (count + int(np.count_nonzero(bad)), worst, places)

    def arrived(self, moment: object, file: str) -> None:
        """Hold the arrival of a file (ns TAI, or nothing known) against the time of its last row."""
        latency = self.delivery.latency
        if latency is None or self._last is None or not isinstance(moment, int):
            return
        if not SENSIBLE[0] <= self._last <= SENSIBLE[1]:
            # the clock is told to be wrong, and how late the file is nobody knows
            return
        delay = (moment - self._last) / _SECOND
        if delay > latency or delay < 0.0:
            late = delay > 0.0
            self._late.append(
                Finding(
                    code="late" if late else "delivered-too-early",
                    what="The file came too late." if late else "The file is older than what is in it.",
                    where=file,
                    expected=f"at most {latency:g} s after its last row",
                    got=f"{delay:.0f} s after {time_text(self._last)}",
                    mend="deliver sooner, or agree on another latency" if late else "look at the clocks",
                )
            )

    def findings(self) -> Iterator[Finding]:
        """Yield what was found."""
        yield from self._late
        cadence, tolerance = self.delivery.cadence, self.delivery.cadence_tolerance
        regular = "" if cadence is None else f"a row every {cadence:g} s, within {tolerance:g} s"
        for code, (count, worst, places) in self._far.items():
            what, expected, mend = {
                "gap": ("There are gaps between rows.", regular, "look at the device at these times"),
                "too-frequent": (
                    "Rows come too close to each other.",
                    regular,
                    "remove doubled rows, look at the clock",
                ),
                "senseless-time": (
                    "Times are none at which the device can have been there.",
                    "a time between 1990 and 2100, in ns since 1970",
                    "set the clock of the device; write times in the unit agreed",
                ),
            }[code]
            yield Finding(
                code=code,
                what=what,
                where=f"column '{self.delivery.time}'",
                expected=expected,
                got=time_text(worst) if code == "senseless-time" else f"{worst / _SECOND:g} s",
                mend=mend,
                count=count,
                places=tuple(places),
            )
