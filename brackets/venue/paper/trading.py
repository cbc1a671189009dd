"""Kraken's private methods that place, change and cancel orders, with what each costs.

Stands beside `private.py`, which reads. A method either raises `Refused`, and then no order was changed
(the trading counter may have been charged all the same), or returns its `result`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from brackets.venue.paper import answers, forms, limits
from brackets.venue.paper.forms import Form
from brackets.venue.paper.limits import POINT, penalty
from brackets.venue.paper.orders import NewOrder, Order, Refused
from brackets.venue.paper.pairs import PAIRS
from brackets.venue.paper.rules import UNKNOWN_ORDER, invalid
from brackets.venue.paper.venue import PaperVenue

Json = dict[str, Any]
BATCH = range(2, 16)
MOST_CANCELED = 50
LONGEST_TIMEOUT = 86400  # seconds, of the dead man's switch

# --- in --------------------------------------------------------------------------------------------------


def add_order(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    pair = forms.pair_of(form)
    venue.limits.admit(pair.symbol, fixed=POINT, now=now)
    request = forms.new_order(form, pair=pair, deadline_at=forms.deadline_of(form), now=now)
    venue.limits.admit_open(venue.engine.open_count(pair.symbol))
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
    venue.limits.admit(pair.symbol, fixed=len(parts) * POINT // 2, now=now)
    requests = [forms.new_order(part, pair=pair, deadline_at=deadline, now=now) for part in parts]
    for request in requests:
        venue.engine.check(request, now=now)
    validate = form.truth("validate")
    return {"orders": [_batched(venue, request, now, validate) for request in requests]}


def _batched(venue: PaperVenue, request: NewOrder, now: Decimal, validate: bool) -> Json:
    try:
        venue.limits.admit_open(venue.engine.open_count(request.symbol))
        placed = venue.engine.add(request, now=now, validate=validate)
    except Refused as refusal:
        return {"error": refusal.error}
    told: Json = {"descr": _description(request)}
    return told if placed is None else told | {"txid": placed.txid}


def _description(request: NewOrder | Order) -> Json:
    """The sentence of the order as asked for, and of its close terms."""
    told = {"order": answers.sentence(request)}
    close = answers.close_sentence(request.close, PAIRS[request.symbol])
    return told | ({"close": close} if close else {})


# --- changed ---------------------------------------------------------------------------------------------


def amend_order(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    change = forms.amendment(form)
    order = venue.engine.find_open(txid=change.txid, cl_ord_id=change.cl_ord_id)
    cost = _admit_change(venue, order, ages=limits.AMEND_AGES, now=now)
    amend_id = venue.engine.amend(change, now=now)
    if order is not None:
        venue.limits.charge(order.symbol, cost, now=now)
    return {"amend_id": amend_id}


def edit_order(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    """The legacy way: the order is canceled and another one, with another txid, takes its place."""
    pair = forms.pair_of(form)
    edit = forms.edit(form)
    order = venue.engine.find_open(txid=edit.txid)
    cost = _admit_change(venue, order, ages=limits.EDIT_AGES, now=now)
    if order is None or order.symbol != pair.symbol:
        raise Refused(UNKNOWN_ORDER)
    old, new = venue.engine.edit(edit, now=now, validate=form.truth("validate"))
    if new is None:
        return {"descr": _description(old)}
    venue.limits.charge(order.symbol, cost, now=now)
    return {
        "status": "ok",
        "txid": new.txid,
        "originaltxid": old.txid,
        "volume": answers.volume(new.volume),
        "price": str(new.price or 0),
        "price2": str(new.price2 or 0),
        "orders_cancelled": 1,
        "descr": _description(new),
    }


def _admit_change(
    venue: PaperVenue, order: Order | None, *, ages: tuple[tuple[int, int], ...], now: Decimal
) -> int:
    """Charge the fixed part of a change; what the order's age adds when it is done. Raises Refused."""
    if order is None:  # its pair is not known: nothing to charge
        return 0
    cost = penalty(ages, order, now=now)
    venue.limits.admit(order.symbol, fixed=POINT, penalty=cost, now=now)
    return cost


# --- out -------------------------------------------------------------------------------------------------


def cancel_order(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    """By cl_ord_id, or by `txid`, which may also be a userref."""
    cl_ord_id, txid = form.text("cl_ord_id"), form.text("txid")
    if (cl_ord_id is None) == (txid is None):
        raise Refused("EGeneral:Invalid arguments")
    orders = venue.engine.cancelable(**_which(txid=txid, cl_ord_id=cl_ord_id))
    if len(orders) == 1:
        cost = penalty(limits.CANCEL_AGES, orders[0], now=now)
        venue.limits.admit(orders[0].symbol, fixed=0, penalty=cost, now=now)
    count = venue.engine.cancel(**_which(txid=txid, cl_ord_id=cl_ord_id), now=now)
    venue.limits.charge_cancels(orders, now=now)
    return {"count": count}


def cancel_order_batch(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    """Those that are open are canceled; it is an error only when none is. No limit stops it."""
    txids, own_ids = form.words("orders"), form.words("cl_ord_ids")
    if not 0 < len(txids) + len(own_ids) <= MOST_CANCELED:
        raise invalid("orders")
    count, refusal = 0, None
    for txid, own_id in [(txid, None) for txid in txids] + [(None, own_id) for own_id in own_ids]:
        which = _which(txid=txid, cl_ord_id=own_id)
        orders = venue.engine.cancelable(**which)
        try:
            count += venue.engine.cancel(**which, now=now)
        except Refused as error:
            refusal = error
        else:
            venue.limits.charge_cancels(orders, now=now)
    if count == 0 and refusal is not None:
        raise refusal
    return {"count": count}


def cancel_all(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    orders = list(venue.engine.open_orders.values())
    count = venue.engine.cancel_all(now=now)
    venue.limits.charge_cancels(orders, now=now)
    return {"count": count}


def cancel_all_orders_after(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    """The dead man's switch: everything is canceled unless this is asked again in time; 0 turns it off."""
    timeout = form.number("timeout")
    if timeout is None or not 0 <= timeout <= LONGEST_TIMEOUT:
        raise invalid("timeout")
    trigger_at = venue.engine.cancel_all_after(seconds=timeout, now=now)
    return {
        "currentTime": answers.moment(now),
        "triggerTime": "0" if trigger_at is None else answers.moment(trigger_at),
    }


def _which(*, txid: str | None, cl_ord_id: str | None) -> Json:
    """The names of an order to cancel, as the engine takes them."""
    if txid is not None and re.fullmatch(r"-?\d{1,10}", txid, re.ASCII):
        return {"userref": int(txid)}
    return {"txid": txid, "cl_ord_id": cl_ord_id}


METHODS: MappingProxyType[str, Callable[[PaperVenue, Form, Decimal], Json]] = MappingProxyType(
    {
        "AddOrder": add_order,
        "AddOrderBatch": add_order_batch,
        "AmendOrder": amend_order,
        "EditOrder": edit_order,
        "CancelOrder": cancel_order,
        "CancelOrderBatch": cancel_order_batch,
        "CancelAll": cancel_all,
        "CancelAllOrdersAfter": cancel_all_orders_after,
    }
)
