# SPDX-License-Identifier: BSD-3-Clause
"""Validation of data products: a party signs the id of a product, accepted or rejected.

What a party rejected is no longer offered by look-ups, until that party accepts it.
"""

from typing import TYPE_CHECKING, Literal

from pellucid.archive.lineage import canonical_json
from pellucid.errors import ConfigurationError
from pellucid.interfaces.approval import History
from pellucid.interfaces.keys import Key, verify

if TYPE_CHECKING:
    from pellucid.archive import Archive
    from pellucid.archive.verdicts import Verdict

__all__ = ["holds", "validate"]


def validate(
    archive: "Archive",
    history: History,
    product_id: str,
    *,
    party: str,
    key: Key,
    verdict: Literal["accepted", "rejected"],
    reason: str,
) -> "Verdict":
    """Sign a verdict on a product and note it in the archive.

    Parameters
    ----------
    archive : Archive
        Where the product is.
    history : History
        Who owns which key.
    product_id : str
        Id of the product, or its first digits.
    party : str
        Who judges.
    key : Key
        A key of that party.
    verdict, reason : str
        ``accepted`` or ``rejected``, and why.

    Raises
    ------
    ConfigurationError
        Nobody registered the key (``unknown-key``), it belongs to another party (``signs-for-another``), or
        it is not one of those responsible (``not-permitted``).
    MissingInput, UsageError
        There is no such product, or no reason; see `pellucid.archive.verdicts.Verdicts.judge`.
    """
    owner = history.key_owner(key.public)
    if owner is None:
        raise ConfigurationError(
            "Nobody registered this key.",
            got=key.public[:16],
            mend=f"register it: pellucid interfaces keygen {party}",
            code="unknown-key",
        )
    if owner[0] != party:
        raise ConfigurationError(
            f"This key is one of {owner[0]}, which cannot sign for {party}.",
            expected=f"a key of {party}",
            got=f"a key of {owner[0]}",
            mend=f"sign as {owner[0]}, or ask {party} to sign",
            code="signs-for-another",
        )
    if owner[1] != "responsible":
        raise ConfigurationError(
            "A key of this role may not judge a product.",
            expected="responsible",
            got=owner[1],
            mend=f"ask somebody who is responsible at {party}",
            code="not-permitted",
        )
    product = archive.get(product_id)
    signed = f"{key.public}:{key.sign(_content(product.id, party, verdict, reason))}"
    return archive.judge(product.id, party=party, verdict=verdict, reason=reason, signature=signed)


def holds(verdict: "Verdict", history: History) -> bool:
    """Return whether a verdict is signed by a key of the party in whose name it speaks."""
    public, colon, signature = verdict.signature.partition(":")
    owner = history.key_owner(public) if colon else None
    return (
        owner is not None
        and owner[0] == verdict.party
        and verify(
            public, _content(verdict.product, verdict.party, verdict.verdict, verdict.reason), signature
        )
    )


def _content(product: str, party: str, verdict: str, reason: str) -> bytes:
    what = {"product": product, "party": party, "verdict": verdict, "reason": reason}
    return canonical_json(what).encode()
