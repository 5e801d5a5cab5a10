# SPDX-License-Identifier: BSD-3-Clause
"""Random histories of an index, told beside a model that anybody can check by eye."""

import itertools
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pellucid.archive import InputReference, Product
from pellucid.archive.catalogue import Catalogue
from pellucid.archive.explain import CalibrationExpired, CalibrationMissing
from pellucid.archive.product import Judgement
from pellucid.archive.tables import FOREVER
from pellucid.archive.validity import ValidityOverlap
from pellucid.errors import CorruptedInput, MissingInput

__all__ = ["run_histories"]

TYPES = ("DL1/Monitoring/Telescope/Calibration", "DL1/Monitoring/Telescope/Pedestal")
COLLECTIONS = ("A", "B", "C/1")
TELESCOPES = (1, 2)

histories = itertools.count()


@dataclass
class Line:
    """One line of the model: what was certified when, and when that was known."""

    product: Product
    tel: int
    collection: str
    start: int
    stop: int
    known_from: int
    known_to: int = FOREVER

    def is_known(self, as_of: int | None) -> bool:
        return self.known_to == FOREVER if as_of is None else self.known_from <= as_of < self.known_to


@dataclass
class Word:
    """One line of what was said: by whom of which product, and when that was known."""

    id: str
    party: str
    verdict: Judgement
    known_from: int
    known_to: int = FOREVER


@dataclass
class Model:
    """Lists of products, of lines and of words; every question is answered by looking through all of them."""

    products: list[Product] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    ticks: list[int] = field(default_factory=list)

    def in_force(self, product_type: str, tel: int, collection: str, as_of: int | None = None) -> list[Line]:
        return [
            line
            for line in self.lines
            if line.product.product_type == product_type
            and (line.tel, line.collection) == (tel, collection)
            and line.is_known(as_of)
        ]

    def lookup(
        self, product_type: str, tel: int, at: int, path: tuple[str, ...], as_of: int | None
    ) -> "Line | type[Exception]":
        lines = [*itertools.chain(*(self.in_force(product_type, tel, c, as_of) for c in path))]
        holding = [line for line in lines if line.start <= at < line.stop]
        offered = [line for line in holding if not self.is_rejected(line.product.id, as_of)]
        if offered:
            return offered[0]
        ended = any(line.stop <= at for line in lines)
        return CalibrationExpired if ended and not holding else CalibrationMissing

    def is_rejected(self, id: str, as_of: int | None) -> bool:
        def is_known(word: Word) -> bool:
            return word.known_to == FOREVER if as_of is None else word.known_from <= as_of < word.known_to

        return any(w.id == id and w.verdict == "rejected" and is_known(w) for w in self.words)


spans = st.tuples(st.integers(0, 20), st.integers(1, 8)).map(lambda s: (10 * s[0], 10 * (s[0] + s[1])))
picks = st.integers(0, 10**6)
paths = st.lists(st.sampled_from(COLLECTIONS), min_size=1, max_size=3, unique=True).map(tuple)


