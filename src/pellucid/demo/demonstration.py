# SPDX-License-Identifier: BSD-3-Clause
"""Simulate, ingest, calibrate, reconstruct, compare: the whole river on one page, in under a minute."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from pellucid.archive.files import Progress
from pellucid.errors import OutputExists
from pellucid.simulate.plan import SimulationConfig

if TYPE_CHECKING:
    from pellucid.archive.archive import Archive
    from pellucid.archive.product import Product
    from pellucid.demo.compare import DemoRow
    from pellucid.demo.products import DemoTelescope
    from pellucid.simulate.run import SimulatedRun

__all__ = ["CONFIG", "DemoResult", "run"]

CONFIG = SimulationConfig(pedestals=150, flashes=200, showers=14, muons=8)
"""The run that is simulated: four telescopes of 1855 pixels."""

_EXTRACTOR = {"width": 12, "shift": 5}
"""A window that holds the pulse, so that charges need no correction beyond the tabulated one."""


@dataclass(frozen=True)
class DemoResult:
    """What came of the demonstration.

    Attributes
    ----------
    rows : tuple of DemoRow
        The table: measured, true, error.
    page : Path
        HTML page with pictures.
    workspace : Path
        Workspace that holds the products.
    products : tuple of Product
        All products, raw ones first.
    seconds : dict of str to float
        Time of each part, in s.
    """

    rows: "tuple[DemoRow, ...]"
    page: Path
    workspace: Path
    products: "tuple[Product, ...]"
    seconds: dict[str, float]

    @property
    def agrees(self) -> bool:
        """Whether all rows are within their errors of the truth."""
        return all(row.within for row in self.rows)

    def as_dict(self) -> dict[str, object]:
        """Return the result as a JSON-ready mapping."""
        return {
            "agrees": self.agrees,
            "rows": [row.as_dict() for row in self.rows],
            "page": str(self.page),
            "workspace": str(self.workspace),
            "products": [{"id": p.id, "product_type": p.product_type, "name": p.name} for p in self.products],
            "seconds": self.seconds,
        }

    def table(self) -> str:
        """Return the table as text."""
        head = f"{'quantity':<52} {'measured':>10} {'truth':>10} {'error':>9} {'pull':>6}  within"
        lines = [head, "-" * len(head)]
        for row in self.rows:
            name = f"{row.quantity} [{row.unit}]" if row.unit else row.quantity
            numbers = f"{row.measured:10.4g} {row.truth:10.4g} {row.error:9.2g} {row.pull:6.2f}"
            lines.append(f"{name:<52} {numbers}  {'yes' if row.within else 'NO'}")
        return "\n".join(lines)


def run(
    directory: Path, seed: int = 1, progress: Progress | None = None, config: SimulationConfig = CONFIG
) -> DemoResult:
    """Run the demonstration.

    Parameters
    ----------
    directory : Path
        A new or an empty folder: gets ``simulated``, ``workspace`` and ``index.html``.
    seed : int
        Of the simulation; everything follows from it.
    progress : callable, optional
        Called with (done, total, unit) in percent.
    config : SimulationConfig
        What is simulated, but for the seed.

    Returns
    -------
    DemoResult
        The table, the page, the products.

    Raises
    ------
    OutputExists
        The folder has something in it.
    """
    from pellucid.archive.workspace import Workspace
    from pellucid.demo.compare import compare
    from pellucid.simulate.run import simulate_run
    from pellucid.views.demo_page import write_demo_page

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise OutputExists(
            "The folder of the demonstration is not empty.",
            where=str(directory),
            expected="a new or an empty folder",
            mend="remove it, or name another",
        )
    tell = progress or (lambda done, total, unit: None)
    clock = _Clock()
    config = replace(config, seed=seed)
    simulated = simulate_run(
        config, directory / "simulated", lambda done, total: tell(50 * done // total, 100, "%")
    )
    clock.lap("simulate")
    with Workspace.open(directory / "workspace") as workspace:
        products, telescopes = _calibrate(workspace.archive, simulated, tell)
        clock.lap("ingest, calibrate, reconstruct")
        rows = tuple(compare(telescopes, config))
        page = directory / "index.html"
        write_demo_page(page, config, telescopes, rows, products)
        clock.lap("compare, draw")
        tell(100, 100, "%")
        return DemoResult(rows, page, workspace.path, tuple(products), clock.laps)


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = perf_counter()

    def lap(self, name: str) -> None:
        now = perf_counter()
        self.laps[name] = round(now - self._last, 2)
        self._last = now


def _calibrate(
    archive: "Archive", simulated: "SimulatedRun", tell: Progress
) -> "tuple[list[Product], list[DemoTelescope]]":
    from pellucid.demo.products import load_telescope
    from pellucid.formats.description import read_description
    from pellucid.pipeline.execute import execute
    from pellucid.pipeline.intake import take_in_sound
    from pellucid.pipeline.steps import step_named

    subarray = read_description(simulated.description)
    obs_id = simulated.config.obs_id
    description = take_in_sound(archive, simulated.description, obs_id=obs_id)
    trigger = take_in_sound(archive, simulated.trigger, obs_id=obs_id)
    raw, made, telescopes = [description, trigger], [], []
    for k, (tel_id, path) in enumerate(simulated.telescopes.items()):
        events = take_in_sound(archive, path, obs_id=obs_id)
        inputs: Mapping[str, Product] = {"events": events, "description": description}
        calibration = execute(archive, step_named("camera-coefficients"), inputs).product
        dl1 = execute(
            archive,
            step_named("telescope-dl1"),
            {**inputs, "calibration": calibration},
            {"extractor": _EXTRACTOR},
        ).product
        raw.append(events)
        made += [calibration, dl1]
        telescopes.append(
            load_telescope(
                subarray.telescopes[tel_id],
                archive.path(calibration),
                archive.path(dl1),
                simulated.truth[tel_id],
            )
        )
        tell(50 + 45 * (k + 1) // len(simulated.telescopes), 100, "%")
    return raw + made, telescopes
