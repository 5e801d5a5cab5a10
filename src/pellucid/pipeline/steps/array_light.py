# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the light of an array: all that tells it, to the throughput of each telescope in time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Parameters, Provenance, Step, Summary
from pellucid.pipeline.steps.array import Expected
from pellucid.pipeline.steps.array_rates import DESCRIPTION, RATES, SENSITIVITY, read_slices

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.array.joint import Measurement
    from pellucid.array.slices import RateSlices

    type Ints = npt.NDArray[np.int64]

__all__ = ["STEPS", "make_joint"]

_NS_PER_DAY = 86_400_000_000_000


def make_joint(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Solve for the throughput of each telescope in time, by rates, muons, gains and shared showers.

    Muon efficiencies are those of throughput products; without any, the delivered ones, each value once.

    Parameters
    ----------
    inputs : mapping
        ``rates``: of I-DATA-COM-0006 or ``trigger-rates``; ``reference``: a rate reference; ``muons``:
        throughputs; ``showers``: inter-calibrations; as sequences but for the reference; ``description``: of
        an array of several kinds of telescopes.
    """
    import numpy as np

    from pellucid.array.joint import joint_solution
    from pellucid.errors import InsufficientStatistics
    from pellucid.formats.array_products import write_joint

    slices = read_slices(inputs, parameters)
    pairs = slices.pairs(slices.silent(float(parameters["dead_time"])))
    expected = Expected.of(inputs, parameters, slices, pairs)
    length = round(float(parameters["interval"]) * 3600e9)
    first, last = int(slices.time[0]), int(slices.stop[-1])
    edges = first + np.arange(-(-(last - first) // length) + 1, dtype=np.int64) * length
    middle = (edges[:-1] - first + 0.5 * length) / _NS_PER_DAY
    measured = {
        "rates": _rates(slices, expected, edges),
        "gains": _gains(slices, expected, edges, float(parameters["gain_error"])),
        "muons": _muons(slices, expected, edges, inputs.get("muons", ())),
        "images": _images(slices.tel_id, edges, inputs.get("showers", ())),
    }
    found = joint_solution(
        {name: one for name, one in measured.items() if one.value.size},
        slices.tel_id.size,
        middle,
        drift=float(parameters["drift"]),
        gain_drift=float(parameters["gain_drift"]),
    )
    known = np.isfinite(found.optics).any(axis=0)
    if not known.any():
        raise InsufficientStatistics(
            "Nothing tells the throughput of any telescope.",
            expected="muon efficiencies of a telescope at least, in rates or as throughputs",
            got=", ".join(f"{one.value.size} of {name}" for name, one in measured.items()),
            mend="take a night with muons, or fit the reference with them",
            code="not-identified",
        )
    write_joint(output, slices.tel_id, edges, found, provenance)
    strained = [name for name, m in found.methods.items() if abs(m.mean) > 5.0 * m.mean_error]
    flags = [f"{name}-do-not-fit" for name in strained]
    return {
        # it is the array's, and in force for it as a whole
        "telescopes": [],
        "device": None,
        "solved": slices.tel_id[known].tolist(),
        "time_start": first,
        "time_stop": last,
        "intervals": edges.size - 1,
        "unidentified": slices.tel_id[~known].tolist(),
        "methods": {
            name: {"n": m.n, "mean": m.mean, "mean_error": m.mean_error, "rms": m.rms, "chi2": m.chi2}
            for name, m in found.methods.items()
        },
        "chi2": found.chi2,
        "ndf": found.ndf,
        "flags": flags if known.all() else [*flags, "unidentified-telescopes"],
    }


def _measurement(
    interval: "Ints", first: "Ints", second: "Ints", value: Any, error: Any, used: Any
) -> "Measurement":
    from pellucid.array.joint import Measurement

    return Measurement(interval[used], first[used], second[used], value[used], error[used])


def _rates(slices: "RateSlices", expected: Expected, edges: "Ints") -> "Measurement":
    """Sum the events of each pair over each interval: ln(R/R_ref)/p."""
    import numpy as np

    pairs, n = expected.pairs, edges.size - 1
    place = np.searchsorted(edges, slices.time, side="right") - 1
    used = (pairs.live_time > 0.0) & np.isfinite(expected.rate)
    shape = (n, pairs.first.size)
    count, should, error = (np.zeros(shape) for _ in range(3))
    np.add.at(count, place, np.where(used, pairs.count, 0.0))
    weight = np.where(used, pairs.live_time * expected.rate, 0.0)
    np.add.at(should, place, weight)
    # the reference's error is one for all slices of a pair: averaged, not added in quadrature
    np.add.at(error, place, np.where(used, weight * expected.error, 0.0))
    interval, pair = np.indices(shape)
    known = (count > 0.0) & (should > 0.0)
    safe = np.where(known, should, 1.0)
    value = np.log((count + 0.5) / safe) / expected.exponent
    sigma = np.hypot(1.0 / np.sqrt(count + 0.5), error / safe) / expected.exponent
    found = _measurement(interval, pairs.first[pair], pairs.second[pair], value, sigma, known)
    return replace(found, weight=pairs.weight[pair[known]])


def _gains(slices: "RateSlices", expected: Expected, edges: "Ints", error: float) -> "Measurement":
    """Average delivered gains over each interval; their error does not shrink with the slices."""
    import numpy as np

    n, m = edges.size - 1, slices.tel_id.size
    place = np.searchsorted(edges, slices.time, side="right") - 1
    total = np.zeros((n, m))
    np.add.at(total, place, slices.gain.T)
    number = np.bincount(place, minlength=n)[:, None]
    reference = np.ones(m) if expected.gain is None else expected.gain
    used = np.broadcast_to(number > 0, total.shape) & np.isfinite(reference) & np.isfinite(total)
    value = np.log(np.where(used, total, 1.0) / np.where(used, number * reference, 1.0))
    interval, telescope = np.indices(total.shape)
    return _measurement(interval, telescope, telescope, value, np.full(total.shape, error), used)


def _muons(slices: "RateSlices", expected: Expected, edges: "Ints", paths: Sequence[Path]) -> "Measurement":
    """Return muon efficiencies over those of the reference; none where the reference has none."""
    import numpy as np

    from pellucid.formats.throughput import read_throughput

    rows: list[tuple[int, int, float, float]] = []
    place = {tel_id: i for i, tel_id in enumerate(slices.tel_id.tolist())}
    for path in paths:
        for tel_id, throughput in read_throughput(path).items():
            e = throughput.efficiency
            if tel_id in place:
                rows.append((e.middle, place[tel_id], e.value, e.error))
    if not paths:
        for i, (value, error) in enumerate(zip(slices.muon_efficiency, slices.muon_efficiency_error)):
            for one in np.unique(value[np.isfinite(value)]).tolist():
                same = np.flatnonzero(value == one)
                rows.append((int(slices.time[same].mean()), i, one, float(error[same[0]])))
    columns = np.array(rows).reshape(-1, 4).T
    telescope = columns[1].astype(np.int64)
    time = np.array([row[0] for row in rows], np.int64)
    interval = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, edges.size - 2)
    _check_efficiencies(columns[2])
    unknown = np.full(slices.tel_id.size, np.nan)
    reference = unknown if expected.efficiency is None else expected.efficiency
    shared = unknown if expected.efficiency_error is None else expected.efficiency_error / reference
    used = np.isfinite(reference[telescope])
    ratio = np.where(used, columns[2] / reference[telescope], 1.0)
    error = np.hypot(columns[3] / columns[2], shared[telescope])
    return _measurement(interval, telescope, telescope, np.log(ratio), error, used)


def _check_efficiencies(value: Any) -> None:
    from pellucid.errors import CorruptedInput

    if not (value > 0.0).all():
        raise CorruptedInput(
            "A telescope has no efficiency.",
            expected="muon efficiencies above 0",
            got=f"{value.min():g}",
            mend="leave it out with NaN, or correct it",
            code="bad-efficiency",
        )


def _images(tel_id: "Ints", edges: "Ints", paths: Sequence[Path]) -> "Measurement":
    """Return log ratios of images of shared showers; those of a night are put into its middle interval."""
    import numpy as np

    from pellucid.array.intercalibration import LeftOut, log_ratio
    from pellucid.formats.array_products import read_intercalibration

    parts = []
    for path in paths:
        _, found, pairs, _ = read_intercalibration(path)
        used = found.left_out == LeftOut.USED
        used &= np.isin(pairs.first, tel_id) & np.isin(pairs.second, tel_id)
        a, s = pairs.value[used], pairs.error[used]
        ends = np.searchsorted(tel_id, pairs.first[used]), np.searchsorted(tel_id, pairs.second[used])
        parts.append(np.stack([*ends, log_ratio(a), 2.0 * s / (1.0 - a**2)]))
    table = np.concatenate(parts, axis=1) if parts else np.zeros((4, 0))
    first, second = table[:2].astype(np.int64)
    interval = np.full(first.size, (edges.size - 1) // 2)
    return _measurement(interval, first, second, table[2], table[3], np.ones(first.size, bool))


STEPS = (
    Step(
        name="joint-throughput",
        alternative=True,
        version="2",
        function="pellucid.pipeline.steps.array_light:make_joint",
        inputs={
            "rates": RATES,
            "description": DESCRIPTION,
            "reference": Input("DL2/Monitoring/Subarray/RateReference", validity=True),
            "muons": Input("DL2/Monitoring/Telescope/Throughput", by="array", many=True, required=False),
            "showers": Input("DL2/Monitoring/Subarray/Intercalibration", many=True, required=False),
        },
        output="DL2/Monitoring/Subarray/JointThroughput",
        suffix=".joint-throughput.h5",
        parameters={
            "array": [],
            "sensitivity": {**SENSITIVITY},
            "gain_error": parameter(0.01, "Relative error of delivered gains.", minimum=0.0),
            "dead_time": parameter(7e-6, "Of the cameras.", unit="s", minimum=0.0),
            "interval": parameter(1.0, "Length of an interval of time.", unit="h", minimum=0.01),
            "drift": parameter(0.002, "By how much ln of a throughput changes in a day, rms.", minimum=0.0),
            "gain_drift": parameter(0.002, "The same of a gain.", minimum=0.0),
        },
        valid="night",
        levels=("B", "C"),
        determinism="tolerance",
        tolerance={"/*": (1e-9, 1e-12)},
    ),
)
"""``joint-throughput``: rates of pairs, muons, gains and shared showers in one least squares, with residuals
of each method (DPPS-UC-120-2.1, the absolute optical throughput). It needs a certified reference, and is
asked for by name; what it makes is in force for the array, and applied to events."""
