# SPDX-License-Identifier: BSD-3-Clause
"""Jobs on a Dask cluster: on this machine, or wherever its scheduler says."""

import logging
import os
from functools import cache
from math import inf
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from typing import Any

from pellucid.archive.workspace import Workspace
from pellucid.errors import IntermittentError, PellucidError
from pellucid.extras import extra_module
from pellucid.pipeline.groups import MOST, Groups, Numbered
from pellucid.pipeline.job import Job, Result, Told, perform_each
from pellucid.pipeline.limits import by_exit
from pellucid.pipeline.processes import worker_lost

__all__ = ["DaskCluster", "perform_remotely"]

_PATIENCE_S = 10
"""How long the scheduler is waited for."""


class DaskCluster:
    """A cluster of workers that all see the workspace.

    Parameters
    ----------
    workspace : Path
        Folder of the workspace.
    address : str
        ``local`` for a cluster on this machine, or the address of a scheduler.
    workers : int
        Processes of a local cluster; one for each core where 0.
    memory : float
        GB that each worker of a local cluster may take; 0 for no bound.

    Raises
    ------
    ConfigurationError
        Dask is not installed (``package-missing``).
    IntermittentError
        The scheduler cannot be reached (``scheduler-lost``).
    """

    def __init__(self, workspace: Path, address: str, workers: int = 0, memory: float = 0.0) -> None:
        distributed = extra_module("distributed", "dask", "A Dask cluster")
        dask = extra_module("dask", "dask", "A Dask cluster")

        logging.getLogger("distributed").setLevel(logging.ERROR)
        self._workspace = str(Path(workspace).resolve())
        self._cluster: Any = None
        # a lost job comes back at once: it is seen to here that it hits no other when it is tried again
        self._settings = dask.config.set({"distributed.scheduler.allowed-failures": 0})
        self._settings.__enter__()
        try:
            if address == "local":
                self._cluster = distributed.LocalCluster(
                    n_workers=workers or os.cpu_count() or 1,
                    threads_per_worker=1,
                    dashboard_address=":0",
                    memory_limit=round(memory * 1e9) or 0,
                    silence_logs=50,
                )
            self._client = distributed.Client(
                self._cluster or address, timeout=_PATIENCE_S, set_as_default=False
            )
        except (OSError, TimeoutError) as error:
            raise _scheduler_lost(address, str(error)) from error
        self._address = address
        self._ended: Queue[tuple[list[Numbered], Any]] = Queue()
        self._groups = Groups()
        self._underway = 0
        self._known_threads, self._counted = 1, -inf

    @property
    def capacity(self) -> int:
        """How many jobs it wants to have at once."""
        return 2 * MOST * self._threads()

    def _threads(self) -> int:
        """Return how many threads the cluster has; workers may come and go, so it is asked now and then."""
        if monotonic() - self._counted > 1.0:
            self._known_threads = max(1, sum(self._client.nthreads().values()))
            self._counted = monotonic()
        return self._known_threads

    def submit(self, number: int, job: Job) -> None:
        """Take a job under a number."""
        self._groups.add(number, job)

    def wait(self) -> list[tuple[int, Result]]:
        """Return what has ended since; wait for one where none has."""
        results: list[tuple[int, Result]] = []
        while not results:
            self._hand_out()
            try:
                group, future = self._ended.get(timeout=1.0)
            except Empty:
                self._check_alive()
                continue
            self._underway -= 1
            results += self._results(group, future)
        self._hand_out()
        return results

    def _hand_out(self) -> None:
        # one group for each thread and none in the queue of a worker, which would be lost with it
        threads = self._threads()
        while self._groups and self._underway < threads:
            group = self._groups.take(threads)
            future = self._client.submit(
                perform_remotely, self._workspace, [job for _, job in group], pure=False
            )
            self._underway += 1
            future.add_done_callback(lambda ended, group=group: self._ended.put((group, ended)))

    def close(self) -> None:
        """Leave the cluster; one of this machine ends."""
        self._settings.__exit__(None, None, None)
        for thing in (self._client, self._cluster):
            if thing is not None:
                thing.close(timeout=_PATIENCE_S)

    def _results(self, group: list[Numbered], future: Any) -> list[tuple[int, Result]]:
        """Return what came of a group; where its worker was lost, each of its jobs is tried alone."""
        if future.status == "finished":
            results: list[tuple[int, Result]] = []
            for told in future.result():
                number, job = group[told.place]
                self._groups.learn(job, told)
                results.append((number, told.result))
            return results
        self._check_alive()
        self._counted = -inf
        if len(group) > 1:
            self._groups.add_alone(group)
            return []
        [(number, job)] = group
        error = future.exception() if future.status == "error" else None
        if isinstance(error, PellucidError):
            return [(number, error)]
        got = f"{type(error).__name__ if error else future.status}: {error or ''}"
        return [(number, worker_lost(job, got[:300]))]

    def _check_alive(self) -> None:
        if self._client.status != "running":
            raise _scheduler_lost(self._address, f"the client is {self._client.status}")


def perform_remotely(workspace: str, jobs: list[Job]) -> list[Told]:
    """Do jobs in a worker of a cluster.

    Where a job takes longer than it may, the worker ends itself, which no thread could do to another.

    Parameters
    ----------
    workspace : str
        Folder of the workspace.
    jobs : list of Job
        What to do.

    Raises
    ------
    PellucidError
        The workspace cannot be opened here.
    """
    archive = _opened(workspace, os.getpid()).archive
    return list(perform_each(archive, jobs, elsewhere=True, limiter=by_exit))


@cache
def _opened(workspace: str, _pid: int) -> Workspace:
    return Workspace.open(Path(workspace), create=False)


def _scheduler_lost(address: str, got: str) -> IntermittentError:
    return IntermittentError(
        "The scheduler of the cluster cannot be reached.",
        where=address,
        got=got,
        mend="see that it runs, then go on where it stopped: pellucid run --resume",
        code="scheduler-lost",
    )
