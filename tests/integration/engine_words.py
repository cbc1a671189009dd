"""The matching engine's records in the words of the port."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from brackets.venue import port
from brackets.venue.paper.orders import Entry, Order, Trade


def moment(unix: Decimal | None) -> datetime | None:
    if unix is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(unix * 1000000))


def report(order: Order) -> port.OrderReport:
    return port.OrderReport(
        venue_order_id=order.txid,
        client_order_id=order.cl_ord_id,
        parent_venue_order_id=order.refid,
        symbol=order.symbol,
        side=port.Side(order.side.value),
        kind=port.OrderKind(order.kind.value),
        status=port.VenueStatus(order.status.value),
        quantity=order.volume,
        filled_quantity=order.filled,
        average_price=order.average_price if order.filled else None,
        cost=order.cost,
        fee=order.fee,
        limit_price=order.limit_price,
        trigger_price=order.trigger_price,
        triggered=order.triggered,
        reason=order.reason,
        opened_at=moment(order.opened_at),
        closed_at=moment(order.closed_at),
        trade_ids=order.trades,
    )


def trade_report(trade: Trade) -> port.TradeReport:
    executed_at = moment(trade.at)
    assert executed_at is not None
    return port.TradeReport(
        venue_trade_id=trade.trade_id,
        venue_order_id=trade.txid,
        symbol=trade.symbol,
        side=port.Side(trade.side.value),
        price=trade.price,
        quantity=trade.volume,
        cost=trade.cost,
        fee=trade.fee,
        executed_at=executed_at,
        maker=trade.maker,
    )


def ledger_entry(entry: Entry) -> port.LedgerEntry:
    booked_at = moment(entry.at)
    assert booked_at is not None
    return port.LedgerEntry(
        ledger_id=entry.ledger_id,
        reference=entry.refid,
        kind=entry.kind,
        asset=entry.asset,
        amount=entry.amount,
        fee=entry.fee,
        balance=entry.balance,
        booked_at=booked_at,
    )
