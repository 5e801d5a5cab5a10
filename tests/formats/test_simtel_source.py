# SPDX-License-Identifier: BSD-3-Clause
"""sim_telarray files: what is read equals what the field's reader sees; damage is named."""

import contextlib
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard

from pellucid.errors import CorruptedInput, PellucidError, UsageError
from pellucid.events import EventChunk, EventType, ProcessOptions
from pellucid.events.process import Processor
from pellucid.formats.eventio import BlockReader
from pellucid.formats.simtel import SimtelSource
from pellucid.formats.simtel.adc import ADC_SAMPLES
from pellucid.simulate.simtel import pack_block, repeat_events
from support.simtel_files import ONE_TELESCOPE, READABLE, rewritten


@pytest.fixture(scope="module")
def simtel(data_dir: Path) -> Path:
    return data_dir / "camera" / "simtel"


def read(path: Path, *, keep_partial: bool = False, **options: int) -> list[EventChunk]:
    with SimtelSource(path) as source:
        return list(source.chunks(keep_partial=keep_partial, **options))


def test_kinds_of_events(simtel: Path) -> None:
    kinds = {
        "calib_true_pe.simtel.zst": [EventType.FLATFIELD] * 2,
        "extracted_pedestals.simtel.zst": [EventType.OTHER_CALIBRATION] * 5,
        "lst_muons_with_true_photons.simtel.zst": [EventType.SUBARRAY] * 3,
    }
    for name, expected in kinds.items():
        chunks = read(simtel / name)
        assert [k for c in chunks for k in c.events.event_type.tolist()] == expected
        has_shower = [row for c in chunks if c.showers is not None for row in c.showers.event_row]
        assert len(has_shower) == sum(not kind.is_calibration for kind in expected)


def test_the_flashes_have_their_photoelectrons(simtel: Path) -> None:
    (chunk,) = read(simtel / "calib_true_pe.simtel.zst")
    (batch,) = chunk.cameras
    assert batch.true_image is not None
    assert batch.true_image.mean(axis=1) == pytest.approx([1.70, 19.28], abs=0.01)


def test_two_telescopes_of_one_camera_name_keep_their_own_pulse(simtel: Path) -> None:
    from pellucid.events.pulse import integration_correction

    with SimtelSource(simtel / "gamma_prod6_tel_event_header_v4.simtel.zst") as source:
        first, second = source.subarray.telescopes[1], source.subarray.telescopes[2]
    assert first.geometry.name == second.geometry.name == "LSTcam"
    assert first.readout.fingerprint != second.readout.fingerprint
    ratio = integration_correction(first.readout, 7, 3)[0] / integration_correction(second.readout, 7, 3)[0]
    assert abs(np.log(ratio)) == pytest.approx(abs(np.log(0.9405744)), abs=1e-6)


def test_both_focal_lengths_are_kept(simtel: Path) -> None:
    with SimtelSource(simtel / "gamma_prod6_tel_event_header_v4.simtel.zst") as source:
        optics = source.subarray.telescopes[1].optics
    assert optics.nominal_focal_length == pytest.approx(28.0)
    assert optics.effective_focal_length == pytest.approx(29.237, abs=1e-4)
    with SimtelSource(simtel / "lst_muons_with_true_photons.simtel.zst") as source:
        optics = source.subarray.telescopes[1].optics
    with pytest.raises(PellucidError, match="no effective focal length") as caught:
        optics.focal_length()
    assert "--focal-length nominal" in caught.value.mend


def test_disabled_pixels_are_marked(simtel: Path) -> None:
    (chunk,) = read(simtel / "n_hv_disabled.simtel.gz")
    with SimtelSource(simtel / "n_hv_disabled.simtel.gz") as source:
        expected = len(source._descriptions[1]["disabled_pixels"]["HV_disabled"])
    assert int(chunk.coefficients[0].unusable[0].sum()) == expected


