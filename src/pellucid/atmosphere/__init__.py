# SPDX-License-Identifier: BSD-3-Clause
"""The air above the instruments: molecules, aerosols, clouds, and what they let through."""
