# SPDX-License-Identifier: BSD-3-Clause
"""Rows as a device would deliver them: right in every way that its interface asks for, and made up."""

from datetime import datetime
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pellucid.formats.delivery.licel import as_row
from pellucid.formats.delivery.table import WrittenColumn
from pellucid.formats.licel import LicelFile
from pellucid.interfaces.contract import Column, Delivery, Interface
from pellucid.interfaces.metadata_check import SELF_TOLD

__all__ = ["START", "licel_template", "made_up"]

START = 1_795_471_237_000_000_000
"""2026-11-23T22:00:00 UTC, in ns TAI since 1970: when all fakes begin."""

_WORD = 5
"""Length that a word in a shape stands for, where nothing says it."""


def made_up(
    interface: Interface, delivery: Delivery, rows: int, random: np.random.Generator
) -> tuple[dict[str, Any], dict[str, WrittenColumn]]:
    """Return metadata and columns of a delivery that is as agreed.

    Parameters
    ----------
    interface, delivery : Interface and Delivery
        What was agreed.
    rows : int
        How many rows; at least 1.
    random : Generator
        Source of all chance.
    """
    metadata: dict[str, Any] = {key.name: key.example for key in delivery.metadata}
    if delivery.format in SELF_TOLD:
        metadata = {
            "interface": interface.id,
            "interface_version": interface.version,
            "product_type": delivery.product_type,
            **metadata,
        }
    if delivery.format == "licel":
        return _recordings(delivery, rows, random)
    sizes = {
        "channel": int(metadata.get("num_channels", _WORD)),
        "pixel": int(metadata.get("num_pixels", _WORD)),
        "sample": int(metadata.get("num_samples", _WORD)),
    }
    columns = {}
    for column in delivery.columns:
        shape = [n if isinstance(n, int) else sizes.get(n, _WORD) for n in column.shape]
        if "any" in column.shape:
            # the last lengths of channel, pixel and sample, or each of the pixel's
            events = column.shape == ("any", "any", "any")
            shape = [*sizes.values()] if events else [sizes["pixel"]] * len(shape)
        data = _entries(column, delivery, (rows, *shape), random)
        columns[column.name] = WrittenColumn(data, column.unit, column.time_scale or "", column.frame or "")
    if "delivered" in metadata and delivery.time is not None:
        last = int(columns[delivery.time].data[-1])
        metadata["delivered"] = last + round((delivery.latency or 2.0) * 0.5e9)
    return metadata, columns


def _entries(
    column: Column, delivery: Delivery, shape: tuple[int, ...], random: np.random.Generator
) -> npt.NDArray[Any]:
    if column.name == delivery.time:
        return START + np.arange(shape[0], dtype=np.int64) * round((delivery.cadence or 1.0) * 1e9)
    if column.values:
        return random.choice(np.array(column.values, None if column.dtype == "text" else column.dtype), shape)
    if column.dtype == "bool":
        return random.random(shape) < 0.5
    if column.dtype == "text":
        return np.full(shape, str(column.example))
    assert column.range is not None
    assert isinstance(column.example, int | float)
    least, greatest = column.range
    if column.monotonic:
        return (column.example + np.arange(shape[0])).astype(column.dtype)
    spread = 0.02 * min(abs(column.example) or 1.0, float(greatest) - float(least))
    values = np.clip(random.normal(float(column.example), spread, shape), least, greatest)
    return (
        values.astype(column.dtype)
        if column.dtype.startswith("float")
        else np.rint(values).astype(column.dtype)
    )


def _recordings(
    delivery: Delivery, rows: int, random: np.random.Generator
) -> tuple[dict[str, Any], dict[str, WrittenColumn]]:
    span = delivery.column("wavelength").range
    assert span is not None
    files = _simulated(rows, random, span)
    made = [as_row(file) for file in files]
    columns = {
        c.name: WrittenColumn(np.stack([row[c.name] for _, row in made]), c.unit) for c in delivery.columns
    }
    return made[0][0], columns


@cache
def licel_template() -> LicelFile:
    """Return a recording that tells what rows do not: names of devices, converters, high voltages."""
    return _simulated(1, np.random.default_rng(0), (0, 10000))[0]


def _simulated(rows: int, random: np.random.Generator, wavelengths: tuple[float, float]) -> list[LicelFile]:
    from dataclasses import replace

    from pellucid.simulate.lidar import CTA, Layer, Sky, simulate_licel

    channels = tuple(c for c in CTA.channels if wavelengths[0] <= c.wavelength <= wavelengths[1])
    instrument = replace(CTA, channels=channels, n_bins=1000)
    sky = Sky((Layer(0.0, 1500.0, 0.1),))
    return simulate_licel(sky, instrument, random, files=rows, start=datetime(2026, 11, 23, 22))
