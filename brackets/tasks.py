"""Scheduled work of the django-q2 cluster: the safety net under the watch.

Tasks take no arguments and return None: nothing that could stop the scheduler or be pickled.
"""

from __future__ import annotations

import logging

from django.utils import timezone

from brackets import accounts, dispatch, leases, readers, reconcile, venues
from brackets.models import Account
from brackets.venue.port import Venue, VenueUnavailable
from brackets.watch import run_hooks

log = logging.getLogger("backstop.tasks")
HEARTBEAT = "cluster heartbeat"
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


def look(account: Account, venue: Venue) -> None:
    """Let the brackets see that nobody watches: every stop belongs on the venue, with or without prices."""
    try:
        quotes = readers.refresh_quotes(account, venue, readers.symbols_to_price(account))
    except VenueUnavailable:
        reconcile.see_prices(account, {}, watched=False)
        raise
    reconcile.see_prices(account, quotes, watched=False)


def reconcile_once(account: Account) -> None:
    """Prices, outbox, readings and settlement, once."""
    venue = venues.of(account, patience_seconds=PATIENCE_SECONDS)
    try:
        if readers.instruments_are_stale(account, timezone.now()):
            readers.refresh_instruments(account, venue)
        dispatch.release_dead_claims(account)
        look(account, venue)
        reconcile.drive(account, venue)
        reconcile.cycle(account, venue, urgent=True)
        reconcile.drive(account, venue)
        run_hooks(account)
    except VenueUnavailable as error:
        readers.note_venue(account, error=str(error))
        log.warning("the venue is unavailable: %s", error)
