"""The two streams of the watch: from the venue's sockets to the jobs that act on what they say.

Runs in the loop and never waits there: news are handed on, and a thread takes them. A price that leaves
the band of an open bracket wakes the look at once; whatever the private stream says wakes the follower.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.conf import settings

from brackets.venue.kraken.stream.connection import Connection, Link
from brackets.venue.kraken.stream.news import News, PairStatusesSaid, PricesChanged
from brackets.venue.kraken.stream.private import PrivateSession
from brackets.venue.kraken.stream.public import PublicSession
from brackets.venue.kraken.stream.session import Session
from brackets.watch.jobs import Watch

LOOK_AGAIN_SECONDS = 1.0  # the same bracket, unchanged, is not looked at for its price more often
FOLLOW_AGAIN_SECONDS = 0.5  # orders that could not be read are asked for again
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
        self, watch: Watch, threads: Threads, *, token: Callable[[], str], addresses: Addresses | None = None
    ) -> None:
        self.watch, self.threads, self.token = watch, threads, token
        addresses = addresses or Addresses.from_settings()
        self.private = Connection(
            name="private",
            url=addresses.private,
            new_session=self._private_session,
            deliver=self._private_news,
            tell=self._private_link,
        )
        self.public = Connection(
            name="public",
            url=addresses.public,
            new_session=self._public_session,
            deliver=self._public_news,
            tell=self._public_link,
        )
        self._orders_told, self._price_crossed = asyncio.Event(), asyncio.Event()
        self._crossed: set[str] = set()
        self._looked: dict[int, tuple[int, float]] = {}  # bracket -> its version, and when it was looked at
        watch.follower.distrust = self.private.distrust

    async def run(self) -> None:
        """Until cancelled."""
        tasks = [
            asyncio.create_task(part)
            for part in (
                self.private.run(),
                self.public.run(),
                self._follow(),
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
        return PrivateSession(token=token, now=time.monotonic())

    def _private_link(self, link: Link, why: str) -> None:
        if link is Link.LOST:
            self.watch.stream_lost(why)
        elif link is Link.CONNECTING:
            self.watch.follower.connecting()

    def _private_news(self, news: tuple[News, ...]) -> None:
        if self.watch.follower.heard(news, self.watch.clock()):
            self._orders_told.set()

    async def _follow(self) -> None:
        """Take in what was told; again after a while where something remains to be read."""
        while True:
            await waited(self._orders_told, FOLLOW_AGAIN_SECONDS)
            if self._orders_told.is_set() or self.watch.follower.wants_reading:
                self._orders_told.clear()
                await self.threads.job(self.watch.follow)

    # --- public ----------------------------------------------------------------------------------

    async def _public_session(self) -> Session:
        return PublicSession(symbols=self.watch.wanted, now=time.monotonic())

    def _public_link(self, link: Link, why: str) -> None:
        self.watch.prices_are_streamed = link is Link.OPEN

    def _public_news(self, news: tuple[News, ...]) -> None:
        now = self.watch.clock()
        for item in news:
            if isinstance(item, PricesChanged):
                changed = [r.quote for r in item.readings if self.watch.prices.note(r.quote, now)]
                for one in self.watch.shelf.crossed(changed):
                    if self._may_look(one.version):
                        self._crossed.add(one.row.symbol)
                        self._price_crossed.set()
            elif isinstance(item, PairStatusesSaid) and self.watch.follower.heard((item,), now):
                self._orders_told.set()

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


async def waited(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        pass
