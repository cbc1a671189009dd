"""How long coins were without protection, measured by the venue's own clock.

Pure. Our knowledge lags; the truth is in the times the venue states: coins exist from an entry's end
(its fill), an order protects from its opening to its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brackets.core.orders import BracketOrder
from brackets.core.states import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    unprotected_seconds: Decimal  # coins held and no live sell order
    unstopped_seconds: Decimal  # coins held and no live stop


def exposure(orders: Iterable[BracketOrder], until: datetime) -> Exposure:
    """Seconds, up to `until`, in which the bracket held coins without a live sell, and without a
    live stop. A market entry's fill is dated by its end (or its opening while it is partly filled)."""
    known = tuple(with_opening(order) for order in orders if order.opened_at or order.venue_order_id)
    entries = [order for order in known if order.role is Role.ENTRY and order.filled > 0]
    if not entries:
        return Exposure(unprotected_seconds=Decimal(0), unstopped_seconds=Decimal(0))
    begin = min(order.ended_at or order.opened_at or until for order in entries)
    sells = [order for order in known if order.role is not Role.ENTRY]
    bought = sum((order.filled for order in entries), Decimal(0))
    sold = sum((order.filled for order in sells), Decimal(0))
    ends = [order.ended_at for order in sells if order.ended_at is not None and order.filled > 0]
    end = max(ends) if ends and sold >= bought else until
    stops = [order for order in sells if order.role is Role.STOP]
    return Exposure(
        unprotected_seconds=uncovered_seconds(sells, begin, end),
        unstopped_seconds=uncovered_seconds(stops, begin, end),
    )


def with_opening(order: BracketOrder) -> BracketOrder:
    """An order the venue accepted and no reading has dated yet was opened when we sent it."""
    return order if order.opened_at is not None else replace(order, opened_at=order.created_at)


def uncovered_seconds(orders: Iterable[BracketOrder], begin: datetime, end: datetime) -> Decimal:
    """Length of [begin, end] in which none of the orders was live on the venue."""
    spans = sorted((order.opened_at, order.ended_at or end) for order in orders if order.opened_at)
    total, reached = Decimal(0), begin
    for opened, ended in spans:
        if opened > reached:
            total += max(seconds(min(opened, end) - reached), Decimal(0))
        reached = max(reached, min(ended, end))
        if reached >= end:
            return total
    return total + max(seconds(end - reached), Decimal(0))


def seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(milliseconds=1)) / 1000
