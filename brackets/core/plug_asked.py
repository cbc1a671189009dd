"""A bracket as a fresh reading of the venue's open orders shows it, beside the one in the book.

Pure; nothing of it is stored. The reading shows open orders only: one that is missing has ended or was never
there, and which of both it does not say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from brackets.core.events import OrderReported
from brackets.core.facts import RefusedEvent, absorb
from brackets.core.orders import Bracket, BracketOrder
from brackets.core.states import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    bracket: Bracket  # as read
    unseen: frozenset[str]  # keys of orders live in the book that the reading did not show
    differences: tuple[str, ...]  # between book and reading, one sentence each


def as_read(bracket: Bracket, reports: Iterable[OrderReported]) -> Asked:
    """The bracket after its reports: those of its own orders, and of secondaries of its entries."""
    read, refused = bracket, []
    shown: set[str] = set()
    for report in reports:
        shown.add(report.venue_order_id)
        try:
            read = absorb(read, report)
        except RefusedEvent as refusal:
            refused.append(f"The venue shows {report.venue_order_id}, which the book cannot take: {refusal}.")
    unseen = [order for order in bracket.orders if order.live and is_missing(order, read, shown)]
    return Asked(
        bracket=read,
        unseen=frozenset(order.key for order in unseen),
        differences=(
            *refused,
            *(
                f"{named(order)} is live in the book and not among the venue's open orders."
                for order in unseen
            ),
            *changes(bracket, read),
        ),
    )


def is_missing(order: BracketOrder, read: Bracket, shown: set[str]) -> bool:
    now = next(one for one in read.orders if one.key == order.key)
    return now.venue_order_id not in shown


def changes(book: Bracket, read: Bracket) -> list[str]:
    """What the reading says otherwise of each order."""
    before = {order.key: order for order in book.orders}
    said = []
    for order in read.orders:
        known = before.get(order.key)
        if known is None:
            said.append(f"{named(order)} rests at the venue and is not in the book.")
            continue
        for what, mine, theirs in (
            ("a quantity of", known.quantity, order.quantity),
            ("filled", known.filled, order.filled),
            ("a trigger at", known.trigger_price, order.trigger_price),
            ("a limit at", known.limit_price, order.limit_price),
        ):
            if mine != theirs:
                said.append(f"{named(order)} has {what} {mine} in the book and {theirs} at the venue.")
        if not known.read_back and order.read_back:
            said.append(f"{named(order)} rests at the venue; the book did not know for certain.")
    return said


def named(order: BracketOrder) -> str:
    what = {Role.ENTRY: "Entry", Role.STOP: "Stop", Role.TARGET: "Target", Role.EXIT: "Exit"}[order.role]
    return f"{what} {order.venue_order_id or order.key}"
