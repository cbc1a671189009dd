"""From what the venue reports to events of the machine: matching orders, adopting secondaries.

Two ways in: whole reports that were asked for (REST), and updates that the venue sends by itself (its
stream), which say only what changed. Only what says something new opens a transaction: a quiet book costs
one query.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone

from brackets import operations
from brackets.core.events import OrderReported
from brackets.core.machine import RefusedEvent
from brackets.core.states import OrderStatus, Role, State
from brackets.models import Account, Order
from brackets.venue.port import OrderKind, OrderReport, OrderUpdate, Side, VenueStatus
from risk import alerts

log = logging.getLogger("backstop.reports")
ACTOR = "reconcile"
NOT_TAKEN_IN = "reading_not_taken_in"  # the code of the alert
DOUBTED_SECONDS = 60  # for so long a second reading of the same order is looked for
STATUSES = {
    VenueStatus.PENDING: OrderStatus.OPEN,
    VenueStatus.OPEN: OrderStatus.OPEN,
    VenueStatus.CLOSED: OrderStatus.FILLED,
    VenueStatus.CANCELED: OrderStatus.CANCELED,
    VenueStatus.EXPIRED: OrderStatus.EXPIRED,
}
STOP_KINDS = frozenset({OrderKind.STOP_LOSS, OrderKind.STOP_LOSS_LIMIT, OrderKind.MARKET})


@dataclass(frozen=True, kw_only=True, slots=True)
class Absorbed:
    """What a set of readings was about."""

    seen: frozenset[str]  # venue ids of ours that were in it
    changed: int


def absorb(account: Account, reports: Iterable[OrderReport], *, asked_at: datetime | None = None) -> Absorbed:
    """Apply every report of an order of ours; foreign orders are left alone. `asked_at` is when the reading
    was asked for (now, where it was not said): what it shows may be older than when it is read."""
    asked_at = asked_at or timezone.now()
    reports = sorted(reports, key=lambda r: r.parent_venue_order_id is not None)  # parents first
    ours = our_orders(account, reports)
    seen, changed = set(), 0
    for report in reports:
        order = match(ours, report)
        if order is None:
            continue
        seen.add(report.venue_order_id)
        if not says_something_new(order, report):
            continue
        adopting = order.venue_order_id == report.parent_venue_order_id
        changed += apply_report(order, report, adopting=adopting, asked_at=asked_at)
    return Absorbed(seen=frozenset(seen), changed=changed)


def our_orders(account: Account, reports: Sequence[OrderReport | OrderUpdate]) -> dict[str, Order]:
    """Our orders that the reports speak of, by venue id and by client id."""
    venue_ids = {r.venue_order_id for r in reports} | {
        r.parent_venue_order_id for r in reports if r.parent_venue_order_id
    }
    client_ids = {parsed for r in reports if (parsed := as_uuid(r.client_order_id))}
    found: dict[str, Order] = {}
    for order in Order.objects.filter(account=account).filter(
        Q(venue_order_id__in=venue_ids) | Q(client_order_id__in=client_ids)
    ):
        if order.venue_order_id:
            found[order.venue_order_id] = order
        if order.client_order_id:
            found[str(order.client_order_id)] = order
    return found


def as_uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None  # not an id of ours


def match(ours: dict[str, Order], report: OrderReport | OrderUpdate) -> Order | None:
    """The order the report is about; for an unknown secondary its parent."""
    for key in (report.venue_order_id, report.client_order_id, report.parent_venue_order_id):
        if key and (order := ours.get(key)):
            return order
    return None


def says_something_new(order: Order, report: OrderReport) -> bool:
    return (
        order.venue_order_id != report.venue_order_id
        or not order.read_back
        or order.status != STATUSES[report.status]
        or order.filled_quantity != report.filled_quantity
        or order.quantity != report.quantity
        or order.amendment is not None  # a reading settles it, by the terms it shows
        or order.is_doubted  # a second reading is awaited
        or (report.trigger_price is not None and order.trigger_price != report.trigger_price)
        or (report.limit_price is not None and order.limit_price != report.limit_price)
        or (report.triggered and not order.triggered)
        or not set(report.trade_ids) <= set(order.trade_ids)
    )


def doubted(account: Account, now: datetime) -> list[str]:
    """Venue ids of legs of which one reading alone told that others canceled or altered them."""
    orders = Order.objects.filter(
        account=account, amiss_agreed=False, amiss_at__gt=now - timedelta(seconds=DOUBTED_SECONDS)
    )
    open_ones = orders.exclude(venue_order_id=None).exclude(bracket__state=State.EXIT_COMPLETE)
    return sorted(open_ones.values_list("venue_order_id", flat=True))


def apply_report(order: Order, report: OrderReport, *, adopting: bool, asked_at: datetime) -> bool:
    """Whether the bracket changed. A defect in one is alarmed, and keeps no other from its readings: what was
    not taken in is asked for again."""
    event = event_of(report, adopting, asked_at)
    try:
        return apply_event(order, event)
    except (DatabaseError, operations.Superseded):
        raise
    except Exception as defect:
        log.exception("report of %s cannot be taken in", report.venue_order_id)
        alerts.raise_alert(
            account=order.account.name,
            severity=alerts.Severity.CRITICAL,
            code=NOT_TAKEN_IN,
            subject=f"bracket {order.bracket_id}",
            message=f"A reading of {report.venue_order_id} cannot be taken in: {defect!r}",
            at=asked_at,
        )
        return False


def apply_event(order: Order, event: OrderReported) -> bool:
    """Whether the bracket changed."""
    try:
        return operations.apply(order.bracket_id, event, actor=ACTOR) is not None
    except RefusedEvent as refused:
        log.error("report of %s refused: %s", event.venue_order_id, refused)
        return False


def event_of(report: OrderReport, adopting: bool, asked_at: datetime) -> OrderReported:
    return OrderReported(
        at=asked_at,
        venue_order_id=report.venue_order_id,
        client_order_id=report.client_order_id,
        parent_venue_order_id=report.parent_venue_order_id,
        role_if_new=Role.STOP if adopting and is_stop(report) else None,
        status=STATUSES[report.status],
        quantity=report.quantity,
        filled=report.filled_quantity,
        average_price=report.average_price,
        trigger_price=report.trigger_price,
        limit_price=report.limit_price,
        triggered=report.triggered,
        opened_at=report.opened_at,
        ended_at=report.closed_at,
        trade_ids=frozenset(report.trade_ids),
        reason=report.reason,
    )


def is_stop(report: OrderReport | OrderUpdate) -> bool:
    return report.side is Side.SELL and report.kind in STOP_KINDS


# --- what the venue's stream says ------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class AbsorbedUpdates:
    """What a set of updates was about. `unclear` are venue ids that may be orders of ours and of which too
    little was said: they must be read. An order whose end was told can be among them, for its last terms."""

    seen: frozenset[str]
    changed: int
    unclear: frozenset[str]


def absorb_updates(
    account: Account, updates: Iterable[OrderUpdate], *, heard_at: datetime | None = None
) -> AbsorbedUpdates:
    """Apply every update of an order of ours, in the order they came; foreign orders are left alone. What an
    update does not say is taken from our own row. `heard_at` is when the venue said it (now, where it was
    not said). No money is booked from it."""
    heard_at = heard_at or timezone.now()
    updates = list(updates)
    ours = our_orders(account, updates)
    seen: set[str] = set()
    unclear: set[str] = set()
    changed = 0
    for update in updates:
        order = match(ours, update)
        if order is None:
            if update.symbol is None:  # never introduced: whose it is was not said
                unclear.add(update.venue_order_id)
            continue
        adopting = update.venue_order_id != order.venue_order_id and not is_named(order, update)
        if not adopting and states_old_terms(order, update):
            unclear.add(update.venue_order_id)
            update = replace(update, quantity=None, trigger_price=None, limit_price=None)
        if (adopting and not states_whole(update)) or ends_at_unknown_size(order, update):
            unclear.add(update.venue_order_id)
            continue
        if ends_at_unknown_terms(order, update):
            unclear.add(update.venue_order_id)
        seen.add(update.venue_order_id)
        if not adopting and not tells_something_new(order, update):
            continue
        event = event_of_update(order, update, adopting=adopting, heard_at=heard_at)
        changed += apply_event(order, event)
        refresh(account, ours, order, update)
    return AbsorbedUpdates(seen=frozenset(seen), changed=changed, unclear=frozenset(unclear))


def is_named(order: Order, update: OrderUpdate) -> bool:
    """Whether the update names the order by our own id: it is the order, not one the venue made of it."""
    return update.client_order_id is not None and update.client_order_id == str(order.client_order_id)


def states_whole(update: OrderUpdate) -> bool:
    """Whether enough is said to take an order into the book that was not in it."""
    return None not in (update.side, update.kind, update.status, update.quantity)


def states_old_terms(order: Order, update: OrderUpdate) -> bool:
    """Whether the venue said these terms before others were read: news may wait long to be taken in. Where
    our clock is ahead of the venue's it looks so too, and the order is read once more."""
    return update.quantity is not None and order.touched_at is not None and update.at < order.touched_at


