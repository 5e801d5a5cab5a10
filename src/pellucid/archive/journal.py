# SPDX-License-Identifier: BSD-3-Clause
"""The journal of an index: who decided what about which product, in the order of the archive's own clock."""

import time

from sqlalchemy import Connection, func, insert, select

from pellucid.archive.tables import ACTS

__all__ = ["act", "next_tick"]


def next_tick(connection: Connection) -> int:
    """Return the next moment of the archive's clock, in ns since 1970 UTC.

    It never stands still, nor goes back when the machine's clock does. Whoever asks has to be the only one
    who writes: see `pellucid.archive.engine.transaction`.
    """
    last = connection.scalar(select(func.max(ACTS.c.tick))) or 0
    return max(time.time_ns(), last + 1)


def act(connection: Connection, action: str, product: int, collection: str, because: str) -> int:
    """Note that something was decided, and return when.

    Parameters
    ----------
    connection : Connection
        In a transaction of the only one who writes.
    action : str
        ``certify``, ``decertify``, ``judge``, ``tag`` or ``untag``.
    product : int
        Its row.
    collection : str
        The collection, or the name of the tag; empty for a verdict.
    because : str
        Why.
    """
    tick = next_tick(connection)
    values = {"action": action, "product": product, "collection": collection, "because": because}
    connection.execute(insert(ACTS).values(tick=tick, **values))
    return tick
