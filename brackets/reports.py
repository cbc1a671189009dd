"""From what the venue reports to events of the machine: matching orders, adopting secondaries.

Only readings that say something new open a transaction: a quiet book costs one query.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from brackets import operations
from brackets.core.events import OrderReported
from brackets.core.machine import RefusedEvent
from brackets.core.states import OrderStatus, Role
from brackets.models import Account, Order
from brackets.venue.port import OrderKind, OrderReport, Side, VenueStatus

log = logging.getLogger("backstop.reports")
ACTOR = "reconcile"
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


def absorb(
    account: Account, reports: Iterable[OrderReport], *, asked_at: datetime | None = None
) -> Absorbed:
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


def our_orders(account: Account, reports: list[OrderReport]) -> dict[str, Order]:
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


def match(ours: dict[str, Order], report: OrderReport) -> Order | None:
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
        or (report.trigger_price is not None and order.trigger_price != report.trigger_price)
        or (report.limit_price is not None and order.limit_price != report.limit_price)
        or (report.triggered and not order.triggered)
        or not set(report.trade_ids) <= set(order.trade_ids)
    )


def apply_report(order: Order, report: OrderReport, *, adopting: bool, asked_at: datetime) -> bool:
    event = event_of(report, adopting, asked_at)
    try:
        return operations.apply(order.bracket_id, event, actor=ACTOR) is not None
    except RefusedEvent as refused:
        log.error("report of %s refused: %s", report.venue_order_id, refused)
        return False


def event_of(report: OrderReport, adopting: bool, asked_at: datetime) -> OrderReported:
    is_stop = report.side is Side.SELL and report.kind in STOP_KINDS
    return OrderReported(
        at=asked_at,
        venue_order_id=report.venue_order_id,
        client_order_id=report.client_order_id,
        parent_venue_order_id=report.parent_venue_order_id,
        role_if_new=Role.STOP if adopting and is_stop else None,
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
