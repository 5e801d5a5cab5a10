# SPDX-License-Identifier: BSD-3-Clause
"""Licel files: all header versions, the real night back to the byte, and every kind of damage."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from pellucid.archive.ingest import sniff
from pellucid.errors import CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.formats.licel import (
    LicelDataset,
    LicelFile,
    LicelHeader,
    problems,
    read_licel,
    read_night,
    write_licel,
)

ANALOG = LicelDataset(True, 0, 1, 4000, 1, 920, 7.5, 355, "o", 0, 0, 12, 600, 0.1, "BT0")
PHOTON = LicelDataset(True, 1, 1, 4000, 1, 920, 7.5, 355, "o", 0, 0, 0, 600, 3.1746, "BC0")
START = datetime(2026, 11, 23, 22, 0, 0)
HEADER = LicelHeader(
    "LP26B2322.000",
    "La Palma",
    START,
    START + timedelta(seconds=60),
    2200.0,
    -17.9,
    28.8,
    (0.0, 0.0, 12.5, 790.0),
    (0, 0, 1, 1),
    None,
    ((600, 10), (0, 10)),
    (),
    (ANALOG, PHOTON),
)


def made_up(header: LicelHeader = HEADER) -> LicelFile:
    random = np.random.default_rng(3)
    return LicelFile(header, tuple(random.integers(0, 5000, d.n_bins, np.int32) for d in header.active))


def written(folder: Path, file: LicelFile) -> Path:
    write_licel(folder / "file", file)
    return folder / "file"


def codes(file: LicelFile) -> list[str]:
    return [problem.code for problem in problems(file)]


@pytest.fixture(scope="module")
def manaus(data_dir: Path) -> list[Path]:
    paths = sorted((data_dir / "lidar" / "manaus_licel").glob("RM*"))
    assert len(paths) == 60
    return paths


def test_the_real_night_is_written_back_to_the_byte(manaus: list[Path], tmp_path: Path) -> None:
    for path in manaus:
        assert written(tmp_path, read_licel(path)).read_bytes() == path.read_bytes(), path


def test_the_real_night_stacks_to_cubes_in_order_of_time(manaus: list[Path]) -> None:
    zone = timezone(timedelta(hours=-4))
    night = read_night(reversed(manaus), zone)
    assert [raw.shape for raw in night.raw] == [(60, 16380)] * 5
    assert (np.diff(night.times[:, 0]) > 0).all()
    assert (night.shots == 600).all()
    assert not night.rejected
    shift = night.times[0, 0] - read_night(manaus[:1]).times[0, 0]
    assert shift == 4 * 3600 * 10**9
    assert np.array_equal(night.raw[1][7], night.files[7].raw[night.files[7].index(355, photon=True)])


def test_values_scale_to_millivolts_and_megahertz(tmp_path: Path) -> None:
    wide = replace(PHOTON, bin_width=15.0)
    file = made_up(replace(HEADER, datasets=(ANALOG, PHOTON, wide)))
    assert file.physical(0) == pytest.approx(file.raw[0] * 100.0 / 4096 / 600, rel=1e-12)
    less_one = file.physical(0, full_scale_less_one=True)
    assert less_one == pytest.approx(file.raw[0] * 100.0 / 4095 / 600, rel=1e-12)
    assert file.physical(1) == pytest.approx(file.raw[1] / 600 * 20.0, rel=1e-12)
    assert file.physical(2) == pytest.approx(file.raw[2] / 600 * 10.0, rel=1e-12)


def test_the_scale_is_that_of_the_makers_own_export(tmp_path: Path) -> None:
    # fitted to an export of 4000 bins: 2.03450431e-4 mV (12 bits, 500 mV, 600 shots), 0.033333 MHz a count
    wide = replace(ANALOG, scale=0.5)
    file = LicelFile(replace(HEADER, datasets=(wide, PHOTON)), (np.ones(4000, np.int32),) * 2)
    assert file.physical(0)[0] == pytest.approx(2.03450431e-4, rel=5e-7)
    assert file.physical(0, full_scale_less_one=True)[0] == pytest.approx(2.03500204e-4, rel=5e-9)
    assert file.physical(1)[0] == pytest.approx(0.033333, abs=1e-6)


VERSIONS = {
    "the oldest, which ends after the zenith angle": replace(HEADER, pointing=(5.0,), pointing_decimals=(0,)),
    "zenith and azimuth": replace(HEADER, pointing=(30.0, 120.0), pointing_decimals=(0, 0)),
    "version 2": replace(
        HEADER,
        pointing=(42.5, 7.5),
        pointing_decimals=(1, 1),
        custom="a text, with 1 comma",
        rest=("0000000", "0010", "0000000", "0010", "123456"),
    ),
    "a site with blanks": replace(HEADER, site="El Teide  north 2"),
    "a site of one letter": replace(HEADER, site="X"),
    "fine coordinates": replace(HEADER, longitude=-17.8912, latitude=28.76245),
    "bins of two widths and numbers": replace(
        HEADER, datasets=(ANALOG, replace(PHOTON, bin_width=15.0, n_bins=2000))
    ),
    "an inactive data set": replace(HEADER, datasets=(replace(ANALOG, active=False), PHOTON)),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_every_header_version_reads_back(name: str, tmp_path: Path) -> None:
    file = made_up(VERSIONS[name])
    path = written(tmp_path, file)
    again = read_licel(path)
    assert again.header == file.header
    assert all(np.array_equal(a, b) for a, b in zip(again.raw, file.raw, strict=True))
    assert sniff(path).format == "licel"
    assert sniff(path).product_type == "DL0/Monitoring/Subarray/Lidar"


def test_decimal_commas_and_whole_bin_widths_are_understood(tmp_path: Path) -> None:
    path = written(tmp_path, made_up(replace(HEADER, datasets=(PHOTON,))))
    data = path.read_bytes().replace(b"-017.9", b"-017,9").replace(b" 7.50 ", b" 0015 ")
    path.write_bytes(data)
    file = read_licel(path)
    assert file.header.longitude == -17.9
    assert file.header.datasets[0].bin_width == 15.0


def test_minus_ninety_is_up(tmp_path: Path) -> None:
    header = replace(HEADER, pointing=(-90.0, 0.0), pointing_decimals=(0, 0))
    again = read_licel(written(tmp_path, made_up(header)))
    assert again.header.zenith == 0.0
    assert replace(header, pointing=(-30.0,)).zenith == -30.0
    assert again.header == header


def test_times_follow_the_zone_of_the_clock() -> None:
    utc = made_up()
    east = replace(utc, time_zone=timezone(timedelta(hours=3)))
    assert utc.start - east.start == 3 * 3600 * 10**9
    assert utc.stop - utc.start == 60 * 10**9
    assert utc.start == int(START.replace(tzinfo=UTC).timestamp() + 37) * 10**9


def test_a_channel_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingInput, match=r"387 nm, photon counting") as caught:
        made_up().index(387, photon=True)
    assert "355 nm BT0" in caught.value.got


STRUCTURE = {
    "licel-length": lambda data: data[:-10],
    "licel-no-crlf": lambda data: data[:-2] + b"\n\n",
    "licel-short-header": lambda data: data[:200],
}


@pytest.mark.parametrize("code", STRUCTURE)
def test_broken_structure_stops_the_reader(code: str, tmp_path: Path) -> None:
    path = written(tmp_path, made_up())
    path.write_bytes(STRUCTURE[code](path.read_bytes()))
    with pytest.raises(CorruptedInput) as caught:
        read_licel(path)
    assert caught.value.code == code
    assert str(path) in caught.value.where
    assert caught.value.mend


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b"23/11/2026", b"33/11/2026", 2),
        (b"2200 ", b"22X0 ", 2),
        (b" 12.5 790.0", b" 1 2 3 4 5", 2),
        (b"0000600 0010 0000000 0010 02", b"0000600 0010", 3),
        (b"0010 02", b"0010 03", 3),
        (b"00355.o", b"X0355.o", 4),
        (b" 7.50 ", b" 0.00 ", 4),
    ],
)
def test_a_line_that_makes_no_sense_is_named(tmp_path: Path, old: bytes, new: bytes, line: int) -> None:
    path = written(tmp_path, made_up())
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(CorruptedInput) as caught:
        read_licel(path)
    assert caught.value.code == "licel-bad-line"
    assert caught.value.where.endswith(f"line {line}")


def test_every_problem_of_the_content_has_its_error(tmp_path: Path) -> None:
    assert codes(made_up()) == []
    assert codes(made_up(replace(HEADER, stop=START))) == ["licel-time-order"]
    assert codes(made_up(replace(HEADER, pointing=(123.0,)))) == ["licel-zenith"]
    assert codes(made_up(replace(HEADER, datasets=(replace(PHOTON, shots=0),)))) == ["licel-no-shots"]
    late = replace(HEADER, stop=START + timedelta(seconds=600), datasets=(PHOTON,))
    assert codes(made_up(late)) == ["licel-shot-count"]
    file = made_up()
    file.raw[1][7] = -1
    assert codes(file) == ["licel-negative"]
    file.raw[1][7] = 600 * 51
    assert codes(file) == ["licel-ceiling"]
    file.raw[1][7] = 0
    file.raw[0][20] = 4095 * 600
    assert codes(file) == []
    assert np.flatnonzero(file.saturated(0)).tolist() == [20]
    file.raw[0][200] = 4095 * 600
    assert codes(file) == ["licel-saturated"]
    with pytest.raises(CorruptedInput, match="saturated"):
        read_licel(written(tmp_path, file))
    assert read_licel(tmp_path / "file", check=False).raw[0][200] == 4095 * 600


def test_bad_files_are_put_aside_with_their_reasons(tmp_path: Path) -> None:
    for i in range(4):
        write_licel(tmp_path / f"{i}", made_up())
    (tmp_path / "1").write_bytes((tmp_path / "1").read_bytes()[:-1])
    write_licel(tmp_path / "3", made_up(replace(HEADER, datasets=(PHOTON,))))
    night = read_night(sorted(tmp_path.iterdir()))
    assert len(night.files) == 2
    assert [r.reason.code for r in night.rejected] == ["licel-length", "licel-other-layout"]
    with pytest.raises(InsufficientStatistics):
        read_night([tmp_path / "1"])
    with pytest.raises(MissingInput):
        read_licel(tmp_path / "none")


def test_text_and_other_files_are_not_taken_for_licel(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"a\r\nb\r\nc\r\nd")
    with pytest.raises(CorruptedInput, match="no format"):
        sniff(tmp_path / "t")
