"""A connection of the stream in a thread of its own, and everything it told, for tests to wait on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from brackets.venue.kraken.stream.backoff import Backoff, Pace
from brackets.venue.kraken.stream.connection import Connection, Link
from brackets.venue.kraken.stream.news import News
from brackets.venue.kraken.stream.session import Session

PATIENCE_SECONDS = 15.0
AT_ONCE = Pace(first_seconds=0.01, longest_seconds=0.05, most_in_window=1000)
Item = TypeVar("Item")


class Listener:
    """Starts at once; `close` when done."""

    def __init__(self, url: str, new_session: Callable[[], Awaitable[Session]]) -> None:
        self.news: list[News] = []
        self.links: list[tuple[Link, str]] = []
        self._changed = threading.Condition()
        self.connection = Connection(
            name="test",
            url=url,
            new_session=new_session,
            deliver=self._deliver,
            tell=self._tell,
            backoff=Backoff(AT_ONCE),
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._running = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    async def _start(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.connection.run())

    async def _stop(self) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _deliver(self, news: tuple[News, ...]) -> None:
        with self._changed:
            self.news += news
            self._changed.notify_all()

    def _tell(self, link: Link, why: str) -> None:
        with self._changed:
            self.links.append((link, why))
            self._changed.notify_all()

    # --- waiting ---------------------------------------------------------------------------------

    def wait(self, true: Callable[[], bool]) -> None:
        """Until it is so. Raises TimeoutError with what was told."""
        ends = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while not true():
                if not self._changed.wait(ends - time.monotonic()):
                    raise TimeoutError(f"never came about: {self.links[-5:]} {self.news[-5:]}")

    def heard(self, kind: type[Item], *, count: int = 1) -> list[Item]:
        """All news of a kind, once there are so many."""
        self.wait(lambda: sum(isinstance(item, kind) for item in self.news) >= count)
        return [item for item in self.news if isinstance(item, kind)]

    def opened(self, *, count: int = 1) -> None:
        """Until the connection was of use so many times."""
        self.wait(lambda: sum(link is Link.OPEN for link, _ in self.links) >= count)

    def lost(self, *, count: int = 1) -> str:
        """Why it was lost, once it was lost so many times."""
        self.wait(lambda: sum(link is Link.LOST for link, _ in self.links) >= count)
        return [why for link, why in self.links if link is Link.LOST][count - 1]
