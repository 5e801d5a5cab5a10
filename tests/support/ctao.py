# SPDX-License-Identifier: BSD-3-Clause
"""Metadata in CTAO's model, as programs write them for what they made of an observation."""

from typing import Any

from pellucid.formats.ctao_metadata import Contact, product_metadata
from pellucid.instrument import ReferenceLocation

__all__ = ["observed"]


def observed(product_type: str, *, simulated: bool = False, lineage: str = "a" * 64) -> dict[str, Any]:
    """Return the metadata of a product of a minute's observation on La Palma."""
    return dict(
        product_metadata(
            product_type,
            description="images",
            lineage=lineage,
            model=("ctapipe", "v7.6.0"),
            software=("pellucid", "0.1.0"),
            activity="pellucid process",
            first="2022-10-27T10:49:20.979Z",
            last="2022-10-27T10:50:20.000Z",
            obs_id=4,
            sb_id=5,
            simulated=simulated,
            location=ReferenceLocation(-17.89, 28.76, 2200.0),
            contact=Contact("Someone", "CTAO", "someone@example.org"),
        )
    )
