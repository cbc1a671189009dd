"""The two legs as people see them, and whether a price touches one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.legs import Band, band, is_needed, legs, stop_is_touched, target_is_touched
from brackets.core.states import Custody, OrderStatus, Policy, Role
from tests.unit.machine_story import Story
from tests.unit.swap_story import BACK, NEAR, nearest, placing_target, swapping_in, target_rests

D = Decimal
RESTING, WATCHED, MOVING, MISSING = Custody


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


def test_a_resting_target_has_a_watched_stop_and_the_way_there_and_back_is_a_move() -> None:
    assert custodies(nearest()) == (RESTING, WATCHED)
    assert custodies(swapping_in()) == (MOVING, MOVING)
    assert custodies(placing_target()) == (MOVING, MOVING)
    story = target_rests()
    assert custodies(story) == (WATCHED, RESTING)
    story.wait(1, BACK)
    assert custodies(story) == (MOVING, MOVING)
    story.report("T", OrderStatus.CANCELED)
    assert custodies(story) == (MOVING, WATCHED)
    story.accept(story.newest, "S2")
    story.report("S2", OrderStatus.OPEN)
    assert custodies(story) == (RESTING, WATCHED)


def test_an_open_reading_during_the_cancel_does_not_restore_resting() -> None:
    story = swapping_in()
    story.report("S", OrderStatus.OPEN)
    assert custodies(story) == (MOVING, MOVING)
    back = target_rests()
    back.wait(1, BACK)
    back.report("T", OrderStatus.OPEN)
    assert custodies(back) == (MOVING, MOVING)


def test_both_legs_may_rest() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    assert custodies(story) == (RESTING, MOVING)
    story.accept(story.newest, "T")
    story.report("T", OrderStatus.OPEN)
    assert custodies(story) == (RESTING, RESTING)


def test_a_leg_being_amended_keeps_resting_for_what_certainly_rests() -> None:
    story = Story().protected()
    story.edit(stop="96")
    assert custodies(story) == (RESTING, WATCHED)


def test_what_is_left_of_a_partly_filled_leg_is_its_quantity() -> None:
    story = target_rests()
    story.report("T", OrderStatus.OPEN, "0.4", price="110")
    stop, target = legs(story.bracket)
    assert (stop.quantity, target.quantity) == (D("0.6"), D("0.6"))


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


def test_the_target_is_not_taken_by_us_while_it_rests_or_comes_to() -> None:
    both = Story(policy=Policy.BOTH_REST).protected()
    for story in (target_rests(), swapping_in(), placing_target(), both):
        assert not target_is_touched(story.bracket, bid=D(120), last=D(120))


def test_the_target_is_not_taken_in_a_closed_market() -> None:
    story = Story().protected()
    for market, touched in (("maintenance", False), ("cancel_only", False), ("limit_only", True)):
        story.market = market
        story.wait(1)
        assert target_is_touched(story.bracket, bid=D(110), last=D(110)) is touched


def test_the_target_is_not_taken_while_a_part_is_being_sold_nor_of_too_little() -> None:
    story = Story().protected()
    story.reduce("0.4")
    assert not target_is_touched(story.bracket, bid=D(120), last=D(120))
    little = Story()
    little.accept(little.enter(), "E")
    little.report("S", OrderStatus.OPEN, of="0.005", parent="E")
    little.report("E", OrderStatus.CANCELED, "0.005")
    assert not target_is_touched(little.bracket, bid=D(120), last=D(120))


def test_the_target_of_the_first_part_may_be_taken_while_more_is_being_bought() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", OrderStatus.OPEN, "0.4")
    assert not target_is_touched(story.bracket, bid=D(110), last=D(110))
    story.report("S", OrderStatus.OPEN, of="0.4", parent="E")
    assert target_is_touched(story.bracket, bid=D(110), last=D(110))


# --- prices between which nothing happens ------------------------------------------------------


def test_only_an_active_bracket_has_prices_without_news() -> None:
    for story in (Story(), Story().filled_entry(), swapping_in(), Story().leaving_by_target()):
        assert band(story.bracket) is None


def test_a_close_that_is_to_be_tried_again_needs_every_look() -> None:
    story = Story().protected()
    story.close()
    story.report("S", OrderStatus.CANCELED)
    story.refuse(story.newest, "permission")
    story.accept(story.newest, "S2")
    story.report("S2", OrderStatus.OPEN)
    assert band(story.bracket) is None


def test_a_resting_stop_bounds_below_and_a_watched_target_above() -> None:
    assert band(Story().protected().bracket) == Band(low=D(95), high=D(110))


def test_near_the_target_the_legs_change_places_before_it_is_reached() -> None:
    assert band(nearest().bracket) == Band(low=D(95), high=D(NEAR))


def test_a_narrow_bracket_has_nothing_to_change() -> None:
    story = nearest(target_r_multiple=None, target_price=D(101))
    assert band(story.bracket) == Band(low=D(95), high=D(101))


def test_that_a_resting_target_is_reached_is_news_and_that_it_falls_back() -> None:
    assert band(target_rests().bracket) == Band(low=D(BACK), high=D(110))


def test_where_both_rest_either_price_is_news() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    assert band(story.bracket) == Band(low=D(95), high=D(110))


@pytest.mark.parametrize(
    ("bid", "last", "inside"),
    [
        ("95.01", "95.01", True),
        ("95", "100", False),
        ("100", "95", False),
        ("109.99", "200", True),
        ("110", "100", False),
    ],
)
def test_the_bounds_themselves_are_news(bid: str, last: str, inside: bool) -> None:
    assert Band(low=D(95), high=D(110)).holds(bid=D(bid), last=D(last)) is inside
    assert Band(low=None, high=None).holds(bid=D(bid), last=D(last))


@pytest.mark.parametrize("price", ["95.01", "100", "109", "109.77"])
def test_inside_the_band_a_look_changes_nothing(price: str) -> None:
    story = nearest()
    limits = band(story.bracket)
    assert limits is not None
    assert limits.holds(bid=D(price), last=D(price))
    before = story.bracket
    story.wait(1, price, last=price)
    assert story.bracket == before


# --- what protection hangs on ------------------------------------------------------------------


def test_the_only_stop_is_needed_also_when_it_is_wanted_gone() -> None:
    story = Story().protected()
    assert is_needed(story.bracket, "S")
    story.close()
    assert is_needed(story.bracket, "S")


def test_each_part_of_the_cover_is_needed() -> None:
    story = Story().filled_in_parts("0.4", "0.6")
    assert is_needed(story.bracket, "S1")
    assert is_needed(story.bracket, "S2")


def test_a_target_in_the_place_of_its_stop_is_needed() -> None:
    story = target_rests()
    assert is_needed(story.bracket, story.order("T").key)


def test_a_stop_too_much_is_not_needed() -> None:
    story = Story(attach_stop=False).filled_entry()
    ours = story.newest
    story.accept(ours, "S1")
    story.report("S1", OrderStatus.OPEN)
    story.report("S2", OrderStatus.OPEN, parent="E")
    assert story.words == ["cancel stop S2"]
    assert not is_needed(story.bracket, story.order("S2").key)
    assert is_needed(story.bracket, story.order("S1").key)


def test_what_is_left_when_everything_is_sold_is_not_needed() -> None:
    story = Story(policy=Policy.NEAREST).protected()
    story.report("S", OrderStatus.FILLED, "1", triggered=True)
    assert not is_needed(story.bracket, "S")


# --- held: nobody watches --------------------------------------------------------------------------


def test_of_a_held_bracket_a_leg_that_nobody_keeps_is_missing() -> None:
    story = Story().protected()
    story.hold()
    assert custodies(story) == (RESTING, MISSING)
    story.lose("S")
    assert custodies(story) == (MOVING, MISSING)  # it is being placed again
    story.refuse(story.newest, "permission")
    story.wait(60)
    assert custodies(story) == (MISSING, MISSING)


def test_of_a_held_bracket_a_stop_for_a_part_is_no_stop_for_all_and_does_not_move() -> None:
    story = Story().protected()
    story.hold()
    story.report("S", OrderStatus.OPEN, of="0.4")
    assert custodies(story) == (MISSING, MISSING)


def test_held_before_the_stop_of_the_entry_was_seen_it_is_on_its_way() -> None:
    story = Story().filled_entry()
    story.hold()
    assert custodies(story) == (MOVING, MISSING)


def test_while_a_repair_waits_for_its_time_both_legs_are_watched() -> None:
    story = Story().protected()
    story.lose("S")
    story.accept(story.newest, "S2")
    story.report("S2", OrderStatus.OPEN)
    story.wait(1)
    story.lose("S2")
    assert custodies(story) == (WATCHED, WATCHED)
