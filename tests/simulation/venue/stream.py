"""The venue's WebSocket without a socket: the paper venue's sessions on one side, the product's on the other.

Messages are the very texts that would travel, so both sides' code is under test. `pump` does what the loop
of `brackets/watch/streams.py` does between two messages: connect, hear, keep silent, lose, wait, connect
again. Here they get lost, doubled, out of order, or stop coming.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from brackets.venue.kraken.stream.backoff import Backoff
from brackets.venue.kraken.stream.news import News, StreamBroken
from brackets.venue.kraken.stream.private import PrivateSession
from brackets.venue.kraken.stream.public import PublicSession
from brackets.venue.kraken.stream.session import Session
from brackets.venue.paper.orders import Changes, System
from brackets.venue.paper.stream.hub import Hub
from brackets.venue.paper.stream.session import Session as ServerSession
from brackets.venue.port import VenueUnavailable
from tests.simulation.venue.house import House
from tests.simulation.venue.options import Fault

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONNECTING, OPEN, LOST, NEWS = "connecting", "open", "lost", ""
FORGOTTEN_SECONDS = 60  # nobody pumps it any more: its process is gone
Heard = tuple[str, tuple[News, ...], str]
"""How the connection stands now (empty: as before), the news, and why it was lost."""


class InOrder(dict[ServerSession, None]):
    """The hub's set of sessions, oldest first: the same order in every process."""

    def add(self, session: ServerSession) -> None:
        self[session] = None

    def discard(self, session: ServerSession) -> None:
        self.pop(session, None)


