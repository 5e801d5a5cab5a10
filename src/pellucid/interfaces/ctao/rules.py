# SPDX-License-Identifier: BSD-3-Clause
"""Rules for CTAO metadata: those of its data model, and ranges, order and angles, which it does not check."""

import json
import warnings
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from pellucid.archive.lineage import JSON
from pellucid.errors import ConfigurationError, CorruptedInput
from pellucid.formats.ctao_metadata import METADATA_VERSION

__all__ = ["checked", "problems_in"]

_TIMES = "observation.coverage.time"
_SPACE, _TRACKING = "observation.coverage.space", "observation.coverage.tracking"
_ENERGY, _NODE = "observation.coverage.energy", "simulation.node"

_ORDERED = (
    (f"{_TIMES}.t_min", f"{_TIMES}.t_max"),
    ("curation.valid_from", "curation.valid_to"),
    ("activity.start", "activity.end"),
    (f"{_ENERGY}.energy_min", f"{_ENERGY}.energy_max"),
    (f"{_TRACKING}.elevation_min", f"{_TRACKING}.elevation_max"),
)
"""What must not come after what."""

_RANGES = {
    f"{_SPACE}.ra": (0.0, 360.0, "deg"),
    f"{_SPACE}.dec": (-90.0, 90.0, "deg"),
    f"{_SPACE}.field_of_view": (0.0, 360.0, "deg"),
    f"{_TRACKING}.elevation_min": (-90.0, 90.0, "deg"),
    f"{_TRACKING}.elevation_max": (-90.0, 90.0, "deg"),
    f"{_TRACKING}.azimuth_mean": (-180.0, 360.0, "deg"),
    f"{_TRACKING}.azimuth_range": (0.0, 360.0, "deg"),
    f"{_ENERGY}.energy_min": (0.0, 1e9, "TeV"),
    f"{_ENERGY}.energy_max": (0.0, 1e9, "TeV"),
    "observation.location.longitude": (-180.0, 360.0, "deg"),
    "observation.location.latitude": (-90.0, 90.0, "deg"),
    "observation.location.height": (-500.0, 10_000.0, "m"),
    f"{_NODE}.zenith": (0.0, 180.0, "deg"),
    f"{_NODE}.azimuth": (-180.0, 360.0, "deg"),
    f"{_NODE}.hour_angle": (-180.0, 360.0, "deg"),
    f"{_NODE}.declination": (-90.0, 90.0, "deg"),
}
"""Least and greatest value, and the unit of both."""

_COUNTS = (
    "instance.obs_id",
    "instance.ae_id",
    "instance.subarray_id",
    "instance.chunk_id",
    "instance.batch_id",
    "instance.calibration_service_id",
    "instance.local_run_id",
    "acquisition.sb_id",
    f"{_NODE}.nsb_factor",
)
"""What is not negative."""


def checked(document: Mapping[str, JSON], where: str = "") -> dict[str, Any]:
    """Return CTAO metadata as the data model of today writes them, if all is right with them.

    Parameters
    ----------
    document : mapping
        Metadata of version 1.0 to 2.1 of the model.
    where : str
        For errors.

    Returns
    -------
    dict
        The same, led to version 2.1 and without what is empty.

    Raises
    ------
    CorruptedInput
        The model refuses them, or a range, an order or an angle is wrong; all that is wrong is told
        (``ctao-metadata``).
    ConfigurationError
        They are of a newer version of the model (``future-metadata``).
    """
    # importing the model takes a second
    from ctao_datamodel.models.dataproducts import Product as Model
    from pydantic import ValidationError

    _check_version(document, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of leap seconds that are not known yet
            model = Model.model_validate_versioned(json.loads(json.dumps(document)))
            normal: dict[str, Any] = json.loads(model.model_dump_json(exclude_none=True))
    except ValidationError as error:
        raise _wrong(
            where, [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _wrong(where, [str(error)]) from error
    normal["ctao_metadata_version"] = METADATA_VERSION
    if problems := list(problems_in(normal)):
        raise _wrong(where, problems)
    return normal


def problems_in(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the ranges, the order and the angles in CTAO metadata of version 2.1."""
    values = {path: _value(document, path, unit) for path, (_, _, unit) in _RANGES.items()}
    for path, (low, high, unit) in _RANGES.items():
        value = values[path]
        if value is not None and not (isinstance(value, float) and low <= value <= high):
            yield f"{path}: {value} is not a value from {low:g} to {high:g} {unit}"
    for path in _COUNTS:
        value = _at(document, path)
        if value is not None and not (isfinite(value) and value >= 0):
            yield f"{path}: {value} is negative, or no number"
    for first, second in _ORDERED:
        a, b = (values[p] if p in values else _at(document, p) for p in (first, second))
        # times are text of one form, which has the order of time
        numbers = isinstance(a, float) and isinstance(b, float) and a > b
        if numbers or (isinstance(a, str) and isinstance(b, str) and first not in values and a > b):
            yield f"{first}: {a} comes after {second.rpartition('.')[2]}, {b}"


def _at(document: Mapping[str, Any], path: str) -> Any:
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _value(document: Mapping[str, Any], path: str, unit: str) -> float | str | None:
    """Return a quantity in a unit; a text that says what is there where it is none."""
    from astropy.units import Quantity, UnitConversionError

    quantity = _at(document, path)
    if quantity is None:
        return None
    try:
        value = float(Quantity(quantity["value"], quantity["unit"]).to_value(unit))
    except (UnitConversionError, ValueError, TypeError):
        return f"{quantity['value']} {quantity['unit']}"
    return value if isfinite(value) else f"{value}"


def _check_version(document: Mapping[str, JSON], where: str) -> None:
    version = document.get("ctao_metadata_version")
    numbers = (
        [int(n) for n in version.split(".")] if isinstance(version, str) and _is_version(version) else None
    )
    if numbers is None:
        raise _wrong(where, [f"ctao_metadata_version: {version!r} is no version such as {METADATA_VERSION}"])
    if numbers > [int(n) for n in METADATA_VERSION.split(".")]:
        raise ConfigurationError(
            "The metadata are of a newer version of CTAO's data model.",
            where=where,
            expected=f"version {METADATA_VERSION} or older",
            got=f"{version}",
            mend="use a newer Pellucid",
            code="future-metadata",
        )


def _is_version(text: str) -> bool:
    return len(text) < 30 and text.isascii() and all(part.isdigit() for part in text.split("."))


def _wrong(where: str, problems: list[str]) -> CorruptedInput:
    return CorruptedInput(
        "The metadata are not as CTAO's data model and the rules of its quantities ask for.",
        where=where,
        expected=f"metadata of version {METADATA_VERSION} or older, ranges in order, angles on the sphere",
        got="; ".join(problems),
        mend="correct what is named",
        code="ctao-metadata",
    )
