"""The WebSocket itself, at /v2: text in and out of a session, and nobody is ever waited for.

What is to be sent waits in a queue of its own for each connection; a client that does not read until
the queue is full is cut off.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from aiohttp import WSMsgType, web

from brackets.venue.paper.stream.hub import Hub

MOST_WAITING = 20_000  # messages
LARGEST_MESSAGE = 256 * 1024


@dataclass(slots=True, kw_only=True)
class Line:
    """What goes to one client. `delay_seconds` is the way there."""

    abort: Callable[[], None]
    delay_seconds: float = 0.0
    waiting: deque[tuple[float, str]] = field(default_factory=deque)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def post(self, text: str) -> None:
        if len(self.waiting) >= MOST_WAITING:
            self.waiting.clear()
            self.abort()
            return
        self.waiting.append((asyncio.get_running_loop().time() + self.delay_seconds, text))
        self.more.set()

    async def run(self, socket: web.WebSocketResponse) -> None:
        """Send until cancelled, or until the client is gone."""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while True:
                await self.more.wait()
                self.more.clear()
                while self.waiting:
                    due, text = self.waiting.popleft()
                    if due > loop.time():
                        await asyncio.sleep(due - loop.time())
                    await socket.send_str(text)


async def converse(
    request: web.Request, *, hub: Hub, clock: Callable[[], Decimal], delay_seconds: float
) -> web.StreamResponse:
    """One connection from beginning to end."""
    if hub.trouble.refusing(clock()):
        return web.Response(status=503)
    socket = web.WebSocketResponse(max_msg_size=LARGEST_MESSAGE, compress=False)
    await socket.prepare(request)

    def abort() -> None:
        if request.transport is not None:
            request.transport.abort()

    line = Line(abort=abort, delay_seconds=delay_seconds)
    session = hub.join(post=line.post, cut=abort, now=hub.venue.at(clock()))
    sending = asyncio.create_task(line.run(socket))
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                if delay_seconds:
                    await asyncio.sleep(delay_seconds)
                session.hear(message.data, now=hub.venue.at(clock()))
    finally:
        hub.leave(session)
        sending.cancel()
    return socket
