# SPDX-License-Identifier: BSD-3-Clause
"""The demonstration's table: what was measured, what is true, and how far apart the two may be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pellucid.demo.products import DemoTelescope
from pellucid.events.batch import EventType
from pellucid.simulate.plan import SimulationConfig

__all__ = ["BRIGHT", "DemoRow", "compare", "fit_circle"]

type F8 = npt.NDArray[np.float64]

BRIGHT, TIMED = 20, 60
"""True photo-electrons from which on a pixel's charge, and its time, is compared."""

_EXTRACTION_SKY = 12.0
"""Length of the demonstration's charge window, in ns."""


@dataclass(frozen=True)
class DemoRow:
    """One line of the table.

    Attributes
    ----------
    quantity, unit : str
        What it is.
    measured, truth : float
        Its values.
    error : float
        Standard error of the measured value; 0 where the two must be equal.
    """

    quantity: str
    unit: str
    measured: float
    truth: float
    error: float

    @property
    def pull(self) -> float:
        """Difference in standard errors; of exact quantities 0 if equal, infinite else."""
        difference = self.measured - self.truth
        if self.error > 0.0:
            return difference / self.error
        return 0.0 if difference == 0.0 else float(np.copysign(np.inf, difference))

    @property
    def within(self) -> bool:
        """Whether measured and true agree within three standard errors."""
        return bool(abs(self.pull) <= 3.0)

    def as_dict(self) -> dict[str, str | float | bool | None]:
        """Return the line as a JSON-ready mapping; an infinite pull, which JSON lacks, is None."""
        pull = float(self.pull) if np.isfinite(self.pull) else None
        numbers = {name: float(getattr(self, name)) for name in ("measured", "truth", "error")}
        return {"quantity": self.quantity, "unit": self.unit, **numbers, "pull": pull, "within": self.within}


def compare(telescopes: Sequence[DemoTelescope], config: SimulationConfig) -> list[DemoRow]:
    """Return the lines of the table, all telescopes together; dead and noisy pixels only count as such."""
    return [
        *_pixel_rows(telescopes, "Baseline, high gain", "ADC", _baseline),
        *_pixel_rows(telescopes, "Gain, high gain", "ADC/p.e.", _gain(0)),
        *_pixel_rows(telescopes, "Gain, low gain", "ADC/p.e.", _gain(1)),
        *_pixel_rows(telescopes, "Ratio of the gains", "", _ratio),
        *_pixel_rows(telescopes, "Photo-electrons of a flash", "p.e.", _photoelectrons),
        _flash_spread(telescopes, config),
        *_time_rows(telescopes),
        _bad_pixels(telescopes),
        *_image_rows(telescopes, config),
        *_muon_row(telescopes),
    ]


type Column = Callable[[DemoTelescope], tuple[F8, F8, F8]]


def _pixel_rows(telescopes: Sequence[DemoTelescope], name: str, unit: str, column: Column) -> list[DemoRow]:
    """Mean over all good pixels, and the width of the pulls, which is 1 if the errors are right."""
    parts = [tuple(a[t.good] for a in column(t)) for t in telescopes]
    value, error, truth = (np.concatenate(p) for p in zip(*parts, strict=True))
    n = value.size
    pulls = (value - truth) / error
    return [
        DemoRow(name, unit, value.mean(), truth.mean(), float(np.sqrt((error**2).sum()) / n)),
        DemoRow(f"{name}: width of the pulls", "", pulls.std(), 1.0, _width_error(pulls)),
    ]


def _width_error(pulls: F8) -> float:
    """Error of the width of n pulls, with 2 % for errors that are themselves estimates."""
    return float(np.hypot(1.0 / np.sqrt(2.0 * pulls.size), 0.02))


def _baseline(t: DemoTelescope) -> tuple[F8, F8, F8]:
    estimate = t.calibration.pedestal.baseline
    return estimate.value[0], estimate.error[0], t.truth.response.pedestal[0]


def _gain(channel: int) -> Column:
    def column(t: DemoTelescope) -> tuple[F8, F8, F8]:
        estimate = t.calibration.gain.gain
        return estimate.value[channel], estimate.error[channel], t.truth.response.gain[channel]

    return column


def _ratio(t: DemoTelescope) -> tuple[F8, F8, F8]:
    estimate, gain = t.calibration.flatfield.ratio, t.truth.response.gain
    return estimate.value[0], estimate.error[0], gain[0] / np.where(gain[1] > 0.0, gain[1], np.nan)


def _photoelectrons(t: DemoTelescope) -> tuple[F8, F8, F8]:
    estimate = t.calibration.gain.photoelectrons
    flashes = t.truth.index["event_type"] == EventType.FLATFIELD
    return estimate.value[0], estimate.error[0], t.truth.true_image[flashes].mean(axis=0)


def _flash_spread(telescopes: Sequence[DemoTelescope], config: SimulationConfig) -> DemoRow:
    spread = [float(np.sqrt(t.calibration.flatfield.flash_variance[0])) for t in telescopes]
    n = sum(t.calibration.flatfield.charge.n for t in telescopes)
    error = config.flash_spread / np.sqrt(2.0 * n)
    return DemoRow(
        "Flash-to-flash spread", "%", 100 * float(np.mean(spread)), 100 * config.flash_spread, 100 * error
    )