@pytest.mark.parametrize("name", READABLE)
def test_division_into_chunks_changes_nothing(simtel: Path, name: str) -> None:
    whole = read(simtel / name, keep_partial=True)
    single = read(simtel / name, keep_partial=True, max_events=1)
    assert all(len(c.events.event_id) == 1 for c in single)

    def rows(chunks: list[EventChunk]) -> dict[tuple[int, int], bytes]:
        return {
            (int(c.events.event_id[row]), int(tel)): adc.tobytes()
            for c in chunks
            for b in c.cameras
            for row, tel, adc in zip(b.event_row, b.tel_id, b.adc)
        }

    assert rows(whole) == rows(single)


@pytest.mark.parametrize("name", READABLE)
def test_leaving_the_unused_low_gain_out_changes_no_image(simtel: Path, name: str) -> None:
    options = ProcessOptions(focal_length="nominal")
    images = []
    for above in (None, options.gain_threshold):
        with SimtelSource(simtel / name) as source:
            process = Processor(source.subarray, options)
            chunks = source.chunks(keep_partial=True, low_gain_above=above)
            images.append([one for chunk in chunks for one in process(chunk)])
    for whole, lazy in zip(*images, strict=True):
        for column in ("image", "peak_time", "gain_channel", "parameters"):
            assert getattr(whole, column).tobytes() == getattr(lazy, column).tobytes()


def test_some_telescopes(simtel: Path) -> None:
    path = simtel / "history_meta_75.simtel.zst"
    with SimtelSource(path, telescopes=[3, 1]) as source:
        (chunk,) = source.chunks()
        assert source.subarray.tel_ids == [1, 3]
    assert sorted(t for b in chunk.cameras for t in b.tel_id.tolist()) == [1, 3]
    assert chunk.triggers.tel_id.tolist() == [1, 3]
    with pytest.raises(UsageError, match="no telescope 99"):
        SimtelSource(path, telescopes=[1, 99])


def test_a_cut_file_gives_its_whole_events_only_when_asked(simtel: Path) -> None:
    path = simtel / "test_lasercal_v3.simtel.gz"
    with pytest.raises(CorruptedInput) as caught:
        read(path)
    assert caught.value.code == "truncated"
    assert "byte" in caught.value.where
    with SimtelSource(path) as source:
        chunks = list(source.chunks(keep_partial=True))
        assert source.damage is not None
    assert [i for c in chunks for i in c.events.event_id.tolist()] == [100, 101, 104]


def test_a_file_cut_in_its_head_gives_nothing(simtel: Path) -> None:
    with pytest.raises(CorruptedInput) as caught:
        SimtelSource(simtel / "test_camorganv2.simtel.gz")
    assert caught.value.code in ("truncated", "undescribed-telescope")


def test_an_unknown_block_is_refused(simtel: Path, tmp_path: Path) -> None:
    with BlockReader(simtel / ONE_TELESCOPE) as reader:
        raw = [pack_block(b.kind, b.version, b.ident, bytes(b.payload), only_subblocks=b.only_subblocks,
                          top_level=True) for b in reader]  # fmt: skip
    path = tmp_path / "odd.simtel"
    path.write_bytes(b"".join([*raw[:-1], pack_block(4711, 0, 1, b"what", top_level=True), raw[-1]]))
    with pytest.raises(CorruptedInput) as caught:
        read(path)
    assert caught.value.code == "unknown-block"
    assert f"block type 4711 id 1 at byte {sum(map(len, raw[:-1]))}" in caught.value.where


