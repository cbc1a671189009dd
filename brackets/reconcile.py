"""Bringing the book and the venue together: one cycle of readings, and sending what follows.

A cycle costs a few private calls whatever the number of brackets: OpenOrders once and the orders of ours
it does not show (or, where every id is known and one call can name them all, those alone); closed orders
only for what is Unknown or missing; money in one batch.

`drive` sends what is due and reads at once the orders whose cancel was answered, so that touch → cancel →
confirm → sell is one sequence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from brackets import booking, dispatch, lookup, operations, readers, records, reports
from brackets.core import legs, machine
from brackets.core import orders as core
from brackets.core.events import TargetTouched, Tick
from brackets.core.machine import RefusedEvent
from brackets.core.states import OrderStatus, Role, State
from brackets.models import Account, Bracket, Order, Quote
from brackets.venue.port import Venue

Clock = Callable[[], datetime]
PRICE_FRESH_SECONDS = 5
DRIVE_ROUNDS = 20
ONE_QUERY = 50  # orders that one call can name
EXPECT_NOTHING = timedelta(seconds=30)  # between looks at all open orders when every id is known
SECONDARY_PATIENCE_SECONDS = 60
MOVING = frozenset({State.ENTRY_PLACED, State.ENTRY_FILLED, State.EXITING, State.SL_FILLED})
ACTOR = "watch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """Whether private readings are wanted now, and how badly."""

    soon: bool = False  # something is moving: read as soon as the budget lets polls through
    urgent: bool = False  # coins may be without protection, or an order Unknown: the reserve may be used


def drive(account: Account, venue: Venue, clock: Clock = timezone.now) -> None:
    """Send all that is due, and what follows from the answers, until nothing is due any more."""
    for _ in range(DRIVE_ROUNDS):
        canceled = dispatch.dispatch_due(account, venue, clock)
        if not canceled:
            return
        reports.absorb(account, venue.orders(canceled, urgent=True))


def cycle(account: Account, venue: Venue, *, urgent: bool = False, clock: Clock = timezone.now) -> None:
    """One full comparison of our live orders with the venue. Raises VenueUnavailable; what was read
    until then has been applied."""
    asked_at = clock()
    live = live_order_ids(account)
    unknown = lookup.due(lookup.unresolved(account, asked_at), asked_at)
    if unknown or len(live) > ONE_QUERY or must_read_open_orders(account, asked_at):
        account.open_orders_read_at = asked_at
        open_reports = list(venue.open_orders(urgent=urgent))
        seen = reports.absorb(account, open_reports).seen
        silent = sorted(set(live_order_ids(account)) - seen)
    else:
        open_reports, silent = [], live  # every order that can live is known by its id: one call says all
    if silent:
        reports.absorb(account, venue.orders(silent, urgent=urgent))
    found = [lookup.resolve(account, venue, effect, open_reports, asked_at=asked_at) for effect in unknown]
    if any(found):  # an entry that has a number now has its secondaries among the open orders
        reports.absorb(account, open_reports)
    find_missing_secondaries(account, venue, asked_at)
    close_books(account, venue, clock())
    if account.first_balances_at is None:  # before the first entry: what is there is not our doing
        readers.refresh_balances(account, venue, urgent=True)
    account.recovered_at = account.recovered_at or clock()
    account.reconciled_at = asked_at
    account.save(update_fields=["recovered_at", "reconciled_at", "open_orders_read_at"])


def live_order_ids(account: Account) -> list[str]:
    """Venue ids of the orders we hold for open."""
    live = Order.objects.filter(account=account, status=OrderStatus.OPEN).exclude(venue_order_id=None)
    return sorted(live.values_list("venue_order_id", flat=True))


def must_read_open_orders(account: Account, now: datetime) -> bool:
    """Whether the venue may have orders of ours whose ids we do not know: after a start, while an
    entry's secondaries are awaited, and now and then for what nobody expects."""
    read_at = account.open_orders_read_at
    if account.recovered_at is None or read_at is None or now - read_at >= EXPECT_NOTHING:
        return True
    entering = Bracket.objects.filter(account=account, state__in=[State.ENTRY_PLACED, State.ENTRY_FILLED])
    return entering.exists() or bool(entries_lacking_secondaries(account, now))


