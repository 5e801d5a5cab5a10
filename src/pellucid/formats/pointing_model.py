# SPDX-License-Identifier: BSD-3-Clause
"""How a telescope's mount bends, as a file: HDF5 with the stars it was fitted to and the provenance inside.

Arrays ``value``, ``error`` (arcsec) and ``covariance`` (arcsec2) are in the order of the attribute ``terms``;
``altitude``, ``azimuth`` (deg), ``across_residual``, ``upward_residual`` (arcsec) and ``outlier`` (the
probability to be none of the good ones) have one entry for each star. Attributes: ``tel_id``; ``noise`` of a
good star on each axis and ``cross_validation``, the scatter of stars that the fit did not see (arcsec).
Bytes follow from the content alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np
import numpy.typing as npt

from pellucid.formats.product_hdf5 import Contents, read_contents, write_contents
from pellucid.pointing.bending import BendingFit

__all__ = ["PointingModel", "read_pointing_model", "write_pointing_model"]

KIND = ("pellucid pointing model", 1)

_UNITS = {
    **dict.fromkeys(("value", "error", "across_residual", "upward_residual"), "arcsec"),
    "covariance": "arcsec2",
    **dict.fromkeys(("altitude", "azimuth"), "deg"),
}


@dataclass(frozen=True, eq=False)
class PointingModel:
    """A model and what it was fitted to.

    Attributes
    ----------
    tel_id : int
        Telescope.
    fit : BendingFit
        The model.
    stars : dict of str to ndarray, shape (n,)
        ``altitude``, ``azimuth`` (deg), ``across_residual``, ``upward_residual`` (arcsec).
    cross_validation : Quantity
        Scatter on each axis of stars that the fit did not see, in arcsec.
    """

    tel_id: int
    fit: BendingFit
    stars: dict[str, npt.NDArray[np.float64]]
    cross_validation: u.Quantity


def write_pointing_model(path: Path, model: PointingModel, provenance: Mapping[str, object]) -> None:
    """Write a model with its provenance."""
    fit = model.fit
    arrays = {name: getattr(fit, name).value for name in ("value", "error", "covariance")}
    attributes = {
        "tel_id": model.tel_id,
        "terms": list(fit.terms),
        "noise": fit.noise.to_value(u.arcsec),
        "cross_validation": model.cross_validation.to_value(u.arcsec),
    }
    contents = Contents({**arrays, **model.stars, "outlier": fit.outlier}, _UNITS, attributes)
    write_contents(path, KIND, contents, provenance)


def read_pointing_model(path: Path) -> PointingModel:
    """Read a model.

    Raises
    ------
    MissingInput, CorruptedInput
        See `read_contents` (``bad-pointing-model``).
    """
    contents = read_contents(path, KIND, "make it: step pointing-model", "bad-pointing-model")
    arrays = {name: values.astype(np.float64) for name, values in contents.arrays.items()}
    said = contents.attributes
    terms, tel_id = said["terms"], said["tel_id"]
    assert isinstance(terms, list)
    assert isinstance(tel_id, int)
    fit = BendingFit(
        terms=tuple(terms),
        value=arrays["value"] * u.arcsec,
        error=arrays["error"] * u.arcsec,
        covariance=arrays["covariance"] * u.arcsec**2,
        noise=said["noise"] * u.arcsec,
        outlier=arrays["outlier"],
        n=arrays["outlier"].size,
    )
    stars = {n: arrays[n] for n in ("altitude", "azimuth", "across_residual", "upward_residual")}
    return PointingModel(tel_id, fit, stars, said["cross_validation"] * u.arcsec)
