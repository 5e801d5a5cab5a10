# SPDX-License-Identifier: BSD-3-Clause
"""The schedule: days in both units, forward pass, critical path, slack, slippage, circles; its pictures."""

import re
import xml.etree.ElementTree as ET
from datetime import date, timedelta
from typing import Any

import icalendar as reader
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.errors import ConfigurationError
from pellucid.interfaces.calendar import icalendar
from pellucid.interfaces.gantt import gantt
from pellucid.interfaces.layouts import rows
from pellucid.interfaces.schedule import in_order, schedule
from pellucid.interfaces.task import Task
from pellucid.interfaces.tasks import changed, read_tasks
from pellucid.interfaces.workdays import (
    day_after,
    later_working_day,
    latest_end,
    moved,
    working_days,
    working_delay,
)
from support.tasks import CTC, LIDAR, TITLES, tasks

DAYS = st.dates(date(2000, 1, 1), date(2040, 12, 31))
DELAYS = st.integers(0, 400)


def made(*tables: dict[str, Any], interface: str = CTC) -> tuple[Task, ...]:
    common = {
        "kind": "implement-algorithm",
        "title": "Do it",
        "phase": "production",
        "work_package": "PIPE-CAL",
    }
    return read_tasks([common | t for t in tables], interface, "f")


def dates(found: tuple[Task, ...], key: str, on: date | None = None) -> tuple[str, str]:
    slot = schedule(found, on).slots[f"{found[0].interface}/{key}"]
    return str(slot.start), str(slot.due)


@pytest.mark.parametrize(("unit", "start"), [("calendar", "2016-08-01"), ("working", "2016-08-15")])
def test_thirty_days_after_the_first_of_july(unit: str, start: str) -> None:
    found = made(
        {"key": "develop", "start": "2015-06-01", "due": "2016-07-01"},
        {"key": "implement", "follows": [{"task": "develop", "delay": 30, "unit": unit}]},
    )
    assert dates(found, "implement")[0] == start


def test_a_length_in_working_days_is_kept_as_redmine_keeps_it() -> None:
    # a real Redmine 5 moved these dates so
    assert moved(date(2015, 8, 1), date(2016, 6, 1), date(2016, 8, 15), "working") == date(2017, 6, 14)
    assert day_after(date(2016, 7, 4), 30, "working") == date(2016, 8, 16)


@given(DAYS, st.integers(0, 60))
def test_working_days_are_counted_one_by_one(day: date, days: int) -> None:
    if day.weekday() < 5:
        naive, left = day, days
        while left:
            naive += timedelta(1)
            left -= naive.weekday() < 5
        assert later_working_day(day, days) == naive
    stop = day + timedelta(days)
    assert working_days(day, stop) == sum((day + timedelta(i)).weekday() < 5 for i in range(days))


@given(DAYS, DELAYS, st.sampled_from(("calendar", "working")))
def test_the_latest_end_is_just_early_enough(start: date, delay: int, unit: Any) -> None:
    end = latest_end(start, delay, unit)
    assert day_after(end, delay, unit) <= start < day_after(end + timedelta(1), delay, unit)


@given(DAYS, DELAYS)
def test_a_delay_in_working_days_forbids_nothing_that_the_calendar_allows(end: date, delay: int) -> None:
    start = day_after(end, delay, "calendar")
    days = working_delay(end, delay)
    assert day_after(end, days + 1, "working") > start
    assert day_after(end, days, "working") <= start or days == 0


def test_what_follows_is_pushed_and_its_slip_is_told() -> None:
    found = made(
        {"key": "a", "start": "2016-06-01", "due": "2016-07-29"},
        {"key": "b", "start": "2016-07-15", "due": "2016-08-14", "follows": [{"task": "a", "delay": 2}]},
        {"key": "c", "start": "2016-10-03", "due": "2016-10-31", "follows": [{"task": "b"}]},
        {"key": "d", "start": "2016-06-06", "due": "2016-06-10"},
    )
    plan = schedule(found)
    slot = {name.rpartition("/")[2]: s for name, s in plan.slots.items()}
    assert (str(slot["b"].start), str(slot["b"].due), slot["b"].slip) == ("2016-08-01", "2016-08-31", 17)
    assert [s.task for s in plan.slipped] == [f"{CTC}/b"]
    # c has room: it starts later than it has to, on its own date
    assert (str(slot["c"].start), slot["c"].after) == ("2016-10-03", None)
    assert plan.critical_path == (f"{CTC}/c",)
    assert slot["b"].slack == (date(2016, 10, 2) - date(2016, 8, 31)).days
    assert slot["a"].slack == slot["b"].slack
    assert slot["d"].slack == (date(2016, 10, 31) - date(2016, 6, 10)).days


