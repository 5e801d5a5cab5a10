# SPDX-License-Identifier: BSD-3-Clause
"""A Gantt chart as SVG: one bar a task, arrows where one follows another, the critical path marked."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape

from pellucid.interfaces.layouts import Row
from pellucid.interfaces.schedule import Schedule, Slot

__all__ = ["gantt"]

ROW, BAR, LABELS, HEAD, CHART, NOTES, MARGIN = 24, 12, 460, 46, 900, 100, 16
"""Height of a row and of a bar, width of labels, height of the axis, widths of the chart and of the room for
notes behind it, and the rim, in pixels."""

COLOURS = {"New": "#9aa5b1", "Assigned": "#5b8fc9", "In Progress": "#e0a030", "Closed": "#4c9f70"}
CRITICAL, INK, FAINT, GRID = "#c0392b", "#22303c", "#7a8793", "#dfe4e8"

_STEPS = ((24, 1), (72, 3), (144, 6), (10**6, 12))
"""Months of the chart up to which a line is drawn every so many months."""


def gantt(rows: Sequence[Row], schedule: Schedule, on: date | None = None) -> str:
    """Draw a schedule.

    Parameters
    ----------
    rows : sequence of Row
        What is drawn, from above; see `pellucid.interfaces.layouts.rows`.
    schedule : Schedule
        When it takes place. Tasks that nothing dates are counted behind their heading.
    on : date, optional
        Day at which a line is drawn.

    Returns
    -------
    str
        An SVG document; the same for the same input.
    """
    rows, undated = _dated(rows, schedule)
    shown = [r.task.id for r in rows if r.task is not None]
    days = [d for n in shown for d in (schedule.slots[n].start, schedule.slots[n].due) if d]
    axis = _Axis(min(days, default=on or date(2000, 1, 1)), max(days, default=on or date(2000, 1, 1)))
    width, height = LABELS + CHART + NOTES + 2 * MARGIN, HEAD + ROW * len(rows) + ROW + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        '<defs><marker id="tip" viewBox="0 0 6 6" refX="5.5" refY="3" markerWidth="6" markerHeight="6" '
        f'orient="auto"><path d="M0 0L6 3L0 6z" fill="{INK}"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *axis.lines(HEAD + ROW * len(rows)),
    ]
    places = {r.task.id: i for i, r in enumerate(rows) if r.task is not None}
    for i, row in enumerate(rows):
        parts += _label(row, i, undated.get(i, 0))
        if row.task is not None:
            parts += _bar(row, schedule.slots[row.task.id], i, axis)
    for row in rows:
        for relation in row.task.follows if row.task is not None else ():
            parts += _arrow(schedule.slots, relation.task, row.id, places, axis)
    if on is not None and axis.first <= on <= axis.last:
        x = axis.x(on)
        parts.append(
            f'<path d="M{x} {HEAD - 6}V{HEAD + ROW * len(rows)}" stroke="{CRITICAL}" stroke-dasharray="4 3"/>'
        )
    parts += _legend(HEAD + ROW * len(rows) + ROW)
    return "\n".join((*parts, "</svg>\n"))


def _dated(rows: Sequence[Row], schedule: Schedule) -> tuple[list[Row], dict[int, int]]:
    """Return the headings and the tasks with dates, and how many below each heading have none."""
    kept: list[Row] = []
    undated: dict[int, int] = {}
    heading = 0
    for row in rows:
        if row.task is None:
            heading = len(kept)
        elif schedule.slots[row.task.id].start is None:
            undated[heading] = undated.get(heading, 0) + 1
            continue
        kept.append(row)
    return kept, undated


class _Axis:
    """Days on the horizontal axis, whole months."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first.replace(day=1)
        self.last = (last.replace(day=1) + timedelta(32)).replace(day=1)

    def x(self, day: date) -> float:
        share = (day - self.first).days / (self.last - self.first).days
        return round(MARGIN + LABELS + CHART * share, 1)

    def lines(self, bottom: int) -> list[str]:
        months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month
        step = next(s for limit, s in _STEPS if months <= limit)
        parts = []
        for n in range(months + 1):
            year, month = divmod(self.first.year * 12 + self.first.month - 1 + n, 12)
            x = self.x(date(year, month + 1, 1))
            if n < months and (month == 0 or n == 0):
                parts.append(
                    f'<text x="{x + 3}" y="{HEAD - 26}" fill="{INK}" font-weight="bold">{year}</text>'
                )
            if month % step == 0 and n < months:
                parts.append(f'<path d="M{x} {HEAD - 6}V{bottom}" stroke="{GRID}"/>')
                if step < 12:
                    parts.append(f'<text x="{x + 3}" y="{HEAD - 10}" fill="{INK}">{month + 1:02d}</text>')
        return parts


