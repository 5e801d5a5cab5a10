# SPDX-License-Identifier: BSD-3-Clause
"""Code identity against random packages whose call graph is known: exactly what is reached counts."""

import itertools
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.archive.fingerprint import code_fingerprint

NUMBERS = itertools.count()
MODULES = ("alpha", "beta", "sub.gamma")
KINDS = ("function", "class", "constant", "kernel")
STYLES = ("from", "module", "alias", "local", "relative")

nodes = st.lists(st.tuples(st.sampled_from(MODULES), st.sampled_from(KINDS)), min_size=2, max_size=7)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[str, str]], dict[tuple[int, int], str]]:
    """Definitions, and which uses which in what style; constants use none."""
    kinds = draw(nodes)
    edges = {}
    for i, j in itertools.combinations(range(len(kinds)), 2):
        if kinds[i][1] != "constant" and draw(st.booleans()):
            edges[i, j] = draw(st.sampled_from(STYLES))
    return kinds, edges


def written(
    folder: Path, kinds: list[tuple[str, str]], edges: dict[tuple[int, int], str], values: list[int]
) -> None:
    """Write the package; each definition holds its own value, and mentions what it uses."""
    package = folder.name
    texts: dict[str, list[str]] = {module: [] for module in MODULES}
    heads: dict[str, list[str]] = {module: [f"from {package}.tools import njit"] for module in MODULES}
    for i, (module, kind) in enumerate(kinds):
        uses, inside = [], []
        for (user, used), style in edges.items():
            if user == i:
                uses.append(mention(package, module, kinds[used][0], used, style, heads[module], inside))
        body = [*inside, f"return {' + '.join([str(values[i]), *uses])}"]
        lines = [f"def x{i}(*_):", *(f"    {line}" for line in body)]
        if kind == "constant":
            lines = [f"x{i} = {values[i]}"]
        elif kind == "class":
            lines = [f"class x{i}:", *(f"    {line}" for line in [f"value = {values[i]}", *lines])]
        elif kind == "kernel":
            lines.insert(0, "@njit(cache=True)")
        texts[module] += lines
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text("")
    (folder / "sub" / "__init__.py").write_text("")
    (folder / "tools.py").write_text("def njit(**_):\n    return lambda f: f\n")
    for module in MODULES:
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        path.write_text("\n".join([*heads[module], *texts[module]]) + "\n")


def mention(
    package: str, module: str, home: str, used: int, style: str, head: list[str], inside: list[str]
) -> str:
    """Return how a definition is mentioned; what must be imported for it goes to the head, or inside."""
    name, full = f"x{used}", f"{package}.{home}"
    if module == home:
        return name
    if style == "from":
        head.append(f"from {full} import {name}")
        return name
    if style == "module":
        head.append(f"import {full}")
        return f"{full}.{name}"
    if style == "alias":
        head.append(f"import {full} as m{used}")
        return f"m{used}.{name}"
    if style == "relative":
        dots = "." * (1 + module.count("."))
        head.append(f"from {dots}{home} import {name} as y{used}")
        return f"y{used}"
    inside.append(f"from {full} import {name}")
    return name


def reachable(edges: dict[tuple[int, int], str]) -> set[int]:
    found, todo = {0}, [0]
    while todo:
        node = todo.pop()
        for user, used in edges:
            if user == node and used not in found:
                found.add(used)
                todo.append(used)
    return found


@settings(max_examples=40, deadline=None)
@given(graph=graphs())
def test_exactly_what_is_reached_counts(
    graph: tuple[list[tuple[str, str]], dict[tuple[int, int], str]],
) -> None:
    kinds, edges = graph
    values = [100 + i for i in range(len(kinds))]
    with tempfile.TemporaryDirectory() as parent, pytest.MonkeyPatch.context() as patch:
        folder = Path(parent) / f"random{next(NUMBERS)}"
        patch.setattr(sys, "path", [parent, *sys.path])
        function = f"{folder.name}.{kinds[0][0]}:x0"
        written(folder, kinds, edges, values)
        before = code_fingerprint(function)
        for i in range(len(kinds)):
            written(folder, kinds, edges, [v + 1000 * (i == j) for j, v in enumerate(values)])
            changed = code_fingerprint(function) != before
            assert changed == (i in reachable(edges)), f"x{i} of {kinds[i]}"
        written(folder, kinds, edges, values)
        assert code_fingerprint(function) == before
