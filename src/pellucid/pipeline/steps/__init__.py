# SPDX-License-Identifier: BSD-3-Clause
"""All wiring, readable on a page each."""
