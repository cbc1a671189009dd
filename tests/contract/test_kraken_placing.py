"""Placing through the real ccxt class: the body that leaves, and what never leaves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from brackets.venue.kraken.wire import KrakenWire
from brackets.venue.port import Accepted, OrderKind, OrderRequest, Reason, Refused, Side, Unknown
from tests.contract.kraken_case import (
    CLIENT_ID,
    PRIVATE_KEY,
    limit_buy,
    limit_sell,
    market_buy,
    placed,
    slot_for,
    stop_sell,
    venue_on,
)
from tests.contract.stub import ASSETS, PAIRS, Stub, ok, says, serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as server:
        yield server


def sent_body(stub: Stub, request: OrderRequest) -> str:
    stub.will("AddOrder", placed())
    outcome = venue_on(stub).place(request, urgent=False)
    assert isinstance(outcome, Accepted), outcome
    return stub.sent("AddOrder")[0].order_body


def sent_fields(stub: Stub, request: OrderRequest) -> dict[str, str]:
    """All that left but the nonce."""
    sent_body(stub, request)
    params = stub.sent("AddOrder")[0].params
    return {name: value for name, value in params.items() if name != "nonce"}


def plain_fields(**fields: str) -> dict[str, str]:
    return {"pair": "XXBTZUSD", "volume": "0.01", "oflags": "fciq", "cl_ord_id": CLIENT_ID} | fields


def test_a_market_order_names_its_id_and_takes_its_fee_in_quote(stub: Stub) -> None:
    assert sent_body(stub, market_buy()) == (
        f"pair=XXBTZUSD&type=buy&ordertype=market&volume=0.01&cl_ord_id={CLIENT_ID}&oflags=fciq"
    )


def test_a_stop_goes_out_as_stop_loss_with_its_trigger_as_price(stub: Stub) -> None:
    body = sent_body(stub, stop_sell())
    assert "type=sell&ordertype=stop-loss&volume=0.01&price=59000.1" in body.replace(
        f"&cl_ord_id={CLIENT_ID}", ""
    )


def test_a_stop_leaves_whole_and_without_close_terms(stub: Stub) -> None:
    assert sent_fields(stub, stop_sell()) == plain_fields(type="sell", ordertype="stop-loss", price="59000.1")


@pytest.mark.parametrize(("request_", "side"), [(limit_buy(), "buy"), (limit_sell(), "sell")])
def test_a_plain_limit_leaves_with_its_price_and_neither_flag_nor_expiry(
    stub: Stub, request_: OrderRequest, side: str
) -> None:
    assert sent_fields(stub, request_) == plain_fields(type=side, ordertype="limit", price="60000.5")


def test_a_maker_entry_leaves_with_every_field_and_no_other(stub: Stub) -> None:
    """`timeInForce="PO"` would send `timeinforce=PO`; here GTD stands there, and post is a flag."""
    request = limit_buy(
        post_only=True,
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        close_stop_price=Decimal("59000.1"),
    )
    assert sent_fields(stub, request) == plain_fields(
        type="buy",
        ordertype="limit",
        price="60000.5",
        oflags="fciq,post",
        timeinforce="GTD",
        expiretm="1767225600",
        **{"close[ordertype]": "stop-loss", "close[price]": "59000.1"},
    )


def test_a_post_only_target_leaves_without_expiry(stub: Stub) -> None:
    assert sent_fields(stub, limit_sell(post_only=True)) == plain_fields(
        type="sell", ordertype="limit", price="60000.5", oflags="fciq,post"
    )


def test_an_attached_stop_goes_out_with_its_exact_price(stub: Stub) -> None:
    stub.will("AddOrder", placed())
    venue_on(stub).place(market_buy(close_stop_price=Decimal("59000.10")), urgent=False)
    params = stub.sent("AddOrder")[0].params
    assert params["close[ordertype]"] == "stop-loss"
    assert params["close[price]"] == "59000.1"
    assert params["ordertype"] == "market"


def test_a_post_only_limit_keeps_both_flags_and_expires(stub: Stub) -> None:
    stub.will("AddOrder", placed())
    request = limit_buy(
        post_only=True,
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        deadline_at=datetime(2026, 1, 1, 0, 0, 5, 250_000, tzinfo=UTC),
    )
    venue_on(stub).place(request, urgent=False)
    params = stub.sent("AddOrder")[0].params
    assert params["price"] == "60000.5"
    assert params["oflags"] == "fciq,post"
    assert (params["timeinforce"], params["expiretm"]) == ("GTD", "1767225600")
    assert params["deadline"] == "2026-01-01T00:00:05.250Z"


def test_a_validation_says_true_in_kraken_s_spelling_and_needs_no_id(stub: Stub) -> None:
    stub.will("AddOrder", ok({"descr": {"order": "buy 0.01 XBTUSD @ market"}}))
    outcome = venue_on(stub).place(market_buy(validate_only=True), urgent=False)
    assert outcome == Accepted(venue_order_id=None, message="buy 0.01 XBTUSD @ market")
    assert stub.sent("AddOrder")[0].params["validate"] == "true"


def test_an_adapter_in_validate_mode_never_places(stub: Stub) -> None:
    close = "close position @ stop loss 59000.0"
    stub.will("AddOrder", ok({"descr": {"order": "buy 0.01 XBTUSD @ market", "close": close}}))
    outcome = venue_on(stub, validate_only=True).place(market_buy(), urgent=False)
    assert outcome == Accepted(venue_order_id=None, message=f"buy 0.01 XBTUSD @ market, {close}")
    assert stub.sent("AddOrder")[0].params["validate"] == "true"


def test_a_validation_that_is_refused_says_why(stub: Stub) -> None:
    stub.will("AddOrder", says("EOrder:Insufficient funds"))
    outcome = venue_on(stub, validate_only=True).place(limit_buy(), urgent=False)
    assert outcome == Refused(reason=Reason.INSUFFICIENT_FUNDS, message="EOrder:Insufficient funds")


def test_a_validation_that_names_an_order_is_told_as_that_order(stub: Stub) -> None:
    """Were the venue to execute what was to be validated, its id must not be lost."""
    stub.will("AddOrder", placed("OXXXXX-YYYYY-ZZZZZZ"))
    outcome = venue_on(stub, validate_only=True).place(market_buy(), urgent=False)
    assert outcome == Accepted(venue_order_id="OXXXXX-YYYYY-ZZZZZZ")


def test_eight_places_and_tiny_ticks_arrive_digit_for_digit(stub: Stub) -> None:
    stub.will("AddOrder", placed())
    request = stop_sell(
        symbol="DOGE/USD", quantity=Decimal("123456.12345678"), trigger_price=Decimal("0.0000007")
    )
    assert isinstance(venue_on(stub).place(request, urgent=True), Accepted)
    params = stub.sent("AddOrder")[0].params
    assert (params["volume"], params["price"]) == ("123456.12345678", "0.0000007")


@pytest.mark.parametrize("name", ["BTC/USD", "XBT/USD", "XXBTZUSD", "XBTUSD", "BTCUSD", "btc/usd"])
def test_every_name_of_a_pair_goes_out_as_its_id(stub: Stub, name: str) -> None:
    stub.will("AddOrder", placed())
    assert isinstance(venue_on(stub).place(market_buy(symbol=name), urgent=False), Accepted)
    assert stub.sent("AddOrder")[0].params["pair"] == "XXBTZUSD"


@pytest.mark.parametrize(
    ("request_", "reason", "words"),
    [
        (market_buy(symbol="NOPE/USD"), Reason.UNKNOWN_SYMBOL, ["NOPE/USD"]),
        (market_buy(quantity=Decimal(0)), Reason.BAD_QUANTITY, ["0"]),
        (market_buy(quantity=Decimal(-1)), Reason.BAD_QUANTITY, ["-1"]),
        (market_buy(quantity=Decimal("NaN")), Reason.BAD_QUANTITY, ["NaN"]),
        (market_buy(quantity=Decimal("Infinity")), Reason.BAD_QUANTITY, ["Infinity"]),
        (market_buy(quantity=Decimal("0.010000001")), Reason.BAD_QUANTITY, ["0.010000001", "0.00000001"]),
        (market_buy(quantity=Decimal("0.00009999")), Reason.BELOW_MINIMUM, ["0.00009999", "0.0001"]),
        (limit_buy(limit_price=Decimal("60000.04")), Reason.BAD_PRICE, ["60000.04", "0.1"]),
        (limit_buy(limit_price=Decimal(0)), Reason.BAD_PRICE, ["0"]),
        (limit_buy(limit_price=None), Reason.INVALID_ARGUMENTS, ["limit price"]),
        (limit_buy(quantity=Decimal("0.0001"), limit_price=Decimal(4999)), Reason.BELOW_MINIMUM, ["0.4999"]),
        (stop_sell(trigger_price=Decimal("59000.05")), Reason.BAD_PRICE, ["59000.05", "0.1"]),
        (stop_sell(trigger_price=None), Reason.INVALID_ARGUMENTS, ["trigger price"]),
        (market_buy(trigger_price=Decimal("59000")), Reason.INVALID_ARGUMENTS, ["trigger price"]),
        (market_buy(close_stop_price=Decimal("59000.01")), Reason.BAD_PRICE, ["59000.01", "0.1"]),
        (limit_buy(close_stop_price=Decimal("60000.5")), Reason.BAD_PRICE, ["60000.5"]),
        (stop_sell(close_stop_price=Decimal("59000")), Reason.INVALID_ARGUMENTS, ["attached"]),
        (market_buy(post_only=True), Reason.INVALID_ARGUMENTS, ["post-only"]),
        (market_buy(kind=OrderKind.TAKE_PROFIT), Reason.INVALID_ARGUMENTS, ["take-profit"]),
        (market_buy(client_order_id="a word far too long for one"), Reason.INVALID_ARGUMENTS, ["18"]),
        (market_buy(client_order_id=""), Reason.INVALID_ARGUMENTS, ["18"]),
    ],
)  # fmt: skip
def test_what_the_venue_cannot_take_never_leaves(
    stub: Stub, request_: OrderRequest, reason: Reason, words: list[str]
) -> None:
    outcome = venue_on(stub).place(request_, urgent=True)
    assert isinstance(outcome, Refused)
    assert outcome.reason is reason
    assert all(word in outcome.message for word in words), outcome.message
    assert stub.sent("AddOrder") == []


def test_a_stop_below_the_cost_minimum_is_left_to_the_venue_to_judge(stub: Stub) -> None:
    stub.will("AddOrder", placed())
    request = stop_sell(quantity=Decimal("0.0001"), trigger_price=Decimal("100"))
    assert isinstance(venue_on(stub).place(request, urgent=True), Accepted)


def test_ccxt_s_own_rounding_is_noticed_before_anything_leaves(stub: Stub) -> None:
    """The tick says 0.05, the price's decimals say 1: ccxt would round 60000.05 up to 60000.1."""
    stub.always("AssetPairs", ok(PAIRS | {"XXBTZUSD": PAIRS["XXBTZUSD"] | {"tick_size": "0.05"}}))
    outcome = venue_on(stub).place(limit_buy(limit_price=Decimal("60000.05")), urgent=False)
    assert isinstance(outcome, Refused)
    assert "60000.1" in outcome.message
    assert stub.sent("AddOrder") == []


