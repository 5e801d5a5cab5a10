# SPDX-License-Identifier: BSD-3-Clause
"""Certified calibrations, on both engines: one at a time, never forgotten, and a look-up that says why."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from pellucid.archive import Product
from pellucid.archive.catalogue import Catalogue
from pellucid.archive.engine import transaction
from pellucid.archive.explain import CalibrationAmbiguous, CalibrationExpired, CalibrationMissing
from pellucid.archive.lookup import Calibration
from pellucid.archive.moments import clock_text, parse_clock, parse_moment, span_text
from pellucid.archive.tables import FOREVER
from pellucid.archive.validity import Certificate, ValidityOverlap
from pellucid.errors import ConfigurationError, MissingInput, PellucidError
from support.products import numbered

TYPE, OTHER = "DL1/Monitoring/Telescope/Calibration", "DL1/Monitoring/Telescope/Pedestal"
WEATHER = "DL1/Monitoring/Subarray/Weather"

type Make = Callable[..., Product]


@pytest.fixture
def make(catalogue: Catalogue) -> Make:
    """Register calibrations of telescope 3, or as told."""

    def register(number: int, **changes: Any) -> Product:
        told = {"name": f"cal{number}.h5", "telescopes": (3,)} | changes
        return catalogue.register(numbered(number, **told))[0]

    return register


def number(found: Calibration) -> int:
    return int(found.product.id, 16)


def test_the_one_that_is_valid_is_found_to_the_nanosecond(catalogue: Catalogue, make: Make) -> None:
    for n, start in ((1, 100), (2, 200), (3, 400)):
        certificates, is_new = catalogue.certify(make(n), "B", start, start + 100)
        assert is_new
        assert [c[:7] for c in certificates] == [
            (f"{n:064x}", f"cal{n}.h5", TYPE, "tel-3", "B", start, start + 100)
        ]
        assert certificates[0].known_to == FOREVER
    found = {at: number(catalogue.lookup(TYPE, 3, at, "B")) for at in (100, 199, 200, 299, 400, 499)}
    assert found == {100: 1, 199: 1, 200: 2, 299: 2, 400: 3, 499: 3}
    calibration = catalogue.lookup(TYPE, "tel-3", 250, ["B"])
    assert calibration.product == catalogue.get(f"{2:064x}")
    assert calibration[1:] == ("B", 200, 300)
    for at, error in ((99, CalibrationMissing), (300, CalibrationExpired), (500, CalibrationExpired)):
        with pytest.raises(error):
            catalogue.lookup(TYPE, 3, at, "B")


def test_none_expired_and_ambiguous_are_different_errors(catalogue: Catalogue, make: Make) -> None:
    catalogue.certify(make(1), "B", 100, 200)
    catalogue.certify(make(2, telescopes=(4,)), "B", 100, 200)
    catalogue.certify(make(3, product_type=OTHER), "B", 100, 200)

    def raised(*question: Any) -> PellucidError:
        with pytest.raises(PellucidError) as caught:
            catalogue.lookup(*question)
        error = caught.value
        assert error.where
        assert error.mend
        return error

    missing = raised(TYPE, 5, 150, "B")
    assert (type(missing), missing.code, missing.exit_code) == (
        CalibrationMissing,
        "calibration-missing",
        105,
    )
    assert "is for tel-4" in missing.got
    assert isinstance(raised("DL1/No/Such/Type", 3, 150, "B"), CalibrationMissing)
    assert "not in the search path" in raised(TYPE, 3, 150, "A").got
    assert "only from" in raised(TYPE, 3, 50, "B").got
    expired = raised(TYPE, 3, 200, ("A", "B"))
    assert (type(expired), expired.code, expired.exit_code) == (
        CalibrationExpired,
        "calibration-expired",
        105,
    )
    assert "valid until 1969-12-31T23:59:51" in expired.got
    ambiguous = raised(TYPE, None, 150, "B")
    assert (type(ambiguous), ambiguous.code, ambiguous.exit_code) == (
        CalibrationAmbiguous,
        "calibration-ambiguous",
        2,
    )
    assert "tel-3" in ambiguous.got
    assert "tel-4" in ambiguous.got
    assert raised("DL1/*", 3, 150, "B").code == "calibration-ambiguous"
    assert number(catalogue.lookup("DL1/*/Pedestal", 3, 150, "B")) == 3
    assert number(catalogue.lookup(OTHER, None, 150, "B")) == 3


def test_a_search_path_is_asked_in_order(catalogue: Catalogue, make: Make) -> None:
    catalogue.certify(make(1), "A", 0, 1000)
    catalogue.certify(make(2), "B", 100, 200)
    catalogue.certify(make(3), "C/2027", 150, 160)

    def found(at: int, *path: str) -> int:
        return number(catalogue.lookup(TYPE, 3, at, path))

    assert [found(at, "B", "A") for at in (50, 150, 200)] == [1, 2, 1]
    assert [found(155, "A", "B"), found(155, "C/2027", "B", "A"), found(170, "C/2027", "B")] == [1, 3, 2]


def test_every_rejected_candidate_has_a_reason(catalogue: Catalogue, make: Make) -> None:
    catalogue.certify(make(1), "A", 0, 1000)
    catalogue.certify(make(2), "B", 500, 600)
    catalogue.certify(make(3), "B", 300, 400)
    catalogue.certify(make(4), "B", 700, 800)
    catalogue.certify(make(5), "C", 0, 1000)
    catalogue.certify(make(6, telescopes=(4,)), "B", 500, 600)
    catalogue.certify(make(7), "A/old", 500, 600)
    catalogue.decertify(make(7), "A/old")
    make(8, time_start=500, time_stop=600)
    make(9, time_start=500, time_stop=600, telescopes=(4,))
    before = catalogue.validity.certificates(catalogue.get(f"{7:064x}"), withdrawn=True)[0].known_from
    explanation = catalogue.explain(TYPE, 3, 550, ("B", "A", "A/old"))
    assert explanation.error is None
    assert explanation.chosen is not None
    assert int(explanation.chosen.product, 16) == 2
    assert "is certified in B" in explanation.chosen.why
    reasons = {int(c.product, 16): c.reason for c in explanation.rejected}
    assert reasons == {
        1: "later-in-path",
        3: "expired",
        4: "not-yet-valid",
        5: "other-collection",
        6: "other-device",
        7: "withdrawn",
        8: "not-certified",
    }
    assert all(c.why for c in explanation.rejected)
    then = catalogue.explain(TYPE, 3, 550, "B", as_of=before)
    assert {int(c.product, 16): c.reason for c in then.rejected}[7] == "other-collection"
    never = catalogue.explain(TYPE, 3, 550, "B", as_of=0)
    assert never.chosen is None
    assert isinstance(never.error, CalibrationMissing)
    assert {c.reason for c in never.rejected} >= {"not-yet-known", "not-certified"}
    document: Any = explanation.as_dict()
    assert document["chosen"]["name"] == "cal2.h5"


def test_what_is_withdrawn_was_known_until_then(catalogue: Catalogue, make: Make) -> None:
    first, second = make(1), make(2)
    (one,), _ = catalogue.certify(first, "B", 100, 400, because="flat-field of 3 May")
    (was,) = catalogue.decertify(first, "B", 200, 300, because="clouds")
    assert was == one._replace(known_to=was.known_to)
    (two,), _ = catalogue.certify(second, "B", 200, 300)
    assert one.known_from < was.known_to < two.known_from

    def found(at: int, as_of: int | None = None) -> int | None:
        try:
            return number(catalogue.lookup(TYPE, 3, at, "B", as_of))
        except MissingInput:
            return None

    assert [found(at) for at in (100, 199, 200, 299, 300, 399, 400)] == [1, 1, 2, 2, 1, 1, None]
    assert [found(250, t) for t in (one.known_from - 1, one.known_from, was.known_to - 1)] == [None, 1, 1]
    assert [found(250, t) for t in (was.known_to, two.known_from - 1, two.known_from)] == [None, None, 2]
    assert [found(350, t) for t in (was.known_to - 1, was.known_to, two.known_from)] == [1, 1, 1]
    spans = [(c.start, c.stop) for c in catalogue.validity.certificates(first)]
    assert spans == [(100, 200), (300, 400)]
    everything = catalogue.validity.certificates(first, withdrawn=True)
    assert [(c.start, c.stop, c.known_to == FOREVER) for c in everything] == [
        (100, 400, False),
        (100, 200, True),
        (300, 400, True),
    ]
    with pytest.raises(MissingInput) as caught:
        catalogue.decertify(first, "B", 200, 300)
    assert caught.value.code == "not-certified"
    assert len(catalogue.decertify(first, "B")) == 2
    assert found(350) is None
    assert found(350, two.known_from) == 1


def test_the_same_again_changes_nothing_and_says_so(catalogue: Catalogue, make: Make) -> None:
    product = make(1, telescopes=(3, 4))
    first, is_new = catalogue.certify(product, "B", 100, 200)
    assert (len(first), is_new) == (2, True)
    assert catalogue.certify(product, "B", 100, 200) == (first, False)
    assert catalogue.validity.certify_many([(product, 100, 200), (product, 300, 400)], "B") == 1
    assert len(catalogue.validity.certificates(product)) == 4


@pytest.mark.parametrize("span", [(50, 101), (199, 300), (120, 130), (50, 300), (100, 200)])
def test_an_overlap_is_refused_and_names_what_is_there(
    catalogue: Catalogue, make: Make, span: tuple[int, int]
) -> None:
    catalogue.certify(make(1), "B", 100, 200)
    other = make(2, telescopes=(2, 3))
    for certify in (
        lambda: catalogue.certify(other, "B", *span),
        lambda: catalogue.validity.certify_many([(make(3), 500, 600), (other, *span)], "B"),
    ):
        with pytest.raises(ValidityOverlap) as caught:
            certify()
        assert (caught.value.code, caught.value.exit_code) == ("validity-overlap", 101)
        assert "cal1.h5" in caught.value.got
        assert "decertify" in caught.value.mend
    assert catalogue.validity.certificates(other) == [], "not for its other telescope either"
    assert catalogue.validity.certificates(make(3)) == []
    for free in ((50, 100), (200, 300)):
        assert catalogue.certify(other, "B", *free)[1]
    assert catalogue.certify(make(4, product_type=OTHER), "B", *span)[1]
    assert catalogue.certify(make(5), "A", *span)[1]


def test_the_database_itself_refuses(catalogue: Catalogue, make: Make) -> None:
    catalogue.certify(make(1), "B", 100, 200)
    row = "INSERT INTO validity (slot, start, stop, product, known_from, known_to) SELECT slot, {}, product, "
    row += "known_from, known_to FROM validity"
    for span in ("150, 250", "50, 101", "100, 200", "300, 300", "300, 200", "-5, 5", f"300, {FOREVER}"):
        with pytest.raises(IntegrityError), transaction(catalogue.engine) as connection:
            connection.exec_driver_sql(row.format(span))
    for change in (
        "DELETE FROM validity",
        "UPDATE validity SET stop = 150",
        "UPDATE validity SET known_from = known_from - 1",
        "UPDATE validity SET product = 2",
    ):
        with pytest.raises(DBAPIError, match="history"), transaction(catalogue.engine) as connection:
            connection.exec_driver_sql(change)
    catalogue.decertify(make(1), "B")
    with pytest.raises(DBAPIError, match="history"), transaction(catalogue.engine) as connection:
        connection.exec_driver_sql(f"UPDATE validity SET known_to = {FOREVER}")
    with transaction(catalogue.engine) as connection:
        connection.exec_driver_sql(row.format("200, 300"))


@pytest.mark.parametrize(
    ("start", "stop", "code"),
    [
        (200, 100, "validity-inverted"),
        (100, 100, "validity-empty"),
        (0, FOREVER, "validity-infinite"),
        (0, 2**70, "validity-infinite"),
        (0, float("inf"), "validity-infinite"),
        (float("nan"), 5, "validity-infinite"),
        (100, None, "validity-infinite"),
        (-1, 100, "before-1970"),
        (1.5, 100, "validity-not-whole"),
        (True, 100, "validity-not-whole"),
    ],
)
def test_a_span_that_cannot_be_is_refused(
    catalogue: Catalogue, make: Make, start: int, stop: int, code: str
) -> None:
    product = make(1)
    for certify in (
        lambda: catalogue.certify(product, "B", start, stop),
        lambda: catalogue.validity.certify_many([(product, start, stop)], "B"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            certify()
        assert caught.value.code == code
    assert catalogue.validity.certificates(product) == []


def test_what_is_not_there_or_ill_named_is_refused(catalogue: Catalogue, make: Make) -> None:
    product = make(1)
    unknown = replace(product, id="f" * 64)
    for certify in (
        lambda: catalogue.certify(unknown, "B", 1, 2),
        lambda: catalogue.validity.certify_many([(product, 1, 2), (unknown, 1, 2)], "B"),
    ):
        with pytest.raises(MissingInput) as caught:
            certify()
        assert caught.value.code == "unknown-product"
    for collection, code in (
        ("raw", "collection-raw"),
        ("", "ill-spelled-name"),
        ("b c", "ill-spelled-name"),
    ):
        for act in (catalogue.certify, catalogue.decertify):
            with pytest.raises(ConfigurationError) as refused:
                act(product, collection, 1, 2)
            assert refused.value.code == code
    assert catalogue.validity.certificates(product) == []


def test_devices(catalogue: Catalogue, make: Make) -> None:
    catalogue.certify(make(1, product_type=WEATHER, telescopes=()), "B", 1, 9)
    catalogue.certify(make(2, telescopes=(), device="raman-1"), "B", 1, 9)
    assert number(catalogue.lookup(WEATHER, "array", 5, "B")) == 1
    assert number(catalogue.lookup(WEATHER, None, 5, "B")) == 1
    assert number(catalogue.lookup(TYPE, "raman-1", 5, "B")) == 2
    make(3, telescopes=(), device="raman-1", time_start=1, time_stop=9)
    assert [c.reason for c in catalogue.explain(TYPE, "raman-1", 5, "B").rejected] == ["not-certified"]
    with pytest.raises(ConfigurationError):
        catalogue.lookup(TYPE, "two words", 5, "B")


def test_the_clock_of_the_archive_never_goes_back(
    catalogue: Catalogue, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.archive.journal.time.time_ns", lambda: 1000)
    acts: list[Certificate] = []
    for n in range(3):
        acts += catalogue.certify(make(n + 1), "B", 10 * n, 10 * n + 10)[0]
        acts += catalogue.decertify(make(n + 1), "B")
    assert [c.known_from for c in acts[::2]] == [1000, 1002, 1004]
    assert [c.known_to for c in acts[1::2]] == [1001, 1003, 1005]


def test_threads_look_up_at_once(catalogue: Catalogue, make: Make) -> None:
    catalogue.certify(make(1), "B", 100, 200)
    found: list[int] = []

    def look() -> None:
        found.extend(number(catalogue.lookup(TYPE, 3, 150, "B")) for _ in range(50))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 200


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-11-23T02:10", "2026-11-23T02:10:37"),
        ("2026-11-23 02:10:00.000000001Z", "2026-11-23T02:10:37.000000001"),
        ("2026-11-23", "2026-11-23T00:00:37"),
        ("2016-12-31T23:59:60.5", "2017-01-01T00:00:36.5"),
        ("2017-01-01T00:00:00", "2017-01-01T00:00:37"),
        ("2040-01-01", "2040-01-01T00:00:37"),
    ],
)
def test_moments_are_utc_and_counted_in_tai(text: str, ns: str) -> None:
    whole, _, rest = ns.partition(".")
    expected = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()) * 10**9
    assert parse_moment(text) == expected + int((rest or "0").ljust(9, "0"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-11-23T23:59:60", "leap-second"),
        ("2026-11-23T12:59:60", "moment"),
        ("2026-02-30", "moment"),
        ("2026-11-23T24:00", "moment"),
        ("2026-11-23T02:10+01:00", "moment"),
        ("yesterday", "moment"),
        ("٢٠٢٦-11-23", "moment"),
        ("1969-12-31", "before-1970"),
        ("inf", "validity-infinite"),
        ("", "validity-infinite"),
    ],
)
def test_what_is_no_moment_is_refused(text: str, code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_moment(text)
    assert caught.value.code == code


def test_moments_are_told_as_people_read_them() -> None:
    start = parse_moment("2026-11-23T02:10")
    assert span_text(start, start + 10**9) == "[2026-11-23T02:10:00.000Z, 2026-11-23T02:10:01.000Z)"
    assert clock_text(parse_clock("2026-05-03T12:00:00.25")) == "2026-05-03T12:00:00.250000Z"
