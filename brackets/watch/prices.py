"""The prices of this moment, in memory: what the stream or a reading last said of each pair.

Written by the loop that hears the stream and by the thread that asks; read by whoever looks at brackets.
A price is as old as when it was heard, or as the question it answered.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from brackets.core.timers import is_awaited, is_long
from brackets.venue.port import QuoteReading

LATE = timedelta(
    seconds=10
)  # an answer may be as late; a price still further ahead was dated by a wrong clock
FEW = 50
AGAIN_SECONDS = 1.0
SELDOM_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Price:
    quote: QuoteReading
    read_at: datetime


class PriceBook:
    """The newest price of each pair."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prices: dict[str, Price] = {}

    def note(self, quote: QuoteReading, read_at: datetime) -> bool:
        """Take a price, unless a newer one is there. Whether bid, ask or last changed."""
        with self._lock:
            before = self._prices.get(quote.symbol)
            if before is not None and is_awaited(before.read_at, read_at, LATE):
                return False
            self._prices[quote.symbol] = Price(quote, read_at)
            return before is None or before.quote != quote

    def fresh(self, symbols: Iterable[str], *, now: datetime, seconds: float) -> dict[str, Price]:
        """The prices of these pairs that are younger than `seconds`; an older one is none."""
        wait = timedelta(seconds=seconds)
        with self._lock:
            found = {symbol: self._prices[symbol] for symbol in symbols if symbol in self._prices}
        return {symbol: price for symbol, price in found.items() if not is_long(price.read_at, now, wait)}


class Written:
    """Which prices the database knows already. One that stands where it was is written again now and then,
    so that a page and another process see that it still holds; of a few pairs soon, of thousands seldom:
    who needs it fresher asks the venue."""

    def __init__(self) -> None:
        self._known: dict[str, Price] = {}

    def news(self, prices: Mapping[str, Price]) -> dict[str, Price]:
        """Those that are to be written now."""
        seconds = AGAIN_SECONDS if len(prices) <= FEW else SELDOM_SECONDS
        again = timedelta(seconds=seconds)
        return {
            symbol: price
            for symbol, price in prices.items()
            if (known := self._known.get(symbol)) is None
            or known.quote != price.quote
            or is_long(known.read_at, price.read_at, again)
        }

    def note(self, written: Mapping[str, Price]) -> None:
        """These are in the database now."""
        self._known.update(written)
