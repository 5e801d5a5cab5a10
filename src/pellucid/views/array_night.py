# SPDX-License-Identifier: BSD-3-Clause
"""An array's night on one page: light of its telescopes, the air, residuals, pointing and clocks."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pellucid.array.joint import JointSolution
from pellucid.array.timing import TimeOffsets
from pellucid.formats.pointing_model import PointingModel
from pellucid.pointing.looking import Pointing
from pellucid.times import to_utc_iso
from pellucid.views.figures import new_figure, png_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ArrayNight",
    "air_picture",
    "light_picture",
    "method_picture",
    "model_picture",
    "pointing_picture",
    "write_array_page",
]

type Ints = npt.NDArray[np.int64]
type Arrays = Mapping[str, npt.NDArray[Any]]

_BLUE, _GREY, _RED = "#0b4f8a", "#8a8a8a", "#b3261e"
_HOMOGENEOUS = 1e-3
"""p-value of a slice below which the air was not the same over the array."""

_PARTS = 60
"""Of a night, in each of which the deviations of a drive are summed up."""

_METHODS = {
    "rates": "rates of pairs",
    "asymmetries": "shared showers",
    "images": "images of shared showers",
    "muons": "muon rings",
    "gains": "gains of cameras",
}


@dataclass(frozen=True, eq=False)
class ArrayNight:
    """What is known of an array's night; any part may be absent.

    Attributes
    ----------
    night : str
        Day on which it began.
    joint : tuple of (ndarray, ndarray, JointSolution), optional
        Telescopes, shape (n_telescopes,), edges of intervals in ns TAI, shape (n_intervals + 1,), solution.
    transparency : sequence of mapping
        Arrays of transparency products, units as in `pellucid.formats.transparency`.
    clocks : tuple of (ndarray, TimeOffsets), optional
        Telescopes, shape (n_telescopes,), and offsets of their clocks.
    pointing : mapping of int to Pointing
        By telescope.
    models : mapping of int to PointingModel
        Of the mounts' bending, by telescope: the last ones made until this night.
    """

    night: str
    joint: tuple[Ints, Ints, JointSolution] | None = None
    transparency: tuple[Arrays, ...] = ()
    clocks: tuple[Ints, TimeOffsets] | None = None
    pointing: Mapping[int, Pointing] = field(default_factory=dict)
    models: Mapping[int, PointingModel] = field(default_factory=dict)


def light_picture(tel_id: Ints, edges: Ints, joint: JointSolution) -> bytes:
    """Draw throughput of the optics and gain of each telescope with errors, as PNG.

    Parameters
    ----------
    tel_id : ndarray of int64, shape (n_telescopes,)
        Identifiers.
    edges : ndarray of int64, shape (n_intervals + 1,)
        In ns TAI.
    joint : JointSolution
        The solution; its last interval is drawn strongest.
    """
    with new_figure(12.6, 3.9) as figure:
        optics, gain = figure.subplots(1, 2)
        _telescopes(optics, tel_id, joint.optics, joint.optics_error, "throughput of the optics")
        _telescopes(gain, tel_id, joint.gain, joint.gain_error, "gain of the camera")
        return png_bytes(figure)


def _telescopes(axes: "Axes", tel_id: Ints, value: Any, error: Any, title: str) -> None:
    """Draw intervals beside each other within the place of each telescope."""
    n = len(value)
    shift = np.linspace(-1.0, 1.0, n) * min(0.3, 0.06 * n) if n > 1 else np.zeros(1)
    place = np.arange(tel_id.size)
    axes.axhline(1.0, color=_GREY, linewidth=0.8, linestyle="--")
    for i in range(n):
        last = i == n - 1
        axes.errorbar(
            place + shift[i],
            value[i],
            error[i],
            fmt="o",
            color=_BLUE,
            alpha=1.0 if last else 0.45,
            markersize=4.5 if last else 3.0,
            capsize=2.0,
            linewidth=1.2,
        )
    axes.set(title=title, xlabel="telescope", ylabel="over the reference", xlim=(-0.6, tel_id.size - 0.4))
    axes.set_xticks(place, [str(t) for t in tel_id.tolist()])


def air_picture(slices: Arrays, night_start: int) -> bytes:
    """Draw the transparency in time, over hours UTC, as PNG.

    Slices in which the air differs over the array are red.

    Parameters
    ----------
    slices : mapping of str to ndarray
        Arrays of shape (n_slices,), units as in `pellucid.formats.transparency`.
    night_start : int
        Time whose day hours count from, in ns TAI.
    """
    hour = _hours(slices["time"] + slices["duration"] / 2.0, night_start)
    good = slices["status"] == 0
    uneven = good & (slices["p_value"] < _HOMOGENEOUS)
    with new_figure(12.6, 3.4) as figure:
        axes = figure.subplots()
        axes.axhline(1.0, color=_GREY, linewidth=0.8, linestyle="--")
        for mask, colour, label in ((good & ~uneven, _BLUE, "uniform"), (uneven, _RED, "uneven air")):
            if mask.any():
                axes.errorbar(
                    hour[mask],
                    slices["eta"][mask],
                    slices["eta_error"][mask],
                    fmt=".",
                    color=colour,
                    elinewidth=0.5,
                    markersize=4.0,
                    label=label,
                )
        for lost in hour[~good]:
            axes.axvline(lost, color=_GREY, alpha=0.25, linewidth=1.0)
        axes.set(title="transparency of the air", xlabel="UTC (h)", ylabel="over the reference")
        axes.margins(x=0.02)
        if uneven.any():
            axes.legend(frameon=False)
        return png_bytes(figure)


def method_picture(joint: JointSolution) -> bytes:
    """Draw mean residual with its error and scatter of each method, in per cent, as PNG."""
    names = [name for name in _METHODS if name in joint.methods]
    with new_figure(12.6, 0.9 + 0.55 * len(names)) as figure:
        axes = figure.subplots()
        axes.axvline(0.0, color=_GREY, linewidth=0.8)
        for row, name in enumerate(names):
            m = joint.methods[name]
            strained = abs(m.mean) > 5.0 * m.mean_error
            axes.barh(row, 200.0 * m.rms, left=-100.0 * m.rms, height=0.5, color=_BLUE, alpha=0.15)
            axes.errorbar(
                100.0 * m.mean,
                row,
                xerr=100.0 * m.mean_error,
                fmt="o",
                color=_RED if strained else _BLUE,
                capsize=3.0,
                markersize=5.0,
            )
        axes.set_yticks(range(len(names)), [f"{_METHODS[n]} ({joint.methods[n].n})" for n in names])
        axes.invert_yaxis()
        axes.set(xlabel="residual of the logarithm (%)")
        axes.margins(x=0.08)
        axes.use_sticky_edges = False
        return png_bytes(figure)


def pointing_picture(pointing: Mapping[int, Pointing], night_start: int) -> bytes:
    """Draw how far telescopes were from where they were asked to look, while they tracked, as PNG.

    Parameters
    ----------
    pointing : mapping of int to Pointing
        By telescope.
    night_start : int
        Time whose day hours count from, in ns TAI.
    """
    with new_figure(12.6, 3.4) as figure:
        axes = figure.subplots()
        for tel_id, one in sorted(pointing.items()):
            hour = _hours(one.track.time, night_start)[one.tracking]
            parts = [part for part in np.array_split(np.arange(hour.size), _PARTS) if part.size]
            deviation = one.deviation[one.tracking]
            middle, high = (
                np.array([np.percentile(deviation[part], share) for part in parts]) for share in (50.0, 95.0)
            )
            when = np.array([hour[part].mean() for part in parts])
            (line,) = axes.plot(
                when, middle, ".-", markersize=3.0, linewidth=0.8, label=f"telescope {tel_id}"
            )
            axes.plot(when, high, ":", linewidth=0.9, color=line.get_color())
        axes.set(
            title="deviation of the drives: median, and 95 % (dotted)", xlabel="UTC (h)", ylabel="arcsec"
        )
        axes.margins(x=0.02)
        axes.set_ylim(bottom=0.0)
        axes.ticklabel_format(useOffset=False)
        figure.legend(loc="outside right center", frameon=False)
        return png_bytes(figure)


def model_picture(models: Mapping[int, PointingModel]) -> bytes:
    """Draw what the models leave of their stars, in arcsec on both axes, outliers left out, as PNG."""
    rows = -(-len(models) // 4)
    with new_figure(12.6, 3.2 * rows) as figure:
        every = figure.subplots(rows, 4, squeeze=False).ravel()
        for axes in every[len(models) :]:
            axes.set_axis_off()
        for axes, (tel_id, model) in zip(every, sorted(models.items()), strict=False):
            good = model.fit.outlier < 0.5
            across, upward = (model.stars[name][good] for name in ("across_residual", "upward_residual"))
            axes.axhline(0.0, color=_GREY, linewidth=0.6)
            axes.axvline(0.0, color=_GREY, linewidth=0.6)
            axes.plot(across, upward, ".", color=_BLUE, markersize=3.0)
            reach = 1.1 * float(np.abs([across, upward]).max(initial=1.0))
            axes.set(title=f"telescope {tel_id}", xlabel="across (arcsec)", ylabel="upward (arcsec)")
            axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        return png_bytes(figure)


def _hours(time: Any, start: int) -> npt.NDArray[np.float64]:
    """Hours UTC, beyond 24 after midnight."""
    clock = to_utc_iso(start)[11:23]
    begin = int(clock[:2]) + int(clock[3:5]) / 60.0 + float(clock[6:]) / 3600.0
    return begin + (np.asarray(time, np.float64) - start) / 3.6e12


def write_array_page(path: Path, night: ArrayNight) -> None:
    """Write the page of a night: one HTML file that needs nothing else; equal inputs, equal bytes."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pellucid.views"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    starts = [int(t["time"][0]) for t in night.transparency]
    starts += [int(p.track.time[0]) for p in night.pointing.values()]
    start = min(starts, default=0)
    page = environment.get_template("array_night.html").render(
        night=night.night,
        light=None if night.joint is None else _inline(light_picture(*night.joint)),
        rows=_rows(night),
        joint=None if night.joint is None else night.joint[2],
        methods=None if night.joint is None else _inline(method_picture(night.joint[2])),
        names=_METHODS,
        airs=[_air(slices, start) for slices in night.transparency],
        pointing=_inline(pointing_picture(night.pointing, start)) if night.pointing else None,
        clocks=night.clocks is not None,
        models=[(tel_id, model) for tel_id, model in sorted(night.models.items())],
        residuals=_inline(model_picture(night.models)) if night.models else None,
    )
    path.write_text(page, encoding="utf-8")