def _time_rows(telescopes: Sequence[DemoTelescope]) -> list[DemoRow]:
    """Slope of measured against true offsets (1, or -1 for a wrong sign), and the width of the pulls."""
    true, measured, error = [], [], []
    for t in telescopes:
        offset, truth = t.calibration.time_offset, t.truth.response.time_offset
        # offsets are relative: each camera's own zero is taken away
        true.append(truth[t.good] - truth[t.good].mean())
        measured.append(offset.value[0, t.good] - offset.value[0, t.good].mean())
        error.append(offset.error[0, t.good])
    x, y, s = (np.concatenate(a) for a in (true, measured, error))
    weight = x / s**2
    slope = float((weight * y).sum() / (weight * x).sum())
    pulls = (y - x) / s
    # the sampling of the pulse is tabulated at 64 phases of a sample, which costs a part in a thousand
    slope_error = float(np.hypot((weight * x).sum() ** -0.5, 1e-3))
    return [
        DemoRow("Time offsets: measured against true", "ns/ns", slope, 1.0, slope_error),
        DemoRow("Time offsets: width of the pulls", "", pulls.std(), 1.0, _width_error(pulls)),
    ]


def _bad_pixels(telescopes: Sequence[DemoTelescope]) -> DemoRow:
    found = sum(int((t.calibration.unusable[0] & ~t.good).sum()) for t in telescopes)
    false = sum(int((t.calibration.unusable[0] & t.good).sum()) for t in telescopes)
    truth = sum(int((~t.good).sum()) for t in telescopes)
    return DemoRow("Bad pixels found, false ones added", "", float(found + false), float(truth), 0.0)


def _image_rows(telescopes: Sequence[DemoTelescope], config: SimulationConfig) -> list[DemoRow]:
    charge, true_charge, variance, common = 0.0, 0.0, 0.0, 0.0
    delays, arrivals = [], []
    for t in telescopes:
        bright = (t.true_image >= BRIGHT) & t.good & (t.index["event_type"] == EventType.SUBARRAY)[:, None]
        evened = t.evened_image
        charge += float(t.image[bright].sum())
        true_charge += float(evened[bright].sum())
        # excess noise of the signal, and the sky in the window
        sky = config.excess * config.sky * _EXTRACTION_SKY
        variance += (config.excess - 1.0) * float(evened[bright].sum()) + sky * int(bright.sum())
        number = t.calibration.gain.photoelectrons
        share = np.nanmedian(number.error[0] / number.value[0]) / np.sqrt(t.good.sum())
        common += (share * float(evened[bright].sum())) ** 2
        rows = np.nonzero(bright & (t.true_image >= TIMED))
        delays.append(t.peak_time[rows] - t.true_time[rows])
        arrivals.append(t.true_time[rows])
    showers = {int(e) for t in telescopes for e in t.event_id[t.index["event_type"] == EventType.SUBARRAY]}
    delay, arrival = np.concatenate(delays).astype(float), np.concatenate(arrivals).astype(float)
    slope, slope_error = _slope(arrival, arrival + delay)
    return [
        DemoRow(
            f"Charge of bright pixels over the true one ({len(showers)} showers)",
            "",
            charge / true_charge,
            1.0,
            float(np.sqrt(variance + common)) / true_charge,
        ),
        DemoRow("Arrival times: reconstructed against true", "ns/ns", slope, 1.0, slope_error),
    ]


def _slope(x: F8, y: F8) -> tuple[float, float]:
    dx, dy = x - x.mean(), y - y.mean()
    slope = float((dx * dy).sum() / (dx**2).sum())
    rest = dy - slope * dx
    return slope, float(np.sqrt((rest**2).sum() / (x.size - 2) / (dx**2).sum()))


def _muon_row(telescopes: Sequence[DemoTelescope]) -> list[DemoRow]:
    residuals, errors, radii = [], [], []
    for t in telescopes:
        frame = t.telescope.geometry.telescope_frame(t.telescope.optics.focal_length())
        for row in np.flatnonzero(t.index["event_type"] == EventType.MUON):
            mask = t.image_mask[row]
            if mask.sum() < 30:
                continue
            radius, error = fit_circle(frame.fov_lon[mask], frame.fov_lat[mask], t.image[row, mask])
            residuals.append(radius - t.index["muon_radius"][row])
            errors.append(error)
            radii.append(radius)
    if not radii:
        return []
    weight = 1.0 / np.array(errors) ** 2
    mean = float(np.average(radii, weights=weight))
    difference = float(np.average(residuals, weights=weight))
    name = f"Radius of muon rings ({len(radii)} rings)"
    return [DemoRow(name, "deg", mean, mean - difference, float(weight.sum() ** -0.5))]


def fit_circle(x: F8, y: F8, weight: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Fit a circle by least squares of x^2 + y^2 + a x + b y + c (Kasa 1976, IEEE TIM 25, 8).

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Points, in deg.
    weight : ndarray, shape (n,)
        Their weights.

    Returns
    -------
    radius, error : float
        In deg; the error from the radial scatter of the points.
    """
    root = np.sqrt(np.maximum(weight.astype(np.float64), 0.0))
    design = np.stack([x, y, np.ones_like(x)], axis=1) * root[:, None]
    a, b, c = np.linalg.lstsq(design, -(x**2 + y**2) * root, rcond=None)[0]
    radius = float(np.sqrt(a**2 / 4.0 + b**2 / 4.0 - c))
    scatter = np.hypot(x + a / 2.0, y + b / 2.0) - radius
    w = root**2
    spread = float((w * scatter**2).sum() / w.sum())
    effective = float(w.sum() ** 2 / (w**2).sum())
    # ring fits lean outwards by width^2 / (2 radius), which is taken back
    return radius - spread / (2.0 * radius), float(np.sqrt(spread / effective))
