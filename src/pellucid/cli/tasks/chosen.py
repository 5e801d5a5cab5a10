# SPDX-License-Identifier: BSD-3-Clause
"""The tasks a verb is about: those of all interfaces, as they are now in the workspace."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.session import Session

if TYPE_CHECKING:
    from pellucid.interfaces.task import Task

__all__ = [
    "day",
    "doubled_text",
    "files_option",
    "from_files",
    "interface_option",
    "layout_option",
    "now",
    "of_interface",
    "on_option",
    "titles",
    "write_text",
]


def files_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a verb take further interface files."""
    return click.option(
        "--also",
        "files",
        multiple=True,
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="FILE",
        help="A further interface file, in TOML; repeatable.",
    )(function)


def layout_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a verb take a layout."""
    return click.option(
        "--layout",
        type=click.Choice(("per-task", "per-interface")),
        default="per-interface",
        show_default=True,
        help="Tasks below their kind of calibration, or below their interface.",
    )(function)


def interface_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a verb show the tasks of one interface alone."""
    return click.option("--interface", metavar="ID", help="Only the tasks of one interface.")(function)


def on_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a verb take a day."""
    return click.option(
        "--on", "on", metavar="DATE", help="What is open and late ends on this day at the soonest."
    )(function)


def from_files(files: tuple[Path, ...]) -> "tuple[Task, ...]":
    """Return the tasks of all interfaces as their files have them."""
    from pellucid.interfaces.registry import all_interfaces

    return tuple(task for interface in all_interfaces(files).values() for task in interface.tasks)


def titles(files: tuple[Path, ...]) -> dict[str, str]:
    """Return the titles of all interfaces by id."""
    from pellucid.interfaces.registry import all_interfaces

    return {name: interface.title for name, interface in all_interfaces(files).items()}


def now(session: Session, files: tuple[Path, ...]) -> "tuple[Task, ...]":
    """Return the tasks of all interfaces as they are now in the workspace."""
    from pellucid.interfaces.ledger import read_ledger

    return read_ledger(session.folder).applied(from_files(files))


def of_interface(tasks: "tuple[Task, ...]", interface: str | None) -> "list[Task]":
    """Return the tasks of one interface, or all where none is named.

    Raises
    ------
    MissingInput
        No task is one of it (``unknown-interface``).
    """
    from pellucid.errors import MissingInput, nearest

    found = [t for t in tasks if interface in (None, t.interface)]
    if interface is not None and not found:
        raise MissingInput(
            f"There is no interface '{interface}' with tasks here.",
            expected="an interface of Pellucid, of an installed package, or of a file named with --also",
            got=interface,
            mend=nearest(interface, sorted({t.interface for t in tasks})),
            code="unknown-interface",
        )
    return found


def doubled_text(pair: "tuple[Task, Task]") -> str:
    """Return a line about two tasks that may be one work."""
    one, other = pair
    return f"{one.id} ({one.work_package}) and {other.id} ({other.work_package}) may be the same work"


def day(text: str | None) -> date | None:
    """Read a day.

    Raises
    ------
    UsageError
        It is none (``date``).
    """
    from pellucid.errors import UsageError

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "This is no date.", expected="e.g. 2016-08-01", got=text or "", code="date"
        ) from None


def write_text(session: Session, output: Path | None, text: str, kind: str) -> None:
    """Write a text into a file, or show it where none is named."""
    from pellucid.archive.files import storage_errors

    if output is None:
        session.show({kind: text}, text.rstrip("\n"))
        return
    with storage_errors(output):
        output.write_text(text, encoding="utf-8", newline="")
    session.show({"output": str(output)}, f"wrote {output}")
