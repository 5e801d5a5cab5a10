# SPDX-License-Identifier: BSD-3-Clause
"""A disk that fills up while the archive works: a typed error, a whole archive, and on it goes."""

import json
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