def test_the_critical_path_goes_through_the_tasks_that_set_the_end() -> None:
    found = made(
        {"key": "short", "start": "2016-06-01", "due": "2016-06-02"},
        {"key": "long", "start": "2016-06-01", "due": "2016-09-30"},
        {"key": "both", "estimated_hours": 80, "follows": [{"task": "short"}, {"task": "long"}]},
        {"key": "last", "estimated_hours": 4, "follows": [{"task": "both"}]},
    )
    plan = schedule(found)
    assert [n.rpartition("/")[2] for n in plan.critical_path] == ["long", "both", "last"]
    assert all((s.slack == 0) == s.critical for s in plan.slots.values())
    # 80 hours are ten working days
    assert dates(found, "both") == ("2016-10-01", "2016-10-14")


def test_a_late_task_pushes_what_follows() -> None:
    found = made(
        {"key": "a", "start": "2016-06-01", "due": "2016-07-01"},
        {"key": "b", "start": "2016-07-02", "due": "2016-07-05", "follows": [{"task": "a"}]},
    )
    assert dates(found, "b", date(2016, 7, 11)) == ("2016-07-12", "2016-07-15")
    done = (changed(found[0], {"status": "Closed"}, "x"), found[1])
    assert dates(done, "b", date(2016, 7, 4)) == ("2016-07-02", "2016-07-05")


def test_a_task_spans_its_subtasks_and_hands_them_what_it_follows() -> None:
    found = made(
        {"key": "first", "start": "2016-06-01", "due": "2016-06-30"},
        {"key": "whole", "follows": [{"task": "first"}]},
        {"key": "one", "parent": "whole", "start": "2016-06-15", "due": "2016-06-20"},
        {"key": "two", "parent": "whole", "start": "2016-08-01", "due": "2016-08-05"},
        {"key": "after", "estimated_hours": 8, "follows": [{"task": "whole"}]},
    )
    assert dates(found, "one") == ("2016-07-01", "2016-07-06")
    assert dates(found, "whole") == ("2016-07-01", "2016-08-05")
    assert dates(found, "after")[0] == "2016-08-06"
    assert [n.rpartition("/")[2] for n in schedule(found).critical_path] == ["two", "after"]


