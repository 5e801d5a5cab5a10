# SPDX-License-Identifier: BSD-3-Clause
"""Jobs that wait, handed out some at a time: as many as take a moment together, a long one alone."""

from collections import deque
from collections.abc import Iterable
from math import ceil

from pellucid.pipeline.job import TOGETHER_S, Job, Told
from pellucid.pipeline.step import Step

__all__ = ["MOST", "Groups", "Numbered"]

type Numbered = tuple[int, Job]
"""A job and its number."""

MOST = 64
"""Jobs of one group at the most."""


class Groups:
    """Jobs that wait for somebody to do them.

    How many go together follows from what the jobs of the same steps took so far, before the first of a
    step from the cost that it declares.
    """

    def __init__(self) -> None:
        self._waiting: deque[Numbered] = deque()
        self._alone: deque[Numbered] = deque()
        self._seconds: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._waiting) + len(self._alone)

    def add(self, number: int, job: Job) -> None:
        """Let a job wait under a number."""
        self._waiting.append((number, job))

    def add_alone(self, group: Iterable[Numbered]) -> None:
        """Let the jobs of a group that was lost wait again; each is done alone, so that one tells itself."""
        self._alone.extend(group)

    def take(self, workers: int = 0) -> list[Numbered]:
        """Return the jobs to do next; none where none wait.

        Parameters
        ----------
        workers : int
            How many share the work: none takes more than half of its share at once, so that all end at
            about the same time. 0 for one who does it all.
        """
        if self._alone:
            return [self._alone.popleft()]
        most = min(MOST, ceil(len(self._waiting) / (2 * workers)) if workers else MOST)
        group: list[Numbered] = []
        seconds = 0.0
        while self._waiting and len(group) < most:
            seconds += self._expected(self._waiting[0][1].step)
            if group and seconds > TOGETHER_S:
                break
            group.append(self._waiting.popleft())
        return group

    def learn(self, job: Job, told: Told) -> None:
        """Take note of how long a job took: at once where it is longer than thought, slowly where shorter."""
        name, expected = job.step.name, self._expected(job.step)
        known = name in self._seconds and told.seconds < expected
        self._seconds[name] = 0.8 * expected + 0.2 * told.seconds if known else told.seconds

    def clear(self) -> None:
        """Forget all that wait."""
        self._waiting.clear()
        self._alone.clear()

    def _expected(self, step: Step) -> float:
        return self._seconds.get(step.name, step.cost)
