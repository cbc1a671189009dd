"""The public stream's conversation: which prices are asked for, and what is made of what comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from brackets.venue.kraken.stream.news import (
    Illegible,
    News,
    PairStatusesSaid,
    PriceReading,
    PricesChanged,
    StreamBroken,
)
from brackets.venue.kraken.stream.public import PublicSession
from brackets.venue.port import QuoteReading

TICKER = {"symbol": "BTC/USD", "bid": 50000.1, "ask": 50000.2, "last": 50000.15, "volume": 1.5}


def session(*symbols: str) -> PublicSession:
    return PublicSession(symbols=symbols, now=0.0)


def hear(conversation: PublicSession, message: dict[str, Any]) -> tuple[News, ...]:
    return conversation.hear(json.dumps(message), now=0.0)


def asked(texts: tuple[str, ...]) -> list[tuple[str, str, list[str] | None]]:
    requests = [json.loads(text) for text in texts]
    return [(r["method"], r["params"]["channel"], r["params"].get("symbol")) for r in requests]


def ticker(*data: dict[str, Any], kind: str = "update") -> dict[str, Any]:
    return {"channel": "ticker", "type": kind, "data": list(data)}


def test_it_asks_for_the_pairs_statuses_and_the_wanted_prices() -> None:
    opening = session("ETH/USD", "BTC/USD").openings()
    assert asked(opening) == [
        ("subscribe", "instrument", None),
        ("subscribe", "ticker", ["BTC/USD", "ETH/USD"]),
    ]
    assert json.loads(opening[1])["params"]["event_trigger"] == "bbo"


def test_it_follows_what_is_wanted() -> None:
    conversation = session("BTC/USD")
    conversation.openings()
    assert conversation.due(1.0) == ()
    conversation.want(["ETH/USD"])
    assert asked(conversation.due(1.0)) == [
        ("subscribe", "ticker", ["ETH/USD"]),
        ("unsubscribe", "ticker", ["BTC/USD"]),
    ]
    assert conversation.due(1.0) == ()


def test_many_pairs_are_asked_for_in_parts() -> None:
    conversation = session(*(f"C{number}/USD" for number in range(250)))
    parts = [symbols for _, channel, symbols in asked(conversation.openings()) if channel == "ticker"]
    assert [len(symbols or ()) for symbols in parts] == [100, 100, 50]


def test_a_pair_the_venue_refuses_is_not_asked_for_again() -> None:
    conversation = session("BTC/USD", "NO/USD")
    conversation.openings()
    hear(
        conversation,
        {"method": "subscribe", "success": False, "error": "Currency pair not supported", "symbol": "NO/USD"},
    )
    assert conversation.due(1.0) == ()
    conversation.want(["BTC/USD", "NO/USD"])
    assert conversation.due(2.0) == ()


def test_an_end_that_is_refused_changes_nothing() -> None:
    conversation = session("BTC/USD")
    conversation.openings()
    hear(conversation, {"method": "unsubscribe", "success": False, "error": "not found", "symbol": "BTC/USD"})
    assert conversation.due(1.0) == ()


def test_prices_refused_altogether_end_it() -> None:
    conversation = session("BTC/USD")
    opening = conversation.openings()
    number = json.loads(opening[1])["req_id"]
    with pytest.raises(StreamBroken):
        hear(conversation, {"method": "subscribe", "success": False, "error": "too many", "req_id": number})


@pytest.mark.parametrize("kind", ["snapshot", "update"])
def test_a_price_is_told_exactly_and_with_its_time(kind: str) -> None:
    conversation = session("BTC/USD")
    assert not conversation.ready
    assert hear(conversation, ticker(TICKER | {"timestamp": "2026-03-02T12:00:00.5Z"}, kind=kind)) == (
        PricesChanged(
            readings=(
                PriceReading(
                    quote=QuoteReading(
                        symbol="BTC/USD",
                        bid=Decimal("50000.1"),
                        ask=Decimal("50000.2"),
                        last=Decimal("50000.15"),
                    ),
                    at=datetime(2026, 3, 2, 12, 0, 0, 500000, tzinfo=UTC),
                ),
            )
        ),
    )
    assert conversation.ready


@pytest.mark.parametrize(
    "spoiled",
    [{"bid": 0}, {"ask": -1}, {"last": "high"}, {"last": None}, {"symbol": "BTCUSD"}, {"symbol": ""}],
)
def test_a_price_that_is_none_hides_no_other(spoiled: dict[str, Any]) -> None:
    prices, illegible = hear(session(), ticker(TICKER | spoiled, TICKER | {"symbol": "ETH/USD"}))
    assert isinstance(prices, PricesChanged)
    assert [reading.quote.symbol for reading in prices.readings] == ["ETH/USD"]
    assert isinstance(illegible, Illegible)


def test_the_old_names_of_coins_are_understood() -> None:
    (prices,) = hear(session(), ticker(TICKER | {"symbol": "XBT/USD"}))
    assert isinstance(prices, PricesChanged)
    assert prices.readings[0].quote.symbol == "BTC/USD"


def test_the_pairs_statuses_are_told_and_a_new_word_is_said() -> None:
    pairs = [
        {"symbol": "BTC/USD", "status": "online"},
        {"symbol": "ETH/USD", "status": "dancing"},
        {"symbol": "SOL/USD", "status": "cancel_only"},
    ]
    statuses, illegible = hear(
        session(), {"channel": "instrument", "type": "snapshot", "data": {"pairs": pairs, "assets": []}}
    )
    assert statuses == PairStatusesSaid(statuses=(("BTC/USD", "online"), ("SOL/USD", "cancel_only")))
    assert isinstance(illegible, Illegible)
