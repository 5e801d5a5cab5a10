# SPDX-License-Identifier: BSD-3-Clause
"""The interfaces that there are: Pellucid's own catalogue, and those of installed packages.

Outside packages add theirs through entry points of the group ``pellucid.interfaces``, each naming a package
with TOML files in it, e.g. ``mine = "my_package.interfaces"``.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

from pellucid.errors import ConfigurationError, MissingInput, nearest
from pellucid.interfaces.contract import Delivery, Interface
from pellucid.interfaces.parse import parse_interface, read_interface

__all__ = ["CATALOGUE", "all_interfaces", "covering", "interface_named", "open_interface"]

CATALOGUE = "pellucid.interfaces.catalogue"
"""Package with Pellucid's own interface files."""


def all_interfaces(extra: Iterable[Path] = ()) -> dict[str, Interface]:
    """Return every known interface by id, sorted.

    Parameters
    ----------
    extra : iterable of Path
        Further files.

    Raises
    ------
    ConfigurationError
        Two interfaces have one id (``doubled-interface``), an entry point leads nowhere
        (``no-such-package``), or a file is wrong; see `pellucid.interfaces.parse.parse_interface`.
    """
    found: dict[str, Interface] = {}
    for interface in (*_installed(), *map(read_interface, extra)):
        first = found.setdefault(interface.id, interface)
        if first is not interface:
            raise ConfigurationError(
                f"Two interfaces have the id {interface.id}.",
                where=f"{first.source} and {interface.source}",
                expected="an id of its own for each",
                got=interface.id,
                mend="give one of them a free number, or remove the package that brings it",
                code="doubled-interface",
            )
    return dict(sorted(found.items()))


def interface_named(identity: str) -> Interface:
    """Return the interface with an id.

    Raises
    ------
    MissingInput
        There is none (``unknown-interface``); the nearest ids are told.
    """
    known = all_interfaces()
    if identity not in known:
        raise MissingInput(
            f"There is no interface '{identity}' here.",
            expected="an interface of Pellucid or of an installed package, or a TOML file",
            mend=nearest(identity, list(known)),
            code="unknown-interface",
        )
    return known[identity]


def open_interface(name: str) -> Interface:
    """Return the interface with an id, or that in a file: what ends in ``.toml`` or has a slash is one."""
    if name.endswith(".toml") or "/" in name:
        return read_interface(Path(name))
    return interface_named(name)


def covering(product_type: str, format: str | None) -> list[tuple[Interface, Delivery]]:
    """Return the deliveries of a product type with their interfaces; in a format, where it is known."""
    return [
        (interface, delivery)
        for interface in all_interfaces().values()
        for delivery in interface.deliveries
        if delivery.product_type == product_type and format in (None, delivery.format)
    ]


@cache
def _installed() -> tuple[Interface, ...]:
    # files of a package do not change while a program runs
    return tuple(_read())


def _read() -> Iterator[Interface]:
    packages = [(CATALOGUE, "the catalogue")]
    packages += [
        (e.value, f"entry point {e.name} = {e.value}") for e in entry_points(group="pellucid.interfaces")
    ]
    for package, origin in packages:
        try:
            folder = files(package)
        except ModuleNotFoundError:
            raise ConfigurationError(
                "A package announces interfaces and has none.",
                where=origin,
                expected=f"a package {package} with TOML files",
                mend="install the package that brings it again, or remove it",
                code="no-such-package",
            ) from None
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.name.endswith(".toml"):
                yield parse_interface(file.read_text(encoding="utf-8"), str(file))
