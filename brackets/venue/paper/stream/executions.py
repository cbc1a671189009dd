"""The channel `executions`: what happened to orders, in the fields Kraken tells of each, and no more.

Stands behind a session. `pending_new`, snapshots and trades describe the order; every other update
carries its id, its status and the time, and hardly anything else (a client must remember the rest):
neither the symbol nor the quantity, nor the new terms of an amended order. A trade says partially_filled
even when it fills the order whole; a `filled` of its own follows. The close order that a fill made names
its primary in `ord_ref_id`.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import Entry, Event, EventKind, Order, Status, Trade
from brackets.venue.paper.pairs import ASSETS, LOT_DECIMALS, PAIRS
from brackets.venue.paper.stream.wire import Json, asset_name, moment

ENDED = {Status.CLOSED: "filled", Status.CANCELED: "canceled", Status.EXPIRED: "expired"}
TRANSITIONS = frozenset({"new", "trade", "filled", "canceled", "expired"})  # with order_status=false


def items(event: Event, *, entries: Iterable[Entry], tick: Tick) -> list[Json]:
    """The items of one event, each a message of its own, in order."""
    order, at = event.order, event.at
    if event.kind is EventKind.PLACED:
        return [described(order, exec_type="pending_new", at=at), _sparse(order, "new", at)]
    if event.kind is EventKind.TRIGGERED:
        return [_sparse(order, "status", at) | {"triggers": _triggers(order, tick=tick, at=at)}]
    if event.kind is EventKind.AMENDED:
        return [_sparse(order, "amended", at) | {"cum_qty": _quantity(order.filled), "amended": True}]
    if event.kind is EventKind.FILLED and event.trade is not None:
        return [filled(event.trade, order, entries=entries)]
    return [_ended(order, at)]


def described(order: Order, *, exec_type: str, at: Decimal) -> Json:
    """An order with all its terms."""
    told: Json = {
        "order_id": order.txid,
        "symbol": order.symbol,
        "order_qty": _quantity(order.volume),
        "cum_cost": _money(order.cost, order),
        "time_in_force": order.time_in_force.value,
        "exec_type": exec_type,
        "side": order.side.value,
        "order_type": order.kind.value,
    } | _names(order)
    if exec_type != "pending_new":
        told |= {"cum_qty": _quantity(order.filled), "avg_price": _price(order.average_price, order)}
    if order.limit_price is not None:
        told |= {"limit_price_type": "static", "limit_price": _price(order.limit_price, order)}
    if order.kind.waits:
        told["triggers"] = _triggers(order)
    told["stop_price"] = _price(order.trigger_price or Decimal(0), order)
    if order.post_only:
        told["post_only"] = True
    if order.expires_at is not None:
        told["expire_time"] = moment(order.expires_at)
    if order.close is not None:
        told["contingent"] = {"order_type": order.close.kind.value} | (
            {"trigger_price": order.close.price, "trigger_price_type": "static"}
            if order.close.kind.waits
            else {"limit_price": order.close.price, "limit_price_type": "static"}
        )
    if order.refid is not None:
        told["ord_ref_id"] = order.refid
    return (
        told
        | {
            "order_status": "pending_new" if exec_type == "pending_new" else _status(order),
            "fee_usd_equiv": _money(order.fee, order),
            "fee_ccy_pref": "fcib" if order.fee_in_base else "fciq",
            "timestamp": moment(at),
        }
        | ({"amended": True} if order.amended else {})
    )


def filled(trade: Trade, order: Order | None, *, entries: Iterable[Entry]) -> Json:
    """A trade; `order` as it stood just after, None in a snapshot of the past."""
    pair = PAIRS[trade.symbol]
    told: Json = {
        "order_id": trade.txid,
        "exec_id": trade.trade_id,
        "exec_type": "trade",
        "trade_id": trade.number,
        "symbol": trade.symbol,
        "side": trade.side.value,
        "last_qty": _quantity(trade.volume),
        "last_price": _fixed(trade.price, pair.pair_decimals),
        "liquidity_ind": "m" if trade.maker else "t",
        "cost": _fixed(trade.cost, pair.cost_decimals),
        "order_type": trade.kind.value,
        "timestamp": moment(trade.at),
        "order_status": "filled" if order is None else "partially_filled",
    }
    if order is not None:
        told |= _names(order) | _sums(order)
        if order.refid is not None:
            told["ord_ref_id"] = order.refid
    fees = [entry for entry in entries if entry.refid == trade.trade_id and entry.fee]
    return told | {
        "fee_usd_equiv": _fixed(trade.fee, pair.cost_decimals),
        "fees": [{"asset": asset_name(ASSETS[fee.asset].altname), "qty": fee.fee} for fee in fees],
    }


def _ended(order: Order, at: Decimal) -> Json:
    told = _sparse(order, ENDED[order.status], at) | _sums(order)
    told["fee_usd_equiv"] = _money(order.fee, order)
    if order.reason:
        told |= {"cancel_reason": order.reason, "reason": order.reason}
    return told


def _sparse(order: Order, exec_type: str, at: Decimal) -> Json:
    told: Json = {"timestamp": moment(at), "order_status": _status(order), "exec_type": exec_type}
    if order.cl_ord_id is None:
        told["order_userref"] = order.userref or 0
    return told | {"order_id": order.txid}


def _status(order: Order) -> str:
    if order.status is not Status.OPEN:
        return ENDED[order.status]
    return "partially_filled" if order.filled else "new"


def _names(order: Order) -> Json:
    """The client's own name of an order: one of the two."""
    if order.cl_ord_id is not None:
        return {"cl_ord_id": order.cl_ord_id}
    return {"order_userref": order.userref or 0}


def _triggers(order: Order, *, tick: Tick | None = None, at: Decimal | None = None) -> Json:
    told: Json = {
        "reference": "last",
        "price": _price(order.trigger_price or Decimal(0), order),
        "price_type": "static",
        "status": "triggered" if order.triggered else "untriggered",
    }
    if tick is not None and at is not None:
        told |= {"actual_price": tick.last, "last_price": tick.last, "timestamp": moment(at)}
    return told


def _sums(order: Order) -> Json:
    return {
        "cum_qty": _quantity(order.filled),
        "cum_cost": _money(order.cost, order),
        "avg_price": _price(order.average_price, order),
    }


def _quantity(value: Decimal) -> Decimal:
    return _fixed(value, LOT_DECIMALS)


def _price(value: Decimal, order: Order) -> Decimal:
    return _fixed(value, PAIRS[order.symbol].pair_decimals)


def _money(value: Decimal, order: Order) -> Decimal:
    return _fixed(value, PAIRS[order.symbol].cost_decimals)


def _fixed(value: Decimal, decimals: int) -> Decimal:
    return Decimal(f"{value:.{decimals}f}")
