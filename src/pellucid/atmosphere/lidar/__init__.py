# SPDX-License-Identifier: BSD-3-Clause
"""LIDARs: from counts per range bin to extinction, backscatter, optical depth and layers."""
