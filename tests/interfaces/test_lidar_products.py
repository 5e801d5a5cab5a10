# SPDX-License-Identifier: BSD-3-Clause
"""What the steps of LIDARs make, held against the interface that promises it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.atmosphere.molecular import standard_air
from pellucid.errors import CorruptedInput
from pellucid.formats.air_profile import write_air_profile
from pellucid.formats.delivery import read_delivery
from pellucid.formats.licel import write_licel
from pellucid.interfaces.check import check_files
from pellucid.interfaces.product_types import check_defined
from pellucid.interfaces.registry import interface_named
from pellucid.pipeline.steps import all_steps, step_named
from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel, simulate_scan

AGREED = interface_named("I-DATA-COM-3202")
SKY = Sky((Layer(0.0, 1500.0, 0.2),))
COLOURS = {"wavelengths": [[355, 387], [532, 607]], "dead_time": 4.0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("made")
    for name in ("raw", "scan"):
        (folder / name).mkdir()
    for file in simulate_licel(SKY, CTA, np.random.default_rng(1), files=2):
        write_licel(folder / "raw" / file.header.name, file)
    one = replace(CTA, channels=tuple(c for c in CTA.channels if c.laser == 355))
    for file in simulate_scan(SKY, one, np.random.default_rng(2), (0.0, 40.0, 60.0)):
        write_licel(folder / "scan" / file.header.name, file)
    write_air_profile(folder / "air", standard_air(np.arange(2000.0, 32000.0, 250.0)), "2026-11-23T21:00:00")
    raw, scan = (tuple(sorted((folder / n).iterdir())) for n in ("raw", "scan"))
    out = {d.name: folder / f"{d.name}.h5" for d in AGREED.deliveries}
    runs = [
        ("lidar-elastic", {"lidar": raw[0]}, "elastic-profile", {"dead_time": 4.0}),
        ("lidar-raman", {"lidar": raw[0]}, "raman-profile", COLOURS),
        ("arcade-raman", {"lidar": raw[0]}, "arcade-profile", {"dead_time": 4.0}),
        ("lidar-final", {"lidar": raw[0], "air": folder / "air"}, "final-profile", COLOURS),
        ("lidar-night", {"lidar": raw}, "night", COLOURS),
        ("lidar-scan", {"lidar": scan}, "scan", {"dead_time": 4.0, "stop": 5000.0}),
        ("lidar-instrument", {"lidar": raw}, "instrument", {}),
        ("lidar-transmission", {"profile": out["raman-profile"]}, "transmission", {}),
        ("lidar-shower-transmission", {"profile": out["raman-profile"]}, "shower-transmission", {}),
    ]
    for name, inputs, delivery, changes in runs:
        step = step_named(name)
        assert AGREED.delivery(delivery).product_type == step.output
        step.run(inputs, out[delivery], step.complete(changes), {})
    return out


@pytest.mark.parametrize("delivery", [d.name for d in AGREED.deliveries])
def test_every_product_is_as_agreed(delivery: str, made: dict[str, Path]) -> None:
    report = check_files(AGREED, [made[delivery]], delivery=delivery)
    assert report.ok, report.text()
    assert report.rows == (2 if delivery in ("raman-profile", "final-profile", "night") else 1)


def test_every_product_of_a_lidar_has_a_delivery_and_a_type() -> None:
    promised = {d.product_type for d in AGREED.deliveries}
    for step in all_steps().values():
        if step.name.startswith(("lidar-", "arcade-")):
            assert step.output in promised, step.name
            for product_type in (step.output, *(i.type for i in step.inputs.values() if hasattr(i, "type"))):
                check_defined(product_type)


def test_a_profile_whose_depth_is_withheld_is_as_agreed(tmp_path: Path) -> None:
    thick = Sky((Layer(0.0, 1500.0, 0.2), Layer(3000.0, 4000.0, 6.0, 20.0, 0.0)))
    write_licel(tmp_path / "raw", simulate_licel(thick, CTA, np.random.default_rng(4))[0])
    step = step_named("lidar-elastic")
    step.run({"lidar": tmp_path / "raw"}, tmp_path / "p.h5", step.complete({"dead_time": 4.0}), {})
    report = check_files(AGREED, [tmp_path / "p.h5"], delivery="elastic-profile")
    assert report.ok, report.text()


def test_another_file_is_no_product(tmp_path: Path, made: dict[str, Path]) -> None:
    report = check_files(AGREED, [made["scan"]], delivery="night")
    assert {f.code for f in report.findings} >= {"metadata-value", "missing-column"}
    whole = made["scan"].read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.h5").write_text("no product")
    for name in ("half.h5", "text.h5"):
        with pytest.raises(CorruptedInput) as caught:
            read_delivery(tmp_path / name, "hdf5")
        assert caught.value.code == "unreadable"
