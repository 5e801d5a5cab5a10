# SPDX-License-Identifier: BSD-3-Clause
"""Mend a store: what lineage can make again is made again, byte for byte, and put in its place."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.archive.code_record import restore_code
from pellucid.archive.files import Progress
from pellucid.archive.lineage import JSON
from pellucid.archive.product import Product
from pellucid.archive.replay import restored, run_plan
from pellucid.archive.verify import Verification, verify

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive

__all__ = ["Mended", "repair"]


@dataclass(frozen=True)
class Mended:
    """What came of one product whose bytes were damaged or missing.

    Attributes
    ----------
    product, name : str
        Its id and file name; for the record of a step's code its fingerprint and what it is.
    mended : bool
        Whether its bytes are whole again.
    what : str
        How, or why not and what can be done.
    """

    product: str
    name: str
    mended: bool
    what: str

    def as_dict(self) -> dict[str, JSON]:
        """Return it as a JSON-ready mapping."""
        return asdict(self)


def repair(
    archive: "Archive", found: Verification | None = None, *, progress: Progress | None = None
) -> list[Mended]:
    """Make damaged and missing bytes again, in a fresh process, from what is whole.

    An object is replaced only by bytes with its own hash; until then it stays as it is.

    Parameters
    ----------
    archive : Archive
        What to mend.
    found : Verification, optional
        What `verify` found just now; without it everything is read first.
    progress : callable, optional
        As for `verify`.

    Returns
    -------
    list of Mended
        Every product with damaged or missing bytes: derived ones that could be made again, and the others
        with the reason why not. Raw products cannot be made; ingest their files again.
    """
    found = found or verify(archive, progress=progress)
    bad_ids = {id for p in found.problems if p.kind in ("damaged", "missing") for id in p.products}
    bad = sorted((archive.get(id) for id in bad_ids), key=lambda p: (p.created_ns, p.id))
    told = [_raw(p) for p in bad if p.kind == "raw"]
    lost = {p.id for p in bad if p.kind == "raw"}
    altered = {id for p in found.problems if p.kind == "altered" for id in p.products}
    makeable: list[Product] = []
    for product in _inputs_first([p for p in bad if p.kind != "raw"]):
        if product.id in altered:
            lost.add(product.id)
            told.append(_unmended(product, "its record in the index was altered: restore it from a backup"))
        elif gone := [i.product for i in product.inputs if i.product in lost]:
            lost.add(product.id)
            told.append(_unmended(product, f"its input {gone[0][:12]} is damaged and cannot be made again"))
        else:
            makeable.append(product)
    return [*told, *_made_again(archive, makeable), *_codes(archive, found)]


def _codes(archive: "Archive", found: Verification) -> list[Mended]:
    """Mend records of code: no product depends on them, so damaged ones that cannot be made again go."""
    told = []
    for problem in found.problems:
        if problem.kind == "code":
            is_whole = restore_code(archive, problem.sha256)
            what = "made again from the code of today" if is_whole else "removed: no step has this code now"
            told.append(Mended(problem.sha256, f"record of code {problem.sha256[:12]}", True, what))
    return told


def _made_again(archive: "Archive", products: Sequence[Product]) -> list[Mended]:
    if not products:
        return []
    ours = {p.id for p in products}
    given = {i.product: archive.get(i.product) for p in products for i in p.inputs if i.product not in ours}
    with archive.store.staging() as folder:
        result = run_plan(archive, list(given.values()), products, folder)
        made = {item["product"]: item for item in result["rebuilt"]}
        told = []
        for product in products:
            item = made.get(product.id)
            if item is None:
                told.append(_unmended(product, "what it is made of could not be made again"))
            elif "error" in item:
                told.append(_unmended(product, str(restored(**item["error"]))))
            elif not item["identical"]:
                code = ", the code of its step has changed since" if item["code_changed"] else ""
                told.append(_unmended(product, f"it came out different{code}"))
            else:
                archive.store.adopt(Path(item["file"]))
                told.append(Mended(product.id, product.name, True, "made again, byte for byte"))
    return told


def _inputs_first(products: Sequence[Product]) -> list[Product]:
    """Order products so that each comes after those it was made of."""
    by_id = {p.id: p for p in products}
    ordered: dict[str, Product] = {}

    def visit(product: Product) -> None:
        for reference in product.inputs:
            if reference.product in by_id and reference.product not in ordered:
                visit(by_id[reference.product])
        ordered[product.id] = product

    for product in products:
        if product.id not in ordered:
            visit(product)
    return list(ordered.values())


def _raw(product: Product) -> Mended:
    return _unmended(product, f"it came from outside: ingest the original file '{product.name}' again")


def _unmended(product: Product, why: str) -> Mended:
    return Mended(product.id, product.name, False, why)
