# SPDX-License-Identifier: BSD-3-Clause
"""A product of the archive as metadata in CTAO's data-products model, and what such metadata say of one.

What the model has a place for stands there; everything stands in the record too (see
`pellucid.interfaces.ctao.record`). What metadata of others say and the index has no column for is kept in the
product's summary under `KEPT`, and comes out again when its metadata are written.
"""

from collections.abc import Mapping
from typing import Any

from pellucid.archive.lineage import JSON, plain
from pellucid.archive.moments import moment_text, parse_moment
from pellucid.archive.product import Product
from pellucid.errors import ConfigurationError, CorruptedInput
from pellucid.formats.ctao_metadata import METADATA_VERSION, Contact, derived_id
from pellucid.interfaces.ctao.record import record_uri, recorded_product
from pellucid.interfaces.product_types import to_ctao

__all__ = ["KEPT", "ctao_metadata", "told"]

KEPT = "ctao"

type Tree = dict[str, Any]


def ctao_metadata(product: Product, contact: Contact | None = None) -> Tree:
    """Return the metadata of a product in CTAO's model (version 2.1.0), as a JSON document.

    Parameters
    ----------
    product : Product
        Registered in an archive.
    contact : Contact, optional
        Whom to ask about it.
    """
    kept = product.summary.get(KEPT)
    document = _merged(_unsaid(product), kept if isinstance(kept, Mapping) else {})
    if contact is not None:
        document = _merged(document, {"contact": _contact(contact)})
    return _merged(document, _said(product))


def told(document: Mapping[str, JSON], where: str = "") -> dict[str, Any]:
    """Return what metadata say of a product, as keywords of `pellucid.archive.archive.Archive.ingest`.

    Parameters
    ----------
    document : mapping
        CTAO metadata, as `pellucid.interfaces.ctao.checked` returns them.
    where : str
        For errors.

    Raises
    ------
    CorruptedInput
        The record in them contradicts them (``metadata-contradict``), or they tell a time that the archive
        cannot count (``ctao-metadata``).
    """
    if (record := recorded_product(document, where)) is not None:
        _check_agreement(document, record, where)
        return {name: getattr(record, name) for name in _ATTRIBUTES}
    rest = _merged({}, document)
    data, instance = rest.pop("data"), rest["instance"]
    rest.pop("ctao_metadata_version")
    curation, coverage = rest["curation"], rest.get("observation", {}).get("coverage", {})
    said: dict[str, Any] = {"product_type": "/".join(data[n] for n in _TYPE)}
    for attribute, name in (("obs_id", "obs_id"), ("category", "category")):
        said[attribute] = instance.pop(name, None)
    if (
        data["association"] == "Telescope"
        and instance.get("ae_class", "TEL") == "TEL"
        and "ae_id" in instance
    ):
        instance.pop("ae_class", None)
        said["telescopes"] = (instance.pop("ae_id"),)
    if "observing_night" in instance:
        said["night"] = int(instance.pop("observing_night").replace("-", ""))
    if "rights" in curation:
        said["rights"] = curation.pop("rights").upper()
    try:
        if "release_date" in curation:
            said["release_date"] = parse_moment(curation.pop("release_date"))
        if "time" in coverage:
            span = coverage.pop("time")
            said["time_start"] = parse_moment(span["t_min"])
            # what happened at one moment covers a nanosecond
            said["time_stop"] = max(parse_moment(span["t_max"]), said["time_start"] + 1)
    except ConfigurationError as error:
        raise CorruptedInput(
            error.what,
            where=where,
            expected=error.expected,
            got=error.got,
            mend="correct the metadata",
            code="ctao-metadata",
        ) from error
    said["summary"] = {KEPT: plain(_without_empty(rest))}
    return said


_TYPE = ("level", "division", "association", "type")
_ATTRIBUTES = (
    "product_type",
    "obs_id",
    "telescopes",
    "device",
    "category",
    "time_start",
    "time_stop",
    "flags",
    "summary",
    "night",
    "quality",
    "rights",
    "release_date",
)


