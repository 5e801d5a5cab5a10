# SPDX-License-Identifier: BSD-3-Clause
"""Moments of a cleaned image: Hillas parameters with errors, leakage, concentration, statistics.

Everything takes the selected pixels alone (compact arrays of n values) and works in float64.
"""

import numpy as np
import numpy.typing as npt

from pellucid.jit import kernel

__all__ = ["concentration", "hillas", "statistics"]

type F8 = npt.NDArray[np.float64]

# an eigenvalue this small, in deg2, is rounding: the pixels lie on a line
_ZERO = np.finfo(np.float64).eps

# columns of a row of Hillas parameters
INTENSITY, SKEWNESS, KURTOSIS, X, Y, R, PHI = 0, 1, 2, 3, 4, 5, 6
LENGTH, LENGTH_ERROR, WIDTH, WIDTH_ERROR, PSI, PSI_ERROR, TRANSVERSE_ERROR = 7, 8, 9, 10, 11, 12, 13


@kernel
def hillas(x: F8, y: F8, area: F8, q: F8, out: F8) -> None:
    """Moments of the light distribution (Hillas 1985, ICRC 3, 445), angles in rad.

    Parameters
    ----------
    x, y, area, q : ndarray of float64, shape (n,)
        Position (deg), area (deg2) and charge (p.e.) of the selected pixels; the charges sum to > 0.
    out : ndarray of float64, shape (14,)
        intensity, skewness, kurtosis, x, y, r, phi, length and its error, width and its error, psi and
        its error, error of the centre across the axis.
    """
    size = q.sum()
    cog_x = (x * q).sum() / size
    cog_y = (y * q).sum() / size
    out[INTENSITY] = size
    out[X] = cog_x
    out[Y] = cog_y
    out[R] = np.sqrt(cog_x * cog_x + cog_y * cog_y)
    out[PHI] = np.arctan2(cog_y, cog_x)
    xx, xy, yy = _covariance(x, y, q, cog_x, cog_y, size)
    middle = 0.5 * (xx + yy)
    half = np.sqrt((0.5 * (xx - yy)) ** 2 + xy * xy)
    large = middle + half
    small = middle - half
    if abs(large) <= _ZERO:
        large = 0.0
    if abs(small) <= _ZERO:
        small = 0.0
    length = np.sqrt(large)
    width = np.sqrt(small)
    out[LENGTH] = length
    out[WIDTH] = width
    if length == 0.0:
        for column in (SKEWNESS, KURTOSIS, LENGTH_ERROR, WIDTH_ERROR, PSI, PSI_ERROR, TRANSVERSE_ERROR):
            out[column] = np.nan
        return
    psi = _axis_angle(xx, xy, yy, large)
    out[PSI] = psi
    _along_the_axis(x, y, area, q, psi, out)
    _width_errors(x, y, q, psi, xx, xy, yy, out)


@kernel
def _covariance(x: F8, y: F8, q: F8, cog_x: float, cog_y: float, size: float) -> tuple[float, float, float]:
    xx = 0.0
    xy = 0.0
    yy = 0.0
    for i in range(q.size):
        dx = x[i] - cog_x
        dy = y[i] - cog_y
        xx += q[i] * dx * dx
        xy += q[i] * dx * dy
        yy += q[i] * dy * dy
    return xx / size, xy / size, yy / size


@kernel
def _axis_angle(xx: float, xy: float, yy: float, large: float) -> float:
    """Angle of the long axis to x, within (-pi/2, pi/2]; of the two forms the one without cancellation."""
    along, across = (large - yy, xy) if xx >= yy else (xy, large - xx)
    if along == 0.0:
        return 0.5 * np.pi
    return float(np.arctan(across / along))


