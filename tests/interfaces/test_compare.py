# SPDX-License-Identifier: BSD-3-Clause
"""Versions that tell the truth about what changed, and versions that lie."""

from pathlib import Path

import pytest

from pellucid.errors import ConfigurationError
from pellucid.interfaces.check import check_files
from pellucid.interfaces.compare import check_version, compare
from pellucid.interfaces.fake import fake
from support.contracts import weather

CHANGES = [
    ("compatible", "range = [600, 1050]", "range = [500, 1050]"),
    ("breaking", "range = [600, 1050]", "range = [700, 1050]"),
    ("compatible", 'nan = "never"', 'nan = "allowed"'),
    ("breaking", "nan = 0.2", "nan = 0.1"),
    ("breaking", 'unit = "hPa"', 'unit = "Pa"'),
    ("breaking", 'dtype = "float32"', 'dtype = "float64"'),
    ("breaking", 'shape = ["gust"], range = [0, 100]', 'shape = [4], range = [0, 100]'),
    ("compatible", 'shape = ["gust"], range = [0, 100]', 'shape = ["any"], range = [0, 100]'),
    ("compatible", 'values = ["ok", "fault"]', 'values = ["ok", "fault", "asleep"]'),
    ("breaking", 'values = ["ok", "fault"]', 'values = ["ok"]'),
    ("compatible", 'monotonic = "strict"', 'monotonic = "rising"'),
    ("breaking", 'name = "state"', 'name = "mood"'),
    ("breaking", 'level = "per array"', 'level = "per telescope"'),
    ("breaking", 'sub_project = "COM-CCF"', 'sub_project = "MC"'),
    ("compatible", 'cadence_tolerance = "5 s"', 'cadence_tolerance = "6 s"'),
    ("breaking", 'cadence_tolerance = "5 s"', 'cadence_tolerance = "4 s"'),
    ("compatible", 'latency = "5 min"', 'latency = "6 min"'),
    ("breaking", 'latency = "5 min"', 'latency = "1 min"'),
    ("compatible", 'values = ["N", "S"], ', ""),
    ("breaking", "when the file was complete\", required = false", "when the file was complete\""),
    ("wording", 'title = "A weather station"', 'title = "The weather station"'),
    ("wording", 'about = "of the station"', 'about = "of the whole station"'),
    ("wording", 'DM = "data model"', 'DM = "data modelling"'),
    ("wording", "example = 787.0", "example = 788.0"),
    ("wording", 'title = "Give feedback"', 'title = "Give more feedback"'),
    ("none", "# a comment", "# another"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "old", "new"), CHANGES)
def test_changes_are_told_apart(kind: str, old: str, new: str) -> None:
    assert compare(weather(), weather(old, new)).kind == kind


@pytest.mark.parametrize(("kind", "old", "new"), CHANGES)
def test_versions_may_not_lie(kind: str, old: str, new: str) -> None:
    least = {"breaking": "2.0.0", "compatible": "1.1.0", "wording": "1.0.1", "none": "1.0.0"}[kind]
    comparison = compare(weather(), weather(old, new, 'version = "1.0.0"', f'version = "{least}"'))
    assert comparison.least == least
    check_version(comparison, "new.toml")
    if kind == "none":
        return
    for lie in {"1.0.0", "1.0.1", "1.1.0"} - {least}:
        if tuple(map(int, lie.split("."))) > tuple(map(int, least.split("."))):
            continue
        lying = compare(weather(), weather(old, new, 'version = "1.0.0"', f'version = "{lie}"'))
        with pytest.raises(ConfigurationError) as caught:
            check_version(lying, "new.toml")
        assert caught.value.code == "lying-version"
        assert least in caught.value.mend


def test_below_one_every_minor_version_may_break() -> None:
    first = ('version = "1.0.0"', 'version = "0.3.1"')
    assert compare(weather(*first), weather('unit = "hPa"', 'unit = "Pa"')).least == "0.4.0"


def test_versions_of_two_interfaces_are_not_compared() -> None:
    with pytest.raises(ConfigurationError) as caught:
        compare(weather(), weather("3901", "3902"))
    assert caught.value.code == "two-interfaces"


@pytest.mark.parametrize(
    ("old", "new"), [c[1:] for c in CHANGES if c[0] in ("compatible", "wording", "none")]
)
def test_what_was_right_stays_right_after_a_compatible_change(old: str, new: str, tmp_path: Path) -> None:
    files = fake(weather(), tmp_path)
    assert check_files(weather(), files).ok
    report = check_files(weather(old, new, 'version = "1.0.0"', 'version = "1.1.0"'), files)
    assert report.ok, report.text()
