# SPDX-License-Identifier: BSD-3-Clause
"""An interface as a page for people, in Markdown, written from its contract and complete."""

from collections.abc import Iterable, Iterator

from pellucid.interfaces.contract import Column, Delivery, Interface, MetadataKey
from pellucid.interfaces.methods import read_methods
from pellucid.interfaces.task import Task

__all__ = ["catalogue_page", "page"]

_CCF = {"priority": "CCF has priority", "no-manpower": "CCF lacks people: open for expressions of interest"}


def page(interface: Interface, heading: str = "#") -> str:
    """Return the page of an interface; `heading` is the mark of its title."""
    return "\n".join(_lines(interface, heading)) + "\n"


def catalogue_page(interfaces: Iterable[Interface]) -> str:
    """Return one page on all interfaces."""
    listed = list(interfaces)
    lines = [
        "# Interfaces",
        "",
        "Generated from the interface files.",
        "",
        "| id | title | version | status | level | provider | receiver | tasks |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for i in listed:
        parties = " | ".join(p.sub_project for p in sorted(i.parties, key=lambda p: p.role))
        lines.append(
            f"| {i.id} | {i.title} | {i.version} | {i.status} | {i.level} | {parties} | {len(i.tasks)} |"
        )
    return "\n".join(lines) + "\n\n" + "\n".join(page(i, "##") for i in listed)


def _lines(i: Interface, mark: str) -> Iterator[str]:
    yield f"{mark} {i.id} {i.title}"
    yield ""
    yield f"{i.about}."
    yield ""
    yield f"Version {i.version}, {i.status}, {i.level}. Content `{i.digest[:16]}`."
    yield ""
    yield from _table(
        ("party", "role", "responsibles"),
        (
            (p.sub_project, p.role, ", ".join(f"{w}: {who}" for w, who in p.responsibles.items()))
            for p in i.parties
        ),
    )
    if i.product_types:
        yield from _table(("type of product defined here", "meaning"), i.product_types.items())
    for delivery in i.deliveries:
        yield from _delivery(delivery, mark + "#")
    if i.methods:
        yield from _methods(i, mark + "#")
    if i.tasks:
        yield f"{mark}# Tasks of {i.id}"
        yield ""
        yield from _table(
            ("task", "title", "kind", "work package", "status", "more"),
            (
                (t.key, t.title, f"{t.kind}, {t.phase}", t.work_package, t.status, "; ".join(_more(t)))
                for t in i.tasks
            ),
        )


def _delivery(d: Delivery, mark: str) -> Iterator[str]:
    yield f"{mark} Delivery {d.name}"
    yield ""
    yield f"{d.about[:1].upper()}{d.about[1:]}. `{d.product_type}` as `{d.format}`."
    yield ""
    times = []
    if d.cadence is not None:
        times.append(f"a row every {d.cadence:g} s, within {d.cadence_tolerance:g} s")
    if d.latency is not None:
        times.append(f"delivered within {d.latency:g} s")
    if d.time is not None:
        said = "; ".join([*times, f"the time of a row is in column `{d.time}`"])
        yield f"{said[:1].upper()}{said[1:]}."
        yield ""
    if d.metadata:
        yield from _table(
            ("metadata", "type", "unit", "allowed", "required", "example", "meaning"),
            (
                (
                    f"`{k.name}`", k.type, k.unit, _allowed(k), "yes" if k.required else "no",
                    _value(k.example), k.about,
                )
                for k in d.metadata
            ),
        )  # fmt: skip
    yield from _table(
        ("column", "type", "shape", "unit", "allowed", "rules", "example", "meaning"),
        (
            (
                f"`{c.name}`", c.dtype, " x ".join(map(str, c.shape)), c.unit, _allowed(c),
                ", ".join(_rules(c)), _value(c.example), c.about,
            )
            for c in d.columns
        ),
    )  # fmt: skip


def _methods(i: Interface, mark: str) -> Iterator[str]:
    methods = read_methods(i.methods, i.id, i.source)
    yield f"{mark} Methods of {i.id}"
    yield ""
    yield f"Baseline: `{methods.baseline}`." if methods.baseline else "There is no baseline yet."
    yield ""
    if methods.alternatives:
        yield from _table(
            ("allowed beside it", "used by camera", "feasibility", "says"),
            ((f"`{a.step}`", a.camera or "none yet", a.note, a.by) for a in methods.alternatives),
        )


def _more(t: Task) -> Iterator[str]:
    """Yield what only some tasks have, in words."""
    if t.priority != "Normal":
        yield f"{t.priority} priority"
    if t.ccf:
        yield _CCF[t.ccf]
    if t.assignee:
        yield f"done by {t.assignee}"
    if t.start or t.due:
        yield f"{t.start or '?'} to {t.due or '?'}"
    if t.estimated_hours is not None:
        yield f"{t.estimated_hours:g} h estimated"
    if t.spent_hours:
        yield f"{t.spent_hours:g} h spent"
    if t.done:
        yield f"{t.done} % done"
    if t.parent:
        yield f"part of {t.parent}"
    for f in t.follows:
        told = f.delay or f.unit != "calendar"
        yield f"follows {f.task}" + (f" after {f.delay} {f.unit} days" if told else "")
    if t.watchers:
        yield f"watched by {', '.join(t.watchers)}"
    if t.interested:
        yield f"offered by {', '.join(t.interested)}"
    for e in t.evidence:
        where = f" on {e.array} ({', '.join(map(str, e.telescopes))})" if e.array else ""
        yield f"proved by {e.kind} {e.name}{where}"


def _allowed(thing: Column | MetadataKey) -> str:
    words = [", ".join(map(str, thing.values))] if thing.values else []
    if thing.range is not None:
        words.append(f"{_value(thing.range[0])} to {_value(thing.range[1])}")
    return "; ".join(words)


def _value(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    return "" if value is None else str(value)


def _rules(column: Column) -> Iterator[str]:
    """Yield what holds of the numbers of a column beside their range."""
    if column.nan or column.dtype.startswith("float"):
        yield {0.0: "no NaN", 1.0: "NaN allowed"}.get(column.nan, f"NaN up to {100 * column.nan:g} %")
    yield from filter(None, (column.time_scale, column.frame, column.monotonic))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""
