# SPDX-License-Identifier: BSD-3-Clause
"""Whatever is typed, the answer is one JSON document and a known exit code."""

import contextlib
import io
import json
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.cli.application import VERBS, application
from pellucid.cli.run import run
from pellucid.errors import PellucidError

KNOWN_CODES = {0} | {cls.exit_code for cls in PellucidError.__subclasses__()}
HARMLESS = [verb for verb in VERBS if verb not in ("demo", "simulate")]
CALLS = [*HARMLESS, "config show", "config keys", "config init", "nonsense"]


def option_names() -> list[str]:
    context = click.Context(application)
    found = {"--nonsense", "-x"}
    for verb in HARMLESS:
        command = application.get_command(context, verb)
        assert command is not None
        found.update(option for p in command.params if isinstance(p, click.Option) for option in p.opts)
    return sorted(found - {"--workspace", "--output", "-o", "--json"})


words = st.one_of(
    st.sampled_from(
        [*HARMLESS, "keys", "show", "init", "events.cleaning.picture=8 p.e.", "1", "-1", "DL0/*"]
    ),
    st.sampled_from(option_names()),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).filter(
        lambda text: text not in ("-h", "--help", "--version", "--")
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("here")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verb=st.sampled_from(CALLS), rest=st.lists(words, max_size=4))
def test_any_words_end_in_one_document(
    folder: Path, monkeypatch: pytest.MonkeyPatch, verb: str, rest: list[str]
) -> None:
    monkeypatch.chdir(folder)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = run([*verb.split(), "--json", "--workspace", "workspace", *rest])
    document = json.loads(out.getvalue())
    assert code in KNOWN_CODES
    assert isinstance(document, dict)
    assert ("error" in document) == (code != 0)
    if code:
        assert document["error"]["exit_code"] == code
        assert document["error"]["code"] != "internal"
