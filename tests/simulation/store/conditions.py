"""Filters, compiled: from the keyword arguments and Q objects of a query to tests on rows.

SQL knows three answers, and so do the tests here: a comparison with NULL is None (unknown), except where
Django itself adds `IS NOT NULL` (inside a negation), where it is False. A lookup that is not known here is
refused by its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import F, Model, Q
from django.db.models.expressions import BaseExpression

from tests.simulation.store.expressions import compute
from tests.simulation.store.lookups import COMPARISONS, Compare, Compute, Lookup, lookup_of, related_rows

if TYPE_CHECKING:
    from tests.simulation.store.tables import Predicate, Row, Table


EXPRESSIONS = (F, BaseExpression)
SIMPLE = frozenset({str, int, bool, Decimal, datetime, UUID})
"""Values that are neither instances, expressions nor querysets."""


@dataclass(slots=True)
class Where:
    """What a query asks of its rows, all of it at once."""

    equal: tuple[tuple[str, Any], ...] = ()  # own columns and their values
    within: tuple[tuple[str, frozenset[Any]], ...] = ()  # own columns and the values they may have
    tests: tuple[Predicate, ...] = ()
    among: tuple[tuple[str, Any], ...] = ()  # own columns and the querysets that name their values
    joins: tuple[Callable[[], Counter[Any]], ...] = ()  # keys, and how often a join finds them
    never: bool = False

    def copy(self) -> Where:
        return Where(self.equal, self.within, self.tests, self.among, self.joins, self.never)


# --- collecting a query's conditions ---------------------------------------------------------------


def narrow(
    table: Table, where: Where, args: tuple[Any, ...], kwargs: dict[str, Any], annotations: dict[str, Compute]
) -> None:
    """What `filter` adds to a query."""
    asked: Iterable[tuple[str, Any]] = kwargs.items()
    if args:
        asked = list(asked)
    for one in args:
        if not isinstance(one, Q):
            raise NotImplementedError(f"the filter {one!r}")
        if one.connector == Q.AND and not one.negated:
            narrow_children(table, where, one, asked, annotations)
        else:
            where.tests += (judge(table, one, False, annotations),)
    many: dict[str, dict[str, Any]] = {}
    known = table.lookups
    for name, value in asked:
        if annotations and name.partition("__")[0] in annotations:
            where.tests += (judge_annotation(name, value, annotations),)
            continue
        lookup = known.get(name) or lookup_of(table, name)
        if lookup.is_plain and type(value) in SIMPLE:  # nearly all there is
            where.equal += ((lookup.attname, lookup.convert(value)),)
        elif lookup.relation:
            many.setdefault(lookup.relation, {})[lookup.rest] = value
        else:
            add(table, where, lookup, value, annotations)
    for relation, rest in many.items():
        where.joins += (partial(joined, table, relation, rest),)


def narrow_children(
    table: Table, where: Where, asked: Q, names: list[tuple[str, Any]], annotations: dict[str, Compute]
) -> None:
    for child in asked.children:
        if isinstance(child, tuple):
            names.append(child)
        else:
            where.tests += (judge(table, child, False, annotations),)


def add(table: Table, where: Where, lookup: Lookup, value: Any, annotations: dict[str, Compute]) -> None:
    if lookup.local and not lookup.is_json and not isinstance(value, EXPRESSIONS):
        if lookup.word == "exact":
            where.equal += ((lookup.attname, None if value is None else wanted(lookup, value)),)
            return
        if lookup.word == "in" and hasattr(value, "one_column"):
            where.among += ((lookup.attname, value),)
            return
        if lookup.word == "in":
            values = wanted_set(lookup, value)
            where.within += ((lookup.attname, values),)
            where.never = where.never or not values
            return
        if lookup.word == "isnull" and value:
            where.equal += ((lookup.attname, None),)
            return
    where.tests += (leaf(table, lookup, value, False, annotations),)


def joined(table: Table, relation: str, rest: dict[str, Any]) -> Counter[Any]:
    """The keys a join finds, as often as it finds them."""
    related = related_rows(table, relation)
    where = Where()
    narrow(related.table, where, (), rest, {})
    return Counter(key for row in find(related.table, where) for key in related.keys(row))


def widen(table: Table, where: Where, asked: Q, annotations: dict[str, Compute]) -> None:
    """What `exclude` adds to a query; `asked` is what shall not be."""
    if len(asked.children) == 1 and isinstance(asked.children[0], tuple) and not asked.negated:
        test = test_of(table, *asked.children[0], True, annotations)
        where.tests += (lambda row: test(row) is False,)
    else:
        where.tests += (judge(table, ~asked, False, annotations),)


# --- single tests ----------------------------------------------------------------------------------


def judge(table: Table, asked: Q, negated: bool, annotations: dict[str, Compute]) -> Predicate:
    """A Q as a test with three answers; `negated`: whether an odd number of NOTs stands around it."""
    inside = negated ^ asked.negated
    parts: list[Predicate] = []
    for child in asked.children:
        if isinstance(child, Q):
            parts.append(judge(table, child, inside, annotations))
        elif isinstance(child, tuple):
            parts.append(test_of(table, *child, inside, annotations))
        else:
            raise NotImplementedError(f"the condition {child!r}")
    if asked.connector not in (Q.AND, Q.OR):
        raise NotImplementedError(f"the connector {asked.connector}")
    test = all_of(parts) if asked.connector == Q.AND else any_of(parts)
    if not asked.negated or not parts:
        return test
    return lambda row: None if (answer := test(row)) is None else not answer


def test_of(table: Table, name: str, value: Any, negated: bool, annotations: dict[str, Compute]) -> Predicate:
    if annotations and name.partition("__")[0] in annotations:
        return judge_annotation(name, value, annotations)
    lookup = lookup_of(table, name)
    if lookup.relation:
        raise NotImplementedError(f"the lookup {name!r} of {table.meta.label} in a Q or an exclude")
    return leaf(table, lookup, value, negated, annotations)


def all_of(parts: list[Predicate]) -> Predicate:
    if len(parts) == 1:
        return parts[0]

    def test(row: Row) -> bool | None:
        answer: bool | None = True
        for part in parts:
            one = part(row)
            if one is None:
                answer = None
            elif not one:
                return False
        return answer

    return test


def any_of(parts: list[Predicate]) -> Predicate:
    if len(parts) == 1:
        return parts[0]

    def test(row: Row) -> bool | None:
        answer: bool | None = False
        for part in parts:
            one = part(row)
            if one:
                return True
            if one is None:
                answer = None
        return answer

    return test


def leaf(
    table: Table, lookup: Lookup, value: Any, negated: bool, annotations: dict[str, Compute]
) -> Predicate:
    read, word = lookup.read, lookup.word
    if word == "isnull":
        return (lambda row: read(row) is None) if value else (lambda row: read(row) is not None)
    unknown = False if negated else None
    if lookup.is_json:
        return json_leaf(lookup, value)
    if isinstance(value, EXPRESSIONS):
        return against(read, COMPARISONS[word], compute(table, value, annotations), unknown)
    if word == "exact" and value is None:
        return lambda row: read(row) is None
    if word == "in" and hasattr(value, "one_column"):
        return among(read, Subquery(value), unknown)
    compare = COMPARISONS[word]
    wish = wanted_set(lookup, value) if word == "in" else wanted(lookup, value)
    if word == "in" and not wish:
        return lambda row: False
    if word == "exact":
        return lambda row: unknown if (own := read(row)) is None else own == wish
    return lambda row: unknown if (own := read(row)) is None else compare(own, wish)


def against(read: Compute, compare: Compare, other: Compute, unknown: bool | None) -> Predicate:
    def test(row: Row) -> bool | None:
        one, two = read(row), other(row)
        return unknown if one is None or two is None else compare(one, two)

    return test


class Subquery:
    """The values of a queryset in a condition, asked again only when rows have changed since."""

    __slots__ = ("queryset", "values", "version")

    def __init__(self, queryset: Any) -> None:
        self.queryset, self.version = queryset, -1
        self.values: set[Any] = set()

    def now(self) -> set[Any]:
        version = self.queryset.table.ledger.version
        if version != self.version:
            self.values, self.version = self.queryset.one_column(), version
        return self.values


def among(read: Compute, subquery: Subquery, unknown: bool | None) -> Predicate:
    return lambda row: unknown if (own := read(row)) is None else own in subquery.now()


def json_leaf(lookup: Lookup, value: Any) -> Predicate:
    """Django compares a JSON column with the JSON `null` where None is given: of a NULL that is unknown, also
    in a negation, and nothing stored here is that `null`."""
    if lookup.word != "exact" or value is not None:
        raise NotImplementedError(f"the lookup {lookup.name!r} in a JSON column")
    read = lookup.read
    return lambda row: None if read(row) is None else False


def judge_annotation(name: str, value: Any, annotations: dict[str, Compute]) -> Predicate:
    column, _, word = name.partition("__")
    word = word or "exact"
    if word not in COMPARISONS or word in ("in", "startswith") or value is None:
        raise NotImplementedError(f"the lookup {name!r} of an annotation")
    return against(annotations[column], COMPARISONS[word], literal(value, annotations), None)


def literal(value: Any, annotations: dict[str, Compute]) -> Compute:
    if isinstance(value, F):
        name = value.name
        return annotations.get(name) or (lambda row: row[name])
    if isinstance(value, BaseExpression):
        raise NotImplementedError(f"the expression {value!r} beside an annotation")
    return lambda row: value


# --- the other side of a comparison ----------------------------------------------------------------


def wanted(lookup: Lookup, value: Any) -> Any:
    """The value to compare with, as the column would give it back. Raises ValueError."""
    if type(value) in SIMPLE:
        return lookup.convert(value)
    if value is None:
        raise ValueError("Cannot use None as a query value")
    if isinstance(value, Model):
        value = key_of(value)
    elif hasattr(value, "as_sql") or hasattr(value, "one_column"):
        raise NotImplementedError(f"{value!r} as the value of {lookup.name!r}")
    return lookup.convert(value)


def wanted_set(lookup: Lookup, values: Any) -> frozenset[Any]:
    return frozenset([wanted(lookup, value) for value in values if value is not None])


def key_of(instance: Model) -> Any:
    key = instance.pk
    if key is None:
        raise ValueError("Model instances passed to related filters must be saved.")
    return key


# --- finding ---------------------------------------------------------------------------------------


def find(table: Table, where: Where) -> list[Row]:
    """The rows that answer the conditions, in no order."""
    if where.never:
        return []
    if where.among or where.joins:
        where = resolved(table, where)
    rows = candidates(table, where)
    for name, value in where.equal:
        rows = [row for row in rows if row[name] == value]
    for name, values in where.within:
        rows = [row for row in rows if row[name] in values]
    for test in where.tests:
        rows = [row for row in rows if test(row)]
    return rows if isinstance(rows, list) else list(rows)


def resolved(table: Table, where: Where) -> Where:
    """With what subqueries and joins find now. A row that a join finds twice is refused: SQL would give it
    twice to a select and once to an update."""
    where = where.copy()
    for name, queryset in where.among:
        where.within += ((name, frozenset(queryset.one_column())),)
    for join in where.joins:
        keys = join()
        if keys and max(keys.values()) > 1:
            raise NotImplementedError(f"a join of {table.meta.label} that finds rows more than once")
        where.within += ((table.pk, frozenset(keys)),)
    return where


def candidates(table: Table, where: Where) -> Iterable[Row]:
    """As few rows as one index can tell."""
    rows, pk, indexes, single = table.rows, table.pk, table.indexes, table.single
    best: Iterable[Row] | None = None
    size = 0
    for name, value in where.equal:
        if name == pk:
            row = rows.get(value)
            return () if row is None else (row,)
        if name in single and value is not None:
            key = single[name].holders.get(value)
            return () if key is None else (rows[key],)
        if name in indexes:
            found = indexes[name].get(value)
            if not found:
                return ()
            if best is None or len(found) < size:
                best, size = found.values(), len(found)
    for name, values in where.within:
        if name == pk and (best is None or len(values) < size):
            best, size = [row for key in values if (row := rows.get(key)) is not None], len(values)
    return rows.values() if best is None else best


# --- constraints -----------------------------------------------------------------------------------


def constraint_condition(table: Table, asked: Q) -> Predicate:
    return judge(table, asked, False, {})


def condition_columns(table: Table, asked: Q) -> set[str]:
    """Every column a condition looks at, on both sides."""
    found: set[str] = set()
    for child in asked.children:
        if isinstance(child, Q):
            found |= condition_columns(table, child)
            continue
        name, value = child
        found.add(lookup_of(table, name).attname)
        for one in value.flatten() if isinstance(value, BaseExpression) else [value]:
            if isinstance(one, F):
                found.add(table.attname(one.name))
    return found
