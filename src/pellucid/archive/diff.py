# SPDX-License-Identifier: BSD-3-Clause
"""What differs between two products: what they were made of, by what, and the numbers that came out."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pellucid.archive.code_record import recorded_code
from pellucid.archive.compare import Comparison, compare_files
from pellucid.archive.lineage import JSON
from pellucid.archive.product import Product
from pellucid.archive.why import lineage_of
from pellucid.errors import CorruptedInput, MissingInput

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive

__all__ = ["CodeDifference", "Difference", "diff"]

type Pairs = Mapping[str, tuple[JSON, JSON]]
"""What differs by name: the first product's, the second's; None where one has none."""

_ATTRIBUTES = (
    "product_type",
    "format",
    "name",
    "size",
    "obs_id",
    "telescopes",
    "device",
    "category",
    "time_start",
    "time_stop",
    "step",
    "step_version",
    "determinism",
    "flags",
)


@dataclass(frozen=True)
class CodeDifference:
    """How the code of two products differs.

    Attributes
    ----------
    same : bool
        Whether it is the same.
    is_recorded : bool
        Whether it is known what the code of both was, so that the differences can be named.
    changed, first_only, second_only : tuple of str
        Functions, classes and constants ``module:name``, and files of data.
    """

    same: bool
    is_recorded: bool
    changed: tuple[str, ...] = ()
    first_only: tuple[str, ...] = ()
    second_only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """What differs between two products.

    Attributes
    ----------
    first, second : str
        Their ids.
    same_bytes : bool
        Whether their bytes are equal.
    attributes, parameters, software : mapping
        What differs, by name; parameters in groups have dots in their names.
    inputs : mapping
        Inputs whose bytes differ, by ``role[position]``: their ids.
    raw : mapping
        Raw files, by name, that one alone was made of in the end: which one, ``first`` or ``second``.
    code : CodeDifference
        How their code differs.
    numbers : Comparison or None
        How the numbers differ; None where bytes are equal or there is nothing to compare.
    remark : str
        Why there are no numbers, where bytes differ.
    """

    first: str
    second: str
    same_bytes: bool
    attributes: Pairs
    parameters: Pairs
    software: Pairs
    inputs: Pairs
    raw: Mapping[str, str]
    code: CodeDifference
    numbers: Comparison | None
    remark: str = ""

    def as_dict(self) -> dict[str, JSON]:
        """Return the difference as a JSON-ready mapping."""
        document = asdict(self)
        document["numbers"] = self.numbers.as_dict() if self.numbers is not None else None
        return document


def diff(archive: "Archive", first: str, second: str) -> Difference:
    """Compare two products.

    Parameters
    ----------
    archive : Archive
        Where they are.
    first, second : str
        Their ids, or the only prefixes that mean them.

    Raises
    ------
    MissingInput, UsageError
        As `Catalogue.get`.
    """
    a, b = archive.get(first), archive.get(second)
    numbers, remark = None, ""
    if a.sha256 != b.sha256:
        try:
            numbers = compare_files(archive.path(a), archive.path(b))
        except (CorruptedInput, MissingInput) as error:
            remark = error.what
    return Difference(
        first=a.id,
        second=b.id,
        same_bytes=a.sha256 == b.sha256,
        attributes=_pairs(*({n: p.as_dict()[n] for n in _ATTRIBUTES} for p in (a, b))),
        parameters=_pairs(*(dict(_flat(p.parameters)) for p in (a, b))),
        software=_pairs(a.software, b.software),
        inputs=_inputs(archive, a, b),
        raw=_raw(archive, a, b),
        code=_code(archive, a, b),
        numbers=numbers,
        remark=remark,
    )


def _pairs(a: Mapping[str, JSON], b: Mapping[str, JSON]) -> dict[str, tuple[JSON, JSON]]:
    names = sorted(a.keys() | b.keys())
    return {n: (a.get(n), b.get(n)) for n in names if a.get(n) != b.get(n)}


def _flat(parameters: Mapping[str, JSON], group: str = "") -> Iterator[tuple[str, JSON]]:
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{group}{name}.")
        else:
            yield f"{group}{name}", value


def _inputs(archive: "Archive", a: Product, b: Product) -> dict[str, tuple[JSON, JSON]]:
    ours, theirs = (
        {f"{i.role}[{i.position}]": archive.get(i.product) for i in product.inputs} for product in (a, b)
    )
    pairs = {place: (ours.get(place), theirs.get(place)) for place in sorted(ours.keys() | theirs.keys())}
    return {
        place: (x.id if x else None, y.id if y else None)
        for place, (x, y) in pairs.items()
        if x is None or y is None or x.sha256 != y.sha256
    }


def _raw(archive: "Archive", a: Product, b: Product) -> dict[str, str]:
    ours, theirs = (
        {n.product.id: n.product.name for n in lineage_of(archive, p.id).walk() if n.product.kind == "raw"}
        for p in (a, b)
    )
    alone = {ours[id]: "first" for id in ours.keys() - theirs.keys()}
    return dict(sorted((alone | {theirs[id]: "second" for id in theirs.keys() - ours.keys()}).items()))


def _code(archive: "Archive", a: Product, b: Product) -> CodeDifference:
    if a.code == b.code:
        return CodeDifference(same=True, is_recorded=True)
    ours, theirs = (recorded_code(archive, p.code) if p.code else None for p in (a, b))
    if ours is None or theirs is None:
        return CodeDifference(same=False, is_recorded=False)
    x, y = ({**identity.definitions, **identity.files} for identity in (ours, theirs))
    return CodeDifference(
        same=False,
        is_recorded=True,
        changed=tuple(sorted(n for n in x.keys() & y.keys() if x[n] != y[n])),
        first_only=tuple(sorted(x.keys() - y.keys())),
        second_only=tuple(sorted(y.keys() - x.keys())),
    )
