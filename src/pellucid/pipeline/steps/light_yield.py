# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of the light yield of a telescope: images of its showers to a spectrum, slice by slice of time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.archive.lineage import JSON
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Files, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pellucid.array.light_yield import LightYield, YieldConstants

    type Ints = npt.NDArray[np.int64]

__all__ = ["CONSTANTS", "STEPS", "make_yield"]


def make_yield(inputs: Files, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Make the light yield of a telescope from the spectrum of its images, in slices of time.

    A slice whose spectrum tells nothing has status 1, one without pointing status 2.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``images``: DL1 of a telescope; ``pointing``: where it looked.
    """
    import numpy as np

    from pellucid.array.dead_time import elapsed_time, live_fraction
    from pellucid.errors import CorruptedInput, InsufficientStatistics
    from pellucid.formats.light_yield import write_light_yield
    from pellucid.formats.pointing import read_pointing

    tel_id, pointing = read_pointing(inputs["pointing"])
    time, size = _images(inputs["images"], tel_id)
    length = round(float(parameters["slice"]) * 1e9)
    edges = int(time[0]) + np.arange(-(-int(time[-1] + 1 - time[0]) // length) + 1, dtype=np.int64) * length
    bounds = np.searchsorted(time, edges)
    middle = edges[:-1] + length // 2
    looking = pointing.at(middle)
    n = middle.size
    arrays = {name: np.full(n, np.nan) for name in ("value", "error", "rate", "index", "live_time", "zenith")}
    arrays["n"], arrays["status"] = np.zeros(n, np.int64), np.zeros(n, np.uint8)
    for s in range(n):
        part = slice(bounds[s], bounds[s + 1])
        if not looking.is_known[s]:
            arrays["status"][s] = 2
            continue
        arrays["zenith"][s] = 90.0 - looking.altitude[s].to_value("deg")
        try:
            elapsed, _ = elapsed_time(time[part])
            live = elapsed * float(live_fraction((time[part].size - 1) / elapsed, parameters["dead_time"]))
            found = _yield(size[part], live, 90.0 - looking.altitude[s].to_value("deg"), parameters)
        except (InsufficientStatistics, CorruptedInput):
            arrays["status"][s] = 1
            continue
        arrays["live_time"][s] = live
        for name in ("value", "error", "rate", "index", "n"):
            arrays[name][s] = getattr(found, name)
    write_light_yield(output, {"edges": edges, **arrays}, tel_id, provenance)
    good = arrays["status"] == 0
    summary: Summary = {"telescopes": [tel_id], "slices": n, "slices_without_yield": int((~good).sum())}
    return summary | ({"median_light_yield": float(np.median(arrays["value"][good]))} if good.any() else {})


def _images(path: Path, tel_id: int) -> "tuple[Ints, npt.NDArray[np.float64]]":
    """Return times in ns TAI and intensities in p.e. of a telescope's shower images, in order of time."""
    import numpy as np

    from pellucid.formats.ctapipe_hdf5.reader import read_image_times, read_parameters

    found = read_parameters(path, tel_id)
    size, time = found["hillas_intensity"], read_image_times(path, tel_id)
    order = np.argsort(time, kind="stable")
    return time[order], np.nan_to_num(size[order].astype(np.float64))


def _yield(size: Any, live_time: float, zenith: float, parameters: Parameters) -> "LightYield":
    import numpy as np
    from astropy import units

    from pellucid.array.light_yield import fit_spectrum, light_yield

    constants = _constants(parameters)
    edges = np.geomspace(*constants.edges, int(parameters["bins"]) + 1)
    count = np.histogram(size, edges)[0].astype(np.float64)
    spectrum = fit_spectrum(count, edges, live_time, constants)
    return light_yield(spectrum, zenith * units.deg, float(parameters["picture"]), constants)


def _constants(parameters: Parameters) -> "YieldConstants":
    from pellucid.array.light_yield import YieldConstants

    low, high = parameters["edges"]
    return YieldConstants(
        pivot=float(parameters["pivot"]),
        edges=(float(low), float(high)),
        target=float(parameters["target"]),
        rate=_three(parameters["rate"]),
        index=_three(parameters["index"]),
        cleaning=tuple(_three(row) for row in parameters["cleaning"]),
        picture=float(parameters["reference_picture"]),
    )


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = map(float, values)
    return first, second, third


CONSTANTS: dict[str, JSON] = {
    "pivot": 422.0,
    "edges": [316.0, 562.0],
    "target": 1.74,
    "rate": [-0.44751321, 3.62502037, -1.43611437],
    "index": [-2.89253919, 0.99443581, -0.34013068],
    "cleaning": [
        [8.0, 1.733, -2.239],
        [10.0, 1.578, -2.239],
        [12.0, 1.465, -2.235],
        [14.0, 1.390, -2.267],
        [16.0, 1.264, -2.330],
        [18.0, 1.174, -2.428],
    ],
    "reference_picture": 8.0,
}
"""Those of `YieldConstants`, written out because their module brings numba; a test compares."""

STEPS = (
    Step(
        name="light-yield",
        alternative=True,
        version="1",
        function="pellucid.pipeline.steps.light_yield:make_yield",
        inputs={
            "images": "DL1/Event/Telescope/Observation",
            "pointing": Input("DL1/Monitoring/Telescope/Pointing", validity=True),
        },
        output="DL2/Monitoring/Telescope/LightYield",
        suffix=".light-yield.h5",
        parameters={
            **CONSTANTS,
            "bins": parameter(5, "Of the spectrum between its edges.", minimum=3),
            "picture": parameter(10.0, "Picture threshold of the cleaning, in p.e.", minimum=0.0),
            "slice": parameter(60.0, "Length of a slice of time.", unit="s", minimum=1.0),
            "dead_time": parameter(7e-6, "Of the camera.", unit="s", minimum=0.0),
        },
        levels=("B", "C"),
        determinism="tolerance",
        tolerance={"/*": (1e-9, 1e-12)},
    ),
)
"""``light-yield``: light of a telescope over a target, from the spectrum of intensities, as of LST-1; its
constants belong to one kind of telescope, one trigger and one cleaning, and are parameters.
"""
