# SPDX-License-Identifier: BSD-3-Clause
"""The command as processes of their own, and how they are killed."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PELLUCID = [sys.executable, "-m", "pellucid.cli"]


def kill_once(arguments: Sequence[str], folder: Path, after: float) -> bool:
    """Start a run and kill it some time after it began its work; return whether it was killed."""
    record = folder / "runs" / "last.json"
    before = record.stat().st_mtime_ns if record.exists() else 0
    process = subprocess.Popen(
        [*PELLUCID, *arguments, "--workspace", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and (not record.exists() or record.stat().st_mtime_ns == before):
        time.sleep(0.01)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return bool(json.loads(record.read_text())["state"] == "running")
    assert process.returncode == 0
    return False