class Airwaves:
    """The hub of one house, and what goes wrong with all of its connections."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.hub = Hub(venue=house, is_token=lambda token, now: token in house.tokens)  # type: ignore[arg-type]
        self.hub.sessions = InOrder()  # type: ignore[assignment]
        self.connections: list[Connection] = []
        house.listeners.append(lambda changes, now: self.hub.publish(changes, now=now))
        house.beats.append(self.beat)

    def beat(self, at: datetime) -> None:
        """Once a second: prices, modes and a heartbeat; sometimes silence, or the end of a connection."""
        house, now = self.house, self.house.now()
        if not self.hub.sessions:
            return
        if house.mischief.strikes(Fault.STREAM_SILENT):
            seconds = house.random.uniform(2, 12)
            self.hub.trouble.silent_until = now + Decimal(str(round(seconds, 3)))
            house.note(Fault.STREAM_SILENT)
        self.hub.publish(Changes(), now=now)
        self.hub.beat(now)
        for connection in self.connections:
            connection.weather(at)
        self.connections = [one for one in self.connections if not one.forgotten(at)]

    def calm(self) -> None:
        self.hub.trouble.silent_until = None


class Connection:
    """One connection of one process, which comes back. `new_session` may ask the venue for a token."""

    def __init__(self, air: Airwaves, new_session: Callable[[float], Session]) -> None:
        self._air, self._house, self._new_session = air, air.house, new_session
        self._backoff = Backoff()
        self._next_at = 0.0
        self._ready_at: float | None = None
        self._queue: deque[tuple[datetime, str]] = deque()
        self._held_back: str | None = None
        self._distrusted = self._cut = ""
        self._pumped_at = self._house.clock()
        self._server: ServerSession | None = None
        self.session: Session | None = None  # the client's side, while there is a connection
        air.connections.append(self)

    # --- the client's side -----------------------------------------------------------------------------

    def pump(self) -> list[Heard]:
        """Whatever happened since the last call. May take virtual time, where a token must be asked for."""
        self._pumped_at = self._house.clock()
        if self not in self._air.connections:
            self._air.connections.append(self)
        if self.session is None:
            return self._connect() if self._seconds() >= self._next_at else []
        heard: list[Heard] = []
        try:
            self._converse(heard)
        except StreamBroken as error:
            heard.append(self._lose(str(error)))
        return heard

    def distrust(self, why: str) -> None:
        """Give the present connection up: whoever takes the news missed something."""
        self._distrusted = why

    def close(self) -> None:
        """The process ends in order."""
        if self.session is not None:
            self._lose("closed")

    def _connect(self) -> list[Heard]:
        house = self._house
        self._backoff.began(now=self._seconds())
        refused = house.mischief.strikes(Fault.STREAM_REFUSED)
        if refused:
            house.note(Fault.STREAM_REFUSED)
        if refused or house.is_cut() or house.engine.system is System.MAINTENANCE:
            return [(CONNECTING, (), ""), self._lose("the venue does not take the connection")]
        try:
            session = self._new_session(self._seconds())
        except VenueUnavailable as error:
            return [(CONNECTING, (), ""), self._lose(str(error))]
        session.opened_at = session.heard_at = self._seconds()
        self._queue.clear()
        self._held_back, self._distrusted, self._cut, self._ready_at = None, "", "", None
        self.session = session
        self._server = self._air.hub.join(post=self._post, cut=lambda: self._end("idle"), now=house.now())
        for text in session.openings():
            self._server.hear(text, now=house.now())
        house.settle()
        return [(CONNECTING, (), "")]

    def _converse(self, heard: list[Heard]) -> None:
        """Say what is due and hear what came. Raises StreamBroken at the end."""
        session, house = self.session, self._house
        assert session is not None and self._server is not None
        if self._distrusted or self._cut:
            raise StreamBroken(self._distrusted or self._cut)
        for text in session.due(self._seconds()):
            self._server.hear(text, now=house.now())
        now, began = house.clock(), session.ready
        while self._queue and self._queue[0][0] <= now:
            news = session.hear(self._queue.popleft()[1], now=self._seconds())
            opened = session.ready and not began
            began = session.ready
            if opened:
                self._ready_at = self._seconds()
            if news or opened:
                heard.append((OPEN if opened else NEWS, news, ""))
        if session.is_silent(self._seconds()):
            raise StreamBroken(f"nothing was heard for {session.patience.silence_seconds:g} s")

    def _lose(self, why: str) -> Heard:
        now = self._seconds()
        if self._server is not None:
            self._air.hub.leave(self._server)
        self.session = self._server = None
        self._queue.clear()
        self._backoff.ended(now=now, ready_at=self._ready_at)
        self._ready_at = None
        self._next_at = now + self._backoff.seconds_until_next(now=now, chance=self._house.random.random())
        return (LOST, (), why)

    def _seconds(self) -> float:
        return (self._house.clock() - EPOCH).total_seconds()

    # --- the way ---------------------------------------------------------------------------------------

    def weather(self, at: datetime) -> None:
        """What may befall a connection in a second."""
        mischief = self._house.mischief
        if self.session is None:
            return
        if self._house.is_cut():
            self._queue.clear()
            self._cut = "the network was cut"
        elif mischief.strikes(Fault.STREAM_DROP):
            self._house.note(Fault.STREAM_DROP)
            self._end("the connection broke")

    def forgotten(self, at: datetime) -> bool:
        """Whether its process is gone; the server then lets it go as well."""
        if (at - self._pumped_at).total_seconds() < FORGOTTEN_SECONDS:
            return False
        if self._server is not None:
            self._air.hub.leave(self._server)
        return True

    def _end(self, why: str) -> None:
        """The server's side is gone; the client sees it with the next pump."""
        self._cut = why

    def _post(self, text: str) -> None:
        """A message on its way to the client, in order unless something goes wrong."""
        if self._cut or self._house.is_cut():
            return
        mischief, note = self._house.mischief, self._house.note
        if '"sequence"' in text and mischief.rates:
            if mischief.strikes(Fault.STREAM_GAP):
                note(Fault.STREAM_GAP)
                return
            if self._held_back is None and mischief.strikes(Fault.STREAM_DISORDER):
                note(Fault.STREAM_DISORDER)
                self._held_back = text
                return
            if mischief.strikes(Fault.STREAM_TWICE):
                note(Fault.STREAM_TWICE)
                self._send(text)
        self._send(text)
        if self._held_back is not None:
            held, self._held_back = self._held_back, None
            self._send(held)

    def _send(self, text: str) -> None:
        way = timedelta(seconds=self._house.random.uniform(*self._house.options.latency))
        due = self._house.clock() + way
        if self._queue:
            due = max(due, self._queue[-1][0])
        self._queue.append((due, text))


class SimStream:
    """Both streams of one watch. `pump` is the private one's; `prices` is pumped by itself."""

    def __init__(self, air: Airwaves, token: Callable[[], str]) -> None:
        self.private = Connection(air, lambda now: PrivateSession(token=token(), now=now))
        self._wanted: frozenset[str] = frozenset()
        self.prices = Connection(air, lambda now: PublicSession(symbols=self._wanted, now=now))

    def pump(self) -> list[Heard]:
        return self.private.pump()

    def want(self, symbols: frozenset[str]) -> None:
        """Which pairs' prices are wanted from now on."""
        self._wanted = symbols
        if isinstance(self.prices.session, PublicSession):
            self.prices.session.want(symbols)

    def distrust(self, why: str) -> None:
        self.private.distrust(why)
