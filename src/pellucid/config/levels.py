# SPDX-License-Identifier: BSD-3-Clause
"""The policies of levels A, B and C as configuration keys."""

from dataclasses import dataclass, field
from typing import Any

from pellucid.config.options import option

__all__ = ["LevelA", "LevelB", "LevelC", "Levels"]


def _source(default: str) -> Any:
    doc = "What a run takes: what has arrived so far, or all of the night."
    return option(default, doc, choices=("arrivals", "night"))


def _window(default: float) -> Any:
    return option(default, "How far in time a step looks for what goes with its leading input.", unit="s")


def _statistics(default: float) -> Any:
    doc = "Share of a step's declared minimum number of inputs that is enough."
    return option(default, doc, minimum=0)


def _deadline(default: float) -> Any:
    return option(default, "How long after its inputs a product is due.", unit="s", minimum=0)


def _limit(default: float) -> Any:
    return option(default, "How long one step may run before it is stopped.", unit="s", minimum=0)


def _path(default: str) -> Any:
    return option(default, "Collections asked for a calibration in force, in order, with commas between.")


def _fallback(default: str) -> Any:
    doc = (
        "What is tried, in order, where no calibration is in force: last-valid, neighbour, climatology, "
        "refuse; with commas between."
    )
    return option(default, doc)


def _hold(default: float) -> Any:
    return option(default, "How long after its end the last valid calibration may be taken.", unit="s")


def _collection(default: str) -> Any:
    return option(default, "Where products go and calibrations are certified.")


def _replaces(default: bool) -> Any:
    return option(default, "Whether a new calibration takes the place of an older one of the collection.")


@dataclass(frozen=True)
class LevelA:
    """On-line: what has arrived, at once, with what there is."""

    source: str = _source("arrivals")
    window: float = _window(600.0)
    statistics: float = _statistics(0.25)
    deadline: float = _deadline(30.0)
    limit: float = _limit(300.0)
    path: str = _path("A, B")
    fallback: str = _fallback("last-valid, neighbour, climatology")
    hold: float = _hold(86400.0)
    collection: str = _collection("A")
    replaces: bool = _replaces(True)


@dataclass(frozen=True)
class LevelB:
    """On site, by the next day: the whole night, with its own calibrations."""

    source: str = _source("night")
    window: float = _window(43200.0)
    statistics: float = _statistics(1.0)
    deadline: float = _deadline(36000.0)
    limit: float = _limit(3600.0)
    path: str = _path("B, A")
    fallback: str = _fallback("last-valid")
    hold: float = _hold(86400.0)
    collection: str = _collection("B")
    replaces: bool = _replaces(True)


@dataclass(frozen=True)
class LevelC:
    """Off site, final: a release whose calibrations are never replaced."""

    source: str = _source("night")
    window: float = _window(43200.0)
    statistics: float = _statistics(1.0)
    deadline: float = _deadline(2592000.0)
    limit: float = _limit(21600.0)
    path: str = _path("C/{release}, B")
    fallback: str = _fallback("refuse")
    hold: float = _hold(0.0)
    collection: str = _collection("C/{release}")
    replaces: bool = _replaces(False)


@dataclass(frozen=True)
class Levels:
    """What each level takes, how long it waits, and what it does where something is missing."""

    A: LevelA = field(default_factory=LevelA)
    B: LevelB = field(default_factory=LevelB)
    C: LevelC = field(default_factory=LevelC)
