# SPDX-License-Identifier: BSD-3-Clause
"""Where telescopes looked at each of their events, from what their drives did."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pellucid.events.batch import EventChunk
from pellucid.pointing.looking import Pointing
from pellucid.times import to_tai_ns

__all__ = ["with_pointing"]


def with_pointing(chunk: EventChunk, pointings: Mapping[int, Pointing]) -> EventChunk:
    """Return a chunk whose rows have the direction of their telescope, and what is the matter with it.

    Parameters
    ----------
    chunk : EventChunk
        Consecutive events; rows of telescopes without a pointing stay as they are.
    pointings : mapping of int to Pointing
        By telescope.
    """
    if not pointings:
        return chunk
    times = to_tai_ns(chunk.events.time)
    cameras = []
    for batch in chunk.cameras:
        azimuth, altitude = batch.azimuth.copy(), batch.altitude.copy()
        status = np.zeros(azimuth.size, np.uint8)
        for tel_id in np.intersect1d(batch.tel_id, list(pointings)).tolist():
            mine = batch.tel_id == tel_id
            looking = pointings[tel_id].at(times[batch.event_row[mine]])
            azimuth[mine], altitude[mine] = looking.azimuth.to_value("deg"), looking.altitude.to_value("deg")
            status[mine] = looking.status
        cameras.append(replace(batch, azimuth=azimuth, altitude=altitude, pointing_status=status))
    return replace(chunk, cameras=cameras)
