# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid lidar``: the page of a LIDAR's night."""

from pathlib import Path

import click

from pellucid.cli.day import night_number
from pellucid.cli.session import Session, verb
from pellucid.errors import MissingInput

__all__ = ["command"]

_TYPE = "DL2/Monitoring/Subarray/LidarNight"


@verb("lidar")
@click.argument("night", metavar="DAY")
@click.option("--device", metavar="NAME", help="LIDAR, where the night has several.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="HTML file."
)
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
def command(session: Session, night: str, device: str | None, output: Path, overwrite: bool) -> None:
    """Draw a LIDAR's night as one page.

    Quick look, profiles with errors, optical depth in time, layers.

    DAY is the day on which the night began, e.g. 2026-11-22. Of several records of the night the last
    one made is taken.
    """
    from pellucid.archive.moments import night_of
    from pellucid.archive.output import check_output
    from pellucid.formats.lidar_night import read_lidar_night
    from pellucid.views.lidar_night import write_lidar_page

    number = night_number(night)
    check_output(output, overwrite=overwrite)
    with session.workspace() as workspace:
        archive = workspace.archive
        mine = [
            p
            for p in archive.find(product_type=_TYPE)
            if p.time_start is not None and night_of(p.time_start) == number and device in (None, p.device)
        ]
        if not mine:
            raise MissingInput(
                f"There is no record of a LIDAR in the night of {night}.",
                where=str(workspace.path),
                expected=f"a product of type {_TYPE}",
                mend=f"make it: pellucid run --night {night} --level B",
                code="no-lidar-night",
            )
        nights, site = read_lidar_night(archive.path(mine[0]))
        write_lidar_page(output, nights, site, night)
    layers = sum(len(n.layers) for n in nights.values())
    profiles = sum(len(n.time) for n in nights.values())
    document = {
        "night": night,
        "site": site,
        "product": mine[0].id,
        "wavelengths": sorted(nights),
        "profiles": profiles,
        "layers": layers,
        "output": str(output),
    }
    session.show(document, f"{output}: {profiles} profiles, {layers} layers")
