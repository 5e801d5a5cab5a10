# SPDX-License-Identifier: BSD-3-Clause
"""Deliveries read and written: round trips, equal bytes, and what damaged files say of themselves."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pellucid.errors import ConfigurationError, CorruptedInput, MissingInput
from pellucid.formats.delivery import read_delivery
from pellucid.formats.delivery.fits_image import write_fits_image
from pellucid.formats.delivery.parquet import write_parquet
from pellucid.formats.delivery.table import WrittenColumn


def columns(n: int = 7) -> dict[str, WrittenColumn]:
    random = np.random.default_rng(1)
    return {
        "time": WrittenColumn(np.arange(n, dtype=np.int64), "ns", "tai"),
        "azimuth": WrittenColumn(random.random(n), "deg", frame="altaz"),
        "delay": WrittenColumn(random.random((n, 3)).astype(np.float32), "ns"),
        "cube": WrittenColumn(random.integers(0, 9, (n, 2, 3)).astype(np.uint16)),
        "state": WrittenColumn(np.array(["ok", "fault"])[np.arange(n) % 2]),
        "open": WrittenColumn(np.arange(n) % 2 == 0),
    }


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    metadata = {"site": "CTAO-North", "tel_id": 3, "altitude": 2200.5}
    write_parquet(tmp_path / "a.parquet", metadata, columns())
    opened = read_delivery(tmp_path / "a.parquet", "parquet")
    assert opened.metadata == metadata
    (batch,) = opened.batches()
    for name, written in columns().items():
        info = opened.columns[name]
        assert (batch[name].data == written.data).all()
        assert batch[name].missing is None
        assert info.shape == written.data.shape[1:]
        assert (info.unit, info.time_scale, info.frame) == (written.unit, written.time_scale, written.frame)
        assert info.dtype == ("text" if name == "state" else written.data.dtype.name)


def test_equal_tables_have_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_parquet(tmp_path / name, {"site": "x"}, columns())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_entries_are_told_from_zeros(tmp_path: Path) -> None:
    data = np.ma.MaskedArray(np.arange(4), [False, True, False, False])
    text = np.ma.MaskedArray(np.array(["a", "b", "c", "d"]), [True, False, False, False])
    write_parquet(tmp_path / "a", {}, {"n": WrittenColumn(data), "t": WrittenColumn(text)})
    (batch,) = read_delivery(tmp_path / "a", "parquet").batches()
    assert batch["n"].data.dtype == np.int64
    assert batch["n"].missing is not None
    assert batch["n"].missing.tolist() == [False, True, False, False]
    assert batch["t"].missing is not None
    assert batch["t"].missing.tolist() == [True, False, False, False]


def test_lists_of_other_writers_have_a_shape_where_they_are_even(tmp_path: Path) -> None:
    table = pa.table({"even": [[1.0, 2.0], [3.0, 4.0]], "ragged": [[1.0], [2.0, 3.0]], "when": [None, None]})
    pq.write_table(table, tmp_path / "a")
    opened = read_delivery(tmp_path / "a", "parquet")
    (batch,) = opened.batches()
    assert opened.columns["even"].shape is None
    assert batch["even"].data.shape == (2, 2)
    assert batch["ragged"].uneven
    assert not batch["even"].uneven
    assert opened.columns["when"].dtype == "null"


def test_rows_come_in_batches(tmp_path: Path) -> None:
    n = 150_000
    write_parquet(tmp_path / "a", {}, {"x": WrittenColumn(np.arange(n))})
    sizes = [batch["x"].data.size for batch in read_delivery(tmp_path / "a", "parquet").batches()]
    assert sum(sizes) == n
    assert len(sizes) > 2


def image(tmp_path: Path, name: str = "a.fits", scale: str = "tai") -> Path:
    pixels = np.arange(12, dtype=np.uint16).reshape(1, 3, 4) + 40000
    rows = {
        "time": WrittenColumn(np.array([1_795_471_237_123_456_789]), "ns", scale),
        "exposure": WrittenColumn(np.array([30.0]), "s"),
        "image": WrittenColumn(pixels, "adu"),
    }
    write_fits_image(tmp_path / name, {"interface": "I-DATA-COM-3011", "site": "CTAO-South"}, rows, 0)
    return tmp_path / name


def test_an_image_comes_back_as_it_was(tmp_path: Path) -> None:
    opened = read_delivery(image(tmp_path), "fits-image")
    (batch,) = opened.batches()
    assert batch["time"].data.tolist() == [1_795_471_237_123_456_789]
    assert batch["exposure"].data.tolist() == [30.0]
    assert batch["image"].data.dtype == np.uint16
    assert batch["image"].data[0, 2, 3] == 40011
    assert opened.columns["image"].unit == "adu"
    assert opened.metadata == {"interface": "I-DATA-COM-3011", "site": "CTAO-South"}
    assert image(tmp_path, "b.fits").read_bytes() == image(tmp_path).read_bytes()


def test_utc_images_are_read_on_the_scale_of_the_archive(tmp_path: Path) -> None:
    (batch,) = read_delivery(image(tmp_path, scale="utc"), "fits-image").batches()
    assert batch["time"].data[0] - 1_795_471_237_123_456_789 == 37_000_000_000


@pytest.mark.parametrize("format", ["parquet", "fits-image", "licel", "zfits"])
def test_what_is_not_the_format_is_an_error_that_says_so(tmp_path: Path, format: str) -> None:
    (tmp_path / "a").write_bytes(b"something else\r\n" * 400)
    with pytest.raises(CorruptedInput):
        read_delivery(tmp_path / "a", format)
    with pytest.raises(MissingInput):
        read_delivery(tmp_path / "none", format)
    (tmp_path / "empty").touch()
    with pytest.raises(CorruptedInput, match="empty"):
        read_delivery(tmp_path / "empty", format)


def test_an_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="parquet"):
        read_delivery(tmp_path, "parket")
