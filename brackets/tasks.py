"""Scheduled work of the django-q2 cluster: the safety net under the watch.

Tasks take no arguments and return None: nothing that could stop the scheduler or be pickled.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from brackets import accounts, counting, dispatch, inspection, leases, readers, reconcile, venues
from brackets.models import Account, Quote
from brackets.venue.port import Venue, VenueUnavailable
from brackets.watch import run_hooks

Clock = Callable[[], datetime]
log = logging.getLogger("backstop.tasks")
HEARTBEAT = leases.CLUSTER_HEARTBEAT
PATIENCE_SECONDS = 8  # well inside the task's timeout


def heartbeat() -> None:
    """Written by a task, so that a hung cluster shows."""
    leases.beat(HEARTBEAT, now=timezone.now())


def reconcile_account() -> None:
    """Do once what the watch does all the time, when no watch is alive."""
    heartbeat()
    account = accounts.current()
    if not accounts.watch_is_alive(account, timezone.now()):
        reconcile_once(account)


def inspect_brackets() -> None:
    """What must always be true, asked of what is stored; every hour."""
    inspection.inspect(accounts.current(), timezone.now())


def look(account: Account, venue: Venue, clock: Clock) -> None:
    """Let the brackets see that nobody watches: every stop belongs on the venue, with or without prices."""
    quotes: dict[str, Quote] = {}
    try:
        symbols = readers.symbols_to_price(account)
        quotes = readers.refresh_quotes(account, venue, symbols)
        readers.note_venue(account, system=venue.system_status())
        readers.refresh_statuses(account, venue, symbols)
    except VenueUnavailable as error:
        log.warning("no prices: %s", error)
    reconcile.see_prices(account, quotes, clock, watched=False)


def reconcile_once(account: Account, clock: Clock = timezone.now) -> None:
    """Prices, outbox, readings and settlement, once."""
    venue = venues.of(account, patience_seconds=PATIENCE_SECONDS)
    try:
        if readers.instruments_are_stale(account, clock()):
            readers.refresh_instruments(account, venue)
        dispatch.release_dead_claims(account, clock())
        look(account, venue, clock)
        reconcile.drive(account, venue, clock)
        reconcile.cycle(account, venue, urgent=True, clock=clock)
        if readers.balances_are_wanted(account, clock()):  # somebody waits for them
            readers.refresh_balances(account, venue, urgent=True)
        counting.count_coins(account, venue, clock(), all_missing=True)
        reconcile.drive(account, venue, clock)
        run_hooks(account)
    except VenueUnavailable as error:
        readers.note_venue(account, error=str(error))
        log.warning("the venue is unavailable: %s", error)
