# SPDX-License-Identifier: BSD-3-Clause
"""A device, its interface, an algorithm and a product type, brought to Pellucid from outside."""

import json
from math import sqrt

import pyarrow.parquet as pq

from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Step


def flux(impacts, seconds, area):
    """Return the flux of hailstones and its error, 1/(m2 s): Poisson's counts over area and time."""
    return impacts / (area * seconds), sqrt(impacts) / (area * seconds)


def make_rate(inputs, output, parameters, provenance):
    """Turn the files of a night into one number."""
    impacts = [n for path in inputs["hail"] for n in pq.read_table(path)["impacts"].to_pylist()]
    value, error = flux(sum(impacts), 60.0 * len(impacts), parameters["area"])
    result = {"flux": value, "error": error, "n": sum(impacts)}
    output.write_text(json.dumps({**result, "provenance": provenance}, sort_keys=True))
    return result


STEPS = (
    Step(
        name="hail-rate",
        version="1",
        function="hail:make_rate",
        inputs={"hail": Input("DL0/Monitoring/Subarray/Hail", by="device", many=True, minimum=2)},
        output="DL1/Monitoring/Subarray/HailRate",
        format="json",
        suffix=".hail.json",
        parameters={"area": parameter(0.25, "Area of the plate.", unit="m2", minimum=0)},
    ),
)
