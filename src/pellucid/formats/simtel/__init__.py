# SPDX-License-Identifier: BSD-3-Clause
"""sim_telarray files (EventIO, prod2 to prod6): subarray, calibration events, showers and their truth."""

from pellucid.formats.simtel.source import SimtelSource

__all__ = ["SimtelSource"]
