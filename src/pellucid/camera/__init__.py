# SPDX-License-Identifier: BSD-3-Clause
"""Camera calibration: pure algorithms from calibration events to coefficients with their errors."""
