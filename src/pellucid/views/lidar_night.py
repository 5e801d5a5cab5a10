# SPDX-License-Identifier: BSD-3-Clause
"""A LIDAR's night on one page: quick look, profiles with errors, optical depth in time, layers."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.atmosphere.lidar.night import LidarNight
from pellucid.times import to_utc_iso
from pellucid.views.lidar import profile_picture, quicklook_picture, trend_picture

__all__ = ["write_lidar_page"]

_WORDS = {
    "no-reference": "no clean air to refer to: backscatter is withheld",
    "no-raman-channel": "no Raman channel: extinction rests on an assumed lidar ratio",
    "no-raman-signal": "too little Raman light: no optical depth",
    "negative-extinction": "extinction below 0: overlap, background or air are wrong",
    "no-window": "no clean air beside a layer: its optical depth is withheld",
    "signal-eaten": "a layer lets too little light pass: its optical depth is withheld",
}
"""What is withheld and why, by the code that the products carry."""


def write_lidar_page(path: Path, nights: Mapping[int, LidarNight], site: str, night: str) -> None:
    """Write the page of a night: one HTML file that needs nothing else.

    Parameters
    ----------
    path : Path
        HTML file.
    nights : mapping of int to LidarNight
        By wavelength in nm.
    site, night : str
        Name of the site, and day on which the night began.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pellucid.views"), undefined=StrictUndefined, autoescape=True, trim_blocks=True
    )
    channels = [
        {
            "nm": nm,
            "quicklook": _embedded(quicklook_picture(n)),
            "profiles": _embedded(profile_picture(n)),
            "trends": _embedded(trend_picture(n)),
            "layers": _layer_rows(n),
            "withheld": _withheld(n),
            "groups": len(n.time),
            "trusted": float(np.median(n.trusted)) / 1000.0,
            "cloudy": len({i for i, x in n.layers if x.found.cloud}),
        }
        for nm, n in sorted(nights.items())
    ]
    first = next(iter(nights.values()))
    span = [
        to_utc_iso(int(t))[:16].replace("T", " ") for t in (first.look_time[0, 0], first.look_time[-1, 1])
    ]
    template = environment.get_template("lidar_night.html")
    text = template.render(site=site, night=night, channels=channels, files=len(first.look_time), span=span)
    path.write_text(text, encoding="utf-8")


def _embedded(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode()


def _layer_rows(night: LidarNight) -> list[dict[str, Any]]:
    return [
        {
            "time": to_utc_iso(int(night.time[i, 0]))[11:16],
            "kind": "cloud" if x.found.cloud else "ground layer" if x.found.ground else "aerosol",
            "base": None if x.found.ground else (x.found.base / 1000.0, x.found.base_error / 1000.0),
            "top": (x.found.top / 1000.0, x.found.top_error / 1000.0),
            "elastic": (x.elastic, x.elastic_error) if np.isfinite(x.elastic) else None,
            "raman": (x.raman, x.raman_error) if np.isfinite(x.raman) else None,
            "sigma": x.found.significance,
        }
        for i, x in night.layers
    ]


def _withheld(night: LidarNight) -> list[tuple[str, int]]:
    """What was withheld in words, and in how many groups of files."""
    where: dict[str, set[int]] = {}
    for i, flags in enumerate(night.flags):
        for flag in flags:
            where.setdefault(flag, set()).add(i)
    for i, layer in night.layers:
        for flag in layer.flags:
            where.setdefault(flag.partition(": ")[2] or flag, set()).add(i)
    return [(_WORDS.get(code, code), len(groups)) for code, groups in sorted(where.items())]
