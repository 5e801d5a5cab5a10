# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the array: trigger rates of its telescopes to the transparency of the air."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.pipeline.inputs import Input
from pellucid.pipeline.step import ManyFiles, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy.typing as npt

    from pellucid.array.rates import PairCounts

__all__ = ["STEPS", "make_transparency"]


def make_transparency(
    inputs: ManyFiles, output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Make the transparency of the air in slices of time from deliveries of I-DATA-COM-0006.

    Events with each partner are in ascending order of the partners' identifiers. A pair is live when both
    its telescopes are, independently of each other. A slice that does not tell a transparency has status 1.

    Parameters
    ----------
    inputs : mapping of str to sequence of Path
        ``rates``: one Parquet file a telescope, of the same slices of time.
    """
    import numpy as np

    from pellucid.array.transparency import pair_transparency
    from pellucid.errors import InsufficientStatistics
    from pellucid.formats.transparency import write_transparency

    tel_ids, columns = _telescopes(inputs["rates"])
    slices, n = columns["time"].shape[1], len(tel_ids)
    arrays = _blank(slices, n)
    arrays["time"], arrays["duration"] = columns["time"][0], np.rint(columns["duration"][0] * 1e9)
    reference = _reference(columns["zenith"][0], parameters)
    p = float(parameters["exponent"])
    for s in range(slices):
        counts = _counts(columns, s, float(reference[s]))
        _per_telescope(arrays, columns, s, p)
        try:
            found = pair_transparency(
                counts,
                p,
                exponent_error=float(parameters["exponent_error"]),
                reference_error=float(parameters["reference_error"]),
                robust=True,
            )
        except InsufficientStatistics:
            arrays["status"][s] = 1
            continue
        for name in ("throughput", "throughput_error", "covariance", *_NUMBERS):
            arrays[name][s] = getattr(found, name)
    arrays["tel_id"] = np.array(tel_ids)
    write_transparency(output, arrays, provenance)
    good = arrays["status"] == 0
    summary: Summary = {
        "telescopes": tel_ids,
        "time_start": int(arrays["time"][0]),
        "time_stop": int(arrays["time"][-1] + arrays["duration"][-1]),
        "slices": slices,
        "slices_without_transparency": int((~good).sum()),
    }
    if good.any():
        summary |= {"median_eta": float(np.median(arrays["eta"][good]))}
    return summary


def _per_telescope(
    arrays: "dict[str, npt.NDArray[Any]]", columns: "dict[str, npt.NDArray[Any]]", s: int, exponent: float
) -> None:
    """Fill in a slice's coefficients in the form of H.E.S.S. where there are events, live time and muons."""
    import numpy as np

    from pellucid.array.transparency import hess_transparency

    names = ("n_stereo", "live_time", "muon_efficiency", "gain")
    events, live, muon, gain = (columns[c][:, s] for c in names)
    seen = (events > 0) & (live > 0.0) & np.isfinite(muon)
    if seen.any():
        n, time = events[seen].astype(np.float64), live[seen]
        _, _, arrays["t"][s, seen], arrays["t_error"][s, seen] = hess_transparency(
            n / time, np.sqrt(n) / time, muon[seen], gain[seen], exponent=exponent
        )


_NUMBERS = ("eta", "eta_error", "eta_systematic", "chi2", "ndf", "p_value", "n_events")

_COLUMNS = ("time", "duration", "live_time", "n_stereo", "n_pairs", "zenith", "muon_efficiency", "gain")


def _blank(slices: int, n: int) -> "dict[str, npt.NDArray[Any]]":
    import numpy as np

    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_NUMBERS, (slices,))
    shapes |= dict.fromkeys(("throughput", "throughput_error", "t", "t_error"), (slices, n))
    shapes["covariance"] = (slices, n + 1, n + 1)
    arrays: dict[str, npt.NDArray[Any]] = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
    arrays["status"] = np.zeros(slices, np.uint8)
    return arrays


def _telescopes(paths: Sequence[Path]) -> "tuple[list[int], dict[str, npt.NDArray[Any]]]":
    """Return telescopes in order, and columns stacked to (n_telescopes, n_slices, ...)."""
    import numpy as np

    from pellucid.errors import CorruptedInput
    from pellucid.formats.delivery.parquet import read_parquet

    read: dict[int, dict[str, Any]] = {}
    for path in paths:
        delivered = read_parquet(path)
        batches = list(delivered.batches())
        parts = {c: np.concatenate([b[c].data for b in batches]) for c in _COLUMNS}
        read[int(delivered.metadata["tel_id"])] = parts
    tel_ids = sorted(read)
    first = read[tel_ids[0]]
    for tel_id in tel_ids:
        own = read[tel_id]
        if not np.array_equal(own["time"], first["time"]) or own["n_pairs"].shape[1] != len(tel_ids) - 1:
            raise CorruptedInput(
                "The telescopes' rates do not belong together.",
                where=f"telescope {tel_id}",
                expected=f"{first['time'].size} slices as of telescope {tel_ids[0]}, "
                f"{len(tel_ids) - 1} partners",
                got=f"{own['time'].size} slices, {own['n_pairs'].shape[1]} partners",
                mend="give one file of every telescope, of the same night",
                code="other-slices",
            )
    return tel_ids, {c: np.stack([read[t][c] for t in tel_ids]) for c in _COLUMNS}


def _counts(columns: "dict[str, npt.NDArray[Any]]", s: int, reference: float) -> "PairCounts":
    import numpy as np

    from pellucid.array.rates import PairCounts, all_pairs

    n = columns["time"].shape[0]
    first, second = all_pairs(n)
    # a telescope is not among its own partners: those behind it stand one place earlier
    count = columns["n_pairs"][first, s, second - 1].astype(np.float64)
    live = columns["live_time"][:, s]
    both = live[first] * live[second] / columns["duration"][first, s]
    used = both > 0.0
    return PairCounts.of(
        n, first[used], second[used], count[used], both[used], np.full(int(used.sum()), reference)
    )


def _reference(zenith: "npt.NDArray[Any]", parameters: Parameters) -> "npt.NDArray[Any]":
    import numpy as np

    depth = np.log(np.cos(np.deg2rad(zenith)))
    powers = [np.asarray(c) * depth ** (k + 1) for k, c in enumerate(parameters["zenith_powers"])]
    rates: npt.NDArray[Any] = float(parameters["reference_rate"]) * np.exp(sum(powers, np.zeros(zenith.size)))
    return rates


STEPS = (
    Step(
        name="transparency",
        version="1",
        function="pellucid.pipeline.steps.array:make_transparency",
        inputs={"rates": Input("DL0/Monitoring/Telescope/TriggerRates", by="array", many=True, minimum=2)},
        output="DL2/Monitoring/Subarray/CherenkovTransparency",
        suffix=".ctc.h5",
        parameters={
            "reference_rate": 30.0,
            "zenith_powers": [1.0],
            "reference_error": 0.0,
            "exponent": 1.7,
            "exponent_error": 0.0,
        },
        determinism="tolerance",
        tolerance={"/*": (1e-9, 1e-12)},
    ),
)
"""``transparency``: the Cherenkov Transparency Coefficient of an array in slices of time.

``reference_rate`` is the rate of a pair at zenith on a clear night in Hz, ``zenith_powers`` are the
coefficients of powers of ln cos z in its logarithm, as `pellucid.array.reference.fit_reference` finds them.
"""
