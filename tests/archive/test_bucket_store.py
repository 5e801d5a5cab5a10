# SPDX-License-Identifier: BSD-3-Clause
"""The store in a bucket, against a server that runs: as the one in a folder, object by object."""

import hashlib
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pellucid.archive import Blob, Product, Workspace
from pellucid.archive import bucket_store as module
from pellucid.archive.bucket_store import BucketStore
from pellucid.archive.repair import repair
from pellucid.archive.replay import replay
from pellucid.archive.verify import collect_garbage, verify
from pellucid.errors import ConfigurationError, CorruptedInput, IntermittentError, MissingInput
from pellucid.pipeline.execute import execute
from pellucid.pipeline.step import Step
from support.s3 import Bucket, s3_server

type MakeFile = Callable[..., Path]


@pytest.fixture
def store(bucket: Bucket, tmp_path: Path) -> BucketStore:
    return BucketStore(bucket.url, tmp_path / "work", tmp_path / "cache")


@pytest.fixture
def far(bucket: Bucket, tmp_path: Path) -> Workspace:
    """A workspace whose store is a bucket."""
    return Workspace.open(tmp_path / "far", store=bucket.url)


def key(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256[2:]}"


def chain(workspace: Workspace, toy: dict[str, Step], path: Path) -> list[Product]:
    """Archive a raw file, two counts of it, and their sum."""
    archive = workspace.archive
    raw, _ = archive.ingest(path)
    counts = [execute(archive, toy["toy-count"], {"events": raw}, {"factor": f}).product for f in (1, 2)]
    return [
        raw,
        *counts,
        execute(archive, toy["toy-add"], {"left": counts[0], "right": counts[1]}).product,
    ]


def test_bytes_lie_under_their_sha256_and_come_back(
    store: BucketStore, bucket: Bucket, tmp_path: Path
) -> None:
    content = os.urandom(300_001)
    source = tmp_path / "a.bin"
    source.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    assert store.put_file(source) == Blob(digest, len(content))
    assert bucket.keys() == {key(digest): len(content)}
    assert store.has(digest)
    assert store.has(digest, len(content))
    assert not store.has(digest, 3)
    other = BucketStore(bucket.url, tmp_path / "elsewhere", tmp_path / "empty")
    path = other.path(digest)
    assert path.read_bytes() == content
    assert other.path(digest) == path, "it is fetched once"
    assert not os.stat(path).st_mode & 0o222
    assert other.verify(digest) == Blob(digest, len(content))
    assert list(other.objects()) == [Blob(digest, len(content))]
    assert 0 <= other.age(digest) < 120
    other.remove(digest)
    other.remove(digest)
    assert bucket.keys() == {}
    assert other.age(digest) == 0
    assert not other.has(digest)


def test_ranges_are_read_without_the_rest(store: BucketStore, tmp_path: Path) -> None:
    blob = store.put_bytes(b"0123456789")
    assert store.read(blob.sha256, 2, 5) == b"234"
    assert store.read(blob.sha256, 7) == b"789"
    assert store.read(blob.sha256, 8, 99) == b"89"
    assert store.read(blob.sha256, 20, 30) == b""
    assert store.read(blob.sha256) == b"0123456789"


def test_an_object_is_written_once_and_mended_where_damaged(
    store: BucketStore, bucket: Bucket, tmp_path: Path
) -> None:
    blob = store.put_bytes(b"abc")
    before = store.age(blob.sha256)
    assert store.put_bytes(b"abc") == blob
    assert store.age(blob.sha256) >= before, "it was not written again"
    bucket.put(key(blob.sha256), b"abd")
    with pytest.raises(CorruptedInput) as caught:
        store.verify(blob.sha256)
    assert caught.value.code == "damaged-object"
    assert caught.value.where == store.place(blob.sha256)
    fresh = BucketStore(bucket.url, tmp_path / "w", tmp_path / "c")
    with pytest.raises(CorruptedInput):
        fresh.path(blob.sha256)
    store.put_bytes(b"abc")
    assert store.verify(blob.sha256) == blob
    bucket.put(key(blob.sha256), b"")
    with pytest.raises(CorruptedInput) as empty:
        store.measure(blob.sha256)
    assert empty.value.code == "empty"


