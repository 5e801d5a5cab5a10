# SPDX-License-Identifier: BSD-3-Clause
"""Taking a delivered file into the archive with what it says it covers, so that a run can find it."""

from pathlib import Path

from pellucid.archive.archive import Archive
from pellucid.archive.files import Progress
from pellucid.archive.ingest import sniff
from pellucid.archive.product import Product
from pellucid.formats.cover import cover_of

__all__ = ["take_in"]


def take_in(
    archive: Archive,
    path: Path,
    product_type: str | None = None,
    *,
    obs_id: int | None = None,
    progress: Progress | None = None,
) -> tuple[Product, bool]:
    """Take a file into the archive.

    Parameters
    ----------
    archive : Archive
        Where it goes.
    path : Path
        The file.
    product_type : str, optional
        Where the file does not tell it.
    obs_id : int, optional
        Observation, over what the file says.
    progress : callable, optional
        As `pellucid.archive.archive.Archive.ingest` takes it.

    Returns
    -------
    tuple of Product and bool
        The product, and whether it is new.

    Raises
    ------
    MissingInput, CorruptedInput, ConfigurationError
        As `pellucid.archive.archive.Archive.ingest`, and what `pellucid.formats.cover.cover_of` raises.
    """
    cover = cover_of(path, sniff(path).format)
    return archive.ingest(
        path,
        product_type,
        obs_id=cover.obs_id if obs_id is None else obs_id,
        telescopes=cover.telescopes,
        device=cover.device,
        time_start=cover.time_start,
        time_stop=cover.time_stop,
        progress=progress,
    )
