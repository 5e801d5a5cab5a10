# SPDX-License-Identifier: BSD-3-Clause
"""The rules of one column, held against its numbers batch by batch: each batch is looked through once.

What is right costs a minimum and a maximum of the numbers; only where these show that something is
wrong, the places are looked for. Nothing but counts and the first places is kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.formats.delivery.table import ColumnInfo, Values
from pellucid.interfaces.contract import Column
from pellucid.interfaces.findings import FIRST, Finding, Place, time_text
from pellucid.interfaces.vocabulary import same_unit

__all__ = ["ColumnCheck", "Rows"]

type Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """Which rows a batch holds.

    Attributes
    ----------
    file : str
        Where they are.
    first : int
        Row number of the first, in its file.
    times : ndarray of int64, shape (n,), or None
        In ns TAI.
    """

    file: str
    first: int
    times: npt.NDArray[np.int64] | None = None

    def place(self, i: int) -> Place:
        """Return the place of the row with an index in the batch."""
        moment = None if self.times is None or i >= self.times.size else int(self.times[i])
        return Place(self.file, self.first + i, moment)


@dataclass
class _Tally:
    """Breaches of one rule."""

    count: int = 0
    places: list[Place] = field(default_factory=list)
    worst: Any = None

    def add(self, bad: Array, rows: Rows, worst: Any = None, worse: Callable[..., Any] | None = None) -> None:
        """Count a mask of entries, shape (n, ...); `worse` chooses of two, else the first is told."""
        by_row = bad.reshape(bad.shape[0], -1).any(axis=1) if bad.ndim > 1 else bad
        self.count += int(np.count_nonzero(bad))
        if len(self.places) < FIRST:
            found = np.flatnonzero(by_row)[: FIRST - len(self.places)]
            self.places += [rows.place(int(i)) for i in found]
        if self.worst is None:
            self.worst = worst
        elif worse is not None:
            self.worst = worse(self.worst, worst)


class ColumnCheck:
    """One column on its way through a delivery.

    Parameters
    ----------
    column : Column
        What was agreed.
    sizes : dict of str to int
        Lengths that words in shapes stand for, as found so far; shared by the columns of a delivery.
    """

    def __init__(self, column: Column, sizes: dict[str, int]) -> None:
        self.column = column
        self.total = 0
        self._sizes = sizes
        self._judged = True
        self._tallies: dict[str, _Tally] = {}
        self._said: dict[str, Finding] = {}
        self._last: Any = None

    def open(self, info: ColumnInfo, file: str) -> None:
        """Look at what a file says about the column."""
        c = self.column
        self._judged = info.dtype == c.dtype
        if not self._judged:
            self._say("wrong-dtype", "The numbers are of another type.", c.dtype, info.dtype, file)
        if info.shape is not None:
            self._judged &= self._fits(info.shape, file)
        if info.unit is not None:
            self._unit(info.unit, file)
        self._word("time-scale", info.time_scale, c.time_scale, file)
        self._word("frame", info.frame, c.frame, file)

    def update(self, values: Values, rows: Rows) -> None:
        """Look at the entries of some rows."""
        data = values.data
        self.total += data.size
        if values.missing is not None and values.missing.any():
            self._tally("missing-value").add(values.missing, rows)
        if values.uneven:
            self._shape_differs("rows of different lengths", rows.file)
            return
        if not self._judged or not data.size:
            return
        if not self._fits(data.shape[1:], rows.file):
            return
        if data.dtype.kind in "OU":
            self._texts(data, rows)
        elif data.dtype.kind != "b":
            self._numbers(data, rows)

    def findings(self) -> Iterator[Finding]:
        """Yield what was found, when all rows have been seen."""
        yield from self._said.values()
        c = self.column
        for code, tally in self._tallies.items():
            if code == "nan" and tally.count <= c.nan * self.total:
                continue
            what, expected, mend = self._explained(code)
            yield Finding(
                code=code,
                what=what,
                where=f"column '{c.name}'",
                expected=expected,
                got="" if tally.worst is None else self._shown(tally.worst),
                mend=mend,
                count=tally.count,
                places=tuple(tally.places),
            )

    def _shown(self, value: Any) -> str:
        if self.column.time_scale == "tai" and self.column.unit == "ns":
            return time_text(int(value))
        return f"{value} {self.column.unit}".rstrip()

    def _numbers(self, data: Array, rows: Rows) -> None:
        low, high = data.min(), data.max()
        if data.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
            low, high = self._not_finite(data, rows)
        c = self.column
        if c.range is not None:
            least, greatest = c.range
            if low < least:
                self._tally("below-range").add(data < least, rows, low, min)
            if high > greatest:
                self._tally("above-range").add(data > greatest, rows, high, max)
        if c.values:
            bad = ~np.isin(data, np.array(c.values))
            if bad.any():
                self._tally("not-allowed").add(bad, rows, data[bad].ravel()[0])
        if c.monotonic:
            self._order(data, rows)

    def _not_finite(self, data: Array, rows: Rows) -> tuple[Any, Any]:
        """Count what is no number, and return the least and greatest of what is."""
        nan, infinite = np.isnan(data), np.isinf(data)
        if nan.any():
            self._tally("nan").add(nan, rows)
        if infinite.any():
            self._tally("infinite").add(infinite, rows, data[infinite].ravel()[0])
        finite = data[~(nan | infinite)]
        return (finite.min(), finite.max()) if finite.size else (np.inf, -np.inf)

    def _texts(self, data: Array, rows: Rows) -> None:
        if self.column.values and not set(data.ravel().tolist()) <= set(self.column.values):
            bad = ~np.isin(data.astype(str), np.array(self.column.values, dtype=str))
            self._tally("not-allowed").add(bad, rows, repr(data[bad].ravel()[0]))

    def _order(self, data: Array, rows: Rows) -> None:
        before = np.concatenate([[data[0] if self._last is None else self._last], data[:-1]]).astype(
            data.dtype
        )
        back, same = data < before, data == before
        if self._last is None:
            same[0] = False
        if back.any():
            self._tally("backwards").add(back, rows, data[back][0])
        if self.column.monotonic == "strict" and same.any():
            self._tally("repeated").add(same, rows, data[same][0])
        self._last = data[-1]

    def _fits(self, shape: tuple[int, ...], file: str) -> bool:
        wanted = self.column.shape
        fits = len(shape) == len(wanted)
        if fits:
            for size, word in zip(shape, wanted, strict=True):
                known = (
                    size if word == "any" else word if isinstance(word, int) else self._sizes.get(word, size)
                )
                fits &= size == known
        if not fits:
            self._shape_differs(_shape_text([str(n) for n in shape]), file)
        else:
            self._sizes |= {
                w: n for n, w in zip(shape, wanted, strict=True) if isinstance(w, str) and w != "any"
            }
        return fits

    def _shape_differs(self, got: str, file: str) -> None:
        words = [f"{w}={self._sizes[w]}" if w in self._sizes else str(w) for w in self.column.shape]
        self._say("wrong-shape", "An entry has another shape.", _shape_text(words), got, file)

    def _unit(self, unit: str, file: str) -> None:
        wanted = self.column.unit
        if not unit and wanted:
            self._say("missing-unit", "The unit is not told.", wanted, "no unit", file)
        elif not same_unit(unit, wanted):
            self._say("wrong-unit", "The numbers are in another unit.", wanted or "no unit", unit, file)

    def _word(self, what: str, got: str | None, wanted: str | None, file: str) -> None:
        if got is not None and wanted is not None and got.lower() != wanted:
            self._say(f"wrong-{what}", f"The {what} is another.", wanted, got or "none told", file)

    def _say(self, code: str, what: str, expected: str, got: str, file: str) -> None:
        self._said.setdefault(
            code,
            Finding(
                code=code,
                what=what,
                where=f"column '{self.column.name}' of {file}",
                expected=expected,
                got=got,
                mend=_MEND[code],
            ),
        )

    def _tally(self, code: str) -> _Tally:
        return self._tallies.setdefault(code, _Tally())

    def _explained(self, code: str) -> tuple[str, str, str]:
        c, unit = self.column, f" {self.column.unit}" if self.column.unit else ""
        least, greatest = c.range or (None, None)
        nan = f"at most {100 * c.nan:g} % NaN" if c.nan else "no NaN"
        return {
            "below-range": ("Numbers are too small.", f">= {least}{unit}", _MEND["range"]),
            "above-range": ("Numbers are too large.", f"<= {greatest}{unit}", _MEND["range"]),
            "nan": ("Numbers are NaN.", nan, _MEND["nan"]),
            "infinite": ("Numbers are infinite.", "finite numbers", _MEND["nan"]),
            "missing-value": ("Entries are missing.", "an entry in every row", _MEND["nan"]),
            "not-allowed": (
                "Values are not among those agreed.",
                ", ".join(map(str, c.values)),
                _MEND["range"],
            ),
            "backwards": ("Values go backwards.", "each row above the one before", _MEND["order"]),
            "repeated": ("Values are repeated.", "each row above the one before", _MEND["order"]),
        }[code]


def _shape_text(lengths: list[str]) -> str:
    return "an array of " + "x".join(lengths) if lengths else "a number"


_MEND = {
    "wrong-dtype": "write the column in the type agreed",
    "wrong-shape": "write every entry in the shape agreed; lengths named by one word are equal",
    "missing-unit": "write the unit into the metadata of the column",
    "wrong-unit": "convert the numbers to the unit agreed",
    "wrong-time-scale": "convert the times to the scale agreed, and name it in the column's metadata",
    "wrong-frame": "give the directions in the frame agreed, and name it in the column's metadata",
    "range": "look at the device at these times; mark what is no measurement as the interface says",
    "nan": "deliver a number, or agree on a larger share of NaN in a new version of the interface",
    "order": "sort the rows, remove doubled ones, and look at the clock",
}
