# SPDX-License-Identifier: BSD-3-Clause
"""Cameras read out through DRS4 chips: every sample comes from a capacitor of its own, with a past."""
