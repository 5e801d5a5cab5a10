# SPDX-License-Identifier: BSD-3-Clause
"""A step: the declared binding of a function to product types, parameters and a version.

The function that a step names has this contract::

    function(inputs, output, parameters, provenance) -> summary

``inputs`` maps roles to files, for reading only; ``output`` is a file that does not exist yet, which
it writes, ``provenance`` inside it; ``parameters`` are complete. It returns a JSON-ready mapping:
``obs_id``, ``telescopes``, ``time_start``, ``time_stop`` (ns TAI) and ``flags`` describe the product,
the rest are numbers one wants to search by. It may take a keyword ``progress``, called with
(done, total, unit), and a keyword ``effort``, a mapping of ``threads`` and ``chunk_events`` to numbers
that no byte of the output may depend on. It looks at nothing else: no clock, no environment, no other
file.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Literal

from pellucid.archive.files import Progress
from pellucid.archive.lineage import JSON, plain
from pellucid.archive.product import check_product_type
from pellucid.errors import ConfigurationError, PellucidError, nearest

__all__ = ["Step"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What makes one type of product from others.

    Attributes
    ----------
    name : str
        Unique, e.g. ``events``.
    version : str
        Version of the algorithm; part of the lineage key.
    function : str
        ``package.module:name`` of a function with the contract above, imported when it is run.
    inputs : mapping of str to str
        Product type of each role; may have ``*`` and ``?``, as in ``DL0/Event/*/*``.
    output : str
        Product type of what it makes.
    format : str
        Format of what it makes.
    suffix : str
        End of the file name of what it makes, e.g. ``.dl1.h5``.
    parameters : mapping
        All parameters with their defaults; nested mappings are groups.
    determinism : str
        ``bitwise``: same inputs, same bytes. ``tolerance``: same within the algorithm's tolerance.
    """

    name: str
    version: str
    function: str
    inputs: Mapping[str, str] = field(hash=False)
    output: str
    format: str = "hdf5"
    suffix: str = ".h5"
    parameters: Mapping[str, JSON] = field(default_factory=dict, hash=False)
    determinism: Literal["bitwise", "tolerance"] = "bitwise"

    def __post_init__(self) -> None:
        check_product_type(self.output)
        plain(self.parameters, f"step {self.name}")
        module, colon, name = self.function.partition(":")
        if not (module and colon and name.isidentifier()):
            raise ConfigurationError(
                f"The step '{self.name}' names no function.",
                expected="'package.module:function'",
                got=repr(self.function),
            )

    def complete(self, given: Mapping[str, JSON] | None = None) -> dict[str, JSON]:
        """Return all parameters: the given ones over the defaults.

        Parameters
        ----------
        given : mapping, optional
            Some of the parameters, in groups as the defaults are. A whole number will do for a float.

        Raises
        ------
        ConfigurationError
            A key is unknown, at any depth (``unknown-key``; the nearest is told), or a value is of
            another kind than the default (``wrong-type``), or has no canonical form.
        """
        return _merged(self.parameters, given or {}, self.name)

    def run(
        self,
        inputs: Mapping[str, Path],
        output: Path,
        parameters: Mapping[str, JSON],
        provenance: Mapping[str, JSON],
        progress: Progress | None = None,
        effort: Mapping[str, int] | None = None,
    ) -> dict[str, JSON]:
        """Call the function and return its summary; ``progress`` and ``effort`` where it takes them.

        Raises
        ------
        PellucidError
            It wrote no output (``no-output``); and whatever the function itself raises.
        """
        offered = {"progress": progress, "effort": effort}
        extra = {k: v for k, v in offered.items() if v is not None and k in self._keywords}
        summary = self._callable(inputs, output, parameters, provenance, **extra)
        if not output.is_file():
            raise PellucidError(
                f"The step '{self.name}' ended without its output.",
                expected=f"the function {self.function} to write the file it is given",
                mend="report this to the author of the step",
                code="no-output",
            )
        checked = plain(summary, f"summary of step {self.name}")
        assert isinstance(checked, dict)
        return checked

    @cached_property
    def _callable(self) -> Callable[..., Mapping[str, JSON]]:
        module, _, name = self.function.partition(":")
        function: Callable[..., Mapping[str, JSON]] = getattr(import_module(module), name)
        return function

    @property
    def _keywords(self) -> frozenset[str]:
        return frozenset(inspect.signature(self._callable).parameters)


def _merged(defaults: Mapping[str, JSON], given: Mapping[str, JSON], where: str) -> dict[str, JSON]:
    for key in given:
        if key not in defaults:
            raise ConfigurationError(
                f"There is no parameter '{key}'.",
                where=where,
                mend=nearest(str(key), list(defaults)) if defaults else "this group takes no parameters",
                code="unknown-key",
            )
    return {
        key: _fitting(default, given[key], f"{where}.{key}") if key in given else plain(default)
        for key, default in defaults.items()
    }


def _fitting(default: JSON, value: JSON, where: str) -> JSON:
    """Return a given value in the type of its default, so that 5 and 5.0 are one product."""
    if isinstance(default, Mapping) and isinstance(value, Mapping):
        return _merged(default, value, where)
    value = plain(value, where)
    if default is None or type(value) is type(plain(default)):
        return value
    if isinstance(default, float) and type(value) is int:
        return float(value)
    raise ConfigurationError(
        "A parameter is of the wrong type.",
        where=where,
        expected=f"{_KINDS[type(plain(default))]}, as in {default!r}",
        got=repr(value),
        code="wrong-type",
    )


_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a group of parameters",
}
