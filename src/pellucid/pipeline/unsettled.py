# SPDX-License-Identifier: BSD-3-Clause
"""What a watch has taken in and not settled: tasks that lack an input or failed, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pellucid.pipeline.plan import Task, sources, sources_of_task
from pellucid.pipeline.report import FAILED, Entry
from pellucid.pipeline.run import may_pass

__all__ = ["Unsettled"]

_MAY_COME = ("no-input", "too-few-inputs", "calibration-missing", "calibration-expired")
"""What a task may lack that can still arrive."""


@dataclass(frozen=True, slots=True)
class _Held:
    raw: frozenset[str]
    words: str = ""
    since: float = 0.0
    may_pass: bool = False


@dataclass
class Unsettled:
    """Raw products of which not all is made, and why.

    Attributes
    ----------
    seen : dict of str to float
        Raw products, and when their files were whole by the monotonic clock, s.
    pending : set of str
        Those that are not over.
    """

    seen: dict[str, float] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    _lacking: dict[str, _Held] = field(default_factory=dict)
    _failed: dict[str, _Held] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    @property
    def lacking(self) -> dict[str, str]:
        """Tasks that wait for an input, and what they lack."""
        return {label: held.words for label, held in sorted(self._lacking.items())}

    def take(self, product: str, seen: float) -> None:
        """Take note of a raw product whose work is to be done."""
        self.seen.setdefault(product, seen)
        self.pending.add(product)

    def set_aside(self, tasks: Mapping[int, Task]) -> list[Task]:
        """Return the tasks that can be tried now; remember those whose inputs may still arrive."""
        kept = []
        for task in tasks.values():
            problem = task.problem
            if problem is None or problem.code not in _MAY_COME:
                kept.append(task)
                continue
            raw = frozenset(sources(tasks, task.leader).keys() & self.seen.keys())
            if raw and task.label not in self._told:
                words = f"{task.label} cannot begin: {problem.what}"
                self._lacking[task.label] = _Held(raw, words, max(self.seen[id] for id in raw))
        return kept

    def ended(self, tasks: Mapping[int, Task], entry: Entry) -> None:
        """Take note of what came of a task."""
        label = entry.task.label
        for held in (self._lacking, self._failed):
            held.pop(label, None)
        self._told.discard(label)
        if entry.state in FAILED:
            raw = frozenset(sources_of_task(tasks, entry.task).keys() & self.seen.keys())
            self._failed[label] = _Held(raw, may_pass=may_pass(entry.error))

    def late(self, now: float, deadline: float) -> list[str]:
        """Return in words, once, which tasks should be over by now and lack an input."""
        late = {label: held for label, held in self._lacking.items() if now - held.since > deadline}
        for label in late:
            del self._lacking[label]
            self._told.add(label)
        return [held.words for held in late.values()]

    def to_retry(self) -> set[str]:
        """Return the raw products of tasks whose failure may pass."""
        return {id for held in self._failed.values() if held.may_pass for id in held.raw}

    def over(self) -> set[str]:
        """Return the raw products that nothing waits for any more, once."""
        held = {id for some in (self._lacking, self._failed) for h in some.values() for id in h.raw}
        over = self.pending - held
        self.pending -= over
        return over
