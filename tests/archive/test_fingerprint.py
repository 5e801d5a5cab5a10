# SPDX-License-Identifier: BSD-3-Clause
"""Code identity: what could change an answer changes it, what cannot does not."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.archive import fingerprint as fingerprints
from pellucid.archive import sources
from pellucid.archive.fingerprint import code_fingerprint, code_identity, software_versions
from pellucid.errors import ConfigurationError, MissingInput

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
    identity = code_identity(f"{package.name}.steps:run")
    assert list(identity.definitions) == [
        f"{package.name}.physics.gain:gain",
        f"{package.name}.steps:run",
        f"{package.name}.table:TABLE",
    ]
    assert identity.packages == {}
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
        ("table.py", "import json", "import json\n\nOTHER = 3"),
        ("steps.py", '"""Doc."""\nfrom', '"""Doc."""\n\n\ndef other():\n    return 5\n\n\nfrom'),
        ("table.py", "TABLE = (1.5, 'x')", "TABLE = (1.5, 'x')\n'What it is.'"),
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
        monkeypatch.setattr(sources, "_LOADED", {})
        monkeypatch.setattr(fingerprints, "_KNOWN", {})
        parsed.clear()
        return code_fingerprint(function, cache)

    real = sources._parsed
    monkeypatch.setattr(sources, "_parsed", lambda path: parsed.append(path) or real(path))
    assert fresh(cache) == plain
    assert len(parsed) == 4, "steps, physics, gain and table"
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
    assert len(parsed) == 4
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


def variant(package: Path, files: dict[str, str]) -> str:
    """Return the fingerprint once some files have this text."""
    for name, text in files.items():
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text(text)
    return fingerprint(package)


def test_a_file_of_data_counts_where_the_code_looks_for_it(package: Path) -> None:
    reading = (
        "from pathlib import Path\n\nDATA = Path(__file__).with_name('data')\n\n\n"
        "def run():\n    return (DATA / 'a.toml').read_text()\n\n\ndef other():\n    return 1\n"
    )
    before = variant(package, {"steps.py": reading, "data/a.toml": "x = 1", "b.toml": "y = 1"})
    assert code_identity(f"{package.name}.steps:run").files.keys() == {f"{package.name}.steps/data/a.toml"}
    assert variant(package, {"b.toml": "y = 2"}) == before
    assert variant(package, {"data/a.toml": "x = 2"}) != before
    assert variant(package, {"data/a.toml": "x = 1"}) == before
    assert variant(package, {"steps.py": reading.replace("DATA /", "Path('/') /")}) != before
    assert code_identity(f"{package.name}.steps:run").files == {}


def test_a_file_of_data_of_a_named_package_counts(package: Path) -> None:
    reading = (
        f"from importlib.resources import files\n\n\ndef run():\n    return files('{package.name}.physics')\n"
    )
    before = variant(package, {"steps.py": reading, "physics/a.csv": "1,2"})
    assert variant(package, {"physics/a.csv": "1,3"}) != before


@pytest.mark.parametrize(
    "using",
    [
        "def run():\n    return globals()['hidden']()\n",
        "import sys\n\n\ndef run(name='hidden'):\n    return getattr(sys.modules[__name__], name)()\n",
        "ALL = {}\n\n\ndef run():\n    return ALL['hidden']()\n\n\n"
        "def known(f):\n    ALL[f.__name__] = f\n    return f\n",
    ],
)
def test_where_it_cannot_be_told_what_is_called_the_module_counts(package: Path, using: str) -> None:
    mark = "@known\n" if "known" in using else ""
    text = f"{using}\n\n{mark}def hidden():\n    return 1\n"
    before = variant(package, {"steps.py": text})
    assert variant(package, {"steps.py": text.replace("return 1", "return 2")}) != before


def test_what_a_module_runs_on_import_counts(package: Path) -> None:
    before = fingerprint(package)
    table = (package / "table.py").read_text()
    assert variant(package, {"table.py": table + "for i in (1, 2):\n    print(i)\n"}) != before
    assert variant(package, {"table.py": table + "if __name__ == '__main__':\n    print(1)\n"}) == before


def test_which_function_of_another_package_is_meant_counts(package: Path) -> None:
    text = "from numpy import {} as f\nfrom numpy import {} as g\n\n\ndef run(x):\n    return f(x) - g(x)\n"
    before = variant(package, {"steps.py": text.format("mean", "median")})
    assert variant(package, {"steps.py": text.format("median", "mean")}) != before
    assert code_identity(f"{package.name}.steps:run").packages == {"numpy": software_versions()["numpy"]}


def test_another_version_of_a_package_counts_where_it_is_used(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fingerprint(package)
    text = "import numpy as np\n\n\ndef run(x):\n    return np.mean(x)\n"
    before = variant(package, {"steps.py": text})
    monkeypatch.setattr(fingerprints, "_version", lambda module: "99")
    monkeypatch.setattr(fingerprints, "_KNOWN", {})
    assert fingerprint(package) != before
    assert variant(package, {"steps.py": FILES["steps.py"].replace("fpkg", package.name)}) == plain


def test_names_through_a_star_import_are_followed(package: Path) -> None:
    text = "from .table import *\n\n\ndef run():\n    return TABLE\n"
    before = variant(package, {"steps.py": text})
    assert variant(package, {"table.py": "TABLE = 7\n"}) != before


def test_of_a_real_step_only_what_it_uses_counts() -> None:
    identity = code_identity("pellucid.pipeline.steps.camera:make_coefficients")
    assert {
        "pellucid.camera.coefficients:CameraCalibration",
        "pellucid.formats.zfits:ZfitsSource",
        "pellucid.jit:kernel",
    } <= identity.definitions.keys()
    assert not any(name.startswith(("pellucid.atmosphere", "pellucid.cli")) for name in identity.definitions)
    assert {"numpy", "numba", "protozfits", "tables"} <= identity.packages.keys()


@pytest.mark.parametrize("text", ["**a", "a/***", "//a", "/a", "../a", "é" * 180, "\\0", "[", ".", "*.txt"])
def test_a_text_that_is_no_name_of_a_file_means_none(package: Path, text: str) -> None:
    reads = f"from pathlib import Path\n\n\ndef run():\n    return Path(__file__).parent / {text!r}\n"
    (package / "data.txt").write_text("1")
    identity_before = variant(package, {"steps.py": reads})
    (package / "data.txt").write_text("2")
    assert fingerprint(package) != identity_before, "all files beside the module count"


def test_data_that_cannot_be_read_are_told(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "data.txt").write_text("1")
    reads = "from pathlib import Path\n\n\ndef run():\n    return open(Path(__file__).parent / 'data.txt')\n"
    read_bytes = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "data.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(MissingInput) as caught:
        variant(package, {"steps.py": reads})
    assert caught.value.code == "code-unreadable"
    assert caught.value.where.endswith("data.txt")
