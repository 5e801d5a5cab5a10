# SPDX-License-Identifier: BSD-3-Clause
"""How a derived product is made: everything its bytes may depend on, in the form that goes inside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pellucid.archive.lineage import JSON, derived_key, plain
from pellucid.archive.product import Product
from pellucid.errors import UsageError

__all__ = ["Recipe"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What makes one derived product.

    Attributes
    ----------
    step, version : str
        The step.
    parameters : mapping
        All of its parameters.
    code : str
        Fingerprint of its code.
    software : mapping of str to str
        Versions of the packages; recorded, but no part of the key.
    inputs : mapping of str to Product
        The product of each role.
    """

    step: str
    version: str
    parameters: Mapping[str, JSON] = field(hash=False)
    code: str
    software: Mapping[str, str] = field(hash=False)
    inputs: Mapping[str, Product] = field(hash=False)

    @classmethod
    def of(cls, product: Product, get: Callable[[str], Product]) -> "Recipe":
        """Return how an archived product was made.

        Parameters
        ----------
        product : Product
            A derived product.
        get : callable
            Gives the product with an id.

        Raises
        ------
        UsageError
            The product is raw, nothing made it (``raw-product``).
        """
        if product.step is None or product.step_version is None or product.code is None:
            raise UsageError(
                f"The product {product.short_id} ({product.name}) is raw: it came from outside.",
                expected="a product that a step has made",
                mend="choose a derived product: pellucid find",
                code="raw-product",
            )
        return cls(
            step=product.step,
            version=product.step_version,
            parameters=product.parameters,
            code=product.code,
            software=product.software,
            inputs={i.role: get(i.product) for i in product.inputs},
        )

    @property
    def key(self) -> str:
        """Lineage key of the product."""
        keys = {role: [product.id] for role, product in self.inputs.items()}
        return derived_key(self.step, self.version, self.parameters, self.code, keys)

    def provenance(self) -> dict[str, JSON]:
        """Return the record that goes inside the product: no clock, no path, no host in it."""
        return {
            "product": self.key,
            "step": self.step,
            "version": self.version,
            "parameters": plain(self.parameters),
            "code": self.code,
            "software": plain(self.software),
            "inputs": [
                {
                    "role": role,
                    "product": product.id,
                    "sha256": product.sha256,
                    "name": product.name,
                    "product_type": product.product_type,
                }
                for role, product in sorted(self.inputs.items())
            ],
        }
