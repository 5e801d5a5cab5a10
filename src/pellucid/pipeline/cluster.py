# SPDX-License-Identifier: BSD-3-Clause
"""Jobs on a Dask cluster: on this machine, or wherever its scheduler says."""

import logging
import os
import threading
from functools import cache
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from pellucid.archive.workspace import Workspace
from pellucid.errors import IntermittentError, PellucidError
from pellucid.extras import extra_module
from pellucid.pipeline.execute import Outcome
from pellucid.pipeline.executors import Result
from pellucid.pipeline.job import Job, perform, typed
from pellucid.pipeline.processes import worker_lost

__all__ = ["DaskCluster", "perform_remotely"]

_PATIENCE_S = 10
"""How long the scheduler is waited for."""

_AHEAD = 4
"""Jobs for each thread of the cluster that are on their way, so that none waits for the next."""


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
        self._settings = dask.config.set({"distributed.scheduler.allowed-failures": 1})
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
        self._ended: Queue[tuple[int, Any]] = Queue()
        self._jobs: dict[int, Job] = {}

    @property
    def capacity(self) -> int:
        """How many jobs it wants to have at once; workers may come and go."""
        threads: int = sum(self._client.nthreads().values())
        return _AHEAD * max(1, threads)

    def submit(self, number: int, job: Job) -> None:
        """Take a job under a number."""
        self._jobs[number] = job
        future = self._client.submit(perform_remotely, self._workspace, job, pure=False)
        future.add_done_callback(lambda ended: self._ended.put((number, ended)))

    def wait(self) -> list[tuple[int, Result]]:
        """Return what has ended since; wait for one where none has."""
        results: list[tuple[int, Result]] = []
        while not results or not self._ended.empty():
            try:
                number, future = self._ended.get(timeout=1.0)
            except Empty:
                self._check_alive()
                continue
            results.append((number, self._result(self._jobs.pop(number), future)))
        return results

    def close(self) -> None:
        """Leave the cluster; one of this machine ends."""
        self._settings.__exit__(None, None, None)
        for thing in (self._client, self._cluster):
            if thing is not None:
                thing.close(timeout=_PATIENCE_S)

    def _result(self, job: Job, future: Any) -> Result:
        if future.status == "finished":
            outcome: Result = future.result()
            return outcome
        self._check_alive()
        error = future.exception() if future.status == "error" else None
        if isinstance(error, PellucidError):
            return error
        return worker_lost(job, f"{type(error).__name__ if error else future.status}: {error or ''}"[:300])

    def _check_alive(self) -> None:
        if self._client.status != "running":
            raise _scheduler_lost(self._address, f"the client is {self._client.status}")


def perform_remotely(workspace: str, job: Job) -> Outcome | PellucidError:
    """Do a job in a worker of a cluster; errors that users can act on are returned, not raised.

    Where a job takes longer than it may, the worker ends itself, which no thread could do to another.

    Parameters
    ----------
    workspace : str
        Folder of the workspace.
    job : Job
        What to do.
    """
    watchdog = threading.Timer(job.limit, os._exit, (124,)) if job.limit else None
    if watchdog:
        watchdog.daemon = True
        watchdog.start()
    try:
        return perform(_opened(workspace, os.getpid()).archive, job, elsewhere=True)
    except Exception as error:
        return typed(error, job)
    finally:
        if watchdog:
            watchdog.cancel()


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
