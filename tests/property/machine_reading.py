"""What the little venue (`machine_venue.py`) says of an order, as events of the machine."""

from __future__ import annotations

from datetime import datetime, timedelta

from brackets.core.events import FillBooked, OrderReported
from brackets.core.orders import BracketOrder
from brackets.core.states import Role
from tests.property.machine_setup import BEGIN
from tests.property.machine_venue import VenueOrder


def reading(order: VenueOrder, at: datetime) -> OrderReported:
    """The whole order."""
    return OrderReported(
        at=at,
        venue_order_id=order.id,
        client_order_id=order.key,
        parent_venue_order_id=order.parent,
        role_if_new=Role.STOP if order.parent else None,
        status=order.status,
        quantity=order.quantity,
        filled=order.filled,
        average_price=order.average_price,
        trigger_price=order.trigger,
        limit_price=order.limit,
        triggered=order.triggered,
        opened_at=BEGIN + timedelta(seconds=order.created),
        ended_at=None if order.ended is None else BEGIN + timedelta(seconds=order.ended),
        trade_ids=frozenset(trade.id for trade in order.trades),
        reason=order.reason,
    )


def whisper(order: VenueOrder, booked: BracketOrder, at: datetime) -> OrderReported:
    """An update of the stream: what happened, not on what terms; those are as the book has them."""
    return OrderReported(
        at=at,
        venue_order_id=order.id,
        client_order_id=order.key,
        parent_venue_order_id=order.parent,
        role_if_new=None,
        status=order.status,
        quantity=booked.quantity,
        filled=order.filled,
        average_price=order.average_price,
        triggered=order.triggered,
        states_terms=False,
        ended_at=None if order.ended is None else BEGIN + timedelta(seconds=order.ended),
        trade_ids=frozenset(trade.id for trade in order.trades),
        reason=order.reason,
    )


def booking(order: VenueOrder, number: int, at: datetime) -> FillBooked:
    """One of its fills with its money."""
    trade = order.trades[number % len(order.trades)]
    return FillBooked(
        at=at,
        venue_order_id=order.id,
        venue_trade_id=trade.id,
        quantity=trade.quantity,
        base_fee=trade.base_fee,
    )
