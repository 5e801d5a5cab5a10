# SPDX-License-Identifier: BSD-3-Clause
"""The figures of an acceptance test, shown whether they hold or not."""

from collections.abc import Iterator

import pytest

from acceptance.figures import Figures


@pytest.fixture
def figures(capsys: pytest.CaptureFixture[str]) -> Iterator[Figures]:
    with capsys.disabled():
        print()
        yield Figures()
