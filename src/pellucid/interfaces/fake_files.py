# SPDX-License-Identifier: BSD-3-Clause
"""Rows written as the files that a device would deliver, in every format."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.formats.delivery.fits_image import write_fits_image
from pellucid.formats.delivery.parquet import write_parquet
from pellucid.formats.delivery.product import write_product
from pellucid.formats.delivery.table import WrittenColumn
from pellucid.formats.licel import LicelFile, write_licel
from pellucid.interfaces.fake_rows import licel_template

__all__ = ["write_rows"]

type Columns = Mapping[str, WrittenColumn]


def write_rows(
    folder: Path, stem: str, format: str, metadata: Mapping[str, Any], columns: Columns
) -> list[Path]:
    """Write rows into a folder; where the format takes one row a file, one file a row.

    Returns
    -------
    list of Path
        The files, in the order of the rows.
    """
    n = max((column.data.shape[0] for column in columns.values()), default=0)
    if format == "parquet":
        path = folder / f"{stem}.parquet"
        write_parquet(path, metadata, columns)
        return [path]
    if format == "zfits":
        path = folder / f"{stem}.fits.fz"
        _write_events(path, metadata, columns)
        return [path]
    ending = {"fits-image": "-{:03d}.fits", "hdf5": "-{:03d}.h5"}.get(format, ".{:03d}")
    paths = [folder / f"{stem}{ending.format(i)}" for i in range(n)]
    for i, path in enumerate(paths):
        if format == "fits-image":
            write_fits_image(path, _delivered_at(metadata, columns, i), columns, i)
        elif format == "hdf5":
            write_product(path, metadata, columns, i)
        else:
            _write_licel(path, metadata, columns, i)
    return paths


def _delivered_at(metadata: Mapping[str, Any], columns: Columns, row: int) -> dict[str, Any]:
    """Return the metadata of one row's file, which came as long after its row as the last after the last."""
    if "delivered" not in metadata or "time" not in columns:
        return dict(metadata)
    times = columns["time"].data
    return {**metadata, "delivered": metadata["delivered"] - int(times[-1]) + int(times[row])}


def _write_licel(
    path: Path,
    metadata: Mapping[str, Any],
    columns: Columns,
    row: int,
) -> None:
    like = licel_template()
    h = like.header
    begin = h.start + timedelta(microseconds=(int(columns["start"].data[row]) - like.start) / 1000)
    values = {name: column.data[row] for name, column in columns.items()}
    datasets = tuple(
        replace(
            d,
            wavelength=int(values["wavelength"][i]),
            bin_width=float(values["bin_width"][i]),
            shots=int(values["shots"][i]),
            n_bins=int(values["raw"].shape[1]),
        )
        for i, d in enumerate(h.active[: len(values["wavelength"])])
    )
    header = replace(
        h,
        name=path.name,
        site=str(metadata["site"]),
        altitude=float(metadata["altitude"]),
        longitude=float(metadata["longitude"]),
        latitude=float(metadata["latitude"]),
        start=begin,
        stop=begin + timedelta(seconds=float(values["duration"])),
        pointing=(float(values["zenith"]), *h.pointing[1:]),
        datasets=datasets,
    )
    write_licel(path, LicelFile(header, tuple(values["raw"].astype(np.int32))))


def _write_events(path: Path, metadata: Mapping[str, Any], columns: Columns) -> None:
    from pellucid.simulate.dl0 import DL0Names, TelescopeWriter, quiet

    data = {name: column.data for name, column in columns.items()}
    shape = data["waveform"].shape[1:]
    pixels = np.arange(shape[1])
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        start = int(data["time"].min()) if data["time"].size else 0
        names = DL0Names(Path(folder), int(metadata["sb_id"]), int(metadata["obs_id"]), 1, start)
        writer = TelescopeWriter(
            names,
            int(metadata["tel_id"]),
            "TEL",
            (int(metadata["num_channels"]), int(metadata["num_pixels"]), int(metadata["num_samples"])),
            float(metadata["sampling_frequency"]) / 1000.0,
            pixels,
            pixels[: -(-pixels.size // 7)],
        )
        with quiet(), writer:
            for i, time in enumerate(data["time"].tolist()):
                stamp = np.array([time // 10**9, time % 10**9 * 4], np.uint32)
                writer.write(int(data["event_id"][i]), int(data["event_type"][i]), stamp, data["waveform"][i])
        names.telescope(int(metadata["tel_id"]), "TEL").replace(path)
