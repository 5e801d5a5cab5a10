# SPDX-License-Identifier: BSD-3-Clause
"""Options that are one of a few words."""

from typing import Any, get_args, get_type_hints

from pellucid.errors import ConfigurationError, nearest

__all__ = ["check_choices"]


def check_choices(options: object) -> None:
    """Refuse words that a dataclass of options does not know, where its types are literals.

    Raises
    ------
    ConfigurationError
        With the option, what it may be, and the nearest (``configuration-value``).
    """
    for name, kind in get_type_hints(type(options)).items():
        known: tuple[Any, ...] = get_args(kind)
        value = getattr(options, name)
        if known and value not in known:
            raise ConfigurationError(
                f"The option '{name}' does not know '{value}'.",
                where=name,
                expected="one of " + ", ".join(map(str, known)),
                got=repr(value),
                mend=nearest(str(value), [str(word) for word in known]),
                code="configuration-value",
            )
