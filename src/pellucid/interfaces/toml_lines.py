# SPDX-License-Identifier: BSD-3-Clause
"""On which line of a TOML text a key stands, which the standard reader does not tell."""

import re
from collections.abc import Sequence

__all__ = ["Lines", "path_text"]

type Path = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r'^\s*([A-Za-z0-9_-]+|"[^"]*")\s*=\s*(.*)$')
_ITEM = re.compile(r"^\s*[\[{\"'0-9+-]")


def path_text(path: Sequence[str | int]) -> str:
    """Return a path as people read it, e.g. ``deliveries[1].columns[3].range``, counted from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class Lines:
    """Places of keys in a text.

    Known are tables, arrays of tables, keys, and items of arrays that begin on a line of their own; a key
    inside an item is on the item's line.

    Parameters
    ----------
    text : str
        Well-formed TOML.
    """

    def __init__(self, text: str) -> None:
        self._known: dict[Path, int] = {(): 1}
        self._counts: dict[Path, int] = {}
        self._scan(text)

    def of(self, path: Sequence[str | int]) -> int:
        """Return the line of a path, counted from 1, or of the nearest thing around it."""
        wanted = tuple(path)
        while wanted not in self._known:
            wanted = wanted[:-1]
        return self._known[wanted]

    def _scan(self, text: str) -> None:
        prefix: Path = ()
        array: Path | None = None
        quote = ""
        for number, line in enumerate(text.splitlines(), 1):
            if quote:
                quote = "" if quote in line else quote
                continue
            if array is not None:
                array = self._item(array, line, number)
                continue
            if header := _HEADER.match(line):
                prefix = self._header(header[1] == "[[", header[2].split("."), number)
            elif key := _KEY.match(line):
                path = (*prefix, key[1].strip('"'))
                self._known[path] = number
                value = key[2].strip()
                quote = next((q for q in ('"""', "'''") if value.startswith(q) and q not in value[3:]), "")
                if value.partition("#")[0].strip() == "[":
                    array, self._counts[path] = path, 0

    def _item(self, array: Path, line: str, number: int) -> Path | None:
        if line.lstrip().startswith("]"):
            return None
        if _ITEM.match(line):
            self._known[(*array, self._counts[array])] = number
            self._counts[array] += 1
        return array

    def _header(self, is_array: bool, words: list[str], number: int) -> Path:
        path: Path = ()
        for i, word in enumerate(words):
            path = (*path, word)
            if is_array and i == len(words) - 1:
                self._known.setdefault(path, number)
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        self._known[path] = number
        return path
