# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of muons: images to rings, rings of some time to the throughput of telescopes."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.archive.files import Progress
from pellucid.archive.lineage import JSON
from pellucid.errors import ConfigurationError, CorruptedInput, InsufficientStatistics, MissingInput
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Files, ManyFiles, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.array.muons.camera import MuonOptics
    from pellucid.array.throughput import OpticalPsf, TelescopeThroughput
    from pellucid.formats.muons import MuonTable

__all__ = ["STEPS", "make_rings", "make_throughput"]


def make_rings(
    inputs: Files,
    output: Path,
    parameters: Parameters,
    provenance: Provenance,
    progress: Progress | None = None,
) -> Summary:
    """Fit muon rings to the images of a DL1 file, telescope by telescope; showers are passed over.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``images``: DL1 file, its charges by an extractor without bias.
    """
    from pellucid.formats.ctapipe_hdf5 import tel_ids
    from pellucid.formats.muons import write_muons

    path = inputs["images"]
    tables: dict[int, MuonTable] = {}
    telescopes = tel_ids(path)
    for done, tel_id in enumerate(telescopes):
        tables[tel_id] = _rings(path, tel_id, parameters)
        if progress is not None:
            progress(done + 1, len(telescopes), "telescopes")
    write_muons(output, tables, provenance)
    good = sum(int(t.rings["good"].sum()) for t in tables.values())
    rejected: Counter[str] = Counter()
    for table in tables.values():
        rejected.update(table.rejected)
    flags: list[JSON] = [] if good else ["no-good-rings"]
    if (extractor := _extractor(path)) != "fixed-window":
        flags.append(f"extractor: {extractor}")
    return {
        "telescopes": telescopes,
        "images": sum(t.images for t in tables.values()),
        "rings": sum(len(t.rings) for t in tables.values()),
        "good_rings": good,
        "rejected": dict(sorted(rejected.items())),
        "flags": flags,
    }


def _extractor(path: Path) -> str:
    """Return how the charges were taken; one that looks for a peak lifts those of dim pixels."""
    from pellucid.formats.ctapipe_hdf5 import read_lineage

    try:
        match read_lineage(path):
            case {"parameters": {"extractor": {"kind": str(kind)}}}:
                return kind
    except MissingInput:
        pass
    return "unknown"


def _rings(path: Path, tel_id: int, parameters: Parameters) -> "MuonTable":
    import numpy as np

    from pellucid.array.muons.fit import RingStatus, fit_rings
    from pellucid.array.muons.quality import Cut, select_rings
    from pellucid.formats.ctapipe_hdf5 import image_blocks
    from pellucid.formats.muons import RING, MuonTable, ring_rows

    optics = _optics(path, tel_id, parameters)
    cuts = {name: Cut(name, *ends) for name, ends in parameters["cuts"].items()}
    rows, images, rejected = [np.zeros(0, RING)], 0, Counter(dict.fromkeys(("fit", *cuts), 0))
    for block in image_blocks(path, tel_id):
        images += len(block)
        block = block[block["image_mask"].sum(axis=1) >= int(parameters["least_pixels"])]
        rings = fit_rings(
            block["image"].astype(np.float64),
            block["image_mask"],
            optics,
            completeness=float(parameters["least_completeness"]),
        )
        there = (rings.status & RingStatus.NO_RING) == 0
        rings, events = rings.only(there), _events(path, tel_id, block[there])
        good, fails = select_rings(rings, optics.mirror_radius, cuts)
        rows.append(ring_rows(events, rings, good))
        rejected.update(fails)
    mirror = {
        "mirror_radius": optics.mirror_radius,
        "hole_radius": optics.hole_radius,
        "shortest": optics.wavelengths[0],
        "longest": optics.wavelengths[1],
    }
    return MuonTable(np.concatenate(rows), mirror, images, dict(rejected))


