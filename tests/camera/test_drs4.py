# SPDX-License-Identifier: BSD-3-Clause
"""DRS4 chips: what a simulation adds is found and taken off, wherever the stream is cut."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.camera.drs4.baseline import BaselineAccumulator, subtract_baseline
from pellucid.camera.drs4.calibrator import Drs4Options, calibrate_drs4
from pellucid.camera.drs4.cell_timing import CellTimingAccumulator
from pellucid.camera.drs4.chip import FACT, LST
from pellucid.camera.drs4.corrector import Drs4Corrector
from pellucid.camera.drs4.events import Drs4Events
from pellucid.camera.drs4.lapse import TimeLapse
from pellucid.camera.drs4.sampling import relative_intervals, sample_times, weigh_by_interval
from pellucid.camera.drs4.spikes import SpikeAccumulator, SpikeFinder, subtract_spikes
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.events.batch import EventType
from pellucid.formats.fact_times import read_fact_cell_times
from pellucid.simulate.drs4 import DarkEvents, Drs4Camera, simulate_dark

SMALL = replace(LST, ring=256, skip_first=2, skip_last=1)
"""The LST's readout with shorter rings, so that few events see every capacitor often."""

PIXELS, SAMPLES, NOISE = 5, 40, 6.0
HEIGHTS = np.array([45.0, 60.0, 30.0])


def camera(random: np.random.Generator) -> Drs4Camera:
    offsets = random.normal(300.0, 40.0, (2, PIXELS, SMALL.n_cells))
    return Drs4Camera(SMALL, offsets, NOISE, HEIGHTS)


@pytest.fixture(scope="module")
def dark() -> tuple[Drs4Camera, DarkEvents]:
    random = np.random.default_rng(11)
    truth = camera(random)
    return truth, simulate_dark(truth, random, 2500, SAMPLES, rate=0.005)


@pytest.fixture(scope="module")
def short() -> tuple[Drs4Camera, DarkEvents]:
    random = np.random.default_rng(5)
    truth = camera(random)
    return truth, simulate_dark(truth, random, 300, SAMPLES, rate=0.05)


def corrected(
    truth: Drs4Camera, events: DarkEvents, cuts: list[int]
) -> tuple[bytes, npt.NDArray[np.float32]]:
    """Baselines, lapse and spikes taken off, the stream cut in pieces; also all states, as bytes."""
    gather = BaselineAccumulator(SMALL, 2, PIXELS)
    lapse, finder = TimeLapse(SMALL, 2, PIXELS), SpikeFinder(SMALL, 2, PIXELS)
    heights = SpikeAccumulator(2, PIXELS)
    edges = [0, *sorted(cuts), len(events.adc)]
    pieces, states = [], []
    for start, stop in pairwise(edges):
        adc, first, clock = events.adc[start:stop], events.first_cell[start:stop], events.clock[start:stop]
        found = finder.find(first, SAMPLES)
        gather.update(adc, first, found < 0)
        waveforms = subtract_baseline(adc, first, truth.offsets, SMALL)
        lapse.correct(waveforms, first, clock)
        heights.update(waveforms, found)
        pieces.append(waveforms)
    states = [gather.state, lapse.last_read, finder.before, heights.state]
    waveforms = np.concatenate(pieces)
    found = SpikeFinder(SMALL, 2, PIXELS).find(events.first_cell, SAMPLES)
    subtract_spikes(waveforms, found, heights.finish())
    return b"".join(s.tobytes() for s in states), waveforms


def test_all_effects_are_taken_off(dark: tuple[Drs4Camera, DarkEvents]) -> None:
    truth, events = dark
    _, waveforms = corrected(truth, events, [])
    # what is left is the noise and the rounding to whole counts
    assert waveforms.mean() == pytest.approx(0.0, abs=0.02)
    assert waveforms.std() == pytest.approx(np.sqrt(NOISE**2 + 1 / 12), rel=0.005)


def test_lapse_and_spikes_matter(dark: tuple[Drs4Camera, DarkEvents]) -> None:
    truth, events = dark
    alone = subtract_baseline(events.adc, events.first_cell, truth.offsets, SMALL)
    assert alone.std() > 1.1 * NOISE


@given(st.lists(st.integers(1, 299), max_size=6))
@settings(deadline=None, max_examples=25)
def test_a_stream_cut_anywhere_comes_out_the_same(
    short: tuple[Drs4Camera, DarkEvents], cuts: list[int]
) -> None:
    truth, events = short
    whole, waveforms = corrected(truth, events, [])
    states, pieces = corrected(truth, events, cuts)
    assert states == whole
    assert pieces.tobytes() == waveforms.tobytes()


