# SPDX-License-Identifier: BSD-3-Clause
"""A server that speaks S3, for as long as the tests run: a process of its own on the loopback address."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

__all__ = ["Bucket", "Buckets", "s3_server"]

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}


class Bucket:
    """A bucket, looked at and tampered with by a client of its own.

    Attributes
    ----------
    url : str
        As a store takes it, with a prefix.
    """

    def __init__(self, endpoint: str, name: str) -> None:
        from obstore.store import S3Store

        self.url = f"s3://{name}/archive/one?endpoint={endpoint}"
        self.client = S3Store(
            name,
            endpoint=endpoint,
            access_key_id="test",
            secret_access_key="test",
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def get(self, key: str) -> bytes:
        import obstore

        return bytes(obstore.get(self.client, f"archive/one/{key}").bytes())

    def put(self, key: str, content: bytes) -> None:
        import obstore

        obstore.put(self.client, f"archive/one/{key}", content)

    def remove(self, key: str) -> None:
        import obstore

        obstore.delete(self.client, f"archive/one/{key}")

    def keys(self) -> dict[str, int]:
        import obstore

        found: dict[str, Any] = {}
        for batch in obstore.list(self.client):
            found |= {item["path"].removeprefix("archive/one/"): item["size"] for item in batch}
        return found


class Buckets:
    """A running server; each bucket it makes is new and empty."""

    def __init__(self, endpoint: str, process: "subprocess.Popen[bytes]") -> None:
        self.endpoint = endpoint
        self.process = process
        self._numbers = count(1)

    def bucket(self) -> Bucket:
        """Make a bucket."""
        name = f"bucket{next(self._numbers)}"
        urlopen(Request(f"{self.endpoint}/{name}", method="PUT"), timeout=10).close()
        return Bucket(self.endpoint, name)


@contextmanager
def s3_server() -> Iterator[Buckets]:
    """Start a server; where moto or obstore is not installed, skip with words, or fail if CI is set."""
    program = shutil.which("moto_server", path=str(Path(sys.executable).parent))
    if program is None or find_spec("obstore") is None:
        words = "no server of S3: pip install 'moto[s3]' flask flask-cors obstore"
        if os.environ.get("CI"):
            pytest.fail(words, pytrace=False)
        pytest.skip(words)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [program, "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            assert process.poll() is None, "the server ended at once"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield Buckets(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(30)
