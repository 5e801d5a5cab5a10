# SPDX-License-Identifier: BSD-3-Clause
"""Levels: frozen policies of the configuration."""

from dataclasses import FrozenInstanceError

import pytest

from pellucid.config import as_toml, load
from pellucid.errors import ConfigurationError, PellucidError, UsageError
from pellucid.pipeline.levels import level_of
from pellucid.pipeline.night import Night


def test_the_three_levels_differ_as_they_should() -> None:
    config = load().config
    a, b, c = level_of(config, "A"), level_of(config, "B"), level_of(config, "C", "2027")
    assert (a.source, b.source, c.source) == ("arrivals", "night", "night")
    assert a.deadline < b.deadline < c.deadline
    assert (a.collection, b.collection, c.collection) == ("A", "B", "C/2027")
    assert (a.path, b.path, c.path) == (("A", "B"), ("B", "A"), ("C/2027", "B"))
    assert (a.fallback[-1], c.fallback, c.replaces) == ("climatology", ("refuse",), False)
    assert a.enough(4) == 1
    assert b.enough(4) == 4
    with pytest.raises(FrozenInstanceError):
        a.window = 1.0  # type: ignore[misc]


def test_they_are_configured_and_shown() -> None:
    effective = load(settings=["levels.A.window=2 min", "levels.B.fallback=neighbour, refuse"])
    assert level_of(effective.config, "A").window == 120.0
    assert level_of(effective.config, "B").fallback == ("neighbour", "refuse")
    shown = as_toml(effective.values, effective.origins, effective.tables)
    assert 'window = "120 s"  # --set' in shown
    assert "[levels.C]" in shown


@pytest.mark.parametrize(
    ("name", "release", "settings"),
    [
        ("D", None, ()),
        ("C", None, ()),
        ("B", "2027", ()),
        ("A", None, ("levels.A.fallback=last-vald",)),
        ("A", None, ("levels.A.collection=3x",)),
        ("A", None, ("levels.A.neighbours=1-4, five",)),
        ("A", None, ("levels.A.neighbours=4-1",)),
        ("A", None, ("levels.A.path=B, no good",)),
    ],
)
def test_what_cannot_be_is_refused(name: str, release: str | None, settings: tuple[str, ...]) -> None:
    with pytest.raises(PellucidError):
        level_of(load(settings=settings).config, name, release)


def test_open_tables_come_from_files_and_settings() -> None:
    effective = load(
        settings=["steps.one.width=3", "steps.one.group.depth=4", "algorithms.DL2/Model/Array/X=one"]
    )
    assert effective.tables["steps"] == {"one": {"width": 3, "group": {"depth": 4}}}
    assert effective.tables["algorithms"] == {"DL2/Model/Array/X": "one"}
    with pytest.raises(ConfigurationError):
        load(settings=["steps=3"])


def test_a_night_is_noon_to_noon_where_the_telescopes_stand() -> None:
    night = Night.parse("2026-11-22", longitude=-90.0)
    start, stop = night.span
    assert stop - start == 86400 * 10**9
    assert start - Night(20261122).span[0] == 6 * 3600 * 10**9
    assert (Night.at(start, -90.0), Night.at(stop, -90.0).day) == (night, "2026-11-23")
    assert Night.at(start - 1, -90.0).day == "2026-11-21"
    for text in ("2026-11-31", "22.11.2026", "2026-1-2", "1969-01-01", "tonight"):
        with pytest.raises((UsageError, ConfigurationError)):
            Night.parse(text)
