# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the air above the array: rates of its telescopes and pairs to its transparency in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Parameters, Provenance, Step, Summary
from pellucid.pipeline.steps.array_rates import DESCRIPTION, RATES, SENSITIVITY, read_slices

if TYPE_CHECKING:
    import numpy.typing as npt

    from pellucid.array.rates import PairCounts
    from pellucid.array.slices import PairSlices, RateSlices
    from pellucid.array.transparency import Anchors

__all__ = ["REFERENCE", "STEPS", "Expected", "make_transparency"]


def make_transparency(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Make the transparency of the air in slices of time from the rates of telescopes and their pairs.

    A slice that does not tell a transparency has status 1. With a reference, muon efficiencies and gains
    anchor the transparency.

    Parameters
    ----------
    inputs : mapping
        ``rates``: of I-DATA-COM-0006 or ``trigger-rates``, of the same slices of time, as a sequence.
        ``reference``: a rate reference; without it rates and exponent are those of the parameters.
        ``description``: of an array of several kinds of telescopes.
    """
    import numpy as np

    from pellucid.array.rates import SlidingCounts
    from pellucid.array.transparency import pair_transparency
    from pellucid.errors import InsufficientStatistics
    from pellucid.formats.transparency import write_transparency

    slices = read_slices(inputs, parameters)
    busy = slices.too_busy(float(parameters["dead_time"]))
    pairs = slices.pairs(slices.silent(float(parameters["dead_time"])))
    expected = Expected.of(inputs, parameters, slices, pairs)
    n, count = slices.tel_id.size, slices.time.size
    arrays = _blank(count, n)
    arrays |= {"time": slices.time, "duration": slices.stop - slices.time, "tel_id": slices.tel_id}
    arrays["too_busy"] = busy.T
    _per_telescope(arrays, slices, busy, expected, parameters["normalisation"])
    refused: dict[str, int] = {}
    window = SlidingCounts(int(parameters["window"]))
    for s in range(count):
        counts = window.update(expected.counts(s))
        seen = counts.expected > 0.0
        try:
            found = pair_transparency(
                counts.some(seen),
                expected.exponent,
                exponent_error=expected.exponent_error,
                reference_error=expected.reference_error(s, window.length)[seen],
                weight=pairs.weight[seen],
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
    arrays: "dict[str, npt.NDArray[Any]]",
    slices: "RateSlices",
    busy: Any,
    expected: "Expected",
    normalisation: Sequence[float],
) -> None:
    """Fill in the coefficients in the form of H.E.S.S. where there are events, live time and muons.

    Rates are those at zenith; T is the mean of the telescopes of a slice over k_N of their number N.
    """
    import numpy as np

    from pellucid.array.transparency import hess_transparency

    light = np.isfinite(slices.muon_efficiency) & np.isfinite(slices.gain)
    seen = (slices.n_stereo > 0) & (slices.live_time > 0.0) & np.isfinite(slices.zenith) & light & ~busy
    at_zenith = expected.at_zenith(np.where(seen, slices.zenith, 0.0))
    k_n = [float(k) for k in normalisation] or [1.0]
    for s in np.flatnonzero(seen.any(axis=0)).tolist():
        mine = seen[:, s]
        n, time = slices.n_stereo[mine, s].astype(np.float64), slices.live_time[mine, s]
        per_second = at_zenith[mine, s] / time
        total, total_error, t, error = hess_transparency(
            n * per_second,
            np.sqrt(n) * per_second,
            slices.muon_efficiency[mine, s],
            slices.gain[mine, s],
            exponent=expected.exponent,
            normalisation=k_n[min(int(mine.sum()), len(k_n)) - 1],
        )
        arrays["t"][s, mine], arrays["t_error"][s, mine] = t, error
        arrays["t_mean"][s], arrays["t_mean_error"][s] = total, total_error


_NUMBERS = ("eta", "eta_error", "eta_systematic", "chi2", "ndf", "p_value", "n_events", "anchored")


def _blank(slices: int, n: int) -> "dict[str, npt.NDArray[Any]]":
    import numpy as np

    shapes: dict[str, tuple[int, ...]] = dict.fromkeys((*_NUMBERS, "t_mean", "t_mean_error"), (slices,))
    shapes |= dict.fromkeys(("throughput", "throughput_error", "t", "t_error"), (slices, n))
    shapes["covariance"] = (slices, n + 1, n + 1)
    arrays: dict[str, npt.NDArray[Any]] = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
    arrays["status"] = np.zeros(slices, np.uint8)
    return arrays


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
    powers : tuple of float
        Coefficients of powers of ln cos z in the logarithm of a rate.
    efficiency, efficiency_error, gain : ndarray of float64, shape (n_telescopes,), or None
        Of the epoch of the reference, dimensionless; None where parameters are the reference.
    """

    n_telescopes: int
    pairs: "PairSlices"
    rate: "npt.NDArray[Any]"
    error: "npt.NDArray[Any]"
    exponent: float
    exponent_error: float
    powers: tuple[float, ...]
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
            return cls(
                n,
                pairs,
                rate,
                error,
                reference.exponent,
                reference.exponent_error,
                tuple(reference.rates.zenith_powers.tolist()),
                *light,
            )
        powers = tuple(float(power) for power in parameters["zenith_powers"])
        rate = float(parameters["reference_rate"]) / _at_zenith(pairs.zenith, powers)
        error = np.full(rate.shape, float(parameters["reference_error"]))
        exponent = float(parameters["exponent"]), float(parameters["exponent_error"])
        return cls(n, pairs, rate, error, *exponent, powers)

    def at_zenith(self, zenith: "npt.NDArray[Any]") -> "npt.NDArray[Any]":
        """Return by what rates at zenith angles in deg are multiplied to be those at zenith, of any shape."""
        return _at_zenith(zenith, self.powers)

    def counts(self, s: int) -> "PairCounts":
        """Return the counts of all pairs in a slice; nothing is expected of those not live or not known."""
        import numpy as np

        from pellucid.array.rates import PairCounts

        used, one = self._used(s), np.ones(self.pairs.first.size)
        whole = PairCounts.of(
            self.n_telescopes,
            self.pairs.first,
            self.pairs.second,
            np.where(used, self.pairs.count[s], 0.0),
            np.where(used, self.pairs.live_time[s], one),
            np.where(used, self.rate[s], one),
        )
        return replace(whole, expected=np.where(used, whole.expected, 0.0))

    def reference_error(self, s: int, length: int) -> "npt.NDArray[Any]":
        """Return relative errors of the reference of all pairs in a window of slices that ends with one.

        Means over the slices, weighted with what is expected in each, since one reference serves them all.
        """
        import numpy as np

        window = range(max(0, s - length + 1), s + 1)
        weight = np.array([self.counts(i).expected for i in window])
        error = np.array([np.where(self._used(i), self.error[i], 0.0) for i in window])
        return np.asarray((weight * error).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300))

    def _used(self, s: int) -> "npt.NDArray[Any]":
        import numpy as np

        return np.asarray((self.pairs.live_time[s] > 0.0) & np.isfinite(self.rate[s]))

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


