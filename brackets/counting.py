"""Counting coins: where the venue refuses a sell for funds and keeps refusing, are the coins still there?

An owner may sell or move coins beside us. The bracket then asks for more than there is, and neither its
stop nor its exit is taken. One balance reading every few seconds tells the machine what the account holds;
it believes two of them. A bracket that misses coins hears of every balance reading from then on, whatever it
was made for (`tell_missing`): coins that come back are to be stopped again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import F, Q

from brackets import operations
from brackets.core.events import CoinsCounted
from brackets.core.holdings import Holding, Reading, base_names, gather
from brackets.core.machine import RefusedEvent
from brackets.core.states import OrderStatus, Role, State
from brackets.models import Account, Bracket, Instrument, Order
from brackets.venue.port import Reason, Venue

ACTOR = "counting"
SUSPECT_SECONDS = 60  # a refusal older than that says nothing of now
AWAITED_SECONDS = 20  # a repair that lacks funds is counted for so long after each time it was refused
BACK_SECONDS = 30  # … and coins of which one reading said that they are back, after it
EVERY_SECONDS = 3


def suspects(account: Account, now: datetime) -> list[Bracket]:
    """Open brackets of which a sell was lately refused for want of coins, or ended for it by the venue, and
    those whose missing coins were back in the last reading: no fill we do not know explains more coins."""
    refused = Order.objects.filter(
        account=account,
        status=OrderStatus.REJECTED,
        refused_reason=Reason.INSUFFICIENT_FUNDS,
        created_at__gt=now - timedelta(seconds=SUSPECT_SECONDS),
    ).exclude(role=Role.ENTRY)
    lately = now - timedelta(seconds=AWAITED_SECONDS)
    awaited = Q(funds_awaited=True, repaired_at__gt=lately)
    heard = now - timedelta(seconds=BACK_SECONDS)
    back = Q(missing__gt=F("shortage"), shortage_since__gt=heard)
    doubted = Bracket.objects.filter(awaited | back | Q(pk__in=refused.values("bracket_id")), account=account)
    over = Q(state=State.EXIT_COMPLETE) | Q(funds_awaited=True, repaired_at__lte=lately)
    return list(doubted.exclude(over))


def count_coins(account: Account, venue: Venue, now: datetime, *, all_missing: bool = False) -> int:
    """Read the balances, where a bracket gives reason to, and tell the machine. `all_missing`: every bracket
    that misses coins is reason enough, for a caller that reads no balances otherwise. Returns how many
    brackets were told. Raises VenueUnavailable."""
    doubted = {row.pk: row for row in suspects(account, now)}
    if all_missing:
        doubted |= {row.pk: row for row in missing(account)}
    if doubted:
        tell(account, list(doubted.values()), venue.balances(urgent=True), now)
    return len(doubted)


def tell_missing(account: Account, readings: Iterable[Reading], now: datetime) -> int:
    """Tell open brackets that miss coins what a whole balance reading, asked for at `now`, shows. Returns how
    many were told."""
    told = missing(account)
    if told:
        tell(account, told, readings, now)
    return len(told)


def missing(account: Account) -> list[Bracket]:
    """Open brackets of which coins are gone from the account."""
    return list(Bracket.objects.filter(account=account, missing__gt=0).exclude(state=State.EXIT_COMPLETE))


def tell(account: Account, brackets: Sequence[Bracket], readings: Iterable[Reading], now: datetime) -> None:
    pairs = Instrument.objects.filter(account=account, symbol__in={row.symbol for row in brackets})
    instruments, readings = {pair.symbol: pair for pair in pairs}, list(readings)
    for row in brackets:
        coins = holding_of(instruments[row.symbol], readings)
        counted = CoinsCounted(at=now, total=coins.total, available=coins.available)
        try:
            operations.apply(row.pk, counted, actor=ACTOR)
        except RefusedEvent:
            pass  # it ended meanwhile


def coins_of(instrument: Instrument, readings: Iterable[Reading]) -> Decimal:
    """All coins of the pair's base asset, those that earn included."""
    return holding_of(instrument, readings).total


def holding_of(instrument: Instrument, readings: Iterable[Reading]) -> Holding:
    """… with what open orders hold of them."""
    return gather(base_names(instrument), readings) or Holding()
