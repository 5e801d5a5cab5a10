# SPDX-License-Identifier: BSD-3-Clause
"""What parties said of an interface, signed, one entry after the other: nothing is taken back, only added.

Every entry names the hash of the one before and carries the signature (Ed25519, RFC 8032) of the key that
made it, so that an entry that was changed, moved or left out is noticed. What cannot be noticed here is an
end that was cut off; keep a copy of the last hash elsewhere where that matters.
"""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pellucid.archive.files import storage_errors
from pellucid.archive.lineage import canonical_json
from pellucid.errors import ConfigurationError, CorruptedInput
from pellucid.interfaces.contract import Interface
from pellucid.interfaces.keys import Key, verify
from pellucid.interfaces.vocabulary import PARTY, PARTY_NAMES

__all__ = ["ACTIONS", "HISTORY", "KEY_ROLES", "Entry", "History"]

HISTORY = "interfaces.jsonl"
"""File of the workspace."""

ACTIONS = {
    "propose": ("member", "responsible"),
    "approve": ("responsible",),
    "reject": ("responsible",),
    "activate": ("responsible",),
    "retire": ("responsible",),
}
"""What can be said of an interface, and the roles of the keys that may say it."""

KEY_ROLES = ("member", "responsible")
_FIRST = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the history.

    Attributes
    ----------
    number : int
        Counted from 0.
    action : str
        One of `ACTIONS`, or ``key``: a key was registered.
    party : str
        In whose name.
    by : str
        The public key that signed it, in hexadecimal digits.
    time : str
        UTC, by the clock of the machine.
    comment : str
        Why.
    interface, version, digest : str
        What was spoken of; empty for keys.
    public, role : str
        The key that was registered, and what it may do; empty for the rest.
    """

    number: int
    action: str
    party: str
    by: str
    time: str
    comment: str = ""
    interface: str = ""
    version: str = ""
    digest: str = ""
    public: str = ""
    role: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the entry JSON-ready."""
        return dict(self.__dict__)


