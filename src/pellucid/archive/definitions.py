# SPDX-License-Identifier: BSD-3-Clause
"""What a module of Python defines, told from its syntax tree: nothing is imported or run.

Every function, class and constant of a module is a definition with a digest that only meaning changes (no
comment, docstring or layout does) and the names it uses. What a module runs when it is imported belongs to
no definition and counts for all of them.
"""

import ast
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

__all__ = ["Definition", "Imported", "Source", "definitions_of"]


class Imported(NamedTuple):
    """What an import statement binds: a module, or an attribute of one; dots lead where they do in Python."""

    module: str
    attribute: str | None


class Definition(NamedTuple):
    """A function, a class, a constant, or a statement that runs on import.

    Attributes
    ----------
    digest : str
        Of its meaning.
    uses : tuple of (str, str)
        Names it uses, each with its attributes as far as written (``gain.TABLE``): of the module where the
        first text is empty, else of that module, which it imports itself.
    whole : bool
        Whether it may use any name of its module, e.g. through ``globals()``.
    texts : tuple of str or None
        All texts in it, if it looks at where its module lies and so may read a file there.
    """

    digest: str
    uses: tuple[tuple[str, str], ...]
    whole: bool
    texts: tuple[str, ...] | None


class Source(NamedTuple):
    """A module: its definitions by name, what its imports bind, and the definitions that always count."""

    definitions: dict[str, Definition]
    imports: dict[str, Imported]
    always: tuple[str, ...]