def test_a_coin_with_few_decimals_makes_the_lot_coarser(stub: Stub) -> None:
    stub.always("Assets", ok(ASSETS | {"XXBT": ASSETS["XXBT"] | {"decimals": 3}}))
    outcome = venue_on(stub).place(market_buy(quantity=Decimal("0.0105")), urgent=False)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.BAD_QUANTITY


def test_a_deadline_that_passed_in_the_queue_is_not_sent(stub: Stub) -> None:
    venue = venue_on(stub)
    offset = venue.clock_offset()
    assert offset is not None
    now = datetime.now(UTC) + offset
    late = venue.place(market_buy(deadline_at=now + timedelta(seconds=1)), urgent=True)
    assert isinstance(late, Refused)
    assert late.reason is Reason.DEADLINE
    assert stub.sent("AddOrder") == []
    stub.will("AddOrder", placed())
    in_time = venue.place(market_buy(deadline_at=now + timedelta(seconds=30)), urgent=True)
    assert isinstance(in_time, Accepted)


@pytest.mark.parametrize("words", ["EGeneral:Invalid arguments:deadline", "EService:Deadline elapsed"])
def test_a_deadline_the_venue_does_not_take_makes_its_clock_be_measured_anew(stub: Stub, words: str) -> None:
    venue = venue_on(stub)
    assert venue.clock_offset() is not None
    asked = len(stub.sent("Time"))
    stub.will("AddOrder", says("EOrder:Insufficient funds"))
    venue.place(market_buy(), urgent=True)
    venue.clock_offset()
    assert len(stub.sent("Time")) == asked
    stub.will("AddOrder", says(words))
    venue.place(market_buy(), urgent=True)
    venue.clock_offset()
    assert len(stub.sent("Time")) == asked + 1