def test_data_of_an_undescribed_telescope_are_refused(simtel: Path, tmp_path: Path) -> None:
    with zstandard.open(simtel / ONE_TELESCOPE, "rb") as file:
        content = file.read()
    # telescope 1 becomes 77: in the trigger's list, its pointing and its event
    old = struct.pack("<I", 2201 | 1 << 20), struct.pack("<I", 2101)
    assert all(content.count(word) == 1 for word in old)
    content = content.replace(old[0], struct.pack("<I", 2277 | 1 << 20))
    content = content.replace(old[1], struct.pack("<I", 2177))
    changed = tmp_path / "changed.simtel"
    changed.write_bytes(content)

    def trigger(block: object) -> bytes:
        payload = bytearray(getattr(block, "payload"))  # noqa: B009
        struct.pack_into("<h", payload, 26, 77)
        return bytes(payload)

    path = rewritten(changed, tmp_path / "odd.simtel", trigger, (2009,))
    with pytest.raises(CorruptedInput) as caught:
        read(path)
    assert caught.value.code == "undescribed-telescope"
    assert "event" in caught.value.what.lower()


def test_a_camera_without_pixels_is_refused(simtel: Path, tmp_path: Path) -> None:
    path = rewritten(
        simtel / ONE_TELESCOPE,
        tmp_path / "odd.simtel",
        lambda b: bytes(4) + bytes(b.payload)[4:],
        (ADC_SAMPLES,),
    )
    with pytest.raises(CorruptedInput) as caught:
        read(path)
    assert caught.value.code == "zero-pixels"


def test_a_pulse_of_nan_is_refused(simtel: Path, tmp_path: Path) -> None:
    with SimtelSource(simtel / ONE_TELESCOPE) as source:
        pulse = source._descriptions[1]["pixel_settings"]["ref_shape"]

    def nan(block: object) -> bytes:
        payload: bytes = bytes(getattr(block, "payload"))  # noqa: B009
        assert payload.count(pulse.tobytes()) == 1
        return payload.replace(pulse.tobytes(), np.full_like(pulse, np.nan).tobytes())

    path = rewritten(simtel / ONE_TELESCOPE, tmp_path / "odd.simtel", nan, (2004,))
    with pytest.raises(CorruptedInput) as caught:
        read(path)
    assert caught.value.code == "bad-pulse"


def test_flipped_bits_end_in_a_typed_error_or_in_data(simtel: Path, tmp_path: Path) -> None:
    with zstandard.open(simtel / ONE_TELESCOPE, "rb") as file:
        content = file.read()
    random = np.random.default_rng(20261123)
    # half of the flips where the structure is densest: before and around the event
    places = np.concatenate([random.integers(0, len(content), 60), random.integers(0, 4000, 60)])
    caught = 0
    for place in places.tolist():
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(random.integers(8))
        path = tmp_path / "flipped.simtel"
        path.write_bytes(flipped)
        try:
            read(path)
        except PellucidError as error:
            caught += 1
            assert error.exit_code in (104, 105)  # noqa: PT017
    assert 0 < caught < len(places)


def test_flipped_bits_in_compressed_files(simtel: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for name in (ONE_TELESCOPE, "n_hv_disabled.simtel.gz"):
        content = (simtel / name).read_bytes()
        for _ in range(20):
            flipped = bytearray(content)
            flipped[int(random.integers(len(content)))] ^= 1 << int(random.integers(8))
            path = tmp_path / f"flipped-{name}"
            path.write_bytes(flipped)
            with contextlib.suppress(PellucidError):
                read(path)


MEASURE = """
import resource, sys
from pathlib import Path
from pellucid.formats.simtel import SimtelSource
with SimtelSource(Path(sys.argv[1])) as source:
    n = sum(len(chunk.events.event_id) for chunk in source.chunks(max_bytes=4 << 20))
print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_stays_flat(simtel: Path, tmp_path: Path) -> None:
    peak = {}
    for copies in (20, 200):
        path = tmp_path / f"x{copies}.simtel"
        repeat_events(simtel / "lst_muons_with_true_photons.simtel.zst", path, copies, compress=False)
        shown = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path)], check=True, capture_output=True, text=True
        ).stdout
        n, peak[copies] = map(int, shown.split())
        assert n == 3 * copies
    assert peak[200] < peak[20] + 8_000  # kB; the long file is 120 MB longer