class History:
    """The history of a workspace.

    Parameters
    ----------
    path : Path
        Its file; there is none before the first entry.

    Raises
    ------
    CorruptedInput
        An entry was changed, moved or left out, or its key was not entitled to it (``tampered-history``).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: tuple[Entry, ...] = ()
        self._last = _FIRST
        self._read()

    def about(self, interface: str) -> tuple[Entry, ...]:
        """Return the entries about an interface, oldest first."""
        return tuple(e for e in self.entries if e.interface == interface)

    def key_owner(self, public: str) -> tuple[str, str] | None:
        """Return the party and the role of a key, or None where nobody registered it."""
        return _owner(self.entries, public)

    def register(
        self, party: str, key: Key, role: str, *, endorsed: Key | None = None, comment: str = ""
    ) -> Entry:
        """Register a key of a party.

        The first key of a party is taken as it comes; the next ones need the signature of a responsible key
        of that party.

        Raises
        ------
        ConfigurationError
            No party can have this name (``party-name``), the key is registered already (``known-key``), the
            party has keys and none of its responsible ones endorses this one (``not-endorsed``), or there is
            no such role.
        """
        if not PARTY.fullmatch(party):
            raise ConfigurationError(
                "A party is named as interfaces name it.",
                expected=PARTY_NAMES,
                got=repr(party),
                mend="pellucid interfaces list tells the parties",
                code="party-name",
            )
        if role not in KEY_ROLES:
            raise ConfigurationError(f"There is no role '{role}'.", expected=" or ".join(KEY_ROLES))
        if self.key_owner(key.public) is not None:
            raise ConfigurationError("This key is registered already.", got=key.public[:16], code="known-key")
        if any(e.action == "key" and e.party == party for e in self.entries):
            owner = None if endorsed is None else self.key_owner(endorsed.public)
            if owner != (party, "responsible"):
                raise ConfigurationError(
                    f"{party} has keys already, and none of them speaks for this one.",
                    expected=f"--endorsed-by with a responsible key of {party}",
                    got="no key" if owner is None else f"a key of {owner[0]}, {owner[1]}",
                    mend=f"ask somebody who signs for {party}",
                    code="not-endorsed",
                )
        return self._append(
            endorsed or key, action="key", party=party, public=key.public, role=role, comment=comment
        )

    def say(self, action: str, interface: Interface, party: str, key: Key, comment: str = "") -> Entry:
        """Add what a party says of an interface.

        Raises
        ------
        ConfigurationError
            The party is none of the interface (``not-a-party``); the key is of nobody (``unknown-key``), of
            another party (``signs-for-another``), or may not do this (``not-permitted``); a rejection has no
            comment (``comment-needed``).
        """
        interface.party(party)
        owner = self.key_owner(key.public)
        if owner is None:
            raise ConfigurationError(
                "Nobody registered this key.", got=key.public[:16],
                mend=f"register it: pellucid interfaces keygen {party}", code="unknown-key",
            )  # fmt: skip
        if owner[0] != party:
            raise ConfigurationError(
                f"This key is one of {owner[0]}, which cannot sign for {party}.",
                where=interface.id, expected=f"a key of {party}", got=f"a key of {owner[0]}",
                mend=f"sign as {owner[0]}, or ask {party} to sign", code="signs-for-another",
            )  # fmt: skip
        if owner[1] not in ACTIONS[action]:
            raise ConfigurationError(
                f"A key of this role may not {action} an interface.",
                where=interface.id, expected=" or ".join(ACTIONS[action]), got=owner[1],
                mend=f"ask somebody who is responsible at {party}", code="not-permitted",
            )  # fmt: skip
        if action == "reject" and not comment.strip():
            raise ConfigurationError(
                "A rejection says why.", where=interface.id, expected="a comment",
                mend="add --comment", code="comment-needed",
            )  # fmt: skip
        return self._append(
            key, action=action, party=party, comment=comment, interface=interface.id,
            version=interface.version, digest=interface.digest,
        )  # fmt: skip

    def _append(self, key: Key, **what: str) -> Entry:
        with storage_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o664)
            try:
                # two who sign at once come one after the other
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._read()
                entry = Entry(
                    number=len(self.entries), by=key.public,
                    time=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), **what,
                )  # fmt: skip
                signed = {**entry.as_dict(), "previous": self._last}
                line = canonical_json({**signed, "signature": key.sign(canonical_json(signed).encode())})
                os.write(descriptor, line.encode() + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._read()
        return entry

    def _read(self) -> None:
        entries: list[Entry] = []
        last = _FIRST
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        for number, line in enumerate(lines):
            try:
                document = json.loads(line)
                signature, previous = document.pop("signature"), document.pop("previous")
                entry = Entry(**document)
            except (ValueError, KeyError, TypeError):
                raise self._tampered(number, "an entry", "something else") from None
            if previous != last or entry.number != number:
                raise self._tampered(
                    number, f"the entry after {last[:12]}", f"one after {str(previous)[:12]}"
                )
            if not verify(entry.by, canonical_json({**document, "previous": previous}).encode(), signature):
                raise self._tampered(number, "the signature of this content", "another one")
            if not _entitled(entries, entry):
                raise self._tampered(number, f"a key of {entry.party}", entry.by[:16])
            entries.append(entry)
            last = sha256(line).hexdigest()
        self.entries, self._last = tuple(entries), last

    def _tampered(self, number: int, expected: str, got: str) -> CorruptedInput:
        return CorruptedInput(
            "The history of the interfaces is not what was written.",
            where=f"{self.path}, line {number + 1}",
            expected=expected,
            got=got,
            mend="put the file back from a copy; what follows this line cannot be trusted",
            code="tampered-history",
        )


def _owner(entries: Sequence[Entry], public: str) -> tuple[str, str] | None:
    return next(((e.party, e.role) for e in entries if e.action == "key" and e.public == public), None)


def _entitled(entries: Sequence[Entry], entry: Entry) -> bool:
    """Return whether a key may have made an entry, by what was registered before it."""
    owner = _owner(entries, entry.by)
    if entry.action == "key":
        first = not any(e.action == "key" and e.party == entry.party for e in entries)
        own = first and entry.by == entry.public
        return entry.role in KEY_ROLES and (own or owner == (entry.party, "responsible"))
    allowed = ACTIONS.get(entry.action, ())
    return owner is not None and owner[0] == entry.party and owner[1] in allowed
