# SPDX-License-Identifier: BSD-3-Clause
"""Make the inputs the instruments would make, with known truth."""
