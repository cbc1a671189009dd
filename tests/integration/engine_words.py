"""The matching engine's records and refusals in the words of the port."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from brackets.venue import port
from brackets.venue.paper.orders import Entry, Order, Refused, Trade
from brackets.venue.paper.pairs import MAKER_RATE, TAKER_RATE, Pair

REASONS = {
    "EOrder:Insufficient funds": port.Reason.INSUFFICIENT_FUNDS,
    "EOrder:Order minimum not met": port.Reason.BELOW_MINIMUM,
    "EOrder:Cost minimum not met": port.Reason.BELOW_MINIMUM,
    "EOrder:Tick size check failed": port.Reason.BAD_PRICE,
    "EOrder:Unknown order": port.Reason.UNKNOWN_ORDER,
    "EOrder:Duplicate client order id": port.Reason.DUPLICATE_ID,
    "EOrder:Post only order": port.Reason.POST_ONLY,
    "EOrder:Rate limit exceeded": port.Reason.RATE_LIMITED,
    "EOrder:Amend not supported:conditional close terms": port.Reason.OTHER,
    "EService:Market in cancel_only mode": port.Reason.MARKET_LIMITED,
    "EService:Market in post_only mode": port.Reason.MARKET_LIMITED,
    "EService:Market in limit_only mode": port.Reason.MARKET_LIMITED,
    "EQuery:Unknown asset pair": port.Reason.UNKNOWN_SYMBOL,
}


def moment(unix: Decimal | None) -> datetime | None:
    if unix is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(unix * 1000000))


def unix(moment: datetime | None) -> Decimal | None:
    if moment is None:
        return None
    return Decimal((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)) / 1000000


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


def instrument(pair: Pair, *, status: str) -> port.Instrument:
    base, quote = pair.symbol.split("/")
    return port.Instrument(
        symbol=pair.symbol,
        venue_symbol=pair.code,
        altname=pair.altname,
        base=base,
        quote=quote,
        base_asset=pair.base.code,
        quote_asset=pair.quote.code,
        tick_size=pair.tick_size,
        lot_step=pair.lot_step,
        minimum_quantity=pair.order_minimum,
        minimum_cost=pair.cost_minimum,
        taker_fee_ratio=TAKER_RATE,
        maker_fee_ratio=MAKER_RATE,
        status=status,
    )


def refusal(refused: Refused) -> port.Refused:
    reason = REASONS.get(refused.error)
    if reason is None:
        reason = port.Reason.DEADLINE if "eadline" in refused.error else port.Reason.INVALID_ARGUMENTS
    return port.Refused(reason=reason, message=refused.error)
