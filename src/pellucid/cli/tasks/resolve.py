# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid tasks resolve``: settle what both sides changed."""

import click

from pellucid.cli.session import Session, verb

__all__ = ["command"]


@verb("resolve")
@click.argument("task_id", metavar="TASK")
@click.argument("field", metavar="FIELD")
@click.option("--keep", type=click.Choice(("here", "redmine")), required=True, help="The side that is right.")
@click.option(
    "--redmine",
    "url",
    required=True,
    envvar="PELLUCID_REDMINE",
    show_envvar=True,
    metavar="URL",
    help="The server.",
)
@click.option("--project", default="calibration", show_default=True, metavar="NAME", help="Its project.")
def command(session: Session, task_id: str, field: str, keep: str, url: str, project: str) -> None:
    """Settle a conflict that push, pull or sync has listed.

    The next pull, push or sync carries the side that is kept to the other one.
    """
    from pellucid.interfaces.ledger import ledger
    from pellucid.interfaces.redmine_sync import resolve

    with session.workspace(create=True), ledger(session.folder) as book:
        resolve(book.project(url.rstrip("/"), book.number_of(url, project) or 0), task_id, field, keep)
        book.save()
    way = "push" if keep == "here" else "pull"
    session.show(
        {"task": task_id, "field": field, "keep": keep},
        f"{task_id} {field}: kept {keep}; run 'pellucid tasks {way}' to carry it over",
    )
