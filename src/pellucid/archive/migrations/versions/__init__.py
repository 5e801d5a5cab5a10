# SPDX-License-Identifier: BSD-3-Clause
"""The steps; what they share is written out in each, for none may change with another."""
