# SPDX-License-Identifier: BSD-3-Clause
"""The array as one instrument: how much light each telescope keeps, and how transparent the air is."""
