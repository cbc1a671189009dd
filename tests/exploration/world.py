"""The small world that is explored: a venue, the network, prices and two budgets of trouble, as one value.

A `World` is immutable, hashable and complete: what may happen next depends on nothing else. The bracket is a
number (`brain.py`). What dispatch has to send is not in it: the bracket remembers that itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from brackets.core.orders import EntryTerms, Plan
from brackets.core.states import Choice, OrderStatus, Policy, Role
from tests.exploration.news import NEW, Version

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED
STOP, ENTRY, TARGET = D(95), D("99.9"), D(110)
POST_ONLY = "Post only order"


class Price(NamedTuple):
    """Where the market stands: somebody's bid, and the last trade."""

    name: str
    bid: Decimal
    last: Decimal


BELOW = Price("below the stop", D(94), D(94))
BETWEEN = Price("between the legs", ENTRY, ENTRY)
NEAR = Price("near the target", D("109.9"), D("109.9"))
AT = Price("at the target", D("110.5"), D("110.5"))
BOTH = Price("at the target after a trade below the stop", D("110.5"), D(94))
PRICES = (BELOW, BETWEEN, NEAR, AT, BOTH)


class Order(NamedTuple):
    """An order at the venue. `place`: which order of the bracket it is, `NEW` before the bracket knows it;
    `parent`: the place of the entry whose fill made it. `old` is how readings that lag show it."""

    place: int
    role: Role
    now: Version
    old: Version | None = None
    parent: int = NEW
    attached: Decimal | None = None  # of an entry: the stop that each of its fills makes
    post_only: bool = False

    @property
    def open(self) -> bool:
        return self.now.status is OPEN

    @property
    def leaves(self) -> int:
        return self.now.quantity - self.now.filled if self.now.status is OPEN else 0


class World(NamedTuple):
    bracket: int
    orders: tuple[Order, ...] = ()
    gone: int = 0  # coins bought, less coins sold, by orders that ended and are known to the last fill
    price: Price = BETWEEN
    answer: int = NEW  # the order whose acceptance is under way to us
    unknown: tuple[tuple[int, int], ...] = ()  # orders without a certain answer, and their age in units
    late: tuple[int, ...] = ()  # requests that may still arrive at the venue
    market: str = "online"
    entries_allowed: bool = True
    faults: int = 0  # left
    crashes: int = 0
    wishes: int = 0


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One configuration: what bracket, in what world, and how far it is explored."""

    name: str
    lots: int = 1
    minimum: int = 1
    entry: str = "market"  # market, limit, held
    attach: bool = True
    policy: Policy = Policy.STOP_RESTS
    stops_hold: bool = True
    disorder: bool = True  # whether a reading may come after one that was asked for later
    prices: tuple[Price, ...] = (BELOW, BETWEEN, AT)
    faults: int = 0
    crashes: int = 0
    wishes: tuple[str, ...] = ()
    most_wishes: int = 1
    trouble: frozenset[str] = frozenset()  # kinds of faults; empty: all
    most_states: int | None = None  # None: until nothing is left to explore

    @property
    def plan(self) -> Plan:
        held = self.entry == "held"
        terms = EntryTerms(
            limit_price=ENTRY,
            timeout_seconds=20,
            most_reprices=1,
            reprice_seconds=5,
            on_timeout=Choice.CANCEL,
            on_runaway=Choice.CANCEL,
        )
        return Plan(
            uid=UUID(int=7),
            symbol="ETH/USD",
            quantity=D(self.lots),
            stop_price=STOP,
            target_price=TARGET,
            tick_size=D("0.01"),
            lot_step=D(1),
            minimum_quantity=D(self.minimum),
            attach_stop=self.attach and not held,
            entry=terms if self.entry == "limit" else None,
            held_quantity=D(self.lots) if held else D(0),
            held_price=ENTRY if held else None,
        )


# --- the venue -------------------------------------------------------------------------------------


class Venue:
    """The venue's law, for one setup. Nothing is kept here: orders come in and go out as values."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.held = setup.lots if setup.entry == "held" else 0

    def coins(self, orders: tuple[Order, ...], gone: int) -> int:
        """Coins in the account; `gone` were bought and sold by orders that are not looked at any more."""
        return gone + self.held + sum(o.now.filled if o.role is Role.ENTRY else -o.now.filled for o in orders)

    def available(self, orders: tuple[Order, ...], gone: int) -> int:
        holding = sum(o.leaves for o in orders if o.role is not Role.ENTRY and self.holds(o))
        return self.coins(orders, gone) - holding

    def holds(self, order: Order) -> bool:
        return order.now.trigger is None or order.now.triggered or self.setup.stops_hold

    def crosses(self, order: Order, price: Price) -> bool:
        limit = order.now.limit
        if limit is None:
            return False
        return limit > price.bid if order.role is Role.ENTRY else limit <= price.bid

    def executable(self, order: Order, price: Price, market: str) -> bool:
        now = order.now
        if now.status is not OPEN or market != "online":
            return False
        if now.trigger is not None:
            return now.triggered
        if now.limit is None:
            return True
        return price.bid <= now.limit if order.role is Role.ENTRY else price.bid >= now.limit

    def triggered(self, orders: tuple[Order, ...], price: Price) -> tuple[Order, ...]:
        """Stops wake up at once when a trade is at their price."""
        return tuple(
            order._replace(now=order.now._replace(triggered=True))
            if order.now.trigger is not None and order.open and price.last <= order.now.trigger
            else order
            for order in orders
        )

    def taken(self, orders: tuple[Order, ...], order: Order, price: Price) -> tuple[Order, ...]:
        """The orders with one more; a post-only order that would cross is taken and ended."""
        if order.post_only and self.crosses(order, price):
            order = order._replace(now=order.now._replace(status=CANCELED, reason=POST_ONLY))
        return self.triggered((*orders, order), price)

    def filled(
        self, orders: tuple[Order, ...], index: int, price: Price, *, with_stop: bool = True
    ) -> tuple[Order, ...]:
        """One lot more of an order is executed; a buy with an attached stop makes one of the same size."""
        order = orders[index]
        done = order.now.filled + 1
        status = FILLED if done == order.now.quantity else OPEN
        changed = order._replace(now=order.now._replace(filled=done, status=status))
        orders = (*orders[:index], changed, *orders[index + 1 :])
        if order.attached is None or not with_stop:
            return orders
        version = Version(OPEN, 0, False, 1, order.attached, None)
        return self.triggered((*orders, Order(NEW, Role.STOP, version, parent=order.place)), price)


def ended(orders: tuple[Order, ...], index: int, reason: str) -> tuple[Order, ...]:
    order = orders[index]
    changed = order._replace(now=order.now._replace(status=CANCELED, reason=reason))
    return (*orders[:index], changed, *orders[index + 1 :])
