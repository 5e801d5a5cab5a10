# SPDX-License-Identifier: BSD-3-Clause
"""Interfaces: one test per figure that the topic must show; each prints figure | measured | bound."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acceptance.figures import Figures
from pellucid.cli.run import run
from pellucid.interfaces.check import check_files
from pellucid.interfaces.damage import DAMAGES, damages_of
from pellucid.interfaces.fake import fake
from pellucid.interfaces.registry import all_interfaces

REPOSITORY = Path(__file__).resolve().parents[2]


def test_every_fake_passes_and_every_damage_is_caught_and_named(tmp_path: Path, figures: Figures) -> None:
    deliveries = [(i, d) for i in all_interfaces().values() for d in i.deliveries]
    passed, broken, named = 0, 0, 0
    for interface, delivery in deliveries:
        made = fake(interface, tmp_path / interface.id, delivery=delivery.name, rows=4)
        passed += check_files(interface, made, delivery=delivery.name).ok
        for damage in damages_of(delivery):
            made = fake(
                interface, tmp_path / interface.id, delivery=delivery.name, damage=damage.name, rows=4
            )
            report = check_files(interface, made, delivery=delivery.name)
            broken += 1
            named += bool(set(damage.codes) & set(report.codes))
            for path in made:
                path.unlink()
    figures.at_least("kinds of deliberate damage", len(DAMAGES), 12)
    figures.equal(f"fakes of {len(deliveries)} deliveries that pass, fraction", passed / len(deliveries), 1.0)
    figures.equal(f"of {broken} broken deliveries caught and named, fraction", named / broken, 1.0)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_check_is_faster_than_that_of_pandera_and_its_memory_flat(figures: Figures) -> None:
    command = [sys.executable, REPOSITORY / "bench" / "check.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = {row["figure"]: row for row in json.loads(done.stdout)}
    whole = rows["check 1000000 rows x 10 columns, in memory"]
    figures.at_most("check of 1 M rows x 10 columns, ms (bound: pandera)", whole["value"], whole["bound"])
    column = rows["check 1000000 rows x 10 columns, in memory, a column"]
    figures.at_most("check of 1 M rows, a column, ms", column["value"], 22.0)
    memory = rows["memory of the check of a file four times as long, more"]
    figures.at_most("memory for four times the rows, more MB", memory["value"], memory["bound"])


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    code = run([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_list_names_all_interfaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], figures: Figures
) -> None:
    code, document = answer(capsys, "interfaces", "list", "--workspace", tmp_path / "ws")
    asked = ("id", "version", "parties", "level", "status", "tasks")
    whole = [i for i in document["interfaces"] if all(i[key] for key in asked)]
    with capsys.disabled():
        figures.equal("exit code of interfaces list", code, 0)
        figures.at_least("interfaces with " + ", ".join(asked), len(whole), 18)


def test_an_approval_is_suspect_when_one_byte_was_edited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], figures: Figures
) -> None:
    file, workspace = tmp_path / "mine.toml", ("--workspace", tmp_path / "ws")
    text = (REPOSITORY / "src/pellucid/interfaces/catalogue/I-DATA-COM-3021.toml").read_text()
    file.write_text(text)
    for party in ("COM-CCF", "DATA"):
        key = tmp_path / f"{party}.key"
        assert answer(capsys, "interfaces", "keygen", party, "-o", key, *workspace)[0] == 0
        code, _ = answer(capsys, "interfaces", "approve", file, "--party", party, "--key", key, *workspace)
        assert code == 0
    before = answer(capsys, "interfaces", "status", file, "--strict", *workspace)
    file.write_text(text.replace("[600, 1050]", "[600, 1051]", 1))
    after = answer(capsys, "interfaces", "status", file, "--strict", *workspace)
    with capsys.disabled():
        figures.equal("both signed: state", before[1]["interfaces"][0]["state"], "approved")
        figures.equal("both signed: exit code of status --strict", before[0], 0)
        figures.equal("one byte edited: state", after[1]["interfaces"][0]["state"], "suspect")
        figures.at_least("one byte edited: exit code of status --strict", after[0], 1)
