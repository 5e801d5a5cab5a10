# SPDX-License-Identifier: BSD-3-Clause
"""A device that is not there: deliveries as an interface asks for them, or broken on purpose."""

from pathlib import Path

import numpy as np

from pellucid.errors import ConfigurationError, UsageError, nearest
from pellucid.interfaces.contract import Interface
from pellucid.interfaces.damage import DAMAGES, Rows
from pellucid.interfaces.fake_files import write_rows
from pellucid.interfaces.fake_rows import made_up

__all__ = ["fake"]


def fake(
    interface: Interface,
    folder: Path,
    *,
    delivery: str | None = None,
    damage: str | None = None,
    rows: int = 6,
    seed: int = 1,
) -> list[Path]:
    """Write a delivery as a device would.

    The same arguments give the same bytes.

    Parameters
    ----------
    interface : Interface
        What was agreed.
    folder : Path
        Where the files go; made where it is missing.
    delivery : str, optional
        Which delivery of the interface; needed where it has several.
    damage : str, optional
        One of `pellucid.interfaces.damage.DAMAGES`; without it the delivery is as agreed.
    rows : int
        How many rows, at least 4.
    seed : int
        Of all chance.

    Returns
    -------
    list of Path
        The files, in the order of time.

    Raises
    ------
    UsageError
        There is no such damage (``unknown-damage``), or too few rows.
    ConfigurationError
        The damage cannot happen to this delivery (``impossible-damage``), or the interface has no such
        delivery.
    """
    agreed = interface.delivery(delivery)
    if rows < 4:
        raise UsageError("A fake has 4 rows at least.", got=str(rows), mend="ask for more with --rows")
    if damage is not None and damage not in DAMAGES:
        raise UsageError(
            f"There is no damage '{damage}'.", mend=nearest(damage, list(DAMAGES)), code="unknown-damage"
        )
    how = DAMAGES[damage] if damage is not None else None
    target = None if how is None else how.target(agreed)
    if how is not None and target is None:
        raise ConfigurationError(
            f"'{how.name}' cannot happen to the delivery '{agreed.name}' of {interface.id}.",
            where=interface.source,
            expected="another damage",
            got=f"{how.name} in {agreed.format}",
            mend=f"pellucid interfaces fake {interface.id} --damages lists those that can happen",
            code="impossible-damage",
        )
    metadata, columns = made_up(interface, agreed, rows, np.random.default_rng(seed))
    made = Rows(agreed, metadata, columns)
    if how is not None and how.to_rows is not None:
        how.to_rows(made, target)
    folder.mkdir(parents=True, exist_ok=True)
    stem = "-".join([interface.id, agreed.name, *([how.name] if how else [])])
    paths = write_rows(folder, stem, agreed.format, made.metadata, made.columns)
    if how is not None and how.to_file is not None:
        how.to_file(paths[len(paths) // 2])
    return paths
