"""How long coins were without protection, measured by the venue's own clock.

Pure. Our knowledge lags; the truth is in the times the venue states: coins exist from an entry's first
fill (or from the bracket's beginning, where it protects coins held before), an order protects from its
opening to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brackets.core.orders import ZERO, BracketOrder, total_filled
from brackets.core.states import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    unprotected_seconds: Decimal  # coins held and no live sell order
    unstopped_seconds: Decimal  # coins held and no live stop
    bare_for_seconds: Decimal = ZERO  # of these, the stretch without a live sell that lasts; zero: none does
    stopless_for_seconds: Decimal = ZERO  # … and the one without a live stop


def exposure(
    orders: Iterable[BracketOrder],
    until: datetime,
    *,
    held_quantity: Decimal = ZERO,
    held_since: datetime | None = None,
) -> Exposure:
    """Seconds, up to `until`, in which the bracket held coins without a live sell, and without a live
    stop. `held_quantity` coins were there before, and are the bracket's from `held_since` on. A limit
    entry that rests unfilled holds no coins. What a late event tells is older than what is known: the time
    reaches at least to the newest moment that the orders state."""
    orders = tuple(orders)
    until = max([until, *stated(orders)])
    known = tuple(with_opening(order) for order in orders if order.opened_at or order.venue_order_id)
    sells = [order for order in known if order.role is not Role.ENTRY]
    entries = [order for order in known if order.role is Role.ENTRY and order.filled > 0]
    begins = [first_fill(entry, sells, until) for entry in entries]
    if held_quantity > 0 and held_since is not None:
        begins.append(held_since)
    if not begins:
        return Exposure(unprotected_seconds=ZERO, unstopped_seconds=ZERO)
    begin = min(begins)
    acquired = held_quantity + total_filled(entries)
    ends = [order.ended_at for order in sells if order.ended_at is not None and order.filled > 0]
    over = bool(ends) and total_filled(sells) >= acquired
    end = max(ends) if over else until
    stops = [order for order in sells if order.role is Role.STOP]
    return Exposure(
        unprotected_seconds=uncovered_seconds(sells, begin, end),
        unstopped_seconds=uncovered_seconds(stops, begin, end),
        bare_for_seconds=ZERO if over else lasting_seconds(sells, begin, end),
        stopless_for_seconds=ZERO if over else lasting_seconds(stops, begin, end),
    )


def first_fill(entry: BracketOrder, sells: Sequence[BracketOrder], until: datetime) -> datetime:
    """When an entry's first coins came. Each of these times is it or later: what a trade or a reading
    said of the first fill, the entry's own end, the opening of the stops the venue made of its fills.
    Where none is known yet a market order filled as it opened, a limit order just now."""
    made_by_venue = [order.opened_at for order in sells if order.key == order.venue_order_id]
    moments = [m for m in (entry.first_filled_at, entry.ended_at, *made_by_venue) if m is not None]
    if entry.limit_price is None and entry.ended_at is None and entry.opened_at is not None:
        moments.append(entry.opened_at)
    return max(min(moments, default=until), entry.opened_at or until)


def stated(orders: Iterable[BracketOrder]) -> Iterator[datetime]:
    """Moments of the orders that have passed, whenever it is asked."""
    for order in orders:
        yield from (m for m in (order.opened_at, order.first_filled_at, order.ended_at) if m is not None)


def with_opening(order: BracketOrder) -> BracketOrder:
    """An order the venue accepted and no reading has dated yet was opened when we sent it."""
    return order if order.opened_at is not None else replace(order, opened_at=order.created_at)


def uncovered_seconds(orders: Iterable[BracketOrder], begin: datetime, end: datetime) -> Decimal:
    """Length of [begin, end] in which none of the orders was live on the venue."""
    spans = sorted((order.opened_at, order.ended_at or end) for order in orders if order.opened_at)
    total, reached = ZERO, begin
    for opened, ended in spans:
        if opened > reached:
            total += max(seconds(min(opened, end) - reached), ZERO)
        reached = max(reached, min(ended, end))
        if reached >= end:
            return total
    return total + max(seconds(end - reached), ZERO)


def lasting_seconds(orders: Iterable[BracketOrder], begin: datetime, end: datetime) -> Decimal:
    """Length of the stretch up to `end` in which none of the orders was live; zero while one is."""
    reached = [order.ended_at or end for order in orders if order.opened_at and order.opened_at <= end]
    return max(seconds(end - max([begin, *reached])), ZERO)


def seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(milliseconds=1)) / 1000