def test_baselines_are_those_of_the_capacitors() -> None:
    random = np.random.default_rng(3)
    chip = replace(SMALL, lapse=None)
    truth = Drs4Camera(chip, random.normal(300.0, 40.0, (2, PIXELS, chip.n_cells)), NOISE, HEIGHTS)
    events = simulate_dark(truth, random, 3000, SAMPLES)
    halves = [BaselineAccumulator(chip, 2, PIXELS) for _ in range(2)]
    finder = SpikeFinder(chip, 2, PIXELS)
    usable = finder.find(events.first_cell, SAMPLES) < 0
    for k, half in enumerate(halves):
        half.update(events.adc[k::2], events.first_cell[k::2], usable[k::2])
    halves[0].merge(halves[1])
    baseline = halves[0].finish()
    pull = (baseline.mean - truth.offsets) / baseline.error
    assert not baseline.unseen.any()
    assert pull.mean() == pytest.approx(0.0, abs=0.05)
    assert pull.std() == pytest.approx(1.0, abs=0.05)
    assert np.median(baseline.std) == pytest.approx(np.sqrt(NOISE**2 + 1 / 12), rel=0.02)


def test_spikes_have_their_heights(dark: tuple[Drs4Camera, DarkEvents]) -> None:
    truth, events = dark
    waveforms = subtract_baseline(events.adc, events.first_cell, truth.offsets, SMALL)
    TimeLapse(SMALL, 2, PIXELS).correct(waveforms, events.first_cell, events.clock)
    found = SpikeFinder(SMALL, 2, PIXELS).find(events.first_cell, SAMPLES)
    gather = SpikeAccumulator(2, PIXELS)
    gather.update(waveforms, found)
    heights = gather.finish()
    assert ((heights.value - HEIGHTS) / heights.error).std() == pytest.approx(1.0, abs=0.4)
    assert heights.value.mean(axis=(0, 1)) == pytest.approx(HEIGHTS, abs=1.0)


def test_even_channels_renew_more_capacitors() -> None:
    lapse = TimeLapse(LST, 1, 2, even=np.array([True, False]))
    first = np.full((1, 1, 2), 800)
    lapse.correct(np.zeros((1, 1, 2, SAMPLES), np.float32), first, np.array([7]))
    read = [set(np.flatnonzero(pixel == 7)) for pixel in lapse.last_read[0]]
    assert read[1] == set(range(800, 840))
    assert read[0] - read[1] == set(range(1824, 1836))
    lapse.correct(np.zeros((1, 1, 2, SAMPLES), np.float32), first + 220, np.array([9]))
    assert set(np.flatnonzero(lapse.last_read[0, 0] == 9)) - set(range(1020, 1060)) == set(range(2044, 2048))


def test_cell_timing_bears_gaps() -> None:
    random = np.random.default_rng(8)
    n, pixels = 6000, 40
    a, b = random.normal(0.0, 0.5, (2, pixels, 15)) / np.arange(1, 16)
    first = random.integers(0, FACT.n_cells, (n, 1, pixels))
    first = np.where((first > 300) & (first < 380), first - 200, first)  # 80 capacitors never begin
    angle = 2 * np.pi / 1024 * first[..., None] * np.arange(1, 16)
    delay = (a * np.cos(angle) + b * np.sin(angle)).sum(axis=-1)
    times = 12.0 + delay + random.normal(0.0, 0.4, delay.shape) + random.normal(0.0, 5.0, (n, 1, 1))
    gather = CellTimingAccumulator(FACT, 1, pixels)
    gather.update(times[:2000], np.full(times[:2000].shape, 900.0), first[:2000])
    gather.update(times[2000:], np.full(times[2000:].shape, 900.0), first[2000:])
    timing = gather.finish()
    assert (timing.filled < 0.95).all()
    grid = np.arange(0, 1024, 16)[:, None, None] + np.zeros((1, 1, pixels), int)
    angle = 2 * np.pi / 1024 * grid[..., None] * np.arange(1, 16)
    truth = (a * np.cos(angle) + b * np.sin(angle)).sum(axis=-1)
    away = timing.delay(grid) - truth
    away -= away.mean(axis=2, keepdims=True)  # what all pixels share is the time of the event
    outside = (grid < 290) | (grid > 390)
    assert (away / timing.delay_error(grid))[outside].std() == pytest.approx(1.0, abs=0.2)
    assert away[outside].std() < 0.05
    assert timing.delay_error(grid)[~outside].mean() > 2 * timing.delay_error(grid)[outside].mean()


