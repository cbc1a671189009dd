"""A simulated venue at a desk: one clock moved by hand and by whoever waits. What its tests share."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from brackets.venue import port
from tests.simulation.auditor.records import Placed
from tests.simulation.venue import Fault, SimVenue, VenueOptions

ETH = "ETH/USD"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
QUANTITY = Decimal("0.1")


class SimDesk:
    """One venue and one process, `watch`."""

    def __init__(
        self,
        rates: dict[Fault, float] | None = None,
        *,
        boundary: Callable[[str], None] = lambda place: None,
        seed: int = 1,
        **options: Any,
    ) -> None:
        self.now = NOON
        self.passed: list[str] = []
        self.boundary = boundary
        self.venue = SimVenue(
            options=VenueOptions(rates=rates or {}, latency=(0.05, 0.05), noise_bps=0.0, **options),
            clock=lambda: self.now,
            wait=self.wait,
            random=Random(seed),
            boundary=self._pass,
        )
        self.port = self.connect("watch")
        self.numbers = 0

    def connect(self, process: str) -> Any:
        """A port whose markets and clock are known: faults strike what is asked next."""
        port_of_it = self.venue.connect(process, wall=lambda: self.now)
        rates = self.venue.house.mischief.rates
        kept = dict(rates)
        rates.clear()
        port_of_it.wire.calm()
        port_of_it.instruments()
        port_of_it.clock_offset()
        rates.update(kept)
        port_of_it.wire.calm(kept)
        return port_of_it

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def advance(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.wait(1)
            self.venue.advance()

    def _pass(self, place: str) -> None:
        self.passed.append(place)
        self.boundary(place)

    # --- asking ------------------------------------------------------------------------------------

    def request(self, side: port.Side = port.Side.BUY, **terms: Any) -> port.OrderRequest:
        self.numbers += 1
        fields: dict[str, Any] = {
            "client_order_id": str(uuid.UUID(int=self.numbers)),
            "symbol": ETH,
            "side": side,
            "kind": port.OrderKind.MARKET,
            "quantity": QUANTITY,
            "deadline_at": self.now + timedelta(seconds=4),
        }
        return port.OrderRequest(**(fields | terms))

    def buy(self, **terms: Any) -> port.Outcome:
        """At market, with its stop."""
        return self.port.place(self.request(**({"close_stop_price": Decimal(2450)} | terms)), urgent=False)

    def bid(self, limit: str = "2490", **terms: Any) -> port.Outcome:
        terms = {"kind": port.OrderKind.LIMIT, "limit_price": Decimal(limit), "post_only": True} | terms
        return self.port.place(self.request(**terms), urgent=False)

    def sell(self, **terms: Any) -> port.Outcome:
        return self.port.place(self.request(port.Side.SELL, **terms), urgent=True)

    def stop(self) -> Any:
        """The one stop that is open at the venue."""
        (stop,) = self.venue.house.open_stops(ETH)
        return stop

    def cancel_stop(self) -> port.Outcome:
        return self.port.cancel(self.stop().txid, symbol=ETH)

    # --- seeing ------------------------------------------------------------------------------------

    @property
    def count(self) -> dict[str, int]:
        return dict(self.venue.faults)

    def placed(self) -> list[Placed]:
        """What the log says was placed by a request of ours."""
        return [r for r in self.venue.log.records if isinstance(r, Placed) and r.cl_ord_id is not None]

    def price(self, last: str, *, depth: str | None = None) -> None:
        """Set the market where it is wanted, and let it meet the orders."""
        house = self.venue.house
        walk = house.market.put(ETH, Decimal(last), below=True)
        tick = house.market.tick(walk, depth=None if depth is None else Decimal(depth))
        house.engine.advance([tick], now=house.now())
        house.settle()
