# SPDX-License-Identifier: BSD-3-Clause
"""What all tests share: the place of the real data, and the switch for the long forms."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.postgres import Server, server
from support.redmine import Redmine, redmine_server
from support.s3 import KEYS, Bucket, Buckets, s3_server

REPOSITORY = Path(__file__).resolve().parent.parent

# two processes that compile one function of ctapipe at a time can leave a cache that crashes all later ones
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    os.environ["NUMBA_CACHE_DIR"] = str(REPOSITORY / ".numba" / worker)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the long form of the acceptance tests too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    skip = pytest.mark.skip(reason="the long form runs with `make acceptance`")
    for item in items:
        if "full" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def full(pytestconfig: pytest.Config) -> bool:
    """Whether the long form was asked for."""
    return bool(pytestconfig.getoption("--full"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real test data, which live beside the repository and never in it."""
    given = os.environ.get("PELLUCID_TEST_DATA")
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    words = f"no test data at {folder}: name their folder in PELLUCID_TEST_DATA"
    if given or os.environ.get("CI"):
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for this run."""
    with server() as running:
        yield running


@pytest.fixture(scope="session")
def s3() -> Iterator[Buckets]:
    """A server of S3 for this run."""
    with s3_server() as running:
        yield running


@pytest.fixture
def bucket(s3: Buckets, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A new bucket, with the credentials for it in the environment."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return s3.bucket()


@pytest.fixture(scope="session")
def redmine(full: bool) -> Iterator[Redmine]:
    """A real Redmine for this run."""
    with redmine_server(full) as running:
        yield running
