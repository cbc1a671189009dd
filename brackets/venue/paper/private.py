"""Kraken's private methods: a checked request in, the engine asked, Kraken's result out.

Stands between the service (which has judged key, signature and nonce) and the engine. A method either
raises `Refused`, and then nothing was changed, or returns its `result`; the service stores both ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from brackets.venue.paper import answers, forms
from brackets.venue.paper.forms import Form
from brackets.venue.paper.orders import ZERO, NewOrder, Order, Refused
from brackets.venue.paper.pairs import ASSETS, MAKER_RATE, PAIRS, TAKER_RATE, find_asset, find_pair
from brackets.venue.paper.rules import UNKNOWN_PAIR, invalid
from brackets.venue.paper.store import Page
from brackets.venue.paper.venue import PaperVenue

Json = dict[str, Any]
MOST_ORDERS_ASKED, MOST_TRADES_ASKED = 50, 20
BATCH = range(2, 16)
MOST_CANCELED = 50
CLOSE_TIMES = frozenset({"open", "close", "both"})

# --- orders in -------------------------------------------------------------------------------------------


def add_order(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    pair = forms.pair_of(form)
    request = forms.new_order(form, pair=pair, deadline_at=forms.deadline_of(form), now=now)
    placed = venue.engine.add(request, now=now, validate=form.truth("validate"))
    if placed is None:
        return {"descr": _description(request)}
    return {"descr": _description(request), "txid": [placed.txid]}


def add_order_batch(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    """All or nothing by the rules; funds are judged one by one, as Kraken does."""
    pair = forms.pair_of(form)
    deadline = forms.deadline_of(form)
    parts = form.objects("orders")
    if len(parts) not in BATCH:
        raise invalid("orders")
    requests = [forms.new_order(part, pair=pair, deadline_at=deadline, now=now) for part in parts]
    for request in requests:
        venue.engine.check(request, now=now)
    validate = form.truth("validate")
    return {"orders": [_batched(venue, request, now, validate) for request in requests]}


def _batched(venue: PaperVenue, request: NewOrder, now: Decimal, validate: bool) -> Json:
    try:
        placed = venue.engine.add(request, now=now, validate=validate)
    except Refused as refusal:
        return {"error": refusal.error}
    told: Json = {"descr": _description(request)}
    return told if placed is None else told | {"txid": placed.txid}


def _description(request: NewOrder) -> Json:
    """The sentence of the order as asked for, and of its close terms."""
    told = {"order": answers.sentence(request)}
    close = answers.close_sentence(request.close, PAIRS[request.symbol])
    return told | ({"close": close} if close else {})


def amend_order(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    return {"amend_id": venue.engine.amend(forms.amendment(form), now=now)}


# --- orders out ------------------------------------------------------------------------------------------


def cancel_order(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    """By cl_ord_id, or by `txid`, which may also be a userref."""
    cl_ord_id, txid = form.text("cl_ord_id"), form.text("txid")
    if (cl_ord_id is None) == (txid is None):
        raise Refused("EGeneral:Invalid arguments")
    return {"count": _cancel(venue, now, txid=txid, cl_ord_id=cl_ord_id)}


def cancel_order_batch(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    """Those that are open are canceled; it is an error only when none is."""
    txids, own_ids = form.words("orders"), form.words("cl_ord_ids")
    if not 0 < len(txids) + len(own_ids) <= MOST_CANCELED:
        raise invalid("orders")
    count, refusal = 0, None
    for txid, own_id in [(txid, None) for txid in txids] + [(None, own_id) for own_id in own_ids]:
        try:
            count += _cancel(venue, now, txid=txid, cl_ord_id=own_id)
        except Refused as error:
            refusal = error
    if count == 0 and refusal is not None:
        raise refusal
    return {"count": count}


def cancel_all(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    return {"count": venue.engine.cancel_all(now=now)}


def _cancel(venue: PaperVenue, now: Decimal, *, txid: str | None, cl_ord_id: str | None) -> int:
    if txid is not None and re.fullmatch(r"-?\d{1,10}", txid, re.ASCII):
        return venue.engine.cancel(userref=int(txid), now=now)
    return venue.engine.cancel(txid=txid, cl_ord_id=cl_ord_id, now=now)


# --- orders told -----------------------------------------------------------------------------------------


def query_orders(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    txids = form.words("txid")
    if not 0 < len(txids) <= MOST_ORDERS_ASKED:
        raise invalid("txid")
    found = venue.orders(txids)
    userref = forms.userref_of(form)
    return _orders([o for o in found.values() if userref in (None, o.userref)], form)


def open_orders(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    userref, cl_ord_id = forms.userref_of(form), form.text("cl_ord_id")
    newest_first = reversed(list(venue.engine.open_orders.values()))
    wanted = [
        order
        for order in newest_first
        if userref in (None, order.userref) and cl_ord_id in (None, order.cl_ord_id)
    ]
    return {"open": _orders(wanted, form)}


def closed_orders(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    by = form.text("closetime") or "both"
    if by not in CLOSE_TIMES:
        raise invalid("closetime")
    found, count = venue.store.closed_orders(
        _page(form), by=by, cl_ord_id=form.text("cl_ord_id"), userref=forms.userref_of(form)
    )
    return _counted({"closed": _orders(found, form)}, count, form)


def _orders(orders: list[Order], form: Form) -> Json:
    trades = form.truth("trades")
    return {order.txid: answers.order(order, trades=trades) for order in orders}


# --- trades and money ------------------------------------------------------------------------------------


def trades_history(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    found, count = venue.store.trades(_page(form))
    return _counted({"trades": {trade.trade_id: answers.trade(trade) for trade in found}}, count, form)


def query_trades(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    ids = form.words("txid")
    if not 0 < len(ids) <= MOST_TRADES_ASKED:
        raise invalid("txid")
    return {trade.trade_id: answers.trade(trade) for trade in venue.store.trades_by_id(ids)}


def balance(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    balances = venue.engine.account.balances
    return {code: answers.fixed(amount, ASSETS[code].decimals) for code, amount in balances.items()}


def balance_ex(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    account = venue.engine.account
    return {
        code: {
            "balance": answers.fixed(amount, ASSETS[code].decimals),
            "hold_trade": answers.held(account.hold(code), ASSETS[code]),
        }
        for code, amount in account.balances.items()
    }


def ledgers(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    names = [name for name in form.words("asset") if name != "all"]
    assets = [find_asset(name) for name in names]
    if None in assets:
        raise Refused("EQuery:Unknown asset")
    kind = form.text("type")
    found, count = venue.store.entries(
        _page(form),
        assets=[asset.code for asset in assets if asset is not None],
        kind=None if kind in (None, "all") else kind,
    )
    return _counted({"ledger": {entry.ledger_id: answers.entry(entry) for entry in found}}, count, form)


def query_ledgers(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    ids = form.words("id")
    if not 0 < len(ids) <= MOST_TRADES_ASKED:
        raise invalid("id")
    return {entry.ledger_id: answers.entry(entry) for entry in venue.store.entries_by_id(ids)}


def trade_volume(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    pairs = [find_pair(name) for name in form.words("pair")]
    if None in pairs:
        raise Refused(UNKNOWN_PAIR)

    def tier(rate: Decimal) -> Json:
        percent = answers.fixed(rate * 100, 4)
        return {
            "fee": percent,
            "minfee": percent,
            "maxfee": percent,
            "nextfee": None,
            "nextvolume": None,
            "tiervolume": "0.0000",
        }

    codes = [pair.code for pair in pairs if pair is not None]
    return {
        "currency": "ZUSD",
        "volume": answers.fixed(ZERO, 4),
        "fees": {code: tier(TAKER_RATE) for code in codes},
        "fees_maker": {code: tier(MAKER_RATE) for code in codes},
    }


METHODS: MappingProxyType[str, Callable[[PaperVenue, Form, Decimal], Json]] = MappingProxyType(
    {
        "AddOrder": add_order,
        "AddOrderBatch": add_order_batch,
        "AmendOrder": amend_order,
        "CancelOrder": cancel_order,
        "CancelOrderBatch": cancel_order_batch,
        "CancelAll": cancel_all,
        "QueryOrders": query_orders,
        "OpenOrders": open_orders,
        "ClosedOrders": closed_orders,
        "TradesHistory": trades_history,
        "QueryTrades": query_trades,
        "Balance": balance,
        "BalanceEx": balance_ex,
        "Ledgers": ledgers,
        "QueryLedgers": query_ledgers,
        "TradeVolume": trade_volume,
    }
)


def _page(form: Form) -> Page:
    """`start` (exclusive), `end` (inclusive), `ofs`; 50 rows. Ids instead of times are not offered."""
    offset = form.whole("ofs")
    if offset < 0:
        raise invalid("ofs")
    return Page(after=form.number("start") or None, until=form.number("end"), offset=offset)


def _counted(told: Json, count: int, form: Form) -> Json:
    return told if form.truth("without_count") else told | {"count": count}
