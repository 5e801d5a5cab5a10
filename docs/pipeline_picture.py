# SPDX-License-Identifier: BSD-3-Clause
"""The picture of the graph of level B, drawn from the code whenever the documentation is built."""

from pellucid.pipeline.drawing import graph_svg
from pellucid.pipeline.graph import build
from pellucid.pipeline.setting import delivered_types
from pellucid.pipeline.steps import all_steps

__all__ = ["draw"]


def draw() -> str:
    """Return the picture of all steps of Pellucid itself that level B has."""
    own = [step for step in all_steps().values() if step.function.startswith("pellucid.")]
    return graph_svg(build(own, level="B", delivered=delivered_types))
