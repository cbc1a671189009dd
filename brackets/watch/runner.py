"""The loops of the watch: when which job runs, who may run them, and how they end.

asyncio runs the loops; each job is a plain function in a thread, so that a slow venue call never holds up
the prices. One watch holds the lease of its account, others stand by. Every loop survives what it meets;
a lost lease stops them all before another watch begins.

    prices     every second, and at once when a price leaves a bracket's band; asked for where no stream tells
    sending    ten times a second: the outbox
    following  as soon as the private stream says something
    reading    as needed: private readings, as the budget allows
    housework  every second: instruments, balances, the stream's state, the hooks of the upper floor
    dead man   every second: tell a service outside that all is well, when that is due
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import Error, close_old_connections

from brackets import signs_of_life, storage
from brackets.venue.port import BudgetExhausted, KeyRefused, VenueUnavailable
from brackets.watch.deadman import DeadMan
from brackets.watch.jobs import Watch
from brackets.watch.streams import Streams

log = logging.getLogger("backstop.watch")
SENDING_SECONDS = 0.1
STOP_SECONDS = 6  # an order under way is waited for: longer than one HTTP exchange
STREAMS_AGAIN_SECONDS = 5
HAND_OVER_SECONDS = 6.5  # both together within what the supervisor waits for


class Runner:
    """Runs the loops of a watch until it is told to stop or loses its lease. Without streams it polls."""

    def __init__(self, watch: Watch, *, streams: Callable[[Runner], Streams] | None = None) -> None:
        self.watch = watch
        self.dead_man = DeadMan(watch.account, clock=watch.clock)
        self.lost = asyncio.Event()
        self.threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="watch")
        self.streams = streams(self) if streams is not None else None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.watch.stopping.set)
        try:
            while not self.watch.stopping.is_set():
                if await self.job(self.watch.take_lease):
                    log.info("watching %s", self.watch.account)
                    await self.hold()
                else:
                    signs_of_life.show()
                    await self.pause(1)
        finally:
            self.threads.shutdown(wait=False, cancel_futures=True)

    async def hold(self) -> None:
        """All loops, until the watch stops or somebody else holds the lease."""
        self.lost.clear()
        watch = self.watch
        sending = asyncio.create_task(self.repeat(watch.send, SENDING_SECONDS))
        loops = [
            sending,
            asyncio.create_task(self.repeat(watch.see_prices, 1)),
            asyncio.create_task(self.repeat(watch.ask_prices, 1)),
            asyncio.create_task(self.repeat(watch.read, 0.25)),
            asyncio.create_task(self.repeat(watch.keep_house, 1)),
            asyncio.create_task(self.repeat(watch.run_hooks, 0.5)),
            asyncio.create_task(self.repeat(watch.note_stream, 1)),
            asyncio.create_task(self.repeat(self.dead_man.turn, 1)),
        ]
        streams = [asyncio.create_task(self.listen(self.streams))] if self.streams is not None else []
        try:
            while not self.watch.stopping.is_set():
                renewed = await self.job(watch.renew_lease)
                if renewed is True:
                    storage.VOICE.well()
                signs_of_life.show()
                if renewed is False:
                    log.warning("the watch lease of %s was taken over; standing by", watch.account)
                    break
                await self.pause(1)
        finally:
            self.lost.set()
            for task in streams:
                task.cancel()
            await asyncio.wait([sending, *streams], timeout=STOP_SECONDS)
            await asyncio.wait(loops, timeout=0.5)  # one that waits for rate budget may be left behind
            await self.leave()

    async def listen(self, streams: Streams) -> None:
        """Keep the streams, whatever happens in them: without them the watch polls."""
        while True:
            try:
                await streams.run()
            except Exception:
                log.exception("the streams failed; they are tried again")
            await asyncio.sleep(STREAMS_AGAIN_SECONDS)

    async def leave(self) -> None:
        """The stops go back to the venue, then somebody else may watch."""
        try:
            async with asyncio.timeout(HAND_OVER_SECONDS):
                await self.job(self.watch.hand_over)
        except TimeoutError:
            log.error("the stops were not all swapped back in %s s; another watch does it", HAND_OVER_SECONDS)
        await self.job(self.watch.release)

    async def repeat(self, function: Callable[[], None], seconds: float) -> None:
        """Call a job again and again, `seconds` after it ended; later where it finds no venue or database."""
        failures = 0
        while not (self.watch.stopping.is_set() or self.lost.is_set()):
            outcome = await self.job(function)
            failures = failures + 1 if isinstance(outcome, VenueUnavailable | Error) else 0
            await self.pause(max(seconds, patience_after(outcome, failures)))

    async def job(self, function: Callable[[], object]) -> object:
        return await asyncio.get_running_loop().run_in_executor(self.threads, guarded, function)

    async def answer[T](self, function: Callable[[], T]) -> T:
        """The result of a call in a thread, or what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, partial(connected, function))

    async def pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.watch.stopping.wait(), seconds)
        except TimeoutError:
            pass


def connected[T](function: Callable[[], T]) -> T:
    """Call with a database connection that was not left over by something that broke it."""
    close_old_connections()
    try:
        return function()
    finally:
        close_old_connections()


def guarded(function: Callable[[], object]) -> object:
    """Run a job with a fresh database connection; failures are said and the watch goes on."""
    name = getattr(function, "__name__", "a job")
    try:
        return connected(function)
    except BudgetExhausted as error:
        log.debug("%s waits: %s", name, error)
    except VenueUnavailable as error:
        log.warning("%s: the venue is unavailable: %s", name, error)
        return error
    except Error as error:
        if not storage.VOICE.tell(error):
            log.exception("%s failed; it is tried again", name)
        return error
    except Exception:
        log.exception("%s failed; it is tried again", name)
    return None


def patience_after(outcome: object, failures: int) -> float:
    """Seconds to leave what fails alone after so many failures in a row; a refused key needs a person."""
    if isinstance(outcome, KeyRefused):
        return min(5.0 * 2 ** (failures - 1), 60.0)
    return min(failures, 5.0)
