# SPDX-License-Identifier: BSD-3-Clause
"""Files that nobody would think of: a check tells what is wrong with them, and never breaks."""

import json
import warnings
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.interfaces.check import check_files
from pellucid.interfaces.fake import fake
from pellucid.interfaces.findings import Report
from pellucid.interfaces.registry import interface_named

WEATHER, SKY = "I-DATA-COM-3021", "I-DATA-COM-3011"
ONE_OF_EACH_FORMAT = (WEATHER, SKY, "I-DATA-COM-3001", "I-DATA-SST-0001")


@cache
def whole(identity: str) -> tuple[str, bytes]:
    with TemporaryDirectory() as folder:
        path = fake(interface_named(identity), Path(folder), rows=4)[0]
        return path.name, path.read_bytes()


def told(report: Report) -> Report:
    """Return a report that can be written in both forms."""
    assert report.text()
    json.dumps(report.as_dict())
    return report


@pytest.mark.parametrize("identity", ONE_OF_EACH_FORMAT)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_bytes_damaged_in_any_way_give_a_report(identity: str, data: st.DataObject) -> None:
    name, content = whole(identity)
    damaged = bytearray(content)
    # most of what can go wrong is said in the first bytes and in the last
    near = st.one_of(st.integers(0, 3000), st.integers(-3000, -1), st.integers(0, len(content) - 1))
    for place in data.draw(st.lists(near, min_size=1, max_size=6)):
        damaged[place % len(content)] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(1, len(content) - 1)))
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / name
        path.write_bytes(bytes(damaged[:cut]))
        report = told(check_files(interface_named(identity), [path]))
    assert cut is None or not report.ok


def columns(n: int) -> dict[str, Any]:
    return {
        "structure": pa.array([{"a": 1}] * n),
        "dictionary": pa.array(["a"] * n).dictionary_encode(),
        "timestamp": pa.array([datetime(2026, 1, 1)] * n),
        "duration": pa.array([timedelta(1)] * n),
        "decimal": pa.array([Decimal("1.5")] * n),
        "uneven": pa.array([[1.0], [1.0, 2.0]] * (n // 2)),
        "even list": pa.array([[1.0, 2.0]] * n),
        "list with nothing in it": pa.array([[1.0, None]] * n),
        "no lists": pa.array([None] * n, pa.list_(pa.float64(), 3)),
        "lists of length 0": pa.array([[]] * n, pa.list_(pa.float64(), 0)),
        "texts in lists": pa.array([["a", "b"]] * n),
        "map": pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        "bytes": pa.array([b"x"] * n),
        "nothing": pa.nulls(n),
        "flags": pa.array([True] * n),
        "half": pa.array(np.zeros(n, np.float16)),
        "huge": pa.array(np.full(n, 2**64 - 1, np.uint64)),
    }


@pytest.mark.parametrize("kind", columns(2))
@pytest.mark.parametrize("name", ["time", "temperature", "state"])
def test_a_column_of_any_other_type_is_found(tmp_path: Path, name: str, kind: str) -> None:
    interface = interface_named(WEATHER)
    (path,) = fake(interface, tmp_path)
    table = pq.read_table(path)
    name = name if name in table.schema.names else table.schema.names[-1]
    array = columns(table.num_rows)[kind]
    field = pa.field(name, array.type, metadata=table.schema.field(name).metadata)
    pq.write_table(table.set_column(table.schema.get_field_index(name), field, array), path)
    report = told(check_files(interface, [path]))
    assert {"wrong-dtype", "wrong-shape", "missing-value"} & set(report.codes)


def test_two_columns_of_one_name_are_found(tmp_path: Path) -> None:
    interface = interface_named(WEATHER)
    (path,) = fake(interface, tmp_path)
    table = pq.read_table(path)
    doubled = pa.schema([*table.schema, table.schema.field(1)], metadata=table.schema.metadata)
    pq.write_table(pa.Table.from_arrays([*table.columns, table.column(1)], schema=doubled), path)
    assert told(check_files(interface, [path])).codes == ("doubled-column",)


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("interface", b"[1, 2]", "other-interface"),
        ("interface_version", b"{}", "other-version"),
        ("product_type", b"null", "missing-metadata"),
        ("site", b'["CTAO-North"]', "metadata-type"),
        ("delivered", b'"soon"', "metadata-type"),
        ("device", b"\xff\xfe", "metadata-type"),
    ],
)
def test_metadata_of_any_kind_are_judged(tmp_path: Path, key: str, value: bytes, code: str) -> None:
    interface = interface_named(WEATHER)
    (path,) = fake(interface, tmp_path)
    table = pq.read_table(path)
    said = {**table.schema.metadata, key.encode(): value}
    pq.write_table(table.replace_schema_metadata(said), path)
    report = told(check_files(interface, [path]))
    # a name that is no JSON is a text, and any text is a name
    assert report.codes == (() if key == "device" else (code,))


@pytest.mark.parametrize(
    ("card", "value", "code"),
    [
        ("EXPTIME", "long", "wrong-dtype"),
        ("EXPTIME", True, "wrong-dtype"),
        ("ALTITUDE", 1e300, "above-range"),
        ("DATE-AVG", 5, "wrong-time-scale"),
        ("DATE-AVG", "", "wrong-time-scale"),
        ("DATE-AVG", "2026-13-45T00:00:00", "wrong-time-scale"),
        ("DATE-AVG", "9999-01-01T00:00:00", "wrong-time-scale"),
        ("DATE-AVG", "2026-11-23T22:00:00+01:00", "wrong-time-scale"),
        ("TIMESYS", 3, "wrong-time-scale"),
        ("BUNIT", 3, "wrong-unit"),
        ("ICD", 5, "other-interface"),
        ("DELIVERD", "soon", "metadata-type"),
    ],
)
def test_cards_of_any_kind_are_judged(tmp_path: Path, card: str, value: Any, code: str) -> None:
    interface = interface_named(SKY)
    path = fake(interface, tmp_path, rows=4)[0]
    with fits.open(path) as units:
        header, image = units[0].header, units[0].data
    for name in ("CHECKSUM", "DATASUM"):
        del header[name]
    header[card] = value
    unit = fits.PrimaryHDU(image, header)
    unit.add_checksum()
    unit.writeto(path, overwrite=True)
    assert code in told(check_files(interface, [path])).codes


@pytest.mark.parametrize("identity", ONE_OF_EACH_FORMAT)
def test_a_clock_that_was_never_set_is_found_and_nothing_is_called_late(
    tmp_path: Path, identity: str
) -> None:
    interface = interface_named(identity)
    made = fake(interface, tmp_path, damage="unset-clock", rows=4)
    (finding,) = told(check_files(interface, made)).findings
    assert (finding.code, finding.count, finding.got[:4]) == ("senseless-time", 4, "1970")
