# SPDX-License-Identifier: BSD-3-Clause
"""Deliveries held against their interface: what is found, where, how often; the same in every division."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import ConfigurationError, MissingInput, UsageError
from pellucid.formats.delivery.table import Batch, ColumnInfo, Delivered, Values
from pellucid.interfaces.check import check_delivered, check_files
from pellucid.interfaces.damage import DAMAGES, damages_of
from pellucid.interfaces.fake import fake
from pellucid.interfaces.fake_rows import START
from pellucid.interfaces.findings import Finding, Report
from pellucid.interfaces.registry import interface_named
from support.contracts import weather

MINUTE = 60_000_000_000


def rows(n: int = 8) -> dict[str, Any]:
    return {
        "time": START + np.arange(n) * MINUTE,
        "pressure": np.full(n, 780.0),
        "gusts": np.full((n, 3), 5.0, np.float32),
        "ages": np.full((n, 3), 60, np.int32),
        "state": np.array(["ok"] * n, dtype=object),
    }


def delivered(data: dict[str, Any], pieces: int = 1, **metadata: Any) -> Delivered:
    interface = weather()
    said = {"interface": interface.id, "interface_version": "1.0.0", "site": "N"}
    said |= {"product_type": interface.delivery().product_type, **metadata}
    columns = {
        c.name: ColumnInfo(c.dtype, tuple(data[c.name].shape[1:]), c.unit, c.time_scale)
        for c in interface.delivery().columns
        if c.name in data
    }

    def batches() -> Iterator[Batch]:
        for part in np.array_split(np.arange(len(data["time"])), pieces):
            yield {name: Values(column[part]) for name, column in data.items()}

    return Delivered(said, columns, batches)


def check(data: dict[str, Any], pieces: int = 1, **metadata: Any) -> Report:
    return check_delivered(weather(), [("file", delivered(data, pieces, **metadata))])


def only(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def test_what_is_as_agreed_passes() -> None:
    report = check(rows())
    assert report.ok
    assert report.rows == 8
    assert (report.start, report.stop) == (START, START + 7 * MINUTE)
    assert "as agreed" in report.text()


def test_a_finding_tells_how_often_where_and_the_worst() -> None:
    data = rows(20)
    data["pressure"][3:15] = 1100.0
    data["pressure"][7] = 1200.0
    finding = only(check(data))
    assert (finding.code, finding.count) == ("above-range", 12)
    assert finding.expected == "<= 1050 hPa"
    assert finding.got == "1200.0 hPa"
    assert [p.row for p in finding.places] == [3, 4, 5, 6, 7]
    assert finding.places[0].time == START + 3 * MINUTE
    assert finding.mend
    assert "and 7 more" in str(finding)


@pytest.mark.parametrize(
    ("value", "code"), [((1100.0, 1200.0), "above-range"), ((500.0, 400.0), "below-range")]
)
def test_the_worst_is_that_of_all_batches(value: tuple[float, float], code: str) -> None:
    data = rows(20)
    data["pressure"][[1, 18]] = value
    for pieces in (1, 10):
        finding = only(check(data, pieces))
        assert (finding.code, finding.got) == (code, f"{value[1]} hPa")


def test_times_are_told_as_people_read_them() -> None:
    data = rows()
    data["time"][4] = data["time"][3]
    repeated = next(f for f in check(data).findings if f.code == "repeated")
    assert repeated.got == "2026-11-23T22:03:00.000Z"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_metadata_are_finite(number: float) -> None:
    interface = weather('type = "time", example = 1', 'type = "number", example = 1.5')
    report = check_delivered(interface, [("file", delivered(rows(), delivered=number))])
    assert only(report).code == "metadata-value"


def test_nan_is_allowed_up_to_its_share() -> None:
    data = rows(10)
    data["gusts"][0] = np.nan
    data["gusts"][1] = np.nan
    assert check(data).ok
    data["gusts"][2, 0] = np.nan
    assert only(check(data)).code == "nan"
    assert only(check(data)).count == 7


def test_a_column_of_nan_alone_is_told_and_nothing_else() -> None:
    data = rows()
    data["pressure"][:] = np.nan
    assert only(check(data)).code == "nan"


def test_words_in_shapes_stand_for_one_length() -> None:
    data = rows()
    data["ages"] = data["ages"][:, :2]
    finding = only(check(data))
    assert finding.code == "wrong-shape"
    assert (finding.expected, finding.got) == ("an array of gust=3", "an array of 2")


def test_lateness_is_judged_where_the_arrival_is_known() -> None:
    last = START + 7 * MINUTE
    assert check(rows(), delivered=last + 5 * MINUTE).ok
    assert only(check(rows(), delivered=last + 6 * MINUTE)).code == "late"
    assert only(check(rows(), delivered=last - MINUTE)).code == "delivered-too-early"
    opened = delivered(rows())
    late = check_delivered(weather(), [("file", opened)], arrived=last + 6 * MINUTE)
    assert only(late).code == "late"


def test_files_of_one_delivery_are_one_row_of_rows() -> None:
    first, second = rows(), rows()
    second["time"] = second["time"] + 8 * MINUTE
    both = check_delivered(weather(), [("a", delivered(first)), ("b", delivered(second))])
    assert both.ok
    assert both.rows == 16
    back = check_delivered(weather(), [("b", delivered(second)), ("a", delivered(first))])
    assert only(back).code == "backwards"
    assert [(p.file, p.row) for p in only(back).places] == [("a", 0)]


def test_a_version_that_is_older_and_compatible_is_taken() -> None:
    newer = weather('version = "1.0.0"', 'version = "1.2.0"')
    assert check_delivered(newer, [("file", delivered(rows()))]).ok
    for version in ("1.3.0", "2.0.0", "one"):
        report = check_delivered(newer, [("file", delivered(rows(), interface_version=version))])
        assert only(report).code == "other-version"
    breaking = weather('version = "1.0.0"', 'version = "0.3.0"')
    old = check_delivered(breaking, [("file", delivered(rows(), interface_version="0.2.0"))])
    assert only(old).code == "other-version"


SPOILT = {
    "nothing": lambda d: None,
    "large": lambda d: d["pressure"].__setitem__(slice(2, 9), 2000.0),
    "not finite": lambda d: d["pressure"].__setitem__([1, 4], [np.nan, -np.inf]),
    "back": lambda d: d["time"].__setitem__(5, d["time"][4] - 1),
    "same": lambda d: d["time"].__setitem__(5, d["time"][4]),
    "gap": lambda d: d["time"].__setitem__(slice(6, None), d["time"][6:] + MINUTE),
    "words": lambda d: d["state"].__setitem__([0, 9], "?"),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
@given(pieces=st.integers(1, 10))
@settings(max_examples=10, deadline=None)
def test_division_into_batches_changes_nothing(spoil: Any, pieces: int) -> None:
    data = rows(10)
    spoil(data)
    whole, divided = check(data), check(data, pieces)
    codes = [(f.code, f.where, f.count) for f in whole.findings]
    assert [(f.code, f.where, f.count) for f in divided.findings] == codes
    # a place is told by its row within the batch's file, whatever the division
    assert [[p.time for p in f.places] for f in divided.findings] == [
        [p.time for p in f.places] for f in whole.findings
    ]


@given(
    values=st.lists(
        st.one_of(st.floats(600, 1050), st.floats(allow_nan=True, allow_infinity=True)),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=60, deadline=None)
def test_every_number_is_judged_as_one_alone_would_be(values: list[float]) -> None:
    data = rows(len(values))
    data["pressure"] = np.array(values)
    found = {f.code: f.count for f in check(data).findings}
    expected = {
        "nan": sum(v != v for v in values),
        "infinite": sum(abs(v) == float("inf") for v in values),
        "below-range": sum(v < 600 for v in values if abs(v) != float("inf")),
        "above-range": sum(v > 1050 for v in values if abs(v) != float("inf")),
    }
    # an infinite number beside others that are too large is told as infinite, and counted there
    assert found.get("nan", 0) == expected["nan"]
    assert found.get("infinite", 0) == expected["infinite"]
    assert bool(found.get("below-range")) == bool(expected["below-range"])
    assert bool(found.get("above-range")) == bool(expected["above-range"])


def test_equal_seeds_make_equal_fakes(tmp_path: Path) -> None:
    for identity in ("I-DATA-COM-3001", "I-DATA-COM-3011", "I-DATA-COM-3021", "I-DATA-MST-0001"):
        interface = interface_named(identity)
        a, b, c = (
            fake(interface, tmp_path / f"{identity}{n}", seed=s, rows=4) for n, s in enumerate((1, 1, 2))
        )
        assert [p.read_bytes() for p in a] == [p.read_bytes() for p in b]
        assert [p.read_bytes() for p in a] != [p.read_bytes() for p in c]


def test_real_recordings_of_a_lidar_are_as_agreed(data_dir: Path) -> None:
    recordings = sorted((data_dir / "lidar" / "manaus_licel").glob("RM*"))
    report = check_files(interface_named("I-DATA-COM-3001"), recordings)
    assert report.ok, report.text()
    assert report.rows == 60


def test_a_fake_that_cannot_be_is_refused(tmp_path: Path) -> None:
    lidar = interface_named("I-DATA-COM-3001")
    with pytest.raises(ConfigurationError) as caught:
        fake(lidar, tmp_path, damage="nan")
    assert caught.value.code == "impossible-damage"
    with pytest.raises(UsageError, match="truncated"):
        fake(lidar, tmp_path, damage="trunkated")
    with pytest.raises(ConfigurationError) as caught:
        fake(lidar, tmp_path, delivery="records")
    assert caught.value.code == "which-delivery"


def test_a_missing_file_is_an_error_and_no_finding(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        check_files(interface_named("I-DATA-COM-3021"), [tmp_path / "none.parquet"])


def test_every_damage_can_happen_to_some_delivery() -> None:
    possible = {
        d.name
        for identity in ("I-DATA-COM-3021", "I-DATA-COM-3001", "I-DATA-COM-3011", "I-DATA-LST-0001")
        for d in damages_of(interface_named(identity).delivery())
    }
    assert possible == set(DAMAGES)
