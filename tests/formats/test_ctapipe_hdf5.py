# SPDX-License-Identifier: BSD-3-Clause
"""The DL1 writer: what goes in comes out, and nothing but the events decides the bytes."""

import os
import resource
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import tables
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import ConfigurationError, CorruptedInput, IntermittentError, OutputExists, UsageError
from pellucid.events import EventType
from pellucid.formats import ctapipe_hdf5 as dl1
from pellucid.formats.ctapipe_hdf5 import event_tables, schema
from support import dl1run

ARRAY = dl1run.make_array()


def write(path: Path, parts, *, run=None, flags=(), **options) -> Path:
    run = run or dl1run.make_run()
    with dl1.DL1Writer(path, ARRAY, run, provenance=dl1run.LINEAGE, **options) as writer:
        for chunk, images in parts:
            writer.write(chunk, images)
        distribution = dl1run.make_distribution() if run.is_simulation else None
        writer.close(shower_distribution=distribution, flags=flags)
    return path


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def truth(images, tel_id: int, calibration: bool):
    """(batch, row) of a telescope's images in the order of the events."""
    found = [
        (int(source.batch.event_row[row]), source, row)
        for source in images
        for row in np.flatnonzero((source.batch.tel_id == tel_id) & (source.selected != calibration))
    ]
    return [(source, row) for _, source, row in sorted(found, key=lambda f: f[0])]


def test_images_and_parameters_come_back(tmp_path):
    chunk, images = dl1run.make_events(ARRAY, 400)
    path = write(tmp_path / "a.h5", [(chunk, images)])
    assert dl1.tel_ids(path) == dl1.tel_ids(path, calibration=True) == [1, 2, 7, 19]
    for tel_id in ARRAY.tel_ids:
        table, parameters = dl1.read_images(path, tel_id), dl1.read_parameters(path, tel_id)
        read = table["is_valid"]
        expected = truth(images, tel_id, calibration=False)
        assert 0 < len(expected) == np.count_nonzero(read) < read.size
        for got, values, (source, row) in zip(table[read], parameters[read], expected, strict=True):
            assert got["event_id"] == chunk.events.event_id[source.batch.event_row[row]]
            assert got["tel_id"] == tel_id
            np.testing.assert_array_equal(got["image"], source.image[row, 0])
            np.testing.assert_array_equal(got["peak_time"], source.peak_time[row, 0])
            np.testing.assert_array_equal(got["image_mask"], source.image_mask[row])
            if ARRAY.telescopes[tel_id].readout.n_channels > 1:
                np.testing.assert_array_equal(got["selected_gain_channel"], source.gain_channel[row])
            for name in source.parameters.dtype.names:
                assert values[name] == source.parameters[name][row]
        filled = [(s, r) for s, r in expected if s.filled[r, 0].any()]
        assert 0 < len(filled) < len(expected)
        for got, (source, row) in zip(dl1.read_filled(path, tel_id), filled, strict=True):
            assert got["event_id"] == chunk.events.event_id[source.batch.event_row[row]]
            np.testing.assert_array_equal(got["ring"], source.filled[row, 0])
        simulated = dl1.read_table(path, f"{schema.TRUE_IMAGES}/tel_{tel_id:03d}")
        for got, (source, row) in zip(simulated[read], expected, strict=True):
            np.testing.assert_array_equal(got["true_image"], source.batch.true_image[row])
            assert got["true_image_sum"] == source.batch.true_image_sum[row]


def test_a_telescope_that_was_not_read_out_is_marked(tmp_path):
    path = write(tmp_path / "a.h5", [dl1run.make_events(ARRAY, 200)])
    table, parameters = dl1.read_images(path, 1), dl1.read_parameters(path, 1)
    missing = ~table["is_valid"]
    assert missing.any()
    assert np.isnan(table["image"][missing]).all()
    assert np.isnan(parameters["hillas_intensity"][missing]).all()
    assert (parameters["morphology_n_pixels"][missing] == -1).all()
    assert (dl1.read_table(path, f"{schema.TRUE_IMAGES}/tel_001")["true_image"][missing] == -1).all()


