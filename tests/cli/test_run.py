# SPDX-License-Identifier: BSD-3-Clause
"""Every way a command can end: the exit code, one sentence or one JSON document, never a traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from pellucid.cli import application as app
from pellucid.cli.application import VERBS, application
from pellucid.cli.run import run

PELLUCID = [sys.executable, "-m", "pellucid.cli"]


def commands(command: click.Command = application, path: str = "") -> list[tuple[str, click.Command]]:
    """Return every command that does something, by its path."""
    if not isinstance(command, click.Group):
        return [(path.strip(), command)]
    context = click.Context(command)
    found = []
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None, name
        found += commands(child, f"{path} {name}")
    return found


@pytest.mark.parametrize("arguments", [["--help"], ["process", "--help"]])
def test_help_comes_within_its_time(arguments: list[str]) -> None:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([*PELLUCID, *arguments], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.3


@pytest.mark.parametrize(("path", "command"), commands())
def test_every_verb_has_the_common_options_and_a_short_help_that_fits(
    path: str, command: click.Command
) -> None:
    names = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "--workspace", "--config", "--set", "--verbose", "--quiet", "--debug"} <= names
    assert not command.get_short_help_str(60).endswith("...")
    assert all(p.help for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["proces", "x"], "process"),
        (["fnd"], "find"),
        (["config", "shw"], "show"),
        (["find", "--limt", "3"], "--limit"),
        (["config", "show", "--workspce", "x"], "--workspace"),
    ],
)
def test_a_mistyped_verb_or_option_names_the_nearest(
    arguments: list[str], nearest: str, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, *["--json"] * as_json]) == 2
    out, err = capsys.readouterr()
    if as_json:
        error = json.loads(out)["error"]
        assert f"'{nearest}'" in error["mend"]
        assert error["exit_code"] == 2
    else:
        assert out == ""
        assert f"'{nearest}'" in err


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (["--workspace", "w", "find"], "pellucid demo --workspace"),
        (["interfaces", "--strict", "status"], "pellucid interfaces status --strict"),
    ],
)
def test_an_option_before_its_verb_is_told_its_place(
    arguments: list[str], right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert f"stand behind the verb, as in '{right} ...'" in capsys.readouterr().err


def example_of(kind: click.ParamType, folder: Path) -> str:
    """A value that an option of some type takes."""
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    return "1" if kind is click.INT else str(folder / "out")


def test_a_mistyped_configuration_key_stops_every_verb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pellucid.toml").write_text("[events.cleaning]\npictur = 3\n")
    given = {
        "ID": "abcd",
        "[FILES]...": __file__,
        "FILES...": __file__,
        "DAY": "2026-11-22",
        "-o": str(tmp_path / "out"),
    }
    for path, command in commands():
        if path in ("config keys", "config init"):  # the two that help to mend it
            continue
        arguments = path.split()
        for parameter in command.params:
            if isinstance(parameter, click.Argument):
                arguments.append(given.get(parameter.make_metavar(click.Context(command)), __file__))
            elif parameter.required:
                arguments += [parameter.opts[0], example_of(parameter.type, tmp_path)]
        assert run([*arguments, "--workspace", str(tmp_path), "--json"]) == 101, path
        error = json.loads(capsys.readouterr().out)["error"]
        assert "events.cleaning.picture" in error["mend"], path


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    shown = capsys.readouterr().err
    assert all(verb in shown for verb in VERBS)


def failing(error: BaseException) -> click.Command:
    @click.command("find")
    @click.option("--json", "as_json", is_flag=True)
    @click.option("--debug", is_flag=True)
    def command(as_json: bool, debug: bool) -> None:
        raise error

    return command


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make the verb ``find`` fail in a way nobody foresaw; logs go to a folder of their own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(app.LazyGroup, "get_command", lambda *_: failing(ZeroDivisionError("secret detail")))
    return tmp_path


def test_an_internal_error_is_one_sentence_and_a_log(
    broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["find"]) == 1
    out, err = capsys.readouterr()
    (log,) = broken.glob("pellucid-*.log")
    assert "secret detail" in log.read_text()
    assert str(log) in err
    assert "Internal error" in err
    assert "Traceback" not in err + out


def test_an_internal_error_is_one_json_document(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["find", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "internal"


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (OSError(28, "No space left", "/disk"), 100)]
)
def test_interrupts_and_the_systems_refusals_have_their_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app.LazyGroup, "get_command", lambda *_: failing(error))
    assert run(["find"]) == code
    assert "Traceback" not in capsys.readouterr().err


def test_json_after_a_double_dash_is_a_file_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ingest", "--nonsense", "--", "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_a_reader_that_leaves_early_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run([*PELLUCID, "config", "keys"], stdout=write_end, stderr=subprocess.PIPE, text=True)
    os.close(write_end)
    assert done.stderr == ""
    assert done.returncode == 0


def test_an_interrupt_from_outside_ends_with_130(tmp_path: Path) -> None:
    # reading a configuration from a pipe that nobody writes to waits for ever
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [*PELLUCID, "config", "show", "--config", str(pipe)],
        stderr=subprocess.PIPE,
        text=True,
        # tests that run in the background ignore interrupts, and what they start would too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in err
