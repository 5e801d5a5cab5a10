# SPDX-License-Identifier: BSD-3-Clause
"""Pellucid: the calibration system of Cherenkov-telescope arrays, the instruments and the air above them."""

__all__ = ["__version__"]

__version__ = "0.1.0"
