# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid simulate``: make the inputs the instruments would make, with known truth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from pellucid.cli.application import Group
from pellucid.cli.session import Session, verb

__all__ = ["command"]


@click.group("simulate", cls=Group)
def command() -> None:
    """Make the files the instruments would make, with truth."""


def _number[F: Callable[..., Any]](name: str, default: float, help: str) -> Callable[[F], F]:
    return click.option(name, default=default, show_default=True, metavar="N", help=help)


@verb("camera")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder.")
@_number("--seed", 1, "Everything follows from it.")
@click.option("--camera", default="lst", show_default=True, help="Kind of camera: lst, mst, small or tiny.")
@_number("--telescopes", 4, "Telescopes.")
@_number("--pedestals", 200, "Sky-pedestal events.")
@_number("--dark-pedestals", 0, "Pedestal events with the shutter closed.")
@_number("--flashes", 300, "Flasher events.")
@_number("--dim-flashes", 0, "Flasher events of single photo-electrons.")
@_number("--showers", 20, "Showers.")
@_number("--muons", 8, "Muon rings.")
@_number("--sky", 0.25, "Night-sky light, in p.e. per pixel and ns.")
@_number("--flash-intensity", 60.0, "Mean light of a flash, in p.e. per pixel.")
@_number("--flash-spread", 0.04, "Relative spread of the flashes' brightness.")
@_number("--dim-intensity", 1.0, "Mean light of a dim flash, in p.e. per pixel.")
@_number("--excess", 1.222, "Squared excess-noise factor of the photomultipliers.")
@click.option(
    "--shape",
    default="gamma",
    show_default=True,
    type=click.Choice(["gamma", "caroff"]),
    help="Charges of single photo-electrons: fast, or as tubes have them.",
)
@_number("--rate", 500.0, "Events per second.")
@_number("--start-unix", 1768514400, "Begin, in Unix UTC seconds.")
@_number("--crosstalk", 0.0, "Cross-talk of silicon photomultipliers; 0 for photomultiplier tubes.")
@_number("--hv-step", 0.0, "Relative change of all gains in the middle of the run.")
@_number("--drifting", 0.0, "Fraction of the pixels whose gains drift by a tenth in the run.")
@_number("--dying", 0.0, "Fraction of the pixels that die in the run.")
@_number("--stars", 0, "Stars that cross the camera.")
@click.option(
    "--chips",
    "kind",
    default="",
    type=click.Choice(["", "lst", "fact", "generic"]),
    help="DRS4 chips that read the cameras; raw events (R0) then.",
)
@click.option("--cell-offsets", default="", metavar="FILE", help="Raw FACT run with offsets of capacitors.")
@click.option("--cell-times", default="", metavar="FILE", help="FACT's table of cell times.")
@click.option("--obs", "obs_id", default=1, show_default=True, metavar="ID", help="Observation.")
def camera(
    session: Session,
    output: Path,
    hv_step: float,
    drifting: float,
    dying: float,
    stars: int,
    kind: Any,
    cell_offsets: str,
    cell_times: str,
    **choices: Any,
) -> None:
    """Simulate a run of Cherenkov cameras.

    Writes CTAO DL0 files, a description of the array, and the truth beside them.
    """
    session.configuration()
    from pellucid.simulate.chips import ChipPlan
    from pellucid.simulate.history import HistoryPlan
    from pellucid.simulate.run import SimulationConfig, simulate_run

    events = sum(
        choices[k] for k in ("pedestals", "dark_pedestals", "flashes", "dim_flashes", "showers", "muons")
    )
    history = HistoryPlan()
    if hv_step or drifting or dying or stars:
        seconds = max(1.0, events) / choices["rate"]
        history = HistoryPlan(hv_step, seconds / 2, drifting, 0.1 / seconds, dying, seconds, stars)
    plan = ChipPlan(kind, cell_offsets, cell_times)
    config = SimulationConfig(**choices, history=history, chips=plan)
    with session.progress("simulate") as progress:
        run = simulate_run(config, output, progress)
    document = {
        "output": str(output),
        "trigger": str(run.trigger),
        "telescopes": {str(t): str(path) for t, path in run.telescopes.items()},
        "description": str(run.description),
        "truth": {str(t): str(path) for t, path in run.truth.items()},
        "slow_control": {str(t): str(path) for t, path in run.slow_control.items()},
    }
    files = [run.trigger, *run.telescopes.values(), run.description]
    files += [*run.truth.values(), *run.slow_control.values()]
    session.show(document, "\n".join(map(str, files)))


@verb("lidar")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder.")
@_number("--seed", 1, "Everything follows from it.")
@_number("--files", 10, "Files of a minute.")
@_number("--aerosol", 0.15, "Optical depth of the ground layer at 355 nm.")
@_number("--cloud", 0.2, "Optical depth of a cloud at 9 km; 0 for none.")
@click.option("--zenith", default="0", show_default=True, metavar="DEG,…", help="Zenith angles, in turn.")
@click.option(
    "--start",
    default="2026-11-23T22:00:00",
    show_default=True,
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S"]),
    help="Begin, UTC.",
)
def lidar(session: Session, output: Path, zenith: str, **choices: Any) -> None:
    """Simulate the night of a Raman LIDAR.

    Writes Licel files, and the profile of the air that they were made with.
    """
    session.configuration()
    from pellucid.simulate.lidar_night import simulate_lidar_night

    with session.progress("simulate") as progress:
        paths = simulate_lidar_night(output, zenith=zenith, progress=progress, **choices)
    session.show({"output": str(output), "files": [str(p) for p in paths]}, "\n".join(map(str, paths)))


command.add_command(camera)
command.add_command(lidar)