def _events(path: Path, tel_id: int, block: "np.ndarray") -> "npt.NDArray[np.int64]":
    """Return observation, event and time (ns TAI) of images, shape (n, 3)."""
    import numpy as np

    from pellucid.formats.ctapipe_hdf5 import read_times

    known, times = read_times(path, tel_id)
    place = np.minimum(np.searchsorted(known, block["event_id"]), max(known.size - 1, 0))
    if block.size and (known.size == 0 or (known[place] != block["event_id"]).any()):
        raise CorruptedInput(
            "An image has no time.",
            where=f"{path}, telescope {tel_id}",
            expected="a trigger of the telescope for each of its images",
            mend="make the file again",
            code="no-time",
        )
    times = times[place] if block.size else np.zeros(0, np.int64)
    return np.stack([block["obs_id"].astype(np.int64), block["event_id"].astype(np.int64), times], axis=1)


def _optics(path: Path, tel_id: int, parameters: Parameters) -> "MuonOptics":
    import numpy as np

    from pellucid.array.muons.camera import MuonOptics
    from pellucid.formats.ctapipe_hdf5 import read_telescope

    optics, geometry = read_telescope(path, tel_id)
    frame = geometry.telescope_frame(optics.focal_length(parameters["focal_length"]))
    air, holes = parameters["air"], parameters["hole_radius"]
    if optics.size_type not in holes:
        raise ConfigurationError(
            "Nobody says how large the hole in the mirror is.",
            where=f"{path}, telescope {tel_id}",
            expected=f"hole_radius for {optics.size_type!r}",
            got=f"for {', '.join(sorted(holes))}",
            mend="set it, 0 where there is none: --set steps.muon-rings.hole_radius",
            code="no-hole-radius",
        )
    low, high = (float(nm) for nm in parameters["wavelengths"])
    return MuonOptics(
        x=frame.fov_lon,
        y=frame.fov_lat,
        pixel_width=float(np.median(frame.pix_width)),
        pixel_area=float(np.median(frame.pix_area)),
        mirror_radius=float(np.sqrt(optics.mirror_area / np.pi)),
        hole_radius=float(holes[optics.size_type]),
        wavelengths=(low, high),
        noise=float(parameters["noise"]),
        spe_width=float(parameters["spe_width"]),
        extinction=(np.array(air["wavelength"]), np.array(air["extinction"])) if air["wavelength"] else None,
    )


