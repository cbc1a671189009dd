"""The prices of this moment, in memory: what the stream or a reading last said of each pair.

Written by the loop that hears the stream and by the thread that asks; read by whoever looks at brackets.
A price is as old as when it was heard, or as the question it answered.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from brackets.venue.port import QuoteReading


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
            if before is not None and read_at < before.read_at:
                return False
            self._prices[quote.symbol] = Price(quote, read_at)
            return before is None or before.quote != quote

    def fresh(self, symbols: Iterable[str], *, now: datetime, seconds: float) -> dict[str, Price]:
        """The prices of these pairs that are younger than `seconds`; an older one is none."""
        youngest = now - timedelta(seconds=seconds)
        with self._lock:
            found = {symbol: self._prices[symbol] for symbol in symbols if symbol in self._prices}
        return {symbol: price for symbol, price in found.items() if price.read_at > youngest}
