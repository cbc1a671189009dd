"""A decimal column that is exact on both databases.

Django keeps a DecimalField on SQLite as a float of 15 digits; money needs all of them. Here it is an
integer of the smallest unit on SQLite and `numeric` on PostgreSQL. Order, filters, Max, Min and Sum
work on both; products, averages and arithmetic with literals must be done in Python.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models


class ExactDecimalField(models.DecimalField):
    """Decimal with at most 18 digits, exact; a value with more places than the field is refused."""

    def get_internal_type(self) -> str:
        return "ExactDecimalField"  # a name Django does not know: its float converter stays away

    def db_type(self, connection: Any) -> str:
        if connection.vendor == "sqlite":
            return "bigint"
        return f"numeric({self.max_digits},{self.decimal_places})"

    cast_db_type = db_type

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if value is None or hasattr(value, "as_sql"):
            return value
        value = self.to_python(value)
        scaled = value.scaleb(self.decimal_places)
        if scaled != scaled.to_integral_value() or abs(scaled) >= 10**18:
            raise ValueError(f"{self.name} cannot hold {value} exactly")  # PostgreSQL would round
        return int(scaled) if connection.vendor == "sqlite" else value

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return self.get_db_prep_value(value, connection)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        if value is None or connection.vendor != "sqlite":
            return value
        return Decimal(value).scaleb(-self.decimal_places)


def price_field(**options: Any) -> ExactDecimalField:
    """Quote currency per coin, 10 places."""
    return ExactDecimalField(max_digits=18, decimal_places=10, **options)


def money_field(**options: Any) -> ExactDecimalField:
    """An amount of quote currency, 10 places (below 100 million)."""
    return ExactDecimalField(max_digits=18, decimal_places=10, **options)


def quantity_field(**options: Any) -> ExactDecimalField:
    """A quantity of coins, 8 places (below 10 billion)."""
    return ExactDecimalField(max_digits=18, decimal_places=8, **options)


def ratio_field(**options: Any) -> ExactDecimalField:
    """A ratio or multiple, 6 places; 0.02 is 2 %."""
    return ExactDecimalField(max_digits=12, decimal_places=6, **options)


def seconds_field(**options: Any) -> ExactDecimalField:
    """A duration in seconds, to the millisecond."""
    return ExactDecimalField(max_digits=14, decimal_places=3, **options)