def test_delays_are_found_among_dark_events_and_flashes() -> None:
    chip = replace(FACT, ring=128)
    random = np.random.default_rng(21)
    n, pixels = 1800, 40
    offsets = random.normal(300.0, 40.0, (1, pixels, chip.n_cells))
    first = random.integers(0, chip.n_cells, (n, 1, pixels))
    angle = 2 * np.pi / chip.ring * np.arange(chip.ring)
    truth = np.cos(angle + random.uniform(0.0, 2 * np.pi, (pixels, 1)))  # ns
    lit = np.arange(n) % 5 > 0
    sample = np.arange(SAMPLES)
    delay = truth[np.arange(pixels), first[:, 0]][:, None, :, None]
    pulse = 300.0 * np.exp(-0.5 * ((sample - 17.0 - delay) / 2.0) ** 2) * lit[:, None, None, None]
    cells = (first[..., None] + sample) % chip.n_cells
    value = offsets[0, np.arange(pixels)[:, None], cells] + pulse + random.normal(0.0, 3.0, pulse.shape)
    kinds = np.where(lit, EventType.FLATFIELD, EventType.DARK_PEDESTAL).astype(np.uint8)
    events = Drs4Events(np.rint(value).astype(np.int32), first, np.arange(n) * 10**6, np.arange(n), kinds)
    options = Drs4Options(min_dark=300, min_flashes=1000, harmonics=2)
    found = calibrate_drs4(chip, 3, lambda: iter([events]), 1.0, options)
    assert (found.tel_id, found.start, found.stop, found.spikes) == (3, 0, (n - 1) * 10**6 + 1, None)
    assert found.timing is not None
    grid = np.arange(0, chip.ring, 4)[:, None, None] + np.zeros((1, 1, pixels), int)
    away = found.timing.delay(grid)[:, 0] - truth[:, grid[:, 0, 0]].T
    # what all pixels share is the time of the event
    away -= away.mean(axis=1, keepdims=True)
    assert away.std() < 0.05
    # what the corrector gives is what is to be subtracted
    corrector = Drs4Corrector(chip, found)
    shift = corrector.time_shift(events)
    assert shift is not None
    assert (shift[:, 0] - delay[:, 0, :, 0]).std() < 0.08
    waveforms, _ = corrector.correct(events)
    assert waveforms[~lit].std() == pytest.approx(3.0, rel=0.05)
    assert calibrate_drs4(chip, 3, lambda: iter([events]), 1.0, Drs4Options(min_dark=300)).timing is None


def test_only_capacitors_at_rest_are_taken() -> None:
    lapse = TimeLapse(replace(LST, clock=1e6), 1, 1)
    first = np.zeros((4, 1, 1), np.int64)
    milliseconds = np.array([0, 99, 198, 300])
    rested = lapse.at_rest(first, milliseconds * 10**6, 3)[:, 0, 0]
    # the first reading's past is not known, the next two follow within 100 ms
    assert rested.tolist() == [[False] * 3, [False] * 3, [False] * 3, [True] * 3]


def test_there_must_be_events() -> None:
    with pytest.raises(MissingInput) as none:
        calibrate_drs4(FACT, 1, lambda: iter([]), 2.0)
    assert none.value.code == "no-events"


def test_intervals_of_a_real_chip_keep_sums_and_times(data_dir: Path) -> None:
    path = data_dir / "camera" / "fact" / "long_term_constants_median.time.drs.fits"
    pixels = read_fact_cell_times(path)
    assert pixels.shape == (1440, 1024)
    assert (pixels[:9] == pixels[0]).all()
    intervals = relative_intervals(pixels[::9])
    assert intervals.mean(axis=1) == pytest.approx(1.0)
    first = np.arange(0, 1024, 64)[:, None, None] + np.zeros((1, 1, 160), int)
    times = sample_times(first, intervals[None], 300)
    assert (np.diff(times, axis=3) > 0).all()
    flat = np.ones((16, 1, 160, 300), np.float32)
    # a constant voltage integrates to the time the window lasts
    weighed = weigh_by_interval(flat, first, intervals[None], FACT).sum(axis=3)
    last = intervals[np.arange(160), (first[:, 0] + 299) % 1024]
    assert weighed[:, 0] == pytest.approx(times[:, 0, :, -1] + last, rel=1e-5)


def test_what_cannot_be_is_refused() -> None:
    gather = BaselineAccumulator(FACT, 1, 3)
    adc = np.zeros((2, 1, 3, 20), np.uint16)
    with pytest.raises(CorruptedInput) as error:
        gather.update(adc, np.array([[[0, 1, 2]], [[3, 1024, 5]]]))
    assert (error.value.code, error.value.got) == ("first-cell", "1024")
    assert "(1, 0, 1)" in error.value.where
    with pytest.raises(CorruptedInput) as error:
        gather.update(np.zeros((2, 2, 3, 20), np.uint16), np.zeros((2, 2, 3), int))
    assert error.value.code == "mixed-events"
    with pytest.raises(MissingInput):
        gather.finish()
    gather.update(adc, np.zeros((2, 1, 3), int))
    with pytest.raises(InsufficientStatistics) as short:
        gather.finish(100)
    assert "100" in short.value.expected
    with pytest.raises(ConfigurationError) as unknown:
        TimeLapse(FACT, 1, 3)
    assert unknown.value.code == "no-lapse"
    lapse = TimeLapse(LST, 1, 3)
    with pytest.raises(CorruptedInput) as back:
        lapse.correct(np.zeros((2, 1, 3, 20), np.float32), np.zeros((2, 1, 3), int), np.array([9, 8]))
    assert back.value.code == "time-backwards"
    with pytest.raises(InsufficientStatistics):
        SpikeAccumulator(1, 3).finish()
    with pytest.raises(CorruptedInput) as intervals:
        relative_intervals(np.array([0.0, -1.5, 0.0]))
    assert intervals.value.code == "bad-intervals"
