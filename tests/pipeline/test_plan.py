# SPDX-License-Identifier: BSD-3-Clause
"""A plan: one task for each product, what it takes, what is there and why."""

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pellucid.archive import Workspace, derived_key
from pellucid.archive.lineage import JSON
from pellucid.pipeline.drawing import plan_document, plan_svg, plan_text
from pellucid.pipeline.graph import build
from pellucid.pipeline.intake import take_in
from pellucid.pipeline.keys import Keys
from pellucid.pipeline.reasons import reasons
from support import toyrun


def state(workspace: Workspace, **choices: Any) -> dict[str, str]:
    """Return why each task would run, by its name and minute."""
    made = toyrun.plan(workspace, **choices)
    why = reasons(workspace.archive, made)
    return {f"{t.number} {t.name}": why[t.number] for t in made.tasks}


def test_there_is_a_task_for_each_product_in_order(night: Workspace) -> None:
    made = toyrun.plan(night)
    assert [t.name for t in made.tasks] == [
        *(f"toy-baseline tel-{t}" for t in (1, 2, 3)),
        *(f"toy-images tel-{t}" for t in (1, 2, 3)) ,
        *(f"toy-images tel-{t}" for t in (1, 2, 3)),
        "toy-array array",
    ]  # fmt: skip
    for task in made.tasks:
        assert all(needed < task.number for needed in task.needs)
    for task in made.tasks[3:9]:  # each telescope's own baseline
        (baseline,) = task.inputs["baseline"]
        assert baseline.telescopes == task.leader.telescopes


def test_the_order_of_arrival_does_not_matter(
    toy: ModuleType, workspace: Workspace, inbox: Path, tmp_path: Path
) -> None:
    files = toy.deliver_night(inbox)
    toyrun.take_all(workspace, files, seed=1)
    with Workspace.open(tmp_path / "other") as other:
        toyrun.take_all(other, files, seed=2)
        documents = [plan_document(toyrun.plan(w), dict.fromkeys(range(20), "")) for w in (workspace, other)]
    assert documents[0] == documents[1]


def test_a_plan_tells_what_is_there_what_is_new_and_what_changed(
    toy: ModuleType, night: Workspace, inbox: Path
) -> None:
    before = state(night)
    assert before["0 toy-baseline tel-1"] == "new: nothing was made of this input"
    assert before["3 toy-images tel-1"] == "waits for toy-baseline"
    toyrun.run(night)
    assert all(why.startswith("there: ") for why in state(night).values())

    changed = state(night, parameters={"toy-images": {"threshold": "200 m"}})
    assert "parameter threshold 300.0 to 200.0" in changed["3 toy-images tel-1"]
    assert changed["9 toy-array array"] == "waits for toy-images"
    newer = build([replace(s, version="2") if s.name == "toy-baseline" else s for s in toy.STEPS])
    assert "version 1 to 2" in state(night, steps=newer)["0 toy-baseline tel-1"]
    (lost,) = night.archive.find(step="toy-baseline", tel=2)
    night.archive.path(lost).unlink()
    assert state(night)["1 toy-baseline tel-2"] == f"its bytes are gone: {lost.short_id}"
    take_in(night.archive, toy.deliver(inbox, "events", 2, 50))
    assert (
        "input images" in state(night)["10 toy-array array"] or "waits" in state(night)["10 toy-array array"]
    )


def test_a_plan_is_told_as_text_json_and_picture(night: Workspace) -> None:
    made = toyrun.plan(night)
    why = reasons(night.archive, made)
    assert "10 tasks: 10 to run, 0 there, 0 that cannot" in plan_text(made, why)
    document = json.loads(json.dumps(plan_document(made, why)))
    assert [t["state"] for t in document["tasks"]] == ["to run"] * 10
    assert document["policy"]["name"] == "B"
    drawn = plan_svg(made)
    assert "6 to run<" in drawn
    assert "ToyEvents (6)<" in drawn
    assert drawn.count('class="step"') == 3
    toyrun.run(night, steps=toyrun.graph("toy-images"))
    later = plan_svg(toyrun.plan(night))
    assert (later.count('class="done"'), later.count('class="step"')) == (2, 1)
    only = plan_svg(toyrun.plan(night, telescopes=[9]))
    assert only.count('class="idle"') == 6  # nobody has telescope 9


