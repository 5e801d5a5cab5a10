# SPDX-License-Identifier: BSD-3-Clause
"""CTAO metadata: CTAO's own model reads what is written, nothing is lost, what it lets pass is refused."""

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.archive import InputReference, Product, Workspace
from pellucid.archive.product import LATEST_COVER
from pellucid.errors import ConfigurationError, CorruptedInput, MissingInput
from pellucid.formats.ctao_metadata import Contact
from pellucid.interfaces.ctao import checked, ctao_metadata, header_of, read_metadata, recorded_product, told
from pellucid.interfaces.product_types import CTAO, OWN
from pellucid.pipeline.intake import take_in
from support.ctao import observed
from support.products import FULL, numbered
from support.shell import Shell

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}", fullmatch=True)
KEYS = st.binary(min_size=32, max_size=32).map(bytes.hex)
NUMBERS = st.integers(0, 2**40)
VALUES = st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False, allow_infinity=False) | st.text()
TREES = st.dictionaries(
    st.text(), st.recursive(VALUES, lambda v: st.lists(v, max_size=3), max_leaves=5), max_size=3
)
MOMENTS = st.integers(-LATEST_COVER // 2 + 1, LATEST_COVER // 2 - 2)


@st.composite
def products(draw: st.DrawFn) -> Product:
    """Any product that an archive can hold."""
    key = draw(KEYS)
    span = sorted(draw(st.none() | st.tuples(MOMENTS, MOMENTS).filter(lambda s: s[0] != s[1])) or ())
    derived = draw(st.booleans())
    roles = draw(st.lists(st.tuples(NAMES, KEYS), max_size=3)) if derived else []
    made: dict[str, Any] = {}
    if derived:
        made = {"step": draw(NAMES), "step_version": "1", "code": draw(KEYS), "determinism": "bitwise"}
        made["started_ns"] = draw(st.none() | st.integers(0, 2**60))
        made |= {"parameters": draw(TREES), "software": {"pellucid": "0.1", "numpy": draw(st.text())}}
    level, word = draw(st.integers(0, 2)), draw(st.sampled_from([*CTAO, *OWN]))
    return Product(
        id=key,
        product_type=f"DL{level}/Monitoring/Telescope/{word}",
        kind="derived" if derived else "raw",
        sha256=draw(KEYS) if derived else key,
        size=draw(NUMBERS),
        format=draw(st.sampled_from(("hdf5", "fits"))),
        name=draw(st.text(min_size=1)),
        obs_id=draw(st.none() | NUMBERS),
        telescopes=tuple(sorted(draw(st.sets(st.integers(0, 999), max_size=3)))),
        category=draw(st.sampled_from((None, "A", "B", "C"))),
        collection=draw(NAMES),
        time_start=span[0] if span else None,
        time_stop=span[1] if span else None,
        flags=tuple(draw(st.lists(st.text(), max_size=2))),
        summary=draw(TREES),
        created_ns=draw(st.integers(2**60, 2**61)),
        inputs=tuple(InputReference(role, n, id) for n, (role, id) in enumerate(roles)),
        device=draw(st.none() | NAMES),
        night=draw(st.sampled_from((None, 19700101, 20261123))),
        quality=draw(st.none() | NAMES),
        rights=draw(st.sampled_from((None, "PUBLIC", "SECURE", "PROPRIETARY"))),
        release_date=draw(st.none() | MOMENTS),
        **made,
    )


@given(product=products())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_ctao_s_model_reads_it_and_nothing_is_lost(product: Product) -> None:
    from ctao_datamodel.models.dataproducts import Product as Model

    document = ctao_metadata(product)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # leap seconds that are not known yet
        model = Model.model_validate_json(json.dumps(document))
        again = json.loads(model.model_dump_json(exclude_none=True))
    assert again == checked(document)
    assert recorded_product(again) == product
    assert told(again)["product_type"] == product.product_type


@given(product=products())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_nothing_is_lost_in_a_fits_header_either(product: Product, tmp_path: Path) -> None:
    path = tmp_path / "header.fits"
    path.write_bytes(header_of(ctao_metadata(product)))
    read = read_metadata(path)
    assert recorded_product(read) == product
    assert told(read)["obs_id"] == product.obs_id


def test_what_the_model_has_a_place_for_stands_there() -> None:
    product = replace(FULL, telescopes=(5,), product_type="DL0/Monitoring/Telescope/Arcade")
    found = ctao_metadata(product, Contact("Someone", "CTAO", "someone@example.org"))
    assert "/".join(found["data"].values()) == "DL0/Monitoring/Telescope/Lidar"
    instance = found["instance"]
    assert (instance["obs_id"], instance["ae_id"], instance["ae_class"]) == (2**40, 5, "TEL")
    assert (instance["category"], instance["observing_night"]) == ("B", "2026-11-23")
    assert (found["curation"]["rights"], found["curation"]["release"]) == ("proprietary", "B")
    assert found["observation"]["coverage"]["time"]["t_min"] == "2043-01-25T23:56:12.213693952"
    assert [i["role"] for i in found["activity"]["inputs"]] == ["left", "right"]
    assert found["contact"]["email"] == "someone@example.org"
    header = header_of(found).decode("ascii")
    for card in ("DATATYPE= 'Lidar", "OBS_ID  =        1099511627776", "OBSNIGHT= '2026-11-23'", "RIGHTS  ="):
        assert card in header


def test_identifiers_do_not_depend_on_when_it_is_written() -> None:
    assert ctao_metadata(FULL) == ctao_metadata(FULL)
    assert ctao_metadata(FULL)["instance"]["id"] != ctao_metadata(numbered(1))["instance"]["id"]


def foreign() -> dict[str, Any]:
    """Metadata that another program wrote, with much that the index has no column for."""
    document = deepcopy(observed("DL0/Monitoring/Telescope/Pointing"))
    document["instance"] |= {"ae_id": 3, "ae_class": "TEL", "category": "A", "observing_night": "2022-10-26"}
    document["curation"] |= {"rights": "public", "release_date": "2027-11-23T00:00:00.000000000"}
    deg = {"unit": "deg"}
    coverage = document["observation"]["coverage"]
    coverage["space"] = {
        "frame": "ICRS",
        **{
            name: {"value": value, **deg}
            for name, value in (("ra", 83.6), ("dec", 22.0), ("field_of_view", 8.0))
        },
    }
    coverage["energy"] = {
        n: {"value": v, "unit": "TeV"} for n, v in (("energy_min", 0.02), ("energy_max", 300.0))
    }
    coverage["tracking"] = {
        **{
            n: {"value": 60.0, **deg}
            for n in ("elevation_min", "elevation_max", "azimuth_mean", "azimuth_range")
        },
        "mode": "fixed_icrs",
    }
    return document


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.simtel"
    path.write_bytes(b"\x37\x8a\x1f\xd4ABC")
    return path


def test_metadata_of_others_come_in_and_go_out_unchanged(workspace: Workspace, file: Path) -> None:
    document = checked(foreign())
    product, is_new = take_in(workspace.archive, file, metadata=document)
    assert is_new
    assert product.product_type == "DL0/Monitoring/Telescope/Pointing"
    assert (product.obs_id, product.telescopes, product.category, product.night) == (4, (3,), "A", 20221026)
    assert (product.rights, product.kind, product.collection) == ("PUBLIC", "raw", "raw")
    out = ctao_metadata(product)
    own = out["activity"].pop("configuration_id")
    assert own.startswith("data:")
    document["activity"].pop("configuration_id")
    assert out == document
    kept: Any = product.summary["ctao"]
    assert kept["activity"]["software"]["name"] == "pellucid"


def test_a_product_moves_from_archive_to_archive_with_its_lineage(workspace: Workspace, file: Path) -> None:
    raw, _ = take_in(workspace.archive, file)
    made = replace(FULL, inputs=(InputReference("from", 0, raw.id),), sha256=raw.sha256)
    document = checked(ctao_metadata(made))
    with pytest.raises(MissingInput):
        take_in(workspace.archive, file, metadata=checked(ctao_metadata(replace(made, inputs=FULL.inputs))))
    moved, is_new = take_in(workspace.archive, file, metadata=document)
    assert is_new
    assert replace(moved, created_ns=made.created_ns) == made
    assert take_in(workspace.archive, file, metadata=document) == (moved, False)
    file.write_bytes(b"\x37\x8a\x1f\xd4XYZ")
    with pytest.raises(CorruptedInput) as caught:
        take_in(workspace.archive, file, metadata=document)
    assert caught.value.code == "other-bytes"


def test_metadata_that_contradict_their_record_are_refused() -> None:
    document = checked(ctao_metadata(FULL))
    document["instance"]["obs_id"] = 7
    with pytest.raises(CorruptedInput) as caught:
        told(document, "x.json")
    assert (caught.value.code, caught.value.where) == ("metadata-contradict", "x.json: instance.obs_id")
    document["activity"]["configuration_id"] = document["activity"]["configuration_id"][:-9]
    with pytest.raises(CorruptedInput) as caught:
        told(document)
    assert caught.value.code == "damaged-record"


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    *groups, last = path.split(".")
    inner = document
    for group in groups:
        inner = inner.setdefault(group, {})
    inner[last] = value
    return document


COVERAGE = "observation.coverage"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{COVERAGE}.time.t_max", "2022-10-27T01:00:00"),
        (f"{COVERAGE}.energy.energy_max", {"value": 1.0, "unit": "GeV"}),
        (f"{COVERAGE}.energy.energy_min", {"value": -1.0, "unit": "TeV"}),
        (f"{COVERAGE}.energy.energy_min", {"value": 1.0, "unit": "kg"}),
        (f"{COVERAGE}.space.dec", {"value": 120.0, "unit": "deg"}),
        (f"{COVERAGE}.space.ra", {"value": 7.0, "unit": "rad"}),
        (f"{COVERAGE}.space.field_of_view", {"value": -3.0, "unit": "deg"}),
        (f"{COVERAGE}.tracking.elevation_min", {"value": 70.0, "unit": "deg"}),
        (f"{COVERAGE}.tracking.elevation_max", {"value": 91.0, "unit": "deg"}),
        ("observation.location.latitude", {"value": 98.0, "unit": "deg"}),
        ("curation.valid_to", "2022-10-27T01:00:00"),
        ("activity.end", "2022-10-27T01:00:00"),
        ("instance.obs_id", -1),
        ("acquisition.sb_id", -5),
    ],
)
def test_what_the_model_lets_pass_is_refused(path: str, value: object) -> None:
    from ctao_datamodel.models.dataproducts import Product as Model

    document = changed(foreign(), "curation.valid_from", "2022-10-27T02:00:00")
    checked(document)
    document = changed(document, path, value)
    Model.model_validate_json(json.dumps(document))
    with pytest.raises(CorruptedInput) as caught:
        checked(document, "x.json")
    assert caught.value.code == "ctao-metadata"
    assert path.rpartition(".")[0] in caught.value.got


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.type", "Elephant"),
        ("instance.id", "1"),
        ("nonsense", 1),
        ("ctao_metadata_version", "two"),
        ("ctao_metadata_version", None),
        ("contact.email", "nobody"),
    ],
)
def test_what_the_model_refuses_is_told(path: str, value: object) -> None:
    with pytest.raises(CorruptedInput) as caught:
        checked(changed(foreign(), path, value))
    assert path.partition(".")[0] in caught.value.got


