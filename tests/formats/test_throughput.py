# SPDX-License-Identifier: BSD-3-Clause
"""Throughput as a file: everything comes back, the bytes follow from it, another file is told."""

from pathlib import Path

import numpy as np
import pytest

from pellucid.array.throughput import OpticalPsf, TelescopeThroughput, Throughput
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.throughput import read_throughput, telescope_throughput, write_throughput

DAY = 86_400_000_000_000
NIGHT = 1_795_471_237_000_000_000
STEADY = Throughput(0.2, 0.002, 80, 3, 0.01, 0.004, 0.003, NIGHT, NIGHT + DAY, NIGHT + DAY // 2, 0)
FALLING = Throughput(0.2, 0.002, 80, 3, 0.01, -0.05, 0.004, NIGHT, NIGHT + DAY, NIGHT + DAY // 2, 1)
PSF = OpticalPsf(0.04, 0.001, -0.02, 0.01, 1.2, 77)


def test_everything_comes_back(tmp_path: Path) -> None:
    telescopes = {7: TelescopeThroughput(STEADY, PSF), 2: TelescopeThroughput(FALLING, None)}
    for name in ("a.h5", "b.h5"):
        write_throughput(tmp_path / name, telescopes, {"step": "x"})
    assert read_throughput(tmp_path / "a.h5") == telescopes
    assert list(read_throughput(tmp_path / "a.h5")) == [2, 7]
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert telescope_throughput(tmp_path / "a.h5", 7).psf == PSF
    with pytest.raises(MissingInput) as error:
        telescope_throughput(tmp_path / "a.h5", 3)
    assert (error.value.code, error.value.got) == ("no-throughput", "telescopes 2, 7")


def test_another_file_is_no_throughput(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        read_throughput(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("nothing")
    with pytest.raises(CorruptedInput) as error:
        read_throughput(tmp_path / "text.h5")
    assert error.value.code == "bad-throughput"


def test_a_trend_is_followed_between_the_rings_and_held_beyond() -> None:
    value, error = STEADY.at([NIGHT - DAY, NIGHT + DAY])
    assert (value.tolist(), error.tolist()) == ([0.2, 0.2], [0.002, 0.002])
    value, error = FALLING.at([NIGHT - DAY, NIGHT, NIGHT + DAY // 2, NIGHT + DAY, NIGHT + 9 * DAY])
    assert value == pytest.approx([0.225, 0.225, 0.2, 0.175, 0.175])
    assert error == pytest.approx(np.hypot(0.002, 0.004 * np.array([0.5, 0.5, 0.0, 0.5, 0.5])))