def test_an_old_object_that_is_wanted_again_is_young_again(
    store: BucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it could be removed as garbage right before its new product is registered."""
    blob = store.put_bytes(b"abc")
    time.sleep(1.2)
    store.put_bytes(b"abc")
    assert store.age(blob.sha256) > 1.0, "it is young enough to stay as it is"
    monkeypatch.setattr(module, "FRESH_SECONDS", 1.0)
    store.put_bytes(b"abc")
    assert store.age(blob.sha256) < 1.0
    assert store.verify(blob.sha256) == blob


def test_many_who_write_the_same_object_at_once_write_one(
    store: BucketStore, bucket: Bucket, tmp_path: Path
) -> None:
    content = os.urandom(200_000)
    with ThreadPoolExecutor(8) as threads:
        blobs = set(threads.map(store.put_bytes, [content] * 16))
    (blob,) = blobs
    assert bucket.keys() == {key(blob.sha256): len(content)}
    assert bucket.get(key(blob.sha256)) == content
    assert list((tmp_path / "work" / "staging").iterdir()) == []


def test_a_damaged_copy_in_the_cache_goes_when_the_object_is_verified(store: BucketStore) -> None:
    blob = store.put_bytes(b"abc")
    copy = store.path(blob.sha256)
    copy.chmod(0o644)
    copy.write_bytes(b"abd")
    assert store.verify(blob.sha256) == blob
    assert store.path(blob.sha256).read_bytes() == b"abc"


def test_a_service_that_goes_down_leaves_no_half_product(
    tmp_path: Path, bucket: Bucket, raw_file: MakeFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 1)
    with s3_server() as server:
        own = server.bucket()
        with Workspace.open(tmp_path / "ws", store=own.url) as workspace:
            whole, _ = workspace.archive.ingest(raw_file())
            server.process.kill()
            server.process.wait()
            with pytest.raises(IntermittentError) as caught:
                workspace.archive.ingest(raw_file("other.simtel", b"other"))
            assert caught.value.code == "store-unreachable"
            assert workspace.archive.find() == [whole]
            assert workspace.archive.path(whole).exists(), "what was read before can still be read"
            with pytest.raises(IntermittentError):
                verify(workspace.archive)


def test_large_objects_go_in_parts(
    store: BucketStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ONE_REQUEST", 1 << 20)
    monkeypatch.setattr(module, "PART", 5 << 20)
    content = random.Random(5).randbytes(11 << 20)
    blob = store.put_bytes(content)
    assert bucket.keys() == {key(blob.sha256): len(content)}
    assert bucket.get(key(blob.sha256)) == content
    bucket.put(key(blob.sha256), content[:-1] + b"!")
    store.put_bytes(content)
    assert store.verify(blob.sha256) == blob


def test_missing_objects_and_wrong_names(store: BucketStore) -> None:
    for call in (store.path, store.verify, store.read):
        with pytest.raises(MissingInput) as caught:
            call("0" * 64)
        assert caught.value.code == "object-missing"
    for wrong in ("", "../../etc/passwd", "A" * 64):
        with pytest.raises(ValueError, match="sha256"):
            store.path(wrong)


def test_the_cache_drops_what_was_not_used_for_long(bucket: Bucket, tmp_path: Path) -> None:
    store = BucketStore(bucket.url, tmp_path / "work", tmp_path / "cache", cache_bytes=10)
    old, used = store.put_bytes(b"12345678"), store.put_bytes(b"abcdefgh")
    for blob in (old, used):
        os.utime(store.path(blob.sha256), (1, 1))
    store.path(used.sha256)
    new = store.put_bytes(b"ABCDEFGH")
    held = {p.read_bytes() for p in (tmp_path / "cache").glob("??/*")}
    assert held == {b"abcdefgh", b"ABCDEFGH"}, "what was used within the hour stays"
    assert store.path(old.sha256).read_bytes() == b"12345678"
    assert store.has(new.sha256)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://bucket/prefix", "store-url"),
        ("s3:///prefix", "store-url"),
        ("s3://bucket/prefix?colour=red", "store-url"),
        ("s3://key:secret@bucket/prefix", "store-url"),
    ],
)
def test_an_ill_formed_url_is_refused(url: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        BucketStore(url, tmp_path / "work", tmp_path / "cache")
    assert caught.value.code == code
    assert "secret" not in str(caught.value)


def test_what_is_missing_is_told(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = (tmp_path / "work", tmp_path / "cache")
    absent = BucketStore(bucket.url.replace("s3://bucket", "s3://nosuchbucket"), *folders)
    for call in (lambda: absent.put_bytes(b"abc"), lambda: list(absent.objects())):
        with pytest.raises(ConfigurationError) as caught:
            call()
        assert caught.value.code == "store-access"
    monkeypatch.setattr(module, "RETRY_SECONDS", 1)
    closed = BucketStore("s3://bucket1/x?endpoint=http://127.0.0.1:9", *folders)
    with pytest.raises(IntermittentError) as out_of_reach:
        closed.put_bytes(b"abc")
    assert out_of_reach.value.code == "store-unreachable"
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "obstore.store", None)
        with pytest.raises(ConfigurationError) as uninstalled:
            BucketStore(bucket.url, *folders)
    assert uninstalled.value.mend == "pip install 'pellucid[s3]'"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(ConfigurationError) as nobody:
        BucketStore(bucket.url, *folders)
    assert nobody.value.code == "no-credentials"


def test_a_workspace_remembers_its_bucket_and_has_no_other(
    far: Workspace, bucket: Bucket, raw_file: MakeFile
) -> None:
    raw, _ = far.archive.ingest(raw_file())
    far.close()
    assert bucket.keys() == {key(raw.sha256): raw.size}
    with Workspace.open(far.path) as again:
        assert again.archive.store.url == bucket.url
        assert again.archive.path(raw).stat().st_size == raw.size
    with pytest.raises(ConfigurationError) as caught:
        Workspace.open(far.path, store="s3://other/place")
    assert caught.value.code == "other-store"


def test_lineage_replay_verify_repair_and_garbage_as_in_a_folder(
    far: Workspace, bucket: Bucket, toy: dict[str, Step], raw_file: MakeFile
) -> None:
    chance = random.Random(7)
    archive = far.archive
    raw, *derived = chain(far, toy, raw_file(content=chance.randbytes(900)))
    assert replay(far, derived[-1].id).identical
    assert verify(archive).is_whole
    for product in (raw, *derived[1:]):
        content = bytearray(bucket.get(key(product.sha256)))
        bit = chance.randrange(8 * len(content))
        content[bit // 8] ^= 1 << bit % 8
        bucket.put(key(product.sha256), bytes(content))
    bucket.remove(key(derived[0].sha256))
    bucket.put("notes.txt", b"hello")
    report = verify(archive)
    kinds = {(p.kind, p.sha256) for p in report.problems}
    assert kinds == {
        *(("damaged", p.sha256) for p in (raw, *derived[1:])),
        ("missing", derived[0].sha256),
        ("stray", ""),
    }
    told = {m.product: m.mended for m in repair(archive)}
    assert told == {raw.id: False, **{p.id: False for p in derived}}, "the raw file is damaged itself"
    archive.ingest(raw_file(content=random.Random(7).randbytes(900)))
    assert all(m.mended for m in repair(archive))
    assert [p.kind for p in verify(archive).problems] == ["stray"]
    orphan = archive.store.put_bytes(b"nobody's")
    assert collect_garbage(archive, remove=False).spared == 1
    assert collect_garbage(archive, remove=True, grace=0.0).objects == {orphan.sha256: orphan.size}
    assert not archive.store.has(orphan.sha256)
    far.close()
