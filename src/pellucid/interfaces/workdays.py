# SPDX-License-Identifier: BSD-3-Clause
"""Days between tasks, counted on the calendar or in working days (Monday to Friday).

Working days are counted as Redmine 5 counts them, so that both give one schedule.
"""

from datetime import date, timedelta

from pellucid.interfaces.task import Unit

__all__ = [
    "day_after",
    "later_working_day",
    "latest_end",
    "moved",
    "working_day",
    "working_days",
    "working_delay",
]

WEEK = 5
"""Working days of a week."""


def later_working_day(day: date, days: int) -> date:
    """Return the day a number of working days later; the day itself for 0.

    Whole weeks are added first; an end on a weekend moves to Monday.
    """
    if days <= 0:
        return day
    weeks, rest = divmod(days, WEEK)
    day += timedelta(weeks=weeks)
    for _ in range(rest):
        day = working_day(day + timedelta(1))
    return working_day(day)


def working_days(start: date, stop: date) -> int:
    """Return how many working days lie in [start, stop)."""
    weeks, rest = divmod((stop - start).days, 7)
    return weeks * WEEK + sum((start.weekday() + i) % 7 < WEEK for i in range(rest))


def day_after(end: date, delay: int, unit: Unit) -> date:
    """Return the first day on which a task can start that follows another one.

    Parameters
    ----------
    end : date
        Last day of the task before.
    delay : int
        Days that lie between; a task due on 2016-07-01 and followed after 30 days lets the next one start
        on 2016-08-01 in calendar days, on 2016-08-15 in working days.
    unit : str
        ``calendar`` or ``working``.
    """
    if unit == "calendar":
        return end + timedelta(1 + delay)
    return later_working_day(end, 1 + delay)


def latest_end(start: date, delay: int, unit: Unit) -> date:
    """Return the last day on which a task may end so that the one that follows starts in time."""
    if unit == "calendar":
        return start - timedelta(1 + delay)
    end = start - timedelta(days=7 * (1 + delay) // WEEK + 5)
    while day_after(end + timedelta(1), delay, unit) <= start:
        end += timedelta(1)
    return end


def moved(start: date, due: date, to: date, unit: Unit) -> date:
    """Return the last day of a task that starts later, its duration kept in days of the unit."""
    if unit == "calendar":
        return due + (to - start)
    return later_working_day(to, working_days(start, due))


def working_delay(end: date, delay: int) -> int:
    """Return the longest delay in working days that a delay in calendar days leaves room for (0 or more).

    A tracker that knows working days alone then forbids no start that the calendar allows, but for
    one on a weekend.
    """
    start = day_after(end, delay, "calendar")
    days = max(0, working_days(end, start) - 2)
    while day_after(end, days + 1, "working") <= start:
        days += 1
    return days


def working_day(day: date) -> date:
    """Return the day, or the Monday after it where it lies on a weekend."""
    return day + timedelta(max(0, 7 - day.weekday()) if day.weekday() >= WEEK else 0)
