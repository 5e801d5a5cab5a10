# SPDX-License-Identifier: BSD-3-Clause
"""Jobs handed out together: each once, in order, a long one alone, and nobody more than his share."""

from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import PellucidError
from pellucid.pipeline.groups import MOST, Groups
from pellucid.pipeline.job import Job, Told
from pellucid.pipeline.step import Step

ERROR = PellucidError("It failed.")


def job(cost: float, name: str = "step") -> Job:
    step = Step(
        name=name, version="1", function="nowhere:nothing", inputs={}, output="DL1/Model/Array/A", cost=cost
    )
    return Job(step=step, inputs={})


def waiting(jobs: list[Job]) -> Groups:
    groups = Groups()
    for number, each in enumerate(jobs):
        groups.add(number, each)
    return groups


@given(
    costs=st.lists(st.sampled_from([0.001, 0.01, 0.1, 0.4, 30.0]), max_size=300),
    workers=st.integers(0, 9),
)
def test_every_job_is_handed_out_once_in_order_and_no_group_takes_long(
    costs: list[float], workers: int
) -> None:
    groups = waiting([job(cost, f"takes {cost}") for cost in costs])
    handed: list[int] = []
    while groups:
        left = len(groups)
        group = groups.take(workers)
        assert 1 <= len(group) <= MOST
        assert len(group) == 1 or sum(each.step.cost for _, each in group) <= 0.5
        assert not workers or len(group) <= max(1, -(-left // (2 * workers)))
        handed += [number for number, _ in group]
    assert handed == list(range(len(costs)))
    assert groups.take(workers) == []


def test_a_group_follows_what_the_jobs_really_take() -> None:
    slow = job(cost=1.0)
    groups = waiting([slow] * 400)
    assert len(groups.take()) == 1  # as its declaration says
    groups.learn(slow, Told(0, ERROR, 0.05))
    assert len(groups.take()) == 10
    groups.learn(slow, Told(0, ERROR, 3.0))
    assert len(groups.take()) == 1
    groups.learn(slow, Told(0, ERROR, 0.001))
    assert len(groups.take()) == 1  # one that was quick is no proof
    for _ in range(50):
        groups.learn(slow, Told(0, ERROR, 0.001))
    assert len(groups.take()) == MOST


def test_jobs_of_a_lost_group_come_first_and_alone() -> None:
    groups = waiting([job(0.001)] * 5)
    lost = groups.take()
    groups.add(7, job(0.001))
    groups.add_alone(lost)
    assert [[number for number, _ in groups.take()] for _ in range(6)] == [[0], [1], [2], [3], [4], [7]]
