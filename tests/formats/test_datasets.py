# SPDX-License-Identifier: BSD-3-Clause
"""The numbers in a file, of whatever format."""

import json
from pathlib import Path

import numpy as np
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


def test_json_leaves(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    document = {"b": {"n": 3, "x": [1, 2.5]}, "a": [{"s": "text"}, None], "provenance": {"step": "s"}}
    path.write_text(json.dumps(document))
    found = {name: values.tolist() for name, values in read_datasets(path)}
    assert found == {"/a/0/s": ["text"], "/a/1": ["None"], "/b/n": [3], "/b/x": [1.0, 2.5]}


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"Licel", "no-datasets"), (b"{broken", "corrupted-input"), (b"\x89HDF\r\n\x1a\nx", "corrupted-input")],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(CorruptedInput) as caught:
        list(read_datasets(path))
    assert (caught.value.code, caught.value.where) == (code, str(path))
