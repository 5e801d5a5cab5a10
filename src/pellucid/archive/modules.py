# SPDX-License-Identifier: BSD-3-Clause
"""Modules by name: where their files are and what their imports mean, without importing anything."""

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from pellucid.archive.definitions import Imported, Source
from pellucid.archive.sources import Sources

__all__ = ["Modules"]


class Modules:
    """Finds modules and their sources, each once.

    Parameters
    ----------
    sources : Sources
        Where the sources come from.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._paths: dict[str, Path | None] = {}

    def path(self, module: str) -> Path | None:
        """Return the file of a module; None where there is none with source."""
        if module not in self._paths:
            self._paths[module] = _found(module)
        return self._paths[module]

    def source(self, module: str) -> Source:
        """Return the source of a module that has one; `ConfigurationError` where it is not Python."""
        path = self.path(module)
        assert path is not None, module
        return self._sources[path]

    def folder(self, module: str) -> Path:
        """Return the folder that a module lies in."""
        path = self.path(module)
        assert path is not None, module
        return path.parent

    def absolute(self, module: str, imported: str) -> str:
        """Return the full name of a module that a module imports, maybe relatively."""
        level = len(imported) - len(imported.lstrip("."))
        if level == 0:
            return imported
        path = self.path(module)
        is_package = path is not None and path.name == "__init__.py"
        package = module.split(".") if is_package else module.split(".")[:-1]
        base = package[: len(package) - (level - 1)]
        return ".".join([*base, imported[level:]]).rstrip(".")

    def target(self, module: str, imported: Imported, rest: str) -> tuple[str, str]:
        """Return the module and the name in it that an import of ``module``, and what follows it, mean."""
        parts = [part for part in (imported.attribute, rest) if part]
        return self.absolute(module, imported.module), ".".join(parts)

    def star(self, module: str, name: str) -> str | None:
        """Return the module that ``from … import *`` gives a name from, or None."""
        for bound, imported in self.source(module).imports.items():
            if bound.startswith("*"):
                origin = self.absolute(module, imported.module)
                if self.path(origin) is not None:
                    source = self.source(origin)
                    if name in source.definitions or name in source.imports or self.star(origin, name):
                        return origin
        return None


def _found(name: str) -> Path | None:
    top, _, rest = name.partition(".")
    try:
        folders = _top_folders(top)
    except ModuleNotFoundError:
        return None
    for folder in folders:
        inside = os.path.join(folder, *rest.split(".")) if rest else folder
        for path in (os.path.join(inside, "__init__.py"), f"{inside}.py"):
            if os.path.isfile(path):
                return Path(path)
    return None


@cache
def _top_folders(top: str) -> tuple[str, ...]:
    """Return where a top package lies, or the path of a lone module without its ``.py``."""
    spec = find_spec(top) if top else None
    if spec is None:
        raise ModuleNotFoundError(top)  # not remembered: it may be installed later
    if spec.submodule_search_locations is not None:
        return tuple(spec.submodule_search_locations)
    return (spec.origin.removesuffix(".py"),) if spec.origin else ()
