# SPDX-License-Identifier: BSD-3-Clause
"""Python source as data, remembered between runs: what a module defines, and what each definition uses."""

import ast
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from pellucid.archive.definitions import Definition, Imported, Source, definitions_of
from pellucid.errors import ConfigurationError

__all__ = ["Sources", "file_state"]

# goes up with every change to what is kept; syntax trees differ between versions of Python
_SCHEME = f"2, Python {sys.version_info.major}.{sys.version_info.minor}"


class Sources:
    """Sources of modules, read once for each state of their files.

    Parameters
    ----------
    cache : Path, optional
        File that keeps them for the next process; it may be removed at any time.

    Attributes
    ----------
    states : dict
        The state of each file that was asked for.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._learnt = False
        self._checked: dict[Path, Source] = {}
        self.states: dict[Path, tuple[int, ...]] = {}
        if cache is not None:
            # a cache that cannot be read is no cache
            with suppress(OSError, ValueError, KeyError, TypeError):
                state = file_state(cache)
                if _LOADED.get(cache) != state:
                    _load(cache)
                    _LOADED[cache] = state

    def __getitem__(self, path: Path) -> Source:
        """Return the source in a file; `ConfigurationError` (``no-source``) where it is not Python."""
        if path in self._checked:
            return self._checked[path]
        state = file_state(path)
        known = _REMEMBERED.get(str(path))
        if known is None or known.state != state:
            known = _REMEMBERED[str(path)] = _Remembered(state, _parsed(path))
            self._learnt = True
        elif not isinstance(known.source, Source):
            known = _REMEMBERED[str(path)] = _Remembered(state, _from_json(known.source))
        assert isinstance(known.source, Source)
        self._checked[path] = known.source
        self.states[path] = state
        return known.source

    def save(self) -> None:
        """Keep what was learnt for the next process, if there is a place for it that can be written."""
        if self._cache is None or not self._learnt:
            return
        content = {"scheme": _SCHEME, "sources": _REMEMBERED}
        with suppress(OSError):
            self._cache.parent.mkdir(exist_ok=True)
            hidden = self._cache.with_name(f".{self._cache.name}.{token_hex(6)}")
            hidden.write_text(json.dumps(content))
            os.replace(hidden, self._cache)


def file_state(path: Path) -> tuple[int, ...]:
    """Return what is sure to change with a file: its inode, its size (bytes) and its times (ns)."""
    status = path.stat()
    # a file's change time cannot be set back, unlike its modification time
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class _Remembered(NamedTuple):
    """A source with the state of its file; as plain lists, as they came from the cache, until asked for."""

    state: tuple[int, ...]
    source: "Source | list[object]"


_REMEMBERED: dict[str, _Remembered] = {}
_LOADED: dict[Path, tuple[int, ...]] = {}
"""Caches that are remembered already, with the state they were in."""


def _load(cache: Path) -> None:
    content = json.loads(cache.read_bytes())
    if content["scheme"] == _SCHEME:
        for path, (state, source) in content["sources"].items():
            _REMEMBERED.setdefault(path, _Remembered(tuple(state), source))


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
    return definitions_of(tree)


def _from_json(content: "list[object]") -> Source:
    definitions, imports, always = content
    assert isinstance(definitions, dict)
    assert isinstance(imports, dict)
    assert isinstance(always, list)
    return Source(
        {
            name: Definition(digest, tuple((m, c) for m, c in uses), whole, texts and tuple(texts))
            for name, (digest, uses, whole, texts) in definitions.items()
        },
        {name: Imported(module, attribute) for name, (module, attribute) in imports.items()},
        tuple(always),
    )
