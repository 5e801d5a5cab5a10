# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid archive``: make an archive, check it to the last bit, mend or clean it; tag products, seal."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from pellucid.cli.application import Group
from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.errors import CorruptedInput, UsageError

if TYPE_CHECKING:
    from pellucid.archive.verify import Verification

__all__ = ["command"]


_because = click.option("--because", default="", metavar="TEXT", help="Why, for those who ask later.")


@click.group("archive", cls=Group)
def command() -> None:
    """Make, check, mend or clean the archive; tag products, seal collections."""


@verb("init")
@click.option("--index", metavar="URL", help="postgresql://user@host:port/database; SQLite where not given.")
@click.option("--store", metavar="URL", help="s3://bucket/prefix; a folder in the workspace where not given.")
@click.option("--endpoint", metavar="URL", help="Address of the storage service, where it is not Amazon's.")
@click.option("--region", metavar="NAME", help="Region of the bucket.")
def init(
    session: Session, index: str | None, store: str | None, endpoint: str | None, region: str | None
) -> None:
    """Make a workspace, if there is none yet.

    Its index is a file of SQLite in it, or a database on a server; its store is a folder in it, or a
    bucket of S3. The workspace remembers both. Credentials for a bucket come from the environment:
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
    """
    from pellucid.archive import Workspace
    from pellucid.archive.engine import shown

    session.configuration()
    given = urlencode({k: v for k, v in (("endpoint", endpoint), ("region", region)) if v is not None})
    if given and store is None:
        raise UsageError("--endpoint and --region are about a bucket.", expected="--store with them")
    url = f"{store}?{given}" if given else store
    with Workspace.open(session.folder, index=index or session.server, store=url) as workspace:
        where, objects = shown(workspace.archive.catalogue.path), workspace.archive.store.url
    session.show(
        {"workspace": str(session.folder), "index": where, "store": objects},
        f"{session.folder}: the index is {where}, the store {objects}",
    )


@verb("verify")
def verify(session: Session) -> int:
    """Read all bytes again and compare them with the index.

    Damaged and missing objects exit with 104; objects that no product has, and strange files, are told.
    """
    with session.workspace() as workspace:
        from pellucid.archive.verify import verify

        with session.progress("verify") as progress:
            report = verify(workspace.archive, progress=progress)
    session.show(report.as_dict(), _verified(report))
    return 0 if report.is_whole else CorruptedInput.exit_code


@verb("repair")
def repair(session: Session) -> int:
    """Make damaged and missing bytes again where lineage can.

    Exits with 104 where something remains to be mended by hand.
    """
    with session.workspace() as workspace:
        from pellucid.archive.repair import repair

        with session.progress("verify") as progress:
            mended = repair(workspace.archive, progress=progress)
    rows = [("mended" if m.mended else "NOT MENDED", m.product[:12], m.name, m.what) for m in mended]
    text = table(("", "ID", "NAME", ""), rows) if rows else "nothing is damaged or missing"
    session.show({"products": [m.as_dict() for m in mended]}, text)
    return 0 if all(m.mended for m in mended) else CorruptedInput.exit_code


@verb("gc")
@click.option("--remove", is_flag=True, help="Remove them, after telling which; else only tell.")
@click.option(
    "--older-than",
    type=click.FloatRange(0),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Spare objects that came later: their product may be about to be registered.",
)
def gc(session: Session, remove: bool, older_than: float) -> None:
    """Tell what no product has, and remove it if asked to.

    Killed jobs leave such objects; what any product has is never removed.
    """
    with session.workspace() as workspace:
        from pellucid.archive.verify import collect_garbage

        report = collect_garbage(workspace.archive, remove=False, grace=older_than)
        lines = [f"{sha256[:12]}  {size} bytes" for sha256, size in report.objects.items()]
        if remove:
            if not session.as_json:
                print("\n".join(lines))
            told = report.objects
            report = collect_garbage(workspace.archive, remove=True, grace=older_than, among=told)
            lines = []
    total = f"{len(report.objects)} objects with {sum(report.objects.values())} bytes"
    lines.append(
        f"{total} {'removed' if remove else 'that no product has'}; {report.spared} spared as too young"
    )
    if report.objects and not remove:
        lines.append("remove them with --remove")
    session.show(report.as_dict(), "\n".join(lines))


@verb("seal")
@click.argument("collection")
@_because
def seal(session: Session, collection: str, because: str) -> None:
    """Seal a collection: nothing new may come into it, for good.

    What a production has made is closed so, e.g. C/2026-1, before it is released.
    """
    with session.workspace() as workspace:
        made, is_new = workspace.archive.seal(collection, because=because)
    said = "sealed" if is_new else "was sealed before"
    session.show({"new": is_new, **made._asdict()}, f"{made.collection} {said}")


@verb("seals")
def seals(session: Session) -> None:
    """List the sealed collections."""
    with session.workspace() as workspace:
        from pellucid.archive.moments import clock_text

        found = workspace.archive.seals()
        rows = [(s.collection, clock_text(s.sealed_ns), s.because) for s in found]
    text = table(("COLLECTION", "SINCE", "BECAUSE"), rows) if rows else "no collection is sealed"
    session.show({"sealed": [s._asdict() for s in found]}, text)


@verb("tag")
@click.argument("name")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_because
def tag(session: Session, name: str, ids: tuple[str, ...], because: str) -> None:
    """Put products into a tagged set, which is made if new.

    They stay in the collections they are in; 'pellucid find --tag NAME' lists the set.
    """
    with session.workspace() as workspace:
        number = workspace.archive.tag(name, ids, because=because)
    session.show({"tag": name, "new": number}, f"{number} of {len(ids)} products are new in {name}")


@verb("untag")
@click.argument("name")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@_because
def untag(session: Session, name: str, ids: tuple[str, ...], because: str) -> None:
    """Take products out of a tagged set.

    What was in it before remains known.
    """
    with session.workspace() as workspace:
        number = workspace.archive.untag(name, ids, because=because)
    session.show({"tag": name, "gone": number}, f"{number} of {len(ids)} products are no longer in {name}")


@verb("tags")
@click.option("--as-of", metavar="UTC", help="What was in them then; needs a NAME.")
@click.argument("name", required=False)
def tags(session: Session, name: str | None, as_of: str | None) -> None:
    """List the tagged sets, or the products of one."""
    if as_of is not None and name is None:
        raise UsageError("--as-of is about the products of one tagged set.", expected="a NAME with it")
    with session.workspace() as workspace:
        from pellucid.archive.moments import parse_clock

        if name is None:
            names = workspace.archive.tags()
            session.show({"tags": names}, "\n".join(names) or "nothing is tagged")
            return
        found = workspace.archive.tagged(name, None if as_of is None else parse_clock(as_of))
    text = table(("ID", "TYPE", "NAME"), [(p.short_id, p.product_type, p.name) for p in found])
    session.show(
        {"tag": name, "products": [p.as_dict() for p in found]}, text if found else f"nothing is in {name}"
    )


def _verified(report: "Verification") -> str:
    head = f"{report.products} products, {report.objects} objects, {report.size} bytes read: "
    head += "every product has its bytes" if report.is_whole else "NOT WHOLE"
    rows = [(p.kind, ",".join(i[:12] for i in p.products), p.where, p.what) for p in report.problems]
    return head + ("\n" + table(("", "PRODUCTS", "WHERE", ""), rows) if rows else "")


for subcommand in (init, verify, repair, gc, tag, untag, tags, seal, seals):
    command.add_command(subcommand)