def _at_zenith(zenith: "npt.NDArray[Any]", powers: tuple[float, ...]) -> "npt.NDArray[Any]":
    import numpy as np

    depth = np.log(np.cos(np.deg2rad(zenith)))
    law: npt.NDArray[Any] = np.exp(-sum((c * depth ** (k + 1) for k, c in enumerate(powers)), 0.0 * depth))
    return law


REFERENCE = Input("DL2/Monitoring/Subarray/RateReference", validity=True, required=False)

STEPS = (
    Step(
        name="transparency",
        version="3",
        function="pellucid.pipeline.steps.array:make_transparency",
        inputs={"rates": RATES, "reference": REFERENCE, "description": DESCRIPTION},
        output="DL2/Monitoring/Subarray/CherenkovTransparency",
        suffix=".ctc.h5",
        parameters={
            "array": [],
            "sensitivity": {**SENSITIVITY},
            "window": parameter(1, "Slices that each transparency is made of, itself the last.", minimum=1),
            "normalisation": [],
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
"""``transparency``: the Cherenkov Transparency Coefficient (DPPS-UC-120-2.4) of an array in slices of time,
over the certified reference, or, where there is none, over that of the parameters.

``array`` and ``sensitivity`` are those of `pellucid.pipeline.steps.array_rates.STEPS`. With a ``window`` of
more than one slice, each transparency is that of a window that slides with the slices. ``normalisation``
holds k_N of the form of H.E.S.S. for N = 1, 2, ... telescopes, its last number for more; 1 where empty.
``reference_rate`` is the rate of a pair at zenith on a clear night in Hz, ``zenith_powers`` are the
coefficients of powers of ln cos z in its logarithm, as `pellucid.array.reference.fit_reference` finds them.
"""