def _said(product: Product) -> Tree:
    """Return what of a product the model has a place for."""
    product_type, _ = to_ctao(product.product_type)
    night = product.night
    (telescope,) = product.telescopes if len(product.telescopes) == 1 else (None,)
    span = None
    if product.time_start is not None and product.time_stop is not None:
        span = {"t_min": _utc(product.time_start), "t_max": _utc(product.time_stop)}
    inputs = [
        {"uri": f"urn:pellucid:product:{i.product}", "role": i.role, "id": derived_id("product", i.product)}
        for i in product.inputs
    ]
    document = {
        "ctao_metadata_version": METADATA_VERSION,
        "data": dict(zip(_TYPE, product_type.split("/"), strict=True)),
        "instance": {
            "obs_id": product.obs_id,
            "ae_id": telescope,
            "ae_class": None if telescope is None else "TEL",
            "category": product.category,
            "observing_night": None
            if night is None
            else f"{night // 10000}-{night // 100 % 100:02}-{night % 100:02}",
        },
        "curation": {
            "rights": product.rights and product.rights.lower(),
            "release_date": None if product.release_date is None else _utc(product.release_date),
            "release": None if product.kind == "raw" else product.collection,
        },
        "activity": {"configuration_id": record_uri(product), "inputs": inputs or None},
        "observation": {"coverage": {"time": span}},
    }
    return _without_empty(document)


def _unsaid(product: Product) -> Tree:
    """Return what the model asks for and nobody may have said."""
    simulated = product.product_type.startswith("SIM/") or product.product_type.endswith("Sim")
    created = _iso(product.created_ns)
    raw = product.kind == "raw"
    version = product.software.get("pellucid", "")
    return {
        "description": product.name,
        "instance": {
            "id": derived_id("product", product.id),
            "facility_name": "Simulated-CTAO" if simulated else "CTAO",
        },
        "curation": {
            "license": "CC-BY-SA-4.0",
            "license_url": "https://creativecommons.org/licenses/by-sa/4.0/",
        },
        "model": {"name": product.format, "version": "unspecified"},
        "creation_time": created,
        "contact": _contact(Contact()),
        "activity": _without_empty(
            {
                "process": "acquisition" if raw else "data_processing",
                "name": "ingest" if raw else product.step,
                "id": derived_id("activity", product.id),
                "start": created if product.started_ns is None else _iso(product.started_ns),
                "end": created,
                "software": {"name": "pellucid", "version": version} if version else None,
            }
        ),
    }


def _contact(contact: Contact) -> Tree:
    return {"name": contact.name, "organization": contact.organization, "email": contact.email}


def _check_agreement(document: Mapping[str, Any], record: Product, where: str) -> None:
    said = _said(record)
    if "inputs" not in document["activity"]:
        said["activity"].pop("inputs", None)  # FITS has no keywords for them
    expected = dict(_leaves(said))
    got = dict(_leaves(document))
    for path, value in expected.items():
        if got.get(path) != value:
            raise CorruptedInput(
                "Metadata contradict the record of the product that is in them.",
                where=f"{where}: {path}" if where else path,
                expected=f"{value}",
                got=f"{got.get(path, 'nothing')}",
                mend="export the metadata again; change nothing in them by hand",
                code="metadata-contradict",
            )


def _leaves(tree: Any, path: str = "") -> Any:
    items = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list) else None
    if items is None:
        yield path, tree
        return
    for name, value in items:
        yield from _leaves(value, f"{path}.{name}" if path else f"{name}")


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    """Return a new tree with the leaves of both, those of the second where they differ."""
    merged: Tree = {name: _merged({}, v) if isinstance(v, Mapping) else v for name, v in base.items()}
    for name, value in over.items():
        below = merged.get(name)
        if isinstance(value, Mapping):
            merged[name] = _merged(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged


def _without_empty(tree: Mapping[str, Any]) -> Tree:
    """Return a tree without what is None, and without the groups that are empty then."""
    kept: Tree = {}
    for name, value in tree.items():
        value = _without_empty(value) if isinstance(value, Mapping) else value
        if value is not None and value != {}:
            kept[name] = value
    return kept


def _utc(tai_ns: int) -> str:
    return moment_text(tai_ns, "ns").removesuffix("Z")


def _iso(unix_ns: int) -> str:
    from numpy import datetime64

    return str(datetime64(unix_ns, "ns"))
