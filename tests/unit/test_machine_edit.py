"""Stories of moving a leg: amended in place; what the venue does not take stays, and is said."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core.machine import RefusedEvent
from brackets.core.states import Answer, OrderStatus, Refusal, State
from tests.unit.machine_story import SETTLING, Story, limit_story
from tests.unit.swap_story import swapping_in, target_rests

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def edited_stop() -> Story:
    story = Story().protected()
    story.edit(stop="96")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, ["amend stop S trigger 96"])
    return story


# --- in place ----------------------------------------------------------------------------------


def test_the_stop_moves_in_place_and_protects_all_the_while() -> None:
    story = edited_stop()
    assert story.bracket.covered
    story.amended("S")
    assert story.bracket.covered
    story.wait(60)
    assert (story.words, story.log) == ([], ["place entry 1", "amend stop S trigger 96"])
    assert story.order("S").trigger_price == D(96)
    assert (story.bracket.stop_price, story.bracket.target_price) == (D(96), D(110))


def test_what_was_risked_at_the_beginning_is_not_rewritten() -> None:
    story = edited_stop()
    assert story.bracket.initial_stop_price == D(95)


def test_a_watched_target_moves_by_itself() -> None:
    story = Story().protected()
    story.edit(target="112")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    assert (story.bracket.stop_price, story.bracket.target_price) == (D(95), D(112))


def test_a_resting_target_moves_in_place() -> None:
    story = target_rests()
    story.edit(target="109.90")
    assert story.words == ["amend target T limit 109.9"]
    story.amended("T")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])


def test_a_watched_stop_moves_by_itself() -> None:
    story = target_rests()
    story.edit(stop="96")
    assert story.words == []
    story.wait(1, "96")
    assert (story.state, story.words) == (State.EXITING, ["cancel target T"])


def test_a_target_moved_away_from_the_price_goes_back_to_being_watched() -> None:
    story = target_rests()
    story.edit(target="115")
    story.amended("T")
    story.wait(1, "109.78")
    assert story.words == ["cancel target T"]


def test_all_stops_move_one_a_second() -> None:
    story = Story().filled_in_parts("0.4", "0.6")
    story.edit(stop="96")
    assert story.words == ["amend stop S1 trigger 96"]
    story.amended("S1")
    story.wait(1)
    assert story.words == ["amend stop S2 trigger 96"]
    story.amended("S2")
    assert story.bracket.covered


def test_the_second_edit_counts() -> None:
    story = edited_stop()
    story.edit(stop="97")
    assert story.words == [], "one amendment of an order at a time"
    story.amended("S")
    story.wait(1)
    assert story.words == ["amend stop S trigger 97"]


def test_an_edit_before_the_stop_was_seen_reaches_it_when_it_is() -> None:
    story = Story().filled_entry()
    story.edit(stop="96")
    assert story.words == []
    story.report("S", OPEN, parent="E", trigger="95")
    assert story.words == ["amend stop S trigger 96"]


def test_an_edit_in_the_middle_of_a_swap_moves_what_comes_to_rest() -> None:
    story = swapping_in()
    story.edit(target="109.90")
    story.report("S", CANCELED)
    assert story.words == ["place target 1 limit 109.9 post-only"]


def test_an_average_that_is_read_later_does_not_overrule_an_edit() -> None:
    story = Story().protected()
    story.edit(stop="96", target="112")
    story.report("E", FILLED, "1", price="101")
    assert (story.bracket.stop_price, story.bracket.target_price) == (D(96), D(112))


# --- the answers -------------------------------------------------------------------------------


def test_an_unknown_amendment_that_was_done_is_seen() -> None:
    story = edited_stop()
    story.answer_amend("S", Answer.UNKNOWN)
    story.report("S", OPEN, trigger="96")
    story.wait(60)
    assert story.log.count("amend stop S trigger 96") == 1


def test_an_unknown_amendment_that_was_not_done_is_asked_again() -> None:
    story = edited_stop()
    story.answer_amend("S", Answer.UNKNOWN)
    story.now += timedelta(seconds=SETTLING)
    story.report("S", OPEN)
    assert story.words == ["amend stop S trigger 96"]
    assert story.order("S").amends == 2


def test_a_stale_reading_right_after_the_move_is_not_believed() -> None:
    story = edited_stop()
    story.amended("S")
    story.report("S", OPEN, trigger="95")
    story.wait(5)
    assert story.words == []


def test_a_price_the_venue_refuses_leaves_the_stop_where_it_is_and_says_so() -> None:
    story = edited_stop()
    story.answer_amend("S", Answer.REFUSED, "bad_price")
    story.wait(1)
    assert story.alarms
    assert story.bracket.stop_price == D(95), "what people read is what stands"
    story.wait(60)
    assert (story.state, story.words, story.alarms) == (State.BRACKET_ACTIVE, [], ())
    assert story.log == ["place entry 1", "amend stop S trigger 96"]


def test_a_refused_price_says_nothing_against_a_smaller_quantity() -> None:
    story = edited_stop()
    story.answer_amend("S", Answer.REFUSED, "bad_price")
    story.wait(1)
    story.reduce("0.4")
    story.wait(1)
    assert story.log[-1] == "amend stop S quantity 0.6"


@pytest.mark.parametrize("reason", ["rate_limited", "deadline", "invalid_nonce"])
def test_a_move_refused_for_now_is_asked_again_once_a_second(reason: str) -> None:
    story = edited_stop()
    for _ in range(5):
        story.answer_amend("S", Answer.REFUSED, reason)
        assert story.words == []
        story.wait(1)
        assert story.words == ["amend stop S trigger 96"]


@pytest.mark.parametrize("reason", ["invalid_arguments", "permission", "other"])
def test_a_stop_that_takes_no_amendment_is_replaced_at_the_new_price(reason: str) -> None:
    story = edited_stop()
    story.answer_amend("S", Answer.REFUSED, reason)
    story.wait(1)
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    assert story.words == ["place stop 1 at 96"]
    assert story.alarms == ()
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    assert story.state is State.BRACKET_ACTIVE


def test_a_target_that_takes_no_amendment_gives_its_place_to_the_stop() -> None:
    story = target_rests()
    story.edit(target="109.90")
    story.answer_amend("T", Answer.REFUSED, "invalid_arguments")
    story.wait(1, "109.70")
    assert story.words == ["cancel target T"]
    story.report("T", CANCELED)
    assert story.words == ["place stop 1 at 95"]


def test_the_stop_triggers_at_its_old_price_before_it_moved() -> None:
    story = edited_stop()
    story.report("S", FILLED, "1", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, [])


@pytest.mark.parametrize("market", ["cancel_only", "post_only", "maintenance", "limit_only"])
def test_a_move_waits_for_the_market(market: str) -> None:
    story = Story().protected()
    story.market = market
    story.wait(1)
    story.edit(stop="96")
    assert story.words == []
    story.market = "online"
    story.wait(1)
    assert story.words == ["amend stop S trigger 96"]


# --- what is refused by us ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "target"), [("110", None), (None, "95"), ("100", "99"), ("0", None), ("-1", None)]
)
def test_the_stop_stays_above_nothing_and_below_the_target(stop: str | None, target: str | None) -> None:
    story = Story().protected()
    with pytest.raises(RefusedEvent) as refused:
        story.edit(stop=stop, target=target)
    assert refused.value.refusal is Refusal.BAD_PRICES
    assert (story.bracket.stop_price, story.bracket.target_price) == (D(95), D(110))


def test_while_more_is_being_bought_the_entry_decides_where_the_legs_are() -> None:
    story = limit_story().resting_limit()
    story.report("E", OPEN, "0.4")
    with pytest.raises(RefusedEvent) as refused:
        story.edit(stop="96")
    assert refused.value.refusal is Refusal.NOT_PROTECTED
