# SPDX-License-Identifier: BSD-3-Clause
"""``why``, ``replay``, ``diff`` and ``export`` on a small lineage, and a workspace with a bucket."""

import sys
from pathlib import Path

import pytest
from prov.model import ProvDocument
from rocrate.rocrate import ROCrate

from pellucid.archive import Product, Workspace
from pellucid.pipeline.execute import execute
from pellucid.pipeline.steps import step_named
from support.s3 import Bucket
from support.shell import Shell

TOY = Path(__file__).resolve().parent.parent / "toy"
NIGHT = 20261123
EVENING = 1_795_460_437_000_000_000
"""ns TAI within that night."""


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "workspace", capsys)


@pytest.fixture
def products(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Product]:
    """A raw file of a night, two counts of it, and their sum."""
    folder = str(TOY)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", folder)
    path = tmp_path / "run.simtel"
    path.write_bytes(b"\x37\x8a\x1f\xd4abc")
    count, add = step_named("toy-count"), step_named("toy-add")
    with Workspace.open(shell.folder) as workspace:
        archive = workspace.archive
        raw, _ = archive.ingest(path, time_start=EVENING, time_stop=EVENING + 1)
        left, right = (execute(archive, count, {"events": raw}, {"factor": f}).product for f in (1, 2))
        return [raw, left, right, execute(archive, add, {"left": left, "right": right}).product]


def test_replay_takes_one_product_or_all(shell: Shell, products: list[Product]) -> None:
    report = shell.json("replay", products[-1].id)
    assert (report["identical"], report["agrees"], report["deviation"]) == (True, True, None)
    many = shell.json("replay", "--all", "--workers", "2")
    assert (many["agree"], many["counts"]) == (True, {"identical": 3})
    assert shell.text("replay", "--all").endswith(": 3 identical\n")
    assert shell.json("replay", "--night", str(NIGHT))["counts"] == {}, "only the raw file tells its time"
    for wrong in ((), (products[0].id, "--all"), ("--all", "--night", "20261123")):
        assert shell.json("replay", *wrong, code=2)["error"]["code"] == "usage"


def test_diff_names_what_differs(shell: Shell, products: list[Product]) -> None:
    _, left, right, _ = products
    found = shell.json("diff", left.id, right.id)
    assert found["parameters"] == {"factor": [1.0, 2.0]}
    assert found["numbers"]["deviations"][0]["dataset"] == "/total"
    text = shell.text("diff", left.short_id, right.short_id)
    assert "parameters  factor: 1.0 -> 2.0" in text
    assert "numbers: 1 of 1 datasets differ" in text
    assert "the same bytes" in shell.text("diff", left.id, left.id)


def test_exports_are_read_by_others(shell: Shell, products: list[Product], tmp_path: Path) -> None:
    total = products[-1]
    for form in ("json", "xml"):
        path = tmp_path / f"prov.{form}"
        assert shell.json("export", "prov", total.id, "-o", str(path), "--format", form)["products"] == 4
        assert ProvDocument.deserialize(str(path), format=form).get_record(f"product:{total.id}")
        again = shell.json("export", "prov", total.id, "-o", str(path), code=2)
        assert again["error"]["code"] == "output-exists"
    assert shell.json("export", "provdm", total.id, "-o", str(tmp_path / "prov.vot"))["products"] == 4
    shell.json("export", "provdm", total.id, "-o", str(tmp_path / "tables"), "--format", "csv")
    assert len(list((tmp_path / "tables").glob("*.csv"))) == 8
    crate = shell.json(
        "export", "rocrate", "--night", str(NIGHT), "-o", str(tmp_path / "crate"), "--with-raw"
    )
    assert len(crate["files"]) == 1
    assert ROCrate(tmp_path / "crate").name == f"Night {NIGHT}"
    empty = shell.json("export", "prov", "--night", "20200101", "-o", str(tmp_path / "x"), code=105)
    assert empty["error"]["code"] == "empty-night"
    neither = shell.json("export", "prov", "-o", str(tmp_path / "x"), code=2)
    assert "ID" in neither["error"]["expected"]


def test_a_package_that_is_missing_is_told(
    shell: Shell, products: list[Product], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prov.model", None)
    error = shell.json("export", "prov", products[-1].id, "-o", str(tmp_path / "p"), code=101)["error"]
    assert (error["code"], error["mend"]) == ("package-missing", "pip install 'pellucid[exports]'")


def test_a_workspace_with_a_bucket(shell: Shell, bucket: Bucket, tmp_path: Path) -> None:
    place, _, endpoint = bucket.url.partition("?endpoint=")
    made = shell.json("archive", "init", "--store", place, "--endpoint", endpoint)
    assert made["store"].startswith(place)
    path = tmp_path / "run.simtel"
    path.write_bytes(b"\x37\x8a\x1f\xd4abc")
    (product,) = shell.json("ingest", str(path))["products"]
    assert len(bucket.keys()) == 1
    assert shell.json("archive", "verify")["whole"]
    bucket.put(f"{product['sha256'][:2]}/{product['sha256'][2:]}", b"other")
    (problem,) = shell.json("archive", "verify", code=104)["problems"]
    assert problem["where"].startswith("s3://")
    shell.json("ingest", str(path))
    assert shell.json("archive", "verify")["whole"]
    other = shell.json("archive", "init", "--store", "s3://other/place", code=101)
    assert other["error"]["code"] == "other-store"
    alone = shell.json("archive", "init", "--endpoint", endpoint, code=2)
    assert "--store" in alone["error"]["expected"]
    assert "secret" not in (shell.folder / "store.url").read_text()
