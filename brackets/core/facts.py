"""Absorbing events: what is known about a bracket's orders after one more fact.

Pure. First half of a step: facts only, no decision (that is `decisions.py`). Facts only ever grow:
an older reading never lowers a filled quantity and never reopens an ended order, so that events may
arrive twice, late and in any order.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from brackets.core.events import (
    AmendAnswered,
    FillBooked,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    OrderValidated,
    OrderWithdrawn,
)
from brackets.core.orders import Amendment, Bracket, BracketOrder
from brackets.core.states import LIVE, AmendStatus, Answer, OrderStatus, Refusal, Role

OrderEvent = (
    OrderAccepted
    | OrderRefused
    | OrderUnknown
    | OrderAbsent
    | OrderWithdrawn
    | OrderValidated
    | AmendAnswered
    | OrderReported
    | FillBooked
)
NEVER_ARRIVED = frozenset(
    {OrderStatus.REJECTED, OrderStatus.DENIED, OrderStatus.ABSENT, OrderStatus.VALIDATED}
)
LEGS = frozenset({Role.STOP, Role.TARGET})
STALE_TERMS = timedelta(seconds=10)
"""For so long after an amendment was seen, a reading may still show the terms from before it."""


class RefusedEvent(Exception):
    """The machine does not take this event; nothing was changed."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal = refusal


def absorb(bracket: Bracket, event: OrderEvent) -> Bracket:
    """The bracket knowing `event` too. Raises RefusedEvent for an order that is none of ours, or
    when two facts cannot both be true."""
    if isinstance(event, OrderReported):
        return absorb_report(bracket, event)
    if isinstance(event, FillBooked):
        return absorb_booking(bracket, event)
    order = by_key(bracket, event.key)
    match event:
        case OrderAccepted():
            changed = accepted(order, event)
        case OrderRefused():
            changed = never_arrived(order, OrderStatus.REJECTED, event.reason)
        case OrderUnknown():
            changed = (
                replace(order, status=OrderStatus.UNKNOWN) if order.status is OrderStatus.INTENDED else order
            )
        case OrderAbsent():
            changed = never_arrived(order, OrderStatus.ABSENT, "")
        case OrderWithdrawn():
            changed = never_arrived(order, OrderStatus.DENIED, event.reason)
        case OrderValidated():
            changed = never_arrived(order, OrderStatus.VALIDATED, "")
        case AmendAnswered():
            changed = amend_answered(order, event)
    return bracket.replacing(changed)


def by_key(bracket: Bracket, key: str) -> BracketOrder:
    for order in bracket.orders:
        if order.key == key:
            return order
    raise RefusedEvent(Refusal.UNKNOWN_ORDER, f"no order {key} in this bracket")


def by_venue_order_id(bracket: Bracket, venue_order_id: str) -> BracketOrder | None:
    return next((o for o in bracket.orders if o.venue_order_id == venue_order_id), None)


def accepted(order: BracketOrder, event: OrderAccepted) -> BracketOrder:
    if order.venue_order_id not in (None, event.venue_order_id):
        raise RefusedEvent(
            Refusal.CONTRADICTION,
            f"order {order.key} is {order.venue_order_id} at the venue and was also accepted as "
            f"{event.venue_order_id}",
        )
    if order.status is OrderStatus.ABSENT:
        order = revived(order)  # the proof was wrong; the venue's own answer counts
    if order.status in NEVER_ARRIVED:
        raise RefusedEvent(
            Refusal.CONTRADICTION,
            f"order {order.key} was recorded as {order.status} and the venue accepted it as "
            f"{event.venue_order_id}",
        )
    status = OrderStatus.OPEN if order.status in LIVE else order.status
    return replace(order, status=status, venue_order_id=event.venue_order_id)


def never_arrived(order: BracketOrder, status: OrderStatus, reason: str) -> BracketOrder:
    """A late "no" about an order the venue is known to have is only noise."""
    if order.status not in (OrderStatus.INTENDED, OrderStatus.UNKNOWN):
        return order
    return replace(order, status=status, refused_reason=reason)


