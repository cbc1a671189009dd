"""Expressions of queries, computed on a row: columns, literals, sums, what stands in for NULL.

Only what the product asks for; anything else is refused by its name.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Max, Min, Sum, Value
from django.db.models.expressions import CombinedExpression, Expression
from django.db.models.functions import Coalesce

from risk.fields import ExactDecimalField
from tests.simulation.store.lookups import Compute, reader, related_rows

if TYPE_CHECKING:
    from tests.simulation.store.tables import Row, Table

OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
EXACT_OPERATORS = {"+", "-"}  # products of integers of the smallest unit would be wrong on SQLite


def compute(table: Table, expression: Any, annotations: dict[str, Compute]) -> Compute:
    """A function from a row to the expression's value. Raises NotImplementedError for what is unknown."""
    match expression:
        case F():
            return column(table, expression.name, annotations)
        case Value():
            return constant(expression.value)
        case Coalesce():
            parts = [compute(table, one, annotations) for one in expression.get_source_expressions()]
            return fitted(expression, first_known(parts))
        case Sum() | Count() | Max() | Min():
            return fitted(expression, over_related(table, expression))
        case CombinedExpression(connector=connector) if connector in EXACT_OPERATORS:
            return fitted(expression, combined(table, expression, annotations))
    raise NotImplementedError(f"the expression {expression!r}")


def column(table: Table, name: str, annotations: dict[str, Compute]) -> Compute:
    return annotations.get(name) or reader(table, name)


def constant(value: Any) -> Compute:
    return lambda row: value


def first_known(parts: list[Compute]) -> Compute:
    def compute_first(row: Row) -> Any:
        return next((value for part in parts if (value := part(row)) is not None), None)

    return compute_first


def combined(table: Table, expression: CombinedExpression, annotations: dict[str, Compute]) -> Compute:
    left, right = (compute(table, one, annotations) for one in (expression.lhs, expression.rhs))
    apply = OPERATORS[expression.connector]

    def compute_combined(row: Row) -> Any:
        one, two = left(row), right(row)
        return None if one is None or two is None else apply(one, two)

    return compute_combined


def fitted(expression: Expression, inner: Compute) -> Compute:
    """The value as a column of the expression's output field would give it back."""
    output = getattr(expression, "_output_field_or_none", None) if output_is_named(expression) else None
    if not isinstance(output, ExactDecimalField):
        return inner
    unit = Decimal(1).scaleb(-output.decimal_places)

    def compute_fitted(row: Row) -> Any:
        value = inner(row)
        return None if value is None else Decimal(value).quantize(unit)

    return compute_fitted


def output_is_named(expression: Expression) -> bool:
    return "output_field" in expression.__dict__


# --- over many rows --------------------------------------------------------------------------------


def over_related(table: Table, expression: Any) -> Compute:
    """An aggregate over what refers to a row: `Sum("fills__quantity")` of an order."""
    if expression.filter is not None or expression.distinct:
        raise NotImplementedError(f"the aggregate {expression!r} with a filter or distinct")
    (source,) = expression.get_source_expressions()[:1]
    if not isinstance(source, F):
        raise NotImplementedError(f"the aggregate {expression!r} of a related expression")
    relation, _, name = source.name.partition("__")
    rows_of = related_rows(table, relation)
    read = reader(rows_of.table, name or "pk")
    fold = FOLDS[type(expression)]
    return lambda row: fold([value for one in rows_of.rows(row) if (value := read(one)) is not None])


def aggregate(table: Table, expression: Any, rows: list[Row], annotations: dict[str, Compute]) -> Any:
    """An aggregate over the rows of a query."""
    if type(expression) not in FOLDS:
        raise NotImplementedError(f"the aggregate {expression!r}")
    if expression.filter is not None or expression.distinct:
        raise NotImplementedError(f"the aggregate {expression!r} with a filter or distinct")
    (source,) = expression.get_source_expressions()[:1]
    read = compute(table, source, annotations)
    values = [value for row in rows if (value := read(row)) is not None]
    return fitted(expression, lambda row: FOLDS[type(expression)](values))({})


def total(values: list[Any]) -> Any:
    return sum(values[1:], values[0]) if values else None


FOLDS: dict[type, Callable[[list[Any]], Any]] = {
    Sum: total,
    Count: len,
    Max: lambda values: max(values, default=None),
    Min: lambda values: min(values, default=None),
}
