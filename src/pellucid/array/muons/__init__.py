# SPDX-License-Identifier: BSD-3-Clause
"""Muons: rings whose light is known from first principles, and what of it the telescope sees."""