def definitions_of(tree: ast.Module) -> Source:
    """Return what a module defines and imports."""
    collected: dict[str, list[ast.stmt]] = {}
    imports: dict[str, Imported] = {}
    always: list[str] = []
    for statement in tree.body:
        if _is_text(statement):
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom):
            imports.update(_bound(statement))
            continue
        names, counts_always = _defined(statement)
        if counts_always:
            for node in ast.walk(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    imports.update(_bound(node))
            if _never_runs(statement):
                continue
            always.append(f"<statement {len(always)}>")
            names.append(always[-1])
        for name in names:
            collected.setdefault(name, []).append(statement)
    definitions = {name: _definition(statements) for name, statements in collected.items()}
    return Source(definitions, imports, tuple(always))


_DEFINE = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

# decorators that leave the function where its name says; any other may have put it elsewhere as well
_HARMLESS = {
    "abstractmethod",
    "cache",
    "contextmanager",
    "dataclass",
    "guvectorize",
    "jit",
    "kernel",
    "lru_cache",
    "njit",
    "overload",
    "runtime_checkable",
    "total_ordering",
    "vectorize",
    "wraps",
}

_PLACES = {"__file__", "__path__", "resources", "files()"}
"""Names that tell a module where it lies."""

_DYNAMIC = {"__import__", "__subclasses__", "eval", "exec", "globals", "import_module", "locals", "vars"}


def _defined(statement: ast.stmt) -> tuple[list[str], bool]:
    """Return the names that a statement binds, and whether it counts whenever the module is used."""
    if isinstance(statement, _DEFINE):
        decorators = {_last_name(d) for d in statement.decorator_list}
        return [statement.name], not decorators <= _HARMLESS
    if isinstance(statement, ast.TypeAlias):
        return [statement.name.id], False
    targets = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    flat = [e for t in targets for e in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
    if flat and all(isinstance(t, ast.Name) for t in flat):
        return [t.id for t in flat if isinstance(t, ast.Name)], False
    inner = [n.name for n in ast.walk(statement) if isinstance(n, _DEFINE)]
    stored = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return list(dict.fromkeys([*inner, *stored])), True


def _definition(statements: list[ast.stmt]) -> Definition:
    words: list[str] = []
    seen = _Seen()
    for statement in statements:
        _write(statement, words)
        seen.visit(statement)
    digest = sha256("\0".join(words).encode()).hexdigest()
    texts = tuple(dict.fromkeys(seen.texts)) if seen.names & _PLACES else None
    return Definition(digest, tuple(sorted(seen.resolved())), seen.whole, texts)


class _Seen(ast.NodeVisitor):
    """Collects what a definition uses; annotations, which do nothing, are left out."""

    def __init__(self) -> None:
        self.chains: dict[str, None] = {}
        self.local: dict[str, Imported] = {}
        self.texts: list[str] = []
        self.names: set[str] = set()
        self.whole = False

    def resolved(self) -> Iterator[tuple[str, str]]:
        """Yield the uses, names that it imports itself led to their modules."""
        for chain in self.chains:
            name, _, rest = chain.partition(".")
            if name not in self.local:
                yield "", chain
        for name, target in self.local.items():
            head = "" if target.attribute is None else target.attribute
            rests = [c.partition(".")[2] for c in self.chains if c.partition(".")[0] == name]
            for rest in rests or [""]:
                # an import that nothing mentions still runs the module
                yield target.module, ".".join(part for part in (head, rest) if part)

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)
        self.chains[node.id] = None
        if node.id in _DYNAMIC:
            self.whole = True

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.names.add(node.attr)
        if node.attr in _DYNAMIC:
            self.whole = True
        parts, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            self.names.add(inner.attr)
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self.names.add(inner.id)
            self.chains[".".join([inner.id, *reversed(parts)])] = None
        else:
            self.visit(inner)

    def visit_Call(self, node: ast.Call) -> None:
        if _last_name(node.func) == "getattr" and len(node.args) > 1:
            owner, name = node.args[:2]
            of_itself = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
            if not (of_itself or isinstance(name, ast.Constant)):
                self.whole = True
        if _last_name(node.func) == "files":
            self.names.add("files()")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not _is_text(node):
            self.visit(node.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.texts.append(node.value)

    def visit_Import(self, node: ast.Import) -> None:
        self.local.update(_bound(node))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.local.update(_bound(node))

    def visit_arg(self, node: ast.arg) -> None:
        pass

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for child in (*node.decorator_list, node.args, *node.body):
            self.visit(child)

    visit_AsyncFunctionDef = visit_FunctionDef


def _bound(statement: ast.Import | ast.ImportFrom) -> dict[str, Imported]:
    """Return what an import statement binds, by name."""
    if isinstance(statement, ast.ImportFrom):
        module = "." * statement.level + (statement.module or "")
        if statement.names[0].name == "*":
            return {f"*{module}": Imported(module, None)}
        return {a.asname or a.name: Imported(module, a.name) for a in statement.names}
    return {
        a.asname or a.name.partition(".")[0]: Imported(a.name if a.asname else a.name.partition(".")[0], None)
        for a in statement.names
    }


def _never_runs(statement: ast.stmt) -> bool:
    """Return whether a statement is for type checkers, or for running the module as a program."""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    words = {
        getattr(n, "id", getattr(n, "attr", getattr(n, "value", None))) for n in ast.walk(statement.test)
    }
    return "TYPE_CHECKING" in words or "__main__" in words


def _last_name(node: ast.expr) -> str:
    """Return the last word of what is called or named, e.g. ``njit`` of ``numba.njit(...)``."""
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _write(node: ast.AST, words: list[str]) -> None:
    """Write a tree as words, without docstrings, and without empty fields: Pythons differ in those."""
    words.append(type(node).__name__)
    for field in node._fields:
        value = getattr(node, field, None)
        # whether a name is read or written follows from where it stands
        if value is None or value == [] or field == "ctx":
            continue
        words.append(field)
        if isinstance(value, ast.AST):
            _write(value, words)
        elif isinstance(value, list):
            value = [item for item in value if not _is_text(item)]
            words.append(str(len(value)))
            for item in value:
                if isinstance(item, ast.AST):
                    _write(item, words)
                else:
                    words.append(repr(item))
        else:
            words.append(repr(value))


def _is_text(statement: object) -> bool:
    """Return whether a statement is a text alone, as docstrings are: it does nothing."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
