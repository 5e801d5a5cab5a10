# SPDX-License-Identifier: BSD-3-Clause
"""Products for an index, whose bytes are nowhere; their ids are numbers in hexadecimal digits."""

from dataclasses import replace
from typing import Any

from pellucid.archive import InputReference, Product

__all__ = ["FULL", "numbered"]


def numbered(number: int, **changes: Any) -> Product:
    """Return the product with a number: of no telescope, raw, and otherwise as told."""
    key = f"{number:064x}"
    made = Product(
        id=key,
        product_type="DL1/Monitoring/Telescope/Calibration",
        kind="raw",
        sha256=key,
        size=1,
        format="hdf5",
        name=f"{number}",
    )
    return replace(made, **changes)


FULL = numbered(
    9,
    product_type="DL1/Event/Subarray/Observation",
    kind="derived",
    sha256="ab" * 32,
    size=2**40,
    obs_id=2**40,
    telescopes=(1, 5, 32),
    category="B",
    collection="B",
    time_start=2**61,
    time_stop=2**62 - 1,
    step="events",
    step_version="1.2",
    parameters={"a": 1, "b": [1.0, 0.1, None, True], "c": {"d": "ü"}},
    code="cd" * 32,
    software={"numpy": "2"},
    determinism="bitwise",
    flags=("partial", "odd"),
    device="raman-1",
    summary={"n": 7},
    night=20261123,
    quality="good",
    rights="PROPRIETARY",
    release_date=2**62,
    created_ns=2**60 + 10**9,
    started_ns=2**60,
    inputs=(InputReference("left", 0, f"{1:064x}"), InputReference("right", 0, f"{2:064x}")),
)
"""A product of which everything is told."""