def test_metadata_of_a_newer_model_are_refused() -> None:
    with pytest.raises(ConfigurationError) as caught:
        checked(foreign() | {"ctao_metadata_version": "2.10.0"})
    assert caught.value.code == "future-metadata"


def test_a_time_that_the_archive_cannot_count_is_told() -> None:
    document = changed(foreign(), f"{COVERAGE}.time.t_min", "1969-01-01T00:00:00")
    with pytest.raises(CorruptedInput) as caught:
        told(checked(document), "x.json")
    assert caught.value.where == "x.json"


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b"{", b"SIMPLE  =                    T", b"{}"])
def test_a_file_without_metadata_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(CorruptedInput):
        read_metadata(path)


def test_a_fits_file_of_data_gives_its_metadata(tmp_path: Path) -> None:
    from astropy.io import fits

    path = tmp_path / "x.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU([1.0])]).writeto(path)
    with pytest.raises(CorruptedInput) as caught:
        read_metadata(path)
    assert "CTAOMETA" in caught.value.got
    header = fits.Header.fromstring(header_of(foreign()))
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU([1.0], fits.Header(header.cards[3:]))]).writeto(
        path, overwrite=True
    )
    assert told(read_metadata(path)) == told(checked(foreign()))


def test_nothing_of_it_is_imported_with_the_archive() -> None:
    code = "import sys, pellucid.pipeline.intake; print('ctao_datamodel' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("form", [(), ("--fits",)])
def test_the_command_line_exports_and_takes_in(
    form: tuple[str, ...], tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = (Shell(tmp_path / name, capsys) for name in ("here", "there"))
    (product,) = here.json("ingest", str(file), "--obs", "7")["products"]
    told_to = here.json("export", "ctao", product["id"], "-o", str(tmp_path / "m"), *form)
    assert told_to["metadata"]["instance"]["obs_id"] == 7
    (moved,) = there.json("ingest", str(file), "--metadata", str(tmp_path / "m"))["products"]
    for once in ("created_ns", "file"):
        moved.pop(once), product.pop(once)
    assert moved == product
    wrong = here.json("export", "ctao", product["id"], "-o", str(tmp_path / "n"), "--contact", "x", code=2)
    assert wrong["error"]["code"] == "usage"
    other = there.json("ingest", str(file), "--metadata", str(tmp_path / "m"), "--obs", "8", code=101)
    assert other["error"]["code"] == "attribute-conflict"
    two = ("ingest", str(file), str(file), "--metadata", str(tmp_path / "m"))
    assert here.json(*two, code=2)["error"]["code"] == "usage"
