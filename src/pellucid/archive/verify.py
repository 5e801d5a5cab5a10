# SPDX-License-Identifier: BSD-3-Clause
"""Whether the store still holds what the index says, to the last bit; and removing what nothing needs."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from pellucid.archive.engine import transaction
from pellucid.archive.files import Progress
from pellucid.archive.lineage import JSON, derived_key
from pellucid.archive.product import Product
from pellucid.archive.tables import PRODUCTS
from pellucid.errors import CorruptedInput, MissingInput

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive

__all__ = ["GRACE_SECONDS", "Garbage", "Problem", "Verification", "collect_garbage", "verify"]

GRACE_SECONDS = 3600.0
"""Objects younger than this may belong to a product that is about to be registered."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be.

    Attributes
    ----------
    kind : str
        ``damaged`` (other bytes than the name says), ``missing`` (no such object), ``code`` (a damaged
        record of a step's code, which no product needs), ``orphan`` (an object that is neither a
        product's nor such a record), ``stray`` (a file that is no object), ``altered`` (a record in the
        index that does not give its own identity).
    where : str
        The file, or the product's id.
    sha256 : str
        What the bytes should have; empty for stray files.
    products : tuple of str
        Ids of the products that have these bytes.
    what : str
        The problem as a sentence.
    """

    kind: str
    where: str
    sha256: str
    products: tuple[str, ...]
    what: str


@dataclass(frozen=True)
class Verification:
    """What came of comparing store and index.

    Attributes
    ----------
    products, objects, size : int
        How many products and objects were looked at, and how many bytes were read.
    problems : tuple of Problem
        What is not as it should be, ordered by kind and place.
    """

    products: int
    objects: int
    size: int
    problems: tuple[Problem, ...]

    @property
    def is_whole(self) -> bool:
        """Whether every product has its bytes; orphans and stray files take nothing from it."""
        return not any(p.products for p in self.problems)

    def as_dict(self) -> dict[str, JSON]:
        """Return the report as a JSON-ready mapping."""
        return {**asdict(self), "whole": self.is_whole}


def verify(archive: "Archive", *, progress: Progress | None = None) -> Verification:
    """Read every object again and compare it with its name, and the store with the index.

    Parameters
    ----------
    archive : Archive
        What to check; it is not changed.
    progress : callable, optional
        Called with (bytes done, bytes in all, "B").

    Raises
    ------
    IntermittentError
        An object cannot be read (``read-failed``), or the index is out of reach.
    """
    # the index is read last: what is registered meanwhile has its object already
    files = {found.sha256: found.size for found in archive.store.objects()}
    strays = [Problem("stray", place, "", (), "is no object") for place in archive.store.strays()]
    archive.catalogue.common.forget()
    products = archive.find()
    owners: dict[str, list[Product]] = defaultdict(list)
    for product in products:
        owners[product.sha256].append(product)
    contents = {p.id: p.sha256 for p in products}
    problems = [p for product in products if (p := _altered(product, contents))]
    codes = {product.code for product in products}
    total, done = sum(files.values()), 0
    for sha256, size in sorted(files.items()):
        problems += _checked(archive, sha256, owners.get(sha256, []), sha256 in codes)
        done += size
        if progress is not None:
            progress(done, total, "B")
    for sha256 in sorted(owners.keys() - files.keys()):
        if not archive.store.has(sha256, owners[sha256][0].size):
            place = str(archive.store.place(sha256))
            problems.append(Problem("missing", place, sha256, _ids(owners[sha256]), "is not there"))
    problems = sorted([*problems, *strays], key=lambda p: (_KINDS.index(p.kind), p.where))
    return Verification(len(products), len(files), total, tuple(problems))


_KINDS = ("damaged", "missing", "altered", "code", "orphan", "stray")


def _checked(archive: "Archive", sha256: str, owners: list[Product], is_code: bool) -> Iterator[Problem]:
    place = str(archive.store.place(sha256))
    kind = "code" if is_code and not owners else "damaged"
    try:
        got = archive.store.measure(sha256)
    except CorruptedInput as error:  # an empty file, a folder
        yield Problem(kind, place, sha256, _ids(owners), error.got)
        return
    except MissingInput:
        return  # removed meanwhile; if a product has it, that is told as missing by the next run
    if got.sha256 != sha256:
        what = f"its {got.size} bytes have sha256 {got.sha256}"
        yield Problem(kind, place, sha256, _ids(owners), what)
    elif not (owners or is_code):
        yield Problem("orphan", place, sha256, (), f"{got.size} bytes that no product has")


def _altered(product: Product, contents: Mapping[str, str]) -> Problem | None:
    if product.kind == "raw":
        key = product.sha256
    else:
        inputs: dict[str, list[str]] = defaultdict(list)
        for reference in product.inputs:
            inputs[reference.role].append(contents[reference.product])
        key = derived_key(
            product.step or "", product.step_version or "", product.parameters, product.code or "", inputs
        )
    if key == product.id:
        return None
    what = f"its record gives the identity {key[:12]}"
    return Problem("altered", product.id, product.sha256, (product.id,), what)


def _ids(products: list[Product]) -> tuple[str, ...]:
    return tuple(sorted(p.id for p in products))


@dataclass(frozen=True)
class Garbage:
    """Objects that no product has.

    Attributes
    ----------
    objects : mapping of str to int
        sha256 and size in bytes of what is, or would be, removed.
    spared : int
        How many more are too young to tell.
    removed : bool
        Whether they are removed.
    """

    objects: Mapping[str, int]
    spared: int
    removed: bool

    def as_dict(self) -> dict[str, JSON]:
        """Return the report as a JSON-ready mapping."""
        return {**asdict(self), "size": sum(self.objects.values())}


def collect_garbage(
    archive: "Archive", *, remove: bool, grace: float = GRACE_SECONDS, among: Collection[str] | None = None
) -> Garbage:
    """Find objects that no product has, and remove them where asked to.

    Such objects are left by jobs that were killed between settling the bytes and registering the product.
    While one is removed nothing can be registered, and none is removed that came within the time of grace.

    Parameters
    ----------
    archive : Archive
        What to clean.
    remove : bool
        Whether to remove them, or only to tell which they are.
    grace : float
        Age that an object needs, in s.
    among : collection of str, optional
        sha256 of what may be removed at all, such as what somebody was told before.

    Raises
    ------
    IntermittentError
        The disk is read-only, or the index is out of reach.
    """
    known = {name for product in archive.find() for name in (product.sha256, product.code)}
    candidates = [
        found
        for found in archive.store.objects()
        if found.sha256 not in known and (among is None or found.sha256 in among)
    ]
    old = {found.sha256: found.size for found in candidates if archive.store.age(found.sha256) >= grace}
    spared = len(candidates) - len(old)
    if not remove:
        return Garbage(old, spared, removed=False)
    gone: dict[str, int] = {}
    for sha256, size in sorted(old.items()):
        if _removed(archive, sha256, grace):
            gone[sha256] = size
    return Garbage(gone, spared, removed=True)


def _removed(archive: "Archive", sha256: str, grace: float) -> bool:
    with transaction(archive.catalogue.engine) as connection:
        # each half has an index of its own
        raw = PRODUCTS.c.id == sha256
        derived = (PRODUCTS.c.sha256 == sha256) & (PRODUCTS.c.sha256 != PRODUCTS.c.id)
        is_known = any(connection.scalar(select(PRODUCTS.c.row).where(c).limit(1)) for c in (raw, derived))
        if is_known or archive.store.age(sha256) < grace:
            return False
        archive.store.remove(sha256)
        return True
