"""Bringing the book and the venue together: one cycle of readings, and sending what follows.

A cycle costs a few private calls whatever the number of brackets: OpenOrders once and the orders of ours
it does not show (or, where every id is known and one call can name them all, those alone); closed orders
only for what is Unknown or missing; money in one batch.

`drive` sends what is due and reads at once what the next step waits for (the end of a canceled order, the
terms of an amended one), so that touch → cancel → confirm → sell is one sequence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from django.db.models import Q
from django.utils import timezone

from brackets import (
    booking,
    clocks,
    dispatch,
    looks,
    lookup,
    operations,
    readers,
    records,
    recovery,
    reports,
    sentinel,
    sight,
    strangers,
)
from brackets.core import orders as core
from brackets.core.states import LIVE, OrderStatus, Policy, Role, State
from brackets.core.timers import is_long
from brackets.models import Account, Bracket, Effect, Order
from brackets.modes import Modes
from brackets.sight import Need, see_prices
from brackets.venue.port import Venue, VenueUnavailable

__all__ = ["Need", "cycle", "drive", "see_prices", "swap_back_all"]
log = logging.getLogger("backstop.reconcile")
Clock = Callable[[], datetime]
DRIVE_ROUNDS = 20
ONE_QUERY = 50  # orders that one call can name
EXPECT_NOTHING = timedelta(seconds=30)  # between looks at all open orders when every id is known
SECONDARY_PATIENCE_SECONDS = 60
SECONDARY_SPACING = timedelta(seconds=10)  # between looks for one that should have been visible by now
SWAP_BACK_SECONDS = 6
SWAP_BACK_PAUSE_SECONDS = 0.3
SWAP_BACK_READING = timedelta(seconds=1)


def drive(
    account: Account,
    venue: Venue,
    clock: Clock = timezone.now,
    modes: Modes | None = None,
    *,
    seconds: float | None = None,
) -> None:
    """Send all that is due, and what follows from the answers, until nothing is due any more. What must be
    read of one round is read with one call. `modes`: see `dispatch_due`. With `seconds` no round begins
    later: whoever has other duties leaves the rest of a long way out to the loop that sends."""
    modes, began = modes or Modes(), clock()
    for _ in range(DRIVE_ROUNDS):
        wanted = dispatch.dispatch_due(account, venue, clock, modes)
        if not wanted:
            return
        if untold := still_untold(account, wanted):
            read_orders(account, venue, untold, clock)
        if seconds is not None and clock() - began >= timedelta(seconds=seconds):
            return


def still_untold(account: Account, venue_order_ids: list[str]) -> list[str]:
    """Those whose end nobody has told yet: where the stream was faster than our turn, no reading is wanted,
    and what follows does not stand behind it."""
    ours = Order.objects.filter(account=account, venue_order_id__in=venue_order_ids)
    told = set(ours.exclude(status__in=LIVE).values_list("venue_order_id", flat=True))
    return [one for one in venue_order_ids if one not in told]


def read_orders(account: Account, venue: Venue, venue_order_ids: list[str], clock: Clock) -> None:
    asked_at = clock()
    found = venue.orders(sorted(set(venue_order_ids)), urgent=True)
    reports.absorb(account, found, asked_at=asked_at)


def cycle(
    account: Account,
    venue: Venue,
    *,
    urgent: bool = False,
    books: bool = True,
    answered: Callable[[], None] = lambda: None,
    clock: Clock = timezone.now,
) -> None:
    """One full comparison of our live orders with the venue. Raises VenueUnavailable; what was read
    until then has been applied.

    `books`: whether what can wait is done too. While something is Unknown, whose next look must find budget,
    only the bookings that may explain a refused sell are made. `answered` is called as soon as the venue gave
    a first answer."""
    with recovery.saying_why(account):
        asked_at = clock()
        unresolved = lookup.unresolved(account, asked_at)
        shown = read_orders_of_ours(account, venue, unresolved, asked_at, urgent, answered, clock)
        read_doubted(account, venue, clock)
        find_missing_secondaries(account, venue, clock())
        if books:
            pressed = bool(unresolved and lookup.unresolved(account, clock()))
            if not pressed:
                recheck_proofs(account, venue, asked_at)
            close_books(account, venue, clock(), pressed=pressed)
        if account.first_balances_at is None:  # before the first entry: what is there is not our doing
            readers.refresh_balances(account, venue, urgent=True)
        if account.recovered_at is None:
            recovery.judge(account, shown, clock())
    account.reconciled_at = asked_at
    account.save(update_fields=["reconciled_at", *looks.FIELDS])
    sentinel.verify(account, at=asked_at)


def read_orders_of_ours(
    account: Account,
    venue: Venue,
    unresolved: list[Effect],
    asked_at: datetime,
    urgent: bool,
    answered: Callable[[], None],
    clock: Clock,
) -> frozenset[str]:
    """Read every order of ours that may live, and look up what is Unknown and due. Returns the venue's ids of
    our orders that were shown. Raises VenueUnavailable."""
    live, unknown = live_order_ids(account), lookup.due(unresolved, asked_at)
    if unknown or len(live) > ONE_QUERY or must_read_open_orders(account, asked_at):
        open_reports = list(venue.open_orders(urgent=urgent or bool(unknown)))
        answered()
        answered_at = clock()
        shown = reports.absorb(account, open_reports, asked_at=asked_at).seen
        looks.note_open(account, asked_at=asked_at, answered_at=answered_at)  # one that failed is none
        silent = sorted(set(live_order_ids(account)) - shown)
    else:  # each that can live has an id: one call says all
        open_reports, shown, silent = [], frozenset(), live
    found = [lookup.resolve(account, venue, effect, open_reports, asked_at=asked_at) for effect in unknown]
    if any(found):  # an entry that has a number now has its secondaries among the open orders
        shown |= reports.absorb(account, open_reports, asked_at=asked_at).seen
    if account.open_orders_read_at == asked_at:
        strangers.note_orders(account, open_reports, shown, asked_at)
    if silent:
        silent_at = clock()
        ended = venue.orders(silent, urgent=urgent)
        answered()
        shown |= reports.absorb(account, ended, asked_at=silent_at).seen
    return shown


def read_doubted(account: Account, venue: Venue, clock: Clock) -> None:
    """Read at once a second time what one reading told: a leg that others canceled or altered."""
    asked_at = clock()
    if doubted := reports.doubted(account, asked_at):
        reports.absorb(account, venue.orders(doubted, urgent=True), asked_at=asked_at)


def live_order_ids(account: Account) -> list[str]:
    """Venue ids of the orders we hold for open."""
    live = Order.objects.filter(account=account, status=OrderStatus.OPEN).exclude(venue_order_id=None)
    return sorted(live.values_list("venue_order_id", flat=True))


def must_read_open_orders(account: Account, now: datetime) -> bool:
    """Whether the venue may have orders of ours whose ids we do not know: after a start, while an
    entry's secondaries are awaited, and now and then for what nobody expects."""
    read_at = account.open_orders_read_at
    if account.recovered_at is None or read_at is None or is_long(read_at, now, EXPECT_NOTHING):
        return True
    entering = Bracket.objects.filter(account=account, state__in=[State.ENTRY_PLACED, State.ENTRY_FILLED])
    return entering.exists() or bool(entries_lacking_secondaries(account, now))


