"""The engine's values as Kraken's JSON arrives in the adapter: numbers as text, for the wire keeps them so.

Stands between the house and the wire. Orders, trades and entries take the paper venue's own shapes; only
times, which are JSON numbers there, become text.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from brackets.venue.paper import answers
from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import Entry, Order, System, Trade
from brackets.venue.paper.pairs import Pair, asset_behind
from brackets.venue.paper.store import Page

Json = dict[str, Any]
ZERO = Decimal(0)


def order(order: Order) -> Json:
    told = answers.order(order, trades=True)
    for name in ("opentm", "expiretm", "closetm"):
        if name in told:
            told[name] = str(told[name])
    return told


def trade(trade: Trade) -> Json:
    told = answers.trade(trade)
    told["time"] = str(told["time"])
    return told


def entry(entry: Entry) -> Json:
    return {
        "aclass": "currency",
        "amount": f"{entry.amount:f}",
        "asset": entry.asset,
        "balance": f"{entry.balance:f}",
        "fee": f"{entry.fee:f}",
        "refid": entry.refid,
        "time": f"{entry.at:f}",
        "type": entry.kind,
        "subtype": "",
    }


def balances(totals: Mapping[str, Decimal], held: Mapping[str, Decimal]) -> Json:
    """BalanceEx: coins that earn stand under a code of their own, what is reserved under the coin's."""
    return {
        code: {
            "balance": f"{total:f}",
            "hold_trade": answers.held(held.get(code, ZERO), asset_behind(code)),
        }
        for code, total in totals.items()
    }


def ticker(tick: Tick) -> Json:
    """What the adapter reads of a pair's ticker."""
    depth = f"{tick.depth:f}"
    return {
        "a": [f"{tick.ask:f}", "1", depth],
        "b": [f"{tick.bid:f}", "1", depth],
        "c": [f"{tick.last:f}", depth],
    }


@lru_cache(maxsize=256)
def asset_pair(pair: Pair, mode: System) -> Json:
    """AssetPairs knows no maintenance: Kraken shows such a pair as cancel_only."""
    status = System.CANCEL_ONLY if mode is System.MAINTENANCE else mode
    told = answers.asset_pair(pair, status=status.value)
    for name in ("fees", "fees_maker"):
        told[name] = [[volume, str(percent)] for volume, percent in told[name]]
    return told


def page(form: Mapping[str, Any]) -> Page:
    """`start` (excluded) and `ofs` of a history."""
    start = form.get("start")
    return Page(after=None if start is None else Decimal(start), offset=int(form.get("ofs", 0)))
