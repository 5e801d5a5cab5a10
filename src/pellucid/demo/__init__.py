# SPDX-License-Identifier: BSD-3-Clause
"""The demonstration: four simulated telescopes, calibrated, and compared with the truth."""

from pellucid.demo.demonstration import DemoResult, run

__all__ = ["DemoResult", "run"]
