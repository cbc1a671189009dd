"""Stories of selling a part: the leg is made smaller and read first, then the coins go, the rest stays."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core.machine import RefusedEvent
from brackets.core.states import Answer, ExitReason, OrderStatus, Refusal, Role, State
from tests.unit.machine_story import Story, limit_story
from tests.unit.swap_story import placing_target, swapping_in, target_rests

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def freed() -> Story:
    """0.4 of the coin shall be sold; the stop was made smaller by it, and the sell is intended."""
    story = Story().protected()
    story.reduce("0.4")
    assert (story.state, story.words) == (State.ENTRY_FILLED, ["amend stop S quantity 0.6"])
    story.amended("S")
    assert story.words == ["place exit 0.4"]
    return story


def sold_a_part() -> Story:
    story = freed()
    story.accept(story.newest, "X")
    story.report("X", FILLED, "0.4")
    return story


def test_amend_down_confirm_sell_and_the_rest_keeps_its_stop() -> None:
    story = sold_a_part()
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    assert (story.bracket.coins, story.bracket.standing) == (D("0.6"), D("0.6"))
    story.wait(60)
    assert story.words == []
    story.touch()
    story.report("S", CANCELED)
    assert story.words == ["place target 0.6"]


def test_nothing_is_sold_before_the_smaller_stop_was_read() -> None:
    story = Story().protected()
    story.reduce("0.4")
    story.answer_amend("S", Answer.ACCEPTED)
    assert story.words == []
    story.wait(5)
    assert story.words == []
    assert story.bracket.standing == D("0.6")


def test_a_part_the_venue_would_not_sell_is_refused_before_the_stop_is_touched() -> None:
    story = Story().protected()
    with pytest.raises(RefusedEvent) as refused:
        story.reduce("0.009")
    assert refused.value.refusal is Refusal.TOO_SMALL
    assert story.words == []


def test_two_parts_one_after_the_other() -> None:
    story = sold_a_part()
    story.wait(1)
    story.reduce("0.1")
    assert story.words == ["amend stop S quantity 0.5"]


def test_a_part_larger_than_the_smallest_stops_cancels_them_and_shrinks_the_next() -> None:
    story = Story().filled_in_parts("0.2", "0.8")
    story.reduce("0.3")
    assert story.words == ["cancel stop S1"]
    story.report("S1", CANCELED)
    assert story.words == ["amend stop S2 quantity 0.7"]
    story.amended("S2")
    assert story.words == ["place exit 0.3"]


def test_the_part_of_a_resting_target_is_taken_from_it() -> None:
    story = target_rests()
    story.wait(1, "109.70")
    story.reduce("0.4")
    assert story.words == ["amend target T quantity 0.6"]
    story.amended("T")
    assert story.words == ["place exit 0.4"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "0.4")
    assert (story.state, story.bracket.standing) == (State.BRACKET_ACTIVE, D("0.6"))


def test_a_part_asked_for_in_the_middle_of_a_swap_leaves_the_rest_with_a_stop() -> None:
    story = swapping_in()
    story.reduce("0.4")
    assert story.words == []
    story.report("S", CANCELED)
    assert story.words == ["place exit 0.4", "place stop 0.6 at 95"], "the rest does not wait for the sell"


def test_a_target_that_could_not_rest_leaves_the_rest_with_a_stop_beside_the_sale() -> None:
    story = placing_target()
    story.reduce("0.4")
    assert story.words == ["cancel target unsent"]
    story.accept(story.newest, "T")
    story.report("T", CANCELED, reason="Post only order")
    assert story.words == ["place exit 0.4", "place stop 0.6 at 95"], "the rest does not wait for the sell"


def test_a_target_that_sells_more_meanwhile_leaves_less_to_be_sold() -> None:
    story = target_rests()
    story.wait(1, "109.70")
    story.reduce("0.4")
    story.report("T", CANCELED, "0.8", of="0.8", price="110")
    assert story.words == ["place exit 0.2"]


def test_an_exit_that_fills_in_part_is_followed_by_the_rest_of_the_part() -> None:
    story = freed()
    story.accept(story.newest, "X")
    story.report("X", CANCELED, "0.3")
    assert story.words == []
    story.wait(1)
    assert story.words == ["place exit 0.1"]


def test_a_rest_below_the_minimum_means_all_of_it() -> None:
    story = Story().protected()
    story.reduce("0.995")
    assert (story.state, story.words) == (State.EXITING, ["cancel stop S"])
    assert story.bracket.exit_reason is ExitReason.MANUAL
    story.report("S", CANCELED)
    assert story.words == ["place exit 1"]


@pytest.mark.parametrize("quantity", ["0", "-0.1", "1.0001"])
def test_no_more_than_there_is_and_more_than_nothing(quantity: str) -> None:
    story = Story().protected()
    with pytest.raises(RefusedEvent) as refused:
        story.reduce(quantity)
    assert refused.value.refusal is Refusal.TOO_MUCH


def test_one_part_at_a_time() -> None:
    story = freed()
    with pytest.raises(RefusedEvent) as refused:
        story.reduce("0.1")
    assert refused.value.refusal is Refusal.ALREADY_EXITING


def test_a_part_cancels_what_is_left_of_the_entry_first() -> None:
    story = limit_story().resting_limit()
    story.report("E", OPEN, "0.5")
    story.report("S", OPEN, of="0.5", parent="E")
    story.reduce("0.2")
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED, "0.5")
    assert story.words == ["amend stop S quantity 0.3"]


# --- refused, or not in time -------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["permission", "invalid_arguments", "other"])
def test_a_sell_refused_for_good_gives_the_part_its_stop_back(reason: str) -> None:
    story = freed()
    story.wait(1)
    story.refuse(story.newest, reason)
    assert story.alarms
    assert (story.state, story.words) == (State.ENTRY_FILLED, ["amend stop S quantity 1"])
    story.amended("S")
    assert (story.state, story.bracket.standing) == (State.BRACKET_ACTIVE, D(1))


@pytest.mark.parametrize(("reason", "tries"), [("rate_limited", 20), ("insufficient_funds", 6)])
def test_a_sell_refused_for_now_is_tried_until_it_takes_too_long(reason: str, tries: int) -> None:
    """Second by second; for coins that are not there ever more slowly."""
    story = freed()
    for _ in range(25):
        if story.bracket.live(Role.EXIT):
            story.refuse(story.newest, reason)
            assert story.words == []
        story.wait(1)
        if story.words not in ([], ["place exit 0.4"]):
            break
    assert story.words == ["amend stop S quantity 1"]
    assert story.log.count("place exit 0.4") == tries
    story.amended("S")
    assert story.state is State.BRACKET_ACTIVE


def test_a_stop_that_does_not_get_smaller_in_time_keeps_its_coins() -> None:
    story = Story().protected()
    story.reduce("0.4")
    for _ in range(25):
        if story.bracket.reduce_quantity == 0:
            break
        story.answer_amend("S", Answer.REFUSED, "rate_limited")
        story.wait(1)
    assert story.alarms
    assert story.bracket.reduce_quantity == 0
    assert story.bracket.coins == story.bracket.live_stops[0].quantity == 1
    assert "place exit 0.4" not in story.log


def test_a_stop_that_takes_no_amendment_is_replaced_by_a_smaller_one() -> None:
    story = Story().protected()
    story.reduce("0.4")
    story.answer_amend("S", Answer.REFUSED, "invalid_arguments")
    story.wait(1)
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    assert story.words == ["place exit 0.4", "place stop 0.6 at 95"]


def test_an_unknown_sell_of_the_part_is_waited_for() -> None:
    story = freed()
    key = story.newest
    story.unknown(key)
    story.wait(120)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])
    assert story.bracket.standing == D("0.6"), "the rest keeps its stop meanwhile"
    story.report("X", FILLED, "0.4", key=key)
    assert story.state is State.BRACKET_ACTIVE


def test_an_unseen_stop_is_waited_for_before_a_part_is_sold() -> None:
    story = Story().filled_entry()
    story.reduce("0.4")
    story.wait(9)
    assert story.words == []
    story.report("S", OPEN, parent="E")
    assert story.words == ["amend stop S quantity 0.6"]


def test_the_stop_triggers_instead() -> None:
    story = Story().protected()
    story.reduce("0.4")
    story.report("S", OPEN, "0.5", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, [])
    story.report("S", FILLED, "0.6", of="0.6", triggered=True)
    assert story.words == ["place exit 0.4"]
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS


def test_close_overtakes_a_part_under_way() -> None:
    story = freed()
    part = story.newest
    story.wait(1)
    story.close(ExitReason.KILL_SWITCH)
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    assert story.words == [], "the part's sell is live or unknown: one owner at a time"
    story.report("X", FILLED, "0.4", key=part)
    assert story.words == ["place exit 0.6"]


def test_after_a_part_a_leg_that_sells_the_rest_names_the_end() -> None:
    story = sold_a_part()
    story.wait(1)
    story.close()
    story.report("S", FILLED, "0.6", triggered=True)
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.STOP_LOSS)


def test_after_a_part_the_exit_does_not_wait_for_stops_that_were_all_seen() -> None:
    story = sold_a_part()
    story.wait(1)
    story.close()
    story.report("S", CANCELED)
    assert story.words == ["place exit 0.6"]


@pytest.mark.parametrize("market", ["cancel_only", "maintenance"])
def test_a_market_that_closes_between_the_smaller_stop_and_the_sell_gives_the_part_back(market: str) -> None:
    story = Story().protected()
    story.reduce("0.4")
    story.market = market
    story.wait(1)
    story.amended("S")
    assert story.words == []
    story.wait(20)
    assert story.words == ["amend stop S quantity 1"]


def test_a_limit_only_market_takes_the_part_by_limit() -> None:
    story = Story().protected()
    story.reduce("0.4")
    story.market = "limit_only"
    story.wait(1)
    story.amended("S")
    assert story.words == [], "a limit needs a price to be near"
    story.wait(1, "100")
    assert story.words == ["place exit 0.4 limit 99.5"]


def test_a_stop_that_others_make_larger_beside_the_sale_of_a_part_is_made_smaller_at_once() -> None:
    story = freed()
    story.accept(story.newest, "X")
    story.now += timedelta(seconds=11)  # later than a reading may show what was before our amendment

    story.report("S", OrderStatus.OPEN, of="1")

    assert story.words == ["amend stop S quantity 0.6"]
