# SPDX-License-Identifier: BSD-3-Clause
"""A disk that is full or read-only: a typed error, a whole archive, and on it goes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.archive import Workspace

SCRIPT = """
import json, resource, sys
from pathlib import Path
from pellucid.archive import Workspace
from pellucid.errors import PellucidError

root, limit = Path(sys.argv[1]), int(sys.argv[2])
workspace = Workspace.open(root)
workspace.archive.find()
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
safe, error = [], None
for number in range(400):
    path = root.parent / f"run{number}.simtel"
    path.write_bytes(b"\\x37\\x8a\\x1f\\xd4" + number.to_bytes(2) + bytes(200))
    try:
        safe.append(workspace.archive.ingest(path)[0].id)
    except PellucidError as failure:
        error = [type(failure).__name__, failure.code, failure.mend != ""]
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
again = workspace.archive.ingest(path)
print(json.dumps([safe, error, again[0].id, again[1]]))
"""


@pytest.mark.parametrize("pages", [40, 75])
def test_the_index_cannot_grow(tmp_path: Path, pages: int) -> None:
    """The kernel refuses to let a file grow past a limit, as a full disk does; objects stay below it."""
    root = tmp_path / "ws"
    Workspace.open(root).close()
    command = [sys.executable, "-c", SCRIPT, str(root), str(pages * 8192)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    safe, error, again, is_new = json.loads(done.stdout)
    assert error == ["IntermittentError", "index-unavailable", True]
    assert len(safe) > 2
    assert is_new
    with Workspace.open(root) as workspace:
        assert {p.id for p in workspace.archive.find()} == {*safe, again}
        for product in workspace.archive.find():
            workspace.archive.store.verify(product.sha256)


ON_A_DISK_OF_ITS_OWN = """
import json, subprocess, sys
from pathlib import Path
from pellucid.archive import Workspace
from pellucid.archive.verify import verify
from pellucid.errors import PellucidError

disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", disk], check=True)
file, number = disk.parent / "run.simtel", 0

def ingest():
    global number
    number += 1
    file.write_bytes(b"\\x37\\x8a\\x1f\\xd4" + number.to_bytes(4) * 25_000)
    return archive.ingest(file, telescopes=(3,))[0]

def failure(call, *arguments):
    try:
        call(*arguments)
    except PellucidError as error:
        return [type(error).__name__, error.code, error.mend != ""]

workspace = Workspace.open(disk / "ws")
archive = workspace.archive
safe, full = [ingest()], None
while full is None:
    full = failure(lambda: safe.append(ingest()))
whole_when_full = {p.id for p in archive.find()} == {p.id for p in safe} and verify(archive).is_whole
workspace.close()
subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
read_only = [failure(Workspace.open, disk / "ws"), failure(Workspace.open, disk / "new")]
read_only.append(failure(archive.store.put_file, file))
still_read = all(archive.store.verify(p.sha256).size == p.size for p in safe)
subprocess.run(["mount", "-o", "remount,rw,size=6m", disk], check=True)
archive = Workspace.open(disk / "ws").archive
safe.append(ingest())
first = safe[0]
archive.certify(first, "B", 100, 200)
found = archive.lookup(first.product_type, 3, 150, "B").product == first
whole = whole_when_full and still_read and verify(archive).is_whole and len(archive.find()) == len(safe)
staged = len(list((disk / "ws" / "store" / "staging").iterdir()))
answer = {"full": full, "read_only": read_only, "ingested": len(safe)}
print(json.dumps(answer | {"found": found, "staged": staged, "whole": whole}))
"""


def test_a_disk_that_is_full_and_then_read_only(tmp_path: Path) -> None:
    """A small file system, which only this test's process sees, is filled and then locked by the kernel."""
    disk = tmp_path / "disk"
    disk.mkdir()
    unshare = shutil.which("unshare")
    mount = [unshare or "", "-rm", "mount", "-t", "tmpfs", "none", str(disk)]
    if unshare is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a file system for one process needs unshare of util-linux, and the right to mount one")
    command = [unshare, "-rm", sys.executable, "-c", ON_A_DISK_OF_ITS_OWN, str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["full"][0] == "IntermittentError"
    assert told["full"][1] in ("disk-full", "index-unavailable")
    assert [error[0] for error in told["read_only"]] == ["IntermittentError"] * 3
    assert {error[1] for error in told["read_only"]} == {"index-unavailable", "read-only"}
    assert all(error[2] for error in (told["full"], *told["read_only"])), "each says how to mend it"
    assert told["ingested"] > 5
    assert told["found"]
    assert told["whole"]
    assert told["staged"] == 0
