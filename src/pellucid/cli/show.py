# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid show``: all that is known about one product."""

import json
from collections.abc import Iterator, Mapping

import click

from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("show")
@click.argument("product_id", metavar="ID")
def command(session: Session, product_id: str) -> None:
    """Show all that is known about one product.

    ID is its id, or as many of the first digits as tell it from others.
    """
    with session.workspace() as workspace:
        product = workspace.archive.get(product_id)
        there = workspace.archive.has_bytes(product)
        path = str(workspace.archive.path(product)) if there else None
        certificates = workspace.archive.catalogue.validity.certificates(product)
        verdicts = workspace.archive.verdicts(product.id)
    document = {
        **product.as_dict(),
        "path": path,
        "certificates": [certificate._asdict() for certificate in certificates],
        "verdicts": [{"party": v.party, "verdict": v.verdict, "reason": v.reason} for v in verdicts],
    }
    session.show(document, "\n".join(_lines(document, "")))


def _tai(ns: int) -> str:
    from pellucid.archive.moments import moment_text

    return moment_text(ns)


def _clock(ns: int) -> str:
    from pellucid.archive.moments import clock_text

    return clock_text(ns)


_MOMENTS = {
    "time_start": _tai,
    "time_stop": _tai,
    "release_date": _tai,
    "created_ns": _clock,
    "started_ns": _clock,
}
"""How people read them, who count no nanoseconds."""


def _lines(values: Mapping[str, object], indent: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        elif name == "inputs" and isinstance(value, list):
            yield f"{indent}inputs:"
            yield from (f"{indent}  {i['role']}[{i['position']}]: {i['product']}" for i in value)
        elif name == "certificates" and isinstance(value, list) and value:
            from pellucid.archive.moments import span_text

            yield f"{indent}certified:"
            for c in value:
                yield f"{indent}  {c['collection']} for {c['device']}: {span_text(c['start'], c['stop'])}"
        elif name in _MOMENTS and isinstance(value, int):
            yield f"{indent}{name.removesuffix('_ns')}: {_MOMENTS[name](value)}"
        elif isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
            yield f"{indent}{name}:"
            for item in value:
                yield from _item(item, indent)
        elif value is not None and value != []:
            yield f"{indent}{name}: {value if isinstance(value, str) else json.dumps(value)}"


def _item(item: Mapping[str, object], indent: str) -> Iterator[str]:
    """Yield one of several things that a product remembers, e.g. a finding of its check."""
    if any(isinstance(v, Mapping | list) for v in item.values()):
        first, *rest = _lines(item, indent + "    ")
        yield f"{indent}  - {first.lstrip()}"
        yield from rest
    else:
        yield f"{indent}  - " + ", ".join(f"{k} {v}" for k, v in item.items() if v is not None)
