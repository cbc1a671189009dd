"""A market with a hand on it: any other market, whose prices a test may put, freeze and let go again.

Stands between the venue and its market where a control channel is open. What was put by hand is part of
the snapshot, and so survives a restart; a venue started without a control channel forgets it.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from brackets.venue.paper.market import Bar, Market, Tick
from brackets.venue.paper.pairs import PAIRS

FIELDS = ("bid", "ask", "last", "depth")


class HandledMarket:
    """See `market.Market` for what its methods promise."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.frozen = False
        self.put_by_hand: dict[str, Tick] = {}
        self.depths: dict[str, Decimal] = {}
        self._let_go: set[str] = set()  # whose own prices are news again

    @property
    def symbols(self) -> tuple[str, ...]:
        return self._market.symbols

    def put(
        self, symbol: str, *, last: Decimal, bid: Decimal | None = None, ask: Decimal | None = None
    ) -> None:
        """Hold a pair at a price: bought at `last` and sold one tick below, if nothing else is said.

        Raises ValueError for a price that is none.
        """
        size = PAIRS[symbol].tick_size
        bid, ask = last - size if bid is None else bid, last if ask is None else ask
        if not 0 < bid < ask or not bid <= last <= ask or any(price % size for price in (bid, ask, last)):
            raise ValueError(f"bid {bid}, last {last}, ask {ask} is no price of {symbol}")
        depth = next(tick.depth for tick in self.ticks() if tick.symbol == symbol)
        self.put_by_hand[symbol] = Tick(symbol=symbol, bid=bid, ask=ask, last=last, depth=depth)

    def release(self) -> None:
        """The market's own prices again."""
        self.frozen = False
        self._let_go = {*self.put_by_hand, *self.depths}
        self.put_by_hand.clear()
        self.depths.clear()

    def advance(self, seconds: Decimal) -> tuple[Tick, ...]:
        moved = () if self.frozen else self._market.advance(seconds)
        news = {tick.symbol for tick in moved} | self.put_by_hand.keys() | self.depths.keys() | self._let_go
        self._let_go = set()
        return tuple(tick for tick in self.ticks() if self.frozen or tick.symbol in news)

    def ticks(self) -> tuple[Tick, ...]:
        return self._handled(self._market.ticks())

    def history(self, symbol: str, *, minutes: int, count: int) -> tuple[Bar, ...]:
        return self._market.history(symbol, minutes=minutes, count=count)

    def snapshot(self) -> dict[str, Any]:
        by_hand = {
            "frozen": self.frozen,
            "put": {
                symbol: {name: str(getattr(tick, name)) for name in FIELDS}
                for symbol, tick in self.put_by_hand.items()
            },
            "depths": {symbol: str(depth) for symbol, depth in self.depths.items()},
        }
        return self._market.snapshot() | {"by_hand": by_hand}

    def restore(self, snapshot: dict[str, Any]) -> None:
        self._market.restore(snapshot)
        by_hand = snapshot.get("by_hand", {})
        self.frozen = by_hand.get("frozen", False)
        self.depths = {symbol: Decimal(depth) for symbol, depth in by_hand.get("depths", {}).items()}
        self.put_by_hand = {
            symbol: _stored(symbol, stored) for symbol, stored in by_hand.get("put", {}).items()
        }

    def _handled(self, ticks: tuple[Tick, ...]) -> tuple[Tick, ...]:
        if not self.put_by_hand and not self.depths:
            return ticks
        return tuple(self._one(tick) for tick in ticks)

    def _one(self, tick: Tick) -> Tick:
        tick = self.put_by_hand.get(tick.symbol, tick)
        depth = self.depths.get(tick.symbol)
        return tick if depth is None else replace(tick, depth=depth)


def _stored(symbol: str, stored: dict[str, str]) -> Tick:
    bid, ask, last, depth = (Decimal(stored[name]) for name in FIELDS)
    return Tick(symbol=symbol, bid=bid, ask=ask, last=last, depth=depth)
