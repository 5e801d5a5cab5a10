# SPDX-License-Identifier: BSD-3-Clause
"""Camera files from before DL0: real events of NectarCAM and SST-1M give their known figures."""

from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.protobuf_zfits import CameraEvents, read_camera_events


@pytest.fixture(scope="module")
def nectarcam(data_dir: Path) -> CameraEvents:
    return read_camera_events(data_dir / "camera" / "zfits" / "example_9evts_NectarCAM.fits.fz")


@pytest.fixture(scope="module")
def sst1m(data_dir: Path) -> CameraEvents:
    return read_camera_events(data_dir / "camera" / "zfits" / "example_SST1M_20180822.fits.fz")


def test_nectarcam_is_read(nectarcam: CameraEvents) -> None:
    assert nectarcam.waveforms.shape == (9, 2, 84, 60)
    assert nectarcam.event_type.tolist() == [1] * 9
    assert nectarcam.time is None
    assert nectarcam.integrals is not None
    # the camera's own sums are those of its samples
    assert (nectarcam.integrals == nectarcam.waveforms.sum(axis=3)).all()
    peak = nectarcam.waveforms.max(axis=3)
    assert 1500 < np.median(peak[:, 0]) < 3300
    assert 250 < np.median(peak[:, 1]) < 600
    with pytest.raises(CorruptedInput) as error:
        nectarcam.rate()
    assert error.value.code == "no-times"


def test_sst1m_is_read(sst1m: CameraEvents) -> None:
    assert sst1m.waveforms.shape == (32, 1, 1296, 50)
    assert sorted(sst1m.pixels) == list(range(1296))
    assert np.bincount(sst1m.event_type)[[1, 8]].tolist() == [30, 2]
    assert sst1m.tel_id == 22
    assert sst1m.baselines is not None
    assert np.median(sst1m.waveforms) == pytest.approx(329, abs=1)
    # the camera follows baselines to a few counts
    assert np.median(sst1m.baselines) == pytest.approx(np.median(sst1m.waveforms), abs=5)


def test_other_files_are_named(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        read_camera_events(tmp_path / "none.fits.fz")
    with pytest.raises(CorruptedInput):
        read_camera_events(data_dir / "camera" / "fact" / "testDataFile.fits.fz")
