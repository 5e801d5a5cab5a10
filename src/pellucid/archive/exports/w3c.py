# SPDX-License-Identifier: BSD-3-Clause
"""Lineage as W3C PROV: products are entities, runs of steps activities, packages software agents.

The terms are those of PROV-DM (W3C Recommendation, 30 April 2013); what it has no word for has the prefix
``pellucid``. A run of a step carries the name of the product it made, as it made that one alone.
"""

from typing import TYPE_CHECKING, Any

from pellucid.archive.exports.history import History, began, generated
from pellucid.archive.lineage import canonical_json
from pellucid.archive.product import Product
from pellucid.extras import extra_module

if TYPE_CHECKING:
    from prov.model import ProvDocument

__all__ = ["NAMESPACES", "prov_document", "prov_text"]

NAMESPACES = {
    "pellucid": "urn:pellucid:term:",
    "product": "urn:pellucid:product:",
    "run": "urn:pellucid:run:",
    "step": "urn:pellucid:step:",
    "package": "urn:pellucid:package:",
}


def prov_document(history: History) -> "ProvDocument":
    """Return a history as a PROV document.

    Parameters
    ----------
    history : History
        See `pellucid.archive.exports.history.history_of`.

    Raises
    ------
    ConfigurationError
        The package ``prov`` is not installed (``package-missing``).
    """
    document = extra_module("prov.model", "exports", "Export as W3C PROV").ProvDocument()
    for prefix, uri in NAMESPACES.items():
        document.add_namespace(prefix, uri)
    for package, version in history.software:
        label = {"prov:label": f"{package} {version}", "pellucid:version": version}
        document.agent(_package(package, version), {"prov:type": "prov:SoftwareAgent", **label})
    for plan, attributes in sorted({_plan(p): _step_attributes(p) for p in history.derived}.items()):
        document.entity(plan, {"prov:type": "prov:Plan", **attributes})
    for product in history.products:
        document.entity(f"product:{product.id}", _product_attributes(product))
    for product in history.derived:
        _add_run(document, product)
    return document


def prov_text(history: History, format: str) -> str:
    """Return a history as text of PROV: ``json``, ``xml`` or ``provn``."""
    document = prov_document(history)
    return str(document.get_provn() if format == "provn" else document.serialize(format=format, indent=2))


def _add_run(document: "ProvDocument", product: Product) -> None:
    run, entity = f"run:{product.id}", f"product:{product.id}"
    attributes = {
        "prov:label": f"{product.step} {product.step_version}",
        "pellucid:parameters": canonical_json(product.parameters),
        "pellucid:determinism": product.determinism or "",
    }
    document.activity(run, began(product), generated(product), other_attributes=attributes)
    document.wasGeneratedBy(entity, run, generated(product))
    for reference in product.inputs:
        role = {"prov:role": reference.role, "pellucid:position": reference.position}
        document.used(run, f"product:{reference.product}", other_attributes=role)
        document.wasDerivedFrom(entity, f"product:{reference.product}", run)
    for package, version in sorted(product.software.items()):
        document.wasAssociatedWith(run, _package(package, version), _plan(product))


def _product_attributes(product: Product) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "prov:label": product.name,
        "pellucid:type": product.product_type,
        "pellucid:kind": product.kind,
        "pellucid:sha256": product.sha256,
        "pellucid:size": product.size,
        "pellucid:format": product.format,
        "pellucid:collection": product.collection,
    }
    given = {
        "pellucid:observation": product.obs_id,
        "pellucid:device": product.device,
        "pellucid:category": product.category,
        "pellucid:start": product.time_start,
        "pellucid:stop": product.time_stop,
    }
    return attributes | {name: value for name, value in given.items() if value is not None}


def _step_attributes(product: Product) -> dict[str, Any]:
    return {
        "prov:label": f"{product.step} {product.step_version}",
        "pellucid:version": product.step_version or "",
        "pellucid:code": product.code or "",
    }


def _plan(product: Product) -> str:
    # a plan is a step with its code: other code is another plan
    return f"step:{product.step}-{product.step_version}-{(product.code or '')[:16]}"


def _package(name: str, version: str) -> str:
    return f"package:{name}-{version}"
