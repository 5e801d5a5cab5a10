# SPDX-License-Identifier: BSD-3-Clause
"""Work is claimed by one owner at a time, and comes free when its owner is gone."""

import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pellucid.archive.catalogue import Catalogue
from pellucid.errors import UsageError


def test_one_owner_at_a_time(catalogue: Catalogue) -> None:
    claims = catalogue.claims
    assert claims.holder("work") is None
    assert claims.take("work", "a", 60)
    assert not claims.take("work", "b", 60)
    assert claims.take("work", "a", 60), "one's own may be taken again"
    assert claims.take("other", "b", 60)
    holder = claims.holder("work")
    assert holder is not None
    assert holder.owner == "a"
    assert abs(holder.until_ns - time.time_ns() - 60 * 10**9) < 10 * 10**9


def test_a_claim_is_given_back_by_its_owner_alone(catalogue: Catalogue) -> None:
    claims = catalogue.claims
    claims.take("work", "a", 60)
    claims.release("work", "b")
    assert not claims.take("work", "b", 60)
    claims.release("work", "a")
    claims.release("work", "a")
    assert claims.take("work", "b", 60)


def test_a_lease_runs_out_unless_it_is_renewed(catalogue: Catalogue) -> None:
    claims = catalogue.claims
    claims.take("kept", "a", 0.2)
    claims.take("left", "a", 0.2)
    assert claims.renew("kept", "a", 60)
    time.sleep(0.25)
    assert claims.holder("left") is None
    assert not claims.take("kept", "b", 60)
    assert claims.take("left", "b", 60)
    assert not claims.renew("left", "a", 60), "it is another's by now"
    assert not claims.renew("never", "a", 60)
    assert claims.take("left", "b", 60)


@pytest.mark.parametrize(
    ("key", "owner", "lease"),
    [
        ("", "a", 1.0),
        ("k", "", 1.0),
        ("k", "a", 0.0),
        ("k", "a", -1.0),
        ("k", "a", float("nan")),
        ("k", "a", 1e300),
    ],
)
def test_a_claim_that_cannot_be_is_refused(catalogue: Catalogue, key: str, owner: str, lease: float) -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.claims.take(key, owner, lease)
    assert caught.value.code == "claim"


SCRIPT = """
import sys
from pathlib import Path
from pellucid.archive.catalogue import Catalogue

where, owner = sys.argv[1:]
catalogue = Catalogue(where if "://" in where else Path(where))
sys.stdin.read(1)
print(*[n for n in range(20) if catalogue.claims.take(str(n), owner, 60)])
"""


def test_of_several_processes_one_gets_each_piece(index: Path | str) -> None:
    Catalogue(index).close()
    command = [sys.executable, "-c", SCRIPT, str(index)]
    running = [
        subprocess.Popen([*command, owner], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for owner in "abc"
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()  # all of them wait for this
    got = [process.stdout.read().split() for process in running if process.stdout is not None]
    assert [process.wait() for process in running] == [0] * len(running)
    assert Counter(key for keys in got for key in keys) == Counter(str(n) for n in range(20))


def test_threads_may_share_them(catalogue: Catalogue) -> None:
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda owner: catalogue.claims.take("work", owner, 60), "abcdefgh"))
    assert sum(got) == 1
