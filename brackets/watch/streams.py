"""The two streams of the watch: from the venue's sockets to the jobs that act on what they say.

Runs in the loop and never waits there: news are handed on, and a thread takes them. A price that leaves
the band of an open bracket wakes the look at once; whatever the private stream says wakes the follower.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings

from brackets.venue.kraken.stream.connection import Connection, Link
from brackets.venue.kraken.stream.news import News, PairStatusesSaid, PriceReading, PricesChanged
from brackets.venue.kraken.stream.private import PrivateSession
from brackets.venue.kraken.stream.public import PublicSession
from brackets.venue.kraken.stream.session import Session
from brackets.venue.port import QuoteReading
from brackets.watch.jobs import Watch

LOOK_AGAIN_SECONDS = 1.0  # the same bracket, unchanged, is not looked at for its price more often
READ_SECONDS = 0.05  # how late it is seen that an order must be read
WANTED_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    private: str
    public: str

    @classmethod
    def from_settings(cls) -> Addresses:
        return cls(private=settings.KRAKEN_WS_URL, public=settings.KRAKEN_WS_PUBLIC_URL)


class Threads(Protocol):
    """What runs jobs in threads."""

    async def job(self, function: Callable[[], object]) -> object: ...
    async def answer(self, function: Callable[[], Any]) -> Any: ...


class Streams:
    """Both connections of one watch, and what they wake."""

    def __init__(
        self,
        watch: Watch,
        threads: Threads,
        *,
        token: Callable[[], str],
        token_was_said: Callable[[str], None] = lambda token: None,
        addresses: Addresses | None = None,
    ) -> None:
        self.watch, self.threads = watch, threads
        self.token, self.token_was_said = token, token_was_said
        addresses = addresses or Addresses.from_settings()
        self.private = Connection(
            name="private",
            url=addresses.private,
            new_session=self._private_session,
            deliver=self.hear_orders,
            tell=self._private_link,
        )
        self.public = Connection(
            name="public",
            url=addresses.public,
            new_session=self._public_session,
            deliver=self.hear_prices,
            tell=self._public_link,
        )
        self._orders_told, self._book_changed = asyncio.Event(), asyncio.Event()
        self._price_crossed = asyncio.Event()
        self._crossed: set[str] = set()
        self._looked: dict[int, tuple[int, float]] = {}  # bracket -> its version, and when it was looked at
        self._quickest: timedelta | None = None  # from the venue's time of a price to ours
        watch.follower.distrust = self.private.distrust

    async def run(self) -> None:
        """Until cancelled."""
        tasks = [
            asyncio.create_task(part)
            for part in (
                self.private.run(),
                self.public.run(),
                self._follow(),
                self._read_unclear(),
                self._send(),
                self._look(),
                self._want(),
            )
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._private_link(Link.LOST, "the watch stopped")
            self._public_link(Link.LOST, "the watch stopped")

    # --- private ---------------------------------------------------------------------------------

    async def _private_session(self) -> Session:
        token = await self.threads.answer(self.token)
        return PrivateSession(token=token, now=time.monotonic(), said=lambda: self.token_was_said(token))

    def _private_link(self, link: Link, why: str) -> None:
        if link is Link.LOST:
            self.watch.stream_lost(why)
        elif link is Link.CONNECTING:
            self.watch.follower.connecting()

    def hear_orders(self, news: tuple[News, ...]) -> None:
        if self.watch.follower.heard(news, self.watch.clock()):
            self._orders_told.set()

    async def _follow(self) -> None:
        """Take in what was told. Nothing here asks the venue, so that nothing told waits for an answer."""
        while True:
            await self._orders_told.wait()
            self._orders_told.clear()
            if await self.threads.job(self.watch.follow) is True:
                self._book_changed.set()

    async def _read_unclear(self) -> None:
        while True:
            await asyncio.sleep(READ_SECONDS)
            if self.watch.follower.wants_reading and await self.threads.job(self.watch.read_unclear) is True:
                self._book_changed.set()

    async def _send(self) -> None:
        """Send what follows from a change of the book at once, beside the loop that looks for it."""
        while True:
            await self._book_changed.wait()
            self._book_changed.clear()
            await self.threads.job(self.watch.send)

    # --- public ----------------------------------------------------------------------------------

    async def _public_session(self) -> Session:
        self._quickest = None
        return PublicSession(symbols=self.watch.wanted, now=time.monotonic())

    def _public_link(self, link: Link, why: str) -> None:
        self.watch.prices_are_streamed = link is Link.OPEN

    def hear_prices(self, news: tuple[News, ...]) -> None:
        """Keep prices, and wake whoever must look at one."""
        now = self.watch.clock()
        for item in news:
            if isinstance(item, PricesChanged):
                self._compare([r.quote for r in item.readings if self._note(r, now)])
            elif isinstance(item, PairStatusesSaid) and self.watch.follower.heard((item,), now):
                self._orders_told.set()

    def _note(self, reading: PriceReading, now: datetime) -> bool:
        return self.watch.prices.note(reading.quote, self._dated(reading, now))

    def _compare(self, quotes: list[QuoteReading]) -> None:
        for one in self.watch.shelf.crossed(quotes):
            if self._may_look(one.version):
                self._crossed.add(one.row.symbol)
                self._price_crossed.set()

    def _dated(self, reading: PriceReading, now: datetime) -> datetime:
        """Since when a price holds, by our clock: now, less what it took longer than the quickest did. What
        waited in a buffer is not news."""
        if reading.at is None:
            return now
        way = now - reading.at  # and the difference of the clocks
        self._quickest = min(self._quickest or way, way)
        return now - (way - self._quickest)

    def _may_look(self, version: tuple[int, int]) -> bool:
        """A bracket that saw its price and did nothing is left to the round until it changes."""
        (bracket_id, number), now = version, time.monotonic()
        seen = self._looked.get(bracket_id)
        if seen is not None and seen[0] == number and now - seen[1] < LOOK_AGAIN_SECONDS:
            return False
        if len(self._looked) > 10_000:
            self._looked.clear()
        self._looked[bracket_id] = (number, now)
        return True

    async def _look(self) -> None:
        while True:
            await self._price_crossed.wait()
            self._price_crossed.clear()
            symbols, self._crossed = self._crossed, set()

            def see_crossing(symbols: set[str] = symbols) -> None:
                self.watch.see_crossing(symbols)

            await self.threads.job(see_crossing)

    async def _want(self) -> None:
        """Follow which pairs are wanted."""
        while True:
            await asyncio.sleep(WANTED_SECONDS)
            if isinstance(self.public.session, PublicSession):
                self.public.session.want(self.watch.wanted)
            silent = self.private.heard_seconds_ago
            if silent is not None and silent < WANTED_SECONDS * 2:
                self.watch.stream_heard_at = self.watch.clock()
