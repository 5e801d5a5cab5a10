# SPDX-License-Identifier: BSD-3-Clause
"""Intercalibration of telescopes beside calibpipe's fit, on the same pairs in the same run.

The peer runs in an environment of its own and reads the same asymmetries.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from clock import milliseconds


def cases() -> dict[str, dict[str, np.ndarray]]:
    """Return pairs to solve: all of 37 telescopes, some with a pair of one event, some in two groups."""
    random = np.random.default_rng(8)

    def pairs(first: np.ndarray, second: np.ndarray, n: int) -> dict[str, np.ndarray]:
        c = np.exp(random.normal(0.0, 0.1, n))
        # asymmetries scatter by 0.2 an event; the peer stops 0.01 errors from its minimum, wherever that is
        error = 0.2 / np.sqrt(random.uniform(0.5e4, 2e4, first.size))
        a = (c[first] - c[second]) / (c[first] + c[second]) + random.normal(0.0, error)
        return {"first": first, "second": second, "value": a, "error": error}

    whole = pairs(*np.triu_indices(37, 1), 37)
    single = pairs(*np.triu_indices(5, 1), 5)
    single["error"][4] = np.nan
    apart = pairs(np.array([0, 0, 1, 3, 3, 4]), np.array([1, 2, 2, 4, 5, 5]), 6)
    return {"whole": whole, "single": single, "apart": apart}


def solved(case: dict[str, np.ndarray]) -> Callable[[], Any]:
    """Return our solution of a case, to be called."""
    from pellucid.array.intercalibration import PairAsymmetries, intercalibrate

    n = np.where(np.isfinite(case["error"]), 100, 1)
    pairs = PairAsymmetries(case["first"], case["second"], case["value"], case["error"], n)
    size = int(case["second"].max()) + 1
    return lambda: intercalibrate(pairs, size)


def true_minimum(case: dict[str, np.ndarray], start: np.ndarray) -> np.ndarray:
    """Return where the sum over pairs of squared asymmetry residuals is least, to rounding."""
    from scipy.optimize import least_squares

    def residuals(x: np.ndarray) -> np.ndarray:
        c = np.append(1.0, x)
        one, other = c[case["first"]], c[case["second"]]
        return (case["value"] - (one - other) / (one + other)) / case["error"]

    return least_squares(residuals, start, xtol=1e-15, ftol=1e-15, gtol=1e-15).x


def theirs(path: str, repeats: int) -> dict[str, Any]:
    """Return the peer's answers and time; runs in the peer's environment, without Pellucid."""
    from astropy.table import Table
    from calibpipe.tools.telescope_inter_calibration_calculator import RelativeThroughputFitter

    fitter = RelativeThroughputFitter(reference_telescopes={"LST": "1", "MST": "1", "SST": "1"})
    answers: dict[str, Any] = {}
    stored = np.load(path)
    for name in ("whole", "single", "apart"):
        first, second, value, error = (stored[f"{name}_{k}"] for k in ("first", "second", "value", "error"))
        table = Table(
            {
                "pair_type": np.full(first.size, "MST"),
                "tel_id_1": first + 1,
                "tel_id_2": second + 1,
                "mean_asymmetry": value,
                "mean_asymmetry_err": error,
            }
        )
        found = fitter.fit("MST", table)["MST"]
        answers[name] = [list(map(float, found[k])) for k in sorted(found, key=int)]
        if name == "whole":
            answers["ms"] = milliseconds(lambda table=table: fitter.fit("MST", table), repeats)
    return answers


def report(answers: dict[str, Any], repeats: int) -> list[dict[str, Any]]:
    """Return one row a figure, with the peer beside it."""
    from peers import peer_version
    from pellucid.array.intercalibration import LeftOut

    peer = {"peer": "calibpipe", "peer_version": peer_version("calibpipe", "ctao-calibpipe")}
    made = cases()
    action = solved(made["whole"])
    ms, found = milliseconds(action, 20 * repeats), action()
    difference = float(np.abs(found.value - np.array(answers["whole"])[:, 0]).max())
    errors = float(np.abs(found.error[1:] / np.array(answers["whole"])[1:, 1] - 1.0).max())
    minimum = true_minimum(made["whole"], found.value[1:])
    single, apart = solved(made["single"])(), solved(made["apart"])()
    left = single.left_out[4] == LeftOut.NO_ERROR and np.isfinite(single.value).all()
    isolated = np.isnan(apart.value[3:]).all() and np.isfinite(apart.value[:3]).all()

    def said(name: str, rows: slice) -> str:
        return ", ".join(f"{c:.3g} +- {e:.3g}" for c, e in answers[name][rows])

    return [
        {
            "figure": "intercalibration, 37 telescopes, 666 pairs",
            "value": round(ms, 4),
            "unit": "ms",
            "bound": None,
            **peer,
            "ratio": round(answers["ms"] / ms, 1),
        },
        {"figure": "throughput, largest difference", "value": difference, "unit": "", "bound": 1e-5, **peer},
        {
            "figure": "throughput, largest distance from the true minimum",
            "value": float(np.abs(found.value[1:] - minimum).max()),
            "unit": "",
            "bound": None,
            **peer,
            "peer_value": float(np.abs(np.array(answers["whole"])[1:, 0] - minimum).max()),
        },
        {"figure": "errors, largest relative difference", "value": errors, "unit": "", "bound": None, **peer},
        {
            "figure": "a pair of one event",
            "value": "left out" if left else "used",
            "unit": "",
            "bound": "left out",
            **peer,
            "peer_value": said("single", slice(1, None)),
        },
        {
            "figure": "telescopes without a way to the reference",
            "value": "no value" if isolated else "a value",
            "unit": "",
            "bound": "no value",
            **peer,
            "peer_value": said("apart", slice(3, None)),
        },
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--as-peer", metavar="FILE", help="solve what a file holds with the peer")
    arguments = parser.parse_args()
    repeats = 1 if arguments.quick else 5
    if arguments.as_peer:
        print("\n" + json.dumps(theirs(arguments.as_peer, repeats)))
        return
    from peers import peer_python

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "pairs.npz"
        np.savez(path, **{f"{c}_{k}": v for c, case in cases().items() for k, v in case.items()})
        command = [peer_python("calibpipe"), __file__, "--as-peer", path]
        shown = subprocess.run(
            [*command, *(["--quick"] if arguments.quick else [])], check=True, capture_output=True, text=True
        )
    print(json.dumps(report(json.loads(shown.stdout.strip().splitlines()[-1]), repeats), indent=1))


if __name__ == "__main__":
    sys.exit(main())
