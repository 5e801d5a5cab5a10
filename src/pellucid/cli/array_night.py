# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid array night``: the page of an array's night."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pellucid.cli.day import night_number
from pellucid.cli.session import Session, verb
from pellucid.errors import MissingInput

if TYPE_CHECKING:
    from pellucid.archive import Archive, Product

__all__ = ["night"]

_JOINT = "DL2/Monitoring/Subarray/JointThroughput"
_AIR = "DL2/Monitoring/Subarray/CherenkovTransparency"
_CLOCKS = "DL2/Monitoring/Subarray/TimeOffsets"
_POINTING = "DL1/Monitoring/Telescope/Pointing"
_MODEL = "DL2/Monitoring/Telescope/PointingModel"


@verb("night")
@click.argument("day", metavar="DAY")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="HTML file."
)
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
def night(session: Session, day: str, output: Path, overwrite: bool) -> None:
    """Draw an array's night as one page.

    Throughput of each telescope, transparency of the air in time, residuals of each method, pointing and
    clocks, as far as the archive has them. DAY is the day on which the night began, e.g. 2026-11-22. Of
    several solutions of the night the last one made is taken.
    """
    from pellucid.archive.output import check_output
    from pellucid.formats.array_products import read_joint, read_time_offsets
    from pellucid.formats.pointing import read_pointing
    from pellucid.formats.pointing_model import read_pointing_model
    from pellucid.formats.transparency import read_transparency
    from pellucid.views.array_night import ArrayNight, write_array_page

    check_output(output, overwrite=overwrite)
    with session.workspace() as workspace:
        archive = workspace.archive
        joint, air, clocks = (_of(archive, kind, day)[:1] for kind in (_JOINT, _AIR, _CLOCKS))
        pointing = {p.telescopes: p for p in reversed(_of(archive, _POINTING, day))}
        models = {p.telescopes: p for p in reversed(_of(archive, _MODEL, day, before=True))}
        used = [*joint, *air, *clocks, *pointing.values(), *models.values()]
        if not (joint or air):
            raise MissingInput(
                f"There is neither throughput nor transparency of the night of {day}.",
                where=str(workspace.path),
                expected=f"a product of type {_JOINT} or {_AIR}",
                mend=f"make them: pellucid run --night {day} --level B",
                code="no-array-night",
            )
        write_array_page(
            output,
            ArrayNight(
                day,
                joint=read_joint(archive.path(joint[0])) if joint else None,
                transparency=tuple(read_transparency(archive.path(p)) for p in air),
                clocks=read_time_offsets(archive.path(clocks[0])) if clocks else None,
                pointing=dict(read_pointing(archive.path(p)) for p in pointing.values()),
                models={m.tel_id: m for m in map(read_pointing_model, map(archive.path, models.values()))},
            ),
        )
    document = {"night": day, "products": [p.id for p in used], "output": str(output)}
    session.show(document, f"{output}: {len(used)} products")


def _of(archive: "Archive", kind: str, day: str, *, before: bool = False) -> "list[Product]":
    """Return a night's products of a type, the last made first; those of nights before too if asked for."""
    from pellucid.archive.moments import night_of

    number = night_number(day)
    found = [(p, night_of(p.time_start)) for p in archive.find(product_type=kind) if p.time_start is not None]
    return [p for p, own in found if own == number or (before and own < number)]
