# SPDX-License-Identifier: BSD-3-Clause
"""CTAO metadata in files: a JSON document, or the header of a FITS file with the model's keywords."""

import json
import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from pellucid.archive.files import open_source
from pellucid.archive.lineage import JSON
from pellucid.errors import CorruptedInput
from pellucid.interfaces.ctao.rules import checked

__all__ = ["header_of", "read_metadata"]

_KEYWORD = "CTAOMETA"


def header_of(document: Mapping[str, JSON]) -> bytes:
    """Return CTAO metadata as a FITS file that is a header alone, with the keywords of CTAO's model.

    The inputs of the activity have none; they are in the record that the identifier of the configuration
    holds (``ACTCONF``).
    """
    from astropy.io import fits
    from ctao_datamodel import instance_to_fits_header
    from ctao_datamodel.models.dataproducts import Product as Model

    normal = _printable(checked(document))
    file = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # comments are cut where a card ends; leap seconds are not known yet
        model = Model.model_validate(normal)
        if model.activity is not None:
            model.activity.inputs = None
        fits.PrimaryHDU(header=instance_to_fits_header(model)).writeto(file)
    return file.getvalue()


def _printable(value: Any) -> Any:
    """Return a document in the characters that FITS headers have, others as escapes."""
    if isinstance(value, dict):
        return {name: _printable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        return value.encode("unicode_escape").decode("ascii")
    return value


def read_metadata(path: Path) -> dict[str, Any]:
    """Read CTAO metadata from a JSON document or the headers of a FITS file, and check them.

    Returns
    -------
    dict
        As `pellucid.interfaces.ctao.checked` returns them.

    Raises
    ------
    MissingInput, CorruptedInput
        There is no such file, or it holds no metadata, or such as are not right (``ctao-metadata``).
    ConfigurationError
        They are of a newer version of the model (``future-metadata``).
    """
    with open_source(path), path.open("rb") as file:
        is_fits = file.read(9) == b"SIMPLE  ="
    return checked(_from_fits(path) if is_fits else _from_json(path), str(path))


def _from_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # damaged text counts too
        raise _none(path, f"{type(error).__name__}: {error}") from error
    if not isinstance(document, dict):
        raise _none(path, "JSON that is no mapping")
    return document


def _from_fits(path: Path) -> dict[str, Any]:
    from astropy.io import fits
    from ctao_datamodel import fits_header_to_instance
    from ctao_datamodel.models.dataproducts import Product as Model

    try:
        # of leap seconds that are not known yet, and of headers that are cut off
        with warnings.catch_warnings(action="ignore"), fits.open(path) as units:
            header = next((unit.header for unit in units if _KEYWORD in unit.header), None)
            if header is None:
                raise _none(path, f"no keyword {_KEYWORD} in any header")
            model = fits_header_to_instance(header, Model)
            document: dict[str, Any] = json.loads(model.model_dump_json(exclude_none=True))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _none(path, f"{type(error).__name__}: {error}") from error
    return document


def _none(path: Path, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The file holds no metadata of CTAO's data model.",
        where=str(path),
        expected=f"a JSON document, or a FITS header with {_KEYWORD} and what goes with it",
        got=got,
        mend="export them again: pellucid export ctao",
        code="ctao-metadata",
    )
