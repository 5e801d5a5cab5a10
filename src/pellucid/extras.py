# SPDX-License-Identifier: BSD-3-Clause
"""Packages that only some installations have: imported when needed, and missed in words."""

from importlib import import_module
from types import ModuleType

from pellucid.errors import ConfigurationError

__all__ = ["extra_module"]


def extra_module(name: str, extra: str, why: str) -> ModuleType:
    """Import a module of an optional package.

    Parameters
    ----------
    name : str
        Of the module.
    extra : str
        The extra of Pellucid that installs its package.
    why : str
        What needs it, as the beginning of a sentence.

    Raises
    ------
    ConfigurationError
        It is not installed (``package-missing``).
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{why} needs a package that is not installed.",
            expected=f"the module '{error.name}'",
            mend=f"pip install 'pellucid[{extra}]'",
            code="package-missing",
        ) from error
