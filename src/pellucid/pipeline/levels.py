# SPDX-License-Identifier: BSD-3-Clause
"""Levels A (on-line), B (next day), C (final): one graph of steps, three policies over it."""

from dataclasses import asdict, dataclass
from math import ceil

from pellucid.archive.lineage import JSON, plain
from pellucid.archive.product import check_name
from pellucid.config import Config
from pellucid.errors import ConfigurationError, UsageError, nearest

__all__ = ["CLIMATOLOGY", "FALLBACKS", "LEVELS", "Level", "level_of"]

LEVELS = ("A", "B", "C")
FALLBACKS = ("last-valid", "neighbour", "climatology", "refuse")
CLIMATOLOGY = "climatology"
"""Collection with what is usual, for a level that may fall back on it."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """A policy: what a level takes, how long it waits, and what it does where something is missing.

    Attributes
    ----------
    name : str
        A, B or C; also the category of its products.
    source : str
        ``arrivals``: what has come so far; ``night``: all that was taken in for the night.
    window : float
        How far in time a step looks for the companions of its leading input, s.
    statistics : float
        Share of a step's declared minimum number of inputs that is enough.
    deadline : float
        How long after its inputs a product is due, s.
    limit : float
        How long a step may run before it is stopped, s.
    path : tuple of str
        Collections that are asked for a calibration in force, in order.
    fallback : tuple of str
        What is tried in order where none is in force: ``last-valid``, ``neighbour``, ``climatology``,
        ``refuse``. What is taken so is flagged in the product, and part of its identity.
    neighbours : tuple of tuple of int
        Groups of like telescopes, first and last number of each, in which a neighbour may stand in; all are
        alike where there are none.
    hold : float
        How long after its end the last valid calibration may be taken, s.
    collection : str
        Where its products go and its calibrations are certified.
    replaces : bool
        Whether a new calibration takes the place of an older one of the same collection.
    """

    name: str
    source: str
    window: float
    statistics: float
    deadline: float
    limit: float
    path: tuple[str, ...]
    fallback: tuple[str, ...]
    neighbours: tuple[tuple[int, int], ...]
    hold: float
    collection: str
    replaces: bool

    def __post_init__(self) -> None:
        for name in (self.collection, *self.path):
            check_name(name, "collection")
        for word in self.fallback:
            if word not in FALLBACKS:
                raise ConfigurationError(
                    f"There is no fallback '{word}'.",
                    where=f"levels.{self.name}.fallback",
                    expected="some of " + ", ".join(FALLBACKS),
                    mend=nearest(word, FALLBACKS),
                    code="configuration-value",
                )

    @property
    def window_ns(self) -> int:
        """The window in ns."""
        return round(self.window * 1e9)

    @property
    def hold_ns(self) -> int:
        """How long the last valid calibration holds, in ns."""
        return round(self.hold * 1e9)

    def alike(self, one: int, other: int) -> bool:
        """Return whether two telescopes are of a kind, so that one's calibration may serve the other."""
        groups = [(first, last) for first, last in self.neighbours if first <= one <= last]
        return not self.neighbours or any(first <= other <= last for first, last in groups)

    def enough(self, minimum: int) -> int:
        """Return how many inputs are enough where a step declares a minimum."""
        return max(1, ceil(minimum * self.statistics - 1e-9))

    def as_dict(self) -> dict[str, JSON]:
        """Return the policy as a JSON-ready mapping, to be noted with each product."""
        document = plain(asdict(self))
        assert isinstance(document, dict)
        return document


def level_of(config: Config, name: str, release: str | None = None) -> Level:
    """Return a level as it is configured.

    Parameters
    ----------
    config : Config
        With the section ``levels``.
    name : str
        A, B or C.
    release : str, optional
        Of level C, whose collection is ``C/<release>``.

    Raises
    ------
    UsageError
        There is no such level, C has no release, or another level has one (``release``).
    ConfigurationError
        A fallback or a collection is none.
    """
    if name not in LEVELS:
        raise UsageError(
            f"There is no level '{name}'.", expected="A (on-line), B (next day) or C (final)", code="level"
        )
    if (name == "C") != bool(release):
        raise UsageError(
            "A final production has a release, and no other has.",
            expected="--release with --level C, and only there",
            got=f"level {name}, release {release or 'none'}",
            mend="e.g. --level C --release 2027",
            code="release",
        )
    policy = {"A": config.levels.A, "B": config.levels.B, "C": config.levels.C}[name]

    def named(text: str) -> str:
        return text.replace("{release}", release or "")

    return Level(
        name=name,
        source=policy.source,
        window=policy.window,
        statistics=policy.statistics,
        deadline=policy.deadline,
        limit=policy.limit,
        path=_words(named(policy.path)),
        fallback=_words(policy.fallback),
        neighbours=tuple(_group(word, f"levels.{name}.neighbours") for word in _words(policy.neighbours)),
        hold=policy.hold,
        collection=named(policy.collection),
        replaces=policy.replaces,
    )


def _group(text: str, where: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        group = int(first), int(last or first)
    except ValueError:
        group = (1, 0)
    if group[0] > group[1]:
        raise ConfigurationError(
            "This is no group of telescopes.",
            where=where,
            expected="first and last number, or one number, as in 1-4, 5-13, 20",
            got=repr(text),
            code="configuration-value",
        )
    return group


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
