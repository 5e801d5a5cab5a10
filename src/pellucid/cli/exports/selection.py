# SPDX-License-Identifier: BSD-3-Clause
"""What the exports share: which products, and where to."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.errors import MissingInput, UsageError

if TYPE_CHECKING:
    from pellucid.archive import Archive
    from pellucid.archive.exports.history import History

__all__ = ["output", "overwrite", "products", "selected"]

type Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def products(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument ``product_id`` and the option ``night``, one of which must be given."""
    option = click.option("--night", type=int, metavar="YYYYMMDD", help="All products of a night.")
    argument = click.argument("product_id", metavar="[ID]", required=False)
    return argument(option(function))


output: Decorator = click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="PATH", help="Where to."
)
overwrite: Decorator = click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")


def selected(archive: "Archive", product_id: str | None, night: int | None) -> "History":
    """Return the history of a product, or of all products of a night.

    Raises
    ------
    UsageError
        Both are given, or neither.
    MissingInput
        The night has no products (``empty-night``), or there is no such product.
    """
    from pellucid.archive.exports.history import history_of

    if (product_id is None) == (night is None):
        raise UsageError("A product or a night can be exported.", expected="one of ID and --night")
    if product_id is not None:
        return history_of(archive, [archive.get(product_id)])
    found = archive.find(night=night)
    if not found:
        raise MissingInput(
            "The night has no products.",
            where=f"{night}",
            mend="a night has the date of its evening, e.g. 20261123; look with: pellucid find",
            code="empty-night",
        )
    return history_of(archive, found[::-1])
