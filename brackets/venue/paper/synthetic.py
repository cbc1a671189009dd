"""The synthetic market: six pairs that move like coins do, from a seed, knowing nothing of brackets.

Stands behind `market.build_market`. Each pair's log price is driven by its own factor and one common
market factor. A factor is always in one of four regimes; when it leaves one, each of the other three
is as likely, so the share of time spent in a regime is its mean duration over the sum of them, and
the drift is mean-zero exactly when sum(duration x drift) is. Within a regime: a Gaussian mixture
(fat tails) plus Poisson jumps (gaps). Log prices are pulled weakly back to where they began
(Ornstein-Uhlenbeck), so that a market running for weeks goes neither to zero nor to infinity.

Floats live inside the process only; a price leaves it as a whole number of ticks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from random import Random
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

DAY = 86400.0
YEAR = 365 * DAY
PULL = math.log(2) / (60 * DAY)  # per candle second: half of a deviation is gone in 60 days
LONGEST_STEP = 300.0  # candle seconds; far below the shortest regime
MOST_STEPS = 1000  # per advance: after a long sleep the steps grow instead of the work
WIDEST = 4.0  # the log price stays within a factor of e^4 of the start, whatever happens
WILD_CHANCE, WILD_SCALE = 0.02, 4.0  # the mixture: a fiftieth of the steps is four times as wide,
CALM_SCALE = math.sqrt((1 - WILD_CHANCE * WILD_SCALE**2) / (1 - WILD_CHANCE))  # and variance stays 1
JUMP_SIZE = 0.015  # one sigma of a jump, log price
UNITS = (1440, 60, 1)  # wall minutes: what the past is made of
TURNOVER_USD_A_SECOND = 400.0  # of a pair in a quiet hour, candle seconds


class Regime(StrEnum):
    QUIET = "quiet"
    TREND_UP = "trend_up"
    TREND_DOWN = "trend_down"
    VOLATILE = "volatile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What a regime is like; volatility and drift are those of one factor, a pair adds two."""

    mean_hours: float
    annual_volatility: float
    daily_drift: float
    jumps_a_day: float
    spread_bps: float
    depth_usd: float
    turnover: float  # times the quiet hour's