def ends_at_unknown_size(order: Order, update: OrderUpdate) -> bool:
    """Whether "filled" leaves open how much: new terms were asked for and no message tells which held."""
    closed = update.status is VenueStatus.CLOSED
    return closed and update.filled_quantity is None and ends_at_unknown_terms(order, update)


def ends_at_unknown_terms(order: Order, update: OrderUpdate) -> bool:
    """Whether an order is over and no message told what became of the new terms that were asked for: the end
    counts at once, and nobody else would read an ended order again."""
    over = update.status is not None and STATUSES[update.status] is not OrderStatus.OPEN
    return over and update.quantity is None and order.amendment is not None


def tells_something_new(order: Order, update: OrderUpdate) -> bool:
    filled = update.filled_quantity
    states_terms = update.quantity is not None
    return (
        order.venue_order_id != update.venue_order_id
        or not order.read_back
        or (update.status is not None and order.status != STATUSES[update.status])
        or (filled is not None and filled > order.filled_quantity)
        or (states_terms and (order.quantity != update.quantity or order.amendment is not None))
        or (update.trigger_price is not None and order.trigger_price != update.trigger_price)
        or (update.limit_price is not None and order.limit_price != update.limit_price)
        or (update.triggered and not order.triggered)
        or not set(update.trade_ids) <= set(order.trade_ids)
    )


