"""Kraken's own answers and ccxt's proven requests, from the captures beside the project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from brackets.venue.kraken.wire import KrakenWire
from brackets.venue.port import Accepted, OrderKind, OrderReport, OrderRequest, Side, VenueStatus
from tests.contract.kraken_case import venue_on
from tests.contract.stub import Stub, ok, serving

FOLDER = Path(settings.BASE_DIR).parent / "shared" / "kraken_fixtures"
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not FOLDER.is_dir(), reason="kraken_fixtures is not beside the project"),
]


def captured(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def response(description: str) -> dict[str, Any]:
    cases = captured("response_kraken_subset.json")["cases"]
    return next(case["httpResponse"] for case in cases if case["description"] == description)


def request_body(description: str) -> str:
    cases = captured("request_kraken_subset.json")["cases"]
    return str(next(case["body_without_nonce"] for case in cases if case["description"] == description))


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as server:
        yield server


# --- responses -----------------------------------------------------------------------------------


def open_order(stub: Stub, description: str) -> OrderReport:
    stub.will("OpenOrders", response(description))
    (report,) = venue_on(stub).open_orders()
    assert (report.status, report.filled_quantity, report.average_price) == (VenueStatus.OPEN, 0, None)
    return report


def test_the_response_cases_are_all_played_here() -> None:
    assert {case["description"] for case in captured("response_kraken_subset.json")["cases"]} == {
        "create order",
        "fetch spot limit order (post-only)",
        "closed market order",
        "open take-profit market order",
        "open stop-loss-limit order",
        "fetch open trailing stop order (disabled upstream)",
        "spot open order with clientOrderId",
        "spot closed orders with clientorderId",
        "spot cancel order by client order id",
        "Spot ohlcv with since in the request and limit filter on ccxt side",
        "public spot ticker",
    }


def test_create_order(stub: Stub) -> None:
    stub.will("AddOrder", response("create order"))
    assert venue_on(stub).place(buy(), urgent=False) == Accepted(venue_order_id="OL7LNO-R4SAD-6UINEU")


def test_a_post_only_limit(stub: Stub) -> None:
    stub.will("QueryOrders", response("fetch spot limit order (post-only)"))
    (report,) = venue_on(stub).orders(["OR6EGN-KQSEG-AMI6CL"])
    assert (report.kind, report.side, report.symbol) == (OrderKind.LIMIT, Side.BUY, "LTC/USDT")
    assert (report.limit_price, report.trigger_price) == (Decimal("50.00000"), None)
    assert report.client_order_id is None


def test_a_closed_market_order(stub: Stub) -> None:
    stub.will("QueryOrders", response("closed market order"))
    (report,) = venue_on(stub).orders(["OGMZCL-KC6MC-ZRBGM6"])
    assert (report.status, report.filled_quantity) == (VenueStatus.CLOSED, Decimal("0.1"))
    assert (report.average_price, report.cost, report.fee) == (
        Decimal("71.05741"),
        Decimal("7.105741"),
        Decimal("0.018475"),
    )
    assert report.trade_ids == ("TWA6QJ-ZO4EM-6QIHQJ",)
    assert report.closed_at == datetime(2024, 1, 14, 19, 29, 7, 472865, tzinfo=UTC)
    assert (report.limit_price, report.trigger_price) == (None, None)


def test_an_open_take_profit(stub: Stub) -> None:
    report = open_order(stub, "open take-profit market order")
    assert (report.kind, report.trigger_price, report.limit_price) == (OrderKind.TAKE_PROFIT, 120, None)


def test_an_open_stop_loss_limit(stub: Stub) -> None:
    report = open_order(stub, "open stop-loss-limit order")
    assert (report.kind, report.trigger_price, report.limit_price) == (OrderKind.STOP_LOSS_LIMIT, 55, 54)


def test_an_open_trailing_stop(stub: Stub) -> None:
    report = open_order(stub, "fetch open trailing stop order (disabled upstream)")
    assert (report.kind, report.trigger_price) == (OrderKind.TRAILING_STOP, Decimal("0.75790000"))
    assert report.symbol == "XRPUSD", "a pair the catalogue does not know keeps the venue's name"


def test_orders_found_by_client_id(stub: Stub) -> None:
    assert open_order(stub, "spot open order with clientOrderId").client_order_id == "123"
    stub.will("ClosedOrders", response("spot closed orders with clientorderId"))
    (report,) = venue_on(stub).closed_orders(client_order_id="123")
    assert (report.status, report.reason, report.client_order_id) == (
        VenueStatus.CANCELED,
        "User requested",
        "123",
    )


def test_cancel_by_client_id(stub: Stub) -> None:
    stub.will("CancelOrder", response("spot cancel order by client order id"))
    assert venue_on(stub).cancel_by_client_id("1234") == Accepted(venue_order_id=None)
    assert stub.sent("CancelOrder")[0].order_body == "cl_ord_id=1234"


def test_candles_and_ticker(stub: Stub) -> None:
    venue = venue_on(stub)
    stub.will("OHLC", response("Spot ohlcv with since in the request and limit filter on ccxt side"))
    candles = venue.candles("BTC/USDT", minutes=60, limit=720)
    assert len(candles) == 6
    assert (candles[0].open, candles[0].close) == (Decimal("43437.5"), Decimal("43361.1"))
    assert candles[0].volume == Decimal("18.75430110")
    stub.will("Ticker", response("public spot ticker"))
    (quote,) = venue.quotes(["BTC/USDT"])
    assert (quote.bid, quote.ask, quote.last) == (
        Decimal("73380.60000"),
        Decimal("73380.70000"),
        Decimal("73380.60000"),
    )


# --- requests ------------------------------------------------------------------------------------


def buy(**changes: Any) -> OrderRequest:
    fields = {
        "client_order_id": "captured",
        "symbol": "LTC/USDT",
        "side": Side.BUY,
        "kind": OrderKind.MARKET,
        "quantity": Decimal("0.1"),
    }
    return OrderRequest(**(fields | changes))


OURS = {"cl_ord_id=captured", "oflags=fciq"}  # on every order of ours, besides the capture's fields


@pytest.mark.parametrize(
    ("description", "order"),
    [
        ("Spot market buy", buy()),
        (
            "Stop loss market order (type 2)",
            buy(side=Side.SELL, kind=OrderKind.STOP_LOSS, trigger_price=Decimal(55)),
        ),
    ],
)
def test_an_order_goes_out_as_captured(stub: Stub, description: str, order: OrderRequest) -> None:
    stub.will("AddOrder", response("create order"))
    assert isinstance(venue_on(stub).place(order, urgent=False), Accepted)
    sent = set(stub.sent("AddOrder")[0].order_body.split("&"))
    assert sent - OURS == set(request_body(description).split("&"))
    assert sent >= OURS


def test_a_cancel_goes_out_as_captured(stub: Stub) -> None:
    stub.will("CancelOrder", ok({"count": 1}))
    venue_on(stub).cancel("OF7S76-H2IMS-N2ML4U")
    assert stub.sent("CancelOrder")[0].order_body == request_body("cancel order")


def test_kraken_s_own_signature(stub: Stub) -> None:
    vector = captured("api_sign_vector.json")
    fields = dict(part.split("=") for part in vector["encoded_payload"].split("&"))
    fields.pop("nonce")
    wire = KrakenWire(url=stub.url, api_key="key", private_key=vector["private_key"], timeout_seconds=1)
    with wire.sending(nonce=int(vector["nonce"]), body=fields):
        signed = wire.sign("AddOrder", ["private"], "POST", fields)
    assert signed["body"] == vector["encoded_payload"]
    assert signed["headers"]["API-Sign"] == vector["api_sign"]
