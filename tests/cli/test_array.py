# SPDX-License-Identifier: BSD-3-Clause
"""The verb that tells what a part of an array can calibrate."""

import json
from pathlib import Path

import pytest

from pellucid.cli.run import run
from pellucid.formats.description import write_description
from pellucid.simulate.instruments import make_subarray, preset


def study(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, object]]:
    assert run(["array", "study", "--json", *arguments]) == 0
    return {p["name"]: p for p in json.loads(capsys.readouterr().out)["parameters"]}


def test_three_telescopes_know_all_with_larger_errors(capsys: pytest.CaptureFixture[str]) -> None:
    found = study(capsys, "--telescopes", "1,2,3")
    assert all(p["identified"] for p in found.values())
    assert found["change of transparency times mean throughput"]["growth"] == pytest.approx(10.0)


def test_two_telescopes_are_told_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["array", "study", "--telescopes", "1,2"]) == 0
    shown = capsys.readouterr().out
    assert "one pair tells only the product of two throughputs" in shown


def test_more_time_makes_smaller_errors(capsys: pytest.CaptureFixture[str]) -> None:
    name = "relative throughput from rates"
    one, four = (study(capsys, "--time", time)[name] for time in ("1 min", "4 min"))
    assert one["error"] == pytest.approx(2.0 * float(str(four["error"])))


def test_the_array_may_be_any(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "array.json"
    write_description(make_subarray(preset("small"), 4), path)
    full = study(capsys, "--array", str(path))
    assert {p["growth"] for p in full.values()} == {1.0}
    assert full["clock offset"]["telescopes"] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--telescopes", "1,99"), 104),
        (("--telescopes", "one"), 2),
        (("--rate", "30 m"), 2),
        (("--time", "0 s"), 2),
    ],
)
def test_wrong_options_are_told(
    arguments: tuple[str, ...], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["array", "study", *arguments]) == code
    assert "Traceback" not in capsys.readouterr().err