def make_throughput(
    inputs: ManyFiles, output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Average good rings of some time to the throughput of each telescope, and fit its optical spread.

    Parameters
    ----------
    inputs : mapping of str to sequence of Path
        ``rings``: products of ``muon-rings``.
    """
    import numpy as np

    from pellucid.formats.muons import read_muons
    from pellucid.formats.throughput import write_throughput

    tables: dict[int, list[MuonTable]] = {}
    for path in inputs["rings"]:
        for tel_id, table in read_muons(path).items():
            tables.setdefault(tel_id, []).append(table)
            _check_same(tables[tel_id][0].optics, table.optics, f"{path}, telescope {tel_id}")
    found: dict[int, TelescopeThroughput] = {}
    problems: dict[int, InsufficientStatistics] = {}
    for tel_id, some in sorted(tables.items()):
        rings = np.concatenate([t.rings for t in some])
        try:
            found[tel_id] = _throughput(rings[rings["good"]], parameters)
        except InsufficientStatistics as error:
            error.where = f"telescope {tel_id}"
            problems[tel_id] = error
    if not found:
        raise next(iter(problems.values()))
    write_throughput(output, found, provenance)
    return {**_summary(found), "without": [f"tel-{t}: {e.what} {e.got}" for t, e in problems.items()]}


def _summary(found: "dict[int, TelescopeThroughput]") -> dict[str, JSON]:
    efficiencies = {tel_id: t.efficiency for tel_id, t in found.items()}
    flags: list[JSON] = [f"tel-{t}: status {e.status}" for t, e in efficiencies.items() if e.status]
    return {
        "telescopes": list(found),
        "time_start": min(e.start for e in efficiencies.values()),
        "time_stop": max(e.stop for e in efficiencies.values()),
        "rings": sum(e.n for e in efficiencies.values()),
        "throughput": {f"tel-{t}": e.value for t, e in efficiencies.items()},
        "throughput_error": {f"tel-{t}": e.error for t, e in efficiencies.items()},
        "flags": flags,
    }


def _throughput(rings: "np.ndarray", parameters: Parameters) -> "TelescopeThroughput":
    import numpy as np

    from pellucid.array.muons.fit import PARAMETERS
    from pellucid.array.throughput import TelescopeThroughput, aggregate

    errors = np.sqrt(np.diagonal(rings["covariance"], axis1=1, axis2=2))
    least = int(parameters["least_rings"])
    which = PARAMETERS.index("efficiency")
    efficiency = aggregate(rings["efficiency"], errors[:, which], rings["time"], least)
    spread = errors[:, PARAMETERS.index("width")]
    return TelescopeThroughput(
        efficiency, _psf(rings["width"], spread, rings["radius"], float(parameters["ring_radius"]), least)
    )


def _psf(
    width: "np.ndarray", error: "np.ndarray", radius: "np.ndarray", reference: float, least: int
) -> "OpticalPsf | None":
    from pellucid.array.throughput import optical_psf

    try:
        return optical_psf(width, error, radius, reference, least)
    except InsufficientStatistics:
        return None


def _check_same(first: dict[str, float], other: dict[str, float], where: str) -> None:
    if first != other:
        raise CorruptedInput(
            "Rings of one telescope were fitted with different mirrors.",
            where=where,
            expected=str(first),
            got=str(other),
            mend="fit all of them with the same description and parameters",
            code="other-optics",
        )


_RINGS: dict[str, JSON] = {
    "focal_length": "effective",
    "hole_radius": {"LST": 0.74, "MST": 0.59, "SST": 0.38},
    "wavelengths": [300.0, 600.0],
    "noise": 1.1,
    "spe_width": 0.5,
    "air": {"wavelength": [], "extinction": []},
    "least_pixels": 20,
    "least_completeness": 0.5,
    # the defaults of `pellucid.array.muons.quality.CUTS`, whose module brings numba; a test compares
    "cuts": {
        "radius": [0.8, 1.5],
        "width": [0.006, 0.1],
        "impact": [0.0, 0.9],
        "completeness": [0.8, 1.0],
        "containment": [0.95, 1.0],
        "efficiency_error": [0.0, 0.3],
        "chi2": [0.0, 3.0],
    },
}

STEPS = (
    Step(
        name="muon-rings",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.muons:make_rings",
        inputs={"images": Input("DL1/Event/*/Observation*", by="telescope")},
        output="DL1/Event/Telescope/MuonCandidate",
        suffix=".muons.h5",
        parameters=_RINGS,
        cost=10.0,
        determinism="tolerance",
        tolerance={"/*": (1e-6, 1e-9)},
    ),
    Step(
        name="optical-throughput",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.muons:make_throughput",
        inputs={"rings": Input("DL1/Event/Telescope/MuonCandidate", many=True)},
        output="DL2/Monitoring/Telescope/Throughput",
        suffix=".throughput.h5",
        parameters={
            "least_rings": parameter(20, "Good rings that a telescope must have left.", minimum=2),
            "ring_radius": parameter(
                1.2, "Radius at which the optical spread is told.", unit="deg", minimum=0
            ),
        },
        valid="night",
        levels=("B", "C"),
        cost=0.2,
    ),
)
"""``muon-rings``: ``hole_radius`` by size class in m, ``wavelengths`` of the band in nm, ``noise`` of a pixel
in p.e., ``spe_width`` relative; ``air`` tells the extinction at the ground in 1/m at wavelengths in nm, none
where empty. Images of fewer than ``least_pixels`` cleaned pixels, or whose first circle has light on less
than ``least_completeness`` of it, are no rings. ``cuts`` are intervals by name. ``optical-throughput``
averages what passed them (DPPS-UC-120-2.2, and 2.10 for the optical spread); radii of rings are in deg.
"""