WEATHER = MappingProxyType(
    {
        Regime.QUIET: Weather(
            mean_hours=18,
            annual_volatility=0.38,
            daily_drift=0.0,
            jumps_a_day=0.2,
            spread_bps=1.5,
            depth_usd=150_000,
            turnover=1,
        ),
        Regime.TREND_UP: Weather(
            mean_hours=9,
            annual_volatility=0.50,
            daily_drift=0.03,
            jumps_a_day=0.4,
            spread_bps=3,
            depth_usd=100_000,
            turnover=2,
        ),
        Regime.TREND_DOWN: Weather(
            mean_hours=6,
            annual_volatility=0.55,
            daily_drift=-0.03,
            jumps_a_day=0.4,
            spread_bps=4,
            depth_usd=80_000,
            turnover=2,
        ),
        Regime.VOLATILE: Weather(
            mean_hours=3,
            annual_volatility=1.10,
            daily_drift=-0.03,
            jumps_a_day=2.0,
            spread_bps=9,
            depth_usd=30_000,
            turnover=6,
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coin:
    start_price: float
    scale: float  # how much wilder than the average pair


COINS = MappingProxyType(
    {
        "BTC/USD": Coin(start_price=95000, scale=0.85),
        "ETH/USD": Coin(start_price=3400, scale=0.95),
        "SOL/USD": Coin(start_price=190, scale=1.15),
        "XRP/USD": Coin(start_price=2.30, scale=1.10),
        "ADA/USD": Coin(start_price=0.85, scale=1.15),
        "LTC/USD": Coin(start_price=110, scale=1.00),
    }
)


@dataclass(slots=True)
class Factor:
    """One source of moves: a regime, and the returns it makes."""

    regime: Regime

    @classmethod
    def somewhere(cls, rng: Random) -> Factor:
        """A factor met at a random moment: each regime as likely as the share of time it lasts."""
        return cls(rng.choices(list(WEATHER), [weather.mean_hours for weather in WEATHER.values()])[0])

    def step(self, rng: Random, seconds: float) -> float:
        """The log return of the next `seconds` candle seconds, after perhaps changing the regime."""
        if rng.random() < -math.expm1(-seconds / (WEATHER[self.regime].mean_hours * 3600)):
            self.regime = rng.choice([regime for regime in Regime if regime is not self.regime])
        weather = WEATHER[self.regime]
        width = WILD_SCALE if rng.random() < WILD_CHANCE else CALM_SCALE
        move = _drift(weather, seconds) + width * math.sqrt(_variance(weather, seconds)) * rng.gauss(0, 1)
        if rng.random() < -math.expm1(-seconds * weather.jumps_a_day / DAY):
            move += rng.gauss(0, JUMP_SIZE)
        return move


# A step longer than its regime (only the distant past and long sleeps are made of such) ends in other
# regimes, whose drift is zero and whose variance is the usual one on average.
USUAL_VARIANCE = sum(w.mean_hours * w.annual_volatility**2 for w in WEATHER.values()) / sum(
    w.mean_hours for w in WEATHER.values()
)


def _drift(weather: Weather, seconds: float) -> float:
    return weather.daily_drift * _pulled(PULL, min(seconds, weather.mean_hours * 3600)) / DAY


def _variance(weather: Weather, seconds: float) -> float:
    """Of one factor's return over the step."""
    whole = _pulled(2 * PULL, seconds)
    own = min(whole, _pulled(2 * PULL, weather.mean_hours * 3600))
    return (weather.annual_volatility**2 * own + USUAL_VARIANCE * (whole - own)) / YEAR


def _pulled(rate: float, seconds: float) -> float:
    """The integral of exp(-rate t) over the step: `seconds` when short, bounded when endless."""
    return -math.expm1(-rate * seconds) / rate


class SyntheticMarket:
    """The market named `synthetic`; see `market.Market` for what its methods promise."""

    symbols: tuple[str, ...] = tuple(COINS)

    def __init__(self, *, seed: int, speed: Decimal, coins: Mapping[str, Coin] = COINS) -> None:
        self._coins = coins
        self.symbols = tuple(coins)
        self._seed = seed
        self._speed = speed
        self._rng = Random(f"{seed}:live")
        self._market = Factor.somewhere(self._rng)
        self._own = {symbol: Factor.somewhere(self._rng) for symbol in self.symbols}
        self._logs = dict.fromkeys(self.symbols, 0.0)  # log of price over start price
        self._pasts: dict[int, _Past] = {}
        self._ticks = self._fresh_ticks()

    def advance(self, seconds: Decimal) -> tuple[Tick, ...]:
        distance = float(candle_seconds(seconds, speed=self._speed))
        if distance == 0:
            return self._ticks
        steps = min(MOST_STEPS, math.ceil(distance / LONGEST_STEP))
        length = distance / steps
        keep = math.exp(-PULL * length)
        for _ in range(steps):
            common = self._market.step(self._rng, length)
            for symbol, coin in self._coins.items():
                move = coin.scale * (common + self._own[symbol].step(self._rng, length))
                self._logs[symbol] = _within(self._logs[symbol] * keep + move)
        self._ticks = self._fresh_ticks()
        return self._ticks

    def ticks(self) -> tuple[Tick, ...]:
        return self._ticks

    def regimes(self) -> dict[str, Regime]:
        """The regime of every symbol, and under `market` that of the common factor."""
        return {"market": self._market.regime} | {s: factor.regime for s, factor in self._own.items()}

    def history(self, symbol: str, *, minutes: int, count: int) -> tuple[Bar, ...]:
        check_history(self.symbols, symbol, minutes=minutes, count=count)
        # Built of minutes up to the hour, so that 1, 5 and 60 minutes agree; longer bars of longer units.
        # In a crowd hours are made whole: a day of minutes of a thousand pairs would take seconds.
        least = minutes if len(self.symbols) > len(COINS) else minutes - 1
        unit = next(unit for unit in UNITS if unit == 1 or (unit <= least and minutes % unit == 0))
        if unit not in self._pasts:
            self._pasts[unit] = _Past(self._seed, float(60 * unit * self._speed), self._coins)
        return self._pasts[unit].bars(symbol, size=minutes // unit, count=count)

    def snapshot(self) -> dict[str, Any]:
        version, words, spare = self._rng.getstate()
        return {
            "market": "synthetic",
            "seed": self._seed,
            "rng": [version, list(words), spare],
            "regimes": {name: regime.value for name, regime in self.regimes().items()},
            "logs": dict(self._logs),
            "ticks": [
                {name: str(getattr(tick, name)) for name in ("symbol", "bid", "ask", "last", "depth")}
                for tick in self._ticks
            ],
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        if snapshot.get("market") != "synthetic":
            raise BadMarket(
                f"the stored state is of the market {snapshot.get('market')!r}, not synthetic; "
                "start with the same PAPER_MARKET, or with another database."
            )
        try:
            version, words, spare = snapshot["rng"]
            rng = Random()
            rng.setstate((version, tuple(words), spare))
            regimes = {name: Regime(snapshot["regimes"][name]) for name in ("market", *self.symbols)}
            logs = {symbol: float(snapshot["logs"][symbol]) for symbol in self.symbols}
            ticks = tuple(_stored_tick(stored) for stored in snapshot["ticks"])
            seed = int(snapshot["seed"])
            if tuple(tick.symbol for tick in ticks) != self.symbols or not all(
                map(math.isfinite, logs.values())
            ):
                raise ValueError("symbols or prices do not fit")
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise BadMarket(
                f"the stored state of the synthetic market is damaged ({error}); restore a copy of it, "
                "or start with another database."
            ) from None
        self._rng, self._logs, self._ticks = rng, logs, ticks
        self._seed, self._pasts = seed, {}  # its past is that of the world it continues
        self._market = Factor(regimes["market"])
        self._own = {symbol: Factor(regimes[symbol]) for symbol in self.symbols}

    def _fresh_ticks(self) -> tuple[Tick, ...]:
        return tuple(self._fresh_tick(symbol) for symbol in self.symbols)

    def _fresh_tick(self, symbol: str) -> Tick:
        """The tick at the present log price; spread and depth are those of the wilder factor."""
        weather = max(
            (WEATHER[self._market.regime], WEATHER[self._own[symbol].regime]), key=lambda w: w.spread_bps
        )
        last_ticks = _price_ticks(symbol, self._coins[symbol], self._logs[symbol])
        price = float(last_ticks * TICK_SIZES[symbol])
        return tick_around(
            symbol=symbol,
            last_ticks=last_ticks,
            spread_bps=Decimal(weather.spread_bps * self._rng.uniform(0.7, 1.1)),
            depth=Decimal(weather.depth_usd / price * self._rng.uniform(0.7, 1.3)),
        )


@dataclass(slots=True)
class _Walk:
    """One pair's past, newest first: at `logs[i]` it stood i units before the market began."""

    rng: Random
    own: Factor
    logs: list[float] = field(default_factory=lambda: [0.0])
    units: list[tuple[int, int, float]] = field(default_factory=list)  # high, low (ticks), volume

    @classmethod
    def of(cls, rng: Random) -> _Walk:
        return cls(rng, Factor.somewhere(rng))


class _Past:
    """The bars before the first moment: the same process run backwards, grown as far as asked.

    Every factor has its own generator, so that how far one pair was asked for changes no other, and
    asking again gives the same bars.
    """

    def __init__(self, seed: int, unit_seconds: float, coins: Mapping[str, Coin]) -> None:
        self._coins = coins
        self._seconds = unit_seconds
        self._keep = math.exp(-PULL * unit_seconds)
        self._market_rng = Random(f"{seed}:past:market")
        self._market = Factor.somewhere(self._market_rng)
        self._market_moves: list[tuple[float, Regime]] = []
        self._walks = {symbol: _Walk.of(Random(f"{seed}:past:{symbol}")) for symbol in coins}

    def bars(self, symbol: str, *, size: int, count: int) -> tuple[Bar, ...]:
        """`count` bars of `size` units each, oldest first."""
        walk = self._walks[symbol]
        while len(walk.units) < size * count:
            self._grow(symbol, walk)
        return tuple(
            _past_bar(symbol, self._coins[symbol], walk, i * size, size) for i in reversed(range(count))
        )

    def _grow(self, symbol: str, walk: _Walk) -> None:
        """One unit further back."""
        age = len(walk.units)
        if age == len(self._market_moves):
            move = self._market.step(self._market_rng, self._seconds)
            self._market_moves.append((move, self._market.regime))
        common, market_regime = self._market_moves[age]
        coin = self._coins[symbol]
        scale = coin.scale
        move = scale * (common + walk.own.step(walk.rng, self._seconds))
        newer = walk.logs[-1]
        older = _within(newer * self._keep - move)  # minus: a falling regime falls forwards in time
        walk.logs.append(older)
        weather = max((WEATHER[market_regime], WEATHER[walk.own.regime]), key=lambda w: w.spread_bps)
        variance = scale**2 * _variance(weather, self._seconds)
        price = coin.start_price * math.exp(newer)
        turnover = TURNOVER_USD_A_SECOND * weather.turnover * walk.rng.lognormvariate(0, 0.5)
        walk.units.append(
            (
                _price_ticks(symbol, coin, _bridge(walk.rng, older, newer, variance)),
                _price_ticks(symbol, coin, -_bridge(walk.rng, -older, -newer, variance)),
                turnover * self._seconds / price,
            )
        )


def _bridge(rng: Random, begin: float, end: float, variance: float) -> float:
    """The highest point of a Brownian path between two known ends (inverse of its distribution)."""
    reach = math.sqrt((end - begin) ** 2 - 2 * variance * math.log(1 - rng.random()))
    return _within((begin + end + reach) / 2)


def _past_bar(symbol: str, coin: Coin, walk: _Walk, newest: int, size: int) -> Bar:
    """The bar of the units `newest` .. `newest + size - 1` of a walk (counted backwards in time)."""
    tick_size = TICK_SIZES[symbol]
    units = walk.units[newest : newest + size]
    ends = (
        _price_ticks(symbol, coin, walk.logs[newest + size]),
        _price_ticks(symbol, coin, walk.logs[newest]),
    )
    return Bar(
        open=ends[0] * tick_size,
        high=max(*ends, *(high for high, _, _ in units)) * tick_size,
        low=min(*ends, *(low for _, low, _ in units)) * tick_size,
        close=ends[1] * tick_size,
        volume=Decimal(math.fsum(volume for _, _, volume in units)).quantize(LOT_STEP),
    )


def _price_ticks(symbol: str, coin: Coin, log: float) -> int:
    price = coin.start_price * math.exp(log)
    return max(LOWEST_PRICE_TICKS, round(price / float(TICK_SIZES[symbol])))


def _within(log: float) -> float:
    return max(-WIDEST, min(WIDEST, log))


def _stored_tick(stored: dict[str, str]) -> Tick:
    return Tick(
        symbol=stored["symbol"],
        bid=Decimal(stored["bid"]),
        ask=Decimal(stored["ask"]),
        last=Decimal(stored["last"]),
        depth=Decimal(stored["depth"]),
    )
