# SPDX-License-Identifier: BSD-3-Clause
"""Who does the jobs of a run: this process by default; others do the same in their own files."""

from pathlib import Path
from typing import Protocol

from pellucid.archive.archive import Archive
from pellucid.errors import UsageError
from pellucid.pipeline.groups import MOST, Groups
from pellucid.pipeline.job import Job, Result, perform_each

__all__ = ["Executor", "InProcess", "executor_of"]


class Executor(Protocol):
    """Takes jobs, and tells what came of them in whatever order."""

    @property
    def capacity(self) -> int:
        """How many jobs it wants to have at once."""

    def submit(self, number: int, job: Job) -> None:
        """Take a job under a number."""

    def wait(self) -> list[tuple[int, Result]]:
        """Return the numbers and results of jobs that have ended since; wait for one where none has."""

    def close(self) -> None:
        """Give everything back, and end what still runs."""


class InProcess:
    """Does the jobs in this process: one by one, and quick ones some at a time.

    Parameters
    ----------
    archive : Archive
        Where the products are.
    """

    capacity = MOST

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._groups = Groups()

    def submit(self, number: int, job: Job) -> None:
        """Take a job under a number."""
        self._groups.add(number, job)

    def wait(self) -> list[tuple[int, Result]]:
        """Do the next job, or the next ones if the last were quick: the index is then asked less often."""
        group = self._groups.take()
        results = []
        for told in perform_each(self._archive, [job for _, job in group]):
            number, job = group[told.place]
            self._groups.learn(job, told)
            results.append((number, told.result))
        return results

    def close(self) -> None:
        """Forget what was not begun."""
        self._groups.clear()


def executor_of(
    workspace: Path, archive: Archive, workers: int = 0, cluster: str = "", memory: float = 0.0
) -> Executor:
    """Return who does the jobs.

    Parameters
    ----------
    workspace : Path
        Folder of the workspace, which all workers see.
    archive : Archive
        Its archive, as this process has it open.
    workers : int
        Processes; 0 for none but this one.
    cluster : str
        ``local`` for a Dask cluster on this machine, or the address of a scheduler.
    memory : float
        GB that a worker process may take; 0 for no bound.

    Raises
    ------
    UsageError
        Fewer than 0 workers, or workers beside the address of a cluster (``workers``).
    """
    if workers < 0 or (cluster not in ("", "local") and workers):
        raise UsageError(
            "So many workers cannot be.",
            expected="0 or more, and none beside the address of a cluster, which has its own",
            got=str(workers),
            code="workers",
        )
    if cluster:
        from pellucid.pipeline.cluster import DaskCluster

        return DaskCluster(workspace, cluster, workers, memory)
    if workers:
        from pellucid.pipeline.processes import Processes

        return Processes(workspace, workers, memory)
    return InProcess(archive)
