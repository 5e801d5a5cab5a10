# SPDX-License-Identifier: BSD-3-Clause
"""Attributes of a DL1 file as a whole: the reference metadata of the format, our lineage, CTAO's metadata."""

from collections.abc import Mapping, Sequence

from pellucid import __version__
from pellucid.errors import ConfigurationError
from pellucid.formats.ctao_metadata import JSON, Contact, canonical_json, derived_id, product_metadata
from pellucid.formats.ctapipe_hdf5.columns import Attribute
from pellucid.formats.ctapipe_hdf5.schema import DATA_MODEL_VERSION
from pellucid.instrument import Subarray
from pellucid.instrument.run import RunInfo
from pellucid.times import to_utc_iso

__all__ = ["FLAGS", "LINEAGE", "PRODUCT", "root_attributes"]

LINEAGE = "PELLUCID LINEAGE"
PRODUCT = "PELLUCID PRODUCT"
FLAGS = "PELLUCID FLAGS"
_LARGEST = 60_000  # HDF5 holds attributes of up to 64 KiB in the header of an object


def root_attributes(
    *,
    run: RunInfo,
    subarray: Subarray,
    lineage: Mapping[str, JSON],
    contact: Contact,
    focal_length: str,
    span: tuple[int, int],
    flags: Sequence[str],
    monitoring: bool = False,
) -> dict[str, Attribute]:
    """Return all attributes of the root; nothing in them depends on when, where or by whom it is written.

    Parameters
    ----------
    run, subarray, contact
        What the file is about.
    lineage : mapping
        All that determines the product, JSON.
    focal_length : str
        Which focal length gave the angles.
    span : tuple of int
        Time of the first and the last event, in ns since 1970-01-01T00:00:00 TAI.
    flags : sequence of str
        Remarks on the product, e.g. that it is partial.
    monitoring : bool
        Whether it holds coefficients instead of events.

    Raises
    ------
    ConfigurationError
        If the lineage is larger than an attribute can be.
    """
    first, last = (to_utc_iso(t) for t in span)
    kind = "ObservationSim" if run.is_simulation else "Observation"
    if monitoring:
        product_type = "DL1/Monitoring/Telescope/CameraCalibrationSeries"
        description = "Coefficients of a camera in chunks of time"
        activity, levels, association = "pellucid camera-series", "DL1", "Telescope"
    else:
        product_type = f"DL1/Event/Subarray/{kind}"
        description = "DL1 images and parameters of Cherenkov telescopes"
        activity, levels, association = "pellucid process", "DL1_IMAGES,DL1_PARAMETERS", "Subarray"
    product = product_metadata(
        product_type,
        description=description,
        lineage=lineage,
        model=("ctapipe", DATA_MODEL_VERSION),
        software=("pellucid", __version__),
        activity=activity,
        first=first,
        last=last,
        obs_id=run.obs_id,
        sb_id=run.sb_id,
        simulated=run.is_simulation,
        location=subarray.reference,
        contact=contact,
    )
    begin, end = (t.removesuffix("Z").replace("T", " ") for t in (first, last))
    out: dict[str, Attribute] = {
        "CTA REFERENCE VERSION": "1",
        "CTA CONTACT NAME": contact.name,
        "CTA CONTACT EMAIL": contact.email,
        "CTA CONTACT ORGANIZATION": contact.organization,
        "CTA PRODUCT DESCRIPTION": description,
        "CTA PRODUCT CREATION TIME": end,
        "CTA PRODUCT ID": derived_id("product", lineage),
        "CTA PRODUCT DATA CATEGORY": "Sim" if run.is_simulation else "Other",
        "CTA PRODUCT DATA LEVELS": levels,
        "CTA PRODUCT DATA ASSOCIATION": association,
        "CTA PRODUCT DATA MODEL NAME": "ASWG",
        "CTA PRODUCT DATA MODEL VERSION": DATA_MODEL_VERSION,
        "CTA PRODUCT DATA MODEL URL": "",
        "CTA PRODUCT FORMAT": "hdf5",
        "CTA PROCESS TYPE": "Simulation" if run.is_simulation else "Observation",
        "CTA PROCESS SUBTYPE": "",
        "CTA PROCESS ID": str(run.obs_id),
        "CTA ACTIVITY NAME": activity,
        "CTA ACTIVITY TYPE": "software",
        "CTA ACTIVITY ID": derived_id("activity", lineage),
        "CTA ACTIVITY START TIME": begin,
        "CTA ACTIVITY STOP TIME": end,
        "CTA ACTIVITY SOFTWARE NAME": "pellucid",
        "CTA ACTIVITY SOFTWARE VERSION": __version__,
        "CTA INSTRUMENT SITE": "Other",
        "CTA INSTRUMENT CLASS": "Subarray",
        "CTA INSTRUMENT TYPE": "unspecified",
        "CTA INSTRUMENT SUBTYPE": "unspecified",
        "CTA INSTRUMENT VERSION": "unspecified",
        "CTA INSTRUMENT ID": subarray.name,
        "PELLUCID FOCAL LENGTH": focal_length,
        LINEAGE: canonical_json(lineage),
        PRODUCT: canonical_json(product),
        FLAGS: canonical_json(list(flags)),
    }
    for name in (LINEAGE, PRODUCT, FLAGS):
        size = len(str(out[name]).encode())
        if size > _LARGEST:
            raise ConfigurationError(
                f"The attribute '{name}' is too large for an HDF5 file.",
                expected=f"at most {_LARGEST} bytes of JSON",
                got=f"{size} bytes",
                mend="refer to large inputs by their keys",
                code="lineage-too-large",
            )
    return out