def find_missing_secondaries(account: Account, venue: Venue, now: datetime) -> None:
    """Secondaries of an entry that are not among the open orders may have ended already: look there
    until every fill of the entry is accounted for."""
    missing = entries_lacking_secondaries(account, now)
    if missing:
        since = min(entry.opened_at or entry.created_at for entry in missing) - timedelta(seconds=5)
        parents = {entry.venue_order_id for entry in missing}
        closed = venue.closed_orders(since=since, urgent=True)
        reports.absorb(account, [r for r in closed if r.parent_venue_order_id in parents])


def entries_lacking_secondaries(account: Account, now: datetime) -> list[Order]:
    """Filled entries, not long ago, for which the venue has not shown a stop of every fill."""
    entries = Order.objects.filter(
        account=account, role=Role.ENTRY, filled_quantity__gt=0, bracket__attach_stop=True
    ).exclude(bracket__state=State.EXIT_COMPLETE)
    return [entry for entry in entries.prefetch_related("bracket__orders") if lacks_secondaries(entry, now)]


def lacks_secondaries(entry: Order, now: datetime) -> bool:
    made = (o.quantity for o in entry.bracket.orders.all() if o.role == Role.STOP and not o.client_order_id)
    young = now - (entry.ended_at or entry.updated_at) < timedelta(seconds=SECONDARY_PATIENCE_SECONDS)
    return young and sum(made, Decimal(0)) < entry.filled_quantity


def close_books(account: Account, venue: Venue, now: datetime) -> None:
    unbooked = booking.unbooked_orders(account)
    if unbooked and booking.is_due(unbooked, now):
        booking.book(account, venue, unbooked)


def see_prices(account: Account, quotes: dict[str, Quote], clock: Clock = timezone.now) -> Need:
    """Let every open bracket see price and time: targets are taken, timers run. Says which private
    readings are wanted."""
    now = clock()
    soon = urgent = False
    for row in operations.open_brackets(account):
        bracket = records.load(row)
        quote = quotes.get(row.symbol)
        if quote is not None and now - quote.read_at > timedelta(seconds=PRICE_FRESH_SECONDS):
            quote = None
        if quote and legs.target_is_touched(bracket, bid=quote.bid, last=quote.last):
            attempt(row, TargetTouched(at=now, price=quote.bid))
            soon = True
            continue
        tick = Tick(at=now, price=quote.bid if quote else None)
        if bracket.state is not State.BRACKET_ACTIVE and machine.step(bracket, tick, operations.RULES) != (
            machine.Outcome(bracket=bracket)
        ):
            attempt(row, tick)
        soon = soon or bracket.state in MOVING
        soon = soon or bool(quote and legs.stop_is_touched(bracket, last=min(quote.last, quote.bid)))
        urgent = urgent or naked(bracket)
    soon = soon or bool(lookup.due(lookup.unresolved(account, now), now))
    unbooked = booking.unbooked_orders(account)
    return Need(soon=soon or bool(unbooked and booking.is_due(unbooked, now)), urgent=urgent)


def naked(bracket: core.Bracket) -> bool:
    """Coins whose protection was not seen, an order that is Unknown, a stop on its way out whose end was
    not read: the reserve is for these."""
    unseen = bracket.state is State.ENTRY_FILLED and bracket.uncovered > 0
    canceling = any(order.cancel_wanted for order in bracket.live_sells)
    unknown = any(order.status is OrderStatus.UNKNOWN for order in bracket.orders)
    return unseen or unknown or (bracket.state is State.EXITING and canceling)


def attempt(row: Bracket, event: TargetTouched | Tick) -> None:
    try:
        operations.apply(row.pk, event, actor=ACTOR)
    except RefusedEvent:
        pass  # the bracket moved on since it was looked at
