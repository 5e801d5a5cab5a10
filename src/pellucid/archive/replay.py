# SPDX-License-Identifier: BSD-3-Clause
"""Make a product again from its raw inputs, in a fresh process, and compare the bytes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pellucid import errors
from pellucid.archive.compare import Comparison, compare_files
from pellucid.archive.lineage import JSON, canonical_json
from pellucid.archive.product import Product
from pellucid.archive.provenance import Recipe
from pellucid.archive.replay_worker import PLAN, RESULT
from pellucid.archive.why import lineage_of
from pellucid.archive.workspace import Workspace
from pellucid.errors import CorruptedInput, MissingInput, PellucidError

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive

__all__ = [
    "Rebuilt",
    "ReplayReport",
    "judged",
    "replay",
    "restored",
    "run_plan",
    "run_worker",
    "write_plan",
]


@dataclass(frozen=True)
class Rebuilt:
    """One product made again on the way.

    Attributes
    ----------
    product, name : str
        Its id and file name.
    expected_sha256, got_sha256 : str
        Hash of the archived bytes and of the new ones.
    identical : bool
        Whether they are equal.
    code_changed : bool
        Whether the step or its code is not what made the archived bytes.
    """

    product: str
    name: str
    expected_sha256: str
    got_sha256: str
    identical: bool
    code_changed: bool


@dataclass(frozen=True)
class ReplayReport:
    """What came of making a product again.

    Attributes
    ----------
    product, name : str
        Its id and file name.
    identical : bool
        Whether the new bytes equal the archived ones.
    expected_sha256, got_sha256 : str
        Hashes of the archived and of the new bytes.
    agrees : bool
        Whether they are what the step promises: identical, or numbers within its tolerance.
    determinism : str
        What the step promises: ``bitwise`` or ``tolerance``.
    deviation : Comparison or None
        How the numbers differ, where the bytes do; None where the format holds none.
    code_changed : bool
        Whether any step on the way, or its code, is not what made the archived bytes.
    software_changed : mapping of str to tuple of str
        Packages whose version differs: (then, now); empty text where there was or is none.
    rebuilt : tuple of Rebuilt
        All products made on the way, in the order they were made.
    seconds : float
        Time it took, the start of the fresh process included.
    """

    product: str
    name: str
    identical: bool
    agrees: bool
    expected_sha256: str
    got_sha256: str
    determinism: str
    deviation: Comparison | None
    code_changed: bool
    software_changed: Mapping[str, tuple[str, str]]
    rebuilt: tuple[Rebuilt, ...]
    seconds: float

    def as_dict(self) -> dict[str, JSON]:
        """Return the report as a JSON-ready mapping."""
        document = asdict(self)
        document["deviation"] = self.deviation.as_dict() if self.deviation is not None else None
        return document


def replay(workspace: Workspace, id: str) -> ReplayReport:
    """Make a product again from its raw inputs, in a fresh Python with another hash seed.

    Only the raw bytes and the recorded steps, parameters and provenance are used; products in between
    are made again too. The result is compared and thrown away; the archive does not change.

    Parameters
    ----------
    workspace : Workspace
        Where the product is.
    id : str
        Its id, or the only prefix that means it.

    Raises
    ------
    UsageError
        The product is raw (``raw-product``), or the prefix is ambiguous.
    MissingInput
        There is no such product, raw bytes are gone (``object-missing``), or a step is not installed
        (``unknown-step``).
    CorruptedInput
        Raw bytes are damaged (``damaged-object``).
    PellucidError
        What a step raises; a step of today cannot do what that of then did (``step-failed``); or the
        fresh process died (``worker-died``).
    """
    start = perf_counter()
    archive = workspace.archive
    lineage = lineage_of(archive, id)
    product = lineage.product
    recipe = Recipe.of(product, archive.get)
    with archive.store.staging() as folder:
        products = [node.product for node in lineage.walk()]
        given, made = [p for p in products if p.kind == "raw"], [p for p in products if p.kind != "raw"]
        result = run_plan(archive, given, made, folder)
        for item in result["rebuilt"]:
            if "error" in item:
                raise restored(**item["error"])
        deviation, agrees = judged(archive, product, result["rebuilt"][-1])
    rebuilt = tuple(
        Rebuilt(**{name: item[name] for name in Rebuilt.__dataclass_fields__}) for item in result["rebuilt"]
    )
    return ReplayReport(
        product=product.id,
        name=product.name,
        identical=rebuilt[-1].identical,
        agrees=agrees,
        expected_sha256=product.sha256,
        got_sha256=rebuilt[-1].got_sha256,
        determinism=product.determinism or "",
        deviation=deviation,
        code_changed=any(item.code_changed for item in rebuilt),
        software_changed=_differences(recipe.software, result["software"]),
        rebuilt=rebuilt,
        seconds=perf_counter() - start,
    )


def judged(archive: "Archive", product: Product, item: Mapping[str, Any]) -> tuple[Comparison | None, bool]:
    """Compare what a fresh process made with what is archived.

    Parameters
    ----------
    archive : Archive
        Where the product is.
    product : Product
        What was made again.
    item : mapping
        What `run_plan` returned for it.

    Returns
    -------
    tuple of Comparison or None, and bool
        How the numbers differ, where the bytes do and the archived ones can be read; whether that is what
        the step promises.
    """
    if item["identical"]:
        return None, True
    try:
        comparison = compare_files(archive.path(product), Path(item["file"]), item["tolerance"])
    except (CorruptedInput, MissingInput):  # no format with numbers, or nothing left to compare with
        return None, False
    return comparison, product.determinism == "tolerance" and comparison.within


def run_plan(
    archive: "Archive", given: Sequence[Product], made: Sequence[Product], folder: Path
) -> dict[str, Any]:
    """Make products again in a fresh process.

    Parameters
    ----------
    archive : Archive
        Where they are; it does not change.
    given : sequence of Product
        Whose bytes are taken from the store, and checked.
    made : sequence of Product
        What to make, inputs before what is made of them.
    folder : Path
        Where the new files are left.

    Returns
    -------
    dict
        ``rebuilt``: for each that could be tried its ``product`` and ``name``, and either ``file``,
        ``expected_sha256``, ``got_sha256``, ``identical``, ``tolerance`` and ``code_changed``, or an
        ``error``; ``software``: the versions of today.

    Raises
    ------
    MissingInput, CorruptedInput
        Bytes that are given are gone or damaged.
    PellucidError
        The process died (``worker-died``).
    """
    write_plan(archive, given, made, folder)
    return run_worker(folder)


def write_plan(archive: "Archive", given: Sequence[Product], made: Sequence[Product], folder: Path) -> None:
    """Write down for a fresh process what it is to make; parameters and errors as `run_plan`."""
    files: dict[str, JSON] = {
        p.id: {"path": str(archive.path(p).resolve()), "sha256": p.sha256, "name": p.name} for p in given
    }
    steps: list[JSON] = [_planned(archive, product) for product in made]
    cache = str(archive.cache.resolve() / "sources.json") if archive.cache else None
    (folder / PLAN).write_text(canonical_json({"given": files, "steps": steps, "cache": cache}))


def _planned(archive: "Archive", product: Product) -> dict[str, JSON]:
    recipe = Recipe.of(product, archive.get)
    inputs: dict[str, list[str]] = {}
    for reference in product.inputs:
        inputs.setdefault(reference.role, []).append(reference.product)
    return {
        "product": product.id,
        "name": product.name,
        "sha256": product.sha256,
        "code": recipe.code,
        "inputs": inputs,
        "provenance": recipe.provenance(),
    }


def run_worker(folder: Path) -> dict[str, Any]:
    """Carry out the plan in a folder in a fresh process; return and errors as `run_plan`."""
    environment = dict(os.environ)
    environment["PYTHONHASHSEED"] = "271828" if environment.get("PYTHONHASHSEED") != "271828" else "314159"
    # -P: a file in the current folder must not pass for a module
    command = [sys.executable, "-P", "-m", "pellucid.archive.replay_worker", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if not (folder / RESULT).is_file():
        raise PellucidError(
            "The process that made the product again died.",
            got=f"exit {done.returncode}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}",
            mend="check the memory and the disk, then repeat",
            code="worker-died",
        )
    result: dict[str, Any] = json.loads((folder / RESULT).read_text())
    if "error" in result:
        raise restored(**result["error"])
    return result


def restored(kind: str, **told: Any) -> PellucidError:
    """Return an error that the fresh process told, as it was raised there."""
    told.pop("exit_code")
    cls: type[PellucidError] = getattr(errors, kind, PellucidError)
    return cls(told.pop("what"), **told)


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    names = sorted(set(then) | set(now))
    return {n: (then.get(n, ""), now.get(n, "")) for n in names if then.get(n) != now.get(n)}
