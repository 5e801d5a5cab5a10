# SPDX-License-Identifier: BSD-3-Clause
"""Files compared number by number."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tables
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.archive.compare import Comparison, compare_files

type Files = dict[str, Any]


def compared(folder: Path, a: Files, b: Files, tolerance: Any = None) -> Comparison:
    for name, content in (("a.json", a), ("b.json", b)):
        (folder / name).write_text(json.dumps(content))
    return compare_files(folder / "a.json", folder / "b.json", tolerance)


def test_equal_numbers_and_nan_do_not_differ(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with tables.open_file(str(tmp_path / name), "w") as file:
            file.create_array("/", "x", np.array([1.0, np.nan]), track_times=False)
            file.create_array("/", "s", np.array([b"one", b"two"]), track_times=False)
    same = compare_files(tmp_path / "a", tmp_path / "b")
    assert (same.datasets, same.deviations, same.within, same.largest) == (2, (), True, None)


def test_how_far_and_how_many(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        {"x": [1.0, 2.0, 0.0], "n": 5, "s": "one", "gone": 1, "long": [1, 2]},
        {"x": [1.0, 2.5, 3.0], "n": 5, "s": "two", "new": [1, 2], "long": [1, 2, 3]},
    )
    by_name = {d.dataset: d for d in found.deviations}
    assert set(by_name) == {"/x", "/s", "/gone", "/new", "/long"}
    x = by_name["/x"]
    assert (x.n, x.different, x.absolute, x.relative, x.within) == (3, 2, 3.0, 0.25, False)
    assert (by_name["/s"].different, by_name["/s"].absolute) == (1, 0.0)
    assert by_name["/gone"].what == "is in the first file alone"
    assert by_name["/new"].what == "is in the second file alone"
    assert "(2,)" in by_name["/long"].what
    assert found.datasets == 6


def test_nan_against_a_number_is_never_within(tmp_path: Path) -> None:
    for name, value in (("a", 1.0), ("b", np.nan)):
        with tables.open_file(str(tmp_path / name), "w") as file:
            file.create_array("/", "x", np.array([value]), track_times=False)
    (found,) = compare_files(tmp_path / "a", tmp_path / "b", {"*": (1.0, 1e9)}).deviations
    assert not found.within
    assert (found.absolute, found.relative) == (0.0, 0.0), "that there is no distance is told in words"
    assert "NaN" in found.what
    json.dumps(compare_files(tmp_path / "a", tmp_path / "b").as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("tolerance", "within"),
    [
        ({}, False),
        ({"/x": (0.01, 0.0)}, True),
        ({"/x": (0.0, 0.5)}, False),
        ({"/x": (0.0, 1.01)}, True),
        ({"/y": (1.0, 1.0)}, False),
        ({"/x": (0.0, 0.0), "*": (1.0, 1.0)}, False),
    ],
)
def test_the_first_pattern_that_fits_counts(tmp_path: Path, tolerance: Any, within: bool) -> None:
    assert compared(tmp_path, {"x": [100.0, 1]}, {"x": [101.0, 1]}, tolerance).within is within


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
    st.floats(0, 1e-3),
    st.floats(0, 1.0),
)
def test_the_tolerance_is_the_one_of_numpy(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], rtol: float, shift: float
) -> None:
    moved = [v + shift * (i % 2) for i, v in enumerate(values)]
    found = compared(tmp_path_factory.mktemp("c"), {"x": values}, {"x": moved}, {"*": (rtol, 1e-9)})
    assert found.within == bool(np.isclose(moved, values, rtol=rtol, atol=1e-9).all())
