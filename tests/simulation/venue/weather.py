"""What moves at the venue by itself: prices, gaps, thin hours, outages, modes, late requests.

One `advance` a virtual second. Everything is drawn from the world's random by the rates of its options.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import System
from brackets.venue.paper.pairs import PAIRS
from tests.simulation.venue.house import House
from tests.simulation.venue.market import Walk
from tests.simulation.venue.options import MODES, Fault

SYSTEMS = {
    Fault.MAINTENANCE: System.MAINTENANCE,
    Fault.CANCEL_ONLY: System.CANCEL_ONLY,
    Fault.POST_ONLY: System.POST_ONLY,
    Fault.LIMIT_ONLY: System.LIMIT_ONLY,
}
LONGEST_STEP = 5.0  # seconds of the market in one go
TEN_THOUSAND = Decimal(10_000)
CLOCK_STEP_SECONDS = (0.2, 5.0)
MOST_STEPS = 2  # of the clock in one world: a venue's clock is set now and then, it does not run away
FAR_ABOVE = Decimal("1.03")  # beyond every target


@dataclass(slots=True)
class Phase:
    """A mode that ends by itself."""

    until: datetime
    symbol: str | None


class Weather:
    """The moving part of one house."""

    def __init__(self, house: House) -> None:
        self._house, self._random = house, house.random
        self._rates = dict(house.options.rates)
        self._at = house.clock()
        self._phase: Phase | None = None
        self._thin_until: datetime | None = None
        self._steps = 0  # of the venue's clock

    def calm(self) -> None:
        self._rates.clear()
        self._thin_until = None
        house = self._house
        house.cut_until = None
        house.market.depth = Decimal(house.options.depth)
        if self._phase is not None:
            house.set_mode(System.ONLINE, self._phase.symbol)
            self._phase = None

    def advance(self) -> None:
        house, now = self._house, self._house.clock()
        seconds = min((now - self._at).total_seconds(), LONGEST_STEP)
        if seconds <= 0:
            return
        self._at = now
        house.deliver_late()
        self._modes(now, seconds)
        for walk in house.market.walks.values():
            self._walk(walk, seconds)
        house.settle()
        for beat in house.beats:
            beat(now)

    def _strikes(self, fault: Fault, seconds: float) -> bool:
        rate = self._rates.get(fault)
        return rate is not None and self._random.random() < rate * seconds

    # --- prices --------------------------------------------------------------------------------------

    def _walk(self, walk: Walk, seconds: float) -> None:
        """One pair moves: as it walks, or as a fault throws it."""
        house = self._house
        stops = [order.trigger_price for order in house.open_stops(walk.symbol) if order.trigger_price]
        both_rest = house.options.both_rest  # there it would sell both legs, the owner's coins with them
        if stops and not both_rest and self._strikes(Fault.BOTH_PRICES, seconds):
            self._see(house.market.put(walk.symbol, house.market.price(walk.symbol) * FAR_ABOVE, below=False))
            self._fall(walk, max(stops))
            house.note(Fault.BOTH_PRICES)
        elif stops and self._strikes(Fault.GAP, seconds):
            self._fall(walk, max(stops))
            house.note(Fault.GAP)
        else:
            house.market.step(walk, seconds)
            self._see(walk)

    def _fall(self, walk: Walk, stop: Decimal) -> None:
        away = Decimal(str(round(self._random.uniform(*self._house.options.gap_bps), 2)))
        self._see(self._house.market.put(walk.symbol, stop * (1 - away / TEN_THOUSAND), below=True))

    def _see(self, walk: Walk) -> None:
        """The engine meets the pair's new price."""
        self._house.engine.advance([self._tick(walk)], now=self._house.now())

    def _tick(self, walk: Walk) -> Tick:
        return self._house.market.tick(walk, depth=self._depth(walk.symbol))

    def _depth(self, symbol: str) -> Decimal | None:
        """Thin for a while: down to one lot."""
        house, now = self._house, self._house.clock()
        if self._thin_until is None or now >= self._thin_until:
            if not self._strikes(Fault.THIN, 1.0):
                return None
            house.note(Fault.THIN)
            self._thin_until = now + self._duration()
        pair = PAIRS[symbol]
        part = self._random.choice((Decimal("0.3"), Decimal(1), Decimal("2.5"), None))
        return pair.lot_step if part is None else (pair.order_minimum * part).quantize(pair.lot_step)

    # --- the venue as a whole --------------------------------------------------------------------------

    def _modes(self, now: datetime, seconds: float) -> None:
        house = self._house
        if self._phase is not None and now >= self._phase.until:
            house.set_mode(System.ONLINE, self._phase.symbol)
            self._phase = None
        if self._strikes(Fault.CUT, seconds):
            length = self._duration()
            house.cut_until = now + length
            house.trouble(Fault.CUT, seconds=length.total_seconds(), shuts=True)
            house.note(Fault.CUT)
        if self._steps < MOST_STEPS and self._strikes(Fault.CLOCK_STEP, seconds):
            self._steps += 1
            house.step_clock(round(self._random.uniform(*CLOCK_STEP_SECONDS), 3))
            house.trouble(Fault.CLOCK_STEP, seconds=1)
            house.note(Fault.CLOCK_STEP)
        for fault in MODES:
            if self._phase is None and self._strikes(fault, seconds):
                one = self._random.random() < 0.5
                self._begin(fault, now, self._random.choice(list(house.market.walks)) if one else None)

    def shut(self, fault: Fault, symbol: str) -> None:
        """Begin a mode for this pair just now, unless one lasts."""
        if self._phase is None:
            self._begin(fault, self._house.clock(), symbol)

    def _begin(self, fault: Fault, now: datetime, symbol: str | None) -> None:
        """The venue, or one pair, takes fewer kinds of orders for a while; maintenance is the venue's."""
        house, length = self._house, self._duration()
        if fault is Fault.MAINTENANCE:
            symbol = None
        self._phase = Phase(now + length, symbol)
        house.set_mode(SYSTEMS[fault], symbol)
        shuts = fault is not Fault.LIMIT_ONLY  # what must be sold there can be
        house.trouble(fault, seconds=length.total_seconds(), symbol=symbol, shuts=shuts)
        house.note(fault)

    def _duration(self) -> timedelta:
        return timedelta(seconds=round(self._random.uniform(*self._house.options.phase_seconds), 3))
