"""The two legs as people see them, and whether a price touches one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.legs import legs, stop_is_touched, target_is_touched
from brackets.core.states import Custody, OrderStatus, Role
from tests.unit.machine_story import Story

D = Decimal
RESTING, WATCHED, MOVING = Custody.RESTING, Custody.WATCHED, Custody.MOVING


def test_an_active_bracket_has_a_resting_stop_and_a_watched_target() -> None:
    stop, target = legs(Story().protected().bracket)
    assert (stop.kind, stop.custody, stop.price, stop.quantity) == (Role.STOP, RESTING, D(95), D(1))
    assert (target.kind, target.custody, target.price, target.quantity) == (
        Role.TARGET,
        WATCHED,
        D(110),
        D(1),
    )
    assert [order.venue_order_id for order in stop.orders] == ["S"]
    assert target.orders == ()


def custodies(story: Story) -> tuple[Custody | None, Custody | None]:
    stop, target = legs(story.bracket)
    return stop.custody, target.custody


def test_before_the_fill_there_is_nothing_to_keep() -> None:
    story = Story()
    assert custodies(story) == (None, None)
    story.enter()
    assert custodies(story) == (None, None)


def test_a_stop_that_was_not_read_back_is_moving() -> None:
    assert custodies(Story().filled_entry()) == (MOVING, WATCHED)


def test_a_stop_for_a_part_of_the_coins_is_moving() -> None:
    story = Story().filled_entry()
    story.report("S", OrderStatus.OPEN, of="0.4", parent="E")
    assert custodies(story) == (MOVING, WATCHED)


def test_on_the_way_to_the_target_both_move_for_a_market_sell_never_rests() -> None:
    story = Story().leaving_by_target()
    assert custodies(story) == (MOVING, MOVING)
    story.report("S", OrderStatus.CANCELED)
    assert custodies(story) == (MOVING, MOVING)
    story.accept(story.newest, "X")
    assert custodies(story) == (MOVING, MOVING)


def test_after_the_end_there_is_nothing_to_keep_also_of_dust() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "below_minimum")
    story.book("E", "1")
    assert story.bracket.dust == 1
    assert custodies(story) == (None, None)


@pytest.mark.parametrize(
    ("bid", "last", "touched"),
    [
        ("110", "110", True),
        ("111", "100", True),
        ("109.99", "120", False),  # nobody would pay the target
        ("110", "95", False),  # both at once: the stop wins
        ("110", "94", False),
        ("110", "95.01", True),
    ],
)
def test_the_target_is_touched_by_the_bid_unless_the_stop_is(bid: str, last: str, touched: bool) -> None:
    assert target_is_touched(Story().protected().bracket, bid=D(bid), last=D(last)) is touched


def test_the_target_is_not_watched_before_the_stop_rests_nor_while_leaving() -> None:
    for story in (Story(), Story().filled_entry(), Story().leaving_by_target()):
        assert not target_is_touched(story.bracket, bid=D(120), last=D(120))


def test_the_stop_is_touched_at_its_price_while_it_lives() -> None:
    story = Story().protected()
    assert not stop_is_touched(story.bracket, last=D("95.01"))
    assert stop_is_touched(story.bracket, last=D(95))
    assert not stop_is_touched(Story().filled_entry().bracket, last=D(90))
