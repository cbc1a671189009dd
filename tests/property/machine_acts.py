"""What may happen to a bracket in the careless world, as acts Hypothesis writes histories of."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from brackets.core.states import Choice, Policy
from tests.property.machine_setup import Setup
from tests.property.machine_venue import VenueOrder
from tests.property.machine_world import World

D = Decimal
Act = tuple[str, int, int]
PARTS = (D("0.0031"), D("0.25"), D("0.5"), D("0.75"), D(1), D("0.0999"), D("0.009"))
PRICES = (D(94), D(95), D(97), D("99.5"), D(100), D("101"), D(104), D("109.2"), D("109.9"), D(110), D(111))
MARKETS = ("online", "online", "cancel_only", "limit_only", "post_only", "maintenance")
LUCK = ("well", "late", "lost", "lost on the way", "slow", "rate_limited", "permission")
STOPS = (None, D(90), D(94), D(96), D(99), D(101))
TARGETS = (None, D(105), D(108), D(112), D("99.5"))

UNHURRIED = settings(
    max_examples=int(os.environ.get("MACHINE_EXAMPLES", "80")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""`MACHINE_EXAMPLES=20000` makes a long run of it, by hand."""


def pick(world: World, number: int) -> list[VenueOrder]:
    orders = world.venue.orders
    return [orders[number % len(orders)]] if orders else []


def pick_open(world: World, number: int) -> list[VenueOrder]:
    orders = [order for order in world.venue.orders if world.venue.executable(order)]
    return [orders[number % len(orders)]] if orders else []


def do_fill(world: World, a: int, b: int) -> None:
    for order in pick_open(world, a):
        world.venue.execute(order, PARTS[b % len(PARTS)], delay=a % 6)


def do_read(world: World, a: int, b: int) -> None:
    """Now, late, or both; now and then as it was some seconds ago."""
    for order in pick(world, a):
        lag = 1 + b % 5 if b >= 8 else 0
        shown = world.venue.as_of(order, lag)
        if shown is not None and b % 3 != 1:
            world.read(order, lag=lag)
        if shown is not None and b % 3 != 0:
            world.facts.append(world.reading(shown))


def do_stream(world: World, a: int, b: int) -> None:
    for order in pick(world, a):
        told = world.whisper(order)
        if told is not None:
            world.fact(told)


def do_deliver(world: World, a: int, b: int) -> None:
    """Something that was under way arrives, not in its order."""
    if world.facts:
        world.fact(world.facts.pop(a % len(world.facts)))


def do_book(world: World, a: int, b: int) -> None:
    for order in pick(world, a):
        if order.trades:
            world.fact(world.booking(order, b))


def do_price(world: World, a: int, b: int) -> None:
    last = PRICES[b % len(PRICES)] if b >= 10 else None
    world.venue.price(PRICES[a % len(PRICES)], last)


def do_cancel_by_hand(world: World, a: int, b: int) -> None:
    """Somebody, or the venue, ends an order beside us."""
    for order in pick(world, a):
        world.venue.end(order)


def do_market(world: World, a: int, b: int) -> None:
    world.venue.market = MARKETS[a % len(MARKETS)]


def do_look_away(world: World, a: int, b: int) -> None:
    world.watched, world.seen = a % 2 == 0, b % 3 != 0


def do_count_cycles(world: World, a: int, b: int) -> None:
    world.counts_cycles = a % 3 != 0


def do_alter(world: World, a: int, b: int) -> None:
    """Somebody moves one of our stops on the venue's page."""
    for order in pick_open(world, a):
        if order.trigger is not None and not order.triggered:
            order.trigger = PRICES[b % len(PRICES)] - 10


def do_pause(world: World, a: int, b: int) -> None:
    world.entries_allowed = a % 3 == 0


ACTS: dict[str, Callable[[World, int, int], None]] = {
    "nothing": lambda world, a, b: None,  # what Hypothesis shrinks to
    "send well": lambda world, a, b: world.send(a, "well"),
    "send": lambda world, a, b: world.send(a, LUCK[b % len(LUCK)]),
    "fill": do_fill,
    "read": do_read,
    "stream": do_stream,
    "wait": lambda world, a, b: world.wait(1 + a % 4),
    "wait long": lambda world, a, b: world.wait(5 + 5 * (a % 10)),
    "deliver": do_deliver,
    "book": do_book,
    "price": do_price,
    "touch": lambda world, a, b: world.touch(),
    "edit": lambda world, a, b: world.edit(STOPS[a % len(STOPS)], TARGETS[b % len(TARGETS)]),
    "reduce": lambda world, a, b: world.reduce(PARTS[b % len(PARTS)]),
    "close": lambda world, a, b: world.close(),
    "cancel by hand": do_cancel_by_hand,
    "market": do_market,
    "look away": do_look_away,
    "count cycles": do_count_cycles,
    "alter by hand": do_alter,
    "pause": do_pause,
    "hold": lambda world, a, b: world.hold(),
    "release": lambda world, a, b: world.release(),
}
WEIGHTS = {
    "send well": 5,
    "send": 2,
    "fill": 5,
    "read": 7,
    "stream": 2,
    "wait": 6,
    "wait long": 2,
    "deliver": 2,
    "book": 2,
    "price": 3,
    "reduce": 2,
    "edit": 2,
}
HISTORIES = st.lists(
    st.tuples(
        st.sampled_from([name for name in ACTS for _ in range(WEIGHTS.get(name, 1))]),
        st.integers(0, 11),
        st.integers(0, 11),
    ),
    min_size=10,
    max_size=80,
)
SETUPS = st.builds(
    Setup,
    entry=st.sampled_from(["limit", "market", "held"]),
    attach=st.booleans(),
    measured=st.booleans(),
    policy=st.sampled_from(list(Policy)),
    on_timeout=st.sampled_from(list(Choice)),
    on_runaway=st.sampled_from(list(Choice)),
    most_cost=st.sampled_from([None, D("99.95"), D("99.90"), D(101)]),
    punctual=st.booleans(),
    stops_hold=st.booleans(),
    post_only_errors=st.booleans(),
    tiny_secondaries=st.booleans(),
    fees_in_coins=st.booleans(),
)


def live_through(world: World, history: list[Act]) -> None:
    for name, a, b in history:
        ACTS[name](world, a, b)


def settle_in(world: World) -> None:
    """Begin and let everything happen, without a fault, until the bracket rests."""
    world.begin()
    let_happen(world, D("99.8"))  # a limit entry fills


def let_happen(world: World, price: Decimal, seconds: int = 12) -> None:
    for _ in range(seconds):
        world.everything_happens()
        world.venue.price(price)
        world.wait(1)


def rest_the_target(world: World) -> None:
    """Active, and the price came near the target: in policy NEAREST it rests there."""
    settle_in(world)
    let_happen(world, world.bracket.target_price - D("0.05"))


def fill_in_parts(world: World) -> None:
    """An entry that was filled in small parts, each with its stop where stops are attached."""
    world.begin()
    world.everything_is_sent()
    world.venue.price(D("99.8"))
    for part in (D("0.0031"), D("0.3"), D("0.02"), D("0.1"), D("0.0001"), D("0.2")):
        for order in world.venue.orders[:1]:
            world.venue.execute(order, part)
        world.wait(1)


STARTS: dict[str, Callable[[World], None]] = {
    "the beginning": World.begin,
    "an active bracket": settle_in,
    "a resting target": rest_the_target,
    "an entry filled in parts": fill_in_parts,
}
