"""The candle market: one pair that follows a file of real candles, at a chosen speed.

Stands behind `market.build_market`. Only the position in time changes; the price at a position is a
pure function of the file. Within a bar the price goes open -> first extreme -> second extreme -> close
in straight lines (rising bars touch the low first, falling bars the high first); from one bar to the
next it jumps as the file does, and where bars are missing it holds. A tick is the price at its moment:
an extreme that lies between two moments is not dwelt on, which is how stops gap.

Prices are whole ticks and volumes whole lots, in arrays: ten years of hours are a few megabytes.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from brackets.venue.paper.market import (
    LOT_STEP,
    LOWEST_PRICE_TICKS,
    TICK_SIZES,
    BadMarket,
    Bar,
    Tick,
    candle_seconds,
    check_history,
    tick_around,
)

FILE_NAME = re.compile(r"(?:.*_)?(?P<pair>[A-Za-z]+)_(?P<length>[1-9]\d*)(?P<unit>[mhd])\.csv(?:\.gz)?")
UNIT_SECONDS = MappingProxyType({"m": 60, "h": 3600, "d": 86400})
PAIR_NAMES = MappingProxyType(
    {symbol.replace("/", ""): symbol for symbol in TICK_SIZES} | {"XBTUSD": "BTC/USD"}
)
COLUMNS = ["timestamp", "open", "high", "low", "close", "volume"]  # a seventh, trades, is not read
# The extremes fall at two and four fifths of a bar: whole minutes of a five-minute bar, so that the
# usual steps (a second at 60 candle seconds a second) land on them.
FIRST_EXTREME, SECOND_EXTREME = Decimal("0.4"), Decimal("0.8")
# Spread by how much is traded in a candle minute (USD): the thinner, the wider.
SPREADS_BPS = ((Decimal(100_000), Decimal(1)), (Decimal(20_000), Decimal(2)), (Decimal(5_000), Decimal(5)))
WIDEST_SPREAD_BPS = Decimal(10)
THINNEST_DEPTH_USD = Decimal(5_000)  # a market maker stands there even when nobody trades


@dataclass(slots=True, kw_only=True)
class Candles:
    """The bars of one file, oldest first; times in Unix seconds, prices in ticks, volumes in lots."""

    name: str  # of the file, without its folder
    symbol: str
    bar_seconds: int
    opened_at: array[int] = field(default_factory=lambda: array("q"))
    opens: array[int] = field(default_factory=lambda: array("q"))
    highs: array[int] = field(default_factory=lambda: array("q"))
    lows: array[int] = field(default_factory=lambda: array("q"))
    closes: array[int] = field(default_factory=lambda: array("q"))
    volumes: array[int] = field(default_factory=lambda: array("q"))

    @property
    def begins_at(self) -> int:
        return self.opened_at[0]

    @property
    def ends_at(self) -> int:
        return self.opened_at[-1] + self.bar_seconds

    def bar_at(self, position: Decimal) -> int | None:
        """The bar in which `position` falls, None where the file has none."""
        index = bisect_right(self.opened_at, position) - 1
        if index >= 0 and position < self.opened_at[index] + self.bar_seconds:
            return index
        return None

    def price_at(self, position: Decimal) -> int:
        """The price in ticks at a position in Unix seconds, not before the first bar."""
        index = self.bar_at(position)
        if index is None:
            return self.closes[bisect_right(self.opened_at, position) - 1]
        share = (position - self.opened_at[index]) / self.bar_seconds
        path = self.path(index)
        for (begin, here), (end, there) in pairwise(path):
            if share < end:
                way = (share - begin) / (end - begin)
                return here + int(((there - here) * way).to_integral_value(ROUND_HALF_EVEN))
        return path[-1][1]

    def path(self, index: int) -> tuple[tuple[Decimal, int], ...]:
        """The corners of a bar's price path: share of the bar's length, price in ticks."""
        extremes = (self.lows[index], self.highs[index])
        if self.closes[index] < self.opens[index]:
            extremes = extremes[::-1]
        return (
            (Decimal(0), self.opens[index]),
            (FIRST_EXTREME, extremes[0]),
            (SECOND_EXTREME, extremes[1]),
            (Decimal(1), self.closes[index]),
        )


class CandleMarket:
    """A market that replays a candle file; see `market.Market` for what its methods promise."""

    def __init__(self, candles: Candles, *, start: str, speed: Decimal) -> None:
        """Raises BadMarket when `start` is no time or lies outside the file."""
        self.symbols: tuple[str, ...] = (candles.symbol,)
        self._candles = candles
        self._speed = speed
        self._start = _start(start, candles)
        self._position = self._start

    def advance(self, seconds: Decimal) -> tuple[Tick, ...]:
        self._position += candle_seconds(seconds, speed=self._speed)
        return self.ticks()

    def ticks(self) -> tuple[Tick, ...]:
        candles = self._candles
        last_ticks = candles.price_at(self._position)
        price = last_ticks * TICK_SIZES[candles.symbol]
        index = candles.bar_at(self._position)
        lots = candles.volumes[index] if index is not None else 0
        a_minute = lots * LOT_STEP * 60 / candles.bar_seconds  # base coins traded in a candle minute
        spread = next((bps for least, bps in SPREADS_BPS if a_minute * price >= least), WIDEST_SPREAD_BPS)
        return (
            tick_around(
                symbol=candles.symbol,
                last_ticks=last_ticks,
                spread_bps=spread,
                depth=max(a_minute, THINNEST_DEPTH_USD / price),
            ),
        )

    def history(self, symbol: str, *, minutes: int, count: int) -> tuple[Bar, ...]:
        check_history(self.symbols, symbol, minutes=minutes, count=count)
        length = minutes * 60 * self._speed
        bars = []
        for age in range(count):
            end = self._start - age * length
            if end - length < self._candles.begins_at:
                break
            bars.append(_bar_between(self._candles, end - length, end))
        return tuple(reversed(bars))

    def snapshot(self) -> dict[str, Any]:
        return {
            "market": "candles",
            "file": self._candles.name,
            "start": str(self._start),
            "position": str(self._position),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        stored = (snapshot.get("market"), snapshot.get("file"))
        if stored != ("candles", self._candles.name):
            raise BadMarket(
                f"the stored state is of the market {stored[1] or stored[0]!r}, not {self._candles.name!r}; "
                "start with the same PAPER_MARKET, or with another database."
            )
        try:
            start, position = Decimal(snapshot["start"]), Decimal(snapshot["position"])
            if not self._candles.begins_at <= start <= position < Decimal("Infinity"):
                raise ValueError("its times do not fit the file")
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise BadMarket(
                f"the stored state of the market {self._candles.name!r} is damaged ({error}); "
                "restore a copy of it, or start with another database."
            ) from None
        self._start, self._position = start, position


def _bar_between(candles: Candles, begin: Decimal, end: Decimal) -> Bar:
    """The candle of the price path over [begin, end), `begin` not before the first bar."""
    opened, length = candles.opened_at, candles.bar_seconds
    overlapping = range(bisect_right(opened, begin - length), bisect_left(opened, end))
    inner = slice(overlapping.start + 1, overlapping.stop - 1)  # whole for certain
    prices = [candles.price_at(begin), *candles.highs[inner], *candles.lows[inner]]
    lots = Decimal(sum(candles.volumes[inner]))
    # The first and the last may be cut by the window: they count with the part inside it.
    for index in {*overlapping[:1], *overlapping[-1:]}:
        since = max(begin, Decimal(opened[index]))
        until = min(end, Decimal(opened[index] + length))
        corners = ((opened[index] + share * length, price) for share, price in candles.path(index))
        prices += [price for moment, price in corners if since <= moment < until]
        prices += [candles.price_at(since), _price_before(candles, until)]
        lots += candles.volumes[index] * (until - since) / length
    close = _price_before(candles, end)
    tick_size = TICK_SIZES[candles.symbol]
    return Bar(
        open=prices[0] * tick_size,
        high=max(*prices, close) * tick_size,
        low=min(*prices, close) * tick_size,
        close=close * tick_size,
        volume=(lots * LOT_STEP).quantize(LOT_STEP),
    )


def _price_before(candles: Candles, moment: Decimal) -> int:
    """The price the path comes from at `moment`: a bar's close, where another opens just then."""
    index = bisect_left(candles.opened_at, moment) - 1
    if moment >= candles.opened_at[index] + candles.bar_seconds:
        return candles.closes[index]
    return candles.price_at(moment)


