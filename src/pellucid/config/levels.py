# SPDX-License-Identifier: BSD-3-Clause
"""The policies of levels A, B and C as configuration keys."""

from dataclasses import dataclass, field

from pellucid.config.options import option

__all__ = ["Levels", "Policy"]


@dataclass(frozen=True)
class Policy:
    """What a level takes, how long it waits, and what it does where something is missing."""

    source: str = option(
        "night",
        "What a run takes: what has arrived so far, or all of the night.",
        choices=("arrivals", "night"),
    )
    window: float = option(
        43200.0, "How far in time a step looks for what goes with its leading input.", unit="s"
    )
    statistics: float = option(
        1.0, "Share of a step's declared minimum number of inputs that is enough.", minimum=0
    )
    deadline: float = option(36000.0, "How long after its inputs a product is due.", unit="s", minimum=0)
    limit: float = option(3600.0, "How long one step may run before it is stopped.", unit="s", minimum=0)
    path: str = option("B, A", "Collections asked for a calibration in force, in order, with commas between.")
    fallback: str = option(
        "last-valid",
        "What is tried, in order, where no calibration is in force: last-valid, neighbour, climatology, "
        "refuse; with commas between.",
    )
    neighbours: str = option(
        "",
        "Groups of like telescopes, in each of which a neighbour may stand in, e.g. 1-4, 5-13; all are "
        "alike where empty.",
    )
    hold: float = option(86400.0, "How long after its end the last valid calibration may be taken.", unit="s")
    collection: str = option("B", "Where products go and calibrations are certified.")
    replaces: bool = option(
        True, "Whether a new calibration takes the place of an older one of the collection."
    )


@dataclass(frozen=True)
class Levels:
    """What each level takes, how long it waits, and what it does where something is missing."""

    A: Policy = field(
        default=Policy(
            source="arrivals",
            window=600.0,
            statistics=0.25,
            deadline=30.0,
            limit=300.0,
            path="A, B",
            fallback="last-valid, neighbour, climatology",
            collection="A",
        ),
        metadata={"doc": "On-line: what has arrived, at once, with what there is."},
    )
    B: Policy = field(
        default=Policy(),
        metadata={"doc": "On site, by the next day: the whole night, with its own calibrations."},
    )
    C: Policy = field(
        default=Policy(
            deadline=2592000.0,
            limit=21600.0,
            path="C/{release}, B",
            fallback="refuse",
            hold=0.0,
            collection="C/{release}",
            replaces=False,
        ),
        metadata={"doc": "Off site, final: a release whose calibrations are never replaced."},
    )
