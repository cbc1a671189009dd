"""All connections of the WebSocket: who is there, and who is told what just happened.

Stands beside the service, which calls it after what happened was stored, and before the answer leaves.
Public messages are written once for everybody. No socket, no clock.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import Changes, System
from brackets.venue.paper.pairs import PAIRS
from brackets.venue.paper.stream import wire
from brackets.venue.paper.stream.prices import Tickers, instrument
from brackets.venue.paper.stream.session import House, Session
from brackets.venue.paper.stream.trouble import Trouble
from brackets.venue.paper.venue import PaperVenue

BEAT_SECONDS = 1
IDLE_SECONDS = 60  # a connection that subscribes nothing and says nothing is closed
VERSION = "2.0.10"


class Hub:
    """The sessions of one venue."""

    def __init__(self, *, venue: PaperVenue, is_token: Callable[[str, Decimal], bool]) -> None:
        self.venue = venue
        self.trouble = Trouble()
        self.sessions: set[Session] = set()
        self._house = House(venue=venue, tickers=Tickers(venue), trouble=self.trouble, is_token=is_token)
        self._number = 0
        self._beat_at = Decimal(0)
        self._ticks: dict[str, Tick] = {}
        self._modes: tuple[System, dict[str, System]] = (venue.engine.system, dict(venue.engine.modes))

    def join(self, *, post: Callable[[str], None], cut: Callable[[], None], now: Decimal) -> Session:
        """A new connection: it is told the venue's status."""
        self._number += 1
        session = Session(house=self._house, number=self._number, post=post, cut=cut, heard_at=now)
        if not self.sessions:  # nobody listened until now: what changes is judged from here on
            self._ticks = dict(self.venue.engine.ticks)
        self.sessions.add(session)
        session.say_text(self._status(session), now=now)
        return session

    def leave(self, session: Session) -> None:
        self.sessions.discard(session)

    def publish(self, changes: Changes, *, now: Decimal) -> None:
        """Tell everybody what just happened to orders, balances, modes and prices."""
        if not self.sessions:
            self._modes = (self.venue.engine.system, dict(self.venue.engine.modes))
            return
        self._tell_modes(now)
        if changes:
            for session in tuple(self.sessions):
                session.tell_changes(changes, now=now)
        self._tell_prices(now)

    def beat(self, now: Decimal) -> None:
        """A heartbeat to everybody who subscribed something, once a second; the idle are let go."""
        if now - self._beat_at < BEAT_SECONDS:
            return
        self._beat_at = now
        for session in tuple(self.sessions):
            if session.subscribed:
                session.say_text('{"channel":"heartbeat"}', now=now)
            elif now - session.heard_at > IDLE_SECONDS:
                session.cut()

    def drop_all(self) -> int:
        """Cut every connection; how many there were."""
        dropped = tuple(self.sessions)
        for session in dropped:
            session.cut()
            self.leave(session)
        return len(dropped)

    def _tell_prices(self, now: Decimal) -> None:
        wanted = {symbol for session in self.sessions for symbol in session.symbols}
        before, self._ticks = self._ticks, dict(self.venue.engine.ticks)
        for symbol in sorted(wanted & before.keys()):  # the same order in every process
            tick, known = self._ticks[symbol], before[symbol]
            changed = set()
            if tick.last != known.last:
                changed.add("trades")
            if (tick.bid, tick.ask) != (known.bid, known.ask):
                changed.add("bbo")
            if changed:
                self._tell_price(tick, changed, now)

    def _tell_price(self, tick: Tick, changed: set[str], now: Decimal) -> None:
        data = [self._house.tickers.item(tick, now=now)]
        text = wire.text({"channel": "ticker", "type": "update", "data": data})
        for session in tuple(self.sessions):
            if session.symbols.get(tick.symbol) in changed:
                session.say_text(text, now=now)

    def _tell_modes(self, now: Decimal) -> None:
        """Changes of what may be traded: of the venue (`status`), and of its pairs (`instrument`)."""
        engine = self.venue.engine
        (system, modes), self._modes = self._modes, (engine.system, dict(engine.modes))
        if self._modes == (system, modes):
            return

        def mode_before(symbol: str) -> System:
            return system if system is not System.ONLINE else modes.get(symbol, System.ONLINE)

        changed = [symbol for symbol in engine.ticks if mode_before(symbol) is not engine.mode_of(symbol)]
        pairs = [instrument(PAIRS[symbol], mode=engine.mode_of(symbol)) for symbol in changed]
        data = {"assets": [], "pairs": pairs}
        text = wire.text({"channel": "instrument", "type": "update", "data": data})
        for session in tuple(self.sessions):
            if system is not engine.system:
                session.say_text(self._status(session), now=now)
            if pairs and "instrument" in session.channels:
                session.say_text(text, now=now)

    def _status(self, session: Session) -> str:
        data = {
            "version": VERSION,
            "system": self.venue.engine.system.value,
            "api_version": "v2",
            "connection_id": session.number,
        }
        return wire.text({"channel": "status", "type": "update", "data": [data]})