class Histories(RuleBasedStateMachine):
    """Registers, certifies, withdraws and looks up; each history has names of its own in one index."""

    catalogue: Catalogue

    @initialize(kind=st.sampled_from(TYPES), first=spans, second=spans, into=st.sampled_from(COLLECTIONS))
    def begin(self, kind: str, first: tuple[int, int], second: tuple[int, int], into: str) -> None:
        """Begin with two products of one type, certified near each other, in one collection or two."""
        self.model = Model()
        self.number = next(histories)
        for made, (collection, span) in enumerate((("B", first), (into, second))):
            self.register(kind, {1, 2}, 2 * made)
            self.certify(made, collection, span, many=False)

    def own(self, collection: str) -> str:
        return f"h{self.number}/{collection}"

    def type_of(self, kind: str) -> str:
        return f"{kind}{self.number}"

    def new(self, serial: int, **changes: Any) -> Product:
        key = f"{self.number:032x}{serial:032x}"
        product = Product(
            id=key,
            product_type=self.type_of(TYPES[0]),
            kind="raw",
            sha256=key,
            size=1,
            format="hdf5",
            name=f"{self.number}-{serial}",
            collection=self.own("raw"),
        )
        return replace(product, **changes)

    def pick(self, number: int) -> Product | None:
        return self.model.products[number % len(self.model.products)] if self.model.products else None

    @rule(
        kind=st.sampled_from(TYPES), telescopes=st.sets(st.sampled_from(TELESCOPES), min_size=1), made=picks
    )
    def register(self, kind: str, telescopes: set[int], made: int) -> None:
        parent = self.pick(made) if made % 2 else None
        inputs = (InputReference("from", 0, parent.id),) if parent else ()
        product = self.new(
            len(self.model.products),
            product_type=self.type_of(kind),
            telescopes=tuple(sorted(telescopes)),
            kind="derived" if parent else "raw",
            inputs=inputs,
        )
        registered, is_new = self.catalogue.register(product)
        assert is_new
        assert registered == replace(product, created_ns=registered.created_ns)
        self.model.products.append(registered)

    @rule(picked=picks, other=st.booleans())
    def register_again(self, picked: int, other: bool) -> None:
        if (product := self.pick(picked)) is None:
            return
        if other:
            with pytest.raises(CorruptedInput):
                self.catalogue.register(replace(product, sha256="f" * 64))
        else:
            assert self.catalogue.register_many([product, product]) == [(product, False)] * 2

    @rule(missing=st.integers(10**6, 10**7))
    def register_without_input(self, missing: int) -> None:
        absent = InputReference("from", 0, self.new(missing).id)
        with pytest.raises(MissingInput):
            self.catalogue.register_many([self.new(missing + 1), self.new(missing + 2, inputs=(absent,))])

    @rule(picked=picks, collection=st.sampled_from(COLLECTIONS), span=spans, many=st.booleans())
    def certify(self, picked: int, collection: str, span: tuple[int, int], many: bool) -> None:
        if (product := self.pick(picked)) is None:
            return
        near = [
            line
            for tel in product.telescopes
            for line in self.model.in_force(product.product_type, tel, collection)
            if line.start < span[1] and line.stop > span[0]
        ]
        own = self.own(collection)
        call = (
            partial(self.catalogue.validity.certify_many, [(product, *span)], own)
            if many
            else partial(self.catalogue.certify, product, own, *span)
        )
        if any(line.product.id != product.id or (line.start, line.stop) != span for line in near):
            with pytest.raises(ValidityOverlap):
                call()
            return
        call()
        made = self.catalogue.validity.certificates(product)
        if not near:
            tick = max(c.known_from for c in made)
            self.model.ticks.append(tick)
            self.model.lines += [
                Line(product, tel, collection, *span, known_from=tick) for tel in product.telescopes
            ]

    @rule(picked=picks, cut=st.none() | st.tuples(st.integers(-1, 6), st.integers(1, 8)), elsewhere=picks)
    def decertify(self, picked: int, cut: tuple[int, int] | None, elsewhere: int) -> None:
        """Withdraw a line or a part of it; now and then from where it is not certified."""
        line = self.model.lines[picked % len(self.model.lines)]
        product, collection = line.product, line.collection
        if elsewhere % 7 == 0:
            collection = COLLECTIONS[elsewhere % 3]
        first = None if cut is None else max(line.start + 10 * cut[0], 0)
        span = None if first is None or cut is None else (first, first + 10 * cut[1])
        a, b = span or (0, FOREVER)
        hit = [
            line
            for line in self.model.lines
            if line.product.id == product.id
            and line.collection == collection
            and line.is_known(None)
            and line.start < b
            and line.stop > a
        ]
        if not hit:
            with pytest.raises(MissingInput):
                self.catalogue.decertify(product, self.own(collection), *(span or ()))
            return
        withdrawn = self.catalogue.decertify(product, self.own(collection), *(span or ()))
        assert len(withdrawn) == len(hit)
        tick = withdrawn[0].known_to
        self.model.ticks.append(tick)
        for line in hit:
            line.known_to = tick
            rest = ((line.start, min(line.stop, a)), (max(line.start, b), line.stop))
            self.model.lines += [
                replace(line, start=x, stop=y, known_from=tick, known_to=FOREVER) for x, y in rest if x < y
            ]
        for at, as_of in ((hit[0].start, tick), (hit[0].stop - 1, tick), (hit[0].start, tick - 1)):
            self.check(product.product_type, hit[0].tel, at, COLLECTIONS, as_of)

    @rule(
        picked=picks,
        party=st.sampled_from(("CAL", "LST")),
        verdict=st.sampled_from(("accepted", "rejected", "rejected")),
    )
    def judge(self, picked: int, party: str, verdict: Judgement) -> None:
        product = self.pick(picked)
        assert product is not None
        said = self.catalogue.opinions.judge(product, party=party, verdict=verdict, reason="x")
        for word in self.model.words:
            if (word.id, word.party, word.known_to) == (product.id, party, FOREVER):
                word.known_to = said.known_from
        self.model.words.append(Word(product.id, party, verdict, said.known_from))
        self.model.ticks.append(said.known_from)
        for line in self.model.lines:
            if line.product.id == product.id:
                self.check(product.product_type, line.tel, line.start, COLLECTIONS, None)
                break

    @rule(
        kind=st.sampled_from(TYPES),
        tel=st.sampled_from(TELESCOPES),
        at=st.integers(0, 290),
        path=paths,
        then=picks,
    )
    def lookup(self, kind: str, tel: int, at: int, path: tuple[str, ...], then: int) -> None:
        ticks = self.model.ticks
        self.check(
            self.type_of(kind), tel, at, path, ticks[then % len(ticks)] if ticks and then % 2 else None
        )

    def look_at_edges(self, line: Line) -> None:
        path = COLLECTIONS[:: 1 if self.number % 2 else -1]
        for at, as_of in (
            (line.start, None),
            (line.stop, None),
            (line.stop - 1, line.known_from),
            (line.start, line.known_from - 1),
        ):
            self.check(line.product.product_type, line.tel, at, path, as_of)

    def check(self, kind: str, tel: int, at: int, path: tuple[str, ...], as_of: int | None) -> None:
        expected = self.model.lookup(kind, tel, at, path, as_of)
        question = (kind, tel, at, [self.own(c) for c in path], as_of)
        if isinstance(expected, Line):
            found = self.catalogue.lookup(*question)
            assert found.product == expected.product
            assert found.collection == self.own(expected.collection)
            assert (found.start, found.stop) == (expected.start, expected.stop)
        else:
            with pytest.raises(expected) as caught:
                self.catalogue.lookup(*question)
            assert type(caught.value) is expected

    @invariant()
    def the_clock_goes_on(self) -> None:
        ticks = self.model.ticks if hasattr(self, "model") else []
        assert all(a < b for a, b in itertools.pairwise(ticks))

    def teardown(self) -> None:
        """At the end of a history, everything is there and nothing else."""
        if not hasattr(self, "model"):
            return
        self.look_at_edges(self.model.lines[self.number % len(self.model.lines)])
        found = self.catalogue.find(collection=self.own("raw"))
        assert found == list(reversed(self.model.products))
        for product in self.model.products:
            certificates = self.catalogue.validity.certificates(product, withdrawn=True)
            assert sorted((c.device, c.collection, *c[5:]) for c in certificates) == sorted(
                (f"tel-{x.tel}", self.own(x.collection), x.start, x.stop, x.known_from, x.known_to)
                for x in self.model.lines
                if x.product.id == product.id
            )


def run_histories(catalogue: Catalogue, count: int) -> int:
    """Let an index and the model live through random histories; fail where they differ.

    Returns
    -------
    int
        How many there were: at least ``count``.
    """
    Histories.catalogue = catalogue
    before = next(histories)
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=count,
            stateful_step_count=4,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return next(histories) - before - 1
