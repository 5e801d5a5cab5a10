# SPDX-License-Identifier: BSD-3-Clause
"""What a product was made of, as a picture (SVG): raw files left, the product right."""

from typing import TYPE_CHECKING

from pellucid.views.boxes import Box, boxes_svg

if TYPE_CHECKING:
    from pellucid.archive.why import Lineage

__all__ = ["lineage_svg"]


def lineage_svg(lineage: "Lineage") -> str:
    """Draw a lineage; a product that is used more than once is drawn once.

    Parameters
    ----------
    lineage : Lineage
        See `pellucid.archive.why.lineage_of`.
    """
    boxes, edges = {}, []
    for node in lineage.walk():
        product = node.product
        made_by = f"{product.step} {product.step_version}" if product.step else "raw"
        kind = "delivered" if product.kind == "raw" else "step"
        below = f"{product.short_id}  {made_by}  {product.product_type.rpartition('/')[2]}"
        if not node.has_bytes:
            kind, below = "missing", f"{product.short_id}  {made_by}  bytes are gone"
        boxes[product.id] = Box(kind, product.name, below)
        edges += [(branch.product.id, product.id) for branch in node.inputs]
    return boxes_svg(boxes, edges)
