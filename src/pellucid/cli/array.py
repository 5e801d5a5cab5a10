# SPDX-License-Identifier: BSD-3-Clause
"""``pellucid array``: what an array of telescopes, or a part of it, can calibrate by itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.application import Group
from pellucid.cli.array_night import night
from pellucid.cli.output import table
from pellucid.cli.session import Session, verb
from pellucid.errors import UsageError

if TYPE_CHECKING:
    from pellucid.array.identifiability import ArrayStudy, Parameter

__all__ = ["command"]


@click.group("array", cls=Group)
def command() -> None:
    """Look at the array as one instrument."""


@verb("study")
@click.option("--telescopes", metavar="IDS", help="Telescopes at hand, e.g. 1,2,3; all where not given.")
@click.option(
    "--array",
    "description",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Description of the full array; a square of telescopes of one kind where not given.",
)
@click.option("--side", type=click.IntRange(1, 20), default=5, show_default=True, help="Of the square.")
@click.option("--rate", default="30 Hz", show_default=True, metavar="RATE", help="Stereo rate of each pair.")
@click.option("--time", default="60 s", show_default=True, metavar="TIME", help="Length of a slice of time.")
@click.option(
    "--muon-error", type=click.FloatRange(1e-6, 1.0), default=0.03, show_default=True, help="Relative."
)
def study(
    session: Session,
    telescopes: str | None,
    description: Path | None,
    side: int,
    rate: str,
    time: str,
    muon_error: float,
) -> None:
    """Tell what some telescopes can calibrate.

    And how errors grow. Telescopes of one kind are taken to be in pairs with each other. Errors are
    relative, those of clocks in ns, for one slice of time.
    """
    from pellucid.array.identifiability import study_array

    ids, first, second = _array(description, side)
    chosen = ids if telescopes is None else _numbers(telescopes)
    events = _quantity(rate, "Hz", "--rate") * _quantity(time, "s", "--time")
    found = study_array(ids, first, second, chosen, events=events, muon_error=muon_error)
    session.show(_document(found), _text(found))


command.add_command(study)
command.add_command(night)


def _array(description: Path | None, side: int) -> tuple[tuple[int, ...], Any, Any]:
    import numpy as np

    from pellucid.array.rates import all_pairs

    if description is None:
        ids: tuple[int, ...] = tuple(range(1, side**2 + 1))
        return ids, *all_pairs(len(ids))
    from pellucid.formats.description import read_description

    subarray = read_description(description)
    ids = tuple(subarray.tel_ids)
    kinds = np.array([subarray.telescopes[t].name for t in ids])
    first, second = all_pairs(len(ids))
    same = kinds[first] == kinds[second]
    return ids, first[same], second[same]


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise UsageError(
            "Telescopes are given by number.", where="--telescopes", expected="e.g. 1,2,3", got=text
        ) from None


def _quantity(text: str, unit: str, option: str) -> float:
    from pellucid.units import parse

    try:
        value = parse(text, unit)
    except ValueError as error:
        raise UsageError(
            "This is no quantity of the right kind.", where=option, expected=f"e.g. 30 {unit}", got=str(error)
        ) from None
    if not value > 0.0:
        raise UsageError("This has to be above 0.", where=option, got=text)
    return value


def _document(found: "ArrayStudy") -> dict[str, Any]:
    return {
        "telescopes": list(found.telescopes),
        "pairs": found.pairs,
        "full_pairs": found.full_pairs,
        "parameters": [
            {
                "name": p.name,
                "telescopes": list(p.telescopes),
                "identified": p.error is not None,
                "error": p.error,
                "full_error": p.full_error,
                "growth": p.growth,
                "reason": p.reason,
            }
            for p in found.parameters
        ],
    }


def _text(found: "ArrayStudy") -> str:
    def row(p: "Parameter") -> tuple[str, ...]:
        if p.error is None:
            return p.name, "no", "", "", p.reason
        return p.name, "yes", f"{p.error:.3g}", "" if p.growth is None else f"{p.growth:.2f}", p.reason

    names = ",".join(map(str, found.telescopes))
    title = f"telescopes {names}: {found.pairs} of {found.full_pairs} pairs\n"
    return title + table(
        ("PARAMETER", "KNOWN", "ERROR", "TIMES FULL", "WHY"), [row(p) for p in found.parameters]
    )
