"""Stories of the target coming to rest in the stop's place (policy NEAREST), and of its being refused.

Entry 100, stop 95, target 110: near is from 109.78 up (20 bps).
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.effects import Cancel
from brackets.core.events import OrderReported
from brackets.core.invariants import violations
from brackets.core.machine import step
from brackets.core.states import ExitReason, OrderStatus, Policy, State
from tests.unit.machine_story import Story
from tests.unit.swap_story import (
    NEAR,
    PLAIN,
    POST_ONLY,
    STOP_AGAIN,
    nearest,
    placing_target,
    swapping_in,
    target_rests,
)

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


# --- in ------------------------------------------------------------------------------------------


def test_near_the_target_the_stop_is_canceled_confirmed_and_the_target_rests_post_only() -> None:
    story = swapping_in()
    story.wait(1, NEAR)
    assert story.words == [], "nothing rests beside the stop"
    story.report("S", OPEN)
    assert story.words == []
    story.report("S", CANCELED)
    assert story.words == [POST_ONLY]
    story.accept(story.newest, "T")
    story.report("T", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    story.wait(60, "109.60")
    assert story.words == []


def test_the_resting_target_fills() -> None:
    story = target_rests()
    story.report("T", OPEN, "0.4", price="110")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.report("T", FILLED, "1", price="110")
    assert (story.state, story.words) == (State.TP_FILLED, [])
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.TAKE_PROFIT)


@pytest.mark.parametrize(
    ("world", "price", "last", "fresh"),
    [
        ({}, "109.77", None, True),
        ({}, "110", None, True),  # reached: that is for the touch
        ({}, None, None, True),
        ({}, NEAR, None, False),
        ({}, NEAR, "95", True),  # the stop is touched too: it wins
        ({"watched": False}, NEAR, None, True),
        ({"market": "limit_only"}, NEAR, None, True),
        ({"market": "post_only"}, NEAR, None, True),
        ({"market": "cancel_only"}, NEAR, None, True),
        ({"market": "maintenance"}, NEAR, None, True),
        ({"market": "reduce_only"}, NEAR, None, True),
    ],
)
def test_any_doubt_keeps_the_stop_resting(
    world: dict[str, object], price: str | None, last: str | None, fresh: bool
) -> None:
    story = nearest()
    for name, value in world.items():
        setattr(story, name, value)
    story.wait(1, price, last=last, fresh=fresh)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])


def test_no_swap_before_it_is_known_what_the_coins_cost() -> None:
    story = Story(policy=Policy.NEAREST)
    story.accept(story.enter(), "E")
    story.report("S", OPEN, parent="E")
    story.report("E", FILLED, "1", priced=False)
    assert story.state is State.BRACKET_ACTIVE
    story.wait(1, NEAR)
    assert story.words == []
    story.report("E", FILLED, "1")
    story.wait(1, NEAR)
    assert story.words == ["cancel stop S"]


def test_only_the_policy_nearest_swaps() -> None:
    story = Story().protected()
    story.wait(1, NEAR)
    assert story.words == []


def test_a_bracket_narrower_than_six_swap_ins_keeps_its_stop() -> None:
    story = nearest(target_r_multiple=None, target_price=D("101.20"))
    story.wait(1, "101.19")
    assert story.words == [], "1.20 wide; six times 20 bps of the target are 1.2144"
    wide = nearest(target_r_multiple=None, target_price=D("101.22"))
    wide.wait(1, "101.21")
    assert wide.words == ["cancel stop S"]


def test_the_way_in_is_at_most_fifteen_percent_of_the_way_and_the_way_back_twice_that() -> None:
    for price, words in (("108.49", []), ("108.50", ["cancel stop S"])):
        story = nearest(swap_in_bps=D(150))
        story.wait(1, price)
        assert story.words == words
    story.report("S", CANCELED)
    story.accept(story.newest, "T")
    story.report("T", OPEN)
    story.wait(1, "107.01")
    assert story.words == []
    story.wait(1, "107")
    assert story.words == ["cancel target T"]


def test_no_swap_while_more_is_being_bought() -> None:
    story = Story(policy=Policy.NEAREST)
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.4")
    story.report("S", OPEN, of="0.4", parent="E")
    story.wait(1, NEAR)
    assert story.words == []


def test_no_swap_of_a_position_below_the_minimum() -> None:
    story = Story(policy=Policy.NEAREST)
    story.accept(story.enter(), "E")
    story.report("S", OPEN, of="0.005", parent="E")
    story.report("E", CANCELED, "0.005")
    story.wait(1, NEAR)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])


def test_a_cancel_whose_end_is_not_read_is_waited_for_and_is_no_want_of_protection() -> None:
    story = swapping_in()
    for _ in range(6):
        story.wait(10, NEAR)
        story.report("S", OPEN)
        assert (story.state, story.words) == (State.ENTRY_FILLED, [])


def test_all_stops_go_before_the_target_comes() -> None:
    story = Story(policy=Policy.NEAREST).filled_in_parts("0.4", "0.6")
    story.wait(1, NEAR)
    assert story.words == ["cancel stop S1", "cancel stop S2"]
    story.report("S1", CANCELED)
    assert story.words == []
    story.report("S2", CANCELED)
    assert story.words == [POST_ONLY]


# --- the target is refused -----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["refused", "canceled", "seen, then canceled"])
def test_through_the_price_it_is_a_plain_limit_once(form: str) -> None:
    story = placing_target()
    if form == "refused":
        story.refuse(story.newest, "post_only")
    else:
        story.accept(story.newest, "T")
        if form.startswith("seen"):
            story.report("T", OPEN)
        story.report("T", CANCELED, reason="Post only order")
    assert (story.state, story.words, story.alarms) == (State.ENTRY_FILLED, [PLAIN], ())
    story.accept(story.newest, "T2")
    story.report("T2", CANCELED, reason="Post only order")
    assert story.words == [STOP_AGAIN]
    assert story.log.count(PLAIN) == 1


def test_a_plain_limit_that_executes_takes_the_profit() -> None:
    story = placing_target()
    story.refuse(story.newest, "post_only")
    story.wait(1, "110.50")
    story.accept(story.newest, "T2")
    story.report("T2", FILLED, "1", price="110.50")
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.TAKE_PROFIT)


@pytest.mark.parametrize("reason", ["insufficient_funds", "rate_limited"])
def test_a_refusal_for_now_is_tried_for_ten_seconds_then_the_stop_is_back(reason: str) -> None:
    story = placing_target()
    for _ in range(20):
        story.refuse(story.newest, reason)
        assert story.words == []
        story.wait(1, NEAR)
        if story.words != [POST_ONLY]:
            break
    assert story.words == [STOP_AGAIN]
    assert story.log.count(POST_ONLY) == 10


@pytest.mark.parametrize("reason", ["permission", "bad_price", "below_minimum", "other"])
def test_any_other_refusal_brings_the_stop_back_at_once(reason: str) -> None:
    story = placing_target()
    story.refuse(story.newest, reason)
    assert story.words == [STOP_AGAIN]
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    story.wait(29, NEAR)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])


def test_an_unknown_target_is_waited_for_and_found() -> None:
    story = placing_target()
    key = story.newest
    story.unknown(key)
    story.wait(15, NEAR)
    assert story.words == [], "it may rest, and fill"
    story.report("T", OPEN, key=key)
    assert story.state is State.BRACKET_ACTIVE
    assert story.log.count(POST_ONLY) == 1


def test_an_unknown_target_that_was_never_placed_brings_the_stop_back() -> None:
    story = placing_target()
    story.unknown(story.newest)
    story.wait(15, NEAR)
    story.absent(story.newest)
    assert story.words == [STOP_AGAIN]


def test_a_target_found_alive_beside_its_stop_takes_them_back_one_by_one() -> None:
    """Its absence was a wrong proof: for a moment both are at the venue, never none."""
    story = placing_target()
    lost = story.newest
    story.unknown(lost)
    story.absent(lost)
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    found = OrderReported(
        at=story.now,
        venue_order_id="T",
        client_order_id=lost,
        parent_venue_order_id=None,
        role_if_new=None,
        status=OPEN,
        quantity=D(1),
        filled=D(0),
        limit_price=D(110),
    )
    outcome = step(story.bracket, found)
    assert violations(outcome.bracket) == ("2 coins are sold or on sale, but only 1 were there",)
    assert [type(effect) for effect in outcome.effects] == [Cancel]
    story.bracket = outcome.bracket
    story.report("S2", CANCELED)
    assert story.words == ["cancel target T"]
    story.report("T", CANCELED)
    assert story.words == [STOP_AGAIN]
