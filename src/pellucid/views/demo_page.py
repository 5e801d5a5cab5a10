# SPDX-License-Identifier: BSD-3-Clause
"""The demonstration's page: one HTML file with its pictures inside, nothing fetched from anywhere."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from pellucid.archive.product import Product
from pellucid.demo.compare import DemoRow
from pellucid.demo.products import DemoTelescope
from pellucid.simulate.plan import SimulationConfig
from pellucid.views.demo_pictures import (
    bad_pixel_picture,
    closure_picture,
    image_picture,
    ring_picture,
    shower_picture,
)

__all__ = ["write_demo_page"]


def write_demo_page(
    path: Path,
    config: SimulationConfig,
    telescopes: Sequence[DemoTelescope],
    rows: Sequence[DemoRow],
    products: Sequence[Product],
) -> None:
    """Write the page; equal inputs give equal bytes.

    Parameters
    ----------
    path : Path
        HTML file.
    config : SimulationConfig
        What was simulated.
    telescopes : sequence of DemoTelescope
        What was measured, and the truth.
    rows : sequence of DemoRow
        The table.
    products : sequence of Product
        What is in the archive.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    shower, event = shower_picture(telescopes)
    brightest = max(
        (t for t in telescopes if event in t.event_id), key=lambda t: t.image[t.event_id == event].sum()
    )
    ring = ring_picture(telescopes)
    environment = Environment(
        loader=PackageLoader("pellucid.views"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("demo.html").render(
        config=config,
        rows=rows,
        agrees=all(row.within for row in rows),
        products=products,
        event=event,
        n_pixels=telescopes[0].telescope.geometry.n_pixels,
        shower=_inline(shower),
        times=_inline(image_picture(brightest, event)),
        ring=_inline(ring) if ring else None,
        closure=_inline(closure_picture(telescopes)),
        bad=_inline(bad_pixel_picture(telescopes)),
    )
    path.write_text(page, encoding="utf-8")


def _inline(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode()
