# SPDX-License-Identifier: BSD-3-Clause
"""The set-up: one clear sentence where it cannot be, and what it promises in its files."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import pellucid

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder with the files that the set-up reads, and no .venv."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, tmp_path)
    return tmp_path


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def make(folder: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    if path is not None:
        environment["PATH"] = path
    command = [shutil.which("make") or "make", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


OLD = 'case "$1" in --version) echo Python 3.11.2;; *) exit 1;; esac'


def test_an_old_python_gets_one_sentence(clone: Path) -> None:
    old = script(clone / "old-python", OLD)
    done = make(clone, "test", f"PYTHON={old}")
    sentence, *rest = done.stderr.splitlines()
    assert done.returncode != 0
    assert sentence.startswith(f"Pellucid needs Python 3.12 or newer, but {old} is Python 3.11.2:")
    assert all(line.startswith("make") for line in rest)
    assert not (clone / ".venv").exists()


def test_an_old_python3_alone_on_the_path_gets_the_sentence_too(clone: Path) -> None:
    tools = clone / "bin"
    tools.mkdir()
    for name in ("sh", "cat", "cksum", "cut", "echo", "rm", "touch"):
        (tools / name).symlink_to(shutil.which(name) or name)
    script(tools / "python3", OLD)
    done = make(clone, "demo", path=str(tools))
    assert done.returncode != 0
    assert "but python3 is Python 3.11.2" in done.stderr


def test_a_python_without_venv_gets_the_remedy(clone: Path) -> None:
    bare = script(clone / "bare-python", 'case "$1" in -m) mkdir -p .venv/bin; exit 1;; esac')
    done = make(clone, "test", f"PYTHON={bare}")
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_an_unknown_topic_is_refused(clone: Path) -> None:
    topics = clone / "tests" / "acceptance"
    topics.mkdir(parents=True)
    (topics / "test_first_light.py").touch()
    done = make(clone, "acceptance", "TOPIC=frist_light", "-o", ".venv/bin/python", "-n")
    assert "There is no topic" in done.stdout  # -n shows the check that would be run
    assert "first_light" in done.stdout


def test_a_topic_has_all_its_files(clone: Path) -> None:
    topics = clone / "tests" / "acceptance"
    topics.mkdir(parents=True)
    for name in ("camera", "camera_readout", "archive"):
        (topics / f"test_{name}.py").touch()
    done = make(clone, "acceptance", "TOPIC=camera", "-o", ".venv/bin/python", "-n")
    run = done.stdout.rpartition("pytest")[2]
    assert re.findall(r"test_(\w+)\.py", run) == ["camera", "camera_readout"]


def test_constraints_hold_names_and_versions_only() -> None:
    lines = [
        line for line in (REPOSITORY / "constraints.txt").read_text().splitlines() if not line.startswith("#")
    ]
    wrong = [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+!]*", line)]
    assert wrong == []
    assert not any(line.lower().startswith("pellucid") for line in lines)


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["ctapipe"]]
    names = {re.split(r"[\[<>=~! ]", w)[0].lower().replace("_", "-") for w in wanted}
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (REPOSITORY / "constraints.txt").read_text().splitlines()
    }
    assert names - pinned == set()


def test_one_version_everywhere() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    citation = (REPOSITORY / "CITATION.cff").read_text()
    assert project["version"] == pellucid.__version__
    assert f"\nversion: {pellucid.__version__}\n" in citation


def test_ci_runs_the_test_command_of_the_readme() -> None:
    commands = (REPOSITORY / ".ci" / "run").read_text().splitlines()
    readme = (REPOSITORY / "README.md").read_text()
    assert "make test" in commands
    assert "make test" in readme
    assert os.access(REPOSITORY / ".ci" / "run", os.X_OK)


def test_every_target_of_the_design_is_there_and_explained(clone: Path) -> None:
    shown = make(clone, "help").stdout
    for target in ("install", "demo", "test", "acceptance", "lint", "docs", "bench", "peers"):
        assert re.search(rf"^  make {target} +\S", shown, re.MULTILINE)
