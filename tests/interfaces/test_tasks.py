# SPDX-License-Identifier: BSD-3-Clause
"""Tasks as interface files have them: what is read, what is refused, the rule about who has priority."""

from datetime import date
from typing import Any

import pytest

from pellucid.errors import ConfigurationError
from pellucid.interfaces.doubles import doubled
from pellucid.interfaces.layouts import LAYOUTS, rows
from pellucid.interfaces.registry import all_interfaces
from pellucid.interfaces.schedule import schedule
from pellucid.interfaces.task import KINDS, Evidence, Follows, Task, with_interest
from pellucid.interfaces.tasks import by_id, changed, read_tasks
from support.tasks import CTC, LIDAR, TITLES, tables, tasks


def one(**values: Any) -> Task:
    table = {
        "key": "implement",
        "kind": "implement-algorithm",
        "title": "Implement it",
        "phase": "production",
        "work_package": "PIPE-CAL",
    }
    return read_tasks([table | values], CTC, "file.toml")[0]


def refusal(**values: Any) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        one(**values)
    assert caught.value.where.startswith("file.toml: tasks[1]")
    return caught.value


def test_a_task_has_what_its_table_says() -> None:
    task = one(
        start=date(2016, 8, 1),
        due="2017-06-02",
        follows=[{"task": "I-DATA-COM-0006/develop", "delay": 30}, {"task": "design", "unit": "working"}],
        evidence=[{"step": "lidar-raman"}, {"test": "ab", "array": "two LSTs", "telescopes": [2, 1]}],
        watchers=["B", "A", "B"],
    )
    assert task.id == "I-DATA-COM-3201/implement"
    assert (task.start, task.due) == (date(2016, 8, 1), date(2017, 6, 2))
    assert task.follows == (
        Follows("I-DATA-COM-0006/develop", 30, "calendar"),
        Follows("I-DATA-COM-3201/design", 0, "working"),
    )
    assert task.evidence == (Evidence("step", "lidar-raman"), Evidence("test", "ab", "two LSTs", (1, 2)))
    assert task.watchers == ("A", "B")


def test_a_task_survives_being_written_and_read() -> None:
    for task in tasks():
        table = {k: v for k, v in task.as_dict().items() if v is not None and k not in ("id", "interface")}
        table.pop("parent", None)
        again = read_tasks([table], task.interface, "again")[0]
        assert changed(again, {"parent": task.parent}, "again") == task


@pytest.mark.parametrize(
    ("values", "status", "open_for_interest"),
    [
        ({"ccf": "priority"}, "Assigned", False),
        ({"ccf": "no-manpower"}, "New", True),
        ({}, "New", False),
        ({"ccf": "no-manpower", "status": "In Progress", "assignee": "A B"}, "In Progress", False),
        ({"ccf": "priority", "status": "New", "assignee": "A B"}, "New", False),
    ],
)
def test_who_has_priority_sets_the_status(values: Any, status: str, open_for_interest: bool) -> None:
    task = one(**values)
    assert (task.status, task.is_open_for_interest) == (status, open_for_interest)


@pytest.mark.parametrize(
    "values", [{"ccf": "priority", "status": "New"}, {"ccf": "no-manpower", "status": "Assigned"}]
)
def test_a_status_against_the_rule_is_refused(values: Any) -> None:
    assert refusal(**values).code == "ccf-rule"


