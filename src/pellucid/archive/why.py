# SPDX-License-Identifier: BSD-3-Clause
"""Why a product is what it is: the tree of what it was made of, as text and as JSON."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pellucid.archive.lineage import JSON
from pellucid.archive.product import Product

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive

__all__ = ["Lineage", "as_json", "as_text", "lineage_of"]


@dataclass(frozen=True)
class Lineage:
    """A product and, as branches, what it was made of.

    Attributes
    ----------
    product : Product
        The product.
    role : str
        Its role in the step of the product above; empty at the root.
    has_bytes : bool
        Whether its bytes are in the store.
    inputs : tuple of Lineage
        What it was made of, ordered by role; empty for raw products.
    same_bytes : tuple of str
        Ids of other products with equal bytes, say by other code; what it was used for stands for them too.
    """

    product: Product
    role: str
    has_bytes: bool
    inputs: tuple["Lineage", ...]
    same_bytes: tuple[str, ...] = ()

    def walk(self) -> Iterator["Lineage"]:
        """Yield this tree's products, each once, inputs before what was made of them."""
        seen: set[str] = set()

        def visit(node: Lineage) -> Iterator[Lineage]:
            if node.product.id not in seen:
                seen.add(node.product.id)
                for branch in node.inputs:
                    yield from visit(branch)
                yield node

        yield from visit(self)


def lineage_of(archive: "Archive", id: str) -> Lineage:
    """Return the lineage of a product.

    Parameters
    ----------
    archive : Archive
        Where it is.
    id : str
        Its id, or the only prefix that means it.

    Raises
    ------
    MissingInput, UsageError
        As `Catalogue.get`.
    """
    known: dict[str, Lineage] = {}

    def branch(product: Product, role: str) -> Lineage:
        if product.id not in known:
            inputs = tuple(branch(archive.get(i.product), i.role) for i in product.inputs)
            twins = archive.find(sha256=product.sha256) if product.kind == "derived" else []
            others = tuple(sorted(twin.id for twin in twins if twin.id != product.id))
            known[product.id] = Lineage(product, role, archive.has_bytes(product), inputs, others)
        return replace(known[product.id], role=role)

    return branch(archive.get(id), "")


def as_text(lineage: Lineage) -> str:
    """Draw a lineage as a tree, two lines a product; one that occurs again is drawn once."""
    return "\n".join(_lines(lineage, "", "", set()))


def as_json(lineage: Lineage) -> dict[str, JSON]:
    """Return a lineage as nested JSON-ready mappings: the product's attributes, role, bytes, tree."""
    document = lineage.product.as_dict()
    document["role"] = lineage.role
    document["has_bytes"] = lineage.has_bytes
    document["same_bytes"] = list(lineage.same_bytes)
    document["inputs"] = [as_json(branch) for branch in lineage.inputs]
    return document


def _lines(node: Lineage, first: str, further: str, drawn: set[str]) -> Iterator[str]:
    product = node.product
    made_by = f"step {product.step} {product.step_version}" if product.step else "raw"
    role = f"{node.role}: " if node.role else ""
    flags = "".join(f"  [{flag}]" for flag in product.flags)
    if product.id in drawn:
        yield f"{first}{role}{product.name}  {product.short_id} (as above)"
        return
    drawn.add(product.id)
    yield f"{first}{role}{product.name}  {product.product_type}{flags}"
    stem = "│  " if node.inputs else "   "
    missing = "" if node.has_bytes else ", bytes are gone"
    twins = f", same bytes as {', '.join(id[:12] for id in node.same_bytes)}" if node.same_bytes else ""
    yield f"{further}{stem}{product.short_id}  {made_by}, sha256 {product.sha256[:12]}{twins}{missing}"
    for i, branch in enumerate(node.inputs):
        last = i == len(node.inputs) - 1
        yield from _lines(
            branch, further + ("└─ " if last else "├─ "), further + ("   " if last else "│  "), drawn
        )
