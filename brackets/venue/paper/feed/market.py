"""The market of paper mode: another venue's real prices, as they arrive.

Stands behind the venue like any market, and is told quotes by `feed/source.py`. Where no news arrives it
stands still: nothing is filled any more but what takes the last offers that were told. It has no past of
its own; bars come from the feed, the venue's own are made of the ticks.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from brackets.venue.paper.bars import Candle
from brackets.venue.paper.feed.parsing import Quote
from brackets.venue.paper.market import BadMarket, Bar, Tick, candle_seconds, check_history

FIELDS = ("bid", "ask", "last", "depth")


class FeedMarket:
    """See `market.Market` for what its methods promise; `advance` returns only ticks that are news."""

    def __init__(self, quotes: Iterable[Quote], *, symbols: Iterable[str]) -> None:
        """`symbols` may trade; they do as soon as they have a price."""
        self._may = frozenset(symbols)
        self._ticks: dict[str, Tick] = {}
        self._traded: dict[str, Decimal] = {}
        self._news: dict[str, Tick] = {}
        self._bars: dict[tuple[str, int], list[Candle]] = {}
        self.hear(quotes)

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._ticks)

    def hear(self, quotes: Iterable[Quote]) -> None:
        """News of the feed. What is not news changes nothing: the offers of a moment can be taken once."""
        for quote in quotes:
            if quote.symbol not in self._may:
                continue
            before = self._ticks.get(quote.symbol)
            traded = before is None or (
                quote.last != before.last or quote.traded != self._traded.get(quote.symbol, quote.traded)
            )
            tick = Tick(
                symbol=quote.symbol,
                bid=quote.bid,
                ask=quote.ask,
                last=quote.last,
                depth=quote.depth,
                traded=traded,
            )
            self._traded[quote.symbol] = quote.traded
            if before is None or traded or any(getattr(tick, n) != getattr(before, n) for n in FIELDS):
                self._ticks[quote.symbol] = self._news[quote.symbol] = tick

    def learn(self, symbol: str, *, minutes: int, bars: list[Candle]) -> None:
        """The feed's bars of a pair, for those who ask for candles."""
        self._bars[(symbol, minutes)] = bars

    def bars(self, symbol: str, minutes: int) -> list[Candle]:
        """The feed's bars as far as they are known, oldest first."""
        return self._bars.get((symbol, minutes), [])

    def advance(self, seconds: Decimal) -> tuple[Tick, ...]:
        candle_seconds(seconds, speed=Decimal(1))  # refuses what is no duration
        news, self._news = self._news, {}
        return tuple(news.values())

    def ticks(self) -> tuple[Tick, ...]:
        return tuple(self._ticks.values())

    def history(self, symbol: str, *, minutes: int, count: int) -> tuple[Bar, ...]:
        check_history(self.symbols, symbol, minutes=minutes, count=count)
        return ()

    def snapshot(self) -> dict[str, Any]:
        return {
            "market": "feed",
            "ticks": {
                tick.symbol: [str(getattr(tick, name)) for name in FIELDS] for tick in self._ticks.values()
            },
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Prices that arrived since are newer than stored ones, and stay."""
        if snapshot.get("market") != "feed":
            raise BadMarket(
                f"the stored state is of the market {snapshot.get('market')!r}, not of a feed; "
                "start with the same market, or with another database."
            )
        try:
            for symbol, texts in snapshot["ticks"].items():
                values = dict(zip(FIELDS, map(Decimal, texts), strict=True))
                self._ticks.setdefault(symbol, Tick(symbol=symbol, traded=False, **values))
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise BadMarket(
                f"the stored prices of the feed are damaged ({error}); start with another database."
            ) from None
