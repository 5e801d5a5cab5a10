# SPDX-License-Identifier: BSD-3-Clause
"""Typed configuration in TOML: sections as frozen dataclasses, quantities as text, unknown keys refused."""

from dataclasses import asdict
from typing import Any

from pellucid.config.layers import WORKSPACE_FILE, Effective, load
from pellucid.config.levels import Levels, Policy
from pellucid.config.options import Option, Value, option
from pellucid.config.sections import OPEN, Cleaning, Config, Events, Extractor, Run, Site, options, sections
from pellucid.config.text import as_toml, template

__all__ = [
    "OPEN",
    "WORKSPACE_FILE",
    "Cleaning",
    "Config",
    "Effective",
    "Events",
    "Extractor",
    "Levels",
    "Option",
    "Policy",
    "Run",
    "Site",
    "Value",
    "as_toml",
    "events_parameters",
    "load",
    "option",
    "options",
    "sections",
    "template",
]


def events_parameters(config: Config) -> dict[str, Any]:
    """Return the section ``events`` as parameters of a step: plain JSON values, thresholds in p.e."""
    return asdict(config.events)
