# SPDX-License-Identifier: BSD-3-Clause
"""The configuration: every section, every key, its default, unit and meaning."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any

from pellucid.config.levels import Levels
from pellucid.config.options import Option, option

__all__ = ["OPEN", "Cleaning", "Config", "Events", "Extractor", "Run", "Site", "options", "sections"]

OPEN = {
    "steps": "Parameters of steps, a table for each; whoever declares a step declares them.",
    "algorithms": "The step to take for a type of product that several steps make.",
}
"""Tables whose keys the steps decide, that are known once a run begins."""


@dataclass(frozen=True)
class Extractor:
    """How the charge and the time of a pulse are taken from a waveform."""

    kind: str = option(
        "neighbor-peak",
        "Where the window lies: at the peak of the neighbours' summed waveform, at the pixel's own peak, "
        "or at a fixed sample.",
        choices=("neighbor-peak", "local-peak", "fixed-window"),
    )
    width: int = option(7, "Length of the window, in samples.", minimum=1)
    shift: int = option(3, "Samples of the window that lie before the peak.")
    peak: int = option(0, "Sample taken as the peak by fixed-window.", minimum=0)
    local_weight: int = option(
        0, "Weight of the pixel itself in the sum of its neighbours (neighbor-peak).", minimum=0
    )
    correction: bool = option(
        True, "Scale the charge up by what the reference pulse has outside of the window."
    )


@dataclass(frozen=True)
class Cleaning:
    """Which pixels of an image belong to the shower: two thresholds (tailcuts)."""

    picture: float = option(10.0, "Charge that makes a pixel part of the picture.", unit="p.e.", minimum=0)
    boundary: float = option(
        5.0, "Charge that keeps a pixel which touches the picture.", unit="p.e.", minimum=0
    )
    min_picture_neighbors: int = option(
        2, "Picture neighbours a picture pixel needs in order to stay.", minimum=0
    )
    keep_isolated: bool = option(False, "Keep picture pixels that have no neighbour in the picture.")


@dataclass(frozen=True)
class Events:
    """From raw waveforms to images and their parameters (DL1)."""

    focal_length: str = option(
        "effective",
        "Focal length that turns pixel positions into angles: with the mirror's aberrations, or without.",
        choices=("effective", "nominal"),
    )
    gain_threshold: float = option(
        4000.0, "ADC counts of the high gain above which the low gain is taken.", minimum=1
    )
    gain_selection: str = option(
        "showers",
        "Events of which one gain channel is chosen: those of showers (calibration events keep all "
        "channels), or all.",
        choices=("showers", "all"),
    )
    fill_rings: int = option(
        0,
        "How deep holes of unusable pixels are filled from their edges inwards; 0 fills those beside usable "
        "ones alone, as ctapipe does.",
        minimum=0,
    )
    extractor: Extractor = field(default_factory=Extractor)
    cleaning: Cleaning = field(default_factory=Cleaning)


@dataclass(frozen=True)
class Run:
    """How the work is done. Nothing here changes a result, so it is no part of a product's identity."""

    threads: int = option(0, "Threads that calibrate; 0 takes one for each core.", minimum=0)
    chunk_events: int = option(
        0, "Array events that are held in memory at once; 0 leaves the choice to the step.", minimum=0
    )
    memory: float = option(
        0.0, "Memory that a worker process of a run may take; 0 sets no bound.", unit="GB", minimum=0
    )


@dataclass(frozen=True)
class Site:
    """Where the array stands, as far as the nights depend on it."""

    longitude: float = option(0.0, "East of Greenwich; a night lasts from noon to noon there.", unit="deg")


@dataclass(frozen=True)
class Config:
    """The whole configuration."""

    events: Events = field(default_factory=Events)
    run: Run = field(default_factory=Run)
    site: Site = field(default_factory=Site)
    levels: Levels = field(default_factory=Levels)


@cache
def options() -> dict[str, Option]:
    """Return the declarations of all keys, by dotted key, in the order of this file."""
    return {o.key: o for o in _options(Config(), "")}


@cache
def sections() -> dict[str, str]:
    """Return the first sentence about each section, by dotted name."""
    return dict(_sections(Config(), ""))


def _options(section: Any, prefix: str) -> Iterator[Option]:
    for f in fields(section):
        default = getattr(section, f.name)
        if is_dataclass(default):
            yield from _options(default, f"{prefix}{f.name}.")
        else:
            yield Option(key=prefix + f.name, default=default, **f.metadata)


def _sections(section: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for f in fields(section):
        below = getattr(section, f.name)
        if is_dataclass(below):
            yield prefix + f.name, str(f.metadata.get("doc") or type(below).__doc__).strip()
            yield from _sections(below, f"{prefix}{f.name}.")
