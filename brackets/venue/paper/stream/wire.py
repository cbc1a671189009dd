"""Messages of Kraken's WebSocket v2 as text: exact numbers, times, acknowledgements, refusals.

Stands under everything in this folder. Kraken writes prices and quantities as JSON numbers with the
engine's own digits; so a Decimal is written digit by digit and never becomes a float.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(value: Any) -> str:
    """A message as JSON text."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(name)}:{text(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(text, value)) + "]"
    return json.dumps(value)


def moment(seconds: Decimal) -> str:
    """Unix seconds as RFC 3339 with microseconds."""
    at = EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def asset_name(altname: str) -> str:
    """An asset as v2 names it: BTC and DOGE where REST says XBT and XDG."""
    return {"XBT": "BTC", "XDG": "DOGE"}.get(altname, altname)


def done(request: Json, result: Json | None, *, now: Decimal) -> Json:
    """The acknowledgement of a request."""
    told: Json = {"method": request.get("method")}
    if result is not None:
        told["result"] = result
    return told | {"success": True} | _frame(request, now)


def refusal(request: Json, error: str, *, now: Decimal, symbol: str | None = None) -> Json:
    """The answer to a request that is not done."""
    told: Json = {"error": error, "method": request.get("method"), "success": False}
    if symbol is not None:
        told["symbol"] = symbol
    return told | _frame(request, now)


def pong(request: Json, *, now: Decimal) -> Json:
    return {"method": "pong"} | _frame(request, now)


def _frame(request: Json, now: Decimal) -> Json:
    told: Json = {"time_in": moment(now), "time_out": moment(now)}
    number = request.get("req_id")
    return told if number is None else {"req_id": number} | told
