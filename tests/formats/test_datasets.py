# SPDX-License-Identifier: BSD-3-Clause
"""The numbers in a file, of whatever format."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tables
from astropy.io import fits
from astropy.table import Table

from pellucid.errors import CorruptedInput
from pellucid.formats.datasets import read_datasets

TIMES, COUNTS = np.array([1.5, np.nan, 3.0]), np.array([[1, 2], [3, 4], [5, 6]], np.uint16)


def test_hdf5_arrays_tables_and_ragged_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with tables.open_file(str(path), "w") as file:
        group = file.create_group("/", "dl1")
        file.create_array(group, "counts", COUNTS, track_times=False)
        rows = np.zeros(3, [("time", "f8"), ("pair", [("left", "i4"), ("right", "i4")])])
        rows["time"] = TIMES
        file.create_table(group, "events", rows, track_times=False)
        ragged = file.create_vlarray(group, "ragged", tables.Int32Atom(), track_times=False)
        ragged.append([1, 2])
        ragged.append([3])
        file.create_array("/", "provenance", np.zeros(3, np.uint8), track_times=False)
    found = dict(read_datasets(path))
    assert list(found) == [
        "/dl1/counts",
        "/dl1/events:pair:left",
        "/dl1/events:pair:right",
        "/dl1/events:time",
        "/dl1/ragged",
    ]
    assert np.array_equal(found["/dl1/counts"], COUNTS)
    assert np.array_equal(found["/dl1/events:time"], TIMES, equal_nan=True)
    assert found["/dl1/ragged"].tolist() == [1, 2, 3]


def test_fits_images_and_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    table = fits.BinTableHDU(Table({"time": TIMES, "name": ["a", "b", "c"]}), name="EVENTS")
    fits.HDUList([fits.PrimaryHDU(COUNTS), table]).writeto(path)
    found = dict(read_datasets(path))
    assert list(found) == ["PRIMARY", "EVENTS:name", "EVENTS:time"]
    assert np.array_equal(found["PRIMARY"], COUNTS)
    assert found["EVENTS:name"].tolist() == [b"a", b"b", b"c"]


@pytest.mark.filterwarnings("ignore::tables.NaturalNameWarning")
def test_attributes_of_hdf5_but_not_how_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with tables.open_file(str(path), "w") as file:
        file.root._v_attrs.kind = "gains"
        file.root._v_attrs.attributes = '{"chi2": 1.5, "fit": {"n": [1, 2]}}'
        file.root._v_attrs["CTAO ACTIVITY SOFTWARE VERSION"] = "0.1"
        file.root._v_attrs.PROVENANCE = "{}"
        array = file.create_array("/", "x", TIMES, track_times=False)
        array._v_attrs.unit, array._v_attrs.scale = "ns", np.float64(2.5)
        array._v_attrs.odd = {"a": [1, "b"]}
    found = dict(read_datasets(path))
    assert list(found) == [
        "/@attributes/chi2",
        "/@attributes/fit/n",
        "/@kind",
        "/x@odd",
        "/x@scale",
        "/x@unit",
        "/x",
    ]
    assert (found["/@kind"].item(), found["/x@scale"].item()) == ("gains", 2.5)
    assert found["/@attributes/fit/n"].tolist() == [1, 2]
    assert found["/x@odd"].item() == "{'a': [1, 'b']}"


def test_header_cards_of_fits_but_not_how_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    header = fits.Header({"OBS_ID": 5, "GAIN": 1.5, "OBJECT": "Crab", "ACTID": "x", "DATE": "2026-11-23"})
    header["HISTORY"] = "made"
    fits.PrimaryHDU(COUNTS, header).writeto(path, checksum=True)
    found = dict(read_datasets(path))
    assert list(found) == ["PRIMARY", "PRIMARY@GAIN", "PRIMARY@OBJECT", "PRIMARY@OBS_ID"]
    assert found["PRIMARY@GAIN"].item() == 1.5


def test_columns_of_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "time": pa.array(TIMES),
        "name": pa.array(["a", None, "c"]),
        "counts": pa.FixedSizeListArray.from_arrays(pa.array(COUNTS.ravel()), 2),
        "ragged": pa.array([[1, 2], [], [3]], pa.list_(pa.int32())),
    }
    table = pa.table(columns).replace_schema_metadata({"site": "north", "provenance": "{}"})
    pq.write_table(table, path)
    found = {name: values.tolist() for name, values in read_datasets(path)}
    assert list(found) == ["/counts", "/name", "/ragged#list<element: int32>", "/ragged", "/time", "/@site"]
    assert found["/counts"] == [1, 2, 3, 4, 5, 6]
    assert found["/name"] == ["a", "None", "c"]
    assert (found["/ragged"], found["/ragged#list<element: int32>"]) == ([1, 2, 3], [2, 0, 1])
    assert found["/@site"] == "north"


def test_json_leaves(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    document = {"b": {"n": 3, "x": [1, 2.5]}, "a": [{"s": "text"}, None], "provenance": {"step": "s"}}
    path.write_text(json.dumps(document))
    found = {name: values.tolist() for name, values in read_datasets(path)}
    assert found == {"/a/0/s": ["text"], "/a/1": ["None"], "/b/n": [3], "/b/x": [1.0, 2.5]}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"Licel", "no-datasets"),
        (b"{broken", "corrupted-input"),
        (b"\x89HDF\r\n\x1a\nx", "corrupted-input"),
        (b"PAR1x", "corrupted-input"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(CorruptedInput) as caught:
        list(read_datasets(path))
    assert (caught.value.code, caught.value.where) == (code, str(path))
