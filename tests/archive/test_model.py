# SPDX-License-Identifier: BSD-3-Clause
"""Random histories of an index, on each engine, against a model that anybody can check by eye."""

import os

import pytest

from pellucid.archive.catalogue import Catalogue
from support.histories import run_histories


@pytest.mark.timeout(1200)
def test_random_histories(catalogue: Catalogue) -> None:
    """PELLUCID_HISTORIES says how many each engine goes through."""
    count = int(os.environ.get("PELLUCID_HISTORIES", "1000"))
    assert run_histories(catalogue, count) >= count