def test_calibration_events_keep_all_channels_apart_from_showers(tmp_path):
    chunk, images = dl1run.make_events(ARRAY, 300)
    path = write(tmp_path / "a.h5", [(chunk, images)])
    calibration = chunk.events.event_id[chunk.events.event_type == EventType.FLATFIELD]
    for tel_id in ARRAY.tel_ids:
        table = dl1.read_calibration_images(path, tel_id)
        expected = truth(images, tel_id, calibration=True)
        assert len(table) == len(expected) > 0
        for got, (source, row) in zip(table, expected, strict=True):
            np.testing.assert_array_equal(got["image"], source.image[row])
            np.testing.assert_array_equal(got["peak_time"], source.peak_time[row])
            assert got["event_type"] == EventType.FLATFIELD
            assert got["event_id"] in calibration
    triggers = dl1.read_table(path, schema.CALIBRATION_TRIGGER)
    np.testing.assert_array_equal(triggers["event_id"], calibration)
    showers = dl1.read_table(path, schema.TRIGGER)["event_id"]
    np.testing.assert_array_equal(np.sort(np.concatenate([showers, calibration])), chunk.events.event_id)


def test_triggers_and_showers_come_back(tmp_path):
    chunk, images = dl1run.make_events(ARRAY, 150, calibration=0.0)
    path = write(tmp_path / "a.h5", [(chunk, images)])
    array = dl1.read_table(path, schema.TRIGGER)
    np.testing.assert_array_equal(array["time"], chunk.events.time)
    hit = np.zeros((150, 4), bool)
    hit[chunk.triggers.event_row, np.searchsorted(ARRAY.tel_ids, chunk.triggers.tel_id)] = True
    np.testing.assert_array_equal(array["tels_with_trigger"], hit)
    single = dl1.read_table(path, schema.TEL_TRIGGER)
    np.testing.assert_array_equal(single["tel_id"], chunk.triggers.tel_id)
    np.testing.assert_array_equal(single["n_trigger_pixels"], chunk.triggers.n_trigger_pixels)
    showers = dl1.read_table(path, schema.SHOWER)
    np.testing.assert_array_equal(showers["true_energy"], chunk.showers.energy)
    np.testing.assert_array_equal(showers["true_shower_primary_id"], chunk.showers.primary_id)
    impact = dl1.read_table(path, f"{schema.IMPACT}/tel_007")
    rows = chunk.triggers.event_row[chunk.triggers.tel_id == 7]
    np.testing.assert_array_equal(impact["true_impact_distance"], chunk.showers.impact_distance[rows, 2])


def test_observed_run_has_no_truth(tmp_path):
    chunk, images = dl1run.make_events(ARRAY, 50, simulation=False)
    path = write(tmp_path / "a.h5", [(chunk, images)], run=dl1run.make_run(simulation=False))
    with tables.open_file(str(path)) as file:
        assert "/simulation" not in file
        assert "/configuration/telescope/pointing" not in file
    assert dl1.read_product_metadata(path)["instance"]["facility_name"] == "CTAO"


def test_lineage_metadata_and_flags_come_back(tmp_path):
    parts = [dl1run.make_events(ARRAY, 20)]
    path = write(tmp_path / "a.h5", parts, flags=("partial",))
    assert dl1.read_lineage(path) == dl1run.LINEAGE
    assert dl1.read_flags(path) == ["partial"]
    product = dl1.read_product_metadata(path)
    assert product["data"] == {
        "level": "DL1", "division": "Event", "association": "Subarray", "type": "ObservationSim",
    }  # fmt: skip
    times = product["observation"]["coverage"]["time"]
    # 1666867797 s TAI is 37 s ahead of UTC
    assert times["t_min"].startswith("2022-10-27T10:49:20")


@given(
    edges=st.lists(st.integers(0, 260), max_size=6).map(sorted),
    seed=st.integers(0, 2**32 - 1),
    simulation=st.booleans(),
)
@settings(max_examples=12, deadline=None)
def test_bytes_do_not_depend_on_cuts_and_order(tmp_path_factory, edges, seed, simulation):
    folder = tmp_path_factory.mktemp("cuts")
    with pytest.MonkeyPatch.context() as patch:
        # small blocks, so that many fill up within a few hundred events
        patch.setattr(schema, "_IMAGE_CHUNK", 4096)
        patch.setattr(schema, "_CHUNK", 2048)
        chunk, images = dl1run.make_events(ARRAY, 260, simulation=simulation)
        run = dl1run.make_run(simulation)
        whole = write(folder / "whole.h5", [(chunk, images)], run=run)
        parts = dl1run.cut(chunk, images, edges, np.random.default_rng(seed))
        assert digest(write(folder / "cut.h5", parts, run=run)) == digest(whole)


