"""The paper venue on a socket: HTTP around the service, the clock, and the tick loop.

The only room of the paper venue that knows aiohttp and the time. HTTP status is 200 for every answer
of the API, as at Kraken; other statuses mean that the API was not reached.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from brackets.venue.paper.control.delivery import Delivery
from brackets.venue.paper.feed.source import FeedSource
from brackets.venue.paper.service import Service
from brackets.venue.paper.stream.socket import converse

TICK_SECONDS = 0.25
LARGEST_BODY = 256 * 1024
BODY_SECONDS = 10.0  # for a whole body to arrive
FAREWELL_SECONDS = 1.0  # for a refused client to stop sending and read why
STOP_SECONDS = 0.3  # for requests under way when told to stop
MOST_FAULTS = 20  # ticks in a row that could not be stored: then the venue gives up


class Broken(Exception):
    """The venue cannot go on; one sentence says why."""


def wall_clock() -> Decimal:
    """Unix seconds, to the microsecond."""
    return Decimal(time.time_ns() // 1000) / 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The HTTP side of a service. `latency_seconds` is the way there and back together."""

    service: Service
    latency_seconds: float = 0.0
    body_seconds: float = BODY_SECONDS
    delivery: Delivery | None = None  # faults, where they were asked for
    feed: FeedSource | None = None  # where the prices come from, if not from here

    def app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self.with_body])
        app.router.add_get("/0/public/{method}", self.public)
        app.router.add_post("/0/public/{method}", self.public)
        app.router.add_post("/0/private/{method}", self.private)
        app.router.add_get("/v2", self.stream)
        app.on_shutdown.append(self.hang_up)
        return app

    @web.middleware
    async def with_body(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Read the body before anything else, within its limits; the handlers find it read."""
        if (request.content_length or 0) > LARGEST_BODY:
            return await _turn_away(request, status=413)
        try:
            async with asyncio.timeout(self.body_seconds):
                await request.read()
        except web.HTTPRequestEntityTooLarge:  # sent in chunks, so that no length was declared
            return await _turn_away(request, status=413)
        except TimeoutError:
            return await _turn_away(request, status=408)
        except (HttpProcessingError, RequestPayloadError, ConnectionError):  # garbage, or the client left
            return await _turn_away(request, status=400)
        return await handler(request)

    async def public(self, request: web.Request) -> web.StreamResponse:
        await self._travel()
        method, fields = request.match_info["method"], dict(request.query)
        if request.method == "POST" and not request.content_type.startswith("multipart/"):
            fields |= {
                name: value for name, value in (await request.post()).items() if isinstance(value, str)
            }
        if self.feed is not None and method == "OHLC":
            await self.feed.prepare(fields)
        if self.delivery is None:
            return await self._respond(self.service.public(method, fields, now=wall_clock()))
        return await self._respond(await self.delivery.public(request, method, fields))

    async def private(self, request: web.Request) -> web.StreamResponse:
        body, method = await request.read(), request.match_info["method"]
        await self._travel()
        if self.delivery is None:
            answer = self.service.private(method, headers=request.headers, body=body, now=wall_clock())
            return await self._respond(answer)
        return await self._respond(await self.delivery.private(request, method, body))

    async def stream(self, request: web.Request) -> web.StreamResponse:
        return await converse(
            request, hub=self.service.hub, clock=wall_clock, delay_seconds=self.latency_seconds / 2
        )

    async def hang_up(self, app: web.Application) -> None:
        """No connection outlives the venue."""
        self.service.hub.drop_all()

    async def _respond(self, answer: web.StreamResponse | dict[str, Any]) -> web.StreamResponse:
        """An answer of the API on its way back; a response that is none of it goes as it is."""
        if isinstance(answer, web.StreamResponse):
            return answer
        await self._travel()
        return web.Response(text=json.dumps(answer, separators=(",", ":")), content_type="application/json")

    async def _travel(self) -> None:
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Another application beside the venue's, on a bound socket of its own."""

    app: web.Application
    listener: socket.socket


async def serve(front: Front, *, listener: socket.socket, ready: str, side: Side | None = None) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT. Raises Broken when it cannot go on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(front.app(), access_log=None, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    beside = None if side is None else web.AppRunner(side.app, access_log=None, shutdown_timeout=STOP_SECONDS)
    feeding = None if front.feed is None else asyncio.create_task(front.feed.run())
    ticking = asyncio.create_task(tick_forever(front.service))
    stopping = asyncio.create_task(stop.wait())
    try:
        if beside is not None and side is not None:
            await beside.setup()
            await web.SockSite(beside, side.listener).start()
        await web.SockSite(runner, listener).start()
        front.service.journal.write(wall_clock(), ready)
        await asyncio.wait({ticking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if ticking.done():
            ticking.result()
    finally:
        for task in (ticking, stopping, feeding):
            if task is not None:
                task.cancel()
        if beside is not None:
            await beside.cleanup()
        await runner.cleanup()


async def tick_forever(service: Service) -> None:
    """Move the market by the time that really passed, by a clock that cannot be set. Raises Broken."""
    before = due = time.monotonic()
    faults = 0
    while True:
        due = max(due + TICK_SECONDS, time.monotonic())
        await asyncio.sleep(due - time.monotonic())
        present = time.monotonic()
        seconds = Decimal(round((present - before) * 1_000_000)) / 1_000_000
        before = present
        try:
            service.tick(seconds=seconds, now=wall_clock())
            faults = 0
        except Exception as error:
            faults += 1
            print(f"paper venue: a tick failed ({error!r}); going on from what is stored", file=sys.stderr)  # noqa: T201
            if faults >= MOST_FAULTS:
                raise Broken(f"the paper venue gives up after {faults} failed ticks: {error!r}") from None


async def _turn_away(request: web.Request, *, status: int) -> web.StreamResponse:
    """Say why, let what is still coming in fall for a moment, and close.

    Closing at once would reset the connection, and a client that still sends would lose the answer.
    """
    response = web.Response(status=status)
    response.force_close()
    try:
        await response.prepare(request)
        await response.write_eof()
        async with asyncio.timeout(FAREWELL_SECONDS):
            while not request.content.at_eof():
                await request.content.readany()
    except (TimeoutError, ConnectionError, RequestPayloadError, HttpProcessingError):
        pass
    if request.protocol.transport is not None:
        request.protocol.force_close()
    return response
