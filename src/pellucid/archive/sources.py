# SPDX-License-Identifier: BSD-3-Clause
"""Python source as data: a digest that only meaning changes, and the imports, remembered between runs."""

import ast
import json
import os
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from pellucid.errors import ConfigurationError

__all__ = ["Source", "Sources"]

# goes up with every change to what is digested; syntax trees differ between versions of Python
_SCHEME = f"1, Python {sys.version_info.major}.{sys.version_info.minor}"


class Source(NamedTuple):
    """A module's source: digest without comments, docstrings and layout; imports as (module, name)."""

    digest: str
    imports: tuple[tuple[str, str | None], ...]


class Sources:
    """Sources of modules, read once for each state of their files.

    Parameters
    ----------
    cache : Path, optional
        File that keeps them for the next process; it may be removed at any time.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._known = _REMEMBERED
        self._learnt = False
        if cache is not None:
            # a cache that cannot be read is no cache
            with suppress(OSError, ValueError, KeyError, TypeError):
                content = json.loads(cache.read_bytes())
                if content["scheme"] == _SCHEME:
                    for path, (state, digest, imports) in content["sources"].items():
                        source = Source(digest, tuple((module, name) for module, name in imports))
                        self._known.setdefault(path, (tuple(state), source))

    def __getitem__(self, path: Path) -> Source:
        """Return the source in a file; `ConfigurationError` (``no-source``) where it is not Python."""
        status = path.stat()
        # a file's change time cannot be set back, unlike its modification time
        state = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        known = self._known.get(str(path))
        if known is None or known[0] != state:
            known = self._known[str(path)] = (state, _parsed(path))
            self._learnt = True
        return known[1]

    def save(self) -> None:
        """Keep what was learnt for the next process, if there is a place for it that can be written."""
        if self._cache is None or not self._learnt:
            return
        content = {"scheme": _SCHEME, "sources": {p: (s, *source) for p, (s, source) in self._known.items()}}
        with suppress(OSError):
            self._cache.parent.mkdir(exist_ok=True)
            hidden = self._cache.with_name(f".{self._cache.name}.{token_hex(6)}")
            hidden.write_text(json.dumps(content))
            os.replace(hidden, self._cache)


type _State = tuple[int, ...]

_REMEMBERED: dict[str, tuple[_State, Source]] = {}


def _parsed(path: Path) -> Source:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise ConfigurationError(
            "The source of a step is not valid Python.",
            where=f"{path}:{error.lineno}",
            got=str(error.msg),
            code="no-source",
        ) from error
    imports: dict[tuple[str, str | None], None] = {}
    words: list[str] = []
    _write(tree, words, imports)
    return Source(sha256("\0".join(words).encode()).hexdigest(), tuple(imports))


def _write(node: ast.AST, words: list[str], imports: dict[tuple[str, str | None], None]) -> None:
    """Write a tree as words, docstrings left out; empty fields too, as Python versions differ in them."""
    if isinstance(node, ast.Import):
        imports.update(dict.fromkeys((alias.name, None) for alias in node.names))
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        imports.update(dict.fromkeys((module, alias.name) for alias in node.names))
    words.append(type(node).__name__)
    for field in node._fields:
        value = getattr(node, field, None)
        # whether a name is read or written follows from where it stands
        if value is None or value == [] or field == "ctx":
            continue
        words.append(field)
        if isinstance(value, ast.AST):
            _write(value, words, imports)
        elif isinstance(value, list):
            if field == "body" and isinstance(node, _WITH_DOCSTRING):
                value = value[_has_docstring(node) :]
            words.append(str(len(value)))
            for item in value:
                if isinstance(item, ast.AST):
                    _write(item, words, imports)
                else:
                    words.append(repr(item))
        else:
            words.append(repr(value))


_WITH_DOCSTRING = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _has_docstring(node: "ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef") -> bool:
    first = node.body[0] if node.body else None
    return (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    )
