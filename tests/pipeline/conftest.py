# SPDX-License-Identifier: BSD-3-Clause
"""The miniature night installed, delivered, and a fresh workspace."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pellucid.archive import Workspace
from pellucid.formats.cover import outside_formats
from support import toyrun


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Install the outside package, here and for processes started from here."""
    monkeypatch.syspath_prepend(toyrun.TOY)
    monkeypatch.setenv("PYTHONPATH", str(toyrun.TOY))
    outside_formats.cache_clear()
    import toynight

    yield toynight
    outside_formats.cache_clear()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def night(toy: ModuleType, workspace: Workspace, inbox: Path) -> Workspace:
    """A workspace with a whole night taken in: three telescopes, two runs, weather."""
    toyrun.take_all(workspace, toy.deliver_night(inbox))
    return workspace
