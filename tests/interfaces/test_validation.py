# SPDX-License-Identifier: BSD-3-Clause
"""A party signs its verdict on a product; what it rejects is no longer offered."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pellucid.archive import Archive, Product, Workspace
from pellucid.archive.moments import parse_moment
from pellucid.cli.run import run
from pellucid.errors import ConfigurationError, MissingInput, UsageError
from pellucid.interfaces.approval import HISTORY, History
from pellucid.interfaces.keys import new_key
from pellucid.interfaces.validation import holds, validate

TYPE = "DL1/Monitoring/Telescope/CameraCalibration"
START, STOP = parse_moment("2026-11-23T18:00"), parse_moment("2026-11-24T06:00")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


@pytest.fixture
def product(workspace: Workspace, tmp_path: Path) -> Product:
    path = tmp_path / "calibration"
    path.write_bytes(struct.pack("<4I", 0xD41F8A37, 70, 0, 0))
    found, _ = workspace.archive.ingest(path, TYPE, telescopes=[3])
    workspace.archive.certify(found, "B", START, STOP)
    return found


@pytest.fixture
def history(workspace: Workspace) -> History:
    return History(workspace.path / HISTORY)


def offered(archive: Archive) -> str:
    return archive.lookup(TYPE, 3, START, ("B",)).product.id


def test_what_a_party_rejects_is_not_offered_until_it_accepts(
    workspace: Workspace, history: History, product: Product
) -> None:
    key = new_key(workspace.path / "a.pem")
    history.register("LST", key, "responsible")
    archive = workspace.archive
    assert offered(archive) == product.id
    said = validate(
        archive, history, product.short_id, party="LST", key=key, verdict="rejected", reason="a broken module"
    )
    assert holds(said, history)
    with pytest.raises(MissingInput):
        offered(archive)
    validate(archive, history, product.id, party="LST", key=key, verdict="accepted", reason="it was masked")
    assert offered(archive) == product.id
    assert [(v.verdict, holds(v, history)) for v in archive.verdicts(product.id)] == [
        ("rejected", True),
        ("accepted", True),
    ]


def test_nobody_signs_for_another(workspace: Workspace, history: History, product: Product) -> None:
    key, stranger = new_key(workspace.path / "a.pem"), new_key(workspace.path / "b.pem")
    history.register("LST", key, "responsible")
    for who, party, code in ((key, "MST", "signs-for-another"), (stranger, "LST", "unknown-key")):
        with pytest.raises(ConfigurationError) as caught:
            validate(
                workspace.archive, history, product.id, party=party, key=who, verdict="rejected", reason="no"
            )
        assert caught.value.code == code
    member = new_key(workspace.path / "c.pem")
    history.register("LST", member, "member", endorsed=key)
    with pytest.raises(ConfigurationError) as caught:
        validate(
            workspace.archive, history, product.id, party="LST", key=member, verdict="accepted", reason="fine"
        )
    assert caught.value.code == "not-permitted"
    assert workspace.archive.verdicts(product.id) == []
    with pytest.raises(UsageError):
        validate(workspace.archive, history, product.id, party="LST", key=key, verdict="rejected", reason=" ")


def test_a_changed_verdict_does_not_hold(workspace: Workspace, history: History, product: Product) -> None:
    key = new_key(workspace.path / "a.pem")
    history.register("LST", key, "responsible")
    said = validate(
        workspace.archive, history, product.id, party="LST", key=key, verdict="rejected", reason="light leak"
    )
    assert holds(said, history)
    assert not holds(said._replace(verdict="accepted"), history)
    assert not holds(said._replace(party="MST"), history)
    assert not holds(said._replace(reason="none"), history)
    assert not holds(said._replace(signature=""), history)


def test_a_verdict_is_given_on_the_command_line(
    workspace: Workspace, history: History, product: Product, capsys: pytest.CaptureFixture[str]
) -> None:
    key = str(workspace.path / "a.pem")
    history.register("LST", new_key(Path(key)), "responsible")
    judge = ["interfaces", "judge", product.id, "--workspace", str(workspace.path)]
    assert run(judge) == 0
    assert "nobody has judged it" in capsys.readouterr().out
    assert run([*judge, "--reject"]) == 2
    capsys.readouterr()
    signed = ["--reject", "--because", "a broken module", "--party", "LST", "--key", key, "--json"]
    assert run([*judge, *signed]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"] == [
        {"party": "LST", "verdict": "rejected", "reason": "a broken module", "signed": True}
    ]
    assert run(["show", product.id, "--workspace", str(workspace.path)]) == 0
    assert "- party LST, verdict rejected, reason a broken module" in capsys.readouterr().out
    with pytest.raises(MissingInput):
        offered(workspace.archive)
