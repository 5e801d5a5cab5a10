# SPDX-License-Identifier: BSD-3-Clause
"""The identity of a step's code: its function and all it can reach, definition by definition.

From the function on, every name is followed to the function, class or constant it means, through imports
and packages, within the function's own package and Pellucid; nothing is imported. Where it cannot be told
what a name means, the whole module counts. Files of data that lie beside a module count where a definition
looks there, and so do the versions of other packages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pellucid.archive.lineage import canonical_json
from pellucid.archive.modules import Modules
from pellucid.archive.sources import Sources, file_state
from pellucid.errors import ConfigurationError, MissingInput

__all__ = ["CodeIdentity", "code_fingerprint", "code_identity", "software_versions"]

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

_DISTRIBUTIONS = {"erfa": "pyerfa", "ctao_datamodel": "ctao-datamodel", "PIL": "pillow", "yaml": "pyyaml"}
"""Modules whose package has another name."""


@dataclass(frozen=True)
class CodeIdentity:
    """All that a function's result may depend on, but for its arguments.

    Attributes
    ----------
    definitions : mapping of str to str
        Digest of each definition that is reached, by ``module:name``.
    files : mapping of str to str
        sha256 of each file of data, by ``module/path``.
    packages : mapping of str to str
        Version of each other package.
    """

    definitions: Mapping[str, str]
    files: Mapping[str, str]
    packages: Mapping[str, str]

    @property
    def text(self) -> str:
        """The identity as canonical JSON."""
        parts = {"definitions": self.definitions, "files": self.files, "packages": self.packages}
        return canonical_json(parts)

    @property
    def fingerprint(self) -> str:
        """The sha256 of the text, 64 hexadecimal digits."""
        return sha256(self.text.encode("ascii")).hexdigest()


def code_fingerprint(function: str, cache: Path | None = None) -> str:
    """Return the fingerprint of a function's code; see `code_identity`."""
    return code_identity(function, cache).fingerprint


def code_identity(function: str, cache: Path | None = None) -> CodeIdentity:
    """Return the identity of a function's code.

    Parameters
    ----------
    function : str
        ``package.module:name``.
    cache : Path, optional
        File that remembers sources between processes, see `Sources`.

    Raises
    ------
    ConfigurationError
        There is no source for the function's module (``no-source``), or it is not Python.
    """
    known = _KNOWN.get(function)
    if known is not None and all(_is_as_it_was(path, state) for path, state in known[0].items()):
        return known[1]
    sources = Sources(cache)
    reached = _reached_from(function, Modules(sources))
    sources.save()
    identity = CodeIdentity(
        definitions=dict(sorted(reached.definitions.items())),
        files=dict(sorted(reached.files.items())),
        packages={p: v for p in sorted(reached.packages) if (v := _version(p))},
    )
    _KNOWN[function] = ({**sources.states, **reached.states}, identity)
    return identity


_KNOWN: dict[str, tuple[dict[Path, tuple[int, ...]], CodeIdentity]] = {}
"""Identities of functions with the states of the files they follow from."""


def _is_as_it_was(path: Path, state: tuple[int, ...]) -> bool:
    try:
        return file_state(path) == state
    except OSError:
        return False


def _reached_from(function: str, modules: Modules) -> "_Reached":
    start, _, name = function.partition(":")
    if modules.path(start) is None:
        raise ConfigurationError(
            f"The source of the step's function '{function}' is not to be found.",
            expected="a module with Python source that can be imported here",
            mend="install the package that brings the step, or correct the step's declaration",
            code="no-source",
        )
    reached = _Reached(modules, {start.partition(".")[0], "pellucid"})
    reached.follow(start, name)
    return reached


