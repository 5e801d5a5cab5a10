# SPDX-License-Identifier: BSD-3-Clause
"""A real Redmine on loopback for as long as the tests run, and a proxy that fails when told to."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

__all__ = ["FlakyProxy", "Redmine", "flaky", "redmine_server"]

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "redmine"
HOME = Path("/usr/share/redmine")

PEOPLE = ("Raquel de los Reyes", "Markus Gaug")


class Redmine:
    """A running server.

    ``url``, ``admin`` and ``reader`` are where it is, the key that may do all, and one that may only read.
    """

    def __init__(self, url: str, admin: str, reader: str) -> None:
        from redminelib import Redmine as Client

        self.url, self.admin, self.reader = url, admin, reader
        self.client: Any = Client(url, key=admin)
        # names of this run's own; `.ci/redmine configure` removes what runs before it left
        self._names = (f"t{time.time_ns()}-{n}" for n in count(1))

    def project(self, *, tracker: bool = True) -> str:
        """Make a project with all that Pellucid needs, or without its tracker, and return its identifier."""
        name = next(self._names)
        trackers = {t.name: t.id for t in self.client.tracker.all()}
        self.client.project.create(
            name=name,
            identifier=name,
            is_public=True,
            tracker_ids=[trackers["Task" if tracker else "Bug"]],
            issue_custom_field_ids=[f.id for f in self.client.custom_field.all()] if tracker else [],
        )
        role = next(r.id for r in self.client.role.all() if r.name == "Developer")
        for number in self.people().values():
            self.client.project_membership.create(project_id=name, user_id=number, role_ids=[role])
        return name

    def people(self) -> dict[str, int]:
        """Return the numbers of the users who are members of each project."""
        users = {f"{u.firstname} {u.lastname}": u.id for u in self.client.user.all()}
        return {name: users[name] for name in PEOPLE}

    def issues(self, project: str) -> dict[str, Any]:
        """Return the issues of a project by the id of their task."""
        return {
            next(str(f.value) for f in issue.custom_fields if f.name == "Pellucid task"): issue
            for issue in self.client.issue.filter(project_id=project, status_id="*")
        }

    def names(self, resource: str, /, **conditions: str) -> dict[str, int]:
        """Return numbers by name: of statuses, priorities, trackers."""
        manager = getattr(self.client, resource)
        return {r.name: r.id for r in (manager.filter(**conditions) if conditions else manager.all())}

    def run(self, command: str) -> None:
        """Run a remedy as Redmine's administrator would."""
        environment = os.environ | {
            "BUNDLER_VERSION": "2.3.15",
            "REDMINE_INSTANCE": "default",
            "RAILS_ENV": "production",
        }
        wanted = ["setpriv", "--reuid=www-data", "--regid=www-data", "--init-groups", "sh", "-c", command]
        subprocess.run(wanted, cwd=HOME, env=environment, check=True, timeout=120)


@contextmanager
def redmine_server(wanted: bool) -> Iterator[Redmine]:
    """Start a server; skip with words where none is wanted or installed, fail where it is required."""
    required = bool(os.environ.get("PELLUCID_REQUIRE_REDMINE"))
    if not (wanted or required):
        pytest.skip("tests with a real Redmine run with --full, or with PELLUCID_REQUIRE_REDMINE set")
    if not (HOME.is_dir() and shutil.which("puma") and os.getuid() == 0):
        words = "Redmine is not installed, or this is not root: as root, run '.ci/redmine install'"
        if required:
            pytest.fail(words, pytrace=False)
        pytest.skip(words)
    done = subprocess.run([SCRIPT, "configure"], check=False, capture_output=True, text=True, timeout=300)
    # its database is one file, so that two runs at once get into each other's way
    assert done.returncode == 0, done.stderr
    keys = json.loads(done.stdout.strip().splitlines()[-1])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [SCRIPT, "serve", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process)
        yield Redmine(url, keys["admin"], keys["reader"])
    finally:
        process.terminate()
        process.wait(60)


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert process.poll() is None, "Redmine ended while it started"
        try:
            with urllib.request.urlopen(f"{url}/issue_statuses.json", timeout=60):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    pytest.fail("Redmine did not start within two minutes", pytrace=False)


class FlakyProxy:
    """Forwards to a server, and answers 500 to one of the requests that write.

    ``fail_at`` counts these requests from 1; ``after`` tells whether the server gets it nevertheless.
    """

    def __init__(self, target: str) -> None:
        self.target = target.removeprefix("http://")
        self.fail_at: int | None = None
        self.after = False
        self.writes = 0
        self.url = ""

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        fails = False
        if method != "GET":
            self.writes += 1
            fails = self.writes == self.fail_at
        if fails and not self.after:
            return 500, b"{}"
        connection = http.client.HTTPConnection(self.target, timeout=60)
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return (500, b"{}") if fails else (answer.status, content)


@contextmanager
def flaky(target: str) -> Iterator[FlakyProxy]:
    """Run a proxy in front of a server."""
    proxy = FlakyProxy(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = ("Content-Type", "X-Redmine-API-Key", "Content-Length")
            headers = {k: v for k, v in self.headers.items() if k in kept}
            status, content = proxy.forward(self.command, self.path, headers, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
