# SPDX-License-Identifier: BSD-3-Clause
"""A step: the declared binding of a function to product types, parameters and a version.

The function that a step names has this contract::

    function(inputs, output, parameters, provenance) -> summary

``inputs`` maps roles to files, for reading only: a path, or a tuple of paths for a role that takes many;
an optional role that nothing fits is absent. ``output`` is a file that does not exist yet, which it writes,
``provenance`` inside it; ``parameters`` are complete. It returns a JSON-ready mapping: ``obs_id``,
``telescopes``, ``device``, ``time_start``, ``time_stop`` (ns TAI) and ``flags`` describe the product, and
follow from the leading input where they are absent; ``without`` is a list of sentences, what it could not
do for want of inputs; the rest are numbers one wants to search by. It may take a keyword ``progress``,
called with (done, total, unit), and a keyword ``effort``, a mapping of ``threads`` and ``chunk_events`` to
numbers that no byte of the output may depend on. It looks at nothing else: no clock, no environment, no
other file. Functions of steps declare these with the types `Files`, `ManyFiles`, `Parameters`,
`Provenance` and `Summary`; their docstrings tell only what is their own: the roles they know, and more.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from pellucid.archive.files import Progress
from pellucid.archive.lineage import JSON, plain
from pellucid.archive.product import check_product_type
from pellucid.errors import ConfigurationError
from pellucid.pipeline.inputs import Input, duration_ns
from pellucid.pipeline.output import check_written
from pellucid.pipeline.parameters import Declared, completed, defaults

__all__ = ["FALLBACK", "Files", "ManyFiles", "Parameters", "Provenance", "Step", "Summary"]

type Files = Mapping[str, Path]
type ManyFiles = Mapping[str, Sequence[Path]]
type Parameters = Mapping[str, Any]
type Provenance = Mapping[str, JSON]
type Summary = dict[str, JSON]

FALLBACK = "fallback"
"""Name under which a product's parameters tell which roles a level's fallback filled; no step has it."""


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
    inputs : mapping of str to Input or str
        What each role takes; a bare product type, which may have ``*`` and ``?``, is short for an `Input`.
        The first required role that takes one product and no calibration leads: the step runs once for
        each product of that type, and the other roles are filled to go with it. Where all take many, it
        runs once for each telescope, device or array, as the first of them says.
    output : str
        Product type of what it makes.
    format : str
        Format of what it makes.
    suffix : str
        End of the file name of what it makes, e.g. ``.dl1.h5``.
    parameters : mapping
        All parameters: their defaults, or a `pellucid.pipeline.parameters.parameter` where there is more to
        say, such as a unit; nested mappings are groups.
    section : str
        Section of the configuration whose keys are parameters too; empty where none is.
    valid : str
        How long what it makes is in force as a calibration, from the start of what it covers: a length of
        time such as ``12 h``, ``night``, to the end of the night, or ``cover``, to the end of what it covers;
        the next one ends it early. Empty for what is no calibration.
    levels : tuple of str
        Levels (A, B, C) that it belongs to.
    alternative : bool
        Whether it is only taken where it is asked for by name, on the command line or as the algorithm for
        its type of product.
    cost : float
        About how many seconds it takes for one product: how many tasks a worker is given at once follows
        from it, until some of them were measured.
    determinism : str
        ``bitwise``: same inputs, same bytes. ``tolerance``: same numbers within `tolerance`.
    tolerance : mapping of str to (float, float)
        Relative and absolute tolerance (in the dataset's unit) by pattern of dataset, as in
        ``{"/profile/*": (1e-6, 0.0)}``; what fits no pattern is the same to the bit.
    """

    name: str
    version: str
    function: str
    inputs: Mapping[str, Input | str] = field(hash=False)
    output: str
    format: str = "hdf5"
    suffix: str = ".h5"
    parameters: Mapping[str, Declared] = field(default_factory=dict, hash=False)
    section: str = ""
    valid: str = ""
    levels: tuple[str, ...] = ("A", "B", "C")
    alternative: bool = False
    cost: float = 1.0
    determinism: Literal["bitwise", "tolerance"] = "bitwise"
    tolerance: Mapping[str, Sequence[float]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_product_type(self.output)
        plain(defaults(self.parameters), f"step {self.name}")
        if self.valid not in ("", "night", "cover"):
            duration_ns(self.valid)
        if (self.determinism == "tolerance") != bool(self.tolerance):
            raise ConfigurationError(
                f"The step '{self.name}' does not say how exactly it repeats itself.",
                expected="determinism='tolerance' and a tolerance, or neither",
                got=f"determinism={self.determinism!r}, tolerance={dict(self.tolerance)!r}",
            )
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
        return completed(self.parameters, given or {}, self.name)

    @cached_property
    def roles(self) -> Mapping[str, Input]:
        """What each role takes, declared in full."""
        return {role: Input.of(declared) for role, declared in self.inputs.items()}

    @cached_property
    def leader(self) -> str | None:
        """The role that leads: one run for each product in it; None where all take many, or there is none."""
        leading = (r for r, i in self.roles.items() if i.required and not (i.many or i.validity))
        return next(leading, None)

    def run(
        self,
        inputs: Mapping[str, Path | Sequence[Path]],
        output: Path,
        parameters: Parameters,
        provenance: Provenance,
        progress: Progress | None = None,
        effort: Mapping[str, int] | None = None,
    ) -> Summary:
        """Call the function and return its summary; ``progress`` and ``effort`` where it takes them.

        Raises
        ------
        PellucidError
            It wrote no output (``no-output``), or one that is not of its format, or not as an interface says
            that declares the product type (``wrong-output``); and whatever the function itself raises.
        ConfigurationError
            Its summary is none (``bad-summary``), or holds NaN or a like (``not-canonical``).
        """
        offered = {"progress": progress, "effort": effort}
        extra = {k: v for k, v in offered.items() if v is not None and k in self._keywords}
        own = {name: value for name, value in parameters.items() if name != FALLBACK}
        summary: object = self._callable(self._files(inputs), output, own, provenance, **extra)
        check_written(output, step=self.name, format=self.format, product_type=self.output)
        checked = plain(summary, f"summary of step {self.name}")
        if not isinstance(checked, dict):
            raise ConfigurationError(
                f"The step '{self.name}' returned no summary.",
                where=self.function,
                expected="a mapping, maybe an empty one",
                got=type(summary).__name__,
                mend="report this to the author of the step",
                code="bad-summary",
            )
        return checked

    def _files(self, inputs: Mapping[str, Path | Sequence[Path]]) -> dict[str, Path | tuple[Path, ...]]:
        files: dict[str, Path | tuple[Path, ...]] = {}
        for role, given in inputs.items():
            paths = (given,) if isinstance(given, Path) else tuple(given)
            files[role] = paths if self.roles[role].many else paths[0]
        return files

    @cached_property
    def _callable(self) -> Callable[..., Mapping[str, JSON]]:
        module, _, name = self.function.partition(":")
        function: Callable[..., Mapping[str, JSON]] = getattr(import_module(module), name)
        return function

    @property
    def _keywords(self) -> frozenset[str]:
        return frozenset(inspect.signature(self._callable).parameters)