def test_what_is_rejected_or_has_no_dates_has_no_place() -> None:
    found = made(
        {"key": "a", "start": "2016-06-01", "due": "2016-07-01", "status": "Rejected"},
        {"key": "b", "follows": [{"task": "a"}]},
        {"key": "c", "start": "2016-01-04", "due": "2016-01-05", "follows": [{"task": "a"}]},
    )
    assert dates(found, "b") == ("None", "None")
    assert dates(found, "c") == ("2016-01-04", "2016-01-05")


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        (
            [
                {"key": "a", "follows": [{"task": "c"}]},
                {"key": "b", "follows": [{"task": "a"}]},
                {"key": "c", "follows": [{"task": "b"}]},
            ],
            {"a", "b", "c"},
        ),
        ([{"key": "p"}, {"key": "s", "parent": "p", "follows": [{"task": "p"}]}], {"p", "s"}),
        ([{"key": "p", "parent": "q"}, {"key": "q", "parent": "p"}], {"p", "q"}),
    ],
    ids=["follows", "child-follows-parent", "parents"],
)
def test_a_circle_is_refused_and_named(tables: Any, words: set[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        schedule(made(*tables))
    assert caught.value.code == "cyclic-follows"
    assert set(re.findall(rf"{CTC}/(\w+)", caught.value.got)) == words


def test_a_task_that_is_not_there_is_told() -> None:
    found = made({"key": "a", "follows": [{"task": "gone"}]})
    with pytest.raises(ConfigurationError) as caught:
        schedule(found)
    assert caught.value.code == "unknown-task"


@st.composite
def projects(draw: st.DrawFn) -> tuple[Task, ...]:
    tables = []
    for i in range(draw(st.integers(1, 12))):
        start = draw(st.dates(date(2016, 1, 1), date(2017, 1, 1)))
        table = {"key": f"t{i}", "start": start, "due": start + timedelta(draw(st.integers(0, 90)))}
        table["follows"] = (
            [
                {
                    "task": f"t{j}",
                    "delay": draw(st.integers(0, 40)),
                    "unit": draw(st.sampled_from(("calendar", "working"))),
                }
                for j in draw(st.sets(st.integers(0, i - 1), max_size=3))
            ]
            if i
            else []
        )
        tables.append(table)
    return made(*draw(st.permutations(tables)))


@given(projects())
def test_no_task_starts_before_those_it_follows_have_ended(found: tuple[Task, ...]) -> None:
    plan = schedule(found)
    for task in found:
        slot = plan.slots[task.id]
        assert slot.start is not None
        assert task.start is not None
        gates = [day_after(plan.slots[f.task].due or date.min, f.delay, f.unit) for f in task.follows]
        assert slot.start == max([task.start, *gates])
        assert (slot.slack or 0) >= 0
    last = [s for s in plan.slots.values() if s.due == plan.end]
    assert plan.critical_path[-1] in {s.task for s in last}
    assert all(s.slack == 0 for s in last)
    names = [t.id for t in in_order(found)]
    assert all(names.index(f.task) < names.index(t.id) for t in found for f in t.follows)


@given(projects(), st.data())
def test_a_task_may_end_later_by_its_slack_and_no_day_more(
    found: tuple[Task, ...], data: st.DataObject
) -> None:
    # in calendar days alone, where a shift of one day shifts what follows by one
    calm = tuple(
        changed(t, {"follows": [{"task": f.task, "delay": f.delay} for f in t.follows]}, "x") for t in found
    )
    plan = schedule(calm)
    late = data.draw(st.sampled_from(calm))
    slot = plan.slots[late.id]
    assert slot.due is not None
    assert slot.slack is not None
    assert plan.end is not None
    for extra, ends_in_time in ((slot.slack, True), (slot.slack + 1, False)):
        stretched = changed(late, {"start": slot.start, "due": slot.due + timedelta(extra)}, "x")
        after = schedule([stretched if t.id == late.id else t for t in calm])
        assert after.end is not None
        assert (after.end <= plan.end) is ends_in_time


def test_the_calendar_is_read_back_by_a_calendar_program() -> None:
    found = tuple(
        changed(
            t, {"title": "Ümläuts, commas; and a \\ in a title that is longer than one line of the file"}, "x"
        )
        if t.key == "elastic"
        else t
        for t in tasks()
    )
    plan = schedule(found)
    text = icalendar(found, plan)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    events = {str(e["UID"]): e for e in reader.Calendar.from_ical(text).walk("VEVENT")}
    assert len(events) == len(found)
    for task in found:
        event, slot = events[f"{task.id.replace('/', '.')}@pellucid"], plan.slots[task.id]
        assert slot.due is not None
        assert (event["DTSTART"].dt, event["DTEND"].dt) == (slot.start, slot.due + timedelta(1))
        assert str(event["SUMMARY"]) == task.title
    assert icalendar(found, schedule(found)) == text


def test_the_chart_draws_every_task_arrow_and_the_critical_path() -> None:
    plan = schedule(tasks())
    svg = gantt(rows(tasks(), "per-interface", TITLES), plan, date(2016, 10, 10))
    root = ET.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    bars = [r for r in root.iter(f"{space}rect") if r.find(f"{space}title") is not None]
    assert len(bars) == len(tasks())
    assert sum(r.get("stroke") is not None for r in bars) == len(plan.critical_path)
    arrows = [p for p in root.iter(f"{space}path") if p.get("marker-end")]
    assert len(arrows) == sum(len(t.follows) for t in tasks())
    assert gantt(rows(tasks(), "per-interface", TITLES), schedule(tasks()), date(2016, 10, 10)) == svg
    empty = made({"key": "a"}, interface=LIDAR)
    assert "1 without dates" in gantt(rows(empty, "per-task", {}), schedule(empty))
