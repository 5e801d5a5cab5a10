# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the array's rates: triggers of its telescopes to a reference and the transparency of the air."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import ManyFiles, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy.typing as npt

    from pellucid.array.rates import PairCounts
    from pellucid.array.slices import PairSlices, RateSlices
    from pellucid.array.transparency import Anchors

__all__ = ["RATES", "REFERENCE", "STEPS", "Expected", "make_reference", "make_transparency", "read_slices"]


def make_reference(
    inputs: ManyFiles, output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Fit the rates of all pairs on clear nights, or on simulations delivered as such.

    Parameters
    ----------
    inputs : mapping of str to sequence of Path
        ``rates``: deliveries of I-DATA-COM-0006 of the same telescopes, of one night or of many.
    """
    from pellucid.array.pair_reference import fit_pair_reference
    from pellucid.formats.array_products import write_reference

    slices = read_slices(inputs["rates"], parameters["array"])
    found, left_out = fit_pair_reference(
        slices,
        powers=int(parameters["powers"]),
        exponent=float(parameters["exponent"]),
        exponent_error=float(parameters["exponent_error"]),
        gain_error=float(parameters["gain_error"]),
    )
    write_reference(output, found, provenance)
    return {
        # it is the array's, and certified for it as a whole
        "telescopes": [],
        "device": None,
        "reference_of": slices.tel_id.tolist(),
        "time_start": int(slices.time[0]),
        "time_stop": int(slices.stop[-1]),
        "exponent": found.exponent,
        "exponent_error": found.exponent_error,
        "chi2": found.rates.chi2,
        "ndf": found.rates.ndf,
        "pair_slices": found.rates.n,
        "pair_slices_left_out": left_out,
        "zenith_rad": list(found.rates.zenith),
    }


def make_transparency(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Make the transparency of the air in slices of time from deliveries of I-DATA-COM-0006.

    Events with each partner are in ascending order of the partners' identifiers. A slice that does not tell a
    transparency has status 1. With a reference, muon efficiencies and gains anchor the transparency.

    Parameters
    ----------
    inputs : mapping
        ``rates``: one Parquet file a telescope, of the same slices of time, as a sequence. ``reference``: a
        rate reference; without it rates and exponent are those of the parameters.
    """
    import numpy as np

    from pellucid.array.transparency import pair_transparency
    from pellucid.errors import InsufficientStatistics
    from pellucid.formats.transparency import write_transparency

    slices = read_slices(inputs["rates"], parameters["array"])
    busy = slices.too_busy(float(parameters["dead_time"]))
    pairs = slices.pairs(slices.silent(float(parameters["dead_time"])))
    expected = Expected.of(inputs, parameters, slices, pairs)
    n, count = slices.tel_id.size, slices.time.size
    arrays = _blank(count, n)
    arrays |= {"time": slices.time, "duration": slices.stop - slices.time, "tel_id": slices.tel_id}
    arrays["too_busy"] = busy.T
    _per_telescope(arrays, slices, busy, expected.exponent)
    refused: dict[str, int] = {}
    for s in range(count):
        counts, error = expected.counts(s)
        try:
            found = pair_transparency(
                counts,
                expected.exponent,
                exponent_error=expected.exponent_error,
                reference_error=error,
                anchors=expected.anchors(slices, s, float(parameters["gain_error"])),
                robust=True,
            )
        except InsufficientStatistics as reason:
            arrays["status"][s] = 1
            refused[reason.code] = refused.get(reason.code, 0) + 1
            continue
        for name in ("throughput", "throughput_error", "covariance", *_NUMBERS):
            arrays[name][s] = getattr(found, name)
    write_transparency(output, arrays, provenance)
    good = arrays["status"] == 0
    summary: Summary = {
        "telescopes": slices.tel_id.tolist(),
        "time_start": int(slices.time[0]),
        "time_stop": int(slices.stop[-1]),
        "slices": count,
        "slices_without_transparency": int((~good).sum()),
        "refused": dict(sorted(refused.items())),
        "flags": ["rate-above-dead-time-limit"] if busy.any() else [],
    }
    if good.any():
        summary |= {"median_eta": float(np.median(arrays["eta"][good]))}
    return summary


def _per_telescope(
    arrays: "dict[str, npt.NDArray[Any]]", slices: "RateSlices", busy: Any, exponent: float
) -> None:
    """Fill in the coefficients in the form of H.E.S.S. where there are events, live time and muons."""
    import numpy as np

    from pellucid.array.transparency import hess_transparency

    seen = (slices.n_stereo > 0) & (slices.live_time > 0.0) & np.isfinite(slices.muon_efficiency) & ~busy
    if seen.any():
        n, time = slices.n_stereo[seen].astype(np.float64), slices.live_time[seen]
        _, _, t, error = hess_transparency(
            n / time, np.sqrt(n) / time, slices.muon_efficiency[seen], slices.gain[seen], exponent=exponent
        )
        arrays["t"].T[seen], arrays["t_error"].T[seen] = t, error


_NUMBERS = ("eta", "eta_error", "eta_systematic", "chi2", "ndf", "p_value", "n_events", "anchored")

_COLUMNS = (
    "live_time",
    "n_stereo",
    "n_pairs",
    "zenith",
    "azimuth",
    "muon_efficiency",
    "muon_efficiency_error",
    "gain",
    "night_sky",
)


def _blank(slices: int, n: int) -> "dict[str, npt.NDArray[Any]]":
    import numpy as np

    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(_NUMBERS, (slices,))
    shapes |= dict.fromkeys(("throughput", "throughput_error", "t", "t_error"), (slices, n))
    shapes["covariance"] = (slices, n + 1, n + 1)
    arrays: dict[str, npt.NDArray[Any]] = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
    arrays["status"] = np.zeros(slices, np.uint8)
    return arrays


def read_slices(paths: Sequence[Path], array: Sequence[int] = ()) -> "RateSlices":
    """Read deliveries of I-DATA-COM-0006, one or more files a telescope, as slices of all telescopes.

    Parameters
    ----------
    paths : sequence of Path
        Of all telescopes of an array, or of some.
    array : sequence of int
        All telescopes of one kind that the deliveries know partners of; those delivered where empty.

    Raises
    ------
    CorruptedInput
        The telescopes do not have the same slices or partners (``other-slices``).
    """
    import numpy as np

    from pellucid.array.slices import RateSlices
    from pellucid.errors import CorruptedInput
    from pellucid.formats.delivery.parquet import read_parquet

    read: dict[int, list[dict[str, Any]]] = {}
    for path in paths:
        delivered = read_parquet(path)
        batches = list(delivered.batches())
        names = ("time", "duration", *_COLUMNS)
        read.setdefault(int(delivered.metadata["tel_id"]), []).append(
            {c: np.concatenate([b[c].data for b in batches]) for c in names}
        )
    tel_ids = sorted(read)
    known = sorted({*array, *tel_ids})
    own = {}
    for tel_id, parts in read.items():
        parts.sort(key=lambda part: int(part["time"][0]))
        partners = np.isin([k for k in known if k != tel_id], tel_ids)
        if {part["n_pairs"].shape[1] for part in parts} == {partners.size}:
            own[tel_id] = {c: np.concatenate([part[c] for part in parts]) for c in parts[0]}
            own[tel_id]["n_pairs"] = own[tel_id]["n_pairs"][:, partners]
    first = own.get(tel_ids[0])
    for tel_id in tel_ids:
        if first is None or tel_id not in own or not np.array_equal(own[tel_id]["time"], first["time"]):
            raise CorruptedInput(
                "The telescopes' rates do not belong together.",
                where=f"telescope {tel_id}",
                expected=f"the slices of telescope {tel_ids[0]}, {len(known) - 1} partners",
                got=f"{sum(len(p['time']) for p in read[tel_id])} slices, "
                f"{read[tel_id][0]['n_pairs'].shape[1]} partners",
                mend="give files of every telescope, of the same nights; or name them all: parameter array",
                code="other-slices",
            )
    assert first is not None
    columns = {c: np.stack([own[t][c] for t in tel_ids]) for c in _COLUMNS}
    return RateSlices(
        tel_id=np.array(tel_ids), time=first["time"], duration=np.asarray(first["duration"]), **columns
    )


@dataclass(frozen=True, eq=False)
class Expected:
    """What pairs saw, and what the reference gives: of a product, or of the parameters.

    Attributes
    ----------
    n_telescopes : int
        Number of telescopes.
    pairs : PairSlices
        What they saw.
    rate, error : ndarray of float64, shape (n_slices, n_pairs)
        Reference rates in Hz with their relative errors; NaN for pairs that the reference does not know.
    exponent, exponent_error : float
        Of the rate in the light.
    efficiency, efficiency_error, gain : ndarray of float64, shape (n_telescopes,), or None
        Of the epoch of the reference, dimensionless; None where parameters are the reference.
    """

    n_telescopes: int
    pairs: "PairSlices"
    rate: "npt.NDArray[Any]"
    error: "npt.NDArray[Any]"
    exponent: float
    exponent_error: float
    efficiency: "npt.NDArray[Any] | None" = None
    efficiency_error: "npt.NDArray[Any] | None" = None
    gain: "npt.NDArray[Any] | None" = None

    @classmethod
    def of(
        cls, inputs: Mapping[str, Any], parameters: Parameters, slices: "RateSlices", pairs: "PairSlices"
    ) -> "Expected":
        """Return the reference of a step: the product in ``reference``, else what the parameters say."""
        import numpy as np

        n = slices.tel_id.size
        if "reference" in inputs:
            from pellucid.formats.array_products import read_reference

            reference = read_reference(inputs["reference"])
            rate, error = reference.of_pairs(slices.tel_id, pairs)
            light = reference.of_telescopes(slices.tel_id)
            return cls(n, pairs, rate, error, reference.exponent, reference.exponent_error, *light)
        depth = np.log(np.cos(np.deg2rad(pairs.zenith)))
        powers = [np.asarray(c) * depth ** (k + 1) for k, c in enumerate(parameters["zenith_powers"])]
        rate = float(parameters["reference_rate"]) * np.exp(sum(powers, np.zeros(depth.shape)))
        error = np.full(rate.shape, float(parameters["reference_error"]))
        return cls(n, pairs, rate, error, float(parameters["exponent"]), float(parameters["exponent_error"]))

    def counts(self, s: int) -> "tuple[PairCounts, npt.NDArray[Any]]":
        """Return the counts of the live and known pairs of a slice, and their reference's relative errors."""
        import numpy as np

        from pellucid.array.rates import PairCounts

        used = (self.pairs.live_time[s] > 0.0) & np.isfinite(self.rate[s])
        first, second = self.pairs.first[used], self.pairs.second[used]
        live = self.pairs.live_time[s, used]
        counts = PairCounts.of(
            self.n_telescopes, first, second, self.pairs.count[s, used], live, self.rate[s, used]
        )
        return counts, self.error[s, used]

    def anchors(self, slices: "RateSlices", s: int, gain_error: float) -> "Anchors | None":
        """Return throughputs from a slice's muons and gains; None without an epoch to compare them with."""
        import numpy as np

        from pellucid.array.transparency import Anchors

        if self.efficiency is None or self.efficiency_error is None or self.gain is None:
            return None
        gain, efficiency = slices.gain[:, s], slices.muon_efficiency[:, s]
        reference = self.efficiency * self.gain
        shared = efficiency * self.efficiency_error / self.efficiency
        return Anchors.of(
            efficiency,
            np.hypot(slices.muon_efficiency_error[:, s], shared),
            gain,
            gain * gain_error,
            np.where(reference > 0.0, reference, np.nan),
        )


RATES = Input("DL0/Monitoring/Telescope/TriggerRates", by="array", many=True, minimum=2)
REFERENCE = Input("DL2/Monitoring/Subarray/RateReference", validity=True, required=False)

STEPS = (
    Step(
        name="rate-reference",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.array:make_reference",
        inputs={"rates": RATES},
        output="DL2/Monitoring/Subarray/RateReference",
        suffix=".rate-reference.h5",
        parameters={
            "array": [],
            "powers": parameter(2, "Highest power of ln cos z.", minimum=0),
            "exponent": parameter(0.0, "Of the rate in the light; 0: it is fitted.", minimum=0.0),
            "exponent_error": parameter(0.0, "Error of an exponent that is given.", minimum=0.0),
            "gain_error": parameter(0.01, "Relative error of delivered gains.", minimum=0.0),
        },
        levels=("C",),
        determinism="tolerance",
        tolerance={"/*": (1e-9, 1e-12)},
    ),
    Step(
        name="transparency",
        version="2",
        function="pellucid.pipeline.steps.array:make_transparency",
        inputs={"rates": RATES, "reference": REFERENCE},
        output="DL2/Monitoring/Subarray/CherenkovTransparency",
        suffix=".ctc.h5",
        parameters={
            "array": [],
            "reference_rate": 30.0,
            "zenith_powers": [1.0],
            "reference_error": 0.0,
            "exponent": 1.7,
            "exponent_error": 0.0,
            "gain_error": parameter(0.01, "Relative error of delivered gains.", minimum=0.0),
            "dead_time": parameter(7e-6, "Of the cameras.", unit="s", minimum=0.0),
        },
        determinism="tolerance",
        tolerance={"/*": (1e-9, 1e-12)},
    ),
)
"""``rate-reference``: rates of pairs on clear nights, to be certified by whoever judges the nights.
``transparency``: the Cherenkov Transparency Coefficient of an array in slices of time, over the certified
reference, or, where there is none, over that of the parameters.

``array`` names all telescopes of one kind where only some of them are given: deliveries count events with
each partner, in ascending order. ``reference_rate`` is the rate of a pair at zenith on a clear night in Hz,
``zenith_powers`` are the coefficients of powers of ln cos z in its logarithm, as
`pellucid.array.reference.fit_reference` finds them.
"""
