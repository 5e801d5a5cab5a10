# SPDX-License-Identifier: BSD-3-Clause
"""Calibrations: certified by a run, found by the next, and what a level falls back on."""

import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from pellucid.archive import Workspace
from pellucid.pipeline.intake import take_in
from pellucid.pipeline.levels import CLIMATOLOGY
from pellucid.pipeline.step import FALLBACK
from support import toyrun

HOUR = 3600 * 10**9


def test_a_run_certifies_each_calibration_until_the_next(
    toy: ModuleType, workspace: Workspace, inbox: Path
) -> None:
    toyrun.take_all(workspace, [toy.deliver(inbox, "pedestal", 1, m) for m in (0, 60)])
    toyrun.run(workspace)
    archive = workspace.archive
    first = archive.lookup(toy.BASELINE, 1, toy.START, "B")
    second = archive.lookup(toy.BASELINE, 1, toy.START + HOUR, "B")
    assert (first.start, first.stop) == (toy.START, toy.START + HOUR)
    assert (second.start, second.stop) == (toy.START + HOUR, toy.START + 7 * HOUR)
    report = toyrun.run(workspace)  # the same again changes nothing
    assert report.exit_code == 0
    assert archive.lookup(toy.BASELINE, 1, toy.START, "B") == first


def test_a_newer_calibration_takes_its_place_and_the_old_one_is_remembered(
    toy: ModuleType, workspace: Workspace, inbox: Path
) -> None:
    take_in(workspace.archive, toy.deliver(inbox, "pedestal", 1, 0))
    toyrun.run(workspace)
    old = workspace.archive.lookup(toy.BASELINE, 1, toy.START, "B").product
    report = toyrun.run(workspace, parameters={"toy-baseline": {"fewest": 3}})
    assert report.exit_code == 0
    new = workspace.archive.lookup(toy.BASELINE, 1, toy.START, "B").product
    assert new.id != old.id
    assert [c.product for c in workspace.archive.catalogue.validity.certificates(old, withdrawn=True)] == [
        old.id
    ]


def test_a_clock_that_is_set_back_keeps_no_newer_calibration_out(
    toy: ModuleType, night: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    toyrun.run(night)
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - HOUR)
    report = toyrun.run(night, parameters={"toy-baseline": {"fewest": 3}})
    assert (report.exit_code, report.count("made")) == (0, 10)
    in_force = night.archive.lookup(toy.BASELINE, 1, toy.START, "B").product
    assert in_force.id in {p.id for p in report.products}
    assert toyrun.run(night, parameters={"toy-baseline": {"fewest": 3}}).count("there") == 10


def test_a_release_never_replaces_a_calibration(toy: ModuleType, workspace: Workspace, inbox: Path) -> None:
    take_in(workspace.archive, toy.deliver(inbox, "pedestal", 1, 0))
    final = toyrun.level("C")
    assert toyrun.run(workspace, final).exit_code == 0
    report = toyrun.run(workspace, final, {"toy-baseline": {"fewest": 3}})
    (failure,) = report.failures
    assert failure.error is not None
    assert failure.error.code == "validity-overlap"


@pytest.fixture
def expired(toy: ModuleType, workspace: Workspace, inbox: Path) -> Workspace:
    """Telescope 1 had a calibration until an hour before its events; telescope 2 still has one."""
    take_in(workspace.archive, toy.deliver(inbox, "pedestal", 1, 0))
    take_in(workspace.archive, toy.deliver(inbox, "pedestal", 2, 120))
    toyrun.run(workspace)
    take_in(workspace.archive, toy.deliver(inbox, "events", 1, 7 * 60))
    return workspace


@pytest.mark.parametrize(
    ("fallback", "hold", "expected"),
    [
        ("last-valid", "24 h", "last-valid"),
        ("last-valid", "30 min", None),
        ("neighbour", "0 s", "neighbour tel-2"),
        ("climatology", "0 s", "climatology"),
        ("last-valid, neighbour", "1 min", "neighbour tel-2"),
        ("refuse, neighbour", "24 h", None),
        ("", "24 h", None),
    ],
)
def test_an_expired_calibration_meets_the_levels_fallback(
    toy: ModuleType, expired: Workspace, fallback: str, hold: str, expected: str | None
) -> None:
    if fallback == "climatology":
        usual = expired.archive.find(step="toy-baseline", tel=1)[0]
        expired.archive.certify(usual, CLIMATOLOGY, toy.START - HOUR, toy.START + 1000 * HOUR)
    # what this run makes itself would be found first
    policy = toyrun.level("B", f"levels.B.fallback={fallback}", f"levels.B.hold={hold}")
    entries = toyrun.run(expired, policy).entries
    (images,) = [e for e in entries if e.task.step.name == "toy-images"]
    if expected is None:
        assert images.error is not None
        assert images.error.code == "calibration-expired"
        return
    assert images.product is not None
    assert images.product.flags == (f"baseline: {expected}",)
    assert images.product.parameters[FALLBACK] == {"baseline": expected}
    written = toy.read(expired.archive.path(images.product))
    assert written["provenance"]["parameters"][FALLBACK] == {"baseline": expected}


@pytest.mark.parametrize(
    ("neighbours", "expected"),
    [("", "neighbour tel-2"), ("1-1, 2-5", None), ("1, 3, 2", None), ("1-4", "neighbour tel-2")],
)
def test_a_neighbour_is_a_like_telescope(
    toy: ModuleType, expired: Workspace, neighbours: str, expected: str | None
) -> None:
    policy = toyrun.level("B", "levels.B.fallback=neighbour", f"levels.B.neighbours={neighbours}")
    (images,) = [e for e in toyrun.run(expired, policy).entries if e.task.step.name == "toy-images"]
    if expected is None:
        assert images.error is not None
        assert images.error.code == "calibration-expired"
    else:
        assert images.product is not None
        assert images.product.flags == (f"baseline: {expected}",)
        assert images.product.summary["policy"] == policy.as_dict()


def test_of_like_telescopes_the_nearest_stands_in(toy: ModuleType, workspace: Workspace, inbox: Path) -> None:
    for tel in (4, 7, 9):
        take_in(workspace.archive, toy.deliver(inbox, "pedestal", tel, 0))
    take_in(workspace.archive, toy.deliver(inbox, "events", 5, 6))
    for neighbours, nearest in (("", 4), ("1-4, 5-13", 7)):
        policy = toyrun.level("B", "levels.B.fallback=neighbour", f"levels.B.neighbours={neighbours}")
        toyrun.run(workspace, policy)
        (images,) = [e for e in toyrun.run(workspace, policy).entries if e.task.step.name == "toy-images"]
        assert images.product is not None
        assert images.product.flags == (f"baseline: neighbour tel-{nearest}",)


def test_what_a_fallback_filled_is_another_product(toy: ModuleType, expired: Workspace) -> None:
    flagged = toyrun.run(expired).products
    last = expired.archive.find(step="toy-baseline", tel=1)[0]
    expired.archive.certify(last, "A", toy.START + 6 * HOUR, toy.START + 12 * HOUR, because="still good")
    report = toyrun.run(expired, replace(toyrun.level(), path=("A",)))
    clean = [p for p in report.products if p.step == "toy-images"]
    assert {p.id for p in clean}.isdisjoint(p.id for p in flagged if p.step == "toy-images")
    assert clean[0].flags == ()


def test_replay_repeats_what_a_fallback_filled(expired: Workspace) -> None:
    from pellucid.archive.replay import replay

    (images,) = [p for p in toyrun.run(expired).products if p.step == "toy-images"]
    assert replay(expired, images.id).identical
