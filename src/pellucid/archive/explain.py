# SPDX-License-Identifier: BSD-3-Clause
"""Why this calibration and not those: every candidate of a look-up with the reason it was taken or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby

from sqlalchemy import Connection, and_, not_, select, true

from pellucid.archive.lineage import JSON
from pellucid.archive.moments import clock_text, moment_text, span_text
from pellucid.archive.search import of_telescope, types_like
from pellucid.archive.tables import (
    FOREVER,
    PRODUCTS,
    SLOTS,
    SORTS,
    VALIDITY,
    VERDICTS,
)
from pellucid.archive.validity import Certificate, certificates_query
from pellucid.archive.verdicts import is_rejection
from pellucid.errors import MissingInput, PellucidError, UsageError

__all__ = [
    "CalibrationAmbiguous",
    "CalibrationExpired",
    "CalibrationMissing",
    "Candidate",
    "Explanation",
    "explained",
]

_V, _S, _P, _J = VALIDITY.c, SLOTS.c, PRODUCTS.c, VERDICTS.c

BEFORE, AFTER, ELSEWHERE, UNCERTIFIED = 20, 3, 10, 5
"""How many candidates are told at most: of each slot that was asked those that begin before the moment and
after it; those valid for other devices or in other collections; those that nobody certified."""


class CalibrationMissing(MissingInput):
    """No calibration of this type and device is certified for the moment, or was before it; or the one that
    is was rejected."""

    default_code = "calibration-missing"


class CalibrationExpired(MissingInput):
    """The last calibration of this type and device was valid until some time before the moment."""

    default_code = "calibration-expired"


class CalibrationAmbiguous(UsageError):
    """The question fits calibrations of several types or devices."""

    default_code = "calibration-ambiguous"


@dataclass(frozen=True)
class Candidate:
    """A calibration that might have been the answer.

    Attributes
    ----------
    product, name, product_type : str
        Id, file name and type of the product.
    device, collection : str
        What it is certified for and in; empty where it is not certified.
    start, stop : int
        Half-open span of its validity, or else of what it covers, in ns TAI since 1970.
    reason : str
        ``chosen``, or why not: ``later-in-path``, ``expired``, ``not-yet-valid``, ``withdrawn``,
        ``not-yet-known``, ``rejected``, ``other-device``, ``other-collection``, ``not-certified``.
    why : str
        The reason as a sentence.
    """

    product: str
    name: str
    product_type: str
    device: str
    collection: str
    start: int
    stop: int
    reason: str
    why: str


@dataclass(frozen=True)
class Explanation:
    """What a look-up found, and why.

    Attributes
    ----------
    chosen : Candidate or None
        The answer.
    rejected : tuple of Candidate
        The others, the nearest miss first.
    error : PellucidError or None
        What `LookUp.lookup` raises where there is no answer.
    """

    chosen: Candidate | None
    rejected: tuple[Candidate, ...]
    error: PellucidError | None

    def as_dict(self) -> dict[str, JSON]:
        """Return the explanation as a JSON-ready mapping."""
        return {
            "chosen": None if self.chosen is None else asdict(self.chosen),
            "rejected": [asdict(c) for c in self.rejected],
            "error": None if self.error is None else self.error.as_dict(),
        }


@dataclass(frozen=True)
class _Question:
    product_type: str
    device: str | None
    at: int
    path: tuple[str, ...]
    as_of: int | None

    def __str__(self) -> str:
        known = "" if self.as_of is None else f", as known on {clock_text(self.as_of)}"
        device = self.device or "any device"
        return f"{self.product_type} of {device} at {moment_text(self.at)} in {','.join(self.path)}{known}"


def explained(
    connection: Connection,
    product_type: str,
    device: str | None,
    at: int,
    path: tuple[str, ...],
    as_of: int | None,
) -> Explanation:
    """Answer the question of `LookUp.explain`."""
    asked = _Question(product_type, device, at, path, as_of)
    near = list(_near(connection, asked))
    rejections = _rejections(connection, asked, {c.product for c in near})
    candidates = [_judged(asked, c, rejections) for c in near]
    valid = [c for c in candidates if c.reason == "chosen"]
    winners = []
    for _, group in groupby(sorted(valid, key=_kind), key=_kind):
        first, *later = sorted(group, key=lambda c: path.index(c.collection))
        winners.append(first)
        candidates = [_beaten(c, first) if c in later else c for c in candidates]
    rejected = sorted((c for c in candidates if c not in winners), key=_nearness)
    rejected += _uncertified(connection, asked, {c.product for c in candidates})
    if len(winners) == 1:
        return Explanation(winners[0], tuple(rejected), None)
    error = _ambiguous(asked, winners) if winners else _none(asked, rejected)
    return Explanation(None, tuple(rejected), error)


def _near(connection: Connection, asked: _Question) -> Iterator[Certificate]:
    """Yield what was ever certified where the look-up looks, near the moment; and what is valid elsewhere."""
    of_type = _S.product_type.in_(types_like(connection, _S.product_type, asked.product_type))
    any_device = asked.device is None
    looked_at = and_(_S.collection.in_(asked.path), true() if any_device else _S.device == asked.device)
    for slot in connection.scalars(select(_S.slot).where(of_type, looked_at)).all():
        own = certificates_query().where(_V.slot == slot)
        past = own.where(_V.start <= asked.at).order_by(_V.start.desc(), _V.known_from.desc()).limit(BEFORE)
        future = own.where(_V.start > asked.at).order_by(_V.start, _V.known_from.desc()).limit(AFTER)
        for query in (past, future):
            yield from (Certificate(*row[2:]) for row in connection.execute(query))
    known = FOREVER - 1 if asked.as_of is None else asked.as_of
    elsewhere = certificates_query().where(of_type, not_(looked_at), _V.start <= asked.at, _V.stop > asked.at)
    elsewhere = elsewhere.where(_V.known_from <= known, _V.known_to > known)
    for row in connection.execute(elsewhere.order_by(_S.slot).limit(ELSEWHERE)):
        yield Certificate(*row[2:])


def _rejections(connection: Connection, asked: _Question, ids: set[str]) -> dict[str, str]:
    """Return by whom, when and why those products are rejected that are."""
    query = select(_P.id, _J.party, _J.reason, _J.known_from).join_from(VERDICTS, PRODUCTS)
    query = query.where(_P.id.in_(sorted(ids)), is_rejection(asked.as_of)).order_by(_J.known_from)
    return {
        id: f"was rejected by {party} on {clock_text(tick)}: {reason}"
        for id, party, reason, tick in connection.execute(query)
    }


def _judged(asked: _Question, c: Certificate, rejections: Mapping[str, str]) -> Candidate:
    reason, why = _verdict(asked, c)
    if reason == "chosen" and c.product in rejections:
        reason, why = "rejected", rejections[c.product]
    return Candidate(c.product, c.name, c.product_type, c.device, c.collection, c.start, c.stop, reason, why)


def _verdict(asked: _Question, c: Certificate) -> tuple[str, str]:
    if asked.device not in (None, c.device):
        return "other-device", f"is for {c.device}"
    if c.collection not in asked.path:
        return "other-collection", f"collection {c.collection} is not in the search path"
    if asked.as_of is not None and c.known_from > asked.as_of:
        return "not-yet-known", f"was certified later, on {clock_text(c.known_from)}"
    if c.known_to <= (FOREVER - 1 if asked.as_of is None else asked.as_of):
        return "withdrawn", f"was withdrawn on {clock_text(c.known_to)}"
    if c.stop <= asked.at:
        return "expired", f"was valid until {moment_text(c.stop)}"
    if c.start > asked.at:
        return "not-yet-valid", f"is valid only from {moment_text(c.start)}"
    return "chosen", f"is certified in {c.collection} for {span_text(c.start, c.stop)}"


def _beaten(candidate: Candidate, winner: Candidate) -> Candidate:
    why = f"collection {candidate.collection} comes after {winner.collection} in the search path"
    return Candidate(**{**asdict(candidate), "reason": "later-in-path", "why": why})


def _kind(candidate: Candidate) -> tuple[str, str]:
    return candidate.product_type, candidate.device


_ORDER = (
    "chosen",
    "later-in-path",
    "rejected",
    "expired",
    "not-yet-valid",
    "withdrawn",
    "not-yet-known",
    "other-collection",
    "other-device",
)


def _nearness(candidate: Candidate) -> tuple[int, int]:
    early = candidate.reason == "not-yet-valid"
    return _ORDER.index(candidate.reason), candidate.start if early else -candidate.stop


def _uncertified(connection: Connection, asked: _Question, known: set[str]) -> list[Candidate]:
    """Return products that cover the moment and that nobody certified for it."""
    kinds = SORTS.c
    query = (
        select(_P.id, _P.name, kinds.product_type, _P.time_start, _P.time_stop)
        .join_from(SORTS, PRODUCTS, _P.sort == kinds.sort + 0)
        .where(kinds.product_type.in_(types_like(connection, kinds.product_type, asked.product_type)))
        .where(_P.time_start <= asked.at, _P.time_start > asked.at - kinds.longest, _P.time_stop > asked.at)
    )
    if asked.device is not None:
        kind, _, number = asked.device.partition("-")
        if kind == "tel" and number.isdigit():
            query = query.where(_P.row.in_(of_telescope(int(number))))
        else:
            query = query.where(kinds.device == asked.device)
    rows = connection.execute(query.order_by(_P.row.desc()).limit(UNCERTIFIED + len(known)))
    why = "covers the moment, but is not certified for it"
    new = [row for row in rows if row.id not in known][:UNCERTIFIED]
    return [Candidate(*row[:3], asked.device or "", "", *row[3:], "not-certified", why) for row in new]


def _none(asked: _Question, rejected: Sequence[Candidate]) -> PellucidError:
    is_rejected = any(c.reason == "rejected" for c in rejected)
    is_expired = not is_rejected and any(c.reason == "expired" for c in rejected)
    nearest = "; ".join(f"{c.product[:12]} ({c.name}) {c.why}" for c in rejected[:4])
    kind = CalibrationExpired if is_expired else CalibrationMissing
    message = (
        "The calibration is no longer valid at that moment." if is_expired else "There is no calibration."
    )
    return kind(
        "The calibration was rejected." if is_rejected else message,
        where=str(asked),
        expected="a product certified for a span that holds the moment",
        got=nearest or "nothing of that type",
        mend="certify one (pellucid certify), or add a collection to --path",
    )


def _ambiguous(asked: _Question, winners: Sequence[Candidate]) -> PellucidError:
    return CalibrationAmbiguous(
        "Several calibrations fit the question.",
        where=str(asked),
        expected="one product type and one device",
        got="; ".join(f"{c.product_type} of {c.device} ({c.product[:12]})" for c in winners[:6]),
        mend="name the type in full, and the telescope or device",
    )
