# SPDX-License-Identifier: BSD-3-Clause
"""Layers: found where they are and nowhere else; depths with pulls; what eats the signal is told."""

import numpy as np
import pytest

from pellucid.atmosphere.lidar.chain import analyse
from pellucid.atmosphere.lidar.elastic import molecular_signal
from pellucid.atmosphere.lidar.layers import find_layers, last_trust, layer_depth, layer_windows
from pellucid.atmosphere.lidar.options import AnalysisOptions, Channel
from pellucid.atmosphere.lidar.raman import depth, raman_model
from pellucid.atmosphere.lidar.signal import Signal, photon_signal
from pellucid.atmosphere.molecular import molecular_optics, standard_air
from pellucid.errors import InsufficientStatistics
from pellucid.simulate.lidar import Layer, Sky

RANGE = (np.arange(1500) + 0.5) * 15.0
AIR = standard_air(RANGE + 2200.0)
ELASTIC, RAMAN = molecular_optics(AIR, 355.0), molecular_optics(AIR, 387.0)
CLOUD = Layer(8000.0, 9000.0, 0.3, 25.0, 0.0)


def ratio_of(sky: Sky, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    error = noise * np.exp(RANGE / 12000.0)
    true = 1.0 + sky.aerosol(RANGE, 355.0)[1] / ELASTIC.backscatter
    return true + error * np.random.default_rng(seed).normal(size=RANGE.size), error


def counts(sky: Sky, raman: bool, scale: float, n: int = 1, seed: int = 0) -> Signal:
    alpha, beta = sky.aerosol(RANGE, 355.0)
    other = sky.aerosol(RANGE, 387.0)[0] if raman else alpha
    molecular = ELASTIC.extinction + (RAMAN if raman else ELASTIC).extinction
    tau = depth(molecular + alpha + other, 15.0)
    scattering = (
        AIR.density / AIR.density[0] if raman else (ELASTIC.backscatter + beta) / ELASTIC.backscatter[0]
    )
    mean = scale * scattering * np.exp(-tau) * (400.0 / RANGE) ** 2 * (RANGE < 19500.0) + 0.02
    mean[:5] = 0.02
    drawn = np.random.default_rng(seed).poisson(mean, (n, RANGE.size))
    return photon_signal(drawn, 1, 15.0, (20000.0, 22500.0))


def test_layers_are_found_where_they_are() -> None:
    sky = Sky((Layer(0.0, 1500.0, 0.2), Layer(4000.0, 5200.0, 0.1, 45.0), CLOUD))
    for seed in range(10):
        found = find_layers(RANGE[:800], *(x[:800] for x in ratio_of(sky, 0.02, seed)))
        assert [f.ground for f in found] == [True, False, False]
        assert [f.cloud for f in found] == [False, False, True]
        for f, layer in zip(found, sky.layers, strict=True):
            assert abs(f.top - layer.top) < 200.0
            assert layer.base == 0.0 or abs(f.base - layer.base) < 200.0
            assert f.significance > 10.0


def test_clean_air_has_no_layers() -> None:
    hits = sum(
        len(find_layers(RANGE[:1000], *(x[:1000] for x in ratio_of(Sky(), 0.1, s)))) for s in range(200)
    )
    assert hits <= 2
    assert find_layers(RANGE, np.full(RANGE.size, np.nan), np.full(RANGE.size, np.nan)) == []


def test_windows_keep_clear_of_other_layers() -> None:
    sky = Sky((Layer(6000.0, 7000.0, 0.1, 45.0), CLOUD))
    dust, cloud = find_layers(RANGE[:800], *(x[:800] for x in ratio_of(sky, 0.01)))
    below, above = layer_windows(cloud, [dust, cloud], 400.0, 15000.0)
    assert below[0] >= dust.top + 150.0
    assert above[0] >= cloud.top
    with pytest.raises(InsufficientStatistics) as caught:
        layer_windows(cloud, [dust, cloud], 400.0, cloud.top + 200.0)
    assert caught.value.code == "no-window"


@pytest.mark.parametrize("raman", [False, True])
def test_the_depth_of_a_cloud_closes(raman: bool) -> None:
    signal = counts(Sky((CLOUD,)), raman, 20000.0, 300)
    model = raman_model(RANGE, ELASTIC, RAMAN) if raman else molecular_signal(RANGE, ELASTIC)
    tau, error = layer_depth(signal, model, (6300.0, 7800.0), (9200.0, 10700.0))
    pull = (tau - 0.3) / error
    assert abs(pull.mean()) < 0.2
    assert pull.std() == pytest.approx(1.0, abs=0.12)


def test_a_cloud_that_eats_the_signal_is_told_with_the_range_of_last_trust() -> None:
    signal = counts(Sky((Layer(8000.0, 9000.0, 5.0, 20.0, 0.0),)), True, 20000.0)
    with pytest.raises(InsufficientStatistics) as caught:
        layer_depth(signal, raman_model(RANGE, ELASTIC, RAMAN), (6300.0, 7800.0), (9200.0, 10700.0))
    assert caught.value.code == "signal-eaten"
    assert 8000.0 < last_trust(signal) < 9200.0
    assert f"{last_trust(signal):.0f} m" in caught.value.got


def test_both_ways_agree_through_the_whole_analysis() -> None:
    sky = Sky((Layer(0.0, 1500.0, 0.15), CLOUD))
    options = AnalysisOptions(start=300.0, stop=15000.0, reference=(3000.0, 15000.0))
    a = analyse(Channel(counts(sky, False, 2e5), ELASTIC), Channel(counts(sky, True, 2e4), RAMAN), options)
    (cloud,) = [x for x in a.layers if x.found.cloud]
    assert cloud.elastic == pytest.approx(0.3, abs=4 * cloud.elastic_error)
    assert cloud.raman == pytest.approx(0.3, abs=4 * cloud.raman_error)
    assert cloud.flags == ()
    assert a.reference is not None
    only = analyse(Channel(counts(sky, False, 2e5), ELASTIC), options=options)
    assert only.flags == ("no-raman-channel",)
    assert np.isfinite(only.extinction.value[only.extinction.status == 0]).all()
    again = analyse(Channel(counts(sky, False, 2e5), ELASTIC), options=options)
    assert np.array_equal(only.extinction.error, again.extinction.error, equal_nan=True)


def test_a_cloud_with_a_gap_in_it_is_one_layer() -> None:
    # the gap scatters, but less than its noise: two seeds, one layer
    ratio, error = ratio_of(Sky(), 0.02)
    cloud = (RANGE > 8000.0) & (RANGE < 9500.0)
    gap = (RANGE > 8700.0) & (RANGE < 8900.0)
    ratio, error = np.where(cloud, 1.0 + 2.0 * (RANGE - 7000.0) / 2500.0, ratio), np.where(gap, 1.9, error)
    (found,) = find_layers(RANGE[:800], ratio[:800], error[:800])
    assert found.cloud
    assert abs(found.base - 8000.0) < 200.0
    assert abs(found.top - 9500.0) < 200.0


def test_extinction_below_zero_is_flagged() -> None:
    sky = Sky((Layer(0.0, 1500.0, 0.15),))
    signal, raman = counts(sky, False, 2e5), counts(sky, True, 2e5)
    options = AnalysisOptions(start=300.0, stop=15000.0, reference=(3000.0, 15000.0))
    assert analyse(Channel(signal, ELASTIC), Channel(raman, RAMAN), options).flags == ()
    overlap = 1.0 - np.exp(-((RANGE / 900.0) ** 4))
    near = Signal(raman.counts * overlap, raman.exposure, *(2 * [raman.background]), RANGE, raman.shots)
    assert "negative-extinction" in analyse(Channel(signal, ELASTIC), Channel(near, RAMAN), options).flags
