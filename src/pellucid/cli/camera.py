# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid camera``: the page of a camera's night."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pellucid.cli.day import night_number
from pellucid.cli.session import Session, verb
from pellucid.errors import MissingInput

if TYPE_CHECKING:
    from pellucid.archive import Archive, Product
    from pellucid.instrument import Subarray

__all__ = ["command"]

_TYPE = "DL1/Monitoring/Telescope/CameraCalibration"


@verb("camera")
@click.argument("night", metavar="DAY")
@click.option("--tel", type=int, required=True, metavar="ID", help="Telescope.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE", help="HTML file."
)
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
def command(session: Session, night: str, tel: int, output: Path, overwrite: bool) -> None:
    """Draw the page of a camera's night.

    It holds maps, bad pixels and why, trends, and what changed since the last night. DAY is the day on
    which the night began, e.g. 2026-11-22. It takes the calibrations that are in the archive, and the
    last one of the last night before that has any.
    """
    from pellucid.archive.moments import night_of
    from pellucid.archive.output import check_output
    from pellucid.formats.camera_calibration import read_calibration
    from pellucid.views.camera_night import write_camera_page

    number = night_number(night)
    check_output(output, overwrite=overwrite)
    with session.workspace() as workspace:
        archive = workspace.archive
        known = {
            product.time_start: product
            for product in reversed(archive.find(product_type=_TYPE, tel=tel))
            if product.time_start is not None and night_of(product.time_start) <= number
        }
        products = [known[start] for start in sorted(known)]
        mine = [p for p in products if night_of(p.time_start or 0) == number]
        if not mine:
            raise MissingInput(
                f"There is no calibration of telescope {tel} in the night of {night}.",
                where=str(workspace.path),
                expected=f"products of type {_TYPE}",
                mend="calibrate the night: pellucid run --night " + night,
                code="no-calibration",
            )
        before = [p for p in products if p not in mine]
        calibrations = [read_calibration(archive.path(p)) for p in mine]
        previous = read_calibration(archive.path(before[-1])) if before else None
        telescope = _description(archive, mine[-1]).telescopes[tel]
        write_camera_page(output, telescope, calibrations, previous, night)
    document = {
        "night": night,
        "telescope": tel,
        "products": [p.id for p in mine],
        "previous": before[-1].id if before else None,
        "unusable": int(calibrations[-1].unusable.any(axis=0).sum()),
        "output": str(output),
    }
    made = f"{len(mine)} calibration{'s' if len(mine) > 1 else ''}"
    session.show(document, f"{output}: {made}, {document['unusable']} unusable pixels")


def _description(archive: "Archive", product: "Product") -> "Subarray":
    from pellucid.formats.description import read_description

    for reference in product.inputs:
        if reference.role == "description":
            return read_description(archive.path(archive.get(reference.product)))
    raise MissingInput(
        f"The calibration {product.short_id} does not say which array it was made for.",
        expected="an input 'description'",
        code="no-description",
    )
