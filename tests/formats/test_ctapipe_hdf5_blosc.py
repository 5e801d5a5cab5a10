# SPDX-License-Identifier: BSD-3-Clause
"""The chunk format against the Blosc library, which reads the same container."""

import blosc2
import numpy as np
import pytest
import tables
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.formats.ctapipe_hdf5.blosc import ChunkEncoder
from pellucid.formats.ctapipe_hdf5.columns import Column, attributes, layout


@given(
    n=st.integers(1, 5000),
    typesize=st.sampled_from([1, 2, 4, 8]),
    noise=st.sampled_from([1, 4, 256]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_the_library_reads_what_we_encode(n, typesize, noise, seed):
    raw = np.random.default_rng(seed).integers(0, noise, n * typesize).astype(np.uint8)
    assert blosc2.decompress(ChunkEncoder().encode(raw, typesize)) == raw.tobytes()


def test_noise_is_stored_without_growing():
    raw = np.random.default_rng(0).integers(0, 256, 40_000).astype(np.uint8)
    assert len(ChunkEncoder().encode(raw, 4)) <= raw.size + 16 + 4 + 4 * 4


def test_rows_out_of_step_are_refused():
    numbers = Column("image", "<f4", "", shape=(3,))
    flag = Column("flag", "?", "")
    assert layout([flag, numbers], 4).itemsize == 16
    with pytest.raises(ValueError, match="out of step"):
        layout([numbers, flag], 4)


def test_enumerations_are_written_as_the_format_pickles_them(tmp_path):
    containers = pytest.importorskip("ctapipe.containers", reason="ctapipe is not installed")
    written = attributes([Column("event_type", "<i8", "", transform="enum:EventType")])
    with tables.open_file(str(tmp_path / "a.h5"), "w") as file:
        file.root._v_attrs.ENUM = written["CTAFIELD_0_ENUM"]
    with tables.open_file(str(tmp_path / "a.h5")) as file:
        assert file.root._v_attrs.ENUM is containers.EventType
