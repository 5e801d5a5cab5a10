# SPDX-License-Identifier: BSD-3-Clause
"""All that the archive knows of a product, as one identifier within CTAO's metadata.

CTAO's model has no place for a checksum, a size, a lineage key, the parameters of a step, or a type such as
ARCADE's, and forbids fields that it does not know. It asks for an identifier of the configuration that leads
to it in full, best a URI: a ``data:`` URI holds it itself, survives JSON and FITS alike, and leads back.
"""

import json
from collections.abc import Mapping
from urllib.parse import quote, unquote

from pellucid.archive.lineage import JSON, canonical_json
from pellucid.archive.product import Product
from pellucid.errors import CorruptedInput, PellucidError

__all__ = ["record_uri", "recorded_product"]

_PREFIX = "data:application/vnd.pellucid.product+json,"


def record_uri(product: Product) -> str:
    """Return a URI that holds all that is known of a product (RFC 2397)."""
    return _PREFIX + quote(canonical_json(product.as_dict()), safe=":,")


def recorded_product(document: Mapping[str, JSON], where: str = "") -> Product | None:
    """Return the product of which CTAO metadata hold the record.

    Parameters
    ----------
    document : mapping
        CTAO metadata, as `pellucid.interfaces.ctao.checked` returns them.
    where : str
        For errors.

    Returns
    -------
    Product or None
        None where the metadata are not of an archive of ours.

    Raises
    ------
    CorruptedInput
        The record is damaged (``damaged-record``).
    """
    activity = document.get("activity")
    uri = activity.get("configuration_id") if isinstance(activity, Mapping) else None
    if not isinstance(uri, str) or not uri.startswith(_PREFIX):
        return None
    try:
        return Product.from_dict(json.loads(unquote(uri.removeprefix(_PREFIX), errors="strict")))
    except (ValueError, TypeError, KeyError, AttributeError, PellucidError) as error:
        raise CorruptedInput(
            "The record of a product within its metadata is damaged.",
            where=f"{where}: activity.configuration_id" if where else "activity.configuration_id",
            expected="the record as it was exported",
            got=f"{type(error).__name__}: {error}".splitlines()[0],
            mend="export the metadata again",
            code="damaged-record",
        ) from error
