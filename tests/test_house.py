# SPDX-License-Identifier: BSD-3-Clause
"""The rules of the house that a machine can hold: imports, size, docstrings, licence lines, start-up."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCE = REPOSITORY / "src"
MODULES = sorted(SOURCE.rglob("*.py"))

PHYSICS = ("camera", "pointing", "array", "atmosphere", "correction", "events")
SHARED = ("units", "errors", "times", "jit", "instrument")
"""What physics may import of Pellucid; itself no less pure."""

LIBRARIES = {"numpy", "scipy", "numba", "astropy", "erfa"}
IMPURE = {"io", "logging", "os", "pathlib", "random", "shutil", "socket", "subprocess", "tempfile", "time"}

HEAVY = {"numpy", "astropy", "numba", "tables", "scipy", "matplotlib", "sqlalchemy", "protozfits", "eventio"}


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    """Yield the absolute names of what a module imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_allowed_in_physics(name: str) -> bool:
    top, *rest = name.split(".")
    if top == "pellucid":
        return bool(rest) and rest[0] in PHYSICS + SHARED
    return top in LIBRARIES or (top in sys.stdlib_module_names and top not in IMPURE)


def breaches(path: Path) -> list[str]:
    return [name for name in imported(path) if not is_allowed_in_physics(name)]


@pytest.mark.parametrize("package", [*PHYSICS, *SHARED])
def test_physics_is_pure(package: str) -> None:
    pure = [p for p in MODULES if name_of(p).split(".")[1:2] == [package]]
    assert {name_of(p): b for p in pure if (b := breaches(p))} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import logging",
        "from pellucid.archive import Workspace",
        "from pellucid import config",
        "import pellucid.formats.simtel",
        "def f():\n    import tables",
    ],
)
def test_an_impure_import_would_be_noticed(tmp_path: Path, line: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(line)
    assert breaches(path)


def test_only_the_command_line_knows_the_command_line() -> None:
    outside = [p for p in MODULES if not name_of(p).startswith("pellucid.cli")]
    guilty = [name_of(p) for p in outside if any(n.startswith("pellucid.cli") for n in imported(p))]
    assert guilty == []


def ours() -> list[Path]:
    return [
        p
        for folder in ("src", "tests", "bench", "docs")
        for p in sorted((REPOSITORY / folder).rglob("*.py"))
        if "_build" not in p.parts
    ]


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {str(p.relative_to(REPOSITORY)): len(p.read_text().splitlines()) for p in ours()}
    assert {name: n for name, n in lengths.items() if n > 400} == {}


def test_every_file_names_its_licence() -> None:
    scripts = [REPOSITORY / "Makefile", REPOSITORY / ".ci" / "run"]
    bare = [
        str(p.relative_to(REPOSITORY))
        for p in [*ours(), *scripts]
        if not any(
            line == "# SPDX-License-Identifier: BSD-3-Clause" for line in p.read_text().splitlines()[:2]
        )
    ]
    assert bare == []


type Definition = ast.FunctionDef | ast.ClassDef


def public(path: Path) -> Iterator[Definition]:
    """Yield the functions and classes that a module defines and names in ``__all__``."""
    tree = ast.parse(path.read_bytes())
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets
        ):
            names = set(ast.literal_eval(node.value))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
            yield node


def all_public() -> Iterator[tuple[str, Definition, Path]]:
    for path in MODULES:
        for node in public(path):
            yield f"{name_of(path)}.{node.name}", node, path


def test_every_module_says_what_is_public() -> None:
    silent = [name_of(p) for p in MODULES if "__all__" not in p.read_text() and len(p.read_text()) > 200]
    assert not silent, "\n".join(silent)


def test_every_public_name_has_a_docstring() -> None:
    bare = [name for name, node, _ in all_public() if not ast.get_docstring(node)]
    bare += [
        f"{name}.{method.name}"
        for name, node, _ in all_public()
        for method in node.body
        if isinstance(node, ast.ClassDef)
        and isinstance(method, ast.FunctionDef)
        and not method.name.startswith("_")
        and not ast.get_docstring(method)
    ]
    bare += [name_of(p) for p in MODULES if not ast.get_docstring(ast.parse(p.read_bytes()))]
    assert bare == []


def array_names(path: Path) -> set[str]:
    """Return the names that mean an array in a module: numpy's own, and the module's aliases of them."""
    names = {"NDArray", "ArrayLike", "ndarray", "Stamps"}
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.TypeAlias) and words(node.value) & names:
            names.add(node.name.id)
    return names


def words(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {
        n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)
    }


def handles_arrays(node: Definition, arrays: set[str]) -> bool:
    if isinstance(node, ast.FunctionDef):
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        annotations = [a.annotation for a in arguments] + [node.returns]
    else:
        annotations = [n.annotation for n in node.body if isinstance(n, ast.AnnAssign)]
    return any(a is not None and words(a) & arrays for a in annotations)


# what is counted, chosen or coded has no unit; the docstring then says so with one of these words
UNIT = re.compile(
    r"\b(m|m2|mm|deg|deg2|rad|s|ns|us|ms|seconds|nanoseconds|GHz|MHz|Hz|TeV|g/cm2|unit|units|sqrt\(area\)|ADC|counts?|"
    r"photo-electrons?|photons?|bytes?|samples?|mask|bool|codes?|identifiers?|rows?|number|index|indices|"
    r"dimensionless)\b|p\.e\."
)


def test_what_handles_arrays_tells_shape_and_unit() -> None:
    silent = []
    for name, node, path in all_public():
        if handles_arrays(node, array_names(path)):
            text = ast.get_docstring(node) or ""
            silent += [f"{name}: no shape"] * ("shape" not in text)
            if ".kernels." not in name:  # below the edge, numbers are unit-free
                silent += [f"{name}: no unit"] * (UNIT.search(text) is None)
    assert not silent, "\n".join(silent)


def test_the_public_surface_is_not_empty() -> None:
    found = {name for name, node, path in all_public() if handles_arrays(node, array_names(path))}
    assert {"pellucid.events.batch.CameraBatch", "pellucid.times.shifted"} <= found


def loaded(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*{{m.partition('.')[0] for m in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")[-2].split())


@pytest.mark.parametrize(
    "statement",
    [
        "import pellucid.cli",
        "import pellucid.archive",
        "from pellucid.cli.run import run; run(['--help'])",
        "from pellucid.cli.run import run; run(['process', '--help'])",
    ],
)
def test_start_up_imports_nothing_heavy(statement: str) -> None:
    assert loaded(statement) & HEAVY == set()


def test_a_heavy_import_would_be_noticed() -> None:
    assert "numpy" in loaded("import pellucid.times")
