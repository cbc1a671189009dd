"""The log of a paper venue that ran as a process, read from its own state file and line log.

Plain sqlite3 and plain text: nothing of the venue's code is imported. The file holds how each order ended;
its amendments are only in the lines, so without them an amended order counts as if it had always been what
it became, and its quantity is not judged before.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.simulation.auditor.records import (
    Amended,
    Booked,
    Ended,
    Filled,
    Placed,
    Record,
    Requested,
    Triggered,
    Troubled,
    VenueLog,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAULT_SECONDS = 10  # an ordered fault keeps the product busy for about an exchange and a look
WRITES = frozenset({"AddOrder", "AmendOrder", "CancelOrder"})
RANKS = {Troubled: 0, Requested: 1, Placed: 2, Amended: 3, Triggered: 4, Filled: 5, Booked: 7, Ended: 8}
RANK_OF_SECONDARY = 6  # made by a fill, after it
BASES = {"BTC": "XXBT", "ETH": "XETH", "XRP": "XXRP", "LTC": "XLTC", "USD": "ZUSD"}
"""Coins whose code at the venue is not their name."""
MINIMUMS = {
    "BTC/USD": Decimal("0.00005"),
    "ETH/USD": Decimal("0.002"),
    "SOL/USD": Decimal("0.02"),
    "XRP/USD": Decimal(2),
    "ADA/USD": Decimal(5),
    "LTC/USD": Decimal("0.04"),
}
"""The smallest orders of the venue's six pairs, base coins."""


def log_of_paper_store(path: Path, *, lines: Iterable[Path] = ()) -> VenueLog:
    """The log of one state file. `lines`: the venue's line logs of the same time, oldest first. Raises
    sqlite3.Error and OSError where they cannot be read."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        orders = [json.loads(body) for (body,) in database.execute("SELECT body FROM orders ORDER BY number")]
        trades = [json.loads(body) for (body,) in database.execute("SELECT body FROM trades ORDER BY number")]
        entries = [
            json.loads(body) for (body,) in database.execute("SELECT body FROM entries ORDER BY number")
        ]
    finally:
        database.close()
    texts = [line for file in lines for line in file.read_text(encoding="utf-8").splitlines()]
    told = list(records_of_lines(texts))
    log = VenueLog()
    for symbol in {order["symbol"] for order in orders}:
        base, quote = symbol.split("/")
        log.base_assets[symbol], log.quote_assets[symbol] = BASES.get(base, base), BASES.get(quote, quote)
        log.minimums[symbol] = MINIMUMS.get(symbol, Decimal(0))
    found: list[Record] = [*records_of_orders(orders, trades, first_volumes(texts)), *told, *amendments(told)]
    found += [filled(trade) for trade in trades]
    found += [booked(entry) for entry in entries]
    secondaries = {order["txid"] for order in orders if order["refid"]}
    log.records = sorted(found, key=lambda record: (record.at, *rank_of(record, secondaries)))
    return log


def rank_of(record: Record, secondaries: Collection[str]) -> tuple[int, int]:
    """The order of what happened in one moment. What a fill made was placed after it, and may have triggered
    and filled in the very same moment: a stop that was above the market."""
    rank = RANKS.get(type(record), 9)
    if isinstance(record, Placed | Triggered | Filled) and record.txid in secondaries:
        return RANK_OF_SECONDARY, rank
    return rank, 0


def moment(seconds: str) -> datetime:
    return EPOCH + timedelta(microseconds=int(Decimal(seconds) * 1_000_000))


def records_of_orders(
    orders: list[dict[str, Any]], trades: list[dict[str, Any]], volumes: dict[str, Decimal]
) -> Iterator[Record]:
    """Each order's beginning, trigger and end."""
    ours: set[str] = set()
    first_fill = {trade["txid"]: moment(trade["at"]) for trade in reversed(trades)}
    for order in orders:
        if order["cl_ord_id"] is not None or order["refid"] in ours:
            ours.add(order["txid"])
        yield placed(order, volumes, by_owner=order["txid"] not in ours)
        ended = order.get("closed_at")
        if order.get("triggered"):
            at = first_fill.get(order["txid"]) or moment(ended or order["opened_at"])
            yield Triggered(at, order["txid"])
        if order["status"] != "open" and ended is not None:
            yield Ended(moment(ended), order["txid"], order["status"], order.get("reason", ""))


def placed(order: dict[str, Any], volumes: dict[str, Decimal], *, by_owner: bool) -> Placed:
    waits = order["kind"] not in ("market", "limit")
    price = None if order["price"] is None else Decimal(order["price"])
    volume = volumes.get(order["cl_ord_id"] or order["txid"], Decimal(order["volume"]))
    return Placed(
        moment(order["opened_at"]),
        order["txid"],
        order["symbol"],
        order["side"],
        order["kind"],
        volume,
        price if order["kind"] == "limit" else None,
        price if waits else None,
        Decimal(order["close"]["price"]) if order["close"] else None,
        order["cl_ord_id"],
        order["refid"],
        by_owner,
    )


def filled(trade: dict[str, Any]) -> Filled:
    volume, price = Decimal(trade["volume"]), Decimal(trade["price"])
    return Filled(moment(trade["at"]), trade["txid"], trade["trade_id"], volume, price)


def booked(entry: dict[str, Any]) -> Booked:
    return Booked(
        moment(entry["at"]),
        entry["ledger_id"],
        entry["refid"],
        entry["kind"],
        entry["asset"],
        Decimal(entry["amount"]),
        Decimal(entry["fee"]),
    )


# --- the line log ------------------------------------------------------------------------------------------


def records_of_lines(lines: Iterable[str]) -> Iterator[Requested | Troubled]:
    """What was asked and what was ordered to go wrong."""
    for line in lines:
        stamp, _, words = line.partition(" ")
        head = words.partition(" ")[0]
        if head == "FAULT":
            at = datetime.fromisoformat(stamp)
            yield Troubled(at, at + timedelta(seconds=FAULT_SECONDS), words)
        elif head in WRITES and " -> " in words:
            yield request_of(datetime.fromisoformat(stamp), words)


def first_volumes(lines: Iterable[str]) -> dict[str, Decimal]:
    """What orders began with, by client order id, or by txid where a fill made them."""
    found: dict[str, Decimal] = {}
    for line in lines:
        head, _, words = line.partition(" ")[2].partition(" ")
        terms = dict(word.split("=", 1) for word in words.split(" ") if "=" in word)
        if head == "ATTACHED":
            found[terms["txid"]] = Decimal(terms["volume"])
        elif head == "AddOrder" and " -> txid=" in words and "cl_ord_id" in terms:
            found[terms["cl_ord_id"]] = Decimal(terms["volume"])
    return found


def request_of(at: datetime, words: str) -> Requested:
    asked, _, said = words.rpartition(" -> ")
    method, *fields = asked.split(" ")
    terms = dict(field.split("=", 1) for field in fields if "=" in field)
    return Requested(at, at, "", method, terms, said)


def amendments(told: Iterable[Requested | Troubled]) -> Iterator[Amended]:
    """New terms, from the requests that were taken. A term not named stays: the judge needs the quantity."""
    for record in told:
        if not isinstance(record, Requested) or record.method != "AmendOrder":
            continue
        if record.said.startswith("amend_id=") and "order_qty" in record.terms:
            yield Amended(record.at, record.terms["txid"], Decimal(record.terms["order_qty"]), None, None)
