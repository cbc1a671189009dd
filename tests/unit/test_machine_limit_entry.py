"""Stories of a limit entry: how it follows the market, gives up, and what its price makes of the legs."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core.effects import Place
from brackets.core.states import ExitReason, OrderStatus, State
from tests.unit.machine_story import BEGIN, Story, a_limit, limit_story

D = Decimal
OPEN, FILLED, CANCELED, EXPIRED = (
    OrderStatus.OPEN,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
)
FIRST = "place entry 1 limit 100 post-only"
FOLLOWING = "place entry 1 limit 100.19 post-only"  # 10 bps below a bid of 100.30


def canceled_for_a_reprice(**terms: object) -> Story:
    """The market walked away from the resting limit, and its cancel is under way."""
    story = limit_story(**terms).resting_limit()
    story.wait(10, price="100.30")
    assert story.words == ["cancel entry E"]
    return story


# --- the order -----------------------------------------------------------------------------------


def test_it_is_post_only_carries_the_stop_and_ends_by_itself_a_minute_after_its_time() -> None:
    story = limit_story()
    story.enter()
    (place,) = story.sent
    assert isinstance(place, Place)
    assert story.words == [FIRST]
    assert place.close_stop_price == D(95)
    assert place.expires_at == BEGIN + timedelta(seconds=300 + 60)


def test_a_market_entry_has_no_end_of_its_own() -> None:
    story = Story()
    story.enter()
    (place,) = story.sent
    assert isinstance(place, Place)
    assert (place.limit_price, place.post_only, place.expires_at) == (None, False, None)


def test_every_reprice_ends_by_itself_too_and_none_outlives_the_first_reason() -> None:
    story = canceled_for_a_reprice()
    story.report("E", CANCELED)
    story.wait(1, price="100.30")
    (place,) = story.sent
    assert isinstance(place, Place)
    assert place.expires_at == BEGIN + timedelta(seconds=300 + 60)


# --- following the market ----------------------------------------------------------------------


def test_reprice_is_cancel_confirm_and_a_new_id() -> None:
    story = canceled_for_a_reprice()
    first = story.bracket.orders[0].key
    story.wait(5, price="100.30")
    assert story.words == [], "at most one entry is live: its end comes first"
    story.report("E", OPEN)
    assert story.words == []
    story.report("E", CANCELED)
    assert (story.state, story.words) == (State.ENTRY_PLACED, [])
    story.see("100.30")
    assert story.words == [FOLLOWING]
    assert story.newest != first


def test_the_legs_are_measured_from_the_new_limit() -> None:
    story = canceled_for_a_reprice()
    story.report("E", CANCELED)
    story.wait(1, price="100.30")
    assert (story.bracket.stop_price, story.bracket.target_price) == (D("95.19"), D("110.19"))
    (place,) = story.sent
    assert isinstance(place, Place)
    assert place.close_stop_price == D("95.19")


@pytest.mark.parametrize("price", ["90", "100", "100.19", None])
def test_a_market_that_stays_near_comes_down_or_is_not_known_moves_nothing(price: str | None) -> None:
    story = limit_story().resting_limit()
    story.wait(60, price=price)
    assert story.words == []


def test_the_market_has_walked_away_at_ten_basis_points_exactly() -> None:
    story = limit_story().resting_limit()
    story.wait(10, price="100.20")  # would rest at 100.09
    assert story.words == []
    story.wait(1, price="100.21")  # would rest at 100.10
    assert story.words == ["cancel entry E"]


def test_a_young_order_stays_for_its_minimum_time() -> None:
    story = limit_story(reprice_seconds=30).resting_limit()
    story.wait(29, price="100.30")
    assert story.words == []
    story.wait(1, price="100.30")
    assert story.words == ["cancel entry E"]


def test_an_order_that_is_not_known_to_rest_is_not_repriced() -> None:
    story = limit_story()
    key = story.enter()
    story.wait(20, price="100.30")
    assert story.words == []
    story.unknown(key)
    story.wait(20, price="100.30")
    assert story.words == []


def test_it_follows_so_often_and_no_more() -> None:
    story = limit_story(most_reprices=2, runaway_bps=D(5000)).resting_limit()
    for number, price in enumerate(("101", "102", "103", "104")):
        story.wait(10, price=price)
        if not story.words:
            break
        story.report("E" if number == 0 else f"E{number}", CANCELED)
        story.wait(1, price=price)
        story.accept(story.newest, f"E{number + 1}")
    assert [word for word in story.log if word.startswith("place")] == [
        FIRST,
        "place entry 1 limit 100.89 post-only",
        "place entry 1 limit 101.89 post-only",
    ]
    assert story.bracket.live_entries[0].cancel_wanted is False


def test_ticks_below_the_bid_count_besides_basis_points() -> None:
    story = limit_story(offset_ticks=3).resting_limit()
    story.wait(10, price="100.30")
    story.report("E", CANCELED)
    story.wait(1, price="100.30")
    assert story.words == ["place entry 1 limit 100.16 post-only"]


def test_what_was_filled_before_a_reprice_is_kept_and_only_the_rest_is_asked_for() -> None:
    story = limit_story().resting_limit()
    story.report("E", OPEN, "0.4")
    story.report("S1", OPEN, of="0.4", parent="E")
    story.wait(10, price="100.30")
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED, "0.4")
    story.wait(1, price="100.30")
    assert story.words == ["place entry 0.6 limit 100.19 post-only"]
    assert story.state is State.ENTRY_FILLED
    story.accept(story.newest, "E2")
    story.report("S2", OPEN, of="0.6", parent="E2", trigger="95.19")
    story.report("E2", FILLED, "0.6", price="100.19")
    assert story.state is State.BRACKET_ACTIVE
    assert story.bracket.average_entry_price == D("100.114")
    assert story.bracket.bought == 1


def test_a_fill_that_races_the_cancel_makes_the_next_order_smaller() -> None:
    story = canceled_for_a_reprice()
    story.report("E", CANCELED, "0.7")
    story.wait(1, price="100.30")
    assert story.words == ["place entry 0.3 limit 100.19 post-only"]


def test_an_entry_that_filled_whole_before_its_cancel_is_followed_by_nothing() -> None:
    story = canceled_for_a_reprice()
    story.report("S", OPEN, parent="E")
    story.report("E", FILLED, "1")
    story.wait(1, price="100.30")
    assert story.state is State.BRACKET_ACTIVE
    assert story.log == [FIRST, "cancel entry E"]


def test_a_rest_below_the_minimum_is_not_bought() -> None:
    story = canceled_for_a_reprice()
    story.report("E", CANCELED, "0.995")
    story.wait(1, price="100.30")
    assert not story.bracket.entering
    assert story.log == [FIRST, "cancel entry E"]


def test_a_reprice_that_finds_no_price_is_given_up_after_a_while() -> None:
    story = canceled_for_a_reprice()
    story.report("E", CANCELED)
    story.wait(29, price=None)
    assert story.state is State.ENTRY_PLACED
    story.wait(1, price=None)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_EXPIRED)


def test_a_given_target_the_market_has_reached_leaves_nothing_to_follow_for() -> None:
    story = Story(entry=a_limit(), stop_distance=D(5), target_r_multiple=None, target_price=D("100.15"))
    story.resting_limit()
    story.wait(10, price="100.30")
    story.report("E", CANCELED)
    story.wait(1, price="100.30")
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_EXPIRED)


def test_an_entry_proven_absent_is_not_sent_again_its_price_has_gone() -> None:
    story = limit_story()
    key = story.enter()
    story.unknown(key)
    story.wait(20)
    story.absent(key)
    story.wait(1)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_EXPIRED)
    assert story.log == [FIRST]


# --- post-only ---------------------------------------------------------------------------------


def refused_post_only(story: Story, number: int) -> None:
    story.refuse(story.newest, "post_only")


def canceled_post_only(story: Story, number: int) -> None:
    story.accept(story.newest, f"P{number}")
    story.report(f"P{number}", CANCELED, reason="Post only order")


both_forms = pytest.mark.parametrize("say_no", [refused_post_only, canceled_post_only])


@both_forms
def test_a_limit_that_would_cross_is_placed_again_below_the_bid_of_a_second_later(say_no) -> None:  # type: ignore[no-untyped-def]
    story = limit_story()
    story.enter()
    say_no(story, 1)
    assert (story.state, story.words) == (State.ENTRY_PLACED, [])
    story.see("99")
    assert story.words == [], "spaced, never in the same moment"
    story.wait(1, price="99")
    assert story.words == ["place entry 1 limit 98.9 post-only"]


@both_forms
def test_crossing_again_and_again_ends_with_the_reprices(say_no) -> None:  # type: ignore[no-untyped-def]
    story = limit_story(most_reprices=3)
    story.enter()
    for number in range(4):
        assert story.state is State.ENTRY_PLACED
        say_no(story, number)
        story.wait(1)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_REJECTED)
    assert len(story.log) == 4


def test_a_limit_canceled_by_somebody_else_is_not_a_crossing() -> None:
    story = limit_story().resting_limit()
    story.report("E", CANCELED, reason="User requested")
    story.wait(1)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_CANCELED)
    assert story.log == [FIRST]


def test_a_limit_refused_for_another_reason_is_not_tried_again() -> None:
    story = limit_story()
    story.refuse(story.enter(), "insufficient_funds")
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_REJECTED)
    assert story.log == [FIRST]


# --- the legs follow the fills -----------------------------------------------------------------


def test_both_legs_are_measured_from_the_average_fill_and_the_stop_is_amended() -> None:
    story = limit_story().resting_limit()
    story.report("E", FILLED, "1", price="99.5")
    assert (story.bracket.stop_price, story.bracket.target_price) == (D("94.5"), D("109.5"))
    story.report("S", OPEN, parent="E", trigger="95")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, ["amend stop S trigger 94.5"])
    story.amended("S")
    story.wait(60)
    assert story.words == []
    assert story.bracket.initial_stop_price == D("94.5"), "R is measured from the stop as it stands"


def test_they_wait_for_the_last_fill() -> None:
    story = limit_story().resting_limit()
    story.report("E", OPEN, "0.5", price="99.5")
    story.report("S1", OPEN, of="0.5", parent="E")
    story.wait(10)
    assert (story.bracket.stop_price, story.words) == (D(95), [])


def test_given_legs_stay_where_they_were_given() -> None:
    story = Story(entry=a_limit(), target_r_multiple=None).resting_limit()
    story.report("E", FILLED, "1", price="99.5")
    story.report("S", OPEN, parent="E")
    story.wait(10)
    assert (story.bracket.stop_price, story.bracket.target_price) == (D(95), D(110))
    assert story.log == [FIRST]
