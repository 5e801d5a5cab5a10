# SPDX-License-Identifier: BSD-3-Clause
"""DL0 runs: read back to the bit, side by side with ctapipe's reader, and bad input refused with words."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import CorruptedInput, MissingInput, PellucidError
from pellucid.events.batch import EventChunk
from pellucid.formats.zfits import RunFiles, ZfitsSource, find_run
from pellucid.simulate.run import RunSimulator, SimulatedRun, SimulationConfig, simulate_run

CONFIG = SimulationConfig(camera="tiny", telescopes=2, pedestals=4, flashes=4, showers=5, muons=4)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRun:
    return simulate_run(CONFIG, tmp_path_factory.mktemp("dl0"))


def files(run: SimulatedRun, **changed: object) -> RunFiles:
    values = {
        "telescopes": tuple(run.telescopes.values()),
        "description": run.description,
        "trigger": run.trigger,
    }
    return RunFiles(**{**values, **changed})  # type: ignore[arg-type]


def rows(chunks: list[EventChunk]) -> dict[tuple[int, int], tuple[np.ndarray, int]]:
    found = {}
    for chunk in chunks:
        for batch in chunk.cameras:
            for row, (number, tel_id) in enumerate(zip(batch.event_row, batch.tel_id)):
                key = int(chunk.events.event_id[number]), int(tel_id)
                found[key] = batch.adc[row], int(chunk.events.event_type[number])
    return found


def test_every_sample_comes_back_in_the_order_of_the_pixels(run: SimulatedRun) -> None:
    simulator = RunSimulator(CONFIG)
    with ZfitsSource(files(run)) as source:
        found = rows(list(source.chunks()))
        assert source.obs_id == 1
        assert (source.n_untriggered, source.n_missing) == (0, 0)
        assert source.position[0] == source.position[1] == len(found)
    cameras = {t: simulator.camera(t) for t in run.telescopes}
    expected = {(e.event_id, t): e for e in simulator.events for t in e.tel_ids}
    assert found.keys() == expected.keys()
    for (event_id, tel_id), event in expected.items():
        adc, kind = found[event_id, tel_id]
        assert kind == event.event_type
        assert np.array_equal(adc, simulator.record(cameras[tel_id], event).adc)


@pytest.mark.parametrize("limits", [{"max_events": 1}, {"max_events": 3}, {"max_bytes": 100_000}])
def test_chunks_of_any_size_hold_the_same_events(run: SimulatedRun, limits: dict[str, int]) -> None:
    with ZfitsSource(files(run)) as source:
        whole = rows(list(source.chunks()))
    with ZfitsSource(files(run)) as source:
        chunks = list(source.chunks(**limits))
    assert len(chunks) > 3
    pieces = rows(chunks)
    assert pieces.keys() == whole.keys()
    assert all(np.array_equal(pieces[k][0], whole[k][0]) for k in whole)


def test_times_and_triggers_come_from_the_subarray(run: SimulatedRun) -> None:
    with ZfitsSource(files(run)) as source:
        (chunk,) = source.chunks()
    events = RunSimulator(CONFIG).events
    assert np.array_equal(chunk.events.time, np.stack([e.time for e in events]))
    expected = [(k, t) for k, e in enumerate(events) for t in e.tel_ids]
    assert list(zip(chunk.triggers.event_row, chunk.triggers.tel_id)) == expected


def test_telescope_files_alone_give_the_same_events(run: SimulatedRun) -> None:
    with ZfitsSource(files(run)) as source:
        whole = rows(list(source.chunks()))
    with ZfitsSource(files(run, trigger=None), telescopes=[2]) as source:
        alone = rows(list(source.chunks()))
    assert alone.keys() == {k for k in whole if k[1] == 2}


def test_find_run_finds_all_files(run: SimulatedRun) -> None:
    assert find_run(run.description.parent) == files(run)
    with pytest.raises(MissingInput, match="no DL0 run"):
        find_run(run.description.parent / "truth")


def test_announced_but_missing_and_unannounced_data_are_counted(run: SimulatedRun, tmp_path: Path) -> None:
    other = simulate_run(
        SimulationConfig(**{**CONFIG.__dict__, "pedestals": 0, "muons": 0, "flashes": 0}), tmp_path
    )
    with ZfitsSource(files(run, trigger=other.trigger)) as source:
        found = rows(list(source.chunks()))
        assert source.n_untriggered > 0
        assert source.n_untriggered + len(found) == source.position[1]


@pytest.fixture(scope="module")
def lst_run(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRun:
    config = SimulationConfig(telescopes=4, pedestals=2, flashes=1, showers=3, muons=2)
    return simulate_run(config, tmp_path_factory.mktemp("lst"))


def test_ctapipe_reads_the_same(lst_run: SimulatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ctapipe_io_zfits", reason="ctapipe and its DL0 plugin are not installed")
    monkeypatch.setenv("CTAPIPE_IO_ZFITS_NO_SERVICE_DATA", "1")
    from ctapipe.io import EventSource

    with ZfitsSource(files(lst_run)) as source:
        ours = rows(list(source.chunks()))
    n_seen = 0
    with EventSource(lst_run.trigger) as source:
        assert type(source).__name__ == "ProtozfitsEventSource"
        for event in source:
            for tel_id, dl0 in event.dl0.tel.items():
                adc, kind = ours[int(event.index.event_id), int(tel_id)]
                assert np.array_equal(dl0.waveform, adc)
                assert dl0.event_type.value == kind
                assert dl0.selected_gain_channel is None
                n_seen += 1
    assert n_seen == len(ours) > 15


def test_real_files_of_older_data_models_are_refused(run: SimulatedRun, data_dir: Path) -> None:
    paths = sorted((data_dir / "camera" / "zfits").glob("*.f*"))
    assert paths
    for path in paths:
        with pytest.raises(CorruptedInput) as caught:
            ZfitsSource(files(run, telescopes=(path,)))
        assert caught.value.code == "unknown-message"


@pytest.mark.parametrize("damage", ["empty", "cut", "tail", "text", "folder", "absent", "bits", "header"])
def test_damaged_files_are_refused_with_file_and_place(
    run: SimulatedRun, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "TEL001.fits.fz"
    good = run.telescopes[1].read_bytes()
    changed = bytearray(good)
    if damage == "bits":
        changed[len(good) - 9000] ^= 4
    if damage == "header":
        changed[changed.index(b"ZTILELEN") + 29] ^= 1
    content = {"empty": b"", "cut": good[: len(good) // 2], "tail": good[:-100], "text": b"no data " * 900}
    if damage == "folder":
        path.mkdir()
    elif damage != "absent":
        path.write_bytes(content.get(damage, bytes(changed)))
    with pytest.raises(PellucidError) as caught:
        ZfitsSource(files(run, telescopes=(path,)))
    assert str(path) in caught.value.where
    assert caught.value.mend
    assert caught.value.exit_code == (105 if damage == "absent" else 104)


def test_no_flipped_bit_passes(run: SimulatedRun, tmp_path: Path) -> None:
    good = run.telescopes[1].read_bytes()
    path = tmp_path / "flipped.fits.fz"
    rng = np.random.default_rng(3)
    for position in rng.integers(0, len(good), 60):
        changed = bytearray(good)
        changed[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with pytest.raises(CorruptedInput):
            ZfitsSource(files(run, telescopes=(path,)))


def test_wrong_messages_and_descriptions_are_told(run: SimulatedRun, tmp_path: Path) -> None:
    with pytest.raises(CorruptedInput) as caught:
        ZfitsSource(files(run, telescopes=(run.trigger,)))
    assert caught.value.code == "unknown-message"
    with pytest.raises(MissingInput) as missing:
        ZfitsSource(files(run, description=tmp_path / "none.json"))
    assert missing.value.code == "no-description"
    for text in ("{", "{}", '{"format": "pellucid subarray description", "version": 9}'):
        bad = tmp_path / "bad.json"
        bad.write_text(text)
        with pytest.raises(CorruptedInput) as caught:
            ZfitsSource(files(run, description=bad))
        assert caught.value.code == "bad-description"


def test_a_telescope_without_description_is_told(run: SimulatedRun, tmp_path: Path) -> None:
    one = simulate_run(SimulationConfig(camera="tiny", telescopes=1, pedestals=1, flashes=0), tmp_path)
    with pytest.raises(MissingInput, match="Telescope 2 is not described") as caught:
        ZfitsSource(files(run, description=one.description, trigger=None))
    assert caught.value.code == "undescribed-telescope"


def test_files_of_two_runs_are_not_mixed(run: SimulatedRun, tmp_path: Path) -> None:
    other = simulate_run(SimulationConfig(**{**CONFIG.__dict__, "obs_id": 2}), tmp_path)
    with pytest.raises(CorruptedInput) as caught:
        ZfitsSource(files(run, telescopes=(run.telescopes[1], other.telescopes[2]), trigger=None))
    assert caught.value.code == "mixed-run"
    copy = tmp_path / "copy.fits.fz"
    shutil.copy(run.telescopes[1], copy)
    with pytest.raises(CorruptedInput):
        ZfitsSource(files(run, telescopes=(run.telescopes[1], copy), trigger=None))
