"""An open order with new terms, in place (amend) or as another order (edit). Pure.

Stands beside the engine, which judges the terms before and the funds after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from brackets.venue.paper.orders import Amendment, Kind, NewOrder, Order, TimeInForce


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Terms of the order that takes another's place; None keeps the old one's. Prices as in NewOrder."""

    txid: str
    volume: Decimal | None = None
    price: Decimal | None = None
    price2: Decimal | None = None
    post_only: bool | None = None
    userref: int | None = None
    deadline_at: Decimal | None = None


def amended(order: Order, change: Amendment, *, now: Decimal) -> Order:
    """The order with its new terms; a changed limit price loses its place in the book."""
    volume = order.volume if change.volume is None else change.volume
    price, price2 = order.price, order.price2
    if change.limit_price is not None:
        if order.kind is Kind.LIMIT:
            price = change.limit_price
        else:
            price2 = change.limit_price
    if change.trigger_price is not None:
        price = change.trigger_price
    return replace(
        order,
        volume=volume,
        price=price,
        price2=price2,
        post_only=order.post_only or change.post_only,
        resting=order.resting and change.limit_price is None,
        amended=True,
        amended_at=now,
    )


def edited(order: Order, edit: Edit) -> NewOrder:
    """The order that takes the place of `order`: what is not named is as before, what was filled is gone."""
    return NewOrder(
        symbol=order.symbol,
        side=order.side,
        kind=order.kind,
        volume=order.leaves if edit.volume is None else edit.volume,
        price=order.price if edit.price is None else edit.price,
        price2=order.price2 if edit.price2 is None else edit.price2,
        post_only=order.post_only if edit.post_only is None else edit.post_only,
        fee_in_base=order.fee_in_base,
        time_in_force=order.time_in_force if order.time_in_force is not TimeInForce.IOC else TimeInForce.GTC,
        expires_at=order.expires_at,
        deadline_at=edit.deadline_at,
        userref=edit.userref if edit.userref is not None else order.userref,
    )
