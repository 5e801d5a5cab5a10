# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid process`` on a real file, and what it refuses."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pellucid.cli.run import run
from pellucid.config import Config, events_parameters
from pellucid.events.options import ProcessOptions

type Call = Any


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call a verb on a workspace of its own; give the exit code and the one JSON document."""

    def call(*arguments: object) -> tuple[int, dict[str, Any]]:
        code = run([*map(str, arguments), "--json", "--workspace", str(tmp_path / "workspace")])
        return code, json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def gamma(data_dir: Path) -> Path:
    return data_dir / "camera" / "simtel" / "gamma_prod6_tel_event_header_v4.simtel.zst"


@pytest.fixture
def truncated(gamma: Path, tmp_path: Path) -> Path:
    path = tmp_path / "truncated.simtel.zst"
    path.write_bytes(gamma.read_bytes()[:-200_000])
    return path


def test_the_configuration_has_the_defaults_of_the_algorithms() -> None:
    assert events_parameters(Config()) == asdict(ProcessOptions())


def test_a_real_file_becomes_a_product_that_replays(call: Call, gamma: Path, tmp_path: Path) -> None:
    output = tmp_path / "gamma.dl1.h5"
    code, made = call("process", gamma, "-o", output)
    assert code == 0
    assert (made["array_events"], made["telescope_events"]) == (1, 7)
    assert made["output"] == str(output)
    assert made["reused"] is False
    assert made["seconds"] > 0

    _, shown = call("show", made["product"])
    assert Path(shown["path"]).read_bytes() == output.read_bytes()
    assert [i["product"] for i in shown["inputs"]] == [made["raw"]]
    assert call("show", made["raw"])[1]["summary"] == {"check": "no interface covers this"}

    code, replayed = call("replay", made["product"])
    assert (code, replayed["identical"]) == (0, True)
    assert replayed["expected_sha256"] == replayed["got_sha256"] == shown["sha256"]

    code, again = call("process", gamma, "--threads", "1", "--chunk-events", "1")
    assert (code, again["product"], again["reused"]) == (0, made["product"], True)

    code, refused = call("process", gamma, "-o", output)
    assert (code, refused["error"]["code"]) == (2, "output-exists")
    code, other = call("process", gamma, "-o", output, "--overwrite", "--telescopes", "5,1")
    assert (code, other["telescope_events"]) == (0, 2)
    assert other["product"] != made["product"]
    assert output.stat().st_size < Path(shown["path"]).stat().st_size


def test_options_and_settings_reach_the_product(call: Call, gamma: Path) -> None:
    code, made = call(
        "process", gamma, "--focal-length", "nominal", "--set", "events.extractor.kind=local-peak"
    )
    assert code == 0
    parameters = call("show", made["product"])[1]["parameters"]
    assert parameters["focal_length"] == "nominal"
    assert parameters["extractor"]["kind"] == "local-peak"
    assert parameters["cleaning"]["picture"] == 10.0


def test_damage_is_told_by_the_name_the_user_gave(call: Call, truncated: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.h5"
    code, refused = call("process", truncated, "-o", output)
    assert code == 104
    assert str(truncated) in refused["error"]["where"]
    assert not output.exists()
    assert call("find", "--step", "dl1")[1]["products"] == []


def test_what_precedes_damage_is_kept_where_asked_for_and_flagged(
    call: Call, data_dir: Path, tmp_path: Path
) -> None:
    cut = data_dir / "camera" / "simtel" / "test_lasercal_v3.simtel.gz"
    code, made = call("process", cut, "--keep-partial", "-o", tmp_path / "kept.h5")
    assert code == 0
    assert made["flags"] == ["partial"]
    assert made["array_events"] > 0
    assert made["damage"]["where"]


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--telescopes", "1,x"], 2, "telescopes"),
        (["--focal-length", "nominl"], 2, "nominal"),
        (["--threads", "many"], 2, "threads"),
        (["--threads", "-1"], 101, "run.threads"),
        (["-o", "a/b/c.h5"], 2, "folder"),
        (["-o", "out.h5", "second-file"], 2, "one output"),
    ],
)
def test_wrong_calls_stop_before_any_work(
    call: Call, tmp_path: Path, arguments: list[str], code: int, word: str
) -> None:
    got, refused = call("process", tmp_path / "absent", *arguments)
    assert got == code
    assert word in json.dumps(refused)
    assert not (tmp_path / "workspace").exists()


@pytest.mark.parametrize(
    ("content", "name"), [(b"", "empty"), (b"not a camera file, but long enough", "unknown-format")]
)
def test_what_is_no_event_file_ends_with_104(call: Call, tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    code, refused = call("process", path, "-o", tmp_path / "out.h5")
    assert (code, refused["error"]["code"]) == (104, name)
    assert not (tmp_path / "out.h5").exists()