def revived(order: BracketOrder) -> BracketOrder:
    """An order that was given up and exists after all: what was wanted of it must be asked anew."""
    return replace(order, status=OrderStatus.OPEN, cancel_wanted=False, refused_reason="")


def absorb_report(bracket: Bracket, report: OrderReported) -> Bracket:
    known = by_venue_order_id(bracket, report.venue_order_id)
    if known is None and report.client_order_id is not None:
        known = next((o for o in bracket.orders if o.key == report.client_order_id), None)
    if known is None:
        return adopt(bracket, report)
    if known.venue_order_id not in (None, report.venue_order_id):
        raise RefusedEvent(
            Refusal.CONTRADICTION,
            f"the venue shows two orders under {known.key}: {known.venue_order_id} and "
            f"{report.venue_order_id}",
        )
    return bracket.replacing(reported(known, report))


def adopt(bracket: Bracket, report: OrderReported) -> Bracket:
    """Take a secondary of our entry into the bracket, by the entry's id it carries."""
    parents = {o.venue_order_id for o in bracket.orders if o.venue_order_id is not None}
    if report.parent_venue_order_id not in parents or report.role_if_new is None:
        raise RefusedEvent(
            Refusal.UNKNOWN_ORDER, f"order {report.venue_order_id} belongs to no order of this bracket"
        )
    fresh = BracketOrder(
        key=report.venue_order_id,
        role=report.role_if_new,
        quantity=report.quantity,
        first_quantity=report.quantity,
        status=OrderStatus.OPEN,
        created_at=report.opened_at or report.at,
        venue_order_id=report.venue_order_id,
    )
    return replace(bracket, orders=(*bracket.orders, reported(fresh, report)))


def reported(order: BracketOrder, report: OrderReported) -> BracketOrder:
    """The order after one reading. Filled grows, an end is an end, ids are collected."""
    if order.status in NEVER_ARRIVED:
        order = revived(order)
    newest = report.filled >= order.filled  # equal: a booking may have told the quantity before
    ends = report.status not in LIVE
    stale = not order.live and (not ends or report.filled < order.filled)
    seen_at = ((report.ended_at if ends else None) or report.at) if report.filled > 0 else None
    return replace(
        with_harm(order, with_terms(order, report), report),
        venue_order_id=report.venue_order_id,
        status=order.status if stale else report.status,
        filled=max(order.filled, report.filled),
        average_price=(report.average_price if newest else None) or order.average_price,
        triggered=order.triggered or report.triggered,
        read_back=True,
        end_reason=order.end_reason or (report.reason if ends else ""),
        opened_at=order.opened_at or report.opened_at,
        first_filled_at=earlier(order.first_filled_at, seen_at),
        ended_at=order.ended_at or (report.ended_at or report.at if ends else None),
        trade_ids=order.trade_ids | report.trade_ids,
    )


def with_harm(before: BracketOrder, order: BracketOrder, report: OrderReported) -> BracketOrder:
    """Whether somebody else canceled a leg or changed its terms, as one reading tells; and whether one that
    was asked for later agrees."""
    if order.role not in LEGS:
        return order
    if before.live and report.status not in LIVE:
        by_others = report.status is OrderStatus.CANCELED and not order.cancel_wanted
        return replace(order, amiss_at=report.at if by_others else None, amiss_agreed=False)
    if before.live and altered(before, order):
        return replace(order, amiss_at=report.at, amiss_agreed=False)
    if order.amiss_at is None or report.at <= order.amiss_at:
        return order
    agrees = (report.status in LIVE) is before.live
    return replace(order, amiss_agreed=order.amiss_agreed or agrees)


