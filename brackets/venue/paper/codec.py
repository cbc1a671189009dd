"""Frozen values to JSON text and back, to the last digit: how the engine's records are stored.

Used by the store alone. Decimals travel as text. Only what the records are made of is known: text,
whole numbers, truth, Decimal, StrEnum, tuples of text, other records, and None.
"""

from __future__ import annotations

import json
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

Record = TypeVar("Record")


def encode(record: object) -> str:
    """A record as JSON text."""
    return json.dumps(_plain(record), separators=(",", ":"))


def decode(kind: type[Record], text: str) -> Record:
    """The record that `encode` made this text of. Raises ValueError, KeyError or TypeError when damaged."""
    return typing.cast(Record, _record(kind, json.loads(text)))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    return value


def _record(kind: Any, raw: dict[str, Any]) -> Any:
    known = {name: hint for name, hint in _hints(kind).items() if name in raw or name not in _optional(kind)}
    return kind(**{name: _value(hint, raw[name]) for name, hint in known.items()})


@cache
def _optional(kind: Any) -> frozenset[str]:
    """Fields with a default: a record stored before they existed has none of them."""
    return frozenset(field.name for field in fields(kind) if field.default is not MISSING)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(hint: Any, raw: Any) -> Any:
    if raw is None:
        return None
    if typing.get_origin(hint) is types.UnionType:
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if typing.get_origin(hint) is tuple:
        return tuple(raw)
    if is_dataclass(hint):
        return _record(hint, raw)
    if hint is Decimal or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return hint(raw)
    return raw