class _Reached:
    """What is reached from a function: filled by `follow`."""

    def __init__(self, modules: Modules, packages: set[str]) -> None:
        self._modules = modules
        self._own = packages
        self._todo: list[tuple[str, str]] = []
        self._looked_at: set[tuple[str, str]] = set()
        self.definitions: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.packages: set[str] = set()
        self.states: dict[Path, tuple[int, ...]] = {}

    def follow(self, module: str, chain: str) -> None:
        """Reach what a name of a module means, and all that follows from it."""
        self._todo.append((module, chain))
        while self._todo:
            use = self._todo.pop()
            if use not in self._looked_at:
                self._looked_at.add(use)
                self._resolve(*use)

    def _resolve(self, module: str, chain: str) -> None:
        """Reach what ``chain`` means in a module: a definition, another module's, or all of it."""
        if module.partition(".")[0] not in self._own:
            self.packages.add(module.partition(".")[0])
            return
        path = self._modules.path(module)
        if path is None:
            return
        name, _, rest = chain.partition(".")
        source = self._modules.source(module)
        if name in source.imports:
            self._todo.append(self._modules.target(module, source.imports[name], rest))
        elif name in source.definitions:
            self._define(module, name)
        elif name and self._modules.path(f"{module}.{name}") is not None:
            self._todo.append((f"{module}.{name}", rest))
        elif star := self._modules.star(module, name):
            self._todo.append((star, chain))
        elif not (name.startswith("__") and name.endswith("__")):
            self._take_whole(module)

    def _define(self, module: str, name: str) -> None:
        key = f"{module}:{name}"
        if key in self.definitions:
            return
        source = self._modules.source(module)
        definition = source.definitions[name]
        bound = []
        for origin, chain in definition.uses:
            first, _, rest = chain.partition(".")
            if origin:
                self._todo.append((self._modules.absolute(module, origin), chain))
            elif first in source.imports:
                target = self._modules.target(module, source.imports[first], rest)
                # the text says only `median`: which one it is, the import tells
                bound.append([chain, *target])
                self._todo.append(target)
            elif first in source.definitions:
                self._todo.append((module, first))
            elif star := self._modules.star(module, first):
                bound.append([chain, star, chain])
                self._todo.append((star, chain))
        own = canonical_json([definition.digest, bound])
        self.definitions[key] = sha256(own.encode("ascii")).hexdigest()
        if definition.texts is not None:
            self._take_files(module, definition.texts)
        self._todo += [(module, always) for always in source.always]
        if definition.whole:
            self._take_whole(module)

    def _take_whole(self, module: str) -> None:
        source = self._modules.source(module)
        for name in source.definitions:
            self._define(module, name)
        self._todo += [self._modules.target(module, imported, "") for imported in source.imports.values()]

    def _take_files(self, module: str, texts: tuple[str, ...]) -> None:
        """Take the files of data that some texts name; all beside the module where they name none."""
        # a text may name the package whose files are read
        named = [t for t in texts if t.partition(".")[0] in self._own and self._modules.path(t) is not None]
        for origin in [module, *named]:
            folder = self._modules.folder(origin)
            found = [path for text in texts for path in _matching(folder, text)]
            for path in found or _matching(folder, "."):
                try:
                    self.states[path] = file_state(path)
                    content = path.read_bytes()
                except OSError as error:
                    raise _unreadable(path, module, error) from error
                self.files[f"{origin}/{path.relative_to(folder)}"] = sha256(content).hexdigest()


def _matching(folder: Path, text: str) -> Iterator[Path]:
    if not _is_pattern(text):
        return
    for place in [folder] if text == "." else sorted(folder.rglob(text)):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and path.suffix not in (".py", ".pyc", ".nbi", ".nbc"):
                yield path


def _is_pattern(text: str) -> bool:
    """Return whether a text can mean files in or below a folder, of names that file systems allow."""
    if not text or text.startswith(("/", "..")) or "\0" in text or len(text) > 200:
        return False
    return all(
        part == "**" or ("**" not in part and len(part.encode(errors="replace")) <= 255)
        for part in text.split("/")
    )


def _unreadable(path: Path, module: str, error: OSError) -> MissingInput:
    return MissingInput(
        f"A file of data beside the module '{module}' cannot be read.",
        where=str(path),
        expected="a file that may be read: it is part of what the code is",
        got=error.strerror or str(error),
        mend="allow reading it, or install the package again",
        code="code-unreadable",
    )


@cache
def software_versions() -> dict[str, str]:
    """Return the versions of Python, Pellucid and the packages that shape numbers and files."""
    import platform

    from pellucid import __version__

    found = {"pellucid": __version__, "python": platform.python_version()}
    return found | {package: v for package in PACKAGES if (v := _version(package))}


@cache
def _version(module: str) -> str:
    """Return the version of the package that brings a module; nothing for what comes with Python."""
    try:
        return version(_DISTRIBUTIONS.get(module, module))
    except PackageNotFoundError:
        return ""