# --- secondaries and books -----------------------------------------------------------------------------


def find_missing_secondaries(account: Account, venue: Venue, now: datetime) -> None:
    """Secondaries of an entry that are not among the open orders may have ended already: look there
    until every fill of the entry is accounted for, and once more as soon as that proves that there is none.
    One that should have been visible long ago is looked for now and then: a part below the venue's minimum
    may have none."""
    missing = entries_lacking_secondaries(account, now)
    if not missing:
        return
    visible = timedelta(seconds=operations.RULES.visibility_seconds)
    read_at = account.closed_orders_read_at
    awaited = any(read_at is None or read_at < entry.updated_at + visible for entry in missing)
    spaced = read_at is None or is_long(read_at, now, SECONDARY_SPACING)
    due = [entry.bracket.secondaries_due_at for entry in missing if entry.bracket.secondaries_due_at]
    if not (awaited or spaced or looks.would_prove(account, due, now)):
        return
    since = min(opened_by(venue, entry) for entry in missing) - timedelta(seconds=5)
    parents = {entry.venue_order_id for entry in missing}
    closed = venue.closed_orders(since=since, urgent=True)
    reports.absorb(account, [r for r in closed if r.parent_venue_order_id in parents], asked_at=now)
    looks.note_closed(account, asked_at=now)  # one that failed is none


