# SPDX-License-Identifier: BSD-3-Clause
"""What is damaged is found, named, and made again where lineage can; garbage goes, nothing else does."""

import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive import Product, Workspace
from pellucid.archive.engine import transaction
from pellucid.archive.repair import repair
from pellucid.archive.verify import Verification, collect_garbage, verify
from pellucid.pipeline.execute import execute
from pellucid.pipeline.step import Step

type MakeFile = Callable[..., Path]


def kinds(report: Verification) -> dict[str, set[str]]:
    """Return the hashes of the objects with problems, by kind."""
    found: dict[str, set[str]] = {}
    for problem in report.problems:
        found.setdefault(problem.kind, set()).add(problem.sha256)
    return found


def flip(path: Path, bit: int) -> None:
    """Flip one bit of a read-only object, as a bad disk does."""
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def chain(workspace: Workspace, toy: dict[str, Step], path: Path) -> list[Product]:
    """Archive a raw file, two counts of it, and their sum."""
    raw, _ = workspace.archive.ingest(path)
    counts = [
        execute(workspace.archive, toy["toy-count"], {"events": raw}, {"factor": f}).product for f in (1, 2)
    ]
    total = execute(workspace.archive, toy["toy-add"], {"left": counts[0], "right": counts[1]}).product
    return [raw, *counts, total]


def places(workspace: Workspace, products: Sequence[Product]) -> list[Path]:
    return [workspace.archive.store.place(p.sha256) for p in products]


def test_a_whole_archive_is_whole(workspace: Workspace, toy: dict[str, Step], raw_file: MakeFile) -> None:
    products = chain(workspace, toy, raw_file())
    seen: list[tuple[int, int]] = []
    report = verify(workspace.archive, progress=lambda done, total, _unit: seen.append((done, total)))
    assert report.is_whole
    assert report.problems == ()
    codes = {p.code for p in products if p.code}
    assert (report.products, report.objects) == (4, 4 + len(codes))
    held = sum(p.size for p in products) + sum(len(workspace.archive.store.read(code)) for code in codes)
    assert report.size == held == seen[-1][0] == seen[-1][1]
    assert repair(workspace.archive) == []


def test_each_of_a_hundred_flipped_bits_is_found_named_and_mended(
    workspace: Workspace, toy: dict[str, Step], raw_file: MakeFile
) -> None:
    chance = random.Random(20261123)
    raw, *derived = chain(workspace, toy, raw_file(content=chance.randbytes(3000)))
    whole = {p.id: workspace.archive.path(p).read_bytes() for p in (raw, *derived)}
    for _ in range(100):
        product = chance.choice([raw, *derived])
        path = workspace.archive.store.place(product.sha256)
        bit = chance.randrange(8 * product.size)
        flip(path, bit)
        (problem,) = verify(workspace.archive).problems
        assert (problem.kind, problem.sha256) == ("damaged", product.sha256)
        assert problem.products == (product.id,)
        assert problem.where == str(path)
        flip(path, bit)
    assert verify(workspace.archive).is_whole
    for path in places(workspace, derived):
        flip(path, chance.randrange(800))
    assert len(verify(workspace.archive).problems) == 3
    mended = repair(workspace.archive)
    assert {m.product for m in mended} == {p.id for p in derived}
    assert all(m.mended for m in mended)
    assert verify(workspace.archive).problems == ()
    assert {p.id: workspace.archive.path(p).read_bytes() for p in (raw, *derived)} == whole


def test_many_damaged_objects_at_once_are_mended_together(
    workspace: Workspace, toy: dict[str, Step], raw_file: MakeFile
) -> None:
    chance = random.Random(3)
    derived = []
    for number in range(25):
        derived += chain(workspace, toy, raw_file(f"run{number}.simtel", chance.randbytes(500)))[1:]
    for path in places(workspace, derived):
        flip(path, chance.randrange(8 * path.stat().st_size))
    derived.append(chain(workspace, toy, raw_file("last.simtel", b"last"))[1])
    places(workspace, derived)[-1].unlink()
    report = verify(workspace.archive)
    assert kinds(report) == {
        "damaged": {p.sha256 for p in derived[:-1]},
        "missing": {derived[-1].sha256},
    }
    assert not report.is_whole
    mended = repair(workspace.archive, report)
    assert [m.mended for m in mended] == [True] * 76
    assert verify(workspace.archive).problems == ()


def test_what_cannot_be_made_again_is_told_with_the_reason(
    workspace: Workspace, toy: dict[str, Step], raw_file: MakeFile
) -> None:
    file = raw_file()
    raw, left, right, total = chain(workspace, toy, file)
    for path in places(workspace, [raw, left]):
        path.unlink()
    flip(places(workspace, [total])[0], 5)
    told = {m.product: m for m in repair(workspace.archive)}
    assert {id: m.mended for id, m in told.items()} == {raw.id: False, left.id: False, total.id: False}
    assert "ingest the original file 'run.simtel' again" in told[raw.id].what
    assert raw.short_id in told[left.id].what
    assert left.short_id in told[total.id].what
    assert workspace.archive.store.place(total.sha256).exists(), "damaged bytes are better than none"
    assert workspace.archive.ingest(file) == (raw, False)
    assert all(m.mended for m in repair(workspace.archive))
    assert verify(workspace.archive).problems == ()
    assert workspace.archive.has_bytes(right)


