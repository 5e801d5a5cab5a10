# SPDX-License-Identifier: BSD-3-Clause
"""The configuration: layers, types, units, and that no mistyped key passes."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.config import (
    Cleaning,
    Config,
    as_toml,
    events_parameters,
    load,
    options,
    sections,
    template,
)
from pellucid.errors import ConfigurationError
from pellucid.units import parse


def test_defaults_are_those_of_the_dataclasses() -> None:
    assert load().config == Config()
    assert set(load().origins.values()) == {"default"}


def test_the_last_layer_wins_and_says_where_a_value_comes_from(tmp_path: Path) -> None:
    (tmp_path / "pellucid.toml").write_text(
        '[events.cleaning]\npicture = "9 p.e."\nboundary = "4 p.e."\n[events.extractor]\nwidth = 5\n'
    )
    named = tmp_path / "named.toml"
    named.write_text('[events.cleaning]\npicture = "8 p.e."\nboundary = "3 p.e."\n')

    effective = load(tmp_path, named, ["events.cleaning.picture=7 p.e."])

    assert effective.config.events.cleaning == Cleaning(picture=7.0, boundary=3.0)
    assert effective.config.events.extractor.width == 5
    assert effective.origins["events.cleaning.picture"] == "--set"
    assert effective.origins["events.cleaning.boundary"] == str(named)
    assert effective.origins["events.extractor.width"] == str(tmp_path / "pellucid.toml")
    assert effective.origins["events.focal_length"] == "default"


def test_a_workspace_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path).config == Config()


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("[events.cleaning]\npictur = 1", "'events.cleaning.picture'"),
        ("[evnts.cleaning]\npicture = 1", "'events'"),
        ("[events.clening]\npicture = 1", "'events.cleaning'"),
        ("[cleaning]\npicture = 1", "'events.cleaning'"),
        ('focal_length = "nominal"', "'events.focal_length'"),
        ("[qqqq]\nxxxx = 1", "events, levels"),
    ],
)
def test_a_mistyped_key_at_any_depth_names_the_nearest(tmp_path: Path, text: str, nearest: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(file=path)
    assert caught.value.where == str(path)
    assert nearest in caught.value.mend
    assert caught.value.exit_code == 101


@given(st.sampled_from(sorted(options())), st.integers(0, 60), st.sampled_from("abxyz_"))
def test_no_key_with_a_letter_too_many_passes(key: str, place: int, letter: str) -> None:
    place %= len(key) + 1
    mistyped = key[:place] + letter + key[place:]
    with pytest.raises(ConfigurationError) as caught:
        load(settings=[f"{mistyped}=1"])
    assert caught.value.code == "configuration-key"
    assert "did you mean" in caught.value.mend


@pytest.mark.parametrize(
    "setting",
    [
        "events.cleaning.picture=10",
        "events.cleaning.picture=10 m",
        "events.cleaning.picture=nan p.e.",
        "events.cleaning.picture=-1 p.e.",
        "events.cleaning.picture=p.e.",
        "events.cleaning.picture=[1]",
        "events.cleaning.picture.deeper=1",
        "events.extractor.width=true",
        "events.extractor.width=7.0",
        "events.extractor.width=0",
        "events.extractor.width=seven",
        "events.extractor.correction=1",
        "events.extractor.kind=local",
        "events.focal_length=true",
        "events=1",
        "events.cleaning.picture",
        "events.cleaning.boundary=11 p.e.",
    ],
)
def test_a_wrong_type_unit_word_or_range_says_what_was_expected(setting: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(settings=[setting])
    assert caught.value.expected
    assert caught.value.got
    assert "--set" in caught.value.where


@pytest.mark.parametrize("content", [b"[events\n", b"\xff\xfe", b"[events]\n[events]\n"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(file=path)
    assert caught.value.where == str(path)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(file=tmp_path / "absent.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(file=tmp_path)


def test_written_toml_reads_back_to_the_same_configuration(tmp_path: Path) -> None:
    effective = load(
        settings=[
            "events.cleaning.picture=7.123456 p.e.",
            "events.extractor.kind=fixed-window",
            "events.extractor.correction=false",
            "run.threads=3",
        ]
    )
    path = tmp_path / "again.toml"
    path.write_text(as_toml(effective.values, effective.origins))
    assert load(file=path).config == effective.config


def test_the_template_holds_every_key_at_its_default(tmp_path: Path) -> None:
    assert tomllib.loads(template()).keys() == {s for s in sections() if "." not in s}
    enabled = "\n".join(
        line.removeprefix("# ") if " = " in line and "." not in line.split(" = ")[0] else line
        for line in template().splitlines()
    )
    path = tmp_path / "template.toml"
    path.write_text(enabled)
    effective = load(file=path)
    assert effective.config == Config()
    assert set(effective.origins.values()) == {str(path)}


def test_what_does_not_change_results_is_no_part_of_a_products_identity() -> None:
    assert events_parameters(load(settings=["run.threads=7", "run.chunk_events=3"]).config) == (
        events_parameters(Config())
    )
    assert events_parameters(Config())["cleaning"]["picture"] == 10.0


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("300 m", "m", 300.0),
        ("5 min", "s", 300.0),
        ("10 p.e.", "p.e.", 10.0),
        ("2 p.e. / ns", "p.e./us", 2000.0),
    ],
)
def test_quantities_are_read_with_their_unit(text: str, unit: str, value: float) -> None:
    assert parse(text, unit) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["5 min", "5", "p.e.", "", "one m", "5 mm mm"])
def test_a_quantity_that_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text, "m")
