"""Counting coins leaves the comparisons their pace, and is soon made rarely where nothing is new."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from brackets.core.states import State
from brackets.counting import Ground
from brackets.models import Order
from brackets.venue.kraken.stream.news import OpenOrders
from brackets.venue.paper.orders import Kind, NewOrder, Side
from brackets.watch.counts import CountingPace
from tests.integration.engine_venue import NOON
from tests.integration.engine_world import QUANTITY
from tests.integration.test_starter_budget import Desk, StarterVenue
from tests.integration.test_starter_budget import desk as desk  # a fixture

GROUND = Ground(
    bracket=7, refused=1, repaired_at=None, missing=Decimal(0), shortage=Decimal(0), shortage_since=None
)


def again(**what: Any) -> Ground:
    values = {name: getattr(GROUND, name) for name in Ground.__slots__}
    return Ground(**(values | what))


def counted_at(pace: CountingPace, grounds: Callable[[int], set[Ground]], seconds: int) -> list[int]:
    """At which seconds it counts, looking every second."""
    made = []
    for second in range(seconds):
        now = NOON + timedelta(seconds=second)
        if pace.is_due(frozenset(grounds(second)), now):
            pace.counted(now)
            made.append(second)
    return made


def test_the_same_grounds_are_counted_ever_more_rarely() -> None:
    assert counted_at(CountingPace(), lambda second: {GROUND}, 220) == [0, 3, 9, 21, 45, 93, 153, 213]


def test_what_is_new_is_counted_at_once_again() -> None:
    new = again(refused=2)
    assert counted_at(CountingPace(), lambda s: {GROUND} if s < 30 else {new}, 44) == [
        0,
        3,
        9,
        21,
        30,
        33,
        39,
    ]
    told = again(shortage=QUANTITY, shortage_since=NOON)  # by the first count
    assert counted_at(CountingPace(), lambda s: {told} if s else {GROUND}, 13) == [0, 3, 6, 12]


def test_a_bracket_that_is_counted_no_more_is_nothing_new() -> None:
    other = again(bracket=8)
    both = counted_at(CountingPace(), lambda s: {GROUND, other} if s < 10 else {other}, 30)
    assert both == [0, 3, 9, 21]


def test_nothing_is_counted_without_grounds() -> None:
    assert counted_at(CountingPace(), lambda second: set(), 9) == []


def test_only_what_is_new_is_paid_from_the_reserve() -> None:
    pace = CountingPace()
    urgent = []
    for second in (0, 3, 9):
        assert pace.is_due(frozenset({GROUND}), NOON + timedelta(seconds=second))
        urgent.append(pace.is_urgent)
        pace.counted(NOON + timedelta(seconds=second))
    assert urgent == [True, True, False]


# --- beside the comparisons ------------------------------------------------------------------------------


def let_it_live(desk: Desk) -> None:
    follower = desk.watch.follower
    follower.connecting()
    follower.heard([OpenOrders(updates=())], desk.world.clock())
    desk.watch.follow()
    desk.watch.read_unclear()
    assert follower.is_live


def others_hold_half(desk: Desk) -> None:
    """The owner cancels our stop and lets an order of his own rest for half of the coins."""
    engine, now = desk.venue.engine, desk.world.venue._now()
    engine.cancel(txid=desk.world.stop_at_venue().txid, now=now)
    resting = {"kind": Kind.LIMIT, "volume": QUANTITY / 2, "price": Decimal(3000)}
    engine.add(NewOrder(symbol="ETH/USD", side=Side.SELL, **resting), now=now)


def compared_during(desk: Desk, seconds: int) -> list[datetime]:
    """When all open orders were read; a round a second."""
    seen, moments = len(desk.venue.asked), []
    for _ in range(seconds):
        desk.world.clock.pass_seconds(0.75)
        desk.quarters = 3
        desk.quarter()
        if "open_orders" in desk.venue.asked[seen:]:
            moments.append(desk.world.clock())
        seen = len(desk.venue.asked)
    return moments


def test_comparisons_keep_their_pace_while_coins_are_missing(desk: Desk) -> None:
    """A stream that tells nothing of it: all the book learns, comparisons and counts tell it."""
    trade = desk.open_active()
    desk.rest_with_a_full_poll_share()
    let_it_live(desk)
    others_hold_half(desk)
    began = desk.world.clock()
    counts = desk.venue.asked.count("balances")
    moments = [began, *compared_during(desk, 150)]
    gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(moments)]
    assert max(gaps) <= 35, gaps  # 30 s, and a point of the budget to wait for
    assert (desk.world.clock() - moments[-1]).total_seconds() <= 35
    assert Order.objects.filter(refused_reason="insufficient_funds").exists()  # there was something to count
    assert desk.venue.asked.count("balances") - counts <= 18
    bracket = desk.world.bracket(trade)
    assert (bracket.state, bracket.missing) == (State.BRACKET_ACTIVE, QUANTITY / 2)


def test_a_comparison_that_waits_for_budget_goes_before_a_count(desk: Desk) -> None:
    desk.open_active()
    desk.rest_with_a_full_poll_share()
    watch = desk.watch
    assert not watch.goes_first(watch.last_cycle_at)
    watch.last_cycle_at = None
    assert watch.goes_first(desk.world.clock())
    assert isinstance(desk.venue, StarterVenue)
    desk.venue.level = 100_000  # nothing is to be had
    desk.quarter()
    now = desk.world.clock()
    assert watch.last_cycle_at == now
    assert watch.goes_first(now + timedelta(seconds=29))
    assert not watch.goes_first(now + timedelta(seconds=30)), "counting is not held back for ever"
    assert not watch.reading_is_due(now + timedelta(seconds=1.9))
    assert watch.reading_is_due(now + timedelta(seconds=2)), "it is tried again soon"
