# SPDX-License-Identifier: BSD-3-Clause
"""The miniature night installed, delivered, and a fresh workspace."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from pellucid.archive import Workspace
from pellucid.formats.cover import outside_formats
from support import toyrun
from support.toywatch import Clock, Make, watch_of


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Install the outside package, here and for processes started from here."""
    monkeypatch.syspath_prepend(toyrun.TOY)
    monkeypatch.setenv("PYTHONPATH", toyrun.python_path())
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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(toy: ModuleType, workspace: Workspace, inbox: Path) -> Make:
    """What begins a watch of the inbox, where the last one was."""
    return partial(watch_of, workspace, inbox)
