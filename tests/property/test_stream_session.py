"""Whatever a venue says on its stream: it is told, said to be unclear, or the connection is given up."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from brackets.venue.kraken.stream.news import OpenOrders, OrdersChanged, StreamBroken
from brackets.venue.kraken.stream.private import PrivateSession
from brackets.venue.kraken.stream.public import PublicSession
from brackets.venue.kraken.stream.session import Session
from brackets.venue.port import OrderUpdate, VenueStatus

AT = "2026-03-02T12:00:00Z"
ENDED = {VenueStatus.CLOSED, VenueStatus.CANCELED, VenueStatus.EXPIRED}
SESSIONS: tuple[Callable[[], Session], ...] = (
    lambda: PrivateSession(token="secret-token", now=0.0),
    lambda: PublicSession(symbols=["BTC/USD"], now=0.0),
)
NAMES = "executions balances ticker instrument status heartbeat snapshot update trade filled new amended"
KEYS = """channel type data sequence method success error result req_id symbol order_id exec_type order_status
timestamp triggers wallets pairs asset balance system price price_type bid ask last cum_qty exec_id cl_ord_id
ord_ref_id side order_type order_qty last_qty avg_price reason"""
words = st.sampled_from(NAMES.split())
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | words
keys = st.sampled_from(KEYS.split())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)
TRIGGERS = {"price": 1, "price_type": "static", "status": "untriggered"}
ORDER = {
    "order_id": "O1",
    "exec_type": "trade",
    "order_status": "partially_filled",
    "timestamp": AT,
    "symbol": "BTC/USD",
    "side": "sell",
    "order_type": "stop-loss",
    "order_qty": 1,
    "cum_qty": 1,
    "exec_id": "T1",
    "last_qty": 1,
    "avg_price": 5,
    "triggers": TRIGGERS,
}
WHOLE: tuple[dict[str, Any], ...] = (
    {"channel": "executions", "type": "update", "data": [ORDER], "sequence": 1},
    {"channel": "balances", "type": "update", "data": [{"asset": "USD", "balance": 1}], "sequence": 1},
    {"channel": "ticker", "type": "update", "data": [{"symbol": "BTC/USD", "bid": 1, "ask": 2, "last": 1}]},
    {"channel": "instrument", "type": "update", "data": {"pairs": [{"symbol": "A/USD", "status": "online"}]}},
    {"channel": "status", "type": "update", "data": [{"system": "online"}]},
    {
        "method": "subscribe",
        "success": True,
        "result": {"channel": "ticker", "symbol": "BTC/USD"},
        "req_id": 1,
    },
    {"method": "subscribe", "success": False, "error": "no", "symbol": "BTC/USD", "req_id": 2},
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a message."""
    parts: Any = ()
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, list):
        parts = enumerate(value)
    return [one for key, part in parts for one in ((*way, key), *places(part, (*way, key)))]


@given(st.sampled_from(WHOLE), values, st.sampled_from(SESSIONS), st.data())
@settings(max_examples=400)
def test_one_spoiled_value_is_no_defect(
    message: dict[str, Any], value: Any, new_session: Callable[[], Session], data: st.DataObject
) -> None:
    spoiled = copy.deepcopy(message)
    *way, last = data.draw(st.sampled_from(places(message)))
    inner: Any = spoiled
    for key in way:
        inner = inner[key]
    inner[last] = value
    session = new_session()
    session.openings()
    try:
        session.hear(json.dumps(spoiled), now=1.0)
        session.due(2.0)
    except StreamBroken:
        pass


@given(st.lists(st.dictionaries(keys, values, max_size=6), max_size=6), st.sampled_from(SESSIONS))
def test_no_message_is_a_defect(messages: list[dict[str, Any]], new_session: Callable[[], Session]) -> None:
    session = new_session()
    session.openings()
    try:
        for message in messages:
            session.hear(json.dumps(message), now=1.0)
        session.due(2.0)
    except StreamBroken:
        pass


@given(st.text(), st.sampled_from(SESSIONS))
def test_no_text_is_a_defect(text: str, new_session: Callable[[], Session]) -> None:
    try:
        new_session().hear(text, now=1.0)
    except StreamBroken:
        pass


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[dict[str, Any]], Decimal, str]:
    """The messages of one order's life as the venue sends them, its filled quantity and its end."""
    parts = draw(st.lists(st.integers(1, 50), max_size=5))
    quantity = sum(parts) + draw(st.integers(0 if parts else 1, 20))
    base = {"order_id": "O1", "timestamp": AT}
    whole = {"symbol": "BTC/USD", "side": "buy", "order_type": "limit", "order_qty": quantity}
    told = [base | whole | {"exec_type": "pending_new", "order_status": "pending_new"}]
    told.append(base | {"exec_type": "new", "order_status": "new"})
    cum = 0
    for number, part in enumerate(parts):
        cum += part
        trade = {"exec_type": "trade", "order_status": "partially_filled", "exec_id": f"T{number}"}
        told.append(base | trade | {"last_qty": part, "cum_qty": cum})
    end = "filled" if cum == quantity else draw(st.sampled_from(["canceled", "expired"]))
    told.append(base | {"exec_type": end, "order_status": end})
    return told, Decimal(cum), end


def updates_of(session: PrivateSession, message: dict[str, Any]) -> list[OrderUpdate]:
    news = session.hear(json.dumps(message), now=1.0)
    return [u for item in news if isinstance(item, OpenOrders | OrdersChanged) for u in item.updates]


@given(lives(), st.data())
@settings(max_examples=200)
def test_a_life_ends_the_same_however_it_is_parted_into_messages(
    life: tuple[list[dict[str, Any]], Decimal, str], data: st.DataObject
) -> None:
    told, filled, end = life
    session = PrivateSession(token="t", now=0.0)
    updates: list[OrderUpdate] = []
    number = 0
    while told:
        size = data.draw(st.integers(1, len(told)))
        part, told = told[:size], told[size:]
        number += 1
        message = {"channel": "executions", "type": "update", "data": part, "sequence": number}
        updates += updates_of(session, message)
    last = updates[-1]
    assert (last.filled_quantity or Decimal(0)) == filled
    assert last.status is {"filled": VenueStatus.CLOSED, "canceled": VenueStatus.CANCELED}.get(
        end, VenueStatus.EXPIRED
    )
    assert len(last.trade_ids) == len(set(last.trade_ids))
    fills = [update.filled_quantity or Decimal(0) for update in updates]
    assert fills == sorted(fills)
    ended = [update.status in ENDED for update in updates]
    assert ended == sorted(ended)


@given(st.permutations(range(6)), st.booleans())
def test_only_messages_in_their_order_are_taken(order: list[int], repeat: bool) -> None:
    session = PrivateSession(token="t", now=0.0)
    numbers = [*order, order[-1]] if repeat else list(order)
    in_order = all(after == before + 1 for before, after in itertools.pairwise(numbers))
    try:
        for number in numbers:
            message = {"channel": "executions", "type": "update", "data": [], "sequence": number}
            session.hear(json.dumps(message), now=1.0)
        taken = True
    except StreamBroken:
        taken = False
    assert taken == in_order
