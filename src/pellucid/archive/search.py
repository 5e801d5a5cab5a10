# SPDX-License-Identifier: BSD-3-Clause
"""Questions about products as queries that one index or another answers, whatever the archive's size."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Column, ColumnElement, CompoundSelect, Connection, Select, or_, select

from pellucid.archive.product import LATEST_COVER
from pellucid.archive.rows import select_products
from pellucid.archive.summaries import SummaryCondition, in_summary
from pellucid.archive.tables import PRODUCT_TELESCOPES, PRODUCTS, SORTS
from pellucid.archive.tags import in_tag

__all__ = ["OF_SORT", "beginning_with", "is_beginning", "matching", "of_telescope", "types_like"]

_P, _S = PRODUCTS.c, SORTS.c

OF_SORT = ("device", "step", "collection", "kind", "category", "quality", "rights")
"""Conditions that are those of a product's sort."""


def matching(
    *,
    types: Sequence[str] | None,
    obs_id: int | None,
    night: int | None,
    tel: int | None,
    tag: str | None,
    time: tuple[int, int] | None,
    covered: bool | None,
    sha256: str | None,
    summary: Sequence[SummaryCondition] = (),
    **of_sort: str | None,
) -> Select[tuple[Any, ...]]:
    """Return the query for the products that fulfil all conditions, those of `Catalogue.find`.

    Parameters
    ----------
    types : sequence of str or None
        Product types, spelled out.
    obs_id, night, tel, tag, time, covered, sha256, summary, **of_sort
        As `pellucid.archive.catalogue.Catalogue.find`; ``of_sort`` are those named in `OF_SORT`.
    """
    query = select_products()
    if obs_id is not None:
        query = query.where(_P.obs_id == obs_id)
    if night is not None:
        query = query.where(_P.night == night)
    sorts = [_S[column] == value for column, value in of_sort.items() if value is not None]
    if types is not None:
        sorts.append(_S.product_type.in_(types))
    if time is not None:
        query = query.where(_P.row.in_(_covering(time, sorts)))
    elif sorts:
        query = query.where(_P.sort.in_(select(_S.sort).where(*sorts)))
    if tel is not None:
        query = query.where(_P.row.in_(of_telescope(tel)))
    if tag is not None:
        query = query.where(in_tag(tag))
    if covered is not None:
        query = query.where(_P.time_start.is_not(None) if covered else _P.time_start.is_(None))
    if sha256 is not None:
        query = query.where(or_(_P.id == sha256, _P.sha256 == sha256))  # of raw products only the first
    return query.where(*map(in_summary, summary))


def of_telescope(tel: int) -> CompoundSelect[tuple[int]]:
    """Return the query for the rows of products that cover a telescope, alone or among others."""
    several = select(PRODUCT_TELESCOPES.c.product).where(PRODUCT_TELESCOPES.c.tel_id == tel)
    alone = PRODUCTS.alias("of_one").c
    return select(alone.row).where(alone.tel == tel).union_all(several)


def _covering(span: tuple[int, int], sorts: Sequence[ColumnElement[bool]]) -> Select[tuple[int]]:
    """Return the query for the rows of products whose cover touches a span.

    A cover that touches it began before the span's end, and before its start by no more than the longest
    cover of the sort: a stretch of the index.
    """
    products = PRODUCTS.alias("covering")
    p = products.c
    start, stop = (min(max(end, -LATEST_COVER), LATEST_COVER) for end in span)
    near = (p.time_start < stop, p.time_start > start - _S.longest, p.time_stop > start)
    # a sum has no index, so the few sorts are gone through and not the many products
    return select(p.row).join_from(SORTS, products, p.sort == _S.sort + 0).where(*sorts, *near)


def types_like(connection: Connection, column: Column[Any], pattern: str) -> list[str]:
    """Return the product types in a column that are like a pattern as a shell knows it, sorted."""
    if not set(pattern) & set("*?["):
        return [pattern]  # there may be thousands of types, but it is one of them or none
    known = connection.scalars(select(column).distinct().order_by(column))
    return [name for name in known if fnmatchcase(name, pattern)]


def is_beginning(text: str) -> bool:
    """Return whether an id can begin with a text."""
    return 0 < len(text) <= 64 and set(text) <= set("0123456789abcdef")


def beginning_with(digits: str) -> Select[tuple[Any, ...]]:
    """Return the query for the products whose ids begin with some digits, in the order of ids."""
    least, most = digits.ljust(64, "0"), digits.ljust(64, "f")
    return select_products().where(_P.id.between(least, most)).order_by(_P.id)
