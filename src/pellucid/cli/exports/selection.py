# SPDX-License-Identifier: BSD-3-Clause
"""What the exports share: which products, and where to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.errors import UsageError

if TYPE_CHECKING:
    from pellucid.archive import Archive
    from pellucid.archive.exports.history import History

__all__ = ["output", "overwrite", "product_id", "selected"]

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

product_id: Decorator = click.argument("product_id", metavar="ID")
output: Decorator = click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="File to write."
)
overwrite: Decorator = click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")


def selected(archive: "Archive", ids: tuple[str, ...]) -> "History":
    """Return the history of the products with these ids; `UsageError` where there is none."""
    from pellucid.archive.exports.history import history_of

    if not ids:
        raise UsageError("No product is named.", expected="an ID")
    return history_of(archive, [archive.get(id) for id in ids])
