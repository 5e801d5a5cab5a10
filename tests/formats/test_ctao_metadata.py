# SPDX-License-Identifier: BSD-3-Clause
"""The metadata document against CTAO's own model: valid, and the same when the model writes it."""

import json

import pytest

from pellucid.formats.ctao_metadata import METADATA_VERSION, Contact, canonical_json, derived_id
from support.ctao import observed


def document(simulated: bool = True, lineage="a" * 64):
    kind = "ObservationSim" if simulated else "Observation"
    return observed(f"DL1/Event/Subarray/{kind}", simulated=simulated, lineage=lineage)


@pytest.mark.parametrize("simulated", [True, False])
def test_the_model_accepts_it_and_writes_the_same(simulated):
    from ctao_datamodel.models.dataproducts import Product

    ours = document(simulated)
    theirs = Product.model_validate_json(canonical_json(ours))
    assert json.loads(theirs.model_dump_json(exclude_none=True)) == ours


def test_the_default_contact_is_accepted():
    from ctao_datamodel.models import dataproducts

    anyone = Contact()
    dataproducts.Contact(name=anyone.name, organization=anyone.organization, email=anyone.email)


def test_version_is_that_of_the_installed_model():
    from ctao_datamodel.models.dataproducts.reference import PRODUCT_MODEL_VERSION

    assert METADATA_VERSION == PRODUCT_MODEL_VERSION


def test_identifiers_follow_from_the_lineage_alone():
    assert document()["instance"] == document()["instance"]
    assert document(lineage="a" * 64)["instance"] != document(lineage="b" * 64)["instance"]
    assert derived_id("product", {"a": 1, "b": 2}) == derived_id("product", {"b": 2, "a": 1})
    assert derived_id("product", "x") != derived_id("activity", "x")


def test_a_nan_has_no_place_in_json():
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})
