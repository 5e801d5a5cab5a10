# SPDX-License-Identifier: BSD-3-Clause
"""Conditions on the numbers and words that a product's summary holds, such as ``optical_depth_355 < 0.2``."""

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from sqlalchemy import ColumnElement, Double, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from pellucid.archive.lineage import JSON
from pellucid.archive.tables import PRODUCTS
from pellucid.errors import UsageError

__all__ = ["Comparison", "SummaryCondition", "in_summary", "summarised"]

Comparison = Literal["<", "<=", ">", ">=", "=", "!="]

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*"
_CONDITION = re.compile(rf"\s*({_NAME})\s*(<=|>=|!=|<|>|=)\s*([^\s=<>!].*?)\s*", re.ASCII)


@dataclass(frozen=True)
class SummaryCondition:
    """One condition; a product whose summary does not have the name, or has no such value, never fulfils it.

    Attributes
    ----------
    name : str
        Key of the summary; dots lead into groups, as ``rates.median``.
    comparison : str
        ``<``, ``<=``, ``>``, ``>=``, ``=`` or ``!=``; words have no order and know the last two.
    value : float or str
        What it is compared with: numbers with numbers, words with texts, ``true`` and ``false`` with
        either of these.
    """

    name: str
    comparison: Comparison
    value: float | str

    def __post_init__(self) -> None:
        if not re.fullmatch(_NAME, self.name, re.ASCII) or self.comparison not in _COMPARE:
            raise _ill_formed(f"{self.name} {self.comparison} {self.value}")
        if isinstance(self.value, str) and self.comparison not in ("=", "!="):
            raise _ill_formed(f"{self.name} {self.comparison} {self.value}", "a number after '<' or '>'")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a condition as people write it, e.g. ``clouds=0`` or ``check != failed``.

        Raises
        ------
        UsageError
            It is none (``ill-condition``).
        """
        found = _CONDITION.fullmatch(text)
        if found is None:
            raise _ill_formed(text)
        name, comparison, word = found.groups()
        return cls(name, comparison, _number(word))  # type: ignore[arg-type]  # the pattern knows no others


def in_summary(condition: SummaryCondition) -> ColumnElement[bool]:
    """Return the condition as one on the products of a query."""
    is_word = isinstance(condition.value, str)
    value: ColumnElement[Any] = (_Word if is_word else _Number)(PRODUCTS.c.summary, condition.name)
    answer: ColumnElement[bool] = _COMPARE[condition.comparison](value, condition.value)
    return answer


def summarised(summary: Mapping[str, JSON], name: str) -> JSON:
    """Return the value that a condition of this name looks at; None where there is none."""
    value: JSON = summary
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _number(word: str) -> float | str:
    try:
        number = float(word)
    except ValueError:
        return word
    if number - number != 0:  # NaN and the infinities: no summary has any
        raise _ill_formed(word, "a finite number")
    return number


class _Value(FunctionElement[Any]):
    """What a summary has under a name, of one kind; NULL where it has none or one of another kind."""

    inherit_cache = True

    def __init__(self, summary: ColumnElement[str], name: str) -> None:
        # both ways to name it are parameters, so one statement does for all names
        parts = [json.dumps(part) for part in name.split(".")]
        super().__init__(summary, f"$.{'.'.join(parts)}", f"{{{','.join(parts)}}}")


class _Number(_Value):
    inherit_cache = True
    type = Double()


class _Word(_Value):
    inherit_cache = True
    type = Text()


def _parts(element: _Value, compiler: SQLCompiler, options: Any) -> tuple[str, str, str]:
    summary, path, names = (compiler.process(clause, **options) for clause in element.clauses)
    return f"nullif({summary}, '')", path, names


@compiles(_Number, "sqlite")
def _number_in_sqlite(element: _Value, compiler: SQLCompiler, **options: Any) -> str:
    summary, path, _ = _parts(element, compiler, options)
    kind = f"json_type({summary}, {path})"
    return f"CASE WHEN {kind} IN ('integer', 'real') THEN json_extract({summary}, {path}) END"


@compiles(_Word, "sqlite")
def _word_in_sqlite(element: _Value, compiler: SQLCompiler, **options: Any) -> str:
    summary, path, _ = _parts(element, compiler, options)
    kind = f"json_type({summary}, {path})"
    return (
        f"CASE WHEN {kind} = 'text' THEN json_extract({summary}, {path}) "
        f"WHEN {kind} IN ('true', 'false') THEN {kind} END"
    )


@compiles(_Number, "postgresql")
def _number_in_postgresql(element: _Value, compiler: SQLCompiler, **options: Any) -> str:
    summary, _, names = _parts(element, compiler, options)
    value = f"{summary}::json #> {names}::text[]"
    return f"CASE WHEN json_typeof({value}) = 'number' THEN ({value})::text::double precision END"


@compiles(_Word, "postgresql")
def _word_in_postgresql(element: _Value, compiler: SQLCompiler, **options: Any) -> str:
    summary, _, names = _parts(element, compiler, options)
    found = f"json_typeof({summary}::json #> {names}::text[])"
    return f"CASE WHEN {found} IN ('string', 'boolean') THEN {summary}::json #>> {names}::text[] END"


def _ill_formed(text: str, expected: str = "") -> UsageError:
    return UsageError(
        "This is no condition on a summary.",
        expected=expected or "a name, one of < <= > >= = !=, and a number or a word",
        got=text,
        mend="e.g. 'optical_depth_355 < 0.2' or 'check = passed'; see the names with pellucid show ID",
        code="ill-condition",
    )