def test_the_signature_is_kraken_s_over_path_nonce_and_body(stub: Stub) -> None:
    sent_body(stub, market_buy(close_stop_price=Decimal("59000")))
    request = stub.sent("AddOrder")[0]
    digest = hashlib.sha256(f"{request.nonce}{request.body}".encode()).digest()
    expected = hmac.new(base64.b64decode(PRIVATE_KEY), b"/0/private/AddOrder" + digest, hashlib.sha512)
    assert request.headers["API-Sign"] == base64.b64encode(expected.digest()).decode()


def test_a_venue_that_is_down_at_the_start_refuses_and_is_asked_again(stub: Stub) -> None:
    venue = venue_on(stub)
    stub.will("Assets", says("EService:Unavailable"))
    outcome = venue.place(market_buy(), urgent=False)
    assert isinstance(outcome, Refused)
    assert "EService:Unavailable" in outcome.message
    stub.will("AddOrder", placed())
    assert isinstance(venue.place(market_buy(), urgent=False), Accepted)


def test_an_order_that_finds_no_turn_was_not_sent(stub: Stub) -> None:
    slot = slot_for(stub, max_wait_seconds=0.05)
    venue = venue_on(stub, slot=slot)
    venue.instruments()
    with slot.turn(cost=0, urgent=True):
        outcome = venue.place(market_buy(), urgent=True)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.RATE_LIMITED
    assert stub.sent("AddOrder") == []


