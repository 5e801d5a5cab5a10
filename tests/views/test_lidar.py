# SPDX-License-Identifier: BSD-3-Clause
"""The page of a LIDAR's night: drawn from its record, equal bytes, gaps kept, what is withheld told."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from pellucid.atmosphere.lidar.night import LidarNight
from pellucid.formats.licel import LicelFile
from pellucid.formats.lidar_night import read_lidar_night, write_lidar_night
from pellucid.pipeline.steps import step_named
from pellucid.pipeline.steps.lidar import analyse_night
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel
from pellucid.views.figures import new_figure
from pellucid.views.lidar import draw_depth, draw_layers, draw_quicklook, quicklook_picture
from pellucid.views.lidar_night import write_lidar_page

SKY = Sky((Layer(0.0, 1500.0, 0.2), Layer(9000.0, 10000.0, 0.2, 25.0, 0.0)))


def later(file: LicelFile, minutes: int) -> LicelFile:
    shift = timedelta(minutes=minutes)
    return replace(
        file, header=replace(file.header, start=file.header.start + shift, stop=file.header.stop + shift)
    )


@pytest.fixture(scope="module")
def night() -> LidarNight:
    files = simulate_licel(SKY, CTA, np.random.default_rng(4), files=4)
    files = [*files[:2], *(later(f, 10) for f in files[2:])]
    parameters = step_named("lidar-night").complete({"files_per_profile": 2, "dead_time": 4.0})
    return analyse_night(files, parameters)[355]


def test_the_record_is_that_of_the_files(night: LidarNight) -> None:
    assert night.light.shape == (4, night.height.size)
    assert night.time.shape == (2, 2)
    assert night.time[1, 0] - night.time[0, 1] == 10 * 60 * 10**9
    assert {x.found.cloud for _, x in night.layers} == {True, False}
    cell = int(np.searchsorted(night.height, 5000.0))
    assert night.depth[:, cell] == pytest.approx(0.2 * (1.0 - 550.0 / 1500.0), abs=0.03)
    assert np.isnan(night.depth[:, 0]).all()


def test_a_night_is_read_back_as_it_was_written(night: LidarNight, tmp_path: Path) -> None:
    for name in "ab":
        write_lidar_night(tmp_path / name, {355: night}, {"step": "x"}, "Here")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again, site = read_lidar_night(tmp_path / "a")
    assert site == "Here"
    assert [(i, x.found, x.flags) for i, x in again[355].layers] == [
        (i, x.found, x.flags) for i, x in night.layers
    ]
    assert again[355].flags == night.flags
    for name in ("light", "extinction", "depth_error", "time", "zenith"):
        assert np.array_equal(getattr(again[355], name), getattr(night, name), equal_nan=True)


def test_pauses_stay_white_and_layers_lie_where_they_are(night: LidarNight) -> None:
    with new_figure(8, 4) as figure:
        axes = figure.add_subplot()
        draw_quicklook(axes, night, 16000.0)
        spans = sorted((m.get_coordinates()[0, 0, 0], m.get_coordinates()[0, 1, 0]) for m in axes.collections)
        assert spans[2][0] - spans[1][1] == pytest.approx(10.0 / 60.0)
        other = figure.add_subplot()
        draw_layers(other, night, 16000.0)
        assert len(other.lines) == sum(1 if x.found.ground else 2 for _, x in night.layers)


def test_depths_beyond_trust_are_not_drawn(night: LidarNight) -> None:
    with new_figure(4, 3) as figure:
        axes = figure.add_subplot()
        draw_depth(axes, night, (3000.0, 17900.0))
        cell = int(np.searchsorted(night.height, 3000.0))
        assert axes.containers[0].lines[0].get_ydata() == pytest.approx(night.depth[:, cell])
        assert len(axes.containers) == 1 + bool(np.isfinite(night.depth[:, -2]).any())


def test_the_same_night_gives_the_same_page(night: LidarNight, tmp_path: Path) -> None:
    pages = []
    for name in "ab":
        write_lidar_page(tmp_path / name, {355: night}, "Here <b>", "2026-11-23")
        pages.append((tmp_path / name).read_text())
    assert pages[0] == pages[1]
    assert "Here &lt;b&gt;" in pages[0]
    assert pages[0].count("data:image/png;base64,") == 3
    assert "ground layer" in pages[0]


def test_a_night_without_raman_light_says_so(tmp_path: Path) -> None:
    files = simulate_licel(SKY, CTA, np.random.default_rng(5), files=1)
    parameters = step_named("lidar-night").complete({"wavelengths": [[355, 0]], "dead_time": 4.0})
    night = analyse_night(files, parameters)[355]
    assert np.isnan(night.depth).all()
    write_lidar_page(tmp_path / "p", {355: night}, "Here", "2026-11-23")
    assert "extinction rests on an assumed lidar ratio (1 of 1 profiles)" in (tmp_path / "p").read_text()
    assert len(quicklook_picture(night)) > 10_000