def test_bytes_do_not_depend_on_the_hash_seed(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from support import dl1run; from pathlib import Path\n"
        "from pellucid.formats.ctapipe_hdf5 import DL1Writer\n"
        "array = dl1run.make_array()\n"
        "with DL1Writer(Path(sys.argv[2]), array, dl1run.make_run(), provenance=dl1run.LINEAGE) as w:\n"
        "    w.write(*dl1run.make_events(array, 60))\n"
    )
    digests = set()
    for seed in ("1", "77"):
        path = tmp_path / f"{seed}.h5"
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parents[1]), str(path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
        digests.add(digest(path))
    assert len(digests) == 1


def test_another_event_gives_other_bytes(tmp_path):
    one = write(tmp_path / "1.h5", [dl1run.make_events(ARRAY, 30, seed=1)])
    two = write(tmp_path / "2.h5", [dl1run.make_events(ARRAY, 30, seed=2)])
    assert digest(one) != digest(two)


def test_a_flipped_bit_in_an_image_is_noticed(tmp_path):
    path = write(tmp_path / "a.h5", [dl1run.make_events(ARRAY, 100)])
    with tables.open_file(str(path)) as file:
        chunk = file.get_node("/dl1/event/telescope/images/tel_001").chunk_info((0,))
    data = bytearray(path.read_bytes())
    data[chunk.offset + chunk.size // 2] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(CorruptedInput):
        dl1.read_images(path, 1)


def stop():
    raise RuntimeError("stop")


def write_and_stop(path: Path):
    with dl1.DL1Writer(path, ARRAY, dl1run.make_run(), provenance={}) as writer:
        writer.write(*dl1run.make_events(ARRAY, 50))
        stop()


def test_an_exception_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="stop"):
        write_and_stop(tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


def test_nothing_under_the_name_before_close(tmp_path):
    path = tmp_path / "a.h5"
    writer = dl1.DL1Writer(path, ARRAY, dl1run.make_run(), provenance={})
    writer.write(*dl1run.make_events(ARRAY, 50))
    assert not path.exists()
    writer.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_existing_output_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    path.write_text("mine")
    with pytest.raises(OutputExists):
        dl1.DL1Writer(path, ARRAY, dl1run.make_run(), provenance={})
    assert path.read_text() == "mine"
    write(path, [], overwrite=True)
    assert tables.is_hdf5_file(str(path))


@pytest.mark.parametrize("name", ["missing/a.h5", "."])
def test_unwritable_place_is_a_usage_error(tmp_path, name):
    with pytest.raises((UsageError, OutputExists)):
        dl1.DL1Writer(tmp_path / name, ARRAY, dl1run.make_run(), provenance={})


def write_much(writer):
    for seed in range(20):
        writer.write(*dl1run.make_events(ARRAY, 500, seed=seed))
    writer.close()


def test_full_disk_is_told_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.h5"
    writer = dl1.DL1Writer(path, ARRAY, dl1run.make_run(), provenance={})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(IntermittentError) as told:
            write_much(writer)
        writer.abort()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert told.value.exit_code == 100
    assert list(tmp_path.iterdir()) == []


def test_unknown_telescope_and_image_without_trigger(tmp_path):
    chunk, images = dl1run.make_events(ARRAY, 30)
    few = ARRAY.select([1, 2])
    with (
        pytest.raises(CorruptedInput, match="Telescope 7"),
        dl1.DL1Writer(tmp_path / "a.h5", few, dl1run.make_run(), provenance={}) as writer,
    ):
        writer.write(chunk, images)
    rows = chunk.triggers.event_row
    rows[:] = (rows + 1) % 30
    with pytest.raises(CorruptedInput) as told:
        write(tmp_path / "b.h5", [(chunk, images)])
    assert told.value.code == "image-without-trigger"


def test_too_large_a_lineage_is_refused(tmp_path):
    with (
        pytest.raises(ConfigurationError),
        dl1.DL1Writer(tmp_path / "a.h5", ARRAY, dl1run.make_run(), provenance={"x": "y" * 70_000}),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_calibration_is_decided_as_in_the_contract():
    for kind in EventType:
        assert (kind < event_tables._FIRST_OTHER_TYPE) == kind.is_calibration
