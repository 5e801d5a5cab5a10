# SPDX-License-Identifier: BSD-3-Clause
"""A small history: a raw file, two counts of it, and their sum."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pellucid.archive import Product, Workspace
from pellucid.pipeline.execute import execute
from pellucid.pipeline.step import Step


@pytest.fixture
def total(workspace: Workspace, toy: dict[str, Step], raw_file: Callable[..., Path]) -> Product:
    """The sum, with a lineage of four products."""
    archive = workspace.archive
    raw, _ = archive.ingest(raw_file())
    left, right = (execute(archive, toy["toy-count"], {"events": raw}, {"factor": f}).product for f in (1, 2))
    return execute(archive, toy["toy-add"], {"left": left, "right": right}).product
