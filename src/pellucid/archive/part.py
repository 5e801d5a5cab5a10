# SPDX-License-Identifier: BSD-3-Clause
"""What every subject of an index is given: validity, look-up, verdicts, tags, claims, settings."""

from pathlib import Path

from sqlalchemy import Engine

from pellucid.archive.interning import Common

__all__ = ["Part"]


class Part:
    """One subject of an index.

    Parameters
    ----------
    engine : Engine
        The database.
    where : Path or str
        Its place, for errors.
    common : Common
        What its products have in common.
    """

    def __init__(self, engine: Engine, where: Path | str, common: Common) -> None:
        self._engine = engine
        self._where = where
        self._common = common
