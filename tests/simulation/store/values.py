"""What a database gives back for what was written: one function a column, used on the way in.

A row in memory holds what reading the column would give (plain `str` for an enum's word, Decimals of the
column's places, UTC times, lists for tuples), so that reading is a copy and comparing is `==`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models.fields.json import JSONField

from risk.fields import ExactDecimalField

Convert = Callable[[Any], Any]
EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
MOST_DIGITS = 18
LARGEST = 2**63
ATOMS = frozenset({str, int, bool, type(None)})


def converter(field: models.Field[Any, Any]) -> Convert:
    """From a value that is not None to what the column gives back. The function raises what Django would."""
    if isinstance(field, models.ForeignKey):
        return converter(field.target_field)
    for kind, make in MAKERS.items():
        if isinstance(field, kind):
            return make(field)
    return through_database(field)


def exact_decimal(field: ExactDecimalField) -> Convert:
    unit, zero = Decimal(1).scaleb(-field.decimal_places), Decimal(0).scaleb(-field.decimal_places)
    limit = Decimal(10) ** (MOST_DIGITS - field.decimal_places)

    def convert(value: Any) -> Decimal:
        if type(value) is not Decimal:
            value = field.to_python(value)
        try:
            fitted: Decimal = value.quantize(unit, context=EXACT)
            if -limit < fitted < limit:
                return fitted or zero
        except DecimalException:
            pass
        raise ValueError(f"{field.name} cannot hold {value} exactly")

    return convert


def whole(field: models.IntegerField[Any, Any]) -> Convert:
    def convert(value: Any) -> int:
        number = value if type(value) is int else field.get_prep_value(value)
        if not -LARGEST <= number < LARGEST:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return int(number)

    return convert


def text(field: models.Field[Any, Any]) -> Convert:
    def convert(value: Any) -> str:
        if type(value) is str:
            return value
        return str.__str__(value if isinstance(value, str) else field.get_prep_value(value))

    return convert


def truth(field: models.Field[Any, Any]) -> Convert:
    def convert(value: Any) -> bool:
        return value if type(value) is bool else bool(field.get_prep_value(value))

    return convert


def moment(field: models.DateTimeField[Any, Any]) -> Convert:
    def convert(value: Any) -> datetime:
        if type(value) is datetime and value.tzinfo is UTC:
            return value
        at: datetime = field.get_prep_value(value)  # warns of a naive one, as ever
        at = at.astimezone(UTC)
        return datetime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, tzinfo=UTC)

    return convert


def uuid_of(field: models.Field[Any, Any]) -> Convert:
    def convert(value: Any) -> UUID:
        return value if type(value) is UUID else field.to_python(value)  # type: ignore[no-any-return]

    return convert


def json_of(field: JSONField) -> Convert:
    encoder = field.encoder

    def encoded(value: Any) -> Any:
        return json.loads(json.dumps(value, cls=encoder, allow_nan=False))

    def convert(value: Any) -> Any:
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is dict:
            if all(type(key) is str for key in value):
                return {key: convert(one) for key, one in value.items()}
        elif kind is list or kind is tuple:
            return [convert(one) for one in value]
        return encoded(value)

    return convert


def through_database(field: models.Field[Any, Any]) -> Convert:
    """Any other column: the way Django itself takes to the connection and back."""
    column = field.get_col(field.model._meta.db_table)

    def convert(value: Any) -> Any:
        told = field.get_db_prep_save(value, connection)
        for back in (*connection.ops.get_db_converters(column), *field.get_db_converters(connection)):
            told = back(told, column, connection)
        return told

    return convert


MAKERS: dict[type, Callable[[Any], Convert]] = {
    ExactDecimalField: exact_decimal,
    models.IntegerField: whole,  # AutoField and all its sizes too
    models.CharField: text,
    models.TextField: text,
    models.BooleanField: truth,
    models.DateTimeField: moment,
    models.UUIDField: uuid_of,
    JSONField: json_of,
}


def copied(value: Any) -> Any:
    """A JSON value that shares nothing with the stored one."""
    kind = type(value)
    if kind is dict:
        return {key: copied(one) for key, one in value.items()}
    if kind is list:
        return [copied(one) for one in value]
    return value
