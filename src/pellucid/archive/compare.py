# SPDX-License-Identifier: BSD-3-Clause
"""Two files compared number by number, and held to a tolerance."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Comparison", "Deviation", "compare_files"]

type Tolerance = Mapping[str, Sequence[float]]
"""Relative and absolute tolerance by pattern of dataset; the first pattern that fits counts."""


@dataclass(frozen=True)
class Deviation:
    """How one dataset differs.

    Attributes
    ----------
    dataset : str
        Its name.
    n, different : int
        How many values there are, and how many differ (NaN equals NaN).
    absolute, relative : float
        Largest finite difference |b - a|, and largest |b - a| / |a| where a is not 0; 0 where there is none.
    within : bool
        Whether every difference is within the tolerance: |b - a| <= atol + rtol |a|.
    what : str
        What cannot be put into numbers: another shape, NaN or infinity in one file alone, no such dataset.
    """

    dataset: str
    n: int
    different: int
    absolute: float
    relative: float
    within: bool
    what: str = ""


@dataclass(frozen=True)
class Comparison:
    """What came of comparing two files.

    Attributes
    ----------
    datasets : int
        How many there are, in both files together.
    deviations : tuple of Deviation
        Those that differ, in the order of their names.
    """

    datasets: int
    deviations: tuple[Deviation, ...]

    @property
    def within(self) -> bool:
        """Whether all differences are within the tolerance."""
        return all(deviation.within for deviation in self.deviations)

    @property
    def largest(self) -> Deviation | None:
        """The deviation that counts most: one without tolerance first, then by relative difference."""
        return max(self.deviations, key=lambda d: (not d.within, d.relative, d.absolute), default=None)

    def as_dict(self) -> dict[str, JSON]:
        """Return the comparison as a JSON-ready mapping."""
        deviations = [asdict(deviation) for deviation in self.deviations]
        return {"datasets": self.datasets, "within": self.within, "deviations": deviations}


def compare_files(a: Path, b: Path, tolerance: Tolerance | None = None) -> Comparison:
    """Compare all datasets of two files of one format.

    Parameters
    ----------
    a, b : Path
        HDF5, FITS, Parquet or JSON, see `pellucid.formats.datasets.read_datasets`; ``a`` is the reference.
    tolerance : mapping of str to (float, float), optional
        Relative and absolute tolerance (the dataset's unit) by pattern of name; what fits none must be equal.

    Raises
    ------
    CorruptedInput
        As `read_datasets`.
    """
    from pellucid.formats.datasets import read_datasets

    ours, theirs = dict(read_datasets(a)), dict(read_datasets(b))
    deviations = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            deviations.append(_alone(name, ours[name].size, "first"))
        elif name not in ours:
            deviations.append(_alone(name, theirs[name].size, "second"))
        elif (deviation := _deviation(name, ours[name], theirs[name], tolerance or {})) is not None:
            deviations.append(deviation)
    return Comparison(len(ours.keys() | theirs.keys()), tuple(deviations))


def _alone(name: str, size: int, there: str) -> Deviation:
    return Deviation(name, size, size, 0.0, 0.0, False, f"is in the {there} file alone")


def _deviation(
    name: str, a: "npt.NDArray[Any]", b: "npt.NDArray[Any]", tolerance: Tolerance
) -> Deviation | None:
    import numpy as np

    if a.shape != b.shape:
        what = f"has shape {a.shape} in the first file, {b.shape} in the second"
        return Deviation(name, a.size, max(a.size, b.size), 0.0, 0.0, False, what)
    unequal = a != b
    numbers = all(np.issubdtype(x.dtype, np.number) for x in (a, b))
    if numbers:
        unequal &= ~(np.isnan(a) & np.isnan(b))
    different = int(np.count_nonzero(unequal))
    if different == 0:
        return None
    if not numbers:
        return Deviation(name, a.size, different, 0.0, 0.0, False)
    first, second = (x[unequal].astype(np.result_type(x.dtype, np.float64)) for x in (a, b))
    with np.errstate(all="ignore"):
        absolute = np.abs(second - first)
        relative = absolute / np.abs(first)
    rtol, atol = next((t for pattern, t in tolerance.items() if fnmatchcase(name, pattern)), (0.0, 0.0))
    # inf against a number, or NaN against one, has no distance and is never within
    within = bool((np.isfinite(absolute) & (absolute <= atol + rtol * np.abs(first))).all())
    return Deviation(
        name,
        a.size,
        different,
        _largest(absolute),
        _largest(relative),
        within,
        "" if np.isfinite(absolute).all() else "has NaN or infinity in one file alone",
    )


def _largest(values: "npt.NDArray[Any]") -> float:
    """Return the largest of those that are finite; 0 where none is."""
    import numpy as np

    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0
