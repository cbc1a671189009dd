"""The ground that all acts of the exploration stand on: telling the machine, judging, and tidying a world.

An act (`acts.py`) changes a world; here it is brought into its canonical form, so that worlds from which the
same can follow are one, and judged: by what is true at the venue, whatever the bracket believes.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from brackets.core.orders import Bracket
from brackets.core.states import OrderStatus, Policy, Role, State
from tests.exploration.brain import Brain
from tests.exploration.canonical import NOW
from tests.exploration.news import NEW, News, Version
from tests.exploration.world import BETWEEN, OPEN, Order, Setup, Venue, World

UNKNOWN = OrderStatus.UNKNOWN
PRICELESS = frozenset(
    {State.ENTRY_PLACED, State.TP_FILLED, State.SL_FILLED, State.EXITING, State.EXIT_COMPLETE}
)
LATE_NEWS = ("coins are free", "on sale")
"""A stop that is read later than the machine can wait finds its coins on sale already. The venue, where the
stop holds its coins, refuses the second sell; what must follow is that it still comes to a good end."""


class Kind(IntEnum):
    WORK = 0  # of the shell and the venue
    TIME = 1
    PRICE = 2
    TROUBLE = 3  # a fault or a crash
    WISH = 4


class Act(NamedTuple):
    kind: Kind
    name: str
    world: World
    broken: tuple[str, ...] = ()
    units: int = 0  # of time that passed


class Ground:
    """What the acts of one setup share."""

    def __init__(self, setup: Setup, brain: Brain | None = None) -> None:
        self.setup, self.venue = setup, Venue(setup)
        self.brain = brain or Brain(may_be_held="hold" in setup.wishes)
        self.broken: tuple[str, ...] = ()  # what the act under way broke

    # --- the beginning, and what every act goes through ---------------------------------------------

    def beginning(self) -> Act:
        setup = self.setup
        empty = Bracket(plan=setup.plan, policy=setup.policy)
        world = World(
            self.brain.number(empty),
            price=next(p for p in setup.prices if p.name == "between the legs"),
            faults=setup.faults,
            crashes=setup.crashes,
            wishes=setup.most_wishes if setup.wishes else 0,
        )
        wish = "protect" if setup.entry == "held" else "enter"
        return self.act(Kind.WISH, wish, self.tell(world, News(wish)))

    def bracket(self, world: World) -> Bracket:
        return self.brain.brackets[world.bracket]

    def tell(self, world: World, news: News) -> World:
        told = self.brain.tell(world.bracket, news)
        if told.broken:
            self.broken += told.broken
        return world._replace(bracket=told.number)

    def act(self, kind: Kind, name: str, world: World, units: int = 0) -> Act:
        world = self.tidied(world)
        broken, self.broken = (*self.broken, *self.judged(world)), ()
        if broken and self.may_be_late(kind, world):
            broken = tuple(s for s in broken if not any(word in s for word in LATE_NEWS))
        return Act(kind, name, world, broken, units)

    def may_be_late(self, kind: Kind, world: World) -> bool:
        """Whether there was trouble; or both legs rest, and the stop took the coins a moment ago."""
        troubled = (world.faults, world.crashes) != (self.setup.faults, self.setup.crashes)
        return troubled or kind is Kind.TROUBLE or self.setup.policy is Policy.BOTH_REST

    def judged(self, world: World) -> Iterator[str]:
        """What is true of the venue whatever the bracket believes."""
        if sum(1 for o in world.orders if o.role is Role.ENTRY and o.open) > 1:
            yield "two entries are at the venue"
        coins = self.venue.coins(world.orders, world.gone)
        if coins < 0:
            yield "more was sold than bought"
        if self.venue.held + self.setup.lots < coins:
            yield "more was bought than planned"
        if self.bracket(world).state is State.EXIT_COMPLETE:
            if any(o.open for o in world.orders):
                yield "the bracket is complete and an order rests at the venue"
            if coins != int(self.bracket(world).dust):
                yield f"the bracket is complete and the account holds {coins} of its coins"

    def tidied(self, world: World) -> World:
        """The world without what nothing can come of any more."""
        bracket = self.bracket(world)
        if world.unknown:
            still = tuple(u for u in world.unknown if bracket.orders[u[0]].status is UNKNOWN)
            world = world._replace(unknown=still)
        if not self.setup.disorder:
            orders = tuple(self.in_order(bracket, o) for o in world.orders)
            if orders != world.orders:
                world = world._replace(orders=orders)
        over = [o for o in world.orders if self.is_past(bracket, o)]
        if over:
            gone = world.gone + sum(o.now.filled if o.role is Role.ENTRY else -o.now.filled for o in over)
            orders = tuple(o for o in world.orders if o not in over)
            world = world._replace(orders=orders, gone=gone)
        if not self.price_matters(world):
            world = world._replace(price=BETWEEN)
        named = {o.place for o in world.orders} | {o.parent for o in world.orders}
        named.update(world.late, (world.answer,), (u[0] for u in world.unknown))
        for place in reversed(self.brain.forgettable_of(world.bracket)):
            if place not in named:
                world = self.forgotten(world, place)
        if self.is_over(world):
            return world._replace(price=BETWEEN, faults=0, crashes=0, wishes=0)
        return world

    @staticmethod
    def in_order(bracket: Bracket, order: Order) -> Order:
        """An order that was read as it is now is not read as it was before."""
        return order._replace(old=order.now) if shows(bracket, order, order.now) else order

    def price_matters(self, world: World) -> bool:
        """Whether anything depends on the price now. Where not, it is left open: prices move at any time, and
        it may be chosen as soon as it matters."""
        bracket = self.bracket(world)
        if bracket.state not in PRICELESS or world.market != "online":
            return True
        if any(o.open and (o.now.limit or (o.now.trigger and not o.now.triggered)) for o in world.orders):
            return True
        return any(o.live and o.limit_price is not None for o in bracket.orders)

    def is_past(self, bracket: Bracket, order: Order) -> bool:
        """Whether an order ended, every reading shows it so, and the bracket knows it to the last fill."""
        if order.open or order.place == NEW or order.old != order.now:
            return False
        known = bracket.orders[order.place]
        return not known.live and known.filled == order.now.filled == known.booked

    def forgotten(self, world: World, place: int) -> World:
        def moved(other: int) -> int:
            return other - 1 if other > place else other

        return world._replace(
            bracket=self.brain.forget(world.bracket, place),
            orders=tuple(o._replace(place=moved(o.place), parent=moved(o.parent)) for o in world.orders),
            answer=moved(world.answer),
            unknown=tuple((moved(key), age) for key, age in world.unknown),
            late=tuple(moved(key) for key in world.late),
        )

    def is_over(self, world: World) -> bool:
        at_rest = not (world.orders or world.unknown or world.late) and world.answer == NEW
        return at_rest and self.bracket(world).state is State.EXIT_COMPLETE


# --- what the bracket knows ------------------------------------------------------------------------


def shows(bracket: Bracket, order: Order, version: Version) -> bool:
    """Whether the bracket knows this version of an order, or a later one."""
    if order.place == NEW:
        return False
    known = bracket.orders[order.place]
    if not known.read_back or known.filled < version.filled or (known.live and version.status is not OPEN):
        return False
    if version.triggered and not known.triggered:
        return False
    terms = (known.quantity, known.trigger_price, known.limit_price)
    return not known.live or terms == (version.quantity, version.trigger, version.limit)


def can_be_booked(bracket: Bracket, order: Order) -> bool:
    """Whether the venue tells a fill of a known order that has no money yet."""
    if order.place == NEW:
        return False
    known = bracket.orders[order.place]
    return known.venue_order_id is not None and known.booked < order.now.filled


def books(bracket: Bracket, order: Order, version: Version) -> bool:
    return order.place == NEW or bracket.orders[order.place].booked >= version.filled


def awaits_terms(bracket: Bracket, order: Order) -> bool:
    """Whether a reading may settle an amendment, though it shows nothing new."""
    asked = None if order.place == NEW else bracket.orders[order.place].amendment
    return asked is not None and asked.provable_from is not None and asked.provable_from <= NOW


def named(bracket: Bracket, place: int) -> str:
    return "a new stop" if place == NEW else f"{bracket.orders[place].role} {place}"
