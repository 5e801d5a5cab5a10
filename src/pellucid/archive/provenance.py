# SPDX-License-Identifier: BSD-3-Clause
"""How a derived product is made, and the record of it that goes inside its bytes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

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
        Versions of all packages that shape numbers and files; those that the step's code reaches are part
        of the fingerprint.
    inputs : mapping of str to sequence of Product
        The products of each role, in order.
    """

    step: str
    version: str
    parameters: Mapping[str, JSON] = field(hash=False)
    code: str
    software: Mapping[str, str] = field(hash=False)
    inputs: Mapping[str, Sequence[Product]] = field(hash=False)

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
        inputs: dict[str, list[Product]] = {}
        for reference in product.inputs:  # which are ordered by role and position
            inputs.setdefault(reference.role, []).append(get(reference.product))
        return cls(
            step=product.step,
            version=product.step_version,
            parameters=product.parameters,
            code=product.code,
            software=product.software,
            inputs=inputs,
        )

    @cached_property
    def key(self) -> str:
        """Lineage key of the product."""
        contents = {role: [p.sha256 for p in products] for role, products in self.inputs.items()}
        return derived_key(self.step, self.version, self.parameters, self.code, contents)

    def provenance(self) -> dict[str, JSON]:
        """Return the record that goes inside the product: what determines its bytes, and nothing else.

        No clock, path or host is in it. Code, software and file names are in the index alone, so that
        other code which comes to the same result leaves the same bytes.
        """
        return {
            "step": self.step,
            "version": self.version,
            "parameters": plain(self.parameters),
            "inputs": [
                {"role": role, "sha256": product.sha256, "product_type": product.product_type}
                for role, products in sorted(self.inputs.items())
                for product in products
            ],
        }
