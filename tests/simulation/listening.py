"""The watch's two streams on the virtual clock: what `brackets/watch/streams.py` does with an event loop.

The product's `Streams` hears orders and prices and says what is to be woken; its connections never open,
for the virtual ones of the simulated venue stand in their place.
"""

from __future__ import annotations

from typing import Any

from brackets.venue.kraken.stream.connection import Link
from brackets.watch.jobs import Watch
from brackets.watch.runner import guarded
from brackets.watch.streams import READ_SECONDS, WANTED_SECONDS, Addresses, Streams
from tests.simulation.clockwork import Process, Task

PUMP_SECONDS = 0.1
LINKS = {"connecting": Link.CONNECTING, "open": Link.OPEN, "lost": Link.LOST}
NOWHERE = Addresses(private="", public="")


class Listening:
    """The tasks that hear for one watch, until `over` is set."""

    def __init__(self, process: Process, watch: Watch, stream: Any) -> None:
        self.process, self.watch, self.stream = process, watch, stream
        self.clockwork = process.clockwork
        self.streams = Streams(watch, None, token=str, addresses=NOWHERE)  # type: ignore[arg-type]
        watch.follower.distrust = stream.distrust
        self.over = False

    def spawn(self) -> list[Task]:
        """Hearing, reading what was not clear, and wanting prices; the tasks of `Streams.run`."""
        self.over = False
        programs = {
            "orders": self.hear_orders,
            "quotes": self.hear_prices,
            "unclear": self.read_unclear,
            "want": self.want,
        }
        return [self.process.spawn(name, program) for name, program in programs.items()]

    def end(self) -> None:
        self.over = True
        self.streams._private_link(Link.LOST, "the watch stopped")
        self.streams._public_link(Link.LOST, "the watch stopped")

    def hear_orders(self) -> None:
        while not self.over:
            for link, news, why in self.stream.private.pump():
                if link:
                    self.streams._private_link(LINKS[link], why)
                if news:
                    self.streams.hear_orders(news)
            self.follow()
            self.clockwork.pause(PUMP_SECONDS)

    def follow(self) -> None:
        """Take in what was told, and send what follows beside it."""
        told = self.streams._orders_told
        if not told.is_set():
            return
        told.clear()
        if guarded(self.watch.follow) is True:
            self.process.spawn("follow-up", self.send)

    def send(self) -> None:
        guarded(self.watch.send)

    def hear_prices(self) -> None:
        while not self.over:
            for link, news, why in self.stream.prices.pump():
                if link:
                    self.streams._public_link(LINKS[link], why)
                if news:
                    self.streams.hear_prices(news)
            self.follow()
            if self.streams._price_crossed.is_set():
                self.streams._price_crossed.clear()
                symbols, self.streams._crossed = self.streams._crossed, set()
                self.process.spawn("look", lambda crossed=symbols: self.look(crossed))
            self.clockwork.pause(PUMP_SECONDS)

    def look(self, symbols: set[str]) -> None:
        def see_crossing() -> None:
            self.watch.see_crossing(sorted(symbols))

        guarded(see_crossing)

    def read_unclear(self) -> None:
        while not self.over:
            wanted = self.watch.follower.wants_reading
            if wanted and guarded(self.watch.read_unclear) is True:
                self.send()
            self.clockwork.pause(READ_SECONDS if wanted else PUMP_SECONDS)

    def want(self) -> None:
        while not self.over:
            self.stream.want(self.watch.wanted)
            session = self.stream.private.session
            if session is not None and session.heard_at is not None:
                silent = self.clockwork.now().timestamp() - session.heard_at
                if silent < WANTED_SECONDS * 2:
                    self.watch.stream_heard_at = self.watch.clock()
            self.clockwork.pause(WANTED_SECONDS)
