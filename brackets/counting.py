"""Counting coins: where the venue refuses a sell for funds and keeps refusing, are the coins still there?

An owner may sell or move coins beside us. The bracket then asks for more than there is, and neither its
stop nor its exit is taken. A balance reading tells the machine what the account holds; it believes two of
them that agree. How often the watch reads for it says `watch/counts.py`. A bracket that misses coins hears
of every balance reading from then on, whatever it was made for (`tell_missing`): coins that come back are to
be stopped again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import F, Max, Q, QuerySet

from brackets import operations
from brackets.core.events import CoinsCounted
from brackets.core.holdings import Holding, Reading, base_names, gather
from brackets.core.machine import RefusedEvent
from brackets.core.states import OrderStatus, Role, State
from brackets.models import Account, Bracket, Instrument, Order
from brackets.venue.port import Reason, Venue

ACTOR = "counting"
SUSPECT_SECONDS = 60  # a refusal older than that says nothing of now
# A repair that lacks funds is counted for so long after each time it was refused: by then two counts are far
# enough apart to say of coins that others hold them.
AWAITED_SECONDS = 30
BACK_SECONDS = 30  # … and coins of which one reading said that they are back, after it
EVERY_SECONDS = 3  # between looks, at rows alone, whether there is anything to count


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """Why a bracket is counted. Where none of it changed, another count will hardly tell anything new."""

    bracket: int
    refused: int | None  # the newest order of its that was refused for want of coins
    repaired_at: datetime | None
    missing: Decimal
    shortage: Decimal
    shortage_since: datetime | None


def suspects(account: Account, now: datetime) -> list[Bracket]:
    """Open brackets of which a sell was lately refused for want of coins, or ended for it by the venue, and
    those whose missing coins were back in the last reading: no fill we do not know explains more coins."""
    refused = refused_sells(account).filter(created_at__gt=now - timedelta(seconds=SUSPECT_SECONDS))
    lately = now - timedelta(seconds=AWAITED_SECONDS)
    awaited = Q(funds_awaited=True, repaired_at__gt=lately)
    heard = now - timedelta(seconds=BACK_SECONDS)
    back = Q(missing__gt=F("shortage"), shortage_since__gt=heard)
    doubted = Bracket.objects.filter(awaited | back | Q(pk__in=refused.values("bracket_id")), account=account)
    over = Q(state=State.EXIT_COMPLETE) | Q(funds_awaited=True, repaired_at__lte=lately)
    return list(doubted.exclude(over))


def refused_sells(account: Account) -> QuerySet[Order]:
    refused = {"status": OrderStatus.REJECTED, "refused_reason": Reason.INSUFFICIENT_FUNDS}
    return Order.objects.filter(account=account, **refused).exclude(role=Role.ENTRY)


def grounds_of(account: Account, brackets: Sequence[Bracket]) -> frozenset[Ground]:
    """Why these brackets are to be counted. One query, none where there are none."""
    if not brackets:
        return frozenset()
    refused = refused_sells(account).filter(bracket__in=brackets).order_by().values_list("bracket_id")
    newest = dict(refused.annotate(newest=Max("pk")))
    return frozenset(
        Ground(
            bracket=row.pk,
            refused=newest.get(row.pk),
            repaired_at=row.repaired_at if row.funds_awaited else None,
            missing=row.missing,
            shortage=row.shortage,
            shortage_since=row.shortage_since,
        )
        for row in brackets
    )


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
