# SPDX-License-Identifier: BSD-3-Clause
"""How far an interface is by what was signed, not by what its file claims; and what may be signed next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.errors import ConfigurationError
from pellucid.interfaces.approval import Entry, History
from pellucid.interfaces.contract import Interface
from pellucid.interfaces.keys import Key

__all__ = ["Standing", "sign", "standing"]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far an interface is.

    Attributes
    ----------
    interface : str
        Its id.
    declared : str
        State that the file claims.
    state : str
        What is proved: ``draft``, ``proposed``, ``approved``, ``active``, ``retired``, ``rejected``, or
        ``suspect`` where the content is not the one that was signed.
    parties : mapping of str to str
        What each party's last word is worth: ``approved``, ``rejected``, ``suspect`` (it approved another
        content), ``open``.
    comment : str
        The last word about it.
    """

    interface: str
    declared: str
    state: str
    parties: Mapping[str, str]
    comment: str = ""

    @property
    def problem(self) -> str:
        """What is wrong; empty where nothing is."""
        if self.state == "suspect":
            stale = [party for party, word in self.parties.items() if word == "suspect"]
            return f"the content is not the one that {' and '.join(stale)} signed"
        if self.state == "rejected":
            return f"rejected by {', '.join(p for p, word in self.parties.items() if word == 'rejected')}"
        if self.declared in ("approved", "active") and self.state not in ("approved", "active", "retired"):
            return f"declared {self.declared}, and not signed by all parties"
        return ""

    def as_dict(self) -> dict[str, Any]:
        """Return the standing JSON-ready."""
        own = {n: getattr(self, n) for n in ("interface", "declared", "state", "comment", "problem")}
        return own | {"parties": dict(self.parties)}


def standing(interface: Interface, history: History) -> Standing:
    """Return how far an interface is by the history of a workspace."""
    entries = history.about(interface.id)
    words = {p.sub_project: _word(p.sub_project, interface, entries) for p in interface.parties}
    last = entries[-1] if entries else None
    return Standing(
        interface=interface.id,
        declared=interface.status,
        state=_state(interface, entries, words),
        parties=words,
        comment="" if last is None else f"{last.party}: {last.action}, {last.time}"
        + (f": {last.comment}" if last.comment else ""),
    )  # fmt: skip


def sign(
    history: History,
    action: str,
    interface: Interface,
    party: str,
    key: Key,
    *,
    comment: str = "",
    content: str | None = None,
) -> Entry:
    """Say something of an interface in the name of a party.

    Parameters
    ----------
    history : History
        Where it is written down.
    action : str
        One of `pellucid.interfaces.approval.ACTIONS`.
    interface : Interface
        As it is now.
    party : str
        In whose name.
    key : Key
        A key of that party.
    comment : str
        Why.
    content : str, optional
        Digest, or its first digits, of the content that was read before; where it has changed, nothing is
        signed.

    Raises
    ------
    ConfigurationError
        The content is not the one that was read (``old-content``); the state does not allow it
        (``wrong-state``); this version was approved with another content (``same-version``); and those of
        `pellucid.interfaces.approval.History.say`.
    """
    if content is not None and not (len(content) >= 8 and interface.digest.startswith(content.lower())):
        raise ConfigurationError(
            "The content is not the one that was read.",
            where=interface.source,
            expected=content,
            got=interface.digest,
            mend="read it again (pellucid interfaces show), then sign",
            code="old-content",
        )
    now = standing(interface, history)
    allowed = {
        "propose": ("draft", "rejected", "suspect", "proposed"),
        "approve": ("proposed", "suspect", "rejected"),
        "reject": ("proposed", "suspect", "approved", "active", "rejected"),
        "activate": ("approved",),
        "retire": ("draft", "proposed", "approved", "active", "suspect", "rejected"),
    }
    # a party's own word may be given again; it is the state that must fit
    if now.state not in allowed[action]:
        raise ConfigurationError(
            f"Nobody can {action} an interface that is {now.state}.",
            where=interface.id,
            expected=" or ".join(allowed[action]),
            got=now.state,
            mend="propose it first" if now.state == "draft" else "pellucid interfaces status tells more",
            code="wrong-state",
        )
    if action == "approve":
        _check_version(interface, history)
    return history.say(action, interface, party, key, comment)


def _check_version(interface: Interface, history: History) -> None:
    """Refuse to sign a content under a version that all parties signed with another content."""
    parties = {p.sub_project for p in interface.parties}
    signed: dict[str, set[str]] = {}
    for e in history.about(interface.id):
        if e.action == "approve" and e.version == interface.version and e.digest != interface.digest:
            signed.setdefault(e.digest, set()).add(e.party)
    if any(parties <= signers for signers in signed.values()):
        raise ConfigurationError(
            f"Version {interface.version} of {interface.id} was approved with another content.",
            where=interface.source,
            expected="a higher version for a changed content",
            got=interface.version,
            mend="raise the version; pellucid interfaces diff tells by how much",
            code="same-version",
        )


def _word(party: str, interface: Interface, entries: tuple[Entry, ...]) -> str:
    said = [e for e in entries if e.party == party and e.action in ("approve", "reject")]
    if not said:
        return "open"
    if said[-1].digest == interface.digest:
        return "approved" if said[-1].action == "approve" else "rejected"
    # a rejected content that was changed is open again; an approved one is in doubt
    return "suspect" if said[-1].action == "approve" else "open"


def _state(interface: Interface, entries: tuple[Entry, ...], words: Mapping[str, str]) -> str:
    if interface.status == "retired" or any(e.action == "retire" for e in entries):
        return "retired"
    for word in ("suspect", "rejected"):
        if word in words.values():
            return word
    if all(word == "approved" for word in words.values()):
        active = any(e.action == "activate" and e.digest == interface.digest for e in entries)
        return "active" if active else "approved"
    proposed = interface.status != "draft" or any(
        e.action in ("propose", "approve") and e.digest == interface.digest for e in entries
    )
    return "proposed" if proposed else "draft"
