# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the array's rates: of its telescopes, as slices of the array, to those of a clear night."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import CorruptedInput
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy.typing as npt

    from pellucid.array.slices import RateSlices
    from pellucid.instrument import Subarray

    type Columns = dict[str, npt.NDArray[Any]]

__all__ = ["DESCRIPTION", "RATES", "SENSITIVITY", "STEPS", "make_reference", "read_slices"]


def make_reference(
    inputs: Mapping[str, Any], output: Path, parameters: Parameters, provenance: Provenance
) -> Summary:
    """Fit the rates of all pairs on clear nights, or on simulations delivered as such.

    Parameters
    ----------
    inputs : mapping
        ``rates``: of I-DATA-COM-0006 or ``trigger-rates``, of the same telescopes, of one night or of many,
        as a sequence; ``description``: of an array of several kinds of telescopes.
    """
    from pellucid.array.pair_reference import fit_pair_reference
    from pellucid.formats.array_products import write_reference

    slices = read_slices(inputs, parameters)
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


def read_slices(inputs: Mapping[str, Any], parameters: Parameters) -> "RateSlices":
    """Read rates of telescopes, one or more files each, as slices of all of them.

    Events with each partner are in ascending order of the partners' identifiers. Partners of a telescope are
    those that ``array`` names, else those of its kind in the description, else those of its kind that are
    there: the first that are as many as were counted.

    Parameters
    ----------
    inputs : mapping
        ``rates``: files as a sequence; ``description``: of the array; without it all are of one kind.
    parameters : mapping
        ``array`` and ``sensitivity``, as in `STEPS`.

    Raises
    ------
    CorruptedInput
        The telescopes do not have the same slices or partners (``other-slices``), or a telescope has a slice
        twice (``repeated-slice``).
    """
    import numpy as np

    from pellucid.array.slices import RateSlices
    from pellucid.formats.description import read_description
    from pellucid.formats.trigger_rates import read_trigger_rates

    read: dict[int, list[Columns]] = {}
    for path in inputs["rates"]:
        tel_id, columns = read_trigger_rates(path)
        read.setdefault(tel_id, []).append(columns)
    tel_ids = sorted(read)
    subarray = read_description(inputs["description"]) if "description" in inputs else None
    own = {
        tel_id: _in_order(parts, tel_id, tel_ids, _known(tel_id, tel_ids, parameters["array"], subarray))
        for tel_id, parts in read.items()
    }
    first = own[tel_ids[0]]
    for tel_id in tel_ids:
        if not np.array_equal(own[tel_id]["time"], first["time"]):
            got = f"{own[tel_id]['time'].size} slices, {first['time'].size} of that one"
            raise _other(tel_id, f"the slices of telescope {tel_ids[0]}", got)
    shared = set.intersection(*map(set, own.values())) - {"time", "duration"}
    stacked = {c: np.stack([own[t][c] for t in tel_ids]) for c in shared}
    sensitivity = None
    if subarray is not None:
        sizes = [subarray.telescopes[t].optics.size_type for t in tel_ids]
        sensitivity = np.array([float(parameters["sensitivity"].get(size, 1.0)) for size in sizes])
    return RateSlices(
        tel_id=np.array(tel_ids),
        time=first["time"],
        duration=np.asarray(first["duration"]),
        sensitivity=sensitivity,
        **stacked,
    )


def _known(
    tel_id: int, tel_ids: Sequence[int], array: Sequence[int], subarray: "Subarray | None"
) -> list[list[int]]:
    """Return what the partners of a telescope may be, the likeliest first."""
    if array:
        return [[t for t in sorted({*array, *tel_ids}) if t != tel_id]]
    if subarray is None:
        return [[t for t in tel_ids if t != tel_id]]
    known = subarray.telescopes
    if tel_id not in known:
        raise _other(tel_id, f"some of {subarray.tel_ids}", "a telescope that the array does not have")
    same = [t for t in subarray.tel_ids if known[t].name == known[tel_id].name and t != tel_id]
    everyone = [t for t in subarray.tel_ids if t != tel_id]
    return [same, [t for t in same if t in tel_ids], everyone]


def _in_order(
    parts: "list[Columns]", tel_id: int, tel_ids: Sequence[int], known: list[list[int]]
) -> "Columns":
    """Join the files of a telescope, with the events of every telescope that is there; 0 if not counted."""
    import numpy as np

    parts.sort(key=lambda part: int(part["time"][0]))
    counted = {part["n_pairs"].shape[1] for part in parts}
    partners = next((k for k in known if {len(k)} == counted), None)
    if partners is None:
        raise _other(tel_id, f"{len(known[0])} partners", " and ".join(map(str, sorted(counted))))
    shared = set.intersection(*map(set, parts))
    whole = {name: np.concatenate([part[name] for part in parts]) for name in shared}
    if (np.diff(whole["time"]) <= 0).any():
        raise CorruptedInput(
            "A telescope has a slice of time twice.",
            where=f"telescope {tel_id}",
            expected="each slice in one file",
            mend="give rates that were delivered or made of triggers, not both",
            code="repeated-slice",
        )
    others = [t for t in tel_ids if t != tel_id]
    there = [t for t in others if t in partners]
    to, of = [others.index(t) for t in there], [partners.index(t) for t in there]
    for name in {"n_pairs", "live_pairs"} & set(whole):
        given = whole[name]
        whole[name] = np.zeros((given.shape[0], len(others)), given.dtype)
        whole[name][:, to] = given[:, of]
    return whole


def _other(tel_id: int, expected: str, got: str) -> CorruptedInput:
    return CorruptedInput(
        "The telescopes' rates do not belong together.",
        where=f"telescope {tel_id}",
        expected=expected,
        got=got,
        mend="give files of every telescope, of the same nights; or name them all: parameter array",
        code="other-slices",
    )


RATES = Input("*/Monitoring/Telescope/TriggerRates", by="array", many=True, minimum=2)
DESCRIPTION = Input("DL0/Service/Subarray/Description", required=False)
SENSITIVITY = {"LST": 1.0, "MST": 1.0, "SST": 1.0}

STEPS = (
    Step(
        name="rate-reference",
        alternative=True,
        version="2",
        function="pellucid.pipeline.steps.array_rates:make_reference",
        inputs={"rates": RATES, "description": DESCRIPTION},
        output="DL2/Monitoring/Subarray/RateReference",
        suffix=".rate-reference.h5",
        parameters={
            "array": [],
            "sensitivity": {**SENSITIVITY},
            "powers": parameter(2, "Highest power of ln cos z.", minimum=0),
            "exponent": parameter(0.0, "Of the rate in the light; 0: it is fitted.", minimum=0.0),
            "exponent_error": parameter(0.0, "Error of an exponent that is given.", minimum=0.0),
            "gain_error": parameter(0.01, "Relative error of delivered gains.", minimum=0.0),
        },
        levels=("C",),
        determinism="tolerance",
        tolerance={"/*": (1e-9, 1e-12)},
    ),
)
"""``rate-reference``: rates of pairs on clear nights, to be certified by whoever judges the nights.

``array`` names all telescopes that rates count as partners, where they are neither those of the description
nor those that are there. ``sensitivity``, by size class, tells how strongly rates follow the light of a
telescope in pairs of two kinds, as `pellucid.array.exponent.fit_shares` finds it in simulations."""
