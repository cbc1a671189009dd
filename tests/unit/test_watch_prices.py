"""Prices in memory: the newest counts, old ones are none, and only news are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from brackets.venue.port import QuoteReading
from brackets.watch.prices import AGAIN_SECONDS, FEW, SELDOM_SECONDS, Price, Written

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def price(symbol: str, last: int = 100, *, after: float = 0) -> Price:
    last_price = Decimal(last)
    quote = QuoteReading(symbol=symbol, bid=last_price - 1, ask=last_price, last=last_price)
    return Price(quote, NOON + timedelta(seconds=after))


def prices(count: int, *, after: float = 0) -> dict[str, Price]:
    return {symbol: price(symbol, after=after) for symbol in (f"C{n}/USD" for n in range(count))}


def test_a_price_is_written_once_and_again_when_it_changes() -> None:
    written, one = Written(), {"ETH/USD": price("ETH/USD")}
    assert written.news(one) == one
    written.note(one)
    assert written.news({"ETH/USD": price("ETH/USD", after=0.5)}) == {}
    moved = {"ETH/USD": price("ETH/USD", 101, after=0.6)}
    assert written.news(moved) == moved


def test_one_that_could_not_be_written_is_news_still() -> None:
    written, one = Written(), {"ETH/USD": price("ETH/USD")}
    written.news(one)
    assert written.news(one) == one


def test_a_price_that_stands_is_written_again_soon_among_few() -> None:
    written = Written()
    written.note(prices(FEW))
    assert written.news(prices(FEW, after=AGAIN_SECONDS / 2)) == {}
    assert len(written.news(prices(FEW, after=AGAIN_SECONDS))) == FEW


def test_and_seldom_among_many() -> None:
    written = Written()
    written.note(prices(FEW + 1))
    assert written.news(prices(FEW + 1, after=SELDOM_SECONDS / 2)) == {}
    assert len(written.news(prices(FEW + 1, after=SELDOM_SECONDS))) == FEW + 1