def event_of_update(
    order: Order, update: OrderUpdate, *, adopting: bool, heard_at: datetime
) -> OrderReported:
    """The event of an update; `order` is our row of it, or its parent when it is to be adopted."""
    status = STATUSES[update.status or VenueStatus.OPEN]
    ended = status is not OrderStatus.OPEN
    quantity = update.quantity or order.quantity
    filled = update.filled_quantity
    if filled is None:  # of an order filled whole its quantity; else what is known already
        known = Decimal(0) if adopting else order.filled_quantity
        filled = quantity if status is OrderStatus.FILLED else known
    return OrderReported(
        at=heard_at,
        venue_order_id=update.venue_order_id,
        client_order_id=update.client_order_id,
        parent_venue_order_id=update.parent_venue_order_id,
        role_if_new=Role.STOP if adopting and is_stop(update) else None,
        status=status,
        quantity=quantity,
        filled=filled,
        average_price=update.average_price,
        trigger_price=update.trigger_price,
        limit_price=update.limit_price,
        triggered=update.triggered,
        states_terms=update.quantity is not None,
        opened_at=None if ended or filled else update.at,
        ended_at=update.at if ended else None,
        trade_ids=frozenset(update.trade_ids),
        reason=update.reason,
    )


def refresh(account: Account, ours: dict[str, Order], order: Order, update: OrderUpdate) -> None:
    """Know the rows as they are now: a later update of the same batch builds on this one."""
    names = [update.venue_order_id, *(key for key, row in ours.items() if row.pk == order.pk)]
    fresh = Order.objects.filter(account=account, venue_order_id=update.venue_order_id).first()
    if fresh is not None:
        ours |= dict.fromkeys(names if fresh.pk == order.pk else names[:1], fresh)
