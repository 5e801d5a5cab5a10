# SPDX-License-Identifier: BSD-3-Clause
"""Canonical JSON and lineage keys: one value, one text; any difference, another key; in any process."""

import json
import math
import os
import subprocess
import sys
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.archive import canonical_json, derived_key, raw_key
from pellucid.archive.lineage import canonical_json_many
from pellucid.errors import ConfigurationError

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
mappings = st.dictionaries(st.text(max_size=5), values, max_size=5)
keys = st.binary(min_size=32, max_size=32).map(bytes.hex)
recipes = st.fixed_dictionaries(
    {
        "step": st.text(max_size=6),
        "version": st.text(max_size=4),
        "parameters": mappings,
        "code": keys,
        "inputs": st.dictionaries(st.text(max_size=4), st.lists(keys, max_size=3), max_size=3),
    }
)


def shuffled(value: Any) -> Any:
    """The same value with its mappings filled in another order, and tuples for lists."""
    if isinstance(value, dict):
        return {k: shuffled(v) for k, v in reversed(value.items())}
    if isinstance(value, list):
        return tuple(shuffled(v) for v in value)
    return value


def same(a: Any, b: Any) -> bool:
    """Equal in value and type at every depth (1, 1.0 and True differ; 0.0 and -0.0 too)."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b)
    return bool(a == b)


@given(values)
def test_canonical_json_is_json_of_the_same_value(value: Any) -> None:
    text = canonical_json(value)
    assert text.isascii()
    assert same(json.loads(text), value)


@given(st.lists(mappings | st.dictionaries(st.text(), scalars), max_size=4))
def test_many_are_written_as_each_alone(many: list[dict[str, Any]]) -> None:
    assert canonical_json_many(many) == [canonical_json(one) for one in many]


@given(values)
def test_order_of_keys_does_not_count(value: Any) -> None:
    assert canonical_json(shuffled(value)) == canonical_json(value)


@given(values, values)
def test_texts_are_equal_only_for_equal_values(a: Any, b: Any) -> None:
    assert (canonical_json(a) == canonical_json(b)) == same(a, b)


def test_known_texts() -> None:
    value = {"b": 0.1, "a": [1, 1.0, -0.0, 1e300, True, None], "ü\ud800": "\n"}
    assert canonical_json(value) == r'{"a":[1,1.0,-0.0,1e+300,true,null],"b":0.1,"\u00fc\ud800":"\n"}'


def test_subclasses_count_as_their_base() -> None:
    class Colour(StrEnum):
        RED = "red"

    class Code(IntEnum):
        ONE = 1

    value = {"a": Colour.RED, Colour.RED: Code.ONE, "x": np.float64(0.1)}
    assert canonical_json(value) == '{"a":"red","red":1,"x":0.1}'  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        ({"a": {"b": [1, {1, 2}]}}, "$.a.b[1]"),
        ({"a": math.nan}, "$.a"),
        ([math.inf], "$[0]"),
        ({"a": {3: 1}}, "$.a"),
        ({"a": {None: 1}}, "$.a"),
        (b"abc", "$"),
        ({"a": np.float32(1)}, "$.a"),
        ({"a": np.int64(1)}, "$.a"),
        ({"a": np.zeros(2)}, "$.a"),
        ([object()], "$[0]"),
        (frozenset(), "$"),
        (1j, "$"),
    ],
)
def test_what_has_no_canonical_form_is_refused_with_its_path(bad: Any, path: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        canonical_json(bad)
    assert (caught.value.code, caught.value.where) == ("not-canonical", path)


@given(recipes)
def test_a_key_is_the_full_sha256_of_the_canonical_recipe(recipe: dict[str, Any]) -> None:
    assert derived_key(**recipe) == sha256(canonical_json(recipe).encode()).hexdigest()
    assert derived_key(**shuffled(recipe)) == derived_key(**recipe)


@given(recipes, recipes)
def test_each_field_counts(recipe: dict[str, Any], other: dict[str, Any]) -> None:
    for field in recipe:
        changed = {**recipe, field: other[field]}
        assert (derived_key(**changed) == derived_key(**recipe)) == same(other[field], recipe[field])


@given(st.lists(keys, min_size=2, max_size=4, unique=True))
def test_order_within_a_role_counts(inputs: list[str]) -> None:
    def key(order: list[str]) -> str:
        return derived_key("s", "1", {}, "0" * 64, {"events": order})

    assert key(inputs) != key(inputs[::-1])


def test_raw_keys_are_content_hashes_and_short_ones_are_refused() -> None:
    digest = sha256(b"abc").hexdigest()
    assert raw_key(digest) == digest
    for bad in (digest[:40], digest.upper(), ""):
        with pytest.raises(ValueError, match="sha256"):
            raw_key(bad)
        with pytest.raises(ValueError, match="full hashes"):
            derived_key("s", "1", {}, "", {"events": [bad]})
    with pytest.raises(ValueError, match="full hashes"):
        derived_key("s", "1", {}, "", {"events": digest})


def test_keys_are_the_same_under_another_hash_seed() -> None:
    script = (
        "from pellucid.archive import derived_key\n"
        "names = {f'p{i}' for i in range(50)}\n"  # iterates in another order under another seed
        "parameters = {n: {m: 0.1 for m in names} for n in names}\n"
        "print(derived_key('s', '1', parameters, 'c', {n: [] for n in names}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(found) == 1
    assert len(found.pop().strip()) == 64
