"""The engine's values in Kraken's JSON shapes, field for field as its captures show them.

Stands behind the endpoints. Money and volumes are text with Kraken's decimals; only times are numbers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal
from typing import Any

from brackets.venue.paper.bars import Candle
from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import ZERO, Close, Entry, Kind, NewOrder, Order, Status, Trade
from brackets.venue.paper.pairs import (
    LOT_DECIMALS,
    MAKER_RATE,
    PAIRS,
    TAKER_RATE,
    Asset,
    Pair,
    asset_behind,
)

Json = dict[str, Any]


def fixed(value: Decimal, decimals: int) -> str:
    return f"{value:.{decimals}f}"


def volume(value: Decimal) -> str:
    return fixed(value, LOT_DECIMALS)


def at(moment: Decimal) -> float:
    """A time as Kraken writes it: a JSON number with a fraction."""
    return float(moment)


def moment(seconds: Decimal) -> str:
    """Whole seconds as RFC 3339."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- orders --------------------------------------------------------------------------------------------


def sentence(order: Order | NewOrder) -> str:
    """`sell 0.10000000 XBTUSD @ stop loss 60000.0`: clients parse the words."""
    pair = PAIRS[order.symbol]
    terms = terms_of(order.kind, order.price, order.price2, pair)
    return f"{order.side} {volume(order.volume)} {pair.altname} @ {terms}"


def close_sentence(close: Close | None, pair: Pair) -> str:
    if close is None:
        return ""
    return f"close position @ {terms_of(close.kind, close.price, close.price2, pair)}"


def terms_of(kind: Kind, price: Decimal | None, price2: Decimal | None, pair: Pair) -> str:
    words = kind.removesuffix("-limit").replace("-", " ")
    first = "" if price is None or kind is Kind.MARKET else f" {fixed(price, pair.pair_decimals)}"
    second = "" if price2 is None else f" -> limit {fixed(price2, pair.pair_decimals)}"
    return f"{words}{first}{second}"


def order(order: Order, *, trades: bool) -> Json:
    """One order as QueryOrders, OpenOrders and ClosedOrders tell it."""
    pair = PAIRS[order.symbol]
    money = max(pair.cost_decimals, pair.pair_decimals)
    told: Json = {
        "refid": order.refid,
        "userref": None if order.cl_ord_id is not None else order.userref or 0,
        "status": order.status.value,
        "opentm": at(order.opened_at),
        "starttm": 0,
        "expiretm": 0 if order.expires_at is None else at(order.expires_at),
        "descr": {
            "pair": pair.altname,
            "aclass": "forex",
            "type": order.side.value,
            "ordertype": order.kind.value,
            "price": "0" if order.price is None else fixed(order.price, pair.pair_decimals),
            "price2": "0" if order.price2 is None else fixed(order.price2, pair.pair_decimals),
            "leverage": "none",
            "order": sentence(order),
            "close": close_sentence(order.close, pair),
        },
        "vol": volume(order.volume),
        "vol_exec": volume(order.filled),
        "cost": fixed(order.cost, money),
        "fee": fixed(order.fee, money),
        "price": fixed(order.average_price, money),
        "stopprice": fixed(ZERO, money),
        "limitprice": fixed(ZERO, money),
        "misc": order.misc,
        "oflags": ("post," if order.post_only else "") + ("fcib" if order.fee_in_base else "fciq"),
    }
    if order.kind.waits:
        told["trigger"] = "last"
    if order.cl_ord_id is not None:
        told["cl_ord_id"] = order.cl_ord_id
    if trades and order.trades:
        told["trades"] = list(order.trades)
    told["reason"] = order.reason or None
    if order.status is not Status.OPEN and order.closed_at is not None:
        told["closetm"] = at(order.closed_at)
    return told


def trade(trade: Trade) -> Json:
    pair = PAIRS[trade.symbol]
    money = max(pair.cost_decimals, pair.pair_decimals)
    return {
        "ordertxid": trade.txid,
        "postxid": trade.trade_id,
        "pair": pair.code,
        "aclass": "forex",
        "time": at(trade.at),
        "type": trade.side.value,
        "ordertype": trade.kind.value,
        "price": fixed(trade.price, money),
        "cost": fixed(trade.cost, money),
        "fee": fixed(trade.fee, money),
        "vol": volume(trade.volume),
        "margin": fixed(ZERO, money),
        "leverage": "0",
        "misc": "",
        "trade_id": trade.number,
        "maker": trade.maker,
    }


def entry(entry: Entry) -> Json:
    decimals = asset_behind(entry.asset).decimals
    return {
        "aclass": "currency",
        "amount": fixed(entry.amount, decimals),
        "asset": entry.asset,
        "balance": fixed(entry.balance, decimals),
        "fee": fixed(entry.fee, decimals),
        "refid": entry.refid,
        "time": at(entry.at),
        "type": entry.kind,
        "subtype": "",
    }


def held(amount: Decimal, asset: Asset) -> str:
    """A reservation is exact; told at the asset's decimals it is rounded up, never promising too much."""
    return fixed(amount.quantize(asset.unit, ROUND_UP), asset.decimals)


# --- the market ------------------------------------------------------------------------------------------


def asset(asset: Asset) -> Json:
    return {
        "aclass": "currency",
        "altname": asset.altname,
        "decimals": asset.decimals,
        "display_decimals": asset.display_decimals,
        "status": "enabled",
    }


def asset_pair(pair: Pair, *, status: str) -> Json:
    return {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": pair.base.code,
        "aclass_quote": "currency",
        "quote": pair.quote.code,
        "lot": "unit",
        "cost_decimals": pair.cost_decimals,
        "pair_decimals": pair.pair_decimals,
        "lot_decimals": LOT_DECIMALS,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, _percent(TAKER_RATE)]],
        "fees_maker": [[0, _percent(MAKER_RATE)]],
        "fee_volume_currency": pair.quote.code,
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": f"{pair.order_minimum.normalize():f}",
        "costmin": f"{pair.cost_minimum:f}",
        "tick_size": f"{pair.tick_size:f}",
        "status": status,
    }


def _percent(rate: Decimal) -> float:
    return float(rate * 100)


def ticker(tick: Tick, pair: Pair, *, day: list[Candle], today: list[Candle]) -> Json:
    """One pair's ticker; `day` and `today` are bars of the last 24 hours and since midnight UTC."""

    def price(value: Decimal) -> str:
        return fixed(value, pair.pair_decimals)

    depth = volume(tick.depth)
    whole = str(int(tick.depth))
    spans = (today, day)
    volumes = [sum((bar.volume for bar in bars), ZERO) for bars in spans]
    averages = [
        sum((bar.turnover for bar in bars), ZERO) / total if total else tick.last
        for bars, total in zip(spans, volumes, strict=True)
    ]
    return {
        "a": [price(tick.ask), whole, depth],
        "b": [price(tick.bid), whole, depth],
        "c": [price(tick.last), depth],
        "v": [volume(total) for total in volumes],
        "p": [price(average) for average in averages],
        "t": [sum(bar.count for bar in bars) for bars in spans],
        "l": [price(min([tick.last, *(bar.low for bar in bars)])) for bars in spans],
        "h": [price(max([tick.last, *(bar.high for bar in bars)])) for bars in spans],
        "o": price(today[0].open if today else tick.last),
    }


def candle(bar: Candle, pair: Pair) -> list[Any]:
    prices = (bar.open, bar.high, bar.low, bar.close, bar.average)
    return [
        bar.opened_at,
        *(fixed(value, pair.pair_decimals) for value in prices),
        volume(bar.volume),
        bar.count,
    ]
