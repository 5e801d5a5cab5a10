# SPDX-License-Identifier: BSD-3-Clause
"""Jobs in processes of this machine: one that hangs or dies is replaced, and its job told as failed."""

import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic

from pellucid.archive.workspace import Workspace
from pellucid.errors import IntermittentError, PellucidError
from pellucid.pipeline.groups import MOST, Groups, Numbered
from pellucid.pipeline.job import Job, Result, Told, perform_each
from pellucid.pipeline.limits import timed_out

__all__ = ["Processes", "worker_lost"]

_GRACE_S = 2.0
"""How much longer than its limit a job is left alone, since the worker ends it by itself where it can."""


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    group: dict[int, Numbered] = field(default_factory=dict)
    """What it has not told of yet, by its place in the group."""
    started: bool = False
    due: float = inf

    def renew(self) -> None:
        """Let it have as long as any of its jobs may take, from now or from when it has started."""
        limits = [job.limit for _, job in self.group.values()]
        bound = self.started and limits and all(limits)
        self.due = monotonic() + max(limits) + _GRACE_S if bound else inf


class Processes:
    """Worker processes.

    Parameters
    ----------
    workspace : Path
        Folder of the workspace, which each opens.
    count : int
        How many.
    memory : float
        GB that each may take; 0 for no bound.
    """

    def __init__(self, workspace: Path, count: int, memory: float = 0.0) -> None:
        self.capacity = 2 * MOST * count
        self._context = get_context("spawn")
        self._arguments = (Path(workspace).resolve(), memory)
        self._groups = Groups()
        self._workers = [self._start() for _ in range(count)]

    def submit(self, number: int, job: Job) -> None:
        """Take a job under a number."""
        self._groups.add(number, job)

    def wait(self) -> list[tuple[int, Result]]:
        """Return what has ended since; wait for one where none has."""
        results: list[tuple[int, Result]] = []
        while not results:
            self._hand_out()
            busy = [w for w in self._workers if w.group]
            pause = max(0.0, min((w.due for w in busy), default=0.0) - monotonic())
            pipes = wait([w.pipe for w in busy], min(pause, 3600.0))
            for worker in busy:
                if worker.pipe in pipes:
                    results += self._received(worker)
                elif monotonic() >= worker.due:
                    results += self._ended(worker, lambda job: timed_out(job.step.name, job.limit))
        self._hand_out()
        return results

    def close(self) -> None:
        """End all workers, whatever they do."""
        self._groups.clear()
        for worker in self._workers:
            if not worker.group:
                worker.pipe.close()  # which ends it
                worker.process.join(_GRACE_S)
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _hand_out(self) -> None:
        for worker in self._workers:
            if not worker.group and self._groups:
                group = self._groups.take(len(self._workers))
                worker.group = dict(enumerate(group))
                worker.renew()
                try:
                    worker.pipe.send([job for _, job in group])
                except OSError:
                    continue  # it died while idle: its end of the pipe tells so when it is waited for

    def _received(self, worker: _Worker) -> list[tuple[int, Result]]:
        results: list[tuple[int, Result]] = []
        try:
            while worker.group and worker.pipe.poll():
                told: Told | None = worker.pipe.recv()
                if told is None:
                    worker.started = True
                else:
                    number, job = worker.group.pop(told.place)
                    self._groups.learn(job, told)
                    results.append((number, told.result))
                worker.renew()
        except (EOFError, OSError):
            worker.process.join(_GRACE_S)
            code = worker.process.exitcode
            results += self._ended(worker, lambda job: worker_lost(job, f"exit code {code}"))
        return results

    def _ended(self, worker: _Worker, why: Callable[[Job], PellucidError]) -> list[tuple[int, Result]]:
        """Put a fresh worker in the place of one that hangs or died; of several jobs each is tried alone."""
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self._workers[self._workers.index(worker)] = self._start()
        group = list(worker.group.values())
        if len(group) == 1:
            return [(number, why(job)) for number, job in group]
        self._groups.add_alone(group)
        return []

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, *self._arguments), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)


def worker_lost(job: Job, got: str) -> IntermittentError:
    """Return the error of a job whose worker died."""
    return IntermittentError(
        "The worker died while it worked.",
        where=f"step {job.step.name}",
        got=got,
        mend="look whether it ran out of memory, then run again: what is done stays done",
        code="worker-lost",
    )


def _work(pipe: Connection, workspace: Path, memory: float) -> None:
    """Tell that it has started, then do jobs until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that gives the work decides
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (round(memory * 1e9), resource.RLIM_INFINITY))
    with Workspace.open(workspace, create=False) as opened, suppress(EOFError, BrokenPipeError):
        pipe.send(None)
        while True:
            jobs: list[Job] = pipe.recv()
            for told in perform_each(opened.archive, jobs, elsewhere=True):
                pipe.send(told)
