# SPDX-License-Identifier: BSD-3-Clause
"""Signatures: who may say what, what an edit does, and what nobody can change afterwards."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pellucid.errors import ConfigurationError, CorruptedInput, MissingInput, OutputExists
from pellucid.interfaces.approval import History
from pellucid.interfaces.keys import Key, new_key, read_key
from pellucid.interfaces.status import sign, standing
from support.contracts import weather


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "interfaces.jsonl")


@pytest.fixture
def keys(tmp_path: Path, history: History) -> dict[str, Key]:
    made = {party: new_key(tmp_path / f"{party}.key") for party in ("COM-CCF", "DATA")}
    for party, key in made.items():
        history.register(party, key, "responsible")
    return made


def refused(code: str, action: Callable[[], object]) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        action()
    assert caught.value.code == code
    return caught.value


def approved(history: History, keys: dict[str, Key]) -> None:
    for party, key in keys.items():
        sign(history, "approve", weather(), party, key, comment="fine")


def test_the_way_from_draft_to_retired(history: History, keys: dict[str, Key]) -> None:
    draft = weather('status = "proposed"', 'status = "draft"')
    states = [standing(draft, history).state]
    for action, party in (
        ("propose", "COM-CCF"),
        ("approve", "COM-CCF"),
        ("approve", "DATA"),
        ("activate", "DATA"),
        ("retire", "DATA"),
    ):
        sign(history, action, draft, party, keys[party], comment="because")
        states.append(standing(draft, history).state)
    assert states == ["draft", "proposed", "proposed", "approved", "active", "retired"]
    assert [e.action for e in history.about(draft.id)] == [
        "propose",
        "approve",
        "approve",
        "activate",
        "retire",
    ]
    assert "because" in standing(draft, history).comment
    refused("wrong-state", lambda: sign(history, "approve", draft, "DATA", keys["DATA"]))


def test_a_draft_is_proposed_before_it_is_approved(history: History, keys: dict[str, Key]) -> None:
    draft = weather('status = "proposed"', 'status = "draft"')
    error = refused("wrong-state", lambda: sign(history, "approve", draft, "DATA", keys["DATA"]))
    assert "propose it first" in error.mend


@pytest.mark.parametrize(
    ("old", "new"), [("1050]", "1051]"), ("data model", "data modes"), ("Give feedback", "Give feedbacks")]
)
def test_any_edit_makes_the_approval_suspect(
    history: History, keys: dict[str, Key], old: str, new: str
) -> None:
    approved(history, keys)
    assert standing(weather(), history).problem == ""
    edited = standing(weather(old, new), history)
    assert edited.state == "suspect"
    assert edited.parties == {"COM-CCF": "suspect", "DATA": "suspect"}
    assert "COM-CCF and DATA" in edited.problem


def test_a_changed_content_is_signed_under_a_new_version_only(history: History, keys: dict[str, Key]) -> None:
    approved(history, keys)
    edited = weather("1050]", "1051]")
    refused("same-version", lambda: sign(history, "approve", edited, "DATA", keys["DATA"]))
    raised = weather("1050]", "1051]", 'version = "1.0.0"', 'version = "1.1.0"')
    for party, key in keys.items():
        sign(history, "approve", raised, party, key)
    assert standing(raised, history).state == "approved"
    assert standing(weather(), history).state == "suspect"


def test_a_content_that_was_not_read_is_not_signed(history: History, keys: dict[str, Key]) -> None:
    read = weather().digest
    changed = weather("1050]", "1051]")
    refused("old-content", lambda: sign(history, "approve", changed, "DATA", keys["DATA"], content=read))
    sign(history, "approve", weather(), "DATA", keys["DATA"], content=read[:12])


def test_a_party_that_signs_for_another_is_refused(history: History, keys: dict[str, Key]) -> None:
    error = refused("signs-for-another", lambda: sign(history, "approve", weather(), "DATA", keys["COM-CCF"]))
    assert "COM-CCF" in error.got
    assert history.about(weather().id) == ()


def test_strangers_are_refused(history: History, keys: dict[str, Key], tmp_path: Path) -> None:
    refused("not-a-party", lambda: sign(history, "approve", weather(), "MC", keys["DATA"]))
    stranger = new_key(tmp_path / "stranger.key")
    refused("unknown-key", lambda: sign(history, "approve", weather(), "DATA", stranger))


def test_members_propose_and_do_not_sign(history: History, keys: dict[str, Key], tmp_path: Path) -> None:
    member = new_key(tmp_path / "member.key")
    refused("not-endorsed", lambda: history.register("DATA", member, "member"))
    refused("not-endorsed", lambda: history.register("DATA", member, "member", endorsed=keys["COM-CCF"]))
    history.register("DATA", member, "member", endorsed=keys["DATA"])
    sign(history, "propose", weather(), "DATA", member)
    refused("not-permitted", lambda: sign(history, "approve", weather(), "DATA", member))
    refused("known-key", lambda: history.register("DATA", member, "member", endorsed=keys["DATA"]))
    other = new_key(tmp_path / "other.key")
    refused("not-endorsed", lambda: history.register("DATA", other, "responsible", endorsed=member))


def test_a_rejection_says_why_and_can_be_overcome(history: History, keys: dict[str, Key]) -> None:
    refused("comment-needed", lambda: sign(history, "reject", weather(), "DATA", keys["DATA"]))
    sign(history, "reject", weather(), "DATA", keys["DATA"], comment="no wind")
    assert standing(weather(), history).state == "rejected"
    assert "no wind" in standing(weather(), history).comment
    assert standing(weather("1050]", "1051]"), history).state == "proposed"
    approved(history, keys)
    assert standing(weather(), history).state == "approved"


def test_a_claim_without_signatures_is_a_problem(history: History) -> None:
    claimed = standing(weather('status = "proposed"', 'status = "active"'), history)
    assert claimed.state == "proposed"
    assert claimed.problem == "declared active, and not signed by all parties"


@pytest.mark.parametrize("damage", ["a word", "a line less", "order", "another key", "no text", "garbage"])
def test_a_history_that_was_tampered_with_is_noticed(
    history: History, keys: dict[str, Key], damage: str
) -> None:
    approved(history, keys)
    lines = history.path.read_text().splitlines()
    if damage == "a word":
        lines[2] = lines[2].replace("fine", "fint")
    elif damage == "a line less":
        del lines[1]
    elif damage == "order":
        lines[2], lines[3] = lines[3], lines[2]
    elif damage == "another key":
        entry = json.loads(lines[2])
        lines[2] = json.dumps({**entry, "by": json.loads(lines[1])["by"]})
    elif damage == "no text":
        lines[2] = json.dumps({**json.loads(lines[2]), "previous": 7})
    else:
        lines[2] = "what is this"
    history.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(CorruptedInput) as caught:
        History(history.path)
    assert caught.value.code == "tampered-history"
    assert "line" in caught.value.where


def test_an_entry_forged_with_a_right_chain_and_no_right_key_is_noticed(
    history: History, keys: dict[str, Key], tmp_path: Path
) -> None:
    mallory = new_key(tmp_path / "mallory.key")
    with pytest.raises(CorruptedInput):
        history._append(
            mallory, action="approve", party="DATA", interface=weather().id, version="1.0.0",
            digest=weather().digest,
        )  # fmt: skip


def test_keys_are_for_their_owner_only_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    key = new_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path).public == key.public
    with pytest.raises(OutputExists):
        new_key(path)
    with pytest.raises(MissingInput):
        read_key(tmp_path / "none.key")
    (tmp_path / "bad.key").write_text("no key")
    refused("bad-key", lambda: read_key(tmp_path / "bad.key"))
