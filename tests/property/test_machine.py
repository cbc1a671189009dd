"""Whatever order things happen in: the machine keeps what is always true, and it arrives somewhere.

Hypothesis writes the history of a bracket in a careless world (`machine_world.py`); after every event
all invariants hold and the event's repetition does nothing; after the faults end, time and readings
lead to a place where a bracket may stay.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brackets.core.states import OrderStatus, State
from tests.property.machine_world import CALM, World

D = Decimal
Act = tuple[str, int, int]
PARTS = (D("0.0031"), D("0.25"), D("0.5"), D("0.75"), D(1))
PRICES = (D(94), D(95), D(97), CALM, D(110))


def pick(world: World, number: int) -> list:  # type: ignore[type-arg]
    return [world.orders[number % len(world.orders)]] if world.orders else []


def do_fill(world: World, a: int, b: int) -> None:
    for order in pick(world, a):
        world.execute(order, PARTS[b % len(PARTS)], delay=b % 6)


def do_read(world: World, a: int, b: int) -> None:
    """Now, late, or twice: now and late."""
    for order in pick(world, a):
        if order.visible <= world.now and b % 3 != 1:
            world.read(order)
        if order.visible <= world.now and b % 3 != 0:
            world.facts.append(world.reading(order))


def do_deliver(world: World, a: int, b: int) -> None:
    """Something that was under way arrives, not in its order."""
    if world.facts:
        world.fact(world.facts.pop(a % len(world.facts)))


def do_book(world: World, a: int, b: int) -> None:
    for order in pick(world, a):
        if order.trades:
            world.fact(world.booking(order, b))


def do_price(world: World, a: int, b: int) -> None:
    world.price = PRICES[a % len(PRICES)]
    world.run_triggers()


def do_cancel_by_hand(world: World, a: int, b: int) -> None:
    """Somebody, or the venue, ends an order beside us."""
    for order in pick(world, a):
        world.end(order, lag=0)


ACTS: dict[str, Callable[[World, int, int], None]] = {
    "send": lambda world, a, b: world.send(a, b % 6),
    "send well": lambda world, a, b: world.send(a, 0),
    "fill": do_fill,
    "read": do_read,
    "deliver": do_deliver,
    "book": do_book,
    "price": do_price,
    "touch": lambda world, a, b: world.touch(),
    "close": lambda world, a, b: world.close(),
    "cancel by hand": do_cancel_by_hand,
    "wait": lambda world, a, b: world.wait(1 + a % 4),
    "hold": lambda world, a, b: world.hold(),
}
WEIGHTS = {"send well": 4, "fill": 5, "read": 6, "wait": 5, "touch": 2, "deliver": 2, "price": 2, "book": 2}
ONE_ACT = st.tuples(
    st.sampled_from([name for name in ACTS for _ in range(WEIGHTS.get(name, 1))]),
    st.integers(0, 11),
    st.integers(0, 11),
)
HISTORIES = st.lists(ONE_ACT, min_size=12, max_size=80)
TO_ACTIVE: list[Act] = [("send well", 0, 0), ("fill", 0, 4), ("read", 0, 0), ("wait", 3, 0), ("wait", 3, 0)]
UNHURRIED = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def live_through(world: World, history: list[Act]) -> None:
    world.enter()
    for name, a, b in history:
        ACTS[name](world, a, b)


def check_the_place(world: World) -> None:
    """Where the world came to rest, book and venue tell the same, and nothing hangs in between."""
    bracket = world.bracket
    assert bracket.state in {State.EXIT_COMPLETE, State.BRACKET_ACTIVE, State.HELD}
    if bracket.state is State.HELD:
        assert world.hold_wished or world.refused_for_good or stop_ended_early(world)
    booked = {o.venue_order_id: o.filled for o in bracket.orders if o.venue_order_id}
    assert booked == {o.id: o.filled for o in world.orders}
    open_at_venue = {o.id for o in world.orders if o.open}
    if bracket.state is State.EXIT_COMPLETE:
        assert open_at_venue == set()
        assert world.coins == bracket.dust
    if bracket.state is State.BRACKET_ACTIVE:
        resting = [o for o in world.orders if o.open]
        assert all(o.trigger is not None and not o.buys for o in resting)
        assert sum(o.leaves for o in resting) == world.coins > 0


def stop_ended_early(world: World) -> bool:
    """A triggered stop was ended by hand: its leaves may only be sold."""
    return any(o.triggered and o.status is OrderStatus.CANCELED for o in world.orders)


@UNHURRIED
@given(history=HISTORIES, attach=st.booleans(), punctual=st.booleans())
def test_from_the_entry_to_a_place_to_stay(history: list[Act], attach: bool, punctual: bool) -> None:
    world = World(attach=attach, punctual=punctual)
    live_through(world, history)
    world.calm_down()
    check_the_place(world)


@UNHURRIED
@given(history=HISTORIES)
def test_from_an_active_bracket_to_a_place_to_stay(history: list[Act]) -> None:
    world = World()
    live_through(world, TO_ACTIVE)
    assert world.bracket.state is State.BRACKET_ACTIVE
    for name, a, b in history:
        ACTS[name](world, a, b)
    world.calm_down()
    check_the_place(world)


@UNHURRIED
@given(history=HISTORIES, attach=st.booleans())
def test_a_person_can_always_get_out(history: list[Act], attach: bool) -> None:
    """However it got there: a close, sent and read, leaves nothing but dust or an operator's task."""
    world = World(attach=attach)
    live_through(world, history)
    world.calm_down()
    world.close()
    world.calm_down()
    check_the_place(world)
    assert world.bracket.state is State.EXIT_COMPLETE
