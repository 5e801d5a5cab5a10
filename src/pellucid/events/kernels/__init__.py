# SPDX-License-Identifier: BSD-3-Clause
"""Numba kernels on arrays without units."""
