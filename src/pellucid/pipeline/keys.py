# SPDX-License-Identifier: BSD-3-Clause
"""Lineage keys of many tasks of one step: what they share is written once."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from pellucid.archive.lineage import JSON, canonical_json

__all__ = ["Keys"]


class Keys:
    """Makes the keys of a step's products, equal to `pellucid.archive.lineage.derived_key`.

    Parameters
    ----------
    step, version : str
        The step.
    parameters : mapping
        All of its parameters.
    code : str
        Identity of its code.
    """

    def __init__(self, step: str, version: str, parameters: Mapping[str, JSON], code: str) -> None:
        # canonical JSON sorts its keys: code, inputs, parameters, step, version
        self._before = f'{{"code":{canonical_json(code)},"inputs":{{'
        rest: dict[str, JSON] = {"parameters": parameters, "step": step, "version": version}
        self._after = "}," + canonical_json(rest)[1:]

    def key(self, contents: Mapping[str, Sequence[str]]) -> str:
        """Return the key for inputs, given as the sha256 of each role's products in order."""
        inputs = ",".join(
            f'{canonical_json(role)}:["' + '","'.join(contents[role]) + '"]' for role in sorted(contents)
        )
        return sha256(f"{self._before}{inputs}{self._after}".encode("ascii")).hexdigest()
