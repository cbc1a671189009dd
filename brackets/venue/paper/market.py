"""Where the paper venue's prices come from: the interface of a market, and the one door to make one.

Stands beside the matching engine: the server asks its market for ticks as wall time passes and hands
them to the engine. A market has no clock and no global randomness; what it will say next is decided by
its seed or file, the seconds it was advanced, and nothing else, so a snapshot continues it exactly.
The synthetic market is in `synthetic.py`, the candle file in `candles.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Protocol

_TICK_SIZES = {
    "BTC/USD": Decimal("0.1"),
    "ETH/USD": Decimal("0.01"),
    "SOL/USD": Decimal("0.01"),
    "XRP/USD": Decimal("0.00001"),
    "ADA/USD": Decimal("0.000001"),
    "LTC/USD": Decimal("0.01"),
}
TICK_SIZES = MappingProxyType(_TICK_SIZES)  # `pairs.list_pair` adds to them
LOT_STEP = Decimal("0.00000001")  # depth and volume, base coins
LOWEST_PRICE_TICKS = 2  # so that a bid one tick below it is still a price
SLOWEST, FASTEST = Decimal("0.001"), Decimal("1000000")  # candle seconds a wall second
SYNTHETIC_SPEED, CANDLE_SPEED = Decimal("1200"), Decimal("60")
DEFAULT_SEED = 1
LONGEST_ADVANCE = Decimal("1000000000")  # wall seconds, thirty years: beyond it is a broken clock
TIME_STEP = Decimal("0.000000001")  # wall and candle seconds are counted in nanoseconds


class BadMarket(ValueError):
    """The market asked for cannot be made or continued; one sentence: what was wrong, what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The state of one pair at one moment; prices in quote currency on the pair's tick grid."""

    symbol: str
    bid: Decimal  # always below ask
    ask: Decimal
    last: Decimal  # bid < last <= ask; of a feed: wherever the last trade was
    depth: Decimal  # base coins available per side this tick near the top before slippage grows
    traded: bool = True  # whether `last` is of a trade since the tick before


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One candle: prices in quote currency, volume in base coins."""

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


class Market(Protocol):
    """A source of prices that moves only when it is advanced."""

    @property
    def symbols(self) -> tuple[str, ...]: ...

    def advance(self, seconds: Decimal) -> tuple[Tick, ...]:
        """Let `seconds` of wall time pass; the new tick of every symbol that has one.

        Raises ValueError when `seconds` is negative, not finite, or above LONGEST_ADVANCE.
        """
        ...

    def ticks(self) -> tuple[Tick, ...]:
        """The present tick of every symbol; nothing moves."""
        ...

    def history(self, symbol: str, *, minutes: int, count: int) -> tuple[Bar, ...]:
        """At most `count` bars that ended when the market began, oldest first.

        One bar is `minutes` wall minutes, that is `minutes` x speed candle minutes. Fewer bars come
        back where a candle file has no more. Raises ValueError for a symbol that is not of this
        market, and for minutes or count below 1.
        """
        ...

    def snapshot(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able."""
        ...

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot as if nothing had happened.

        Raises BadMarket, and changes nothing, when it was taken of another market or is damaged.
        """
        ...


def build_market(*, market: str, start: str, speed: str, seed: str, pairs: int | None = None) -> Market:
    """The market named by four environment texts; an empty text means the default.

    `pairs` asks for so many synthetic pairs instead of the usual six, and lists them.

    `market` is `synthetic` or the path of a candle file, `start` an ISO time inside the file (UTC
    where it names no offset), `speed` candle seconds a wall second, `seed` a whole number.
    Raises BadMarket.
    """
    # Imported here because both build on the values above: the interface stays importable alone.
    from brackets.venue.paper.candles import CandleMarket, load_candles
    from brackets.venue.paper.crowd import crowd
    from brackets.venue.paper.synthetic import SyntheticMarket

    chosen = market.strip() or "synthetic"
    whole_seed = _seed(seed)
    if chosen.lower() == "synthetic":
        if start.strip():
            raise BadMarket(
                f"PAPER_START is {start.strip()!r}, but the synthetic market has no calendar; "
                "unset it, or name a candle file in PAPER_MARKET."
            )
        pace = _speed(speed, SYNTHETIC_SPEED)
        if pairs is None:
            return SyntheticMarket(seed=whole_seed, speed=pace)
        return SyntheticMarket(seed=whole_seed, speed=pace, coins=crowd(pairs))
    if pairs is not None:
        raise BadMarket("a number of pairs was given, but only the synthetic market can have more or fewer.")
    # Speed first: a wrong number is said before a large file is read.
    pace = _speed(speed, CANDLE_SPEED)
    return CandleMarket(load_candles(chosen), start=start.strip(), speed=pace)


def tick_around(*, symbol: str, last_ticks: int, spread_bps: Decimal, depth: Decimal) -> Tick:
    """The tick whose last price is `last_ticks` tick sizes, with about that spread, at least one tick."""
    tick_size = TICK_SIZES[symbol]
    spread = max(1, int((last_ticks * spread_bps / 10000).to_integral_value(ROUND_HALF_EVEN)))
    above = spread // 2
    return Tick(
        symbol=symbol,
        bid=(last_ticks - (spread - above)) * tick_size,
        ask=(last_ticks + above) * tick_size,
        last=last_ticks * tick_size,
        depth=max(depth.quantize(LOT_STEP), LOT_STEP),
    )


def list_symbol(symbol: str, tick_size: Decimal) -> None:
    """Let a further symbol have prices. Called through `pairs.list_pair` alone."""
    _TICK_SIZES[symbol] = tick_size


def unlist_symbol(symbol: str) -> None:
    """Forget a symbol that was listed. Called through `pairs` alone."""
    del _TICK_SIZES[symbol]


def candle_seconds(wall_seconds: Decimal, *, speed: Decimal) -> Decimal:
    """How far wall seconds carry a market, in candle seconds. Raises ValueError when they are no duration."""
    if not wall_seconds.is_finite() or not 0 <= wall_seconds <= LONGEST_ADVANCE:
        raise ValueError(f"a market cannot be advanced by {wall_seconds} seconds")
    return (wall_seconds * speed).quantize(TIME_STEP)


def check_history(symbols: tuple[str, ...], symbol: str, *, minutes: int, count: int) -> None:
    """Raise ValueError when `history` is asked for something no market can have."""
    if symbol not in symbols:
        raise ValueError(f"this market has no {symbol}; it has {', '.join(symbols)}")
    if minutes < 1 or count < 1:
        raise ValueError(f"history needs minutes and count of at least 1, not {minutes} and {count}")


def _speed(text: str, default: Decimal) -> Decimal:
    if not text.strip():
        return default
    try:
        speed = Decimal(text.strip())
    except InvalidOperation:
        raise BadMarket(
            f"PAPER_SPEED is {text.strip()!r}, which is not a number; give candle seconds a second, like 60."
        ) from None
    if not speed.is_finite() or not SLOWEST <= speed <= FASTEST:
        raise BadMarket(
            f"PAPER_SPEED is {text.strip()}; it must be a positive number of candle seconds a second, "
            f"from {SLOWEST} to {FASTEST}."
        )
    return speed


def _seed(text: str) -> int:
    try:
        return int(text.strip() or DEFAULT_SEED)
    except ValueError:
        raise BadMarket(
            f"PAPER_SEED is {text.strip()!r}, which is not an integer; give a whole number, like 1."
        ) from None
