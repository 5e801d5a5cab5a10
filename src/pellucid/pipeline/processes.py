# SPDX-License-Identifier: BSD-3-Clause
"""Jobs in processes of this machine: one that hangs or dies is replaced, and its job told as failed."""

import resource
import signal
from collections import deque
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic

from pellucid.archive.workspace import Workspace
from pellucid.errors import IntermittentError, PellucidError
from pellucid.pipeline.executors import Result
from pellucid.pipeline.job import Job, perform, timed_out, typed

__all__ = ["Processes", "worker_lost"]

_GRACE_S = 2.0
"""How much longer than its limit a job is left alone, since the worker ends it by itself where it can."""


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    number: int | None = None
    job: Job | None = None
    due: float = float("inf")


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
        self.capacity = count
        self._context = get_context("spawn")
        self._arguments = (Path(workspace).resolve(), memory)
        self._waiting: deque[tuple[int, Job]] = deque()
        self._workers = [self._start() for _ in range(count)]

    def submit(self, number: int, job: Job) -> None:
        """Take a job under a number."""
        self._waiting.append((number, job))
        self._hand_out()

    def wait(self) -> list[tuple[int, Result]]:
        """Return what has ended since; wait for one where none has."""
        results: list[tuple[int, Result]] = []
        while not results:
            self._hand_out()
            busy = [w for w in self._workers if w.job is not None]
            pause = max(0.0, min((w.due for w in busy), default=0.0) - monotonic())
            pipes = wait([w.pipe for w in busy], min(pause, 3600.0))
            for worker in busy:
                if worker.pipe in pipes:
                    results.append(self._received(worker))
                elif monotonic() >= worker.due:
                    assert worker.job is not None
                    results.append(self._ended(worker, timed_out(worker.job)))
        self._hand_out()
        return results

    def close(self) -> None:
        """End all workers, whatever they do."""
        self._waiting.clear()
        for worker in self._workers:
            if worker.job is None:
                worker.pipe.close()  # which ends it
                worker.process.join(_GRACE_S)
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _hand_out(self) -> None:
        for worker in self._workers:
            if worker.job is None and self._waiting:
                worker.number, worker.job = self._waiting.popleft()
                limit = worker.job.limit
                worker.due = monotonic() + limit + _GRACE_S if limit else float("inf")
                try:
                    worker.pipe.send(worker.job)
                except OSError:
                    continue  # it died while idle: its end of the pipe tells so when it is waited for

    def _received(self, worker: _Worker) -> tuple[int, Result]:
        assert worker.number is not None
        assert worker.job is not None
        try:
            result: Result = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(_GRACE_S)
            return self._ended(worker, worker_lost(worker.job, f"exit code {worker.process.exitcode}"))
        number, worker.number, worker.job, worker.due = worker.number, None, None, float("inf")
        return number, result

    def _ended(self, worker: _Worker, error: PellucidError) -> tuple[int, Result]:
        """Put a fresh worker in the place of one that hangs or died."""
        assert worker.number is not None
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self._workers[self._workers.index(worker)] = self._start()
        return worker.number, error

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
    """Do jobs until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that gives the work decides
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (round(memory * 1e9), resource.RLIM_INFINITY))
    with Workspace.open(workspace, create=False) as opened:
        while True:
            try:
                job: Job = pipe.recv()
            except EOFError:
                return
            try:
                result: Result = perform(opened.archive, job, elsewhere=True)
            except Exception as error:
                result = typed(error, job)
            try:
                pipe.send(result)
            except OSError:
                return
