# SPDX-License-Identifier: BSD-3-Clause
"""File formats, one file each: they read (and write where we simulate), nothing else."""
