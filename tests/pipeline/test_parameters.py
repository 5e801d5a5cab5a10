# SPDX-License-Identifier: BSD-3-Clause
"""Parameters with units: quantities as text, checked dimension, one product for one value."""

import pytest

from pellucid.archive.lineage import JSON
from pellucid.errors import ConfigurationError
from pellucid.pipeline.parameters import Declared, completed, defaults, parameter
from pellucid.pipeline.step import Step

DECLARED: dict[str, Declared] = {
    "height": parameter(300.0, "Where it begins.", unit="m", minimum=0),
    "method": parameter("mean", "How.", choices=("mean", "median")),
    "plain": 2.0,
    "group": {"time": parameter(5.0, "How long.", unit="s")},
}


def test_quantities_are_given_to_the_function_in_their_unit() -> None:
    assert defaults(DECLARED) == {"height": 300.0, "method": "mean", "plain": 2.0, "group": {"time": 5.0}}
    given = completed(DECLARED, {"height": "0.5 km", "group": {"time": "2 min"}}, "step")
    assert (given["height"], given["group"]) == (500.0, {"time": 120.0})
    assert completed(DECLARED, {"height": "300 m"}, "s") == completed(DECLARED, {"height": "0.3 km"}, "s")


@pytest.mark.parametrize(
    "given",
    [{"height": "5 s"}, {"height": 5.0}, {"height": "five m"}, {"height": "-1 m"}, {"method": "mode"},
     {"group": {"time": "3 m"}}, {"group": {"tim": "3 s"}}, {"group": 3}, {"height": "nan m"}],
)  # fmt: skip
def test_a_wrong_unit_word_or_range_stops_the_run_and_names_the_parameter(given: dict[str, JSON]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        completed(DECLARED, given, "step")
    assert caught.value.where.startswith("step")


def test_a_step_declares_them_beside_plain_ones() -> None:
    step = Step(
        name="one",
        version="1",
        function="nowhere:nothing",
        inputs={},
        output="DL2/Model/Array/One",
        parameters=DECLARED,
    )
    assert step.complete({"height": "1 km"})["height"] == 1000.0
