# SPDX-License-Identifier: BSD-3-Clause
"""A fresh workspace, raw files that are recognised, and an outside package with steps."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pellucid.archive import Workspace
from pellucid.archive.catalogue import Catalogue
from pellucid.pipeline.step import Step
from pellucid.pipeline.steps import all_steps

TOY = Path(__file__).resolve().parent.parent / "toy"
MARKER = b"\x37\x8a\x1f\xd4"

type MakeFile = Callable[..., Path]


@pytest.fixture(params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where an index can be made: every test that asks for it runs on both engines."""
    if request.param == "sqlite":
        return tmp_path / "index.sqlite"
    url: str = request.getfixturevalue("postgres").database()
    return url


@pytest.fixture
def catalogue(index: Path | str) -> Iterator[Catalogue]:
    opened = Catalogue(index)
    yield opened
    opened.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


@pytest.fixture
def raw_file(tmp_path: Path) -> MakeFile:
    """Make a file that begins as EventIO does."""

    def make(name: str = "run.simtel", content: bytes = b"ABC") -> Path:
        path = tmp_path / name
        path.write_bytes(MARKER + content)
        return path

    return make


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> dict[str, Step]:
    """Install the outside package, here and for processes started from here."""
    monkeypatch.syspath_prepend(TOY)
    monkeypatch.setenv("PYTHONPATH", str(TOY))
    return all_steps()
