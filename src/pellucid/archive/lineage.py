# SPDX-License-Identifier: BSD-3-Clause
"""Lineage keys: what a product is made of, as one hash that is the same in every process.

A raw product's key is the hash of its bytes. A derived product's key is the hash of canonical JSON
that names the step, its version, its parameters, its code and the bytes of its inputs. Since bytes count
and not the way they came to be, what is made of a product need not be made again when that product is
made anew, say by other code, and comes out equal.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from math import isfinite

from pellucid.errors import ConfigurationError

__all__ = ["JSON", "canonical_json", "canonical_json_many", "derived_key", "is_key", "plain", "raw_key"]

_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode

_DIVIDER = "\x1e"
_divided = json.JSONEncoder(
    sort_keys=True, separators=(_DIVIDER, ":"), ensure_ascii=True, allow_nan=False
).encode

_PLAIN = frozenset({bool, int, str, type(None)})
_FLAT = _PLAIN | {float}

type JSON = bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None


def canonical_json(value: JSON) -> str:
    """Write a value as JSON in exactly one way.

    Keys are sorted by code point, nothing is padded, text is ASCII with escapes, floats have their
    shortest form that reads back equal (so 1 and 1.0 differ), tuples are lists.

    Parameters
    ----------
    value : JSON
        None, bool, int, finite float, str, and lists, tuples and string-keyed mappings of these.

    Raises
    ------
    ConfigurationError
        Anything else: sets, bytes, NaN, infinities, other keys, unknown types; the path to it is told.
    """
    if type(value) is dict and all(type(k) is str and type(v) in _PLAIN for k, v in value.items()):
        return _encoded(value)  # nothing in it needs to be looked at again
    return _encoded(plain(value))


def canonical_json_many(values: Sequence[Mapping[str, JSON]]) -> list[str]:
    """Return `canonical_json` of many mappings; one call of the encoder takes a tenth of the time of many."""
    if not _are_flat(values):
        return [canonical_json(v) for v in values]
    try:
        text = _divided(values)
    except ValueError:  # NaN or an infinity, which is told by name
        return [canonical_json(v) for v in values]
    # nothing is nested, and texts hold no control characters: the divider stands between items alone
    return [f"{{{item.replace(_DIVIDER, ',')}}}" for item in text[2:-2].split(f"}}{_DIVIDER}{{")]


def plain(value: object, where: str = "$") -> "JSON":
    """Copy a value into plain JSON types (dict, list, str, int, float, bool, None) or refuse it.

    Subclasses, such as enumerations of strings or numpy's float64, become their base type.

    Parameters
    ----------
    value : object
        What `canonical_json` takes.
    where : str
        Path of the value, for the error.

    Raises
    ------
    ConfigurationError
        The value, or one inside it, has no canonical form.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise _refused(where, f"the float {float(value)!r}")
        return float(value)
    if isinstance(value, Mapping):
        return _plain_mapping(value, where)
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise _refused(where, f"a value of type {type(value).__module__}.{type(value).__qualname__}")


def raw_key(content_sha256: str) -> str:
    """Return the key of a raw product: the sha256 of its bytes, 64 hexadecimal digits."""
    if not is_key(content_sha256):
        raise ValueError(f"not a sha256 in 64 lower-case hexadecimal digits: {content_sha256!r}")
    return content_sha256


def derived_key(
    step: str,
    version: str,
    parameters: Mapping[str, JSON],
    code: str,
    inputs: Mapping[str, Sequence[str]],
) -> str:
    """Return the key of a derived product.

    key = sha256(canonical JSON of {step, version, parameters, code, inputs})

    Parameters
    ----------
    step, version : str
        The step that makes the product.
    parameters : mapping
        All parameters of the step, defaults filled in.
    code : str
        Fingerprint of the step's code, see `pellucid.archive.fingerprint`.
    inputs : mapping of str to sequence of str
        sha256 of the inputs of each role; the order within a role counts, the order of roles does not.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    for role, keys in inputs.items():
        if isinstance(keys, str) or not all(is_key(k) for k in keys):
            raise ValueError(f"inputs of role {role!r} are not a sequence of full hashes: {keys!r}")
    document: dict[str, JSON] = {
        "step": step,
        "version": version,
        "parameters": parameters,
        "code": code,
        "inputs": {role: list(keys) for role, keys in inputs.items()},
    }
    return sha256(canonical_json(document).encode("ascii")).hexdigest()


def is_key(text: str) -> bool:
    """Return whether a text is a full key: 64 lower-case hexadecimal digits."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def _are_flat(values: Sequence[Mapping[str, JSON]]) -> bool:
    return (
        {*map(type, values)} == {dict}
        and {type(key) for value in values for key in value} <= {str}
        and {type(item) for value in values for item in value.values()} <= _FLAT
    )


def _plain_mapping(value: Mapping[object, object], where: str) -> dict[str, JSON]:
    copy: dict[str, JSON] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise _refused(where, f"the key {key!r}, which is not a string")
        copy[str.__str__(key)] = plain(item, f"{where}.{key}")
    return copy


def _refused(where: str, got: str) -> ConfigurationError:
    return ConfigurationError(
        "A value cannot be part of a product's identity: it has no single canonical form.",
        where=where,
        expected="null, bool, int, finite float, text, lists, and mappings with text as keys",
        got=got,
        mend="turn it into one of these (a sorted list for a set, float(x) for a numpy number)",
        code="not-canonical",
    )
