# SPDX-License-Identifier: BSD-3-Clause
"""The store: bytes come in whole, once, under their own hash."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pellucid.archive import Blob, FolderStore
from pellucid.errors import CorruptedInput, IntermittentError, MissingInput


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def objects(store: FolderStore) -> list[Path]:
    return [p for p in store.root.rglob("*") if p.is_file() and p.name != "staging.lock"]


def test_bytes_lie_under_their_sha256_and_the_source_stays(store: FolderStore, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    source = tmp_path / "a.bin"
    source.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    assert store.put_file(source) == Blob(digest, len(content))
    assert objects(store) == [store.root / digest[:2] / digest[2:]]
    assert store.path(digest).read_bytes() == content
    assert source.read_bytes() == content
    assert not os.stat(store.path(digest)).st_mode & 0o222
    assert store.has(digest, len(content))
    assert not store.has(digest, len(content) - 1)


def test_ranges_are_read_without_the_rest(store: FolderStore, tmp_path: Path) -> None:
    source = tmp_path / "a.bin"
    source.write_bytes(b"0123456789")
    sha256 = store.put_file(source).sha256
    assert store.read(sha256, 2, 5) == b"234"
    assert store.read(sha256, 7) == b"789"
    assert store.read(sha256, 8, 99) == b"89"
    assert store.read(sha256, 20, 30) == store.read(sha256, 5, 3) == b""
    assert store.read(sha256) == b"0123456789"
    with pytest.raises(MissingInput) as caught:
        store.read("0" * 64, 0, 3)
    assert caught.value.code == "object-missing"


def test_same_bytes_again_are_one_object_and_mend_a_damaged_one(store: FolderStore, tmp_path: Path) -> None:
    source = tmp_path / "a.bin"
    source.write_bytes(b"abc")
    blob = store.put_file(source)
    assert store.put_file(source) == blob
    assert len(objects(store)) == 1
    place = store.path(blob.sha256)
    place.chmod(0o644)
    place.write_bytes(b"abd")
    with pytest.raises(CorruptedInput) as caught:
        store.verify(blob.sha256)
    assert caught.value.code == "damaged-object"
    assert str(place) == caught.value.where
    store.put_file(source)
    assert store.verify(blob.sha256) == blob


def test_a_source_that_is_no_file_with_data_is_refused(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    cases = {
        tmp_path: (CorruptedInput, "directory"),
        tmp_path / "empty": (CorruptedInput, "empty"),
        tmp_path / "pipe": (CorruptedInput, "not-a-file"),
        Path("/dev/zero"): (CorruptedInput, "not-a-file"),
        tmp_path / "absent": (MissingInput, "no-such-file"),
        tmp_path / "empty" / "below": (MissingInput, "no-such-file"),
        tmp_path / "dangling": (MissingInput, "no-such-file"),
    }
    for path, (kind, code) in cases.items():
        with pytest.raises(kind) as caught:
            store.put_file(path)
        assert (caught.value.code, caught.value.where) == (code, str(path))
    assert objects(store) == []


def test_an_unreadable_source_is_told_apart(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "secret"
    source.write_bytes(b"abc")
    real_open = os.open

    def refuse(path: Any, *args: Any, **kwargs: Any) -> int:
        if path == source:
            raise PermissionError(errno.EACCES, "Permission denied", str(source))
        return real_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MissingInput) as caught:
        store.put_file(source)
    assert caught.value.code == "unreadable"


@pytest.mark.parametrize("change", ["append", "shrink", "edit", "replace", "remove"])
def test_a_source_that_changes_while_read_leaves_nothing(
    store: FolderStore, tmp_path: Path, change: str
) -> None:
    source = tmp_path / "live.bin"
    source.write_bytes(os.urandom(2 << 20))
    os.utime(source, ns=(1, 1))

    def interfere(done: int, total: int, unit: str) -> None:
        if done != 1 << 20:
            return
        if change == "append":
            source.write_bytes(source.read_bytes() + b"more")
        elif change == "shrink":
            os.truncate(source, 1 << 20)
        elif change == "edit":
            with source.open("r+b") as file:
                file.write(b"x")
        elif change == "replace":
            (tmp_path / "other").write_bytes(source.read_bytes())
            os.utime(tmp_path / "other", ns=(1, 1))
            (tmp_path / "other").rename(source)
        else:
            source.unlink()

    with pytest.raises(CorruptedInput) as caught:
        store.put_file(source, progress=interfere)
    assert caught.value.code == "changed-while-read"
    assert objects(store) == []


def test_adopt_moves_a_staged_file_in_and_nothing_else(store: FolderStore, tmp_path: Path) -> None:
    with store.staging() as folder:
        staged = folder / "out"
        staged.write_bytes(b"product")
        blob = store.adopt(staged)
        assert not staged.exists()
    assert store.path(blob.sha256).read_bytes() == b"product"
    outside = tmp_path / "mine"
    outside.write_bytes(b"product")
    with pytest.raises(ValueError, match="staging"):
        store.adopt(outside)
    assert outside.exists()


def test_missing_objects_and_wrong_names(store: FolderStore) -> None:
    absent = "0" * 64
    assert not store.has(absent, 0)
    for call in (store.path, store.verify):
        with pytest.raises(MissingInput) as caught:
            call(absent)
        assert caught.value.code == "object-missing"
    for wrong in ("", "../../etc/passwd", "A" * 64, "0" * 63):
        with pytest.raises(ValueError, match="sha256"):
            store.path(wrong)


def test_staging_goes_at_the_end_even_after_an_error(store: FolderStore) -> None:
    def fail_halfway() -> None:
        with store.staging() as folder:
            (folder / "half").write_bytes(b"1")
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert list((store.root / "staging").iterdir()) == []


def test_opening_cleans_what_the_dead_left_and_spares_the_living(tmp_path: Path) -> None:
    root = tmp_path / "store"
    script = (
        "import os, sys; from pathlib import Path; from pellucid.archive import FolderStore\n"
        "context = FolderStore(Path(sys.argv[1])).staging(); folder = context.__enter__()\n"
        "(folder / 'half').write_bytes(b'1'); print(folder, flush=True); sys.stdin.read(); os._exit(9)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    left = Path(process.stdout.readline().strip())
    with FolderStore(root).staging() as mine:
        FolderStore(root)
        assert (left / "half").exists()
        process.communicate()
        FolderStore(root)
        assert not left.exists()
        assert mine.exists()


def test_full_and_read_only_disks_are_intermittent(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.bin"
    source.write_bytes(b"abc")
    cases = {
        "write": (errno.ENOSPC, "disk-full"),
        "fsync": (errno.EDQUOT, "disk-full"),
        "replace": (errno.EROFS, "read-only"),
        "mkdir": (errno.EIO, "write-failed"),
    }
    for call, (number, code) in cases.items():

        def fail(*_args: object, number: int = number, **_kwargs: object) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            with pytest.raises(IntermittentError) as caught:
                store.put_file(source)
        assert caught.value.code == code
        assert objects(store) == []
    store.put_file(source)
    assert len(objects(store)) == 1


def test_a_really_full_disk(tmp_path: Path) -> None:
    """The kernel itself refuses to write past a limit."""
    source = tmp_path / "big.bin"
    source.write_bytes(b"x" * 300_000)
    script = (
        "import resource, sys; from pathlib import Path; from pellucid.archive import FolderStore\n"
        "store = FolderStore(Path(sys.argv[2])); resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, -1))\n"
        "try:\n    store.put_file(Path(sys.argv[1]))\n"
        "except Exception as error:\n    print(type(error).__name__, error.code, end='')\n"
    )
    command = [sys.executable, "-c", script, source, tmp_path / "store"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "IntermittentError disk-full"
    assert objects(FolderStore(tmp_path / "store")) == []
