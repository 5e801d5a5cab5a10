# SPDX-License-Identifier: BSD-3-Clause
"""Wiring of pointing: star offsets to a model of the mount, a drive's log to where its telescope looked."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.archive.lineage import JSON
from pellucid.errors import CorruptedInput, MissingInput
from pellucid.pipeline.inputs import Input
from pellucid.pipeline.parameters import parameter
from pellucid.pipeline.step import Files, ManyFiles, Parameters, Provenance, Step, Summary

if TYPE_CHECKING:
    from pellucid.pointing.track import CorrectionTable, Track

__all__ = ["STEPS", "make_model", "make_pointing"]


def make_pointing(inputs: Files, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Make of a drive's log where its telescope looked, corrected where a model of the mount is in force.

    Parameters
    ----------
    inputs : mapping of str to Path
        ``drive``: the log, as delivered or of FACT; ``model``: product of ``pointing-model``, optional.
    """
    import astropy.units as u
    import numpy as np

    from pellucid.formats.drive import read_drive
    from pellucid.formats.pointing import write_pointing
    from pellucid.pointing.looking import Pointing
    from pellucid.pointing.track import Track

    drive = read_drive(inputs["drive"])
    tel_id = whose([drive.tel_id], parameters, inputs["drive"])
    track = Track.of(drive.time, drive.azimuth * u.deg, drive.altitude * u.deg)
    # the track has lines that were there twice but once
    lines = np.searchsorted(drive.time, track.time)
    pointing = Pointing(
        track,
        drive.deviation[lines],
        drive.tracking[lines],
        float(parameters["longest_gap"]) * u.s,
        _correction(inputs, track, tel_id),
    )
    write_pointing(output, tel_id, pointing, provenance)
    flags: list[JSON] = []
    flags += ["gaps"] if pointing.gaps else []
    flags += ["uncorrected"] if pointing.correction is None else []
    tracked = pointing.deviation[pointing.tracking]
    spread = np.percentile(tracked, (5, 50, 95)).tolist() if tracked.size else [None] * 3
    return {
        "telescopes": [tel_id],
        "time_start": int(track.time[0]),
        "time_stop": int(track.time[-1]) + 1,
        "lines": int(track.time.size),
        "lines_tracking": int(pointing.tracking.sum()),
        "gaps": pointing.gaps,
        "deviation_5_50_95": spread,
        "flags": flags,
    }


def _correction(inputs: Files, track: "Track", tel_id: int) -> "CorrectionTable | None":
    if "model" not in inputs:
        return None
    from pellucid.formats.pointing_model import read_pointing_model

    model = read_pointing_model(inputs["model"])
    if model.tel_id != tel_id:
        raise CorruptedInput(
            "The model is that of another telescope's mount.",
            where=str(inputs["model"]),
            expected=f"telescope {tel_id}",
            got=f"telescope {model.tel_id}",
            mend="find the right one: pellucid find DL2/Monitoring/Telescope/PointingModel --tel NUMBER",
            code="other-telescope",
        )
    return track.corrections(model.fit)


