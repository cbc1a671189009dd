"""Rows as `values` and `values_list` give them: dicts, tuples or single values, perhaps one for a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.store.expressions import aggregate
from tests.simulation.store.values import copied

if TYPE_CHECKING:
    from tests.simulation.store.queryset import MemoryQuerySet
    from tests.simulation.store.tables import Row


def plain(query: MemoryQuerySet, rows: list[Row]) -> list[Any]:
    """The rows in the query's shape."""
    if query.groups:
        return grouped(query, rows)
    readers = [query.reader(name) for name in query.fields or ()]
    if query.shape == "flat":
        (read,) = readers
        found: list[Any] = [copied(read(row)) for row in rows]
    else:
        found = [tuple([copied(read(row)) for read in readers]) for row in rows]
    if query.unique:
        found = list(dict.fromkeys(found))
    if query.shape == "dict":
        return [dict(zip(query.fields or (), values, strict=True)) for values in found]
    return found


def grouped(query: MemoryQuerySet, rows: list[Row]) -> list[Any]:
    """`values(…).annotate(…)`: one answer for each combination of values, in their order."""
    readers = [query.reader(name) for name in query.fields or ()]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple([read(row) for read in readers]), []).append(row)
    found = [
        (
            *key,
            *[aggregate(query.table, one, groups[key], query.annotations) for one in query.groups.values()],
        )
        for key in sorted(groups)
    ]
    if query.shape == "dict":
        names = (*(query.fields or ()), *query.groups)
        return [dict(zip(names, values, strict=True)) for values in found]
    return found