def _start(text: str, candles: Candles) -> Decimal:
    if not text:
        return Decimal(candles.begins_at)
    try:
        start = _unix_seconds(text)
    except ValueError:
        raise BadMarket(
            f"PAPER_START is {text!r}, which is not a time; give one like 2024-08-05T00:30:00Z."
        ) from None
    if not candles.begins_at <= start < candles.ends_at:
        first, last = (datetime.fromtimestamp(at, UTC) for at in (candles.begins_at, candles.ends_at))
        raise BadMarket(
            f"PAPER_START is {text}, but {candles.name} goes from {first:%Y-%m-%dT%H:%M:%SZ} "
            f"to {last:%Y-%m-%dT%H:%M:%SZ}; choose a time inside that range."
        )
    return start


def _unix_seconds(text: str) -> Decimal:
    """Seconds since 1970 of an ISO time, UTC where it names no offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Decimal(since.days * 86400 + since.seconds) + Decimal(since.microseconds) / 1_000_000


def load_candles(path_text: str) -> Candles:
    """Read a candle file whole (70,000 rows take less than a second). Raises BadMarket."""
    path = Path(path_text).expanduser()
    candles = _named(path)
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as text:
            _read(csv.reader(text), candles)
    except FileNotFoundError:
        raise BadMarket(f"PAPER_MARKET names {path}, but there is no such file; check the path.") from None
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise BadMarket(
            f"the candle file {path} cannot be read ({_plainly(error)}); check or fetch it again."
        ) from None
    if not candles.opened_at:
        raise BadMarket(f"the candle file {path} has no bars; give one with at least one row.")
    return candles


def _plainly(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _named(path: Path) -> Candles:
    """An empty set of bars, with the pair and the bar's length that the file's name tells."""
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise BadMarket(
            f"PAPER_MARKET is {str(path)!r}, which is neither synthetic nor a candle file's name; "
            "name the file like kraken_ETHUSD_5m.csv.gz."
        )
    symbol = PAIR_NAMES.get(match["pair"].upper())
    if symbol is None:
        raise BadMarket(
            f"the candle file {path.name} is of the unknown pair {match['pair']}; "
            f"known are {', '.join(PAIR_NAMES)}."
        )
    return Candles(
        name=path.name, symbol=symbol, bar_seconds=int(match["length"]) * UNIT_SECONDS[match["unit"]]
    )


def _read(rows: Iterator[list[str]], candles: Candles) -> None:
    header = [name.strip().lower() for name in next(rows, [])]
    if header not in (COLUMNS, [*COLUMNS, "trades"]):
        raise BadMarket(
            f"the candle file {candles.name} has the columns {','.join(header) or '(none)'}; "
            f"they must be {','.join(COLUMNS)}[,trades]."
        )
    before = None
    for line, row in enumerate(rows, start=2):
        try:
            before = _append(row, candles, before=before)
        except (ValueError, ArithmeticError) as error:
            reason = str(error) if isinstance(error, ValueError) else "not a number, or out of range"
            raise BadMarket(
                f"line {line} of the candle file {candles.name} is wrong ({reason}): {','.join(row)!r}; "
                "correct or remove it."
            ) from None


def _append(row: list[str], candles: Candles, *, before: int | None) -> int:
    """Add one row's bar; its opening time. Raises ValueError or ArithmeticError: what is wrong."""
    if len(row) not in (len(COLUMNS), len(COLUMNS) + 1):
        raise ValueError(f"{len(row)} columns")
    opened_at = int(_unix_seconds(row[0]))
    if before is not None and opened_at < before + candles.bar_seconds:
        raise ValueError("it begins before the bar above it ends")
    values = [Decimal(text) for text in row[1:6]]
    if not all(value.is_finite() for value in values):
        raise ValueError("not a finite number")
    _check_bar(values)
    tick_size = TICK_SIZES[candles.symbol]
    open_, high, low, close = (_whole(value / tick_size) for value in values[:4])
    if low < LOWEST_PRICE_TICKS:
        raise ValueError(f"a price below {LOWEST_PRICE_TICKS * tick_size}, too low for the pair's tick")
    candles.volumes.append(_whole(values[4] / LOT_STEP))  # may overflow: before anything is added
    for column, value in (
        (candles.opened_at, opened_at),
        (candles.opens, open_),
        (candles.highs, high),
        (candles.lows, low),
        (candles.closes, close),
    ):
        column.append(value)
    return opened_at


def _check_bar(values: Iterable[Decimal]) -> None:
    open_, high, low, close, volume = values
    if low <= 0:
        raise ValueError("a price that is not positive")
    if volume < 0:
        raise ValueError("a negative volume")
    if high < low:
        raise ValueError("high below low")
    if not (low <= open_ <= high and low <= close <= high):
        raise ValueError("open or close outside low and high")


def _whole(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_HALF_EVEN))
