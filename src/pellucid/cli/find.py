# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid find``: look for products in the archive, or for the calibration of a moment."""

from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

if TYPE_CHECKING:
    from pellucid.archive import Product
    from pellucid.archive.explain import Candidate, Explanation
    from pellucid.archive.lookup import Calibration

__all__ = ["command"]


@verb("find")
@click.argument("pattern", metavar="[TYPE]", required=False)
@click.option("--type", "product_type", metavar="PATTERN", help="Product type, e.g. 'DL1/*'.")
@click.option("--obs", "obs_id", type=int, metavar="ID", help="Observation.")
@click.option("--tel", type=int, metavar="ID", help="Telescope the product covers.")
@click.option("--device", metavar="NAME", help="Device, e.g. raman-1; 'array' for the array as a whole.")
@click.option("--name", metavar="PATTERN", help="File name, e.g. 'gamma*'.")
@click.option("--step", metavar="STEP", help="Step that made the product.")
@click.option("--night", type=int, metavar="YYYYMMDD", help="Night, noon to noon.")
@click.option("--category", type=click.Choice(["A", "B", "C"]), help="On-line, next day, final.")
@click.option("--collection", metavar="NAME", help="Collection it came in, e.g. raw.")
@click.option("--tag", metavar="NAME", help="Tagged set it is in.")
@click.option("--quality", metavar="WORD", help="How good its maker says it is.")
@click.option("--rights", metavar="WORD", help="PUBLIC, SECURE or PROPRIETARY.")
@click.option("--from", "start", metavar="UTC", help="With --to: what covers some of the time between.")
@click.option("--to", "stop", metavar="UTC", help="First moment that does not count.")
@click.option(
    "--where", multiple=True, metavar="CONDITION", help="On its summary, e.g. 'clouds = 0'; repeatable."
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@click.option("--at", metavar="UTC", help="The calibration certified for this moment, not a list.")
@click.option("--path", metavar="NAMES", help="Collections to ask for it, in order, e.g. B,A.")
@click.option("--as-of", metavar="UTC", help="What would have been found with what was known then.")
@click.option("--explain", is_flag=True, help="Tell why this one, and why not each other.")
def command(
    session: Session,
    pattern: str | None,
    product_type: str | None,
    at: str | None,
    path: str | None,
    as_of: str | None,
    explain: bool,
    limit: int,
    start: str | None,
    stop: str | None,
    where: tuple[str, ...],
    **conditions: Any,
) -> None:
    """List products that fulfil all conditions.

    The newest come first. Patterns know * and ? and [...] as a shell does. With --at and --path it is
    the one calibration that is certified for a moment; times are UTC.
    """
    kind = _one_type(pattern, product_type)
    if at is not None:
        conditions |= {"from": start, "to": stop, "where": where or None}
        _find_calibration(session, kind, at, path, as_of, explain, conditions)
        return
    if path is not None or as_of is not None or explain:
        raise UsageError(
            "--path, --as-of and --explain are about the calibration of a moment.",
            expected="--at with them",
            mend="add --at, e.g. --at 2026-11-23T02:10",
        )
    with session.workspace() as workspace:
        from pellucid.archive.summaries import SummaryCondition

        summary = [SummaryCondition.parse(text) for text in where]
        span = _span(start, stop)
        # one more than asked tells whether there are more
        found = workspace.archive.find(
            product_type=kind, time=span, summary=summary, limit=limit + 1, **conditions
        )
    shown, names = found[:limit], list(dict.fromkeys(condition.name for condition in summary))
    head = ("ID", "TYPE", "OBS", "TELESCOPES", "STEP", "SIZE", *names, "NAME")
    text = table(head, [_row(p, names) for p in shown])
    if len(found) > limit:
        text += f"\n(the newest {limit}; there are more: raise --limit)"
    session.show(
        {"products": [p.as_dict() for p in shown], "more": len(found) > limit},
        text if found else "no product fulfils these conditions",
    )


def _one_type(pattern: str | None, product_type: str | None) -> str | None:
    if pattern is not None and product_type is not None:
        raise UsageError("The product type is given twice.", got=f"{pattern} and --type {product_type}")
    kind = pattern if product_type is None else product_type
    return None if kind is None else kind.replace("...", "*")


def _span(start: str | None, stop: str | None) -> tuple[int, int] | None:
    from pellucid.archive.moments import parse_moment

    if start is None and stop is None:
        return None
    if start is None or stop is None:
        raise UsageError("A span of time has two ends.", expected="--from and --to", got="one of them")
    span = parse_moment(start), parse_moment(stop)
    if span[0] >= span[1]:
        raise UsageError(
            "The span of time is empty or inverted.", expected="--from before --to", got=f"{start}, {stop}"
        )
    return span


def _find_calibration(
    session: Session,
    kind: str | None,
    at: str,
    path: str | None,
    as_of: str | None,
    explain: bool,
    conditions: dict[str, Any],
) -> None:
    from pellucid.archive.moments import parse_clock, parse_moment

    collections = tuple(name.strip() for name in (path or "").split(",") if name.strip())
    others = [
        f"--{'obs' if name == 'obs_id' else name}"
        for name, value in conditions.items()
        if name not in ("tel", "device") and value is not None
    ]
    if kind is None or not collections or others or None not in (conditions["tel"], conditions["device"]):
        raise UsageError(
            "The calibration of a moment is looked up by type, telescope or device, and search path.",
            expected="TYPE, --at, --path, and one of --tel and --device",
            got=", ".join(others) or f"type {kind}, path {path}, {conditions['tel']}, {conditions['device']}",
            mend="e.g. pellucid find 'DL1/*/Calibration' --tel 3 --at 2026-11-23T02:10 --path B,A",
        )
    device = conditions["device"] if conditions["tel"] is None else conditions["tel"]
    with session.workspace() as workspace:
        moment, known = parse_moment(at), None if as_of is None else parse_clock(as_of)
        question = (kind, device, moment, collections, known)
        explanation = workspace.archive.explain(*question) if explain else None
        if explanation is not None and explanation.error is not None and not session.as_json:
            print(_explained(explanation))
        found = workspace.archive.lookup(*question)
    document: dict[str, Any] = {
        "product": found.product.as_dict(),
        "collection": found.collection,
        "start": found.start,
        "stop": found.stop,
    }
    if explanation is not None:
        document["explanation"] = explanation.as_dict()
    session.show(document, _told(found) if explanation is None else _explained(explanation))


def _told(found: "Calibration") -> str:
    from pellucid.archive.moments import span_text

    span = span_text(found.start, found.stop)
    return f"{found.product.short_id}  {found.product.name}  certified in {found.collection} for {span}"


def _explained(explanation: "Explanation") -> str:
    def row(mark: str, c: "Candidate") -> tuple[str, ...]:
        return mark, c.product[:12], c.name, c.device, c.collection, c.why

    chosen = [] if explanation.chosen is None else [row("yes", explanation.chosen)]
    rows = [*chosen, *(row("no", c) for c in explanation.rejected)]
    return table(("", "ID", "NAME", "DEVICE", "COLLECTION", "WHY"), rows) if rows else "no candidates"


def _row(product: "Product", names: list[str]) -> tuple[str, ...]:
    from pellucid.archive.summaries import summarised

    return (
        product.short_id,
        product.product_type,
        "" if product.obs_id is None else str(product.obs_id),
        ",".join(map(str, product.telescopes)),
        product.step or product.kind,
        str(product.size),
        *(str(summarised(product.summary, name)) for name in names),
        " ".join((product.name, *(f"[{flag}]" for flag in product.flags))),
    )
