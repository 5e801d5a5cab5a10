# SPDX-License-Identifier: BSD-3-Clause
"""Interfaces between device teams and data management: contracts that run, and their tasks."""
