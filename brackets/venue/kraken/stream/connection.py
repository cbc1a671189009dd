"""One WebSocket to the venue, kept: connect, converse, lose, wait, connect again.

The only room of the stream that knows the network and the clock. It hands news on as they come and never
waits for whoever takes them. Nothing that is said is logged: what is said first holds the token.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

import aiohttp

from brackets import storage
from brackets.venue.kraken.stream.backoff import Backoff
from brackets.venue.kraken.stream.news import Illegible, News, StreamBroken
from brackets.venue.kraken.stream.session import Session
from brackets.venue.port import VenueUnavailable

log = logging.getLogger("backstop.stream")
CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 1.0
LOOK_SECONDS = 0.25  # how late a wish (other pairs, a new connection) may be heard
MOST_COMPLAINTS = 20  # a connection
LARGEST_MESSAGE = 16 * 1024 * 1024  # the snapshot of all pairs is about one


class Link(StrEnum):
    """How a connection stands."""

    CONNECTING = "connecting"
    OPEN = "open"  # what was subscribed to has begun
    LOST = "lost"


class Connection:
    """A connection that comes back. `deliver` and `tell` are called in the loop and must return at once."""

    def __init__(
        self,
        *,
        name: str,
        url: str,
        new_session: Callable[[], Awaitable[Session]],
        deliver: Callable[[tuple[News, ...]], None],
        tell: Callable[[Link, str], None],
        backoff: Backoff | None = None,
    ) -> None:
        self.name, self.url = name, url
        self._new_session, self._deliver, self._tell = new_session, deliver, tell
        self._backoff = backoff or Backoff()
        self._distrusted, self._illegible = "", 0
        self.session: Session | None = None  # the present one, while there is one

    def distrust(self, why: str) -> None:
        """Give the present connection up: whoever takes the news missed something."""
        self._distrusted = why

    @property
    def heard_seconds_ago(self) -> float | None:
        """How long ago the venue said anything; None without a connection."""
        session = self.session
        return None if session is None else time.monotonic() - session.heard_at

    async def run(self) -> None:
        """Hold the connection until cancelled. Whatever happens to it is told, and it is tried again."""
        while True:
            now = time.monotonic()
            await asyncio.sleep(self._backoff.seconds_until_next(now=now, chance=random.random()))
            self._backoff.began(now=time.monotonic())
            self._tell(Link.CONNECTING, "")
            ready_at: list[float] = []
            try:
                await self._once(ready_at)
            except (StreamBroken, VenueUnavailable) as error:
                why = str(error)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            except Exception as error:
                why = "the database cannot be used"
                if not storage.VOICE.tell(error):
                    log.exception("the %s stream failed; it is tried again", self.name)
                    why = "a defect of ours; see the log"
            finally:
                self.session = None
            self._backoff.ended(now=time.monotonic(), ready_at=ready_at[0] if ready_at else None)
            log.warning("the %s stream is lost: %s", self.name, why)
            self._tell(Link.LOST, why)

    async def _once(self, ready_at: list[float]) -> None:
        """One connection from its beginning to its end, which is always an exception."""
        session = await self._new_session()
        self._distrusted, self._illegible = "", 0
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout, trace_configs=[no_redirects()]) as http:
            opening = http.ws_connect(
                self.url,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                max_msg_size=LARGEST_MESSAGE,
            )
            socket = await asyncio.wait_for(opening, CONNECT_SECONDS)
            async with socket:
                session.opened_at = session.heard_at = time.monotonic()
                self.session = session
                for text in session.openings():
                    await socket.send_str(text)
                while True:
                    await self._turn(socket, session, ready_at)

    async def _turn(
        self, socket: aiohttp.ClientWebSocketResponse, session: Session, ready_at: list[float]
    ) -> None:
        """Say what is due and hear what comes. Raises StreamBroken at the end."""
        if self._distrusted:
            raise StreamBroken(self._distrusted)
        for text in session.due(time.monotonic()):
            await socket.send_str(text)
        message = await heard(socket, LOOK_SECONDS)
        if message is None:
            # The loop itself may have been held up: what came meanwhile counts before the silence does.
            if session.is_silent(time.monotonic()) and (message := await heard(socket, 0.05)) is None:
                raise StreamBroken(f"nothing was heard for {session.patience.silence_seconds:g} s")
            if message is None:
                return
        news = session.hear(text_of(message), now=time.monotonic())
        if session.ready and not ready_at:
            ready_at.append(time.monotonic())
            self._tell(Link.OPEN, "")
        for item in news:
            if isinstance(item, Illegible):
                self._say_illegible(item)
        if news:
            self._deliver(news)

    def _say_illegible(self, item: Illegible) -> None:
        """A word that comes with every message is not said with every message."""
        self._illegible += 1
        if self._illegible <= MOST_COMPLAINTS:
            log.error("the %s stream said something not understood: %s", self.name, item.why)


async def heard(socket: aiohttp.ClientWebSocketResponse, seconds: float) -> aiohttp.WSMessage | None:
    try:
        return await socket.receive(timeout=seconds)
    except TimeoutError:
        return None


def text_of(message: aiohttp.WSMessage) -> str:
    """A message's text. Raises StreamBroken for the end of the connection, or what is no text."""
    if message.type is aiohttp.WSMsgType.TEXT:
        return str(message.data)
    if message.type is aiohttp.WSMsgType.ERROR:
        raise StreamBroken(f"the connection broke: {message.data!r:.200}")
    if message.type is aiohttp.WSMsgType.BINARY:
        raise StreamBroken("the venue sent bytes where text belongs")
    raise StreamBroken("the venue closed the connection")


def no_redirects() -> aiohttp.TraceConfig:
    """The token goes to the host it was meant for, or nowhere."""

    async def refuse(*_: Any) -> None:
        raise StreamBroken("the venue answered with a redirect, which is not followed")

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse)
    return trace
