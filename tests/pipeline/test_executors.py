# SPDX-License-Identifier: BSD-3-Clause
"""Processes and clusters: the same bytes as one process, and workers that hang, die or eat memory."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pellucid.archive import Workspace
from pellucid.errors import ConfigurationError, IntermittentError, UsageError
from pellucid.pipeline.cluster import DaskCluster
from pellucid.pipeline.executors import executor_of
from pellucid.pipeline.job import Job, perform
from pellucid.pipeline.processes import Processes
from support import toyrun


@pytest.fixture
def processes(toy: ModuleType, workspace: Workspace) -> Iterator[Processes]:
    executor = Processes(workspace.path, 2)
    yield executor
    executor.close()


@pytest.mark.parametrize(
    ("fault", "code"), [("hang", "step-timeout"), ("deaf", "step-timeout"), ("die", "worker-lost")]
)
def test_a_worker_that_hangs_or_dies_is_replaced_and_all_else_goes_on(
    night: Workspace, processes: Processes, fault: str, code: str
) -> None:
    limits = {"hang": "3 s", "deaf": "1 s", "die": "60 s"}
    policy = toyrun.level("B", f"levels.B.limit={limits[fault]}")
    parameters = {"toy-images": {"fault": fault, "fault_tel": 2}}
    report = toyrun.run(night, policy, parameters, processes, keep_going=True, steps=toyrun.graph(cost=0.001))
    assert {e.error.code for e in report.failures if e.error} == {code}
    done = report.count("made") + report.count("reused")  # some go in groups, and a lost one is gone over
    assert (len(report.failures), done, report.exit_code) == (2, 8, 100)
    assert {e.task.leader.telescopes for e in report.failures} == {(2,)}
    assert not list((night.path / "store" / "staging").iterdir()) or fault != "hang"
    again = toyrun.run(night, executor=processes)  # and the workers are whole again
    assert (again.exit_code, again.count("made")) == (0, 7)


def test_a_worker_that_eats_memory_is_told(toy: ModuleType, night: Workspace) -> None:
    executor = Processes(night.path, 1, memory=0.9)
    try:
        parameters = {"toy-images": {"fault": "greed", "fault_tel": 2}}
        report = toyrun.run(night, parameters=parameters, executor=executor, keep_going=True)
    finally:
        executor.close()
    assert {e.error.code for e in report.failures if e.error} == {"out-of-memory"}
    assert {e.task.leader.telescopes for e in report.failures} == {(2,)}


def test_a_cluster_does_the_same_and_its_loss_is_told(night: Workspace, tmp_path: Path) -> None:
    cluster = DaskCluster(night.path, "local", 2)
    try:
        parameters = {"toy-images": {"fault": "raise", "fault_tel": 2}}
        report = toyrun.run(night, parameters=parameters, executor=cluster, keep_going=True)
        assert {e.error.code for e in report.failures if e.error} == {"step-failed"}
        assert report.count("made") == 8
        done = toyrun.outcome(night)
        threading.Timer(0.3, cluster._cluster.close).start()
        with pytest.raises(IntermittentError) as caught:
            toyrun.run(night, parameters={"toy-images": {"seconds": 1.0}}, executor=cluster)
        assert caught.value.code == "scheduler-lost"
        assert "--resume" in caught.value.mend
    finally:
        cluster.close()
    assert done.items() <= toyrun.outcome(night).items()
    toyrun.run(night)
    with Workspace.open(tmp_path / "serial") as serial:
        for raw in night.archive.find(kind="raw"):
            toyrun.take_in(serial.archive, night.archive.path(raw))
        toyrun.run(serial)
        assert toyrun.outcome(serial).items() <= toyrun.outcome(night).items()


@pytest.mark.full
@pytest.mark.parametrize("fault", ["die", "hang", "greed"])
def test_a_job_that_costs_a_cluster_its_worker_fails_alone(night: Workspace, fault: str) -> None:
    cluster = DaskCluster(night.path, "local", 1, memory=0.8)
    policy = toyrun.level("B", f"levels.B.limit={'5 s' if fault == 'hang' else '60 s'}")
    try:
        parameters = {"toy-images": {"fault": fault, "fault_tel": 2}}
        steps = toyrun.graph(cost=0.001)
        report = toyrun.run(night, policy, parameters, cluster, keep_going=True, steps=steps)
    finally:
        cluster.close()
    assert {e.error.code for e in report.failures if e.error} == {"worker-lost"}
    assert {e.task.leader.telescopes for e in report.failures} == {(2,)}
    assert report.count("made") + report.count("reused") == 8


def test_a_scheduler_that_is_not_there_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.pipeline.cluster._PATIENCE_S", 1)
    with pytest.raises(IntermittentError) as caught:
        DaskCluster(workspace.path, "tcp://127.0.0.1:9", 0)
    assert caught.value.code == "scheduler-lost"


def test_workers_beside_the_address_of_a_cluster_are_refused(workspace: Workspace) -> None:
    for workers, cluster in ((2, "tcp://127.0.0.1:9"), (-1, "")):
        with pytest.raises(UsageError):
            executor_of(workspace.path, workspace.archive, workers, cluster)


def test_other_code_where_the_work_is_done_is_refused(toy: ModuleType, night: Workspace) -> None:
    (task, *_) = toyrun.plan(night).tasks
    inputs = {role: tuple(i.product for i in items if i.product) for role, items in task.inputs.items()}
    job = Job(step=task.step, inputs=inputs, code="0" * 64)
    with pytest.raises(ConfigurationError) as caught:
        perform(night.archive, job, elsewhere=True)
    assert caught.value.code == "other-code"