def test_a_private_request_outside_a_turn_is_never_signed(stub: Stub) -> None:
    wire = KrakenWire(url=stub.url, api_key="key", private_key=PRIVATE_KEY, timeout_seconds=1)
    with pytest.raises(Exception, match="outside a turn"):
        wire.privatePostBalanceEx({})
    assert stub.requests == []


def test_the_proxies_of_the_environment_are_not_used(stub: Stub, monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert sent_body(stub, market_buy())


def test_no_key_and_no_signature_is_ever_logged(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        sent_body(stub, market_buy())
    headers = stub.sent("AddOrder")[0].headers
    assert headers["API-Sign"] not in caplog.text
    assert f"'API-Key': '{headers['API-Key']}'" not in caplog.text


def test_a_fork_does_not_use_its_parent_s_connections(stub: Stub, monkeypatch: Any) -> None:
    wire = KrakenWire(url=stub.url, api_key="key", private_key=PRIVATE_KEY, timeout_seconds=1)
    wire.publicGetTime({})
    parents = wire.session
    monkeypatch.setattr(os, "getpid", lambda: -1)
    wire.publicGetTime({})
    assert wire.session is not parents


def test_side_and_kind_reach_the_venue_in_its_words(stub: Stub) -> None:
    stub.will("AddOrder", placed())
    outcome = venue_on(stub).place(market_buy(side=Side.SELL), urgent=True)
    assert not isinstance(outcome, Unknown)
    assert stub.sent("AddOrder")[0].params["type"] == "sell"


def test_leverage_leaves_with_the_order_only_where_there_is_some(stub: Stub) -> None:
    assert "leverage" not in sent_fields(stub, market_buy())


@pytest.mark.parametrize("request_", [market_buy(), limit_sell(), stop_sell()], ids=["buy", "target", "stop"])
def test_every_leg_says_its_leverage(stub: Stub, request_: OrderRequest) -> None:
    assert sent_fields(stub, replace(request_, leverage=3))["leverage"] == "3"


def test_no_leverage_below_one_leaves(stub: Stub) -> None:
    outcome = venue_on(stub).place(replace(market_buy(), leverage=0), urgent=False)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.INVALID_ARGUMENTS
    assert stub.sent("AddOrder") == []