@kernel
def _along_the_axis(x: F8, y: F8, area: F8, q: F8, psi: float, out: F8) -> None:
    """Third and fourth moment, and a weighted line through the image for the errors of axis and centre."""
    cos, sin = np.cos(psi), np.sin(psi)
    m3 = 0.0
    m4 = 0.0
    w_sum = 0.0
    w_l = 0.0
    w_ll = 0.0
    w_t = 0.0
    w_lt = 0.0
    for i in range(q.size):
        dx = x[i] - out[X]
        dy = y[i] - out[Y]
        along = dx * cos + dy * sin
        across = dy * cos - dx * sin
        m3 += q[i] * along**3
        m4 += q[i] * along**4
        weight = q[i] / area[i]
        w_sum += weight
        w_l += weight * along
        w_ll += weight * along * along
        w_t += weight * across
        w_lt += weight * along * across
    length = out[LENGTH]
    out[SKEWNESS] = m3 / out[INTENSITY] / length**3
    out[KURTOSIS] = m4 / out[INTENSITY] / length**4
    determinant = w_ll * w_sum - w_l * w_l
    slope = (w_sum * w_lt - w_l * w_t) / determinant
    # a round image has no axis: the error grows without bound as width approaches length
    elongation = 1.0 + np.tan(out[WIDTH] / length * 0.5 * np.pi) ** 2
    out[PSI_ERROR] = np.sqrt(w_sum / determinant + slope * slope) * elongation
    out[TRANSVERSE_ERROR] = np.sqrt(w_ll / determinant * (1.0 + np.sin(slope) ** 2))


@kernel
def _width_errors(x: F8, y: F8, q: F8, psi: float, xx: float, xy: float, yy: float, out: F8) -> None:
    """Errors of length and width for Poisson charges, by the derivatives of the eigenvalues."""
    a = 0.5 * (1.0 + np.cos(2.0 * psi))
    b = 0.5 * (1.0 - np.cos(2.0 * psi))
    c = np.sin(2.0 * psi)
    size = out[INTENSITY]
    long = 0.0
    short = 0.0
    for i in range(q.size):
        dx = x[i] - out[X]
        dy = y[i] - out[Y]
        d_xx = (dx * dx - xx) / size
        d_yy = (dy * dy - yy) / size
        d_xy = (dx * dy - xy) / size
        long += (a * d_xx + b * d_yy + c * d_xy) ** 2 * q[i]
        short += (b * d_xx + a * d_yy - c * d_xy) ** 2 * q[i]
    out[LENGTH_ERROR] = np.sqrt(long) / (2.0 * out[LENGTH])
    out[WIDTH_ERROR] = np.sqrt(short) / (2.0 * out[WIDTH]) if out[WIDTH] > 0.0 else np.nan


@kernel
def concentration(x: F8, y: F8, width: F8, q: F8, moments: F8, out: F8) -> None:
    """Shares of the light: within one pixel of the centre, within the ellipse, in the brightest pixel.

    Parameters
    ----------
    x, y, width, q : ndarray of float64, shape (n,)
        Position and pixel width (deg), charge (p.e.) of the selected pixels.
    moments : ndarray of float64, shape (14,)
        What `hillas` gave.
    out : ndarray of float64, shape (3,)
        The three shares; the second is 0 for an image without width.
    """
    cos, sin = np.cos(moments[PSI]), np.sin(moments[PSI])
    centre = 0.0
    core = 0.0
    brightest = q[0]
    for i in range(q.size):
        dx = x[i] - moments[X]
        dy = y[i] - moments[Y]
        if dx * dx + dy * dy < width[i] * width[i]:
            centre += q[i]
        if moments[WIDTH] != 0.0:
            along = (dx * cos + dy * sin) / moments[LENGTH]
            across = (dy * cos - dx * sin) / moments[WIDTH]
            if along * along + across * across <= 1.0:
                core += q[i]
        brightest = max(brightest, q[i])
    out[0] = centre / moments[INTENSITY]
    out[1] = core / moments[INTENSITY]
    out[2] = brightest / moments[INTENSITY]


@kernel
def statistics(values: F8, out: F8) -> None:
    """Maximum, minimum, mean, standard deviation, skewness, excess kurtosis of values, shape (n,)."""
    n = values.size
    mean = values.sum() / n
    m2 = 0.0
    m3 = 0.0
    m4 = 0.0
    for value in values:
        d = value - mean
        m2 += d * d
        m3 += d * d * d
        m4 += d * d * d * d
    std = np.sqrt(m2 / n)
    out[0] = values.max()
    out[1] = values.min()
    out[2] = mean
    out[3] = std
    out[4] = m3 / n / std**3
    out[5] = m4 / n / std**4 - 3.0
