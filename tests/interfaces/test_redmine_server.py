# SPDX-License-Identifier: BSD-3-Clause
"""Servers that are down, refuse, fail, lack something, or are none: what a user is told."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pellucid.errors import ConfigurationError, IntermittentError, PellucidError
from pellucid.interfaces.redmine import Project
from pellucid.interfaces.redmine_client import Refused, redmine_errors
from pellucid.interfaces.redmine_setup import check_setup
from pellucid.interfaces.task import PRIORITIES, STATUSES


def project(**changes: Any) -> dict[str, Any]:
    from pellucid.interfaces.redmine_setup import CUSTOM_FIELDS

    return {
        "id": 7,
        "identifier": "calibration",
        "name": "Calibration",
        "trackers": [{"id": 1, "name": "Task"}],
        "issue_custom_fields": [{"id": i, "name": n} for i, n in enumerate(CUSTOM_FIELDS.values())],
        "time_entry_activities": [{"id": 1, "name": "Development"}],
    } | changes


@pytest.mark.parametrize(
    ("changes", "statuses", "word", "ruby"),
    [
        ({"trackers": []}, STATUSES, "tracker 'Task'", "project.trackers |= [task]"),
        ({}, ("New", "Closed", "In Progress", "Rejected"), "status 'Assigned'", "IssueStatus.create!"),
        ({"issue_custom_fields": []}, STATUSES, "custom field 'Interface'", "field.call('Interface')"),
        ({"time_entry_activities": []}, STATUSES, "activity", "TimeEntryActivity.create!"),
    ],
)
def test_what_rest_cannot_make_is_told_with_its_remedy(
    changes: Any, statuses: Any, word: str, ruby: str
) -> None:
    check_setup(project(), STATUSES, PRIORITIES, "url")
    with pytest.raises(ConfigurationError) as caught:
        check_setup(project(**changes), statuses, PRIORITIES, "url")
    assert caught.value.code == "redmine-setup"
    assert word in caught.value.expected
    assert ruby in caught.value.mend


def test_a_server_that_is_down_is_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(IntermittentError) as caught:
        Project(url, "key", "calibration")
    assert caught.value.code == "redmine-down"
    assert caught.value.exit_code == 100
    with pytest.raises(ConfigurationError) as refusal:
        Project("nonsense", "key", "calibration")
    assert refusal.value.code == "no-redmine"


@contextmanager
def answering(answers: dict[str, tuple[int, Any]], other: tuple[int, Any]) -> Iterator[str]:
    """Run a server that gives an answer for each path, else always the same, and yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, answer = answers.get(self.path.partition("?")[0], other)
            body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("code", "body", "expected", "exit_code"),
    [
        (401, {}, "redmine-key", 101),
        (403, {}, "redmine-read-only", 101),
        (500, {}, "redmine-failed", 100),
        (503, "down for maintenance", "redmine-failed", 100),
        (200, "<html>a wiki</html>", "no-redmine", 101),
        (404, {}, "no-redmine", 101),
        (200, {"project": {"id": 7}}, "no-redmine", 101),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_its_own(
    code: int, body: Any, expected: str, exit_code: int
) -> None:
    with answering({}, (code, body)) as url, pytest.raises(PellucidError) as caught:
        Project(url, "key", "calibration")
    assert (caught.value.code, caught.value.exit_code) == (expected, exit_code)
    assert url in caught.value.where
    assert caught.value.mend


def listed(name: str, *items: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {name: list(items), "total_count": len(items), "offset": 0, "limit": 100}


def test_a_project_with_another_identifier_is_recognised_by_its_number() -> None:
    there = listed("projects", {"id": 7, "identifier": "calibration-of-all", "name": "Calibration"})
    answers = {"/projects.json": there}
    with answering(answers, (404, {})) as url:
        for known, code, words in (
            (7, "redmine-renamed", "--project calibration-of-all"),
            (None, "redmine-project", "calibration-of-all"),
        ):
            with pytest.raises(ConfigurationError) as caught:
                Project(url, "key", "calibration", known)
            assert caught.value.code == code
            assert words in caught.value.mend


def test_a_project_without_its_tracker_is_told_with_the_remedy() -> None:
    answers = {
        "/projects/calibration.json": (200, {"project": project(trackers=[])}),
        "/issue_statuses.json": listed(
            "issue_statuses", *({"id": i, "name": n} for i, n in enumerate(STATUSES))
        ),
        "/enumerations/issue_priorities.json": listed(
            "issue_priorities", *({"id": i, "name": n} for i, n in enumerate(PRIORITIES))
        ),
    }
    with answering(answers, (404, {})) as url, pytest.raises(ConfigurationError) as caught:
        Project(url, "key", "calibration")
    assert caught.value.code == "redmine-setup"
    assert caught.value.expected == "tracker 'Task'"
    assert "project.trackers |= [task]" in caught.value.mend


def test_a_value_that_redmine_does_not_take_is_held_back_and_no_error() -> None:
    from redminelib import exceptions as failures

    for failure in (failures.ValidationError("Interface is invalid"), failures.ResourceNotFoundError()):
        with pytest.raises(Refused), redmine_errors("url"):
            raise failure
