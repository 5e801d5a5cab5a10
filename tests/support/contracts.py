# SPDX-License-Identifier: BSD-3-Clause
"""A small interface for tests of all that interfaces can do."""

from pathlib import Path

from pellucid.interfaces.contract import Interface
from pellucid.interfaces.parse import parse_interface

WEATHER = (Path(__file__).parent / "weather.toml").read_text()


def changed(text: str, *pairs: str) -> str:
    """Return a text with words replaced once each, given as old, new, old, new."""
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def weather(*pairs: str) -> Interface:
    """Return the interface with some words replaced."""
    return parse_interface(changed(WEATHER, *pairs), "weather.toml")
