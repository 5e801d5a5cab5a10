# SPDX-License-Identifier: BSD-3-Clause
"""Wiring: in order where it can be, an error that names the steps where it cannot."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from xml.etree import ElementTree

import pytest

from pellucid.errors import ConfigurationError, MissingInput, PellucidError
from pellucid.pipeline.drawing import graph_svg, graph_text
from pellucid.pipeline.graph import Graph, build
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.setting import delivered_types
from pellucid.pipeline.step import Step
from pellucid.pipeline.steps import all_steps


def step(name: str, output: str, **inputs: str | Input) -> Step:
    return Step(
        name=name, version="1", function="nowhere:nothing", inputs=inputs, output=f"DL2/Model/Array/{output}"
    )


RAW = "DL0/Event/Telescope/Observation"


def test_producers_come_before_consumers_whatever_the_order_of_declaration(toy: ModuleType) -> None:
    graph = build(reversed(toy.STEPS))
    assert [s.name for s in graph.steps] == ["toy-baseline", "toy-images", "toy-array"]
    assert [(e.producer, e.consumer, e.role) for e in graph.edges] == [
        ("toy-images", "toy-array", "images"),
        ("toy-baseline", "toy-images", "baseline"),
    ]
    assert set(graph.delivered) == {toy.EVENTS, toy.PEDESTAL, toy.WEATHER}


def test_a_circle_is_an_error_that_names_its_steps() -> None:
    circle = [
        step("first", "One", other="DL2/Model/Array/Three"),
        step("second", "Two", other="DL2/Model/Array/One"),
        step("third", "Three", other="DL2/Model/Array/Two"),
    ]
    with pytest.raises(ConfigurationError) as caught:
        build(circle)
    assert caught.value.code == "cycle"
    assert all(s.name in caught.value.what for s in circle)


def test_two_producers_are_an_error_that_names_them_until_one_is_chosen() -> None:
    one, two = step("one", "Same", raw=RAW), step("two", "Same", raw=RAW)
    with pytest.raises(ConfigurationError) as caught:
        build([one, two])
    assert (caught.value.code, "one, two" in caught.value.what) == ("two-producers", True)
    chosen = build([one, two], algorithms={one.output: "two"})
    assert [s.name for s in chosen.steps] == ["two"]
    assert [s.name for s in build([one, two], wanted=["one"]).steps] == ["one"]
    assert [s.name for s in build([one, replace(two, alternative=True)]).steps] == ["one"]
    named = build([one, replace(two, alternative=True)], algorithms={one.output: "two"})
    assert [s.name for s in named.steps] == ["two"]
    assert (chosen.others, named.others) == ({one.output: ("one",)}, {one.output: ("one",)})


def test_what_only_runs_where_asked_for_is_told_unless_other_steps_are_named() -> None:
    one, two = step("one", "Same", raw=RAW), step("two", "Other", raw=RAW)
    steps = [one, replace(two, alternative=True)]
    assert build(steps).others == {two.output: ("two",)}
    assert build(steps, wanted=["one"]).others == {}


def test_one_input_fed_by_two_steps_is_an_error() -> None:
    feeders = [step("one", "KindOne", raw=RAW), step("two", "KindTwo", raw=RAW)]
    taker = step("taker", "Sum", raw=RAW, kind="DL2/Model/Array/Kind*")
    with pytest.raises(ConfigurationError) as caught:
        build([*feeders, taker])
    assert (caught.value.code, "taker" in caught.value.where) == ("two-producers", True)
    many = step("taker", "Sum", raw=RAW, kind=Input("DL2/Model/Array/Kind*", many=True))
    assert len(build([*feeders, many]).steps) == 3


@pytest.mark.parametrize(
    ("algorithms", "code"),
    [
        ({"DL2/Model/Array/Same": "tow"}, "unknown-algorithm"),
        ({"DL2/Model/Array/Sme": "two"}, "unknown-algorithm"),
    ],
)
def test_a_mistyped_algorithm_names_the_nearest(algorithms: dict[str, str], code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build([step("two", "Same", raw=RAW)], algorithms=algorithms)
    assert caught.value.code == code
    assert "did you mean" in caught.value.mend


def test_what_nobody_makes_is_an_error_unless_it_is_optional_or_delivered() -> None:
    needs = "DL1/Model/Array/Gone"
    with pytest.raises(ConfigurationError) as caught:
        build([step("lonely", "Sum", raw=RAW, gone=needs)])
    assert (caught.value.code, caught.value.where) == ("no-producer", "lonely")
    for declared in (Input(needs, required=False), Input(needs, validity=True)):
        assert build([step("lonely", "Sum", raw=RAW, gone=declared)]).steps
    assert build([step("lonely", "Sum", raw=RAW, gone=needs)], delivered=lambda: [needs]).steps


def test_wanted_steps_bring_what_they_need_and_no_more(toy: ModuleType) -> None:
    graph = build(toy.STEPS, wanted=["toy-images"])
    assert [s.name for s in graph.steps] == ["toy-baseline", "toy-images"]
    with pytest.raises(MissingInput) as caught:
        build(toy.STEPS, wanted=["toy-imags"])
    assert "'toy-images'" in caught.value.mend
    with pytest.raises(MissingInput):
        build([replace(s, levels=("B",)) for s in toy.STEPS], level="A", wanted=["toy-images"])


@pytest.mark.parametrize("level", ["A", "B", "C"])
def test_what_exists_can_be_wired_at_every_level(level: str) -> None:
    own = [s for s in all_steps().values() if s.function.startswith("pellucid.")]
    graph = build(own, level=level, delivered=delivered_types)
    assert graph.steps
    assert all(name in graph_text(graph) for name in (s.name for s in graph.steps))


@pytest.mark.parametrize(
    "declared",
    [
        lambda: Input("DL0/Event"),
        lambda: Input(RAW, by="site"),  # type: ignore[arg-type]
        lambda: Input(RAW, many=True, validity=True),
        lambda: Input(RAW, minimum=2),
        lambda: Input(RAW, minimum=0),
        lambda: Input(RAW, window="10"),
        lambda: Input(RAW, window="-1 s"),
        lambda: Input(RAW, window="3 parsec"),
        lambda: replace(step("one", "Same"), valid="soon"),
    ],
)
def test_impossible_declarations_are_refused(declared: Callable[[], object]) -> None:
    with pytest.raises(PellucidError):
        declared()


def test_the_picture_shows_every_step_and_is_well_formed(toy: ModuleType) -> None:
    graph = build(toy.STEPS)
    root = ElementTree.fromstring(graph_svg(graph))
    texts = {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {s.name for s in graph.steps} <= texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) >= 5
    assert ElementTree.fromstring(graph_svg(Graph((), ()))) is not None
