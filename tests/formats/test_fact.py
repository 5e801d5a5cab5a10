# SPDX-License-Identifier: BSD-3-Clause
"""Raw runs of FACT: the real run decodes to its known figures, damage ends in a typed error."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pellucid.camera.drs4.baseline import subtract_baseline
from pellucid.camera.drs4.chip import FACT
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.fact import FactRun, read_fact_run
from pellucid.formats.fact_zfits import FactTable
from pellucid.times import to_utc_iso


@pytest.fixture(scope="module")
def path(data_dir: Path) -> Path:
    return data_dir / "camera" / "fact" / "testDataFile.fits.fz"


@pytest.fixture(scope="module")
def run(path: Path) -> FactRun:
    return read_fact_run(path)


def test_the_real_run_is_read(run: FactRun) -> None:
    assert run.waveforms.shape == (5, 1440, 300)
    assert (run.night, run.run) == (20160817, 16)
    assert (run.first_cell.min(), run.first_cell.max()) == (32, 227)
    assert run.event_number.tolist() == [1, 2, 3, 4, 5]
    assert to_utc_iso(int(run.time[0])) == "2016-08-17T16:01:20.226Z"
    assert (run.time[-1] - run.time[0]) / 1e6 == pytest.approx(22.747, abs=1e-3)
    assert run.sampling_rate == pytest.approx(2.0, abs=1e-4)


def test_its_offsets_are_those_of_its_capacitors(run: FactRun) -> None:
    assert run.offsets.mean() == pytest.approx(-1873.36, abs=0.01)
    before = np.median(run.raw.std(axis=2), axis=1)
    raw, first = run.raw[:, None], run.first_cell[:, None]
    after = subtract_baseline(raw, first, run.offsets[None].astype(float), FACT)[:, 0]
    assert (after == run.waveforms).all()
    assert before[0] == pytest.approx(33.4, abs=0.3)
    assert np.median(after.std(axis=2), axis=1) == pytest.approx([9.0, 15.2, 7.5, 10.8, 9.0], abs=0.3)


def test_wrong_files_are_named(path: Path, tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(MissingInput):
        read_fact_run(tmp_path / "none.fits.fz")
    with pytest.raises(CorruptedInput) as error:
        read_fact_run(data_dir / "camera" / "zfits" / "example_SST1M_20180822.fits.fz")
    assert error.value.code in {"unknown-type", "not-fact"}
    copy = tmp_path / "damaged.fits.fz"
    shutil.copyfile(path, copy)
    copy.chmod(0o644)
    with copy.open("r+b") as file:
        file.seek(2_000_000)
        file.write(b"\x55\xaa")
    with pytest.raises(CorruptedInput, match="checksum"):
        read_fact_run(copy)
    with copy.open("r+b") as file:
        file.truncate(1_500_000)
    with pytest.raises(CorruptedInput):
        read_fact_run(copy)


def test_damage_that_keeps_the_checksum_is_no_crash(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(1)
    content = path.read_bytes()
    monkeypatch.setattr("pellucid.formats.fact_zfits.verify", lambda *_: None)
    outcomes = set()
    for _ in range(40):
        damaged = bytearray(content)
        for place in random.integers(1_412_200, 1_440_000, 40):
            damaged[place] = random.integers(0, 256)
        copy = tmp_path / "damaged.fits.fz"
        copy.write_bytes(damaged)
        table = FactTable(copy, "Events")
        for column in ("StartCellData", "Data"):
            try:
                table.read(column)
                outcomes.add("read")
            except CorruptedInput as error:
                outcomes.add(error.code)
    assert outcomes <= {"read", "bad-block"}
    assert "bad-block" in outcomes
