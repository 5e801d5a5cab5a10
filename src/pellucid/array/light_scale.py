# SPDX-License-Identifier: BSD-3-Clause
"""By how much a telescope sees showers brighter or dimmer than the reference does, in intervals of time."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["LightScale"]

type F8 = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LightScale:
    """Light of one telescope over that of the reference; charges in p.e. are divided by it.

    Attributes
    ----------
    edges : ndarray of int64, shape (n_intervals + 1,)
        In ns TAI, ascending; the first and last interval hold beyond them.
    value, error : ndarray of float64, shape (n_intervals,)
        Throughput of the optics over the reference and its standard error, dimensionless.
    borrowed : ndarray of bool, shape (n_intervals,)
        Where nothing told it, and the nearest known interval's is taken.
    """

    edges: Ints
    value: F8
    error: F8
    borrowed: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, tel_id: int, edges: Ints, value: F8, error: F8) -> "LightScale":
        """Make the scale of a telescope from intervals, of which some may be unknown (NaN).

        Such an interval has what its nearest known neighbour in time has. Arguments are the attributes, of
        shapes (n_intervals + 1,) in ns and (n_intervals,), dimensionless.

        Raises
        ------
        MissingInput
            No interval is known (``no-throughput``).
        CorruptedInput
            A value is not above 0 (``bad-throughput``).
        """
        known = np.flatnonzero(np.isfinite(value) & np.isfinite(error))
        if not known.size:
            raise MissingInput(
                f"Nothing tells the throughput of telescope {tel_id}.",
                expected="pairs, muons or shared showers of it",
                got="none in any interval",
                mend="take another night's, or leave the correction out",
                code="no-throughput",
            )
        if not (value[known] > 0.0).all():
            raise CorruptedInput(
                f"The throughput of telescope {tel_id} cannot be.",
                expected="above 0",
                got=f"{value[known].min():g}",
                mend="make the joint solution again",
                code="bad-throughput",
            )
        middle = 0.5 * (edges[:-1] + edges[1:])
        nearest = known[np.abs(middle[:, None] - middle[known]).argmin(axis=1)]
        return cls(edges, value[nearest], error[nearest], nearest != np.arange(value.size))

    def interval(self, time: Ints) -> Ints:
        """Return the interval of moments in ns TAI, an index, shape (n,)."""
        return np.clip(np.searchsorted(self.edges, time, side="right") - 1, 0, self.value.size - 1)
