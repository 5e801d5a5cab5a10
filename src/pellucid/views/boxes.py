# SPDX-License-Identifier: BSD-3-Clause
"""Boxes with arrows from left to right, as a picture (SVG): what comes of what."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import NamedTuple

__all__ = ["Box", "boxes_svg"]

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 290, 46, 70, 16, 20
_STYLE = (
    "text{font:13px sans-serif;fill:#1a1a1a}.small{font-size:10.5px;fill:#555}"
    ".step{fill:#dbe9f6;stroke:#3b6ea5}.delivered{fill:#f4efe1;stroke:#a08a4b}"
    ".missing{fill:#f9e0dc;stroke:#b04a3a;stroke-dasharray:4 3}"
    ".done{fill:#e4f1e1;stroke:#4d8a4a}.idle{fill:#f6f6f6;stroke:#bbb}"
    ".edge{fill:none;stroke:#888;stroke-width:1.3}"
)


class Box(NamedTuple):
    """A box: its kind (``delivered``, ``step``, ``done``, ``idle`` or ``missing``), title, and line below."""

    kind: str
    title: str
    below: str


def boxes_svg(boxes: Mapping[str, Box], edges: Iterable[tuple[str, str]]) -> str:
    """Draw boxes in columns, each right of all it comes of.

    Parameters
    ----------
    boxes : mapping of str to Box
        By a name that is not shown.
    edges : iterable of (str, str)
        Names of boxes: what is used, and what uses it; without circles.
    """
    depth = _depths(boxes, edges := sorted(set(edges)))
    lanes, links = _lanes(depth, edges)
    columns = _columns(depth | lanes, links)
    tallest = max((len(column) for column in columns), default=0)
    places = {
        name: (
            _MARGIN + x * (_WIDTH + _GAP_X),
            _MARGIN + (tallest - len(column)) * (_HEIGHT + _GAP_Y) // 2 + y * (_HEIGHT + _GAP_Y),
        )
        for x, column in enumerate(columns)
        for y, name in enumerate(column)
    }
    width = 2 * _MARGIN + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + tallest * (_HEIGHT + _GAP_Y) - _GAP_Y
    return "\n".join(_svg(boxes, links, places, max(width, 100), max(height, 60))) + "\n"


def _depths(boxes: Mapping[str, Box], edges: list[tuple[str, str]]) -> dict[str, int]:
    """Return the column of each box: one right of the rightmost that feeds it."""
    used_by: dict[str, list[str]] = defaultdict(list)
    waiting = dict.fromkeys(boxes, 0)
    for first, second in edges:
        used_by[first].append(second)
        waiting[second] += 1
    depth = dict.fromkeys(boxes, 0)
    ready = [name for name in boxes if waiting[name] == 0]
    while ready:
        name = ready.pop()
        for user in used_by[name]:
            depth[user] = max(depth[user], depth[name] + 1)
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)
    return depth


def _lanes(
    depth: Mapping[str, int], edges: list[tuple[str, str]]
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Give arrows over several columns free places to pass: their columns, and all arrows in pieces."""
    lanes: dict[str, int] = {}
    links: dict[tuple[str, str], None] = {}
    for first, second in edges:
        last = first
        for column in range(depth[first] + 1, depth[second]):
            lane = f"{first} {column}"  # shared by all arrows from one box
            lanes[lane] = column
            links[last, lane] = None
            last = lane
        links[last, second] = None
    return lanes, list(links)


def _columns(depth: Mapping[str, int], links: list[tuple[str, str]]) -> list[list[str]]:
    feeders: dict[str, list[str]] = defaultdict(list)
    for first, second in links:
        feeders[second].append(first)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in sorted(depth):
        columns[depth[name]].append(name)
    rank: dict[str, float] = {}
    for column in columns:
        # beside what feeds it, so that few edges cross
        for place, name in enumerate(column):
            ranks = [rank[f] for f in feeders[name]]
            rank[name] = sum(ranks) / len(ranks) if ranks else float(place)
        column.sort(key=lambda n: (rank[n], n))
        rank |= {name: float(place) for place, name in enumerate(column)}
    return columns


def _svg(
    boxes: Mapping[str, Box],
    links: list[tuple[str, str]],
    places: Mapping[str, tuple[int, int]],
    width: int,
    height: int,
) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>{_STYLE}</style>'
    )
    yield f'<rect width="{width}" height="{height}" fill="white"/>'
    for first, second in links:
        x0, y0 = places[first][0] + _WIDTH, places[first][1] + _HEIGHT // 2
        x1, y1 = places[second][0], places[second][1] + _HEIGHT // 2
        bend = _GAP_X // 2
        through = "" if second in boxes else f"H{x1 + _WIDTH}"
        yield f'<path class="edge" d="M{x0} {y0}C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}{through}"/>'
    for name, box in boxes.items():
        x, y = places[name]
        yield f"<g><title>{escape(box.title)}\n{escape(box.below)}</title>"
        yield f'<rect class="{box.kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        yield f'<text x="{x + 10}" y="{y + 19}">{escape(_cut(box.title, 13))}</text>'
        yield f'<text class="small" x="{x + 10}" y="{y + 36}">{escape(_cut(box.below, 10.5))}</text></g>'
    yield "</svg>"


def _cut(text: str, size: float) -> str:
    """Leave out the middle of what is too long: names of files that belong together differ at their ends."""
    widths = [size * (0.51 if c.islower() or c in " .-" else 0.64) for c in text]  # of a common sans-serif
    left, right, room = 0, len(text), _WIDTH - 20 - size
    if sum(widths) <= _WIDTH - 20:
        return text
    while True:
        from_left = left <= len(text) - right
        room -= widths[left if from_left else right - 1]
        if room < 0:
            break
        left, right = (left + 1, right) if from_left else (left, right - 1)
    return f"{text[:left]}…{text[right:]}"
