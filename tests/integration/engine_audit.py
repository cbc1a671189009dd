"""The engine venue's own record, seen without the product: which orders came of it, and what must not be."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from brackets.venue.paper.orders import Order, Side, Status

if TYPE_CHECKING:
    from tests.integration.engine_venue import EngineVenue


def ours(venue: EngineVenue) -> list[Order]:
    """Every order that came of a request of the product, its secondaries included, oldest first."""
    sent = {request.client_order_id for request in venue.sent}
    own = {order.txid for order in venue.record.orders.values() if order.cl_ord_id in sent}
    every = [o for o in venue.record.orders.values() if o.txid in own or o.refid in own]
    return sorted(every, key=lambda order: order.number)


def audit(venue: EngineVenue) -> list[str]:
    """What must never be so at the venue, whatever the product believes."""
    found = []
    mine = ours(venue)
    ids = [order.cl_ord_id for order in mine if order.cl_ord_id is not None]
    found += [f"{key} is at the venue twice" for key in set(ids) if ids.count(key) > 1]
    for symbol in sorted({order.symbol for order in mine}):
        here = [order for order in mine if order.symbol == symbol]
        bought = sum((o.filled for o in here if o.side is Side.BUY), Decimal(0))
        bought += venue.handed_over.get(symbol, Decimal(0))
        sells = [o for o in here if o.side is Side.SELL]
        selling = sum((o.filled + (o.leaves if o.status is Status.OPEN else 0) for o in sells), Decimal(0))
        if selling > bought:
            found.append(f"{symbol}: {selling} sold or on sale of {bought} bought")
        buying = [o for o in here if o.side is Side.BUY and o.status is Status.OPEN]
        if len(buying) > 1:
            found.append(f"{symbol}: {len(buying)} entries are open at once")
    return found
