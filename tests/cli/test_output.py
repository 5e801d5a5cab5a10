# SPDX-License-Identifier: BSD-3-Clause
"""Where things are shown: the document on standard output, all else on standard error."""

import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pellucid.cli.output import bar, print_json, table

SCRIPT = """
import logging, warnings
from pellucid.cli.output import bar, print_json, set_up_logging
set_up_logging({verbosity})
log = logging.getLogger("pellucid.test")
with bar("working", shown=True) as progress:
    if progress is not None:
        progress(1, 2, "B")
        progress(2, 2, "B")
log.debug("a detail"); log.info("a remark"); log.warning("a warning"); log.error("an error")
warnings.warn("a library's warning")
print_json({{"done": True}})
"""


def shown(verbosity: int, *, terminal: bool) -> tuple[str, str]:
    """Run the script with standard error a terminal or a pipe; give what it wrote to both."""
    read_end, write_end = pty.openpty() if terminal else os.pipe()
    received = bytearray()

    def collect() -> None:
        try:
            while part := os.read(read_end, 4096):
                received.extend(part)
        except OSError:  # so a terminal tells that its other side is closed
            pass

    reader = threading.Thread(target=collect)
    reader.start()
    script = SCRIPT.format(verbosity=verbosity)
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=write_end, text=True, check=True
    )
    os.close(write_end)
    reader.join(timeout=10)
    os.close(read_end)
    return done.stdout, received.decode()


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_is_shown_on_a_terminal_only_and_never_in_the_document(terminal: bool) -> None:
    out, err = shown(0, terminal=terminal)
    assert json.loads(out) == {"done": True}
    assert ("working" in err) is terminal


@pytest.mark.parametrize(
    ("verbosity", "expected"),
    [
        (-1, {"an error"}),
        (0, {"an error", "a warning", "a library's warning"}),
        (1, {"an error", "a warning", "a library's warning", "a remark"}),
        (2, {"an error", "a warning", "a library's warning", "a remark", "a detail"}),
    ],
)
def test_logs_and_warnings_go_to_standard_error(verbosity: int, expected: set[str]) -> None:
    _, err = shown(verbosity, terminal=False)
    lines = err.splitlines()
    told = {"an error", "a warning", "a library's warning", "a remark", "a detail"}
    assert {t for t in told if any(t in line for line in lines)} == expected


def test_no_bar_where_none_is_wanted() -> None:
    with bar("working", shown=False) as progress:
        assert progress is None


def test_a_table_is_aligned_and_one_line_a_row() -> None:
    text = table(("A", "LONGER"), [("x" * 200, "y"), ("z", "")])
    lines = text.splitlines()
    assert [line.find(last) for line, last in zip(lines[:2], ("LONGER", "y"), strict=True)] == [202, 202]
    assert lines[2] == "z"


def test_a_document_without_a_json_form_is_never_half_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="JSON"):
        print_json({"good": 1, "bad": float("nan")})
    assert capsys.readouterr().out == ""


def test_nothing_is_dropped_where_the_command_is_called(tmp_path: Path) -> None:
    environment = os.environ | {"PELLUCID_WORKSPACE": str(tmp_path / "elsewhere")}
    here = tmp_path / "here"
    here.mkdir()
    for arguments in (["config", "show"], ["find"], ["--help"], ["nonsense"]):
        command = [sys.executable, "-m", "pellucid.cli", *arguments]
        subprocess.run(command, cwd=here, env=environment, capture_output=True, check=False)
    assert list(tmp_path.iterdir()) == [here]
    assert list(here.iterdir()) == []
