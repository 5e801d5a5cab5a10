# SPDX-License-Identifier: BSD-3-Clause
"""The documentation: it builds without a broken link, the reference is complete, the examples run."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from pellucid.config import options
from pellucid.interfaces.registry import all_interfaces

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*/*.md"))]

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUNNABLE = {"console", "python", "toml"}


@pytest.fixture(scope="module")
def docs() -> dict[str, ModuleType]:
    """The two modules that make the documentation, imported from their folder."""
    sys.path.insert(0, str(REPOSITORY / "docs"))
    try:
        return {name: import_module(name) for name in ("build", "reference")}
    finally:
        sys.path.pop(0)


def test_every_page_is_built_and_every_link_leads_somewhere(
    docs: dict[str, ModuleType], tmp_path: Path
) -> None:
    written = docs["build"].build(tmp_path)
    assert {p.relative_to(tmp_path).as_posix() for p in written} >= {
        "index.html",
        "reference/command-line.html",
        "explanation/architecture.html",
    }
    for page in written:
        for target in re.findall(r'(?:href|src)="([^"#:]+)"', page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_a_link_that_leads_nowhere_ends_the_build(docs: dict[str, ModuleType]) -> None:
    build = docs["build"]
    tokens = build.MarkdownIt("commonmark").parse("[gone](howto/gone.md)")
    with pytest.raises(SystemExit, match="gone"):
        build.relink(tokens, "index.md", {"index.md": ""})


def test_the_reference_holds_every_command_and_option(docs: dict[str, ModuleType]) -> None:
    text = docs["reference"].command_line()
    for context in docs["reference"].commands():
        section = text.split(f"## {context.info_name}\n", 1)[1].split("\n## ", 1)[0]
        for parameter in context.command.params:
            if parameter.param_type_name == "option":
                assert parameter.opts[-1] in section, f"{context.info_name} {parameter.opts[-1]}"


def test_the_reference_holds_every_key(docs: dict[str, ModuleType]) -> None:
    text = docs["reference"].configuration()
    for option in options().values():
        assert f"| `{option.key}` |" in text
        assert option.doc in text


def test_the_reference_holds_every_public_name(docs: dict[str, ModuleType]) -> None:
    text = docs["reference"].api()
    names = dict(docs["reference"].public_names())
    assert {"pellucid.config.layers.load", "pellucid.errors.PellucidError"} <= set(names)
    for name in names:
        assert f"### {name}\n" in text


def test_the_reference_holds_every_interface(docs: dict[str, ModuleType]) -> None:
    text = docs["reference"].interfaces()
    for interface in all_interfaces().values():
        section = text.split(f"## {interface.id} ", 1)[1].split("\n## ", 1)[0]
        for delivery in interface.deliveries:
            assert all(f"| `{column.name}` |" in section for column in delivery.columns)


def test_every_page_begins_with_its_title(docs: dict[str, ModuleType]) -> None:
    for text in docs["build"].sources().values():
        assert docs["build"].title(text)


def run_block(kind: str, text: str, folder: Path) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PELLUCID_WORKSPACE", None)
    if kind == "toml":
        first, _, rest = text.partition("\n")
        (folder / first.removeprefix("# ")).write_text(rest)
        return
    if kind == "python":
        commands = [[sys.executable, "-c", text]]
    else:
        commands = [["sh", "-ec", line[2:]] for line in text.splitlines() if line.startswith("$ ")]
    for *command, script in commands:
        if kind == "console" and re.search(r"\bID\b", script):
            script = re.sub(r"\bID\b", newest(folder), script)
        done = subprocess.run(
            [*command, script], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


def newest(folder: Path) -> str:
    """Return the id that stands for ID in an example: that of the newest product."""
    environment = {k: v for k, v in os.environ.items() if k != "PELLUCID_WORKSPACE"}
    command = [sys.executable, "-m", "pellucid.cli", "find", "--limit", "1", "--json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    identity: str = json.loads(done.stdout)["products"][0]["id"]
    return identity


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(REPOSITORY).as_posix())
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    if any("gamma.simtel.zst" in text for kind, text in blocks if kind in RUNNABLE):
        data_dir: Path = request.getfixturevalue("data_dir")
        real = data_dir / "camera" / "simtel" / "gamma_prod6_tel_event_header_v4.simtel.zst"
        shutil.copy(real, tmp_path / "gamma.simtel.zst")
    for kind, text in blocks:
        if kind in RUNNABLE:
            run_block(kind, text, tmp_path)


def test_there_are_examples_to_run() -> None:
    kinds = {kind for page in PAGES for kind, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert kinds & RUNNABLE == RUNNABLE
