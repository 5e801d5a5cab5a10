# SPDX-License-Identifier: BSD-3-Clause
"""Gain from spectra of few photo-electrons: photomultipliers and silicon photomultipliers."""
