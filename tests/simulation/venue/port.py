"""The port of one process: the product's own adapter, over a wire of ours.

`KrakenVenue` with all that judges requests and answers (placing, amending, calls, answers, errors, parsing);
only what is below it is replaced: ccxt's transport by `wire.py`, the sender's row in the database by turns
on the virtual clock, the hourly reading of the markets by one at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from brackets.venue.kraken.adapter import KrakenVenue
from brackets.venue.kraken.answers import unavailable
from brackets.venue.kraken.calls import Calls
from brackets.venue.kraken.catalogue import Catalogue
from brackets.venue.kraken.clock import ClockOffset
from brackets.venue.kraken.markets import Loaded
from brackets.venue.kraken.pair_budget import Spending
from brackets.venue.line import Line, Place
from brackets.venue.paper.pairs import LOT_DECIMALS, PAIRS
from brackets.venue.port import BudgetExhausted, VenueUnavailable
from brackets.venue.sender import Turn, head_start
from tests.simulation.venue.house import House
from tests.simulation.venue.options import Fault
from tests.simulation.venue.wire import Wire

LEASE_MARGIN_SECONDS = 2.0
POLL_SECONDS = 0.05
MOST_WAITING_SECONDS = 10.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Key:
    """The one API key of all processes: one sender at a time, nonces in the order of the turns."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.lease = timedelta(seconds=house.options.timeout_seconds + LEASE_MARGIN_SECONDS)
        self.holder: Turn | None = None
        self.held_until = house.clock()
        self.last_nonce = 0
        self.urgent = 0  # who waits with what cannot wait: they go first

    def take(self, now: datetime, *, urgent: bool, newcomer: bool = False) -> Turn | None:
        """The turn, when nobody holds it any more and nobody goes first: somebody urgent before others, and
        before a newcomer just as urgent."""
        goes_first = self.urgent and (newcomer or not urgent)
        if (self.holder is not None and now < self.held_until) or goes_first:
            return None
        self.last_nonce = max(self.last_nonce + 1, (now - EPOCH) // timedelta(milliseconds=1))
        self.held_until = now + self.lease
        self.holder = Turn(
            nonce=self.last_nonce, fence=self.last_nonce, cost=0, symbol=None, book={}, decays_from=0
        )
        return self.holder

    def seconds(self) -> float:
        return (self.house.clock() - EPOCH).total_seconds()

    def give_back(self, turn: Turn) -> None:
        if self.holder is turn:
            self.holder = None


class Slot:
    """One process's turns; what `SenderSlot` is over a database, this is over one key in memory. Those who
    wait stand in the product's own line."""

    def __init__(self, key: Key, wait: Callable[[float], None], line: Line) -> None:
        self._key, self._wait, self._line = key, wait, line

    @contextmanager
    def turn(self, *, cost: int, urgent: bool, spending: Spending | None = None, **_: Any) -> Iterator[Turn]:
        house = self._key.house
        if house.mischief.strikes(Fault.NO_BUDGET):
            house.note(Fault.NO_BUDGET)
            house.trouble(Fault.NO_BUDGET, seconds=1, has_consequences=False)
            raise BudgetExhausted("the rate budget is used up: counter 15.0 of 15")
        turn = self._key.take(house.clock(), urgent=urgent, newcomer=True)
        turn = turn or (self._waited_in_line(spending) if urgent else self._waited())
        try:
            yield turn
        finally:
            self._key.give_back(turn)

    def _waited_in_line(self, spending: Spending | None) -> Turn:
        key, line = self._key, self._line
        place = line.stand(key.seconds(), head_start=head_start(spending))
        key.urgent += 1
        try:
            return self._waited(place)
        finally:
            key.urgent -= 1
            line.leave(place)

    def _waited(self, place: Place | None = None) -> Turn:
        """The turn when it comes. Raises VenueUnavailable when it does not come in time."""
        key, house = self._key, self._key.house
        began = house.clock()
        self._wait(POLL_SECONDS)
        while True:
            if place is None or self._line.is_first(place, key.seconds()):
                turn = key.take(house.clock(), urgent=place is not None)
                if turn is not None:
                    return turn
            if (house.clock() - began).total_seconds() > MOST_WAITING_SECONDS:
                raise VenueUnavailable("no turn to send in time: others are sending")
            self._wait(POLL_SECONDS)


class KnownMarkets:
    """The venue's pairs, read once, when first needed."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._loaded: Loaded | None = None

    def wire(self) -> Wire:
        return self._wire

    def symbol_of(self, name: str) -> str:
        return self._loaded.catalogue.symbol_of(name) if self._loaded is not None else name

    def known(self) -> Loaded:
        """Raises VenueUnavailable while the venue does not answer."""
        if self._loaded is None:
            try:
                answer = self._wire.publicGetAssetPairs({})
                pairs = answer["result"]
            except Exception as error:
                raise unavailable("AssetPairs", error) from error
            self._loaded = Loaded(self._wire, catalogue_of(pairs), 0.0)  # type: ignore[arg-type]
        return self._loaded

    fresh = known


_CATALOGUES: dict[tuple[tuple[str, str], ...], Catalogue] = {}


def catalogue_of(pairs: dict[str, Any]) -> Catalogue:
    """Built once for each set of pairs and modes: worlds share it, for nobody changes it."""
    key = tuple((code, str(pair["status"])) for code, pair in pairs.items())
    if key not in _CATALOGUES:
        decimals = {pair.base.code: LOT_DECIMALS for pair in PAIRS.values()}
        _CATALOGUES[key] = Catalogue(pairs, base_decimals=decimals)
    return _CATALOGUES[key]


class SimPort(KrakenVenue):
    """`brackets.venue.port.Venue` for one process of a simulated world."""

    def __init__(self, wire: Wire, slot: Any, *, wall: Callable[[], datetime]) -> None:
        self.wire = wire
        self.validate_only = False
        self._markets = KnownMarkets(wire)  # type: ignore[assignment]
        self._calls = Calls(slot=slot, markets=self._markets, patience_seconds=0.0)
        true_time = wire.house.clock
        self.clock = ClockOffset(
            self.server_time, ticking=lambda: (true_time() - EPOCH).total_seconds(), wall=wall
        )
