"""What the contract tests of the Kraken adapter share: the venue on a stub, orders, answers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from brackets.models.sender import SenderKey
from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.port import AmendRequest, OrderKind, OrderRequest, Side
from brackets.venue.sender import SenderSlot, fingerprint
from tests.contract.stub import Stub

API_KEY = "key"
PRIVATE_KEY = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
CLIENT_ID = "6d1b345e-2821-40e2-ad83-4ecb18a06876"


def slot_for(stub: Stub, *, counter: int = 0, **options: Any) -> SenderSlot:
    """The sender of the stub's key, with this much of its rate counter used."""
    name = fingerprint(url=stub.url, api_key=API_KEY)
    now = timezone.now()
    SenderKey.objects.update_or_create(
        key_fingerprint=name, defaults={"counter_thousandths": counter, "counter_at": now, "updated_at": now}
    )
    return SenderSlot(key_fingerprint=name, **({"tier": "pro"} | options))


def venue_on(stub: Stub, *, slot: SenderSlot | None = None, **options: Any) -> KrakenVenue:
    return KrakenVenue(
        slot=slot or slot_for(stub),
        url=stub.url,
        api_key=API_KEY,
        private_key=PRIVATE_KEY,
        **({"timeout_seconds": 3.0} | options),
    )


def market_buy(**changes: Any) -> OrderRequest:
    fields: dict[str, Any] = {
        "client_order_id": CLIENT_ID,
        "symbol": "BTC/USD",
        "side": Side.BUY,
        "kind": OrderKind.MARKET,
        "quantity": Decimal("0.01"),
    }
    return OrderRequest(**(fields | changes))


def limit_buy(**changes: Any) -> OrderRequest:
    return market_buy(**({"kind": OrderKind.LIMIT, "limit_price": Decimal("60000.5")} | changes))


def stop_sell(**changes: Any) -> OrderRequest:
    fields = {"side": Side.SELL, "kind": OrderKind.STOP_LOSS, "trigger_price": Decimal("59000.1")}
    return market_buy(**(fields | changes))


def limit_sell(**changes: Any) -> OrderRequest:
    return limit_buy(**({"side": Side.SELL} | changes))


def new_terms(**changes: Any) -> AmendRequest:
    """An amendment of the BTC/USD order OAAAAA-BBBBB-CCCCCC, whose age is not told."""
    fields: dict[str, Any] = {
        "venue_order_id": "OAAAAA-BBBBB-CCCCCC",
        "symbol": "BTC/USD",
        "touched_at": None,
        "quantity": Decimal("0.02"),
    }
    return AmendRequest(**(fields | changes))


def placed(
    txid: str = "OAAAAA-BBBBB-CCCCCC", sentence: str = "buy 0.01000000 XBTUSD @ market"
) -> dict[str, Any]:
    return {"error": [], "result": {"txid": [txid], "descr": {"order": sentence}}}


def raw_order(**changes: Any) -> dict[str, Any]:
    """An order as OpenOrders, ClosedOrders and QueryOrders state it."""
    descr = {
        "pair": "XBTUSD",
        "type": "sell",
        "ordertype": "stop-loss",
        "price": "59000.1",
        "price2": "0",
        "leverage": "none",
        "order": "sell 0.01 XBTUSD @ stop loss 59000.1",
        "close": "",
    } | changes.pop("descr", {})
    return {
        "refid": None,
        "userref": 0,
        "cl_ord_id": CLIENT_ID,
        "status": "open",
        "opentm": 1700000000.123456,
        "starttm": 0,
        "expiretm": 0,
        "descr": descr,
        "vol": "0.01000000",
        "vol_exec": "0.00000000",
        "cost": "0.00000",
        "fee": "0.00000",
        "price": "0.00000",
        "stopprice": "0.00000",
        "limitprice": "0.00000",
        "misc": "",
        "oflags": "fciq",
        "reason": None,
    } | changes


def raw_trade(**changes: Any) -> dict[str, Any]:
    return {
        "ordertxid": "OAAAAA-BBBBB-CCCCCC",
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": "XXBTZUSD",
        "time": 1700000000.5,
        "type": "buy",
        "ordertype": "market",
        "price": "60000.1",
        "cost": "600.00100",
        "fee": "2.40000",
        "vol": "0.01000000",
        "margin": "0.00000",
        "misc": "",
        "trade_id": 7,
        "maker": False,
    } | changes


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
