"""The watch: the process that looks every second, and sends within a fraction of one.

asyncio runs the loops; each job is a plain function in a thread with its own database connection, so
that a slow venue call never holds up the prices. One watch holds the lease of its account, others
stand by. Every loop survives what it meets; a lost lease stops them all before another watch begins.

    prices     every second   one public call; targets touched, timers
    sending    ten times a s  the outbox
    reading    as needed      private readings, as the budget allows
    housework  every second   instruments, balances, the hooks of the upper floor
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import signal
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from brackets import accounts, dispatch, leases, readers, reconcile, venues
from brackets.models import Account
from brackets.venue.port import BudgetExhausted, KeyRefused, Venue, VenueUnavailable

log = logging.getLogger("backstop.watch")
LEASE_SECONDS = 5
SENDING_SECONDS = 0.1
MOVING_SPACING_SECONDS = 2
QUIET_SECONDS = {"starter": 7, "intermediate": 4, "pro": 2}
BALANCE_SECONDS = {"starter": 60, "intermediate": 30, "pro": 15}
STATUS_SECONDS = 30
PROOF_SPACING_SECONDS = 60  # between cycles while a proof reads the venue
PATIENCE_SECONDS = 30  # how long a poll waits for rate budget, so that a cycle once begun is finished
STOP_SECONDS = 8  # an order under way is waited for: longer than one HTTP exchange


@dataclass
class Watch:
    """One watch over one account. `need` is what the price loop asks of the reading loop."""

    account: Account
    venue: Venue
    holder: str = field(default_factory=lambda: f"{leases.holder_name()}#{uuid.uuid4().hex[:6]}")
    fence: int = 0
    need: reconcile.Need = field(default_factory=reconcile.Need)
    last_cycle_at: datetime | None = None
    last_balances_at: datetime | None = None
    last_status_at: datetime | None = None
    equity_is_known: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    # --- jobs: plain functions, each run in a thread --------------------------------------------

    def take_lease(self) -> bool:
        fence = leases.take(
            accounts.watch_lease_name(self.account), self.holder, now=timezone.now(), seconds=LEASE_SECONDS
        )
        if fence is None:
            return False
        self.fence = fence
        # Until the first cycle has compared book and venue, no entry is admitted.
        Account.objects.filter(pk=self.account.pk).update(recovered_at=None)
        self.account.recovered_at = None
        dispatch.release_dead_claims(self.account)
        return True

    def renew_lease(self) -> bool:
        name = accounts.watch_lease_name(self.account)
        return leases.renew(name, self.fence, now=timezone.now(), seconds=LEASE_SECONDS)

    def see_prices(self) -> None:
        symbols = readers.symbols_to_price(self.account)
        try:
            quotes = readers.refresh_quotes(self.account, self.venue, symbols)
        except VenueUnavailable as error:
            readers.note_venue(self.account, error=str(error))
            self.need = reconcile.see_prices(self.account, {})  # timers run without prices too
            raise
        if symbols:  # otherwise nothing was asked
            readers.note_venue(self.account)
        self.need = reconcile.see_prices(self.account, quotes)

    def send(self) -> None:
        reconcile.drive(self.account, self.venue)

    def read(self) -> None:
        if not self.reading_is_due(timezone.now()):
            return
        self.last_cycle_at = timezone.now()
        recovering = self.account.recovered_at is None  # what the book does not know may be unprotected
        try:
            reconcile.cycle(self.account, self.venue, urgent=self.need.urgent or recovering)
        except BudgetExhausted:
            raise
        except VenueUnavailable as error:
            readers.note_private(self.account, str(error))
            raise
        readers.note_private(self.account)
        reconcile.drive(self.account, self.venue)

    def reading_is_due(self, now: datetime) -> bool:
        if self.last_cycle_at is None or self.account.recovered_at is None:
            return True
        if now - self.last_cycle_at < timedelta(seconds=PROOF_SPACING_SECONDS) and leases.is_held(
            accounts.proof_lease_name(self.account), now
        ):
            return self.need.urgent
        quiet = QUIET_SECONDS.get(settings.KRAKEN_TIER, 6)
        spacing = MOVING_SPACING_SECONDS if self.need.soon or self.need.urgent else quiet
        return now - self.last_cycle_at >= timedelta(seconds=spacing)

    def keep_house(self) -> None:
        now = timezone.now()
        if readers.instruments_are_stale(self.account, now):
            readers.refresh_instruments(self.account, self.venue)
        if self.is_due(self.last_status_at, STATUS_SECONDS, now):
            readers.note_venue(self.account, system=self.venue.system_status())
            self.last_status_at = now
        if not self.equity_is_known:  # as soon as pairs and prices are there, before anything is bought
            self.equity_is_known = readers.measure_equity(self.account, now) is not None
        if self.need.urgent:
            return  # the rate budget is wanted for protection
        if self.is_due(self.last_balances_at, BALANCE_SECONDS.get(settings.KRAKEN_TIER, 60), now):
            readers.refresh_balances(self.account, self.venue)
            self.last_balances_at = now

    @staticmethod
    def is_due(last: datetime | None, seconds: int, now: datetime) -> bool:
        return last is None or now - last >= timedelta(seconds=seconds)

    def run_hooks(self) -> None:
        run_hooks(self.account)

    def release(self) -> None:
        leases.release(accounts.watch_lease_name(self.account), self.fence)


@functools.cache
def hook(path: str) -> Callable[[Account], None]:
    """A function of an upper floor, by the name the settings give."""
    module, _, name = path.rpartition(".")
    function: Callable[[Account], None] = getattr(import_module(module), name)
    return function


def run_hooks(account: Account) -> None:
    """What the upper floor does after every round: each by itself, so that one that fails does not
    keep the others (settlement!) from their turn."""
    for path in settings.WATCH_HOOKS:
        try:
            hook(path)(account)
        except Exception:
            log.exception("hook %s failed; it is tried again", path)


class Runner:
    """Runs the loops of a watch until it is told to stop or loses its lease."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.lost = asyncio.Event()
        self.threads = ThreadPoolExecutor(max_workers=6, thread_name_prefix="watch")

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
                    await self.pause(1)
        finally:
            self.threads.shutdown(wait=False, cancel_futures=True)

    async def hold(self) -> None:
        """All loops, until the watch stops or somebody else holds the lease."""
        self.lost.clear()
        sending = asyncio.create_task(self.repeat(self.watch.send, SENDING_SECONDS))
        loops = [
            sending,
            asyncio.create_task(self.repeat(self.watch.see_prices, 1)),
            asyncio.create_task(self.repeat(self.watch.read, 0.25)),
            asyncio.create_task(self.repeat(self.watch.keep_house, 1)),
            asyncio.create_task(self.repeat(self.watch.run_hooks, 0.5)),
        ]
        try:
            while not self.watch.stopping.is_set():
                renewed = await self.job(self.watch.renew_lease)
                if renewed is False:
                    log.warning("the watch lease of %s was taken over; standing by", self.watch.account)
                    break
                await self.pause(1)
        finally:
            self.lost.set()
            await asyncio.wait([sending], timeout=STOP_SECONDS)
            await asyncio.wait(loops, timeout=1)  # one that waits for rate budget may be left behind
            await self.job(self.watch.release)

    async def repeat(self, function: Callable[[], None], seconds: float) -> None:
        """Call a job again and again, `seconds` after it ended; later where the venue does not answer."""
        failures = 0
        while not (self.watch.stopping.is_set() or self.lost.is_set()):
            outcome = await self.job(function)
            failures = failures + 1 if isinstance(outcome, VenueUnavailable) else 0
            await self.pause(max(seconds, patience_after(outcome, failures)))

    async def job(self, function: Callable[[], object]) -> object:
        return await asyncio.get_running_loop().run_in_executor(self.threads, guarded, function)

    async def pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.watch.stopping.wait(), seconds)
        except TimeoutError:
            pass


def guarded(function: Callable[[], object]) -> object:
    """Run a job with a fresh database connection; failures are said and the watch goes on."""
    close_old_connections()
    try:
        return function()
    except BudgetExhausted as error:
        log.debug("%s waits: %s", function.__name__, error)
    except VenueUnavailable as error:
        log.warning("%s: the venue is unavailable: %s", function.__name__, error)
        return error
    except Exception:
        log.exception("%s failed; it is tried again", function.__name__)
    finally:
        close_old_connections()
    return None


def patience_after(outcome: object, failures: int) -> float:
    """Seconds to leave the venue alone after so many failures in a row; a refused key needs a person."""
    if isinstance(outcome, KeyRefused):
        return min(5.0 * 2 ** (failures - 1), 60.0)
    return min(failures, 5.0)


def main() -> None:
    """Watch the account of TRADING_MODE until SIGTERM or SIGINT."""
    account = accounts.current()
    watch = Watch(account=account, venue=venues.of(account, patience_seconds=PATIENCE_SECONDS))
    asyncio.run(Runner(watch).run())
    # A thread may still wait for rate budget. All that matters is in the database: leave now.
    logging.shutdown()
    os._exit(0)
