"""The product's book held against the venue's log: plain rows on one side, the judge's record on the other.

Rows are what a database gives as dictionaries (`Model.objects.values()`): nothing of the product's code
reads them. Amounts in quote currency, quantities in base coins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.simulation.auditor.circumstances import Handed
from tests.simulation.auditor.judge import Judge
from tests.simulation.auditor.records import ZERO
from tests.simulation.auditor.told import Snapshot, compare_alerts, compare_exposure, compare_strangers

Row = Mapping[str, Any]
AT_VENUE = {"OPEN": "open", "FILLED": "closed", "CANCELED": "canceled", "EXPIRED": "expired"}
"""What the book calls an order's status -> what the venue calls it."""
NEVER_THERE = frozenset({"INTENDED", "REJECTED", "DENIED", "ABSENT", "VALIDATED"})
ROUNDING = Decimal("0.00000001")


@dataclass(frozen=True, kw_only=True)
class Book:
    """All rows of one account. Brackets, orders, fills: of the mechanism; trades: what people see."""

    brackets: Sequence[Row]
    orders: Sequence[Row]
    fills: Sequence[Row]
    trades: Sequence[Row]
    alerts: Sequence[Row] | None = None  # None: nobody says
    strangers: Sequence[Row] | None = None
    snapshots: Sequence[Snapshot] = ()  # brackets as they stood at moments of the calm

    def bracket_of(self) -> dict[str, str]:
        """Client order id -> bracket, for the judge's positions."""
        return {
            str(row["client_order_id"]): key_of(row["bracket_id"])
            for row in self.orders
            if row["client_order_id"] is not None
        }

    def handed(self) -> list[Handed]:
        """Coins that brackets were given to keep."""
        return [
            Handed(
                at=row["created_at"],
                key=key_of(row["id"]),
                symbol=row["symbol"],
                quantity=row["held_quantity"],
            )
            for row in self.brackets
            if row["held_quantity"]
        ]


def key_of(bracket_id: object) -> str:
    return f"bracket {bracket_id}"


def compare(judge: Judge, book: Book) -> None:
    """Complain of everything in which the book and the venue differ. The judge has judged already."""
    compare_orders(judge, book.orders)
    compare_plans(judge, book)
    compare_fills(judge, book)
    compare_results(judge, book)
    compare_exposure(judge, book.brackets)
    if book.alerts is not None:
        compare_alerts(judge, book.alerts)
    if book.strangers is not None:
        compare_strangers(judge, book.strangers)


def compare_orders(judge: Judge, rows: Sequence[Row]) -> None:
    """Both know the same orders, and the same of each."""
    known: dict[str, Row] = {}
    for row in rows:
        txid, client_id = row["venue_order_id"], row["client_order_id"]
        if txid:
            known[txid] = row
        elif row["status"] not in NEVER_THERE:
            judge.complain("book", f"order {client_id} is {row['status']} and has no id of the venue")
    by_client = {order.placed.cl_ord_id: txid for txid, order in judge.orders.items()}
    for row in rows:
        there = by_client.get(str(row["client_order_id"])) if row["client_order_id"] else None
        if there is not None and row["venue_order_id"] != there:
            judge.complain("book", f"{there} is at the venue, and {row['status']} without its id in the book")
    meant = {str(row["client_order_id"]) for row in rows}
    for txid, order in judge.orders.items():
        if txid not in known and order.placed.cl_ord_id is None:
            judge.complain("book", f"the book does not know {txid}, made by a fill of {order.placed.refid}")
        elif order.placed.cl_ord_id is not None and order.placed.cl_ord_id not in meant:
            judge.complain("book", f"the book never meant {txid} ({order.placed.cl_ord_id})")
    for txid, row in known.items():
        if txid not in judge.orders:
            judge.complain("book", f"the venue does not know {txid}")
            continue
        order = judge.orders[txid]
        pairs = (
            ("status", order.status, AT_VENUE.get(row["status"], row["status"])),
            ("quantity", order.quantity, row["quantity"]),
            ("filled", order.filled, row["filled_quantity"]),
        )
        for name, at_venue, here in pairs:
            if at_venue != here:
                judge.complain("book", f"{txid} {name}: venue {at_venue}, book {here}")


def compare_plans(judge: Judge, book: Book) -> None:
    """No bracket bought more than was approved."""
    for row in book.brackets:
        position = judge.positions.get(key_of(row["id"]))
        if position is not None and position.bought > row["planned_quantity"]:
            judge.complain(
                "bought beyond plan", f"{position.key}: {position.bought} of {row['planned_quantity']}"
            )


def compare_fills(judge: Judge, book: Book) -> None:
    """Every fill is booked once, with what the ledger moved."""
    over = {row["id"] for row in book.brackets if row["state"] == "EXIT_COMPLETE"}
    booked: dict[str, Row] = {}
    for row in book.fills:
        trade = row["venue_trade_id"]
        if trade in booked:
            judge.complain("books", f"{trade} is booked twice")
        booked[trade] = row
    of_order = {row["venue_order_id"]: row["bracket_id"] for row in book.orders}
    for txid, order in judge.orders.items():
        for trade in order.trades:
            if trade not in booked and of_order.get(txid) in over:
                judge.complain("books", f"{trade} of {txid} is not booked, and its bracket is closed")
    for trade, row in booked.items():
        if trade not in judge.quote_moved:
            judge.complain("books", f"the venue does not know the fill {trade}")
            continue
        here = row["quote_amount"] - row["quote_fee"], row["base_amount"] - row["base_fee"]
        there = judge.quote_moved[trade], judge.base_moved.get(trade, ZERO)
        if here != there:
            judge.complain("books", f"{trade} moved {there} by the ledger, {here} by the book")


def compare_results(judge: Judge, book: Book) -> None:
    """What a closed trade earned is what the ledger moved by the trades of its orders, to the last digit;
    less what the coins were reckoned with that it was given and that these trades sold."""
    brackets = {row["id"]: row for row in book.brackets}
    for row in book.trades:
        if row["status"] != "CLOSED":
            continue
        bracket = brackets[row["bracket_id"]]
        position = judge.positions.get(key_of(row["bracket_id"]))
        trades = [t for order in position.orders.values() for t in order.trades] if position else []
        earned = sum((judge.quote_moved.get(trade, ZERO) for trade in trades), ZERO)
        gone = -sum((judge.base_moved.get(trade, ZERO) for trade in trades), ZERO)
        basis = max(gone, ZERO) * bracket["held_price"] if bracket["held_quantity"] else ZERO
        difference = abs(row["realized_pnl"] - (earned - basis))
        if difference > (ROUNDING if basis else ZERO):
            here, there = row["realized_pnl"], earned - basis
            name = key_of(row["bracket_id"])
            judge.complain("result", f"{name} earned {there} by the ledger, {here} by the book")
