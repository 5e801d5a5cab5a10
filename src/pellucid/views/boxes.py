# SPDX-License-Identifier: BSD-3-Clause
"""Boxes with arrows from left to right, as a picture (SVG): what comes of what."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import NamedTuple

__all__ = ["Box", "boxes_svg"]

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 250, 46, 70, 16, 20
_STYLE = (
    "text{font:13px sans-serif;fill:#1a1a1a}.small{font-size:10.5px;fill:#555}"
    ".step{fill:#dbe9f6;stroke:#3b6ea5}.delivered{fill:#f4efe1;stroke:#a08a4b}"
    ".missing{fill:#f9e0dc;stroke:#b04a3a;stroke-dasharray:4 3}"
    ".edge{fill:none;stroke:#888;stroke-width:1.3}"
)


class Box(NamedTuple):
    """A box: its kind (``delivered``, ``step`` or ``missing``), its title and the line below."""

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
    edges = sorted(set(edges))
    columns = _columns(boxes, edges)
    places: dict[str, tuple[int, int]] = {}
    tallest = max((len(column) for column in columns), default=0)
    for x, column in enumerate(columns):
        shift = (tallest - len(column)) * (_HEIGHT + _GAP_Y) // 2
        for y, name in enumerate(column):
            places[name] = (
                _MARGIN + x * (_WIDTH + _GAP_X),
                _MARGIN + shift + y * (_HEIGHT + _GAP_Y),
            )
    width = 2 * _MARGIN + len(columns) * (_WIDTH + _GAP_X) - _GAP_X
    height = 2 * _MARGIN + tallest * (_HEIGHT + _GAP_Y) - _GAP_Y
    return "\n".join(_svg(boxes, edges, places, max(width, 100), max(height, 60))) + "\n"


def _columns(boxes: Mapping[str, Box], edges: list[tuple[str, str]]) -> list[list[str]]:
    feeders: dict[str, list[str]] = defaultdict(list)
    used_by: dict[str, list[str]] = defaultdict(list)
    for first, second in edges:
        feeders[second].append(first)
        used_by[first].append(second)
    depth: dict[str, int] = {}
    waiting = {name: len(feeders[name]) for name in boxes}
    ready = [name for name in boxes if waiting[name] == 0]
    while ready:
        name = ready.pop()
        depth[name] = max((depth[f] + 1 for f in feeders[name]), default=0)
        for user in used_by[name]:
            waiting[user] -= 1
            if waiting[user] == 0:
                ready.append(user)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in sorted(boxes):
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
    edges: list[tuple[str, str]],
    places: Mapping[str, tuple[int, int]],
    width: int,
    height: int,
) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>{_STYLE}</style>'
    )
    yield f'<rect width="{width}" height="{height}" fill="white"/>'
    for first, second in edges:
        x0, y0 = places[first][0] + _WIDTH, places[first][1] + _HEIGHT // 2
        x1, y1 = places[second][0], places[second][1] + _HEIGHT // 2
        bend = max(_GAP_X // 2, (x1 - x0) // 2)
        yield f'<path class="edge" d="M{x0} {y0}C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}"/>'
    for name, box in boxes.items():
        x, y = places[name]
        yield f'<rect class="{box.kind}" x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        yield f'<text x="{x + 10}" y="{y + 19}">{escape(_cut(box.title, 32))}</text>'
        yield f'<text class="small" x="{x + 10}" y="{y + 36}">{escape(_cut(box.below, 44))}</text>'
    yield "</svg>"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
