"""Candles of the paper venue: its own, made of ticks in wall-clock time, after the market's past.

Stands beside the engine, fed with the same ticks; read by OHLC and Ticker. The past (`market.history`)
is re-stamped to end where the bar of the market's first moment begins. A minute without ticks (the
venue was down) is answered as a flat bar without volume.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from brackets.venue.paper.market import Bar, Tick

INTERVALS = (1, 5, 15, 30, 60, 240, 1440)  # minutes
KEPT = 720  # bars of each interval, as many as Kraken answers
# A pair trades about its depth in a second: what the volume of our own bars is made of.
TURNOVER_SECONDS = Decimal(1)
LOT = Decimal("0.00000001")

# (symbol, minutes, count) -> the bars before the first moment, oldest first
Past = Callable[[str, int, int], tuple[Bar, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One bar. `opened_at` in whole Unix seconds, prices in quote currency, volume in base coins."""

    opened_at: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    turnover: Decimal  # sum of price x volume
    count: int

    @property
    def average(self) -> Decimal:
        return self.turnover / self.volume if self.volume else self.close

    def with_tick(self, price: Decimal, volume: Decimal) -> Candle:
        return replace(
            self,
            high=max(self.high, price),
            low=min(self.low, price),
            close=price,
            volume=self.volume + volume,
            turnover=self.turnover + price * volume,
            count=self.count + 1,
        )

    def text(self) -> str:
        prices = (self.open, self.high, self.low, self.close, self.volume, self.turnover)
        return json.dumps([self.opened_at, *map(str, prices), self.count])

    @classmethod
    def of_text(cls, text: str) -> Candle:
        opened_at, first, high, low, close, volume, turnover, count = json.loads(text)
        return cls(
            opened_at=opened_at,
            open=Decimal(first),
            high=Decimal(high),
            low=Decimal(low),
            close=Decimal(close),
            volume=Decimal(volume),
            turnover=Decimal(turnover),
            count=count,
        )


class Candles:
    """The bars of all symbols and intervals. `began_at` is the market's first moment (Unix seconds)."""

    def __init__(self, *, began_at: int, past: Past) -> None:
        self.began_at = began_at
        self._past = past
        self._past_read: dict[tuple[str, int], tuple[int, list[Candle]]] = {}
        self._own: dict[tuple[str, int], deque[Candle]] = {}
        self._ended: list[tuple[str, int, int, str]] = []

    def add(self, ticks: Iterable[Tick], *, now: Decimal, seconds: Decimal) -> None:
        """Ticks that hold for the `seconds` before `now`."""
        for tick in ticks:
            volume = (tick.depth * seconds / TURNOVER_SECONDS).quantize(LOT)
            for minutes in INTERVALS:
                self._add(tick.symbol, minutes, int(now), tick.last, volume)

    def _add(self, symbol: str, minutes: int, now: int, price: Decimal, volume: Decimal) -> None:
        bars = self._own.setdefault((symbol, minutes), deque(maxlen=KEPT))
        opened_at = now - now % (minutes * 60)
        if bars and opened_at <= bars[-1].opened_at:  # also when the wall clock was set back
            bars[-1] = bars[-1].with_tick(price, volume)
            return
        if bars:
            self._ended.append((symbol, minutes, bars[-1].opened_at, bars[-1].text()))
        fresh = Candle(
            opened_at=opened_at,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=volume,
            turnover=price * volume,
            count=1,
        )
        bars.append(fresh)

    def read(self, symbol: str, *, minutes: int, now: Decimal, count: int = KEPT) -> list[Candle]:
        """The last `count` bars, oldest first, up to the one that is still being made."""
        seconds = minutes * 60
        own = list(self._own.get((symbol, minutes), ()))[-count:]
        bars = own if len(own) == count else [*self._history(symbol, minutes, count), *own]
        present = int(now) - int(now) % seconds
        filled: list[Candle] = []
        for bar in bars:
            if filled:
                filled.extend(_flat(filled[-1], until=bar.opened_at, seconds=seconds))
            filled.append(bar)
        if filled:
            filled.extend(_flat(filled[-1], until=present + seconds, seconds=seconds))
        return filled[-count:]

    def _history(self, symbol: str, minutes: int, count: int) -> list[Candle]:
        """The market's past, which never changes: read once, and again only when more of it is wanted."""
        key = (symbol, minutes)
        wanted, known = self._past_read.get(key, (0, []))
        if wanted < count:
            seconds = minutes * 60
            end = self.began_at - self.began_at % seconds
            bars = self._past(symbol, minutes, count)
            known = [
                _of_the_past(bar, opened_at=end - seconds * (len(bars) - index))
                for index, bar in enumerate(bars)
            ]
            self._past_read[key] = (count, known)
        return known

    # --- for those who store it --------------------------------------------------------------------

    def take_ended(self) -> list[tuple[str, int, int, str]]:
        """The bars that ended since this was last called: (symbol, minutes, opened_at, text)."""
        taken, self._ended = self._ended, []
        return taken

    def snapshot(self) -> dict[str, Any]:
        """The bars still being made, JSON-able."""
        return {
            "began_at": self.began_at,
            "current": [[s, minutes, bars[-1].text()] for (s, minutes), bars in self._own.items() if bars],
        }

    def restore(self, snapshot: dict[str, Any], *, ended: Callable[[str, int], Iterable[str]]) -> None:
        """Go on from a snapshot and the stored ended bars of each symbol and interval."""
        self.began_at = snapshot["began_at"]
        for symbol, minutes, text in snapshot["current"]:
            bars = [Candle.of_text(stored) for stored in ended(symbol, minutes)]
            self._own[(symbol, minutes)] = deque([*bars, Candle.of_text(text)], maxlen=KEPT)


def _flat(before: Candle, *, until: int, seconds: int) -> Iterable[Candle]:
    """Bars without a trade after `before` and before `until`, at most KEPT of them."""
    first = max(before.opened_at + seconds, until - KEPT * seconds)
    price, nothing = before.close, Decimal(0)
    for opened_at in range(first, until, seconds):
        yield Candle(
            opened_at=opened_at,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=nothing,
            turnover=nothing,
            count=0,
        )


def _of_the_past(bar: Bar, *, opened_at: int) -> Candle:
    middle = (bar.high + bar.low + bar.close) / 3
    return Candle(
        opened_at=opened_at,
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        turnover=middle * bar.volume,
        count=int(bool(bar.volume)),
    )
