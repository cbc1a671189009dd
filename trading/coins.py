"""Which coins of the account are free, and how far that can be believed.

Stands under `protect`. Totals are told as they change, but what open orders hold of the coins is told by
whole readings of the balances alone, and those may be minutes apart. Such a reading says nothing of free
coins once an order in the coin changed after it, ours or somebody else's, nor when it is so old that an order
nobody has heard of yet may stand by now. Then a new one is asked for of whoever reads the venue
(`readers.want_balances`), and awaited for a few seconds; no call is made here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import F, Sum
from django.utils import timezone

from brackets import accounts, outbox, readers, records
from brackets.core.holdings import base_names, wallets
from brackets.core.states import LIVE, Role, State
from brackets.core.strangers import Kind, Status
from brackets.models import Account, AssetBalance, Bracket, Instrument, Order, Stranger
from brackets.strangers import LAG
from risk.fields import quantity_field
from trading.models import Trade

FRESH = timedelta(seconds=30)  # no longer than between two looks at all open orders
LOOKS, LOOK_EVERY_SECONDS = 28, 0.25  # so often, and so far apart, an answer is looked for: 7 s
WAITERS = threading.BoundedSemaphore(2)  # waiting must never take the threads that a pause needs


# --- what is free ----------------------------------------------------------------------------------------


def free_coins(account: Account, instrument: Instrument) -> Decimal | None:
    """Coins as last read that no order of somebody else reserves and no bracket of ours holds; None when
    the balance was never read."""
    balance = readers.holding(account, base_names(instrument))
    if balance is None:
        return None if account.first_balances_at is None else Decimal(0)
    held_by_others = max(balance.held - reserved_by_us(account, instrument), Decimal(0))
    return balance.total - held_by_others - coins_of_brackets(account, instrument)


def total_of(account: Account, instrument: Instrument) -> Decimal:
    """All coins of this kind, as last read or told."""
    balance = readers.holding(account, base_names(instrument))
    return Decimal(0) if balance is None else balance.total


def reserved_by_us(account: Account, instrument: Instrument) -> Decimal:
    """Coins that our own live sells reserve at the venue."""
    ours = Order.objects.filter(account=account, bracket__base=instrument.base, status__in=LIVE)
    leaves = ours.exclude(role=Role.ENTRY).aggregate(
        leaves=Sum(F("quantity") - F("filled_quantity"), output_field=quantity_field())
    )["leaves"]
    return leaves or Decimal(0)


def coins_of_brackets(account: Account, instrument: Instrument) -> Decimal:
    """Coins in brackets that are not over yet. Dust of finished ones is the owner's again."""
    rows = Bracket.objects.filter(account=account, base=instrument.base).exclude(state=State.EXIT_COMPLETE)
    coins = (records.load(row).coins for row in rows.prefetch_related("orders", "fills"))
    return sum((max(held, Decimal(0)) for held in coins), Decimal(0))


def open_trade_in(account: Account, base: str) -> Trade | None:
    """The open trade in a coin; there is one at most."""
    return Trade.objects.filter(account=account, status=Trade.Status.OPEN, base=base).first()


def foreign_sells(account: Account, base: str) -> list[Stranger]:
    """The orders of somebody else, as last heard of, that hold coins of this kind."""
    sells = Stranger.objects.filter(account=account, kind=Kind.ORDER, base=base, terms__startswith="sell ")
    return list(sells.exclude(status__in=[Status.NOTICED, Status.GONE]))


# --- how far it is believed --------------------------------------------------------------------------------


def read_at(account: Account) -> datetime | None:
    """When the balances were last read with what orders hold of them; None: never."""
    row = Account.objects.get(pk=account.pk)
    return row.balances_read_at or row.first_balances_at


def needed_from(account: Account, instrument: Instrument, now: datetime) -> datetime:
    """The moment a reading must have been asked for at, or later, to be believed: not long ago, and after
    every change that is known of what orders hold of the coin, which balances show with a lag."""
    lately = now - FRESH
    return max([lately, *(at + LAG for at in changes(account, instrument, since=lately - LAG))])


def changes(account: Account, instrument: Instrument, *, since: datetime) -> Iterator[datetime]:
    """When orders in this coin lately changed what they hold of it: ours, those of others as they were heard
    of, and whatever it was that moved a total the venue told by itself."""
    brackets = Bracket.objects.filter(account=account, base=instrument.base)
    yield from brackets.exclude(state=State.EXIT_COMPLETE).values_list("updated_at", flat=True)
    yield from brackets.filter(completed_at__gt=since).values_list("completed_at", flat=True)
    others = Stranger.objects.filter(account=account, kind=Kind.ORDER, base=instrument.base)
    for order in others.filter(last_seen_at__gt=since):
        gone = order.last_seen_at if order.status == Status.GONE else None
        yield from (at for at in (order.first_seen_at, order.noticed_at, gone) if at is not None)
    names = wallets(base_names(instrument))
    told = AssetBalance.objects.filter(account=account, asset__in=names)
    yield from told.filter(read_at__gt=read_at(account) or since).values_list("read_at", flat=True)


def is_believed(account: Account, instrument: Instrument, now: datetime) -> bool:
    """Whether the last reading of the balances tells what is free of a coin now."""
    last = read_at(account)
    return last is not None and last >= needed_from(account, instrument, now)


def await_reading(
    account: Account, instrument: Instrument, *, pause: Callable[[float], None] = time.sleep
) -> None:
    """Where the last reading is not to be believed, ask for another one and wait some seconds for it; not
    where a trade in the coin is open, for nothing can be protected then. Never inside a transaction."""
    if open_trade_in(account, instrument.base) is not None or not want_reading(account, instrument):
        return
    if not accounts.watch_is_alive(account, timezone.now()):
        outbox.wake(account)  # the safety net reads, and not within seconds
        return
    if not WAITERS.acquire(blocking=False):
        return
    try:
        for _ in range(LOOKS):
            pause(LOOK_EVERY_SECONDS)
            if not want_reading(account, instrument):
                return
    finally:
        WAITERS.release()


def want_reading(account: Account, instrument: Instrument) -> bool:
    """Ask for a reading of the balances where the last one is not to be believed. Whether one is awaited."""
    now = timezone.now()
    if is_believed(account, instrument, now):
        return False
    needed, asked = needed_from(account, instrument, now), Account.objects.get(pk=account.pk)
    pending = asked.balances_wanted_at
    if pending is None or pending < needed or (read_at(account) or needed) >= pending:
        readers.want_balances(account, max(now, needed))
    return True