def _air(slices: Arrays, start: int) -> dict[str, Any]:
    good = slices["status"] == 0
    eta = slices["eta"][good]
    return {
        "picture": _inline(air_picture(slices, start)),
        "slices": good.size,
        "lost": int((~good).sum()),
        "uneven": int((slices["p_value"][good] < _HOMOGENEOUS).sum()),
        "median": float(np.median(eta)) if eta.size else None,
        "low": float(eta.min()) if eta.size else None,
        "high": float(eta.max()) if eta.size else None,
        "anchored": bool((slices["anchored"][good] == 1.0).all()),
    }


def _rows(night: ArrayNight) -> list[dict[str, Any]]:
    """One row a telescope: pairs of value and error where they are known, and how it pointed."""
    ids: set[int] = set(night.pointing)
    if night.joint is not None:
        ids |= set(night.joint[0].tolist())
    if night.clocks is not None:
        ids |= set(night.clocks[0].tolist())
    return [
        {
            "tel_id": tel_id,
            "optics": _last(night, tel_id, "optics"),
            "gain": _last(night, tel_id, "gain"),
            "clock": _clock(night, tel_id),
            "pointing": _pointing(night.pointing.get(tel_id)),
        }
        for tel_id in sorted(ids)
    ]


def _last(night: ArrayNight, tel_id: int, name: str) -> tuple[float, float] | None:
    if night.joint is None or tel_id not in night.joint[0]:
        return None
    at = int(np.searchsorted(night.joint[0], tel_id))
    joint = night.joint[2]
    value, error = (float(getattr(joint, field)[-1, at]) for field in (name, f"{name}_error"))
    return (value, error) if np.isfinite(value) else None


def _clock(night: ArrayNight, tel_id: int) -> tuple[float, float] | None:
    if night.clocks is None or tel_id not in night.clocks[0]:
        return None
    at = int(np.searchsorted(night.clocks[0], tel_id))
    found = night.clocks[1]
    return (float(found.value[at]), float(found.error[at])) if found.connected[at] else None


def _pointing(one: Pointing | None) -> dict[str, Any] | None:
    if one is None or not one.tracking.any():
        return None
    middle, high = np.percentile(one.deviation[one.tracking], [50.0, 95.0])
    return {
        "median": float(middle),
        "high": float(high),
        "gaps": one.gaps,
        "corrected": one.correction is not None,
    }


def _inline(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode()
