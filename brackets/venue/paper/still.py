"""A market in which nothing moves by itself: any other market, stopped where it stands.

For benchmarks with thousands of pairs, whose prices would cost the venue more than what is measured. Prices
move only where the control channel puts them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from brackets.venue.paper.market import Bar, Market, Tick, candle_seconds


class StillMarket:
    """See `market.Market` for what its methods promise."""

    def __init__(self, market: Market) -> None:
        self._market = market

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._market.symbols

    def advance(self, seconds: Decimal) -> tuple[Tick, ...]:
        candle_seconds(seconds, speed=Decimal(1))  # refuses what is no duration
        return ()

    def ticks(self) -> tuple[Tick, ...]:
        return self._market.ticks()

    def history(self, symbol: str, *, minutes: int, count: int) -> tuple[Bar, ...]:
        return self._market.history(symbol, minutes=minutes, count=count)

    def snapshot(self) -> dict[str, Any]:
        return self._market.snapshot()

    def restore(self, snapshot: dict[str, Any]) -> None:
        self._market.restore(snapshot)