def test_a_plan_tells_which_step_was_chosen_and_how_to_choose_another(night: Workspace) -> None:
    import toynight

    baseline, images, array = toynight.STEPS
    other = replace(images, name="other-images", alternative=True)
    rare = replace(array, name="rare", output="DL2/Model/Array/Rare", alternative=True)
    steps = [baseline, images, array, other, rare]
    made = toyrun.plan(night, steps=build(steps))
    text = plan_text(made, reasons(night.archive, made))
    assert (
        f"toy-images was chosen to make {images.output}; other-images would too: --steps other-images" in text
    )
    assert "run only where asked for (--steps): rare" in text
    assert plan_document(made, reasons(night.archive, made))["graph"] == made.graph.as_dict()
    named = toyrun.plan(night, steps=build(steps, algorithms={images.output: "other-images"}))
    assert "other-images was chosen" in plan_text(named, reasons(night.archive, named))


def test_a_missing_required_input_is_told_and_an_optional_one_is_gone_without(
    toy: ModuleType, workspace: Workspace, inbox: Path
) -> None:
    files = toy.deliver_night(inbox, telescopes=2, weather=False)
    toyrun.take_all(workspace, [f for f in files if not f.name.startswith("pedestal_1")])
    made = toyrun.plan(workspace)
    first = next(t for t in made.tasks if t.name == "toy-images tel-1")
    assert first.problem is not None
    assert first.problem.code == "calibration-missing"
    (array,) = [t for t in made.tasks if t.step.name == "toy-array"]
    assert array.problem is None
    assert len(array.inputs["images"]) == 2
    assert array.without == [f"weather: there is no {toy.WEATHER}"]


def test_too_few_inputs_are_a_problem_at_one_level_and_enough_at_another(
    toy: ModuleType, workspace: Workspace, inbox: Path
) -> None:
    toyrun.take_all(workspace, toy.deliver_night(inbox, telescopes=1, runs=1))
    (at_b,) = [t for t in toyrun.plan(workspace).tasks if t.step.name == "toy-array"]
    assert at_b.problem is not None
    assert (at_b.problem.code, at_b.problem.exit_code) == ("too-few-inputs", 106)
    (at_a,) = [t for t in toyrun.plan(workspace, toyrun.level("A")).tasks if t.step.name == "toy-array"]
    assert at_a.problem is None


def test_a_partial_array_tells_whom_nobody_asked_for(night: Workspace) -> None:
    made = toyrun.plan(night, telescopes=[1, 2])
    assert (made.telescopes, made.left_out) == ((1, 2), (3,))
    assert {t.leader.owner for t in made.tasks} == {"tel-1", "tel-2", "array"}
    (array,) = [t for t in made.tasks if t.step.name == "toy-array"]
    assert array.without == ["images: tel-3, which nobody asked for"]
    assert "not asked for: tel-3" in plan_text(made, reasons(night.archive, made))


def test_two_inputs_that_fit_equally_well_are_an_error(
    toy: ModuleType, workspace: Workspace, inbox: Path
) -> None:
    from pellucid.pipeline.step import Step

    step = Step(
        name="toy-wind",
        version="1",
        function="toynight:array",
        inputs={"events": toy.EVENTS, "weather": toy.WEATHER},
        output=toy.ARRAY,
    )
    toyrun.take_all(workspace, [toy.deliver(inbox, "events", 1, 6)])
    for seed in (1, 2):
        take_in(workspace.archive, toy.deliver(inbox, "weather", 0, 6, seed=seed))
    (task,) = toyrun.plan(workspace, steps=build([step])).tasks
    assert task.problem is not None
    assert task.problem.code == "ambiguous-input"


def test_quarantined_deliveries_are_not_used(toy: ModuleType, workspace: Workspace, inbox: Path) -> None:
    toyrun.take_all(workspace, toy.deliver_night(inbox, telescopes=2, runs=1))
    bad = toy.deliver(inbox, "events", 1, 30)
    workspace.archive.ingest(
        bad,
        toy.EVENTS,
        telescopes=[1],
        time_start=toy.START,
        time_stop=toy.START + 9,
        collection="quarantine",
    )
    assert len([t for t in toyrun.plan(workspace).tasks if t.step.name == "toy-images"]) == 2


_texts = st.text(max_size=12)
_values = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _texts)
_hash = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(
    step=_texts,
    version=_texts,
    code=_texts,
    parameters=st.dictionaries(
        _texts, st.one_of(_values, st.lists(_values), st.dictionaries(_texts, _values))
    ),
    inputs=st.dictionaries(_texts, st.lists(_hash, min_size=1, max_size=3), max_size=4),
)
def test_keys_of_many_tasks_are_the_lineage_keys(
    step: str, version: str, code: str, parameters: dict[str, JSON], inputs: dict[str, list[str]]
) -> None:
    fast = Keys(step, version, parameters, code).key(inputs)
    assert fast == derived_key(step, version, parameters, code, inputs)
