# SPDX-License-Identifier: BSD-3-Clause
"""Readings of the slow control: steps open epochs, trips of single pixels and drifts do not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.camera.slow_control import SlowControl
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.formats.slow_control import read_slow_control, write_slow_control
from pellucid.interfaces.product_types import check_defined
from pellucid.simulate.history import HistoryPlan
from pellucid.simulate.slow_control import simulate_slow_control

SECOND = 1_000_000_000
N = 60


def readings(hv_step: float = 0.0, seconds: float = 40.0) -> SlowControl:
    plan = HistoryPlan(hv_step=hv_step, hv_time=20.1, duration=seconds)
    return simulate_slow_control(plan, N, 5 * SECOND, seconds, seed=2, tel_id=1)


def test_a_step_of_the_voltage_is_a_break() -> None:
    (at,) = readings(hv_step=0.1).breaks(0.005, 2.0)
    assert at / SECOND == pytest.approx(25.1, abs=0.21)
    assert readings().breaks(0.005, 2.0).size == 0


def test_a_tenth_of_the_camera_counts_and_a_single_pixel_does_not() -> None:
    control = readings()
    voltage = control.voltage.copy()
    voltage[100:, 7] = 0.0
    assert replace(control, voltage=voltage).breaks(0.005, 2.0).size == 0
    voltage[100:, :8] *= 0.9
    (at,) = replace(control, voltage=voltage).breaks(0.005, 2.0)
    assert at == pytest.approx(control.time[99:101].mean(), abs=1)


def test_a_step_of_the_temperature_is_a_break_and_a_drift_is_none() -> None:
    control = readings()
    warm = control.temperature + np.where(np.arange(200) >= 120, 4.0, 0.0)[:, None]
    (at,) = replace(control, temperature=warm).breaks(0.005, 2.0)
    assert at == pytest.approx(control.time[119:121].mean(), abs=1)
    drift = control.temperature + 0.05 * np.arange(200)[:, None]
    assert replace(control, temperature=drift).breaks(0.005, 2.0).size == 0


def test_pixels_without_voltage_are_off() -> None:
    control = readings()
    voltage = control.voltage.copy()
    voltage[:, 3] = 2.0
    voltage[:, 4] = np.nan
    assert np.flatnonzero(replace(control, voltage=voltage).off()).tolist() == [3]
    nothing = replace(control, voltage=np.full_like(voltage, np.nan))
    assert not nothing.off().any()
    assert nothing.breaks(0.005, 2.0).size == 0


def test_few_or_disordered_readings_are_refused() -> None:
    with pytest.raises(MissingInput) as few:
        readings(seconds=1.0).breaks(0.005, 2.0)
    assert few.value.code == "too-few-readings"
    control = readings()
    with pytest.raises(CorruptedInput) as back:
        replace(control, time=control.time[::-1])
    assert back.value.code == "time-backwards"


def test_files_are_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    control = readings(hv_step=0.1)
    for name, rows in (("late", slice(90, None)), ("early", slice(0, 90))):
        part = SlowControl(control.time[rows], control.voltage[rows], control.temperature[rows])
        write_slow_control(tmp_path / name, part, 1)
    read = read_slow_control([tmp_path / "late", tmp_path / "early"], 1)
    for name in ("time", "voltage", "temperature"):
        assert (getattr(read, name) == getattr(control, name)).all()
    with pytest.raises(CorruptedInput) as other:
        read_slow_control([tmp_path / "late"], 2)
    assert other.value.code == "other-camera"
    with pytest.raises(CorruptedInput):
        read_slow_control([], 1)


def test_the_product_type_is_defined() -> None:
    check_defined("DL0/Monitoring/Telescope/CameraSlowControl")
