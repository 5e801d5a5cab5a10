# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of shared showers: what telescopes saw of them to relative light, and to offsets of clocks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Files, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.array.showers import ShowerImages
    from pellucid.instrument import Subarray

__all__ = ["STEPS", "make_intercalibration", "make_offsets", "read_showers"]


def make_intercalibration(
    inputs: Files, output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Compare the light of telescopes by sizes of images within a type, or by energies across types.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``showers``: a delivery of I-DATA-COM-0007; ``description``: of the array.
    """
    import numpy as np

    from pellucid.array.intercalibration import LeftOut, intercalibrate_types, type_scale
    from pellucid.array.showers import energy_pairs, size_pairs
    from pellucid.errors import InsufficientStatistics
    from pellucid.formats.array_products import write_intercalibration

    images, span, subarray, without = _asked(inputs, parameters["telescopes"])
    tel_id = np.array(subarray.tel_ids)
    by_size = parameters["quantity"] == "size"
    allowed = _neighbours(subarray, float(parameters["separation"]), across=not by_size)
    select, least = (size_pairs, "least_size") if by_size else (energy_pairs, "least_energy")
    pairs = select(images, tel_id, allowed, least=float(parameters[least]))
    names = [telescope.name for telescope in subarray.telescopes.values()]
    # sizes are compared within a type, energies over the whole array
    kind = np.unique(names, return_inverse=True)[1] if by_size else np.zeros(tel_id.size, np.int64)
    references = _places(tel_id, parameters["references"])
    found = intercalibrate_types(
        pairs, kind, references, min_events=int(parameters["min_events"]), robust=True
    )
    kinds: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        kinds.setdefault(name, []).append(place)
    scales = {}
    for name, places in kinds.items():
        try:
            scales[name] = type_scale(found, np.array(places))
        except InsufficientStatistics:
            continue
    write_intercalibration(output, tel_id, found, pairs, scales, provenance)
    reasons = {
        reason.name.lower().replace("_", "-"): int((found.left_out == reason).sum()) for reason in LeftOut
    }
    unknown = tel_id[~found.connected].tolist()
    return {
        "telescopes": tel_id[found.connected].tolist(),
        **span,
        "references": np.unique(tel_id[found.reference[found.connected]]).tolist(),
        "unconnected": unknown,
        "pairs": reasons,
        "events": found.n,
        "chi2": found.chi2,
        "ndf": found.ndf,
        "flags": ["unconnected-telescopes"] if unknown else [],
        "without": without,
    }


def _places(tel_id: "npt.NDArray[np.int64]", named: Sequence[int]) -> "npt.NDArray[np.int64]":
    import numpy as np

    from pellucid.errors import ConfigurationError

    wanted = np.array([int(t) for t in named], np.int64)
    if unknown := np.setdiff1d(wanted, tel_id).tolist():
        raise ConfigurationError(
            "A reference telescope is none of the array's.",
            where="intercalibration.references",
            expected=f"some of {tel_id.tolist()}",
            got=str(unknown),
            code="no-such-reference",
        )
    return np.searchsorted(tel_id, wanted)


def make_offsets(inputs: Files, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Find how much the clock of each telescope is off, from when it sees the fronts of showers.

    Parameters
    ----------
    inputs : mapping of str to Path
        As of `make_intercalibration`.
    """
    import numpy as np

    from pellucid.array.showers import front_times
    from pellucid.array.timing import time_offsets
    from pellucid.errors import InsufficientStatistics
    from pellucid.formats.array_products import write_time_offsets

    images, span, subarray, without = _asked(inputs, parameters["telescopes"])
    tel_id = np.array(subarray.tel_ids)
    found = time_offsets(
        front_times(images, tel_id), np.array([t.position for t in subarray.telescopes.values()])
    )
    seen = found.n[found.connected]
    if seen.min() < int(parameters["min_events"]):
        raise InsufficientStatistics(
            "A telescope saw too few showers to tell how its clock goes.",
            where=f"telescope {tel_id[found.connected][seen.argmin()]}",
            expected=f"at least {parameters['min_events']}",
            got=str(seen.min()),
            mend="take a longer time",
            code="too-few-events",
        )
    write_time_offsets(output, tel_id, found, provenance)
    unknown = tel_id[~found.connected].tolist()
    return {
        "telescopes": tel_id[found.connected].tolist(),
        **span,
        "unconnected": unknown,
        "largest_offset_ns": float(np.nanmax(np.abs(found.value))),
        "largest_error_ns": float(np.nanmax(found.error)),
        "chi2": found.chi2,
        "ndf": found.ndf,
        "flags": ["unconnected-telescopes"] if unknown else [],
        "without": without,
    }


def _asked(
    inputs: Files, telescopes: Sequence[int]
) -> tuple["ShowerImages", Summary, "Subarray", list[JSON]]:
    """Return images, the time they span, the array of some telescopes, and what is told of no other."""
    from dataclasses import fields, replace

    import numpy as np

    from pellucid.errors import InsufficientStatistics
    from pellucid.formats.description import read_description

    images, span = read_showers(inputs["showers"])
    subarray = read_description(inputs["description"])
    if not telescopes:
        return images, span, subarray, []
    asked = subarray.select(set(telescopes) & set(subarray.tel_ids))
    kept = np.isin(images.tel_id, asked.tel_ids)
    if len(asked.tel_ids) < 2 or not kept.any():
        raise InsufficientStatistics(
            "So few telescopes share no showers.",
            where=str(inputs["showers"]),
            expected="two telescopes of the array or more, with images",
            got=", ".join(f"tel-{tel}" for tel in telescopes),
            mend="ask for more telescopes, or leave this step out",
            code="no-events",
        )
    some = replace(images, **{f.name: getattr(images, f.name)[kept] for f in fields(images)})
    others = ", ".join(f"tel-{tel}" for tel in subarray.tel_ids if tel not in asked.tel_ids)
    without: list[JSON] = [f"showers shared with {others}, which nobody asked for"] if others else []
    return some, span, asked, without


def read_showers(path: Path) -> tuple["ShowerImages", Summary]:
    """Read a delivery of I-DATA-COM-0007; also the time it spans, as a summary has it.

    Raises
    ------
    InsufficientStatistics
        There are no images (``no-events``).
    """
    from dataclasses import fields

    import numpy as np

    from pellucid.array.showers import ShowerImages
    from pellucid.errors import InsufficientStatistics
    from pellucid.formats.delivery.parquet import read_parquet

    batches = list(read_parquet(path).batches())
    if not sum(batch["time"].data.size for batch in batches):
        raise InsufficientStatistics(
            "There are no showers.",
            where=str(path),
            expected="images of reconstructed showers",
            got="no rows",
            mend="take another observation",
            code="no-events",
        )
    names = ("time", "event_id", *(f.name for f in fields(ShowerImages) if f.name != "event"))
    columns: dict[str, Any] = {name: np.concatenate([b[name].data for b in batches]) for name in names}
    time, event = columns.pop("time"), columns.pop("event_id")
    span: Summary = {"time_start": int(time.min()), "time_stop": int(time.max()) + 1}
    return ShowerImages(event=event, **columns), span


def _neighbours(subarray: "Subarray", separation: float, *, across: bool) -> "npt.NDArray[np.bool_]":
    """Return which pairs stand close enough, of one type where not across types."""
    import numpy as np

    from pellucid.array.rates import all_pairs

    telescopes = list(subarray.telescopes.values())
    first, second = all_pairs(len(telescopes))
    position = np.array([t.position for t in telescopes])
    kinds = np.array([t.name for t in telescopes])
    close = np.asarray(np.linalg.norm(position[first] - position[second], axis=1) <= separation)
    return close if across else close & (kinds[first] == kinds[second])


_INPUTS = {
    "showers": "DL2/Event/Subarray/ShowerImages",
    "description": "DL0/Service/Subarray/Description",
}

STEPS = (
    Step(
        name="intercalibration",
        version="2",
        function="pellucid.pipeline.steps.array_showers:make_intercalibration",
        inputs=_INPUTS,
        output="DL2/Monitoring/Subarray/Intercalibration",
        suffix=".intercalibration.h5",
        parameters={
            "telescopes": [],
            "quantity": parameter("size", "What is compared.", choices=("size", "energy")),
            "separation": parameter(250.0, "Farthest that two telescopes may stand apart.", unit="m"),
            "least_size": parameter(80.0, "Photo-electrons that both images have.", minimum=0.0),
            "least_energy": parameter(0.05, "Energy that both telescopes see.", unit="TeV", minimum=0.0),
            "min_events": parameter(10, "Showers that a pair shares.", minimum=2),
            "references": [],
        },
        valid="night",
        levels=("B", "C"),
        determinism="tolerance",
        tolerance={"/*": (1e-9, 1e-12)},
    ),
    Step(
        name="time-offsets",
        version="1",
        function="pellucid.pipeline.steps.array_showers:make_offsets",
        inputs=_INPUTS,
        output="DL2/Monitoring/Subarray/TimeOffsets",
        suffix=".time-offsets.h5",
        parameters={
            "telescopes": [],
            "min_events": parameter(20, "Showers that each telescope has.", minimum=1),
        },
        valid="night",
        levels=("B", "C"),
        determinism="tolerance",
        tolerance={"/*": (1e-9, 1e-9)},
    ),
)
"""``intercalibration``: relative light of telescopes from pairs that see the same showers, after Mitchell et
al. (arXiv 1510.06526), with covariance: by sizes of images within each type (DPPS-UC-120-2.33), by energies
across types too (2.3, 2.32). ``references`` are the telescopes whose light is 1, one for each type, or one
for the array with energies; the first in a pair where none is named. ``time-offsets``: of their clocks.
Pairs that tell nothing, and telescopes that no chain of pairs reaches, are left out and told.
``telescopes`` takes only these; all where empty.
"""