def altered(before: BracketOrder, order: BracketOrder) -> bool:
    """Whether terms that were read before are other ones now, and we asked for no change."""
    if before.amendment is not None or not before.read_back:
        return False
    return (before.quantity, before.trigger_price, before.limit_price) != (
        order.quantity,
        order.trigger_price,
        order.limit_price,
    )


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two moments, as far as they are known: a fill is seen after it happened, never
    before."""
    return min((moment for moment in (one, other) if moment is not None), default=None)


# --- terms and amendments ------------------------------------------------------------------------


def amend_answered(order: BracketOrder, event: AmendAnswered) -> BracketOrder:
    """What the venue said to an amendment; of one that was settled meanwhile it is only noise."""
    asked = order.amendment
    if asked is None or asked.number != event.number:
        return order
    if event.answer is Answer.REFUSED:
        return replace(order, amendment=None, amend_refused=event.reason)
    if event.answer is Answer.UNKNOWN and asked.status is AmendStatus.ACCEPTED:
        return order
    status = AmendStatus.ACCEPTED if event.answer is Answer.ACCEPTED else AmendStatus.UNKNOWN
    return replace(order, amendment=replace(asked, status=status, provable_from=event.provable_from))


def with_terms(order: BracketOrder, report: OrderReported) -> BracketOrder:
    """Quantity and prices as the reading states them. A reading with the wanted terms settles an
    amendment as done; one with the old terms, late enough, as not done; soon after an amendment the old
    terms are only a stale reading."""
    if not report.states_terms:
        return proven_by_fill(order, report.filled, whole=report.status is OrderStatus.FILLED)
    if not order.live and report.status in LIVE:
        return order  # it is from before the end
    asked = order.amendment
    if asked is not None and shows(report, asked):
        order = replace(
            order,
            amendment=None,
            amend_refused="",
            touched_at=report.at,
            amiss_at=None,
            amiss_agreed=False,
        )
    elif asked is not None and (
        report.status not in LIVE or (asked.provable_from is not None and report.at >= asked.provable_from)
    ):
        order = replace(order, amendment=None)
    elif is_stale(order, report):
        return order
    return replace(
        order,
        quantity=report.quantity,
        trigger_price=report.trigger_price or order.trigger_price,
        limit_price=report.limit_price or order.limit_price,
    )


def proven_by_fill(order: BracketOrder, filled: Decimal, *, whole: bool = False) -> BracketOrder:
    """A fill that the old quantity does not allow shows that the amendment was done."""
    asked = order.amendment.quantity if order.amendment is not None else None
    if asked is None or not (order.quantity < filled <= asked or (whole and filled == asked)):
        return order
    return replace(order, quantity=asked, amendment=None, amend_refused="")


def is_stale(order: BracketOrder, report: OrderReported) -> bool:
    """Whether a reading of a living order may still show the terms from before its last amendment."""
    if order.touched_at is None or not order.live or report.status not in LIVE:
        return False
    return report.at < order.touched_at + STALE_TERMS


def shows(report: OrderReported, asked: Amendment) -> bool:
    """Whether the reading states every term that was asked for."""

    def same(wanted: Decimal | None, stated: Decimal | None) -> bool:
        return wanted is None or wanted == stated

    return (
        same(asked.quantity, report.quantity)
        and same(asked.trigger_price, report.trigger_price)
        and same(asked.limit_price, report.limit_price)
    )


# --- money ---------------------------------------------------------------------------------------


def absorb_booking(bracket: Bracket, booking: FillBooked) -> Bracket:
    order = by_venue_order_id(bracket, booking.venue_order_id)
    if order is None:
        raise RefusedEvent(
            Refusal.UNKNOWN_ORDER, f"fill {booking.venue_trade_id} is of order {booking.venue_order_id}"
        )
    if booking.venue_trade_id in order.booked_trade_ids:
        return bracket
    booked = order.booked + booking.quantity
    order = proven_by_fill(order, booked)
    return bracket.replacing(
        replace(
            order,
            booked=booked,
            filled=max(order.filled, booked),  # a fill the orders do not show yet is still a fill
            first_filled_at=earlier(order.first_filled_at, booking.executed_at),
            base_fees=order.base_fees + booking.base_fee,
            booked_trade_ids=order.booked_trade_ids | {booking.venue_trade_id},
            trade_ids=order.trade_ids | {booking.venue_trade_id},
        )
    )
