"""Kraken's private methods: a checked request in, Kraken's result out. Those that only read are here.

Stands between the service (which has judged key, signature and nonce) and the engine. A method either
raises `Refused`, and then no order was changed, or returns its `result`; the service stores both ways.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from brackets.venue.paper import answers, forms
from brackets.venue.paper.forms import Form
from brackets.venue.paper.orders import ZERO, Order, Refused
from brackets.venue.paper.pairs import MAKER_RATE, TAKER_RATE, asset_behind, find_asset, find_pair
from brackets.venue.paper.rules import UNKNOWN_PAIR, invalid
from brackets.venue.paper.store import Page
from brackets.venue.paper.trading import METHODS as TRADING
from brackets.venue.paper.venue import PaperVenue

Json = dict[str, Any]
MOST_ORDERS_ASKED, MOST_TRADES_ASKED = 50, 20
CLOSE_TIMES = frozenset({"open", "close", "both"})

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
    return {code: answers.fixed(amount, asset_behind(code).decimals) for code, amount in balances.items()}


def balance_ex(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    account = venue.engine.account
    return {
        code: {
            "balance": answers.fixed(amount, asset_behind(code).decimals),
            "hold_trade": answers.held(account.hold(code), asset_behind(code)),
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
        **TRADING,
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
