"""Candles of the paper venue: its own, made of ticks in wall-clock time, after the market's past.

Stands beside the engine, fed with the same ticks; read by OHLC and Ticker. The past (`market.history`)
is re-stamped to end where the bar of the market's first moment begins. A minute without ticks (the
venue was down) is answered as a flat bar without volume. A tick touches the bar of its minute alone;
longer bars are made of finished minutes, so that a thousand pairs cost little four times a second.
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
        return Candle(
            opened_at=self.opened_at,
            open=self.open,
            high=price if price > self.high else self.high,
            low=price if price < self.low else self.low,
            close=price,
            volume=self.volume + volume,
            turnover=self.turnover + price * volume,
            count=self.count + 1,
        )

    def followed_by(self, later: Candle) -> Candle:
        """This bar with one that comes after it in the same interval."""
        return Candle(
            opened_at=self.opened_at,
            open=self.open,
            high=max(self.high, later.high),
            low=min(self.low, later.low),
            close=later.close,
            volume=self.volume + later.volume,
            turnover=self.turnover + later.turnover,
            count=self.count + later.count,
        )

    def within(self, seconds: int) -> Candle:
        """This bar as the first of its interval of so many seconds."""
        return replace(self, opened_at=self.opened_at - self.opened_at % seconds)

    def text(self) -> str:
        return (
            f'[{self.opened_at},"{self.open}","{self.high}","{self.low}","{self.close}",'
            f'"{self.volume}","{self.turnover}",{self.count}]'
        )

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
        self._minutes: dict[str, Candle] = {}  # the one being made, by symbol
        self._longer: dict[tuple[str, int], Candle] = {}  # being made, of finished minutes
        self._whole: dict[tuple[str, int], deque[Candle]] = {}
        self._ended: list[tuple[str, int, int, str]] = []
        self.longer_changed = True  # since it was last stored

    def add(self, ticks: Iterable[Tick], *, now: Decimal, seconds: Decimal) -> None:
        """Ticks that hold for the `seconds` before `now`."""
        opened_at = int(now) - int(now) % 60
        share = seconds / TURNOVER_SECONDS
        for tick in ticks:
            volume = (tick.depth * share).quantize(LOT)
            present = self._minutes.get(tick.symbol)
            if present is not None:
                if opened_at <= present.opened_at:  # also when the wall clock was set back
                    self._minutes[tick.symbol] = present.with_tick(tick.last, volume)
                    continue
                self._finish(tick.symbol, present)
            self._minutes[tick.symbol] = Candle(
                opened_at=opened_at,
                open=tick.last,
                high=tick.last,
                low=tick.last,
                close=tick.last,
                volume=volume,
                turnover=tick.last * volume,
                count=1,
            )

    def _finish(self, symbol: str, minute: Candle) -> None:
        """A minute is over: it is a bar of its own, and a part of the longer ones."""
        self.longer_changed = True
        self._end(symbol, 1, minute)
        for minutes in INTERVALS[1:]:
            part = minute.within(minutes * 60)
            present = self._longer.get((symbol, minutes))
            if present is not None and part.opened_at <= present.opened_at:
                part = present.followed_by(part)
            elif present is not None:
                self._end(symbol, minutes, present)
            self._longer[(symbol, minutes)] = part

    def _end(self, symbol: str, minutes: int, bar: Candle) -> None:
        self._whole.setdefault((symbol, minutes), deque(maxlen=KEPT)).append(bar)
        self._ended.append((symbol, minutes, bar.opened_at, bar.text()))

    def _own(self, symbol: str, minutes: int) -> list[Candle]:
        """The bars made of ticks, with the one being made."""
        bars = list(self._whole.get((symbol, minutes), ()))
        minute, longer = self._minutes.get(symbol), self._longer.get((symbol, minutes))
        if longer is not None:
            bars.append(longer)
        if minute is None:
            return bars
        part = minute.within(minutes * 60)
        if longer is not None and part.opened_at <= longer.opened_at:
            bars[-1] = longer.followed_by(part)
        else:
            bars.append(part)
        return bars

    def read(self, symbol: str, *, minutes: int, now: Decimal, count: int = KEPT) -> list[Candle]:
        """The last `count` bars, oldest first, up to the one that is still being made."""
        seconds = minutes * 60
        own = self._own(symbol, minutes)[-count:]
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
        """The minutes being made, JSON-able."""
        return {
            "began_at": self.began_at,
            "current": [[symbol, 1, bar.text()] for symbol, bar in self._minutes.items()],
        }

    def longer_snapshot(self) -> list[list[Any]]:
        """The longer bars being made, JSON-able: they change once a minute."""
        return [[symbol, minutes, bar.text()] for (symbol, minutes), bar in self._longer.items()]

    def restore(
        self,
        snapshot: dict[str, Any],
        *,
        longer: Iterable[list[Any]],
        ended: Callable[[str, int], Iterable[str]],
    ) -> None:
        """Go on from snapshots and the stored ended bars of each symbol and interval."""
        self.began_at = snapshot["began_at"]
        for symbol, minutes, text in (*snapshot["current"], *longer):
            if minutes == 1:
                self._minutes[symbol] = Candle.of_text(text)
            else:
                self._longer[(symbol, minutes)] = Candle.of_text(text)
        for symbol in self._minutes:
            for minutes in INTERVALS:
                bars = [Candle.of_text(text) for text in ended(symbol, minutes)]
                self._whole[(symbol, minutes)] = deque(bars, maxlen=KEPT)


def joined(told: list[Candle], own: list[Candle]) -> list[Candle]:
    """Bars that somebody else told, in the place of our own of the same time; ours before and after them.

    The last of theirs may still have been in the making: what we saw since is added to its extremes.
    """
    if not told:
        return own
    begin, end = told[0].opened_at, told[-1].opened_at
    last = told[-1]
    same = next((bar for bar in own if bar.opened_at == end), None)
    if same is not None:
        last = replace(last, high=max(last.high, same.high), low=min(last.low, same.low), close=same.close)
    earlier = [bar for bar in own if bar.opened_at < begin]
    return [*earlier, *told[:-1], last, *(bar for bar in own if bar.opened_at > end)]


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
