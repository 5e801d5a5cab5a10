# SPDX-License-Identifier: BSD-3-Clause
"""Code identity: what could change an answer changes it, what cannot does not."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.archive import sources
from pellucid.archive.fingerprint import code_fingerprint, reached_modules, software_versions
from pellucid.errors import ConfigurationError

NUMBERS = itertools.count()
FILES = {
    "__init__.py": "from .unused import nothing\nVERSION = 1\n",
    "steps.py": '"""Doc."""\nfrom .physics import gain\n\n\ndef run():\n    """Doc."""\n    return gain(2)\n',
    "physics/__init__.py": '"""Doc."""\nfrom fpkg.physics.gain import gain\nfrom .other import other\n',
    "physics/gain.py": "def gain(x):\n    from ..table import TABLE\n\n    return x * TABLE[0]  # times\n",
    "physics/other.py": "def other():\n    return 1\n",
    "table.py": "import json\n\nfrom pellucid.errors import nearest\n\nTABLE = (1.5, 'x')\n",
    "unused.py": "nothing = 0\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of a name of its own, as the places of packages are remembered."""
    name = f"package{next(NUMBERS)}"
    folder = tmp_path / name
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text.replace("fpkg", name))
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def fingerprint(package: Path) -> str:
    return code_fingerprint(f"{package.name}.steps:run")


def test_reaches_what_the_function_can_call_and_no_more(package: Path) -> None:
    reached = reached_modules(f"{package.name}.steps:run")
    assert list(reached) == [
        f"{package.name}.physics.gain",
        f"{package.name}.steps",
        f"{package.name}.table",
        "pellucid.errors",
    ]
    assert package.name not in sys.modules, "nothing is imported"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("steps.py", "gain(2)", "gain(3)"),
        ("steps.py", "gain(2)", "gain(2.0)"),
        ("physics/gain.py", "x * TABLE", "x + TABLE"),
        ("table.py", "1.5", "1.25"),
        ("table.py", "'x'", "b'x'"),
        ("physics/gain.py", "return x", "x = x\n    return x"),
    ],
)
def test_changes_of_meaning_count_through_imports(package: Path, file: str, old: str, new: str) -> None:
    before = fingerprint(package)
    path = package / file
    path.write_text(path.read_text().replace(old, new))
    assert fingerprint(package) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("steps.py", '    """Doc."""\n', ""),
        ("steps.py", '"""Doc."""', '"""Other words."""'),
        ("steps.py", "return gain(2)", "return gain(\n        2,\n    )  # why"),
        ("physics/gain.py", "# times", "# another comment"),
        ("physics/other.py", "1", "2"),
        ("unused.py", "0", "1"),
        ("__init__.py", "VERSION = 1", "VERSION = 2"),
    ],
)
def test_words_and_unreached_code_do_not_count(package: Path, file: str, old: str, new: str) -> None:
    before = fingerprint(package)
    path = package / file
    path.write_text(path.read_text().replace(old, new))
    assert fingerprint(package) == before


def test_same_in_any_process_without_heavy_imports() -> None:
    script = (
        "import sys; from pellucid.archive.fingerprint import code_fingerprint as f\n"
        "print(f('pellucid.events.images:x'))\n"
        "sys.exit(any(m in sys.modules for m in ('numpy', 'sqlalchemy')))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "77")
    }
    assert found == {code_fingerprint("pellucid.events.images:x")}


def test_remembered_sources_give_the_same_answer_and_notice_changes(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function, cache = f"{package.name}.steps:run", tmp_path / "cache" / "sources.json"
    plain = code_fingerprint(function)
    parsed: list[Path] = []

    def fresh(cache: Path) -> str:
        """As in a new process."""
        monkeypatch.setattr(sources, "_REMEMBERED", {})
        parsed.clear()
        return code_fingerprint(function, cache)

    real = sources._parsed
    monkeypatch.setattr(sources, "_parsed", lambda path: parsed.append(path) or real(path))
    assert fresh(cache) == plain
    assert len(parsed) == 5, "steps, physics, gain, table and errors"
    assert fresh(cache) == plain
    assert parsed == []
    table = package / "table.py"
    status = table.stat()
    table.write_text(table.read_text().replace("1.5", "2.5"))
    os.utime(table, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fresh(cache) != plain
    assert parsed == [table]
    cache.write_text('{"scheme": 3}')
    table.write_text(table.read_text().replace("2.5", "1.5"))
    assert fresh(cache) == plain
    assert len(parsed) == 5
    assert fresh(Path("/proc/nowhere/sources.json")) == plain


def test_no_source_is_an_error(package: Path) -> None:
    for function in ("no_such_package.x:f", f"{package.name}.absent:f", "math:sin", "_thread:x"):
        with pytest.raises(ConfigurationError) as caught:
            code_fingerprint(function)
        assert caught.value.code == "no-source"
    (package / "table.py").write_text("def broken(:\n")
    with pytest.raises(ConfigurationError) as caught:
        fingerprint(package)
    assert "table.py:1" in caught.value.where


def test_software_versions_are_those_installed() -> None:
    import numpy

    versions = software_versions()
    assert versions["numpy"] == numpy.__version__
    assert versions["python"] == sys.version.split()[0]
