# SPDX-License-Identifier: BSD-3-Clause
"""Images of the sky as FITS: one image a file, one row a file.

``DATE-AVG`` is the middle of the exposure on the scale ``TIMESYS`` (UTC or TAI), ``EXPTIME`` its length in
s, ``ALTITUDE`` and ``AZIMUTH`` in deg where the axis points, ``BUNIT`` the unit of the image.
"""

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import CorruptedInput, PellucidError
from pellucid.formats.delivery.table import Batch, ColumnInfo, Delivered, Values, WrittenColumn
from pellucid.times import from_unix_utc, to_tai_ns

__all__ = ["read_cards", "read_fits_image", "write_fits_image"]

_CARDS = {
    "ICD": "interface",
    "ICDVERS": "interface_version",
    "PRODTYPE": "product_type",
    "DEVICE": "device",
    "SITE": "site",
    "DELIVERD": "delivered",
    "FILTER": "filter",
}
_DATE = re.compile(r"(19|20|21)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?")
_NUMBERS = {"EXPTIME": "exposure", "ALTITUDE": "altitude", "AZIMUTH": "azimuth"}


def read_fits_image(path: Path) -> Delivered:
    """Open an image.

    Raises
    ------
    CorruptedInput
        It is no FITS, has no image, or its checksum is wrong (``unreadable``).
    """
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with fits.open(path, checksum=True, memmap=False) as units:
                header, image = dict(units[0].header), units[0].data
    except Exception as error:  # the library raises whatever its parser meets, warnings of checksums too
        raise _unreadable(path, str(error)) from None
    if image is None:
        raise _unreadable(path, "no image in the first unit")
    values: dict[str, Any] = {"image": image[None]}
    columns = {
        "image": ColumnInfo(image.dtype.newbyteorder("=").name, image.shape, str(header.get("BUNIT", "")))
    }
    problems: list[PellucidError] = []
    for card, name in _NUMBERS.items():
        if card not in header:
            continue
        if type(header[card]) in (int, float):
            values[name] = np.array([header[card]], np.float64)
            columns[name] = ColumnInfo("float64")
        else:
            problems.append(_no_number(path, card, header[card]))
    try:
        values["time"] = np.array([_tai(str(header["DATE-AVG"]), str(header.get("TIMESYS", "")))])
        columns["time"] = ColumnInfo("int64")
    except KeyError:
        pass
    except ValueError as error:
        problems.append(_bad_time(path, str(error)))
    metadata = _metadata(header)

    def batches() -> Iterator[Batch]:
        yield {name: Values(v.astype(v.dtype.newbyteorder("="), copy=False)) for name, v in values.items()}

    return Delivered(metadata, columns, batches, tuple(problems))


def read_cards(path: Path) -> dict[str, Any]:
    """Return what an image says about itself, be it damaged behind its header; nothing where that is."""
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _metadata(dict(fits.getheader(path)))
    except Exception:  # as in `read_fits_image`
        return {}


def write_fits_image(
    path: Path, metadata: Mapping[str, Any], columns: Mapping[str, WrittenColumn], row: int
) -> None:
    """Write one row as an image; the same content gives the same bytes."""
    from astropy.io import fits

    image = columns["image"]
    unit = fits.PrimaryHDU(image.data[row])
    for card, name in _CARDS.items():
        if name in metadata:
            unit.header[card] = metadata[name]
    for card, name in _NUMBERS.items():
        if name in columns:
            unit.header[card] = float(columns[name].data[row])
    if "time" in columns:
        moment = np.datetime64(int(columns["time"].data[row]), "ns")
        unit.header["DATE-AVG"] = str(moment)
        unit.header["TIMESYS"] = columns["time"].time_scale.upper()
    if image.unit:
        unit.header["BUNIT"] = image.unit
    # the checksums' comments would tell the time of writing
    unit.add_checksum(when="")
    unit.writeto(path, overwrite=True)


def _metadata(header: Mapping[str, Any]) -> dict[str, Any]:
    return {name: header[card] for card, name in _CARDS.items() if card in header}


def _tai(text: str, scale: str) -> int:
    if not _DATE.fullmatch(text):
        raise ValueError(f"DATE-AVG '{text}'")
    moment = np.datetime64(text, "ns").astype(np.int64)
    if scale.upper() == "TAI":
        return int(moment)
    if scale.upper() == "UTC":
        return int(to_tai_ns(from_unix_utc([moment // 10**9], [moment % 10**9]))[0])
    raise ValueError(f"DATE-AVG {text} on the scale '{scale}'")


def _bad_time(path: Path, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The time of the image cannot be told.",
        where=str(path),
        expected="DATE-AVG in ISO 8601 and TIMESYS 'TAI' or 'UTC'",
        got=got,
        mend="write the middle of the exposure as DATE-AVG, and its scale as TIMESYS",
        code="wrong-time-scale",
    )


def _no_number(path: Path, card: str, got: object) -> CorruptedInput:
    return CorruptedInput(
        f"{card} is no number.",
        where=f"{path}, card {card}",
        expected="a number",
        got=repr(got),
        mend="write the card as a number, without quotes",
        code="wrong-dtype",
    )


def _unreadable(path: Path, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file is no FITS image, or is damaged.",
        where=str(path),
        expected="a whole FITS file with an image in its first unit, checksums right",
        got=got.splitlines()[0][:200] if got else "nothing that can be read",
        mend="transfer the file again",
        code="unreadable",
    )
