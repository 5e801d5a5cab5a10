# SPDX-License-Identifier: BSD-3-Clause
"""Nights as people name them: the day on which they began."""

from pellucid.errors import UsageError

__all__ = ["night_number"]


def night_number(night: str) -> int:
    """Return a day, e.g. 2026-11-22, as the number that the archive knows a night by.

    Raises
    ------
    UsageError
        It is no day.
    """
    digits = night.replace("-", "")
    if len(digits) != 8 or not digits.isdigit():
        raise UsageError(
            "The night is no day.",
            expected="the day on which the night began, e.g. 2026-11-22",
            got=repr(night),
        )
    return int(digits)