def make_model(inputs: ManyFiles, output: Path, parameters: Parameters, provenance: Provenance) -> Summary:
    """Fit the bending of a telescope's mount to offsets of stars, and try it on stars it has not seen.

    Parameters
    ----------
    inputs : mapping of str to sequence of Path
        ``stars``: offsets as delivered, or products of ``star-offsets``.
    """
    import astropy.units as u
    import numpy as np

    from pellucid.formats.pointing_model import PointingModel, write_pointing_model
    from pellucid.formats.star_offsets import read_star_offsets
    from pellucid.pointing.bending import cross_validate, fit_bending

    read = [read_star_offsets(path) for path in inputs["stars"]]
    tel_id = whose((offsets.tel_id for offsets in read), parameters, inputs["stars"][0])
    names = ("time", "altitude", "azimuth", "across", "upward")
    seen = {name: np.concatenate([offsets.columns[name] for offsets in read]) for name in names}
    place = seen["altitude"] * u.deg, seen["azimuth"] * u.deg
    offset = seen["across"] * u.arcsec, seen["upward"] * u.arcsec
    terms = tuple(parameters["terms"])
    fit = fit_bending(*place, *offset, terms=terms)
    expected = fit.offset(*place)
    stars = {
        "altitude": seen["altitude"],
        "azimuth": seen["azimuth"],
        "across_residual": seen["across"] - expected[0].to_value(u.arcsec),
        "upward_residual": seen["upward"] - expected[1].to_value(u.arcsec),
    }
    scatter = cross_validate(*place, *offset, terms=terms, parts=int(parameters["parts"]))
    write_pointing_model(output, PointingModel(tel_id, fit, stars, scatter), provenance)
    values = zip(fit.value.value.tolist(), fit.error.value.tolist(), strict=True)
    return {
        "telescopes": [tel_id],
        "time_start": int(seen["time"].min()),
        "time_stop": int(seen["time"].max()) + 1,
        "stars": fit.n,
        "outliers": int((fit.outlier > 0.5).sum()),
        "noise": float(fit.noise.to_value(u.arcsec)),
        "cross_validation": float(scatter.to_value(u.arcsec)),
        "terms": {term: list(value) for term, value in zip(terms, values, strict=True)},
    }


def whose(told: Iterable[int | None], parameters: Parameters, path: Path) -> int:
    """Return the one telescope that files, or the parameter ``telescope``, say they are of.

    Raises
    ------
    MissingInput
        Nobody says it (``no-telescope``).
    CorruptedInput
        They are of several (``other-telescope``).
    """
    known = {t for t in (*told, int(parameters["telescope"]) or None) if t is not None}
    if not known:
        raise MissingInput(
            "Nobody says of which telescope this is.",
            where=str(path),
            expected="tel_id in the file, or the parameter 'telescope'",
            mend="set the parameter 'telescope' of the step",
            code="no-telescope",
        )
    if len(known) > 1:
        raise CorruptedInput(
            "What should be of one telescope is of several.",
            where=str(path),
            expected="one telescope",
            got=", ".join(map(str, sorted(known))),
            mend="give files of one telescope, and no parameter 'telescope' where the files tell it",
            code="other-telescope",
        )
    return known.pop()


TELESCOPE = parameter(0, "Telescope, where the files do not tell it; 0 where they do.", minimum=0)

STEPS = (
    Step(
        name="pointing",
        version="1",
        function="pellucid.pipeline.steps.pointing:make_pointing",
        inputs={
            "drive": Input("*0/Monitoring/Telescope/Drive"),
            "model": Input("DL2/Monitoring/Telescope/PointingModel", validity=True, required=False),
        },
        output="DL1/Monitoring/Telescope/Pointing",
        suffix=".pointing.h5",
        parameters={
            "longest_gap": parameter(5.0, "Time over which lines are interpolated.", unit="s", minimum=0),
            "telescope": TELESCOPE,
        },
        valid="night",
        cost=1.0,
        determinism="tolerance",
        tolerance={"/*": (1e-12, 1e-9)},
    ),
    Step(
        name="pointing-model",
        version="1",
        function="pellucid.pipeline.steps.pointing:make_model",
        inputs={"stars": Input("*/Monitoring/Telescope/StarOffset", many=True)},
        output="DL2/Monitoring/Telescope/PointingModel",
        suffix=".pointing-model.h5",
        parameters={
            "terms": ["IA", "IE", "CA", "NPAE", "AN", "AW", "TF"],
            "parts": parameter(10, "Parts of the stars left out in turn by cross-validation.", minimum=2),
            "telescope": TELESCOPE,
        },
        valid="30 d",
        levels=("B", "C"),
        cost=1.0,
        determinism="tolerance",
        tolerance={"/*": (1e-6, 1e-6)},
    ),
)
"""``pointing``: where a telescope looked, line by line of its drive's log; ``pointing-model``: how its mount
bends, in terms of `pellucid.pointing.bending.TERMS`."""
