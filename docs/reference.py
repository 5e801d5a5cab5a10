# SPDX-License-Identifier: BSD-3-Clause
"""The reference pages, written from the code: command line, configuration, interfaces, Python interface."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click

import pellucid
from pellucid.cli.application import application
from pellucid.config import options, sections
from pellucid.interfaces.page import catalogue_page
from pellucid.interfaces.registry import all_interfaces

__all__ = ["PAGES", "api", "command_line", "commands", "configuration", "interfaces", "public_names"]


def commands(command: click.Command = application, path: str = "pellucid") -> Iterator[click.Context]:
    """Yield a context for every command, groups included, in the order of the help."""
    context = click.Context(command, info_name=path)
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None, name
            yield from commands(child, f"{path} {name}")


def command_line() -> str:
    """Return the page on the command line: the help of every command."""
    lines = ["# Command line", "", "Generated from the commands themselves; the same as `--help` prints."]
    for context in commands():
        lines += ["", f"## {context.info_name}", "", "```text", context.get_help(), "```"]
    return "\n".join(lines) + "\n"


def configuration() -> str:
    """Return the page on the configuration: every key with its meaning, default and what it takes."""
    lines = [
        "# Configuration",
        "",
        "Generated from the declarations of the keys. The layers are, each over the one before: the "
        "defaults, `pellucid.toml` in the workspace, the file named with `--config`, and `--set key=value`. "
        "Quantities are text with a unit. An unknown key stops the run.",
    ]
    for section, meaning in sections().items():
        own = [o for o in options().values() if o.key.rpartition(".")[0] == section]
        lines += ["", f"## {section}", "", meaning, ""]
        if own:
            lines += ["| key | default | takes | meaning |", "|---|---|---|---|"]
            lines += [f"| `{o.key}` | `{o.written(o.default)}` | {o.expected} | {o.doc} |" for o in own]
    return "\n".join(lines) + "\n"


def modules() -> Iterator[ModuleType]:
    """Yield the modules whose names are for use from outside: all but the command line's own."""
    root = Path(pellucid.__file__).parent
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if "cli" not in parts and not any(part.startswith("_") for part in parts):
            yield import_module(".".join(("pellucid", *parts)))


def public_names() -> Iterator[tuple[str, object]]:
    """Yield each public function and class with the full name of the place that defines it."""
    for module in modules():
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if getattr(thing, "__module__", None) == module.__name__ and callable(thing):
                yield f"{module.__name__}.{name}", thing


def api() -> str:
    """Return the page on the Python interface: every public function and class with its docstring."""
    lines = ["# Python interface", "", "Generated from the docstrings."]
    current = ""
    for name, thing in public_names():
        module = name.rpartition(".")[0]
        if module != current:
            current = module
            lines += ["", f"## {module}", "", inspect.getdoc(import_module(module)) or ""]
        lines += [
            "",
            f"### {name}",
            "",
            "```text",
            signature(name, thing),
            "",
            inspect.getdoc(thing) or "",
            "```",
        ]
    return "\n".join(lines) + "\n"


def signature(name: str, thing: object) -> str:
    """Return how a function or class is called, as far as Python can tell."""
    assert callable(thing)
    try:
        return f"{name.rpartition('.')[2]}{inspect.signature(thing)}"
    except ValueError:
        return name.rpartition(".")[2]


def interfaces() -> str:
    """Return the page on the interfaces between device teams and data management: all that they ask for."""
    return catalogue_page(all_interfaces().values())


PAGES = {
    "command-line.md": command_line,
    "configuration.md": configuration,
    "interfaces.md": interfaces,
    "python.md": api,
}
