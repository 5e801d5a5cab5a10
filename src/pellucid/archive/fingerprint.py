# SPDX-License-Identifier: BSD-3-Clause
"""The identity of a step's code: its source and all source of its package and of Pellucid it can reach.

Modules are followed by their import statements, wherever in the file they stand, without importing
anything. Comments, docstrings, spacing and line breaks do not count.
"""

import os
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from pellucid.archive.lineage import canonical_json
from pellucid.archive.sources import Sources
from pellucid.errors import ConfigurationError

__all__ = ["code_fingerprint", "reached_modules", "software_versions"]

PACKAGES = (
    "numpy",
    "numba",
    "scipy",
    "astropy",
    "tables",
    "blosc2",
    "eventio",
    "protozfits",
    "ctao-datamodel",
)


def code_fingerprint(function: str, cache: Path | None = None) -> str:
    """Return the identity of a function's code.

    fingerprint = sha256(canonical JSON of {module name: sha256 of its normalised source})

    Parameters
    ----------
    function : str
        ``package.module:name``.
    cache : Path, optional
        File that remembers sources between processes, see `Sources`.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ConfigurationError
        There is no source for the function's module (``no-source``), or it is not Python.
    """
    sources = Sources(cache)
    digests = {name: sources[path].digest for name, path in reached_modules(function, sources).items()}
    sources.save()
    return sha256(canonical_json(digests).encode("ascii")).hexdigest()


def reached_modules(function: str, sources: Sources | None = None) -> dict[str, Path]:
    """Return the modules that count for a function, by name, and their files.

    These are its own module and, transitively, what they import from the function's top package and
    from ``pellucid``. A name that a package only passes on leads to the module it comes from, so that
    packages do not tie everything to everything.
    """
    sources = sources or Sources()
    start = function.partition(":")[0]
    packages = {start.partition(".")[0], "pellucid"}
    if _source(start) is None:
        raise ConfigurationError(
            f"The source of the step's function '{function}' is not to be found.",
            expected="a module with Python source that can be imported here",
            mend="install the package that brings the step, or correct the step's declaration",
            code="no-source",
        )
    reached: dict[str, Path] = {}
    todo = [start]
    while todo:
        name = todo.pop()
        path = _source(name)
        if path is None or name in reached:
            continue
        reached[name] = path
        for module, attribute in sources[path].imports:
            target = _resolved(name, path, module)
            if target.partition(".")[0] in packages:
                todo.append(_origin(target, attribute, sources))
    return dict(sorted(reached.items()))


@cache
def software_versions() -> dict[str, str]:
    """Return the versions of Python, Pellucid and the packages that shape numbers and files."""
    import platform

    from pellucid import __version__

    found = {"pellucid": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _resolved(name: str, path: Path, module: str) -> str:
    """Return the absolute name of a module that the module ``name`` imports, maybe relatively."""
    level = len(module) - len(module.lstrip("."))
    if level == 0:
        return module
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    base = package[: len(package) - (level - 1)]
    return ".".join([*base, module[level:]]).rstrip(".")


def _origin(module: str, attribute: str | None, sources: Sources) -> str:
    """Return the module that ``from module import attribute`` really reaches."""
    if attribute is None:
        return module
    path = _source(module)
    if path is not None and path.name == "__init__.py":
        # what a package binds itself goes before a module of the same name in it
        for further, name in sources[path].imports:
            if name == attribute and (origin := _resolved(module, path, further)) != module:
                return _origin(origin, attribute, sources)
    return f"{module}.{attribute}" if _source(f"{module}.{attribute}") is not None else module


def _source(name: str) -> Path | None:
    """Return the file of a module without importing it or its parents."""
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
