"""Prices of one world: a walk with drift and noise, thin at times, led to an end when asked.

Pure but for the random it is given. Prices are whole ticks inside and Decimals outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from random import Random

from brackets.venue.paper.market import LOT_STEP, TICK_SIZES, Tick
from tests.simulation.venue.options import VenueOptions

LOWEST_TICKS = 1000  # no price falls below a thousand ticks: a walk of minutes never comes near zero


@dataclass(slots=True)
class Walk:
    """One pair: where it stands, and where it is led."""

    symbol: str
    size: Decimal
    at: float  # ticks
    lead: float = 0.0  # of the price, a second


class Market:
    """The pairs of one world."""

    def __init__(self, options: VenueOptions, random: Random) -> None:
        self.options, self._random = options, random
        self.depth = Decimal(options.depth)
        self.noise, self.drift = options.noise_bps / 10_000, options.drift_bps / 10_000
        self.walks = {
            symbol: Walk(symbol, TICK_SIZES[symbol], float(Decimal(price) / TICK_SIZES[symbol]))
            for symbol, price in options.prices.items()
        }

    def ticks(self) -> list[Tick]:
        return [self.tick(walk) for walk in self.walks.values()]

    def tick(self, walk: Walk, *, depth: Decimal | None = None) -> Tick:
        """The pair as it stands: `last` between bid and ask."""
        last, spread = round(walk.at), self.options.spread_ticks
        above = spread // 2
        return Tick(
            symbol=walk.symbol,
            bid=(last - (spread - above)) * walk.size,
            ask=(last + above) * walk.size,
            last=last * walk.size,
            depth=max(self.depth if depth is None else depth, LOT_STEP),
        )

    def step(self, walk: Walk, seconds: float) -> None:
        """Let a pair walk on."""
        if walk.lead:
            change = walk.lead * seconds
        else:
            change = self.drift * seconds + self.noise * self._random.gauss(0.0, 1.0) * seconds**0.5
        walk.at = max(LOWEST_TICKS, walk.at * (1 + change))

    def put(self, symbol: str, price: Decimal, *, below: bool) -> Walk:
        """Set a pair's last price, rounded down or up to its tick."""
        walk = self.walks[symbol]
        ticks = (price / walk.size).to_integral_value(ROUND_FLOOR if below else ROUND_CEILING)
        walk.at = max(LOWEST_TICKS, float(ticks))
        return walk

    def price(self, symbol: str) -> Decimal:
        walk = self.walks[symbol]
        return round(walk.at) * walk.size
