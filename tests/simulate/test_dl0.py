# SPDX-License-Identifier: BSD-3-Clause
"""Simulated DL0 files hold what their catalogue of tiles has place for, and say so beyond."""

from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import ConfigurationError
from pellucid.formats.fits_checksum import read_units
from pellucid.simulate import dl0
from pellucid.simulate.dl0 import DL0Names, SubarrayWriter, quiet

STAMP = np.array([1_768_514_437, 0], dtype=np.uint32)


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DL0Names:
    monkeypatch.setattr(dl0, "_TILES", 3)
    return DL0Names(tmp_path, 1, 1, 1, 1_768_514_437_000_000_000)


def write(names: DL0Names, events: int) -> None:
    with quiet(), SubarrayWriter(names) as writer:
        for event_id in range(events):
            writer.write(event_id, STAMP, [1, 2], 0)


def test_a_full_file_is_whole(names: DL0Names) -> None:
    write(names, 3 * dl0._ROWS)
    table = read_units(names.trigger())[-1].header
    assert int(table["ZNAXIS2"]) == 3 * dl0._ROWS


def test_one_event_more_is_refused_and_no_file_is_left(names: DL0Names) -> None:
    with pytest.raises(ConfigurationError) as caught:
        write(names, 3 * dl0._ROWS + 1)
    assert caught.value.code == "too-many-events"
    assert "60 events at most" in str(caught.value)
    assert not list(names.trigger().parent.iterdir())
