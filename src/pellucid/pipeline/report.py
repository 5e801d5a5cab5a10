# SPDX-License-Identifier: BSD-3-Clause
"""What a run did: for each task what came of it, for each step how many, and the exit code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pellucid.archive.lineage import JSON
from pellucid.archive.product import Product
from pellucid.errors import PellucidError
from pellucid.pipeline.plan import Task

__all__ = ["FAILED", "STATES", "Entry", "RunReport"]

STATES = ("made", "reused", "there", "failed", "blocked", "not run")
"""Made now; found when its turn came; there before the run; could not be made; lacks what could not be made;
not begun before the run ended."""

FAILED = ("failed", "blocked", "not run")


@dataclass(slots=True)
class Entry:
    """What came of one task.

    Attributes
    ----------
    task : Task
        Which.
    state : str
        One of `STATES`.
    product : Product or None
        What it made.
    error : PellucidError or None
        Why it made nothing.
    seconds : float
        How long it took.
    without : list of str
        What it went without, in words.
    """

    task: Task
    state: str
    product: Product | None = None
    error: PellucidError | None = None
    seconds: float = 0.0
    without: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, JSON]:
        """Return the entry as a JSON-ready mapping."""
        return {
            "step": self.task.step.name,
            "of": self.task.leader.owner,
            "time_start": self.task.begins,
            "state": self.state,
            "product": self.product.id if self.product else None,
            "product_type": self.task.step.output,
            "flags": list(self.product.flags) if self.product else [],
            "without": list(self.without),
            "error": {**self.error.as_dict()} if self.error else None,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class RunReport:
    """What a run did.

    Attributes
    ----------
    entries : list of Entry
        One for each task, in the plan's order.
    seconds : float
        How long it took in all.
    left_out : tuple of int
        Telescopes that nobody asked for.
    late : int
        Products that came later after their inputs than the level's deadline.
    """

    entries: list[Entry]
    seconds: float
    left_out: tuple[int, ...] = ()
    late: int = 0

    @property
    def products(self) -> list[Product]:
        """What is there now of what the run was to make."""
        return [e.product for e in self.entries if e.product is not None]

    @property
    def failures(self) -> list[Entry]:
        """What is not there."""
        return [e for e in self.entries if e.state in FAILED]

    @property
    def exit_code(self) -> int:
        """0 where nothing failed, the failures' own code where they have one, else 1."""
        codes = {e.error.exit_code for e in self.entries if e.state == "failed" and e.error}
        return codes.pop() if len(codes) == 1 else int(bool(self.failures))

    def count(self, state: str) -> int:
        """Return how many tasks ended in a state."""
        return sum(e.state == state for e in self.entries)

    def by_step(self) -> dict[str, dict[str, int]]:
        """Return how many tasks of each step ended in each state."""
        counts: dict[str, dict[str, int]] = {}
        for entry in self.entries:
            own = counts.setdefault(entry.task.step.name, dict.fromkeys(STATES, 0))
            own[entry.state] += 1
        return counts

    def as_dict(self) -> dict[str, JSON]:
        """Return the report as a JSON-ready mapping."""
        return {
            "steps": {name: dict(counts) for name, counts in self.by_step().items()},
            "totals": {state: self.count(state) for state in STATES},
            "left_out": list(self.left_out),
            "late": self.late,
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
            "tasks": [e.as_dict() for e in self.entries],
        }

    def as_text(self) -> str:
        """Return the report for people: counts for each step, then every failure with its reason."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for name, counts in self.by_step().items():
            yield f"{name}: " + ", ".join(f"{n} {state}" for state, n in counts.items() if n)
        for entry in self.entries:
            if entry.without and entry.state not in FAILED:
                yield f"{entry.task.label} went without {'; '.join(entry.without)}"
        yield from _shown(self.failures)
        if self.late:
            yield f"{self.late} came later after their inputs were taken in than the level's deadline"
        total = len(self.entries)
        yield f"{total} tasks, {self.count('made')} run, {len(self.failures)} failed in {self.seconds:.1f} s"


def _shown(failures: Sequence[Entry], most: int = 20) -> Iterator[str]:
    for entry in failures[:most]:
        reason = str(entry.error).replace("\n", "\n    ") if entry.error else ""
        yield f"{entry.task.label} {entry.state}: {reason}".rstrip(": ")
    if len(failures) > most:
        yield f"… and {len(failures) - most} more: --json tells all"
