# SPDX-License-Identifier: BSD-3-Clause
"""Metadata of a product in CTAO's data-products model (ctao-datamodel), as a plain JSON document.

The document is built by hand because importing the model takes 1.2 s of CPU, more than processing a small
file; the tests validate it with the model and compare what the model writes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from pellucid.instrument import ReferenceLocation

__all__ = ["JSON", "METADATA_VERSION", "Contact", "canonical_json", "derived_id", "product_metadata"]

type JSON = bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None

METADATA_VERSION = "2.1.0"

# namespace of the identifiers derived from lineages; any fixed value does, it must only never change
_NAMESPACE = UUID("6f1d3a52-7c0e-5b1c-9e44-70656c6c7563")


@dataclass(frozen=True)
class Contact:
    """Whom to ask about a product: name, organization and e-mail address."""

    name: str = "unknown"
    organization: str = "unknown"
    email: str = "unknown@example.org"


def canonical_json(document: JSON) -> str:
    """Return a document as JSON with sorted keys and without spaces; NaN and infinities are refused."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def derived_id(kind: str, lineage: JSON) -> str:
    """Return an identifier (UUID, version 5) that follows from the kind of thing and its lineage alone."""
    return str(uuid5(_NAMESPACE, f"{kind}:{canonical_json(lineage)}"))


def product_metadata(
    product_type: str,
    *,
    description: str,
    lineage: JSON,
    model: tuple[str, str],
    software: tuple[str, str],
    activity: str,
    first: str,
    last: str,
    obs_id: int,
    sb_id: int,
    simulated: bool,
    location: ReferenceLocation,
    contact: Contact,
) -> dict[str, JSON]:
    """Return the metadata of a product that was processed from an observation.

    Parameters
    ----------
    product_type : str
        level/division/association/type, e.g. ``DL1/Event/Subarray/AirShower``.
    description : str
        For people.
    lineage : JSON
        All that determines the product; its identifiers follow from it.
    model, software : tuple of str
        Name and version of the data model and of the program.
    activity : str
        What was done, e.g. ``pellucid process``.
    first, last : str
        Time of the first and the last event, UTC in ISO 8601.
    obs_id, sb_id : int
        Observation and scheduling block.
    simulated : bool
        Whether the observation was simulated.
    location : ReferenceLocation
        Where the array stands.
    contact : Contact
        Whom to ask.
    """
    level, division, association, kind = product_type.split("/")
    first, last = _nanoseconds(first), _nanoseconds(last)
    return {
        "ctao_metadata_version": METADATA_VERSION,
        "description": description,
        "data": {"level": level, "division": division, "association": association, "type": kind},
        "instance": {
            "id": derived_id("product", lineage),
            "obs_id": obs_id,
            "facility_name": "Simulated-CTAO" if simulated else "CTAO",
        },
        "curation": {
            "license": "CC-BY-SA-4.0",
            "license_url": "https://creativecommons.org/licenses/by-sa/4.0/",
        },
        "model": {"name": model[0], "version": model[1]},
        # of the data: the same input gives the same bytes, whenever it is processed
        "creation_time": last,
        "contact": {"name": contact.name, "organization": contact.organization, "email": contact.email},
        "activity": {
            "process": "data_processing",
            "name": activity,
            "id": derived_id("activity", lineage),
            "start": first,
            "end": last,
            "software": {"name": software[0], "version": software[1]},
            "configuration_id": derived_id("lineage", lineage),
        },
        "observation": {
            "coverage": {"time": {"t_min": first, "t_max": last}},
            "location": {
                "longitude": {"value": location.longitude, "unit": "deg"},
                "latitude": {"value": location.latitude, "unit": "deg"},
                "height": {"value": location.height, "unit": "m"},
            },
        },
        "acquisition": {"sb_id": sb_id},
    }


def _nanoseconds(time: str) -> str:
    """Return an ISO time as the model writes it: without the Z, to the nanosecond."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}"
