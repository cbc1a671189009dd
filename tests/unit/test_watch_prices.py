"""Prices in memory: the newest counts, old ones are none, and only news are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from brackets.venue.port import QuoteReading
from brackets.watch.due import is_due
from brackets.watch.prices import AGAIN_SECONDS, FEW, SELDOM_SECONDS, Price, PriceBook, Written

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


def test_a_price_that_a_wrong_clock_dated_gives_way_and_is_none() -> None:
    book, now = PriceBook(), NOON - timedelta(minutes=7)  # the clock was set back since
    book.note(price("ETH/USD", 100).quote, NOON)
    assert book.fresh(["ETH/USD"], now=now, seconds=5) == {}

    book.note(price("ETH/USD", 90).quote, now)

    assert book.fresh(["ETH/USD"], now=now, seconds=5)["ETH/USD"].quote.last == 90


def test_an_answer_that_comes_late_is_no_news() -> None:
    book = PriceBook()
    book.note(price("ETH/USD", 100).quote, NOON)
    assert not book.note(price("ETH/USD", 90).quote, NOON - timedelta(seconds=3))


def test_and_seldom_among_many() -> None:
    written = Written()
    written.note(prices(FEW + 1))
    assert written.news(prices(FEW + 1, after=SELDOM_SECONDS / 2)) == {}
    assert len(written.news(prices(FEW + 1, after=SELDOM_SECONDS))) == FEW + 1


def test_what_was_done_in_the_future_is_due() -> None:
    assert is_due(None, 30, NOON)
    assert not is_due(NOON, 30, NOON + timedelta(seconds=29))
    assert not is_due(NOON, 30, NOON - timedelta(seconds=2))  # another thread's last time
    assert is_due(NOON, 30, NOON - timedelta(minutes=7))
