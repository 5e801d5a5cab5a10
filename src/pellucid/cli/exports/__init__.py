# SPDX-License-Identifier: BSD-3-Clause
"""The verbs of ``pellucid export``, one module each."""