def _label(row: Row, place: int, undated: int) -> list[str]:
    y = HEAD + ROW * place + ROW / 2 + 4
    x = MARGIN + 14 * row.depth
    room = int((LABELS - 14 * row.depth - 8) / 6.4)
    if row.task is None:
        text = row.title if row.title == row.id else f"{row.id}  {row.title}"
        end = MARGIN + LABELS + CHART + NOTES
        parts = [
            f'<rect x="{MARGIN}" y="{HEAD + ROW * place + 1}" width="{end - MARGIN}" height="{ROW - 2}" '
            'fill="#f3f5f7"/>',
            f'<text x="{x + 4}" y="{y}" fill="{INK}" font-weight="bold">{escape(_cut(text, 120))}</text>',
        ]
        if undated:
            parts.append(
                f'<text x="{end - 4}" y="{y}" fill="{FAINT}" font-style="italic" text-anchor="end">'
                f"{undated} without dates</text>"
            )
        return parts
    who = f" ({row.task.work_package})"
    text = _cut(row.title, room - len(who)) + who
    return [f'<text x="{x}" y="{y}" fill="{INK}">{escape(text)}<title>{escape(row.id)}</title></text>']


def _bar(row: Row, slot: Slot, place: int, axis: _Axis) -> list[str]:
    assert row.task is not None
    top = HEAD + ROW * place + (ROW - BAR) / 2
    assert slot.start is not None
    if slot.due is None:
        return [
            f'<text x="{axis.x(slot.start) + 4}" y="{top + BAR - 2}" fill="{FAINT}" font-style="italic">'
            "length unknown</text>"
        ]
    x, end = axis.x(slot.start), axis.x(slot.due + timedelta(1))
    width = max(3.0, round(end - x, 1))
    colour = COLOURS[row.task.status]
    edge = f' stroke="{CRITICAL}" stroke-width="2"' if slot.critical else ""
    who = row.task.assignee or "nobody yet"
    title = f"{row.id}: {slot.start} to {slot.due}, {row.task.status}, {row.task.done} %, {who}"
    parts = [
        f'<rect x="{x}" y="{top}" width="{width}" height="{BAR}" rx="2" fill="{colour}"{edge}>'
        f"<title>{escape(title)}</title></rect>"
    ]
    if row.task.done:
        done = round(width * row.task.done / 100, 1)
        parts.append(f'<rect x="{x}" y="{top + BAR - 4}" width="{done}" height="4" fill="{INK}"/>')
    if slot.slip > 0:
        # beside the arrows that begin behind the bar
        parts.append(f'<text x="{x + width + 9}" y="{top + BAR - 2}" fill="{CRITICAL}">+{slot.slip} d</text>')
    return parts


def _arrow(
    slots: Mapping[str, Slot], before: str, after: str, places: dict[str, int], axis: _Axis
) -> list[str]:
    one, other = slots.get(before), slots[after]
    if before not in places or one is None or one.due is None or other.start is None:
        return []
    x, y = axis.x(one.due + timedelta(1)), HEAD + ROW * places[before] + ROW / 2
    to_x, to_y = axis.x(other.start), HEAD + ROW * places[after] + ROW / 2
    # down (or up) just behind the first bar, then to the second one; back below it where that began before
    bend = x + 5
    if to_x >= bend + 6:
        path = f"M{x} {y}H{bend}V{to_y}H{to_x}"
    else:
        middle = y + (ROW / 2 if to_y > y else -ROW / 2)
        path = f"M{x} {y}H{bend}V{middle}H{round(to_x - 8, 1)}V{to_y}H{to_x}"
    return [f'<path d="{path}" fill="none" stroke="{INK}" stroke-width="0.8" marker-end="url(#tip)"/>']


def _legend(y: int) -> list[str]:
    parts: list[str] = []
    x = MARGIN + LABELS
    for name, colour in COLOURS.items():
        parts.append(f'<rect x="{x}" y="{y - 10}" width="20" height="{BAR}" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="{x + 25}" y="{y}" fill="{INK}">{name}</text>')
        x += 50 + 7 * len(name)
    parts.append(
        f'<rect x="{x}" y="{y - 10}" width="20" height="{BAR}" rx="2" fill="none" stroke="{CRITICAL}" '
        'stroke-width="2"/>'
    )
    parts.append(f'<text x="{x + 25}" y="{y}" fill="{INK}">on the critical path</text>')
    parts.append(f'<rect x="{x + 150}" y="{y - 4}" width="20" height="4" fill="{INK}"/>')
    parts.append(f'<text x="{x + 175}" y="{y}" fill="{INK}">done</text>')
    parts.append(f'<text x="{x + 225}" y="{y}" fill="{CRITICAL}">+n d</text>')
    parts.append(f'<text x="{x + 258}" y="{y}" fill="{INK}">later than planned</text>')
    return parts


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"
