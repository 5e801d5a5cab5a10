# SPDX-License-Identifier: BSD-3-Clause
"""What ``push``, ``pull`` and ``sync`` share: the options, the key, the report."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.cli.tasks.chosen import files_option, from_files, layout_option, titles
from pellucid.errors import ConfigurationError

if TYPE_CHECKING:
    from pellucid.interfaces.redmine_sync import Report

__all__ = ["redmine_verb"]

KEY = "PELLUCID_REDMINE_KEY"

ABOUT = """{what}

    The API key comes from the variable PELLUCID_REDMINE_KEY or from a file. What both sides changed is
    listed and left as it is on both; settle it with 'pellucid tasks resolve'. Exits with 1 where something is
    left to decide.
"""


def redmine_verb(name: str, what: str, *, push: bool, pull: bool) -> click.Command:
    """Return the verb that goes one way, the other, or both."""

    @verb(name)
    @click.option(
        "--redmine",
        "url",
        required=True,
        envvar="PELLUCID_REDMINE",
        show_envvar=True,
        metavar="URL",
        help="The server, e.g. https://redmine.example.org.",
    )
    @click.option(
        "--project",
        default="calibration",
        show_default=True,
        metavar="NAME",
        help="Identifier of the project in Redmine.",
    )
    @layout_option
    @click.option(
        "--key-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File with the API key in its first line.",
    )
    @click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
    @files_option
    def command(
        session: Session,
        url: str,
        project: str,
        layout: str,
        key_file: Path | None,
        dry_run: bool,
        files: tuple[Path, ...],
    ) -> int:
        from pellucid.interfaces.ledger import ledger
        from pellucid.interfaces.redmine import Project
        from pellucid.interfaces.redmine_sync import synchronise

        tasks = from_files(files)
        with session.workspace(create=True), ledger(session.folder) as book:
            there = Project(url, _key(key_file), project, book.number_of(url, project))
            with session.progress(name) as progress:
                report = synchronise(
                    there,
                    book,
                    tasks,
                    layout,
                    titles(files),
                    push=push,
                    pull=pull,
                    dry_run=dry_run,
                    progress=progress,
                )
        session.show(
            {"project": project, "layout": layout, "dry_run": dry_run} | report.as_dict(),
            _told(report, dry_run),
        )
        return 0 if report.is_clean else 1

    command.help = ABOUT.format(what=what)
    return command


def _key(file: Path | None) -> str:
    key = os.environ.get(KEY, "")
    if file is not None:
        try:
            key = file.read_text().partition("\n")[0]
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                "The file with the API key cannot be read.",
                where=str(file),
                got=str(error),
                code="no-redmine-key",
            ) from None
    if not key.strip():
        raise ConfigurationError(
            "There is no API key for Redmine.",
            expected=f"the key of 'My account' in {KEY}, or in the file of --key-file",
            code="no-redmine-key",
        )
    return key.strip()


def _told(report: "Report", dry_run: bool) -> str:
    rows = [("create", name, "", "", "") for name in report.created]
    for way, changes in (("push", report.pushed), ("pull", report.pulled)):
        rows += [(way, c.task, c.field, str(c.old), str(c.new)) for c in changes]
    rows += [
        ("CONFLICT", c.task, c.field, f"here {c.here}", f"Redmine {c.redmine}") for c in report.conflicts
    ]
    rows += [("HELD", task, name, "", why) for task, name, why in report.held]
    lines = [table(("", "TASK", "FIELD", "WAS", "IS"), rows)] if rows else []
    done = "would change" if dry_run else "changed"
    lines.append(
        f"{report.changes} {done}, {len(report.conflicts)} in conflict, {len(report.held)} held back, "
        f"{report.waiting} wait for the other direction"
    )
    if report.strangers:
        lines.append(f"{len(report.strangers)} issues are no task of any interface")
    return "\n".join(lines)
