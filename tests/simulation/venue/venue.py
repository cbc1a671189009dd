"""One simulated venue: its house, its weather, and the wires of all processes.

The door of this package. Deterministic: whatever happens follows from the options, the random it is given,
the times its clock tells and the order of the calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

from django.utils import timezone

from brackets.venue.line import Line
from tests.simulation.auditor.records import VenueLog
from tests.simulation.venue.house import House
from tests.simulation.venue.options import Fault, VenueOptions
from tests.simulation.venue.owner import Owner
from tests.simulation.venue.port import Key, SimPort, Slot
from tests.simulation.venue.stream import Airwaves, SimStream
from tests.simulation.venue.weather import Weather
from tests.simulation.venue.wire import Wire, codec

STILL_NOISE = 1 / 10_000  # of the price, a second


class SimVenue:
    """What the processes of one world talk to. `wait` passes virtual time; `boundary` is called before and
    after every write ("before send", "after send") and may end the caller there."""

    def __init__(
        self,
        *,
        options: VenueOptions,
        clock: Callable[[], datetime],
        wait: Callable[[float], None],
        random: Random,
        boundary: Callable[[str], None],
    ) -> None:
        codec()  # made before the world begins: ccxt draws a uuid for it, and every world draws its own
        self.options = options
        self.house = House(options, clock, random)
        self.weather = Weather(self.house)
        self.owner = Owner(self.house)
        self._air: Airwaves | None = None
        self._wait, self._boundary = wait, boundary
        self._key = Key(self.house)
        self._lines: dict[str, Line] = {}  # of those who wait for a turn, by process
        self._ports: list[SimPort] = []
        self._is_calm = False

    @property
    def log(self) -> VenueLog:
        return self.house.log

    @property
    def faults(self) -> Counter[str]:
        """How often each fault really happened, by name."""
        return self.house.faults

    def connect(
        self,
        process: str,
        *,
        slot: Any = None,
        wall: Callable[[], datetime] = lambda: timezone.now(),
    ) -> SimPort:
        """A port for one process. `wall` is that process's own clock; `slot` may be another kind of turns."""
        wire = Wire(self.house, process, wait=self._wait, boundary=self._boundary)
        if self._is_calm:
            wire.calm()
        line = self._lines.setdefault(process, Line())
        port = SimPort(wire, slot or Slot(self._key, self._wait, line), wall=wall)
        self._ports.append(port)
        return port

    def advance(self) -> None:
        """Let the world move up to now: prices, modes, late requests. Called about every second."""
        self.weather.advance()

    def stream(self, process: str, *, token: Callable[[], str] | None = None) -> SimStream:
        """The two WebSockets of one process. `token`: where it gets the private one's; by default a port of
        its own asks."""
        if self._air is None:
            self._air = Airwaves(self.house)
        return SimStream(self._air, token or self.connect(process).websocket_token)

    def act_as_owner(self, what: Fault | None = None, symbol: str | None = None) -> str | None:
        """Let the owner do one thing beside the product, to this pair or to any; what it was, None where
        nothing could be done."""
        return self.owner.act(what, symbol)

    def calm(self) -> None:
        """No fault any more: every request is answered, and truly, in a deep and open market."""
        self._is_calm = True
        self.house.mischief.calm()
        self.weather.calm()
        if self._air is not None:
            self._air.calm()
        for port in self._ports:
            port.wire.calm()

    def stand_still(self) -> None:
        """Prices hardly move from now on, and lead nowhere."""
        market = self.house.market
        market.noise, market.drift = STILL_NOISE, 0.0
        for walk in market.walks.values():
            walk.lead = 0.0

    def lead(self, symbol: str, towards: str | None) -> None:
        """Lead a price up ("target") or down ("stop") from now on; None: let it stand."""
        sign = {"target": 1, "stop": -1, None: 0}[towards]
        self.house.market.walks[symbol].lead = sign * self.options.lead_bps / 10_000

    def bring(self, symbol: str, price: Decimal) -> None:
        """Let a pair stand at that price; the market's next beat shows it."""
        self.house.market.put(symbol, price, below=True)

    def set_clock_step(self, seconds: float) -> None:
        """The venue's clock is set by so many seconds (forwards; it never goes back)."""
        self.house.step_clock(seconds)