def opened_by(venue: Venue, order: Order) -> datetime:
    """When an order was opened, by the venue's clock, or a moment that is certainly before."""
    return order.opened_at or clocks.not_later_by_venue(venue, order.created_at)


def entries_lacking_secondaries(account: Account, now: datetime) -> list[Order]:
    """Filled entries for which the venue has not shown a stop of every fill: those we heard of not long ago,
    and those, however old, for which no complete look has told what there is."""
    since = now - timedelta(seconds=SECONDARY_PATIENCE_SECONDS)
    entries = (
        Order.objects.filter(account=account, role=Role.ENTRY, filled_quantity__gt=0)
        .filter(Q(updated_at__gt=since) | Q(bracket__secondaries_due_at__isnull=False))
        .filter(bracket__attach_stop=True)
        .exclude(bracket__state=State.EXIT_COMPLETE)
        .select_related("bracket")
        .prefetch_related("bracket__orders")
    )
    return [entry for entry in entries if recovery.lacks_stops(entry.bracket)]


def recheck_proofs(account: Account, venue: Venue, now: datetime) -> None:
    doubted = lookup.doubted(account, now)
    if doubted is not None:
        lookup.recheck(account, venue, doubted, now)


def close_books(account: Account, venue: Venue, now: datetime, *, pressed: bool = False) -> None:
    unbooked = booking.unbooked_orders(account)
    due = booking.explain_refusals if pressed else partial(booking.is_due, now=now)
    if unbooked and due(unbooked):
        booking.book(account, venue, unbooked)


# --- a clean end -----------------------------------------------------------------------------------------


def swap_back_all(
    account: Account,
    venue: Venue,
    *,
    clock: Clock = timezone.now,
    pause: Callable[[float], None] = time.sleep,
    seconds: float = SWAP_BACK_SECONDS,
) -> tuple[str, ...]:
    """Bring every stop back to the venue before nobody watches any more. Takes `seconds` at most; says in
    a sentence each what could not be brought back by then."""
    until = clock() + timedelta(seconds=seconds)
    left = {row.pk for row, bracket in sight.load_open(account) if is_watched_by_us(bracket)}
    read_at = clock()
    while left and clock() < until:
        try:
            swap_back(account, venue, left, clock)
            if clock() - read_at >= SWAP_BACK_READING:
                read_at = clock()
                read_orders(account, venue, live_ids_of(left), clock)
        except VenueUnavailable as error:
            log.warning("stops cannot be brought back yet: %s", error)
        left = {row.pk for row, bracket in loaded(account, left) if not is_safe(bracket)}
        if left:
            pause(SWAP_BACK_PAUSE_SECONDS)
    said = tuple(
        f"bracket {row.pk} ({row.symbol}): its stop at {bracket.stop_price} does not rest on the venue"
        for row, bracket in loaded(account, left)
    )
    for sentence in said:
        log.warning("ALARM %s", sentence)
    return said


def is_watched_by_us(bracket: core.Bracket) -> bool:
    """Whether the target rests (or is about to) and the stop is in our hands."""
    resting = any(target.rests_as_limit for target in bracket.live_targets)
    return bracket.policy is Policy.NEAREST and (bracket.resting is Role.TARGET or resting)


def is_safe(bracket: core.Bracket) -> bool:
    """Whether the stop rests again, or the bracket is over."""
    return bracket.fully_stopped or (bracket.coins <= 0 and bracket.idle)


def loaded(account: Account, keys: set[int]) -> list[sight.Loaded]:
    rows = operations.open_brackets(account).filter(pk__in=keys)
    return [(row, records.load(row)) for row in rows]


def swap_back(account: Account, venue: Venue, keys: set[int], clock: Clock) -> None:
    """One round: nobody watches, says the tick; then send and read what follows."""
    brackets = loaded(account, keys)
    conditions = sight.conditions_of(account, {row.symbol for row, _ in brackets}, clock(), watched=False)
    for row, bracket in brackets:
        sight.look(row, bracket, conditions.tick(row.symbol, None), None)
    drive(account, venue, clock)


def live_ids_of(keys: set[int]) -> list[str]:
    live = Order.objects.filter(bracket__in=keys, status__in=LIVE).exclude(venue_order_id=None)
    return list(live.values_list("venue_order_id", flat=True))
