# SPDX-License-Identifier: BSD-3-Clause
"""Products and what they were made of as an RO-Crate: a folder with the files and a description in JSON-LD.

RO-Crate 1.1 with the profile Process Run Crate: files carry their sha256, runs of steps are actions with
what they took and gave, packages are software applications.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.exports.history import History, began, generated
from pellucid.archive.files import Progress, storage_errors
from pellucid.archive.lineage import canonical_json
from pellucid.archive.output import new_folder
from pellucid.archive.product import Product
from pellucid.extras import extra_module

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive

__all__ = ["write_crate"]

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
LICENSE = "https://creativecommons.org/licenses/by-sa/4.0/"

_MEDIA_TYPES = {"fits": "application/fits", "json": "application/json", "csv": "text/csv"}
"""Registered ones; the others have no registered name, and are ``application/x-`` and the format."""


def write_crate(
    archive: "Archive",
    history: History,
    folder: Path,
    *,
    name: str,
    with_raw: bool = False,
    progress: Progress | None = None,
) -> list[str]:
    """Write a crate.

    Parameters
    ----------
    archive : Archive
        Where the bytes are.
    history : History
        The products that were asked for, with what they were made of.
    folder : Path
        Folder to make; it must not exist, or be empty.
    name : str
        Title of the crate.
    with_raw : bool
        Whether raw files are put in too; else they are named with their sha256 alone.
    progress : callable, optional
        Called with (files done, files in all, "files").

    Returns
    -------
    list of str
        Paths of the files in the crate.

    Raises
    ------
    ConfigurationError
        The package ``rocrate`` is not installed (``package-missing``).
    OutputExists, UsageError
        The folder holds something; the folder it is to be in is missing.
    MissingInput, CorruptedInput
        Bytes are gone or damaged.
    """
    rocrate = extra_module("rocrate.rocrate", "exports", "Export as RO-Crate")
    models = extra_module("rocrate.model", "exports", "Export as RO-Crate")
    new_folder(folder)
    crate = rocrate.ROCrate(version="1.1")
    crate.name = name
    crate.description = f"{len(history.wanted)} products with all that they were made of"
    crate.license = crate.add(
        models.ContextEntity(
            crate,
            LICENSE,
            properties={"@type": "CreativeWork", "name": "CC BY-SA 4.0", "identifier": LICENSE},
        )
    )
    # else it would be the moment of writing, and no two crates would be equal
    crate.datePublished = max(generated(product) for product in history.products)
    crate.root_dataset["conformsTo"] = crate.add(
        models.ContextEntity(
            crate, PROFILE, properties={"@type": "CreativeWork", "name": "Process Run Crate"}
        )
    )
    paths = _places(history, with_raw)
    entities: dict[str, Any] = {}
    for number, product in enumerate(history.products):
        entities[product.id] = _add_product(archive, crate, product, paths.get(product.id), folder)
        if progress is not None:
            progress(number + 1, len(history.products), "files")
    software = _add_software(crate, models, history)
    for product in history.derived:
        _add_action(crate, product, entities, software)
    with storage_errors(folder):
        crate.metadata.write(folder)
    return sorted(paths.values())


def _add_product(archive: "Archive", crate: Any, product: Product, path: str | None, folder: Path) -> Any:
    properties: dict[str, Any] = {
        "name": product.name,
        "sha256": product.sha256,
        "contentSize": str(product.size),
        "encodingFormat": _MEDIA_TYPES.get(product.format, f"application/x-{product.format}"),
        "additionalType": product.product_type,
        "identifier": product.id,
        "dateCreated": _iso(generated(product)),
    }
    if path is None:  # named, but not in the folder
        return crate.add_jsonld(
            {"@id": f"urn:sha256:{product.sha256}", "@type": "CreativeWork", **properties}
        )
    target = folder / path
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    archive.export(product, target)
    return crate.add_file(dest_path=path, properties=properties)


def _add_software(crate: Any, models: Any, history: History) -> dict[tuple[str, str], Any]:
    return {
        (name, version): crate.add(
            models.SoftwareApplication(
                crate,
                _package_url(name, version),
                properties={"name": name, "softwareVersion": version},
            )
        )
        for name, version in history.software
    }


def _add_action(
    crate: Any, product: Product, entities: dict[str, Any], software: dict[tuple[str, str], Any]
) -> None:
    values = [
        crate.add_jsonld(
            {
                "@id": f"#{product.short_id}-{name}",
                "@type": "PropertyValue",
                "name": name,
                "value": canonical_json(value),
            }
        )
        for name, value in sorted(product.parameters.items())
    ]
    instruments = [software[item] for item in sorted(product.software.items())]
    action = crate.add_action(
        instruments,
        f"#run-{product.id}",
        object=[*(entities[i.product] for i in product.inputs), *values],
        result=entities[product.id],
        properties={
            "@type": "CreateAction",
            "name": f"{product.step} {product.step_version}",
            "description": f"code {product.code}",
            **({"startTime": _iso(start)} if (start := began(product)) else {}),
            "endTime": _iso(generated(product)),
        },
    )
    crate.root_dataset.append_to("mentions", action)


def _package_url(name: str, version: str) -> str:
    """Return the identifier of a package in the form that package managers share (purl)."""
    return f"pkg:{'generic' if name == 'python' else 'pypi'}/{name}@{version}"


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _places(history: History, with_raw: bool) -> dict[str, str]:
    """Return where each product's file is in the crate; the id tells files of one name apart."""
    chosen = [p for p in history.products if with_raw or p.kind != "raw"]
    return {p.id: f"{p.product_type}/{p.short_id}/{p.name}" for p in chosen}
