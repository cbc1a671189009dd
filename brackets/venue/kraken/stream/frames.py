"""One text of the stream to plain values: exact numbers, times, and the words only the stream uses.

Pure. What is not legible raises `UnknownWord`; nothing passes through a float.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from brackets.venue.kraken.parsing import PAIR_STATUSES as REST_PAIR_STATUSES
from brackets.venue.kraken.parsing import amount, mapping, text
from brackets.venue.port import UnknownWord

PAIR_STATUSES = REST_PAIR_STATUSES | {"maintenance", "delisted", "work_in_progress"}


def decoded(message: str) -> Mapping[str, Any]:
    """The object a message is. Raises UnknownWord."""
    try:
        value = json.loads(message, parse_float=Decimal, parse_constant=str)
    except (ValueError, RecursionError):
        raise UnknownWord(f"a message is no JSON: {message!r:.80}") from None
    return mapping(value, "a message")


def moment(raw: Mapping[str, Any], name: str, what: str) -> datetime:
    """An RFC 3339 time as an aware UTC datetime, to the microsecond."""
    said = text(raw, name, what)
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise UnknownWord(f"{name} of {what} is {said!r:.80}, not a time") from None
    if at.tzinfo is None:
        raise UnknownWord(f"{name} of {what} is {said!r:.80}, a time without a zone")
    return at.astimezone(UTC)


def stated(raw: Mapping[str, Any], name: str, what: str) -> Decimal | None:
    """A number that may be left out."""
    return amount(raw, name, what) if raw.get(name) is not None else None


def price(raw: Mapping[str, Any], name: str, what: str) -> Decimal | None:
    """A price that may be left out; the stream says 0 where there is none."""
    return stated(raw, name, what) or None
