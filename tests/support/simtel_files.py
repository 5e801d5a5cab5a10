# SPDX-License-Identifier: BSD-3-Clause
"""Real sim_telarray files, and ways to damage them on purpose."""

from collections.abc import Callable
from pathlib import Path

from pellucid.formats.eventio import Block, BlockReader
from pellucid.simulate.simtel import pack_block

READABLE = [
    "aux_traces_2029.simtel.zst",
    "calib_true_pe.simtel.zst",
    "extracted_pedestals.simtel.zst",
    "gamma_prod6_tel_event_header_v4.simtel.zst",
    "history_meta_75.simtel.zst",
    "lst_muons_with_true_photons.simtel.zst",
    "n_hv_disabled.simtel.gz",
    "test_lasercal_v3.simtel.gz",
]
"""Files of `camera/simtel` that ctapipe reads; the last one is cut in the middle of its fourth event."""

ONE_TELESCOPE = "aux_traces_2029.simtel.zst"

type Edit = Callable[[Block], bytes | None]
"""Returns the new payload of a block, or None to leave it as it is."""


def rewritten(source: Path, target: Path, edit: Edit, kinds: tuple[int, ...]) -> Path:
    """Write ``source`` uncompressed with the blocks of some kinds edited, at any depth."""
    with BlockReader(source) as reader, target.open("wb") as out:
        for block in reader:
            out.write(_edited(block, edit, kinds, top_level=True))
    return target


def _edited(block: Block, edit: Edit, kinds: tuple[int, ...], *, top_level: bool = False) -> bytes:
    payload = edit(block) if block.kind in kinds else None
    if payload is None and block.only_subblocks:
        payload = b"".join(_edited(child, edit, kinds) for child in block.children())
    return pack_block(
        block.kind,
        block.version,
        block.ident,
        bytes(block.payload) if payload is None else payload,
        only_subblocks=block.only_subblocks,
        top_level=top_level,
    )