@pytest.mark.parametrize(
    ("values", "code", "key"),
    [
        ({"statsu": "New"}, "unknown-key", ""),
        ({"kind": "drink-coffee"}, "task-value", "kind"),
        ({"key": "Not A Slug"}, "task-value", "key"),
        ({"title": "two\nlines"}, "task-value", "title"),
        ({"phase": "construction"}, "task-value", "phase"),
        ({"work_package": "LST"}, "task-value", "work_package"),
        ({"priority": "Highest"}, "task-value", "priority"),
        ({"due": "soon"}, "task-value", "due"),
        ({"start": "2016-08-02", "due": "2016-08-01"}, "task-value", "due"),
        ({"done": 101}, "task-value", "done"),
        ({"done": True}, "task-value", "done"),
        ({"estimated_hours": -1}, "task-value", "estimated_hours"),
        ({"estimated_hours": float("nan")}, "task-value", "estimated_hours"),
        ({"watchers": "A B"}, "task-value", "watchers"),
        ({"follows": [{"task": "x", "dealy": 3}]}, "task-value", "follows[1]"),
        ({"follows": [{"task": "x", "delay": -3}]}, "task-value", "follows[1].delay"),
        ({"follows": [{"task": "x", "unit": "lunar"}]}, "task-value", "follows[1].unit"),
        ({"follows": [{"task": "no/id/at-all"}]}, "task-value", "follows[1].task"),
        ({"follows": [{"task": "implement"}]}, "task-value", "follows"),
        ({"evidence": [{"test": "a"}]}, "task-value", "evidence[1]"),
        ({"evidence": [{"rumour": "a"}]}, "task-value", "evidence[1]"),
        ({"parent": "gone"}, "unknown-task", "parent"),
    ],
)
def test_a_mistake_is_told_with_its_place(values: Any, code: str, key: str) -> None:
    error = refusal(**values)
    assert error.code == code
    assert error.where.endswith(key)


def test_a_missing_key_and_a_doubled_task_are_told() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_tasks([{"key": "a"}], CTC, "f")
    assert caught.value.code == "missing-key"
    twice = tables()[CTC][:1] * 2
    with pytest.raises(ConfigurationError) as caught:
        read_tasks(twice, CTC, "f")
    assert caught.value.code == "doubled-task"
    with pytest.raises(ConfigurationError, match="implement") as caught:
        by_id(tasks(), f"{CTC}/implemnt")
    assert caught.value.code == "unknown-task"


def test_interest_can_be_expressed_where_people_lack_and_nowhere_else() -> None:
    task = with_interest(one(ccf="no-manpower", interested=["B"]), " A ")
    assert task.interested == ("A", "B")
    with pytest.raises(ConfigurationError) as caught:
        with_interest(one(ccf="priority"), "A")
    assert caught.value.code == "not-open-for-interest"


def test_work_that_two_packages_would_do_twice_is_pointed_out() -> None:
    def named(key: str, package: str, **more: Any) -> dict[str, Any]:
        table = {"key": key, "kind": "construct-data-structure", "phase": "production"}
        return table | {"title": "Structure of the drive's data", "work_package": package} | more

    same = read_tasks([named("a", "DM"), named("b", "ACTL")], LIDAR, "f")
    assert doubled(same) == [(same[0], same[1])]
    other_title = read_tasks([named("a", "DM"), named("b", "ACTL", title="Storage on disks")], LIDAR, "f")
    assert doubled(other_title) == []
    algorithms = read_tasks(
        [
            named("a", "PIPE-CAL", kind="implement-algorithm", title="Layers"),
            named("b", "ACTL", kind="implement-algorithm", title="Clouds on-line"),
        ],
        LIDAR,
        "f",
    )
    assert len(doubled(algorithms)) == 1
    assert doubled([changed(algorithms[0], {"status": "Closed"}, "x"), algorithms[1]]) == []


def test_both_layouts_show_every_task_once() -> None:
    for layout in LAYOUTS:
        shown = [r.id for r in rows(tasks(), layout, TITLES) if r.task is not None]
        assert sorted(shown) == sorted(t.id for t in tasks())
    per_interface = rows(tasks(), "per-interface", TITLES)
    assert [(r.depth, r.title) for r in per_interface if r.task is None] == [(0, t) for t in TITLES.values()]
    assert next(r for r in per_interface if r.id.endswith("elastic")).depth == 2
    assert rows(tasks(), "per-task", TITLES)[0].title == "Atmosphere Calibration"


def test_the_tasks_of_the_catalogue_make_sense_together() -> None:
    catalogue = [t for interface in all_interfaces().values() for t in interface.tasks]
    assert {t.kind for t in catalogue} == set(KINDS)
    assert set(schedule(catalogue).slots) == {t.id for t in catalogue}
    develop = schedule(catalogue).slots["I-DATA-COM-3201/implement"]
    assert (str(develop.start), develop.after) == ("2016-08-01", "I-DATA-COM-0006/develop")
