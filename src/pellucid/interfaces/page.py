# SPDX-License-Identifier: BSD-3-Clause
"""An interface as a page for people, in Markdown, written from its contract and complete."""

from collections.abc import Iterable, Iterator

from pellucid.interfaces.contract import Column, Delivery, Interface, MetadataKey

__all__ = ["catalogue_page", "page"]


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
    for delivery in i.deliveries:
        yield from _delivery(delivery, mark + "#")
    if i.tasks:
        yield f"{mark}# Tasks of {i.id}"
        yield ""
        rows = ((t.key, t.title, t.kind, t.phase, t.work_package, t.status, t.priority) for t in i.tasks)
        yield from _table(("task", "title", "kind", "phase", "work package", "status", "priority"), rows)


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
    if times:
        yield "; ".join(times)[:1].upper() + "; ".join(times)[1:] + f" (column `{d.time}`)."
        yield ""
    if d.metadata:
        yield from _table(
            ("metadata", "type", "unit", "allowed", "required", "example", "meaning"),
            (
                (
                    f"`{k.name}`",
                    k.type,
                    k.unit,
                    _allowed(k),
                    "yes" if k.required else "no",
                    repr(k.example),
                    k.about,
                )
                for k in d.metadata
            ),
        )
    yield from _table(
        ("column", "type", "shape", "unit", "allowed", "NaN", "scale, frame", "order", "meaning"),
        (
            (
                f"`{c.name}`", c.dtype, "x".join(map(str, c.shape)), c.unit, _allowed(c), _nan(c),
                " ".join(filter(None, (c.time_scale, c.frame))), c.monotonic or "", c.about,
            )
            for c in d.columns
        ),
    )  # fmt: skip


def _allowed(thing: Column | MetadataKey) -> str:
    if thing.values:
        return ", ".join(map(str, thing.values))
    return "" if thing.range is None else f"{thing.range[0]:g} to {thing.range[1]:g}"


def _nan(column: Column) -> str:
    return {0.0: "never", 1.0: "allowed"}.get(column.nan, f"up to {column.nan:.0%}")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""