def test_a_step_that_comes_out_different_mends_nothing(
    workspace: Workspace, toy: dict[str, Step], raw_file: MakeFile
) -> None:
    raw, _ = workspace.archive.ingest(raw_file())
    fickle = execute(workspace.archive, toy["toy-fickle"], {"events": raw}).product
    count = execute(workspace.archive, toy["toy-count"], {"events": raw}).product
    for path in places(workspace, [fickle, count]):
        flip(path, 0)
    told = {m.product: m for m in repair(workspace.archive)}
    assert (told[fickle.id].mended, told[count.id].mended) == (False, True)
    assert "different" in told[fickle.id].what
    assert kinds(verify(workspace.archive)) == {"damaged": {fickle.sha256}}


def test_an_altered_record_or_a_step_that_is_gone_is_told(
    workspace: Workspace, toy: dict[str, Step], raw_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, left, right, total = chain(workspace, toy, raw_file())
    with transaction(workspace.archive.catalogue.engine) as connection:
        connection.exec_driver_sql("DROP TRIGGER products_unchanged")
        other = f"(SELECT making FROM products WHERE id = x'{right.id}')"
        connection.exec_driver_sql(f"UPDATE products SET making = {other} WHERE id = x'{left.id}'")
    for path in places(workspace, [left, right, total]):
        path.unlink()
    told = {m.product: m for m in repair(workspace.archive)}
    assert [told[p.id].mended for p in (left, right, total)] == [False, True, False]
    assert "record" in told[left.id].what
    assert left.short_id in told[total.id].what
    places(workspace, [right])[0].unlink()
    with monkeypatch.context() as patch:
        patch.delenv("PYTHONPATH")
        told = {m.product: m for m in repair(workspace.archive)}
    assert "toy-count" in told[right.id].what
    assert not told[right.id].mended
    assert {m.product: m.mended for m in repair(workspace.archive)}[right.id]


@pytest.mark.parametrize(
    ("table", "change", "shared"),
    [
        ("making", "parameters = '{\"factor\":9}'", False),
        ("making", "code = 'cafe'", False),
        ("sort", "step_version = '9'", True),
        ("sort", "step = 'other'", True),
    ],
)
def test_a_record_that_changed_in_the_index_is_found(
    workspace: Workspace, toy: dict[str, Step], raw_file: MakeFile, table: str, change: str, shared: bool
) -> None:
    _, left, right, _ = chain(workspace, toy, raw_file())
    assert verify(workspace.archive).problems == ()
    with transaction(workspace.archive.catalogue.engine) as connection:
        connection.exec_driver_sql(f"DROP TRIGGER {table}s_unchanged")
        own = f"(SELECT {table} FROM products WHERE id = x'{left.id}')"
        connection.exec_driver_sql(f"UPDATE {table}s SET {change} WHERE {table} = {own}")
    altered = [p for p in verify(workspace.archive).problems if p.kind == "altered"]
    assert [p.where for p in altered] == sorted([left.id, right.id] if shared else [left.id])


def test_truncated_empty_and_strange_files_are_found(workspace: Workspace, raw_file: MakeFile) -> None:
    products = [workspace.archive.ingest(raw_file(f"{n}.simtel", bytes([n]) * 50))[0] for n in range(3)]
    short, empty, folder = places(workspace, products)
    os.truncate(short, 10)
    os.truncate(empty, 0)
    folder.unlink()
    folder.mkdir()
    root = workspace.archive.store.root
    (root / "notes.txt").write_text("mine")
    (root / "ab").mkdir(exist_ok=True)
    (root / "ab" / "cd").write_text("too short a name")
    report = verify(workspace.archive)
    assert kinds(report)["damaged"] == {p.sha256 for p in products[:2]}
    assert kinds(report)["missing"] == {products[2].sha256}
    assert [p.where for p in report.problems if p.kind == "stray"] == [
        str(root / "ab" / "cd"),
        str(root / "notes.txt"),
    ]


def test_garbage_is_told_first_and_only_garbage_goes(
    workspace: Workspace, toy: dict[str, Step], raw_file: MakeFile
) -> None:
    products = chain(workspace, toy, raw_file())
    store = workspace.archive.store
    orphan = store.put_file(raw_file("orphan.simtel", b"nobody's"))
    report = verify(workspace.archive)
    assert kinds(report) == {"orphan": {orphan.sha256}}
    assert report.is_whole, "it takes nothing from any product"
    young = collect_garbage(workspace.archive, remove=True)
    assert (young.objects, young.spared, young.removed) == ({}, 1, True)
    told = collect_garbage(workspace.archive, remove=False, grace=0)
    assert (told.objects, told.spared, told.removed) == ({orphan.sha256: orphan.size}, 0, False)
    assert store.has(orphan.sha256, orphan.size)
    later = store.put_file(raw_file("later.simtel", b"came after the list"))
    gone = collect_garbage(workspace.archive, remove=True, grace=0, among=told.objects)
    assert gone.objects == {orphan.sha256: orphan.size}
    assert not store.place(orphan.sha256).exists()
    assert collect_garbage(workspace.archive, remove=True, grace=0).objects == {later.sha256: later.size}
    assert collect_garbage(workspace.archive, remove=True, grace=0).objects == {}
    assert verify(workspace.archive).problems == ()
    assert all(workspace.archive.has_bytes(p) for p in products)


def test_what_is_registered_while_garbage_is_collected_stays(
    workspace: Workspace, raw_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process settles the same bytes and registers them after the garbage was listed."""
    from pellucid.archive import verify as module

    file = raw_file("late.simtel", b"late")
    blob = workspace.archive.store.put_file(file)
    removed = module._removed

    def late(*args: Any) -> bool:
        workspace.archive.ingest(file)
        return removed(*args)

    monkeypatch.setattr(module, "_removed", late)
    assert collect_garbage(workspace.archive, remove=True, grace=0).objects == {}
    assert workspace.archive.store.verify(blob.sha256) == blob
    assert time.time() - workspace.archive.store.place(blob.sha256).stat().st_ctime < 60
