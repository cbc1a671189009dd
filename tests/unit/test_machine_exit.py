"""Stories of the way out: the target, the stop, their race, and a person who wants out."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason, OrderStatus, Refusal, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


# --- the target ------------------------------------------------------------------------------


def test_target_touched_cancel_confirm_sell_booked() -> None:
    story = Story().protected()
    story.touch()
    assert (story.state, story.words) == (State.EXITING, ["cancel stop S"])
    story.wait(3)
    assert story.words == [], "nothing follows before the cancel is confirmed"
    story.report("S", OPEN, parent="E")
    assert story.words == [], "an open order is not a confirmation"
    story.report("S", CANCELED, parent="E")
    assert story.words == ["place target 1"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1", price="110")
    assert story.state is State.TP_FILLED
    story.book("E", "1")
    assert story.state is State.TP_FILLED
    story.book("X", "1")
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.TAKE_PROFIT


def test_the_target_is_one_exit_for_several_stops() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", FILLED, "1")
    story.report("S1", OPEN, of="0.4", parent="E")
    story.report("S2", OPEN, of="0.6", parent="E")
    story.touch()
    assert story.words == ["cancel stop S1", "cancel stop S2"]
    story.report("S2", CANCELED, of="0.6")
    assert story.words == []
    story.report("S1", CANCELED, of="0.4")
    assert story.words == ["place target 1"]


def test_an_exit_that_fills_in_part_is_followed_by_the_rest_a_second_later() -> None:
    story = Story().selling_at_target()
    story.accept(story.newest, "X")
    story.report("X", CANCELED, "0.7")
    assert story.words == [], "a venue that ends orders unfilled is not hammered"
    story.wait(1)
    assert story.words == ["place target 0.3"]


def test_an_exit_that_is_ended_unfilled_again_and_again_is_spaced() -> None:
    story = Story().selling_at_target()
    for number in range(5):
        story.accept(story.newest, f"X{number}")
        story.report(f"X{number}", CANCELED)
        assert story.words == []
        story.wait(1)
    assert story.log.count("place target 1") == 6


# --- the stop --------------------------------------------------------------------------------


def test_the_stop_sells_everything() -> None:
    story = Story().protected()
    story.report("S", OPEN, parent="E", triggered=True)
    assert story.state is State.SL_FILLED
    story.report("S", FILLED, "1", price="94", triggered=True)
    assert story.state is State.SL_FILLED
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS
    assert story.log == ["place entry 1"]


def test_a_booking_alone_tells_that_the_stop_is_selling() -> None:
    story = Story().protected()
    story.book("S", "0.5")
    assert story.state is State.SL_FILLED


def test_a_triggered_stop_that_ends_with_leaves_is_followed_by_a_market_sell_not_a_stop() -> None:
    story = Story().protected()
    story.report("S", CANCELED, "0.4", parent="E", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, ["place exit 0.6"])
    story.accept(story.newest, "X")
    story.report("X", FILLED, "0.6", of="0.6", price="93")
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS


def test_a_triggered_stop_is_waited_for() -> None:
    story = Story().protected()
    story.report("S", OPEN, "0.4", triggered=True)
    story.wait(30, price="90")
    assert story.words == []


def test_two_stops_trigger_one_is_read_first() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", FILLED, "1")
    story.report("S1", OPEN, of="0.4", parent="E")
    story.report("S2", OPEN, of="0.6", parent="E")
    story.report("S1", FILLED, "0.4", of="0.4", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, [])
    story.report("S2", FILLED, "0.6", of="0.6", triggered=True)
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.log == ["place entry 1"]


def test_a_sibling_that_sleeps_through_the_trigger_is_cleared_and_its_coins_sold() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", FILLED, "1")
    story.report("S1", OPEN, of="0.4", parent="E")
    story.report("S2", OPEN, of="0.6", parent="E")
    story.report("S1", FILLED, "0.4", of="0.4", triggered=True)
    story.wait(9)
    assert story.words == []
    story.wait(1)
    assert story.words == ["cancel stop S2"]
    story.report("S2", CANCELED, of="0.6")
    assert story.words == ["place exit 0.6"]


def test_a_stop_that_triggers_while_the_entry_still_fills() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.5")
    story.report("S", OPEN, of="0.5", parent="E")
    story.report("S", FILLED, "0.5", of="0.5", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, ["cancel entry E"])
    story.report("E", CANCELED, "0.7")
    assert story.words == [], "a stop of those coins may exist and not be visible yet"
    story.wait(10, price="94")
    assert story.words == ["place exit 0.2"], "what arrived late is sold, not given a stop"


def test_an_untriggered_stop_canceled_by_somebody_else_is_placed_again() -> None:
    story = Story().protected()
    story.lose("S", parent="E")
    assert (story.state, story.words) == (State.ENTRY_FILLED, ["place stop 1 at 95"])
    assert any("canceled" in said for said in story.said)
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    assert story.state is State.BRACKET_ACTIVE


# --- the race --------------------------------------------------------------------------------


def test_the_stop_wins_the_race_against_its_cancel() -> None:
    story = Story().leaving_by_target()
    story.report("S", FILLED, "1", price="94", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, [])
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS
    assert story.log == ["place entry 1", "cancel stop S"]


def test_the_stop_wins_a_part_of_the_race() -> None:
    story = Story().leaving_by_target()
    story.report("S", CANCELED, "0.4", triggered=True)
    assert story.words == ["place target 0.6"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "0.6", of="0.6")
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.TAKE_PROFIT


def test_a_fill_of_the_stop_told_after_its_cancel_is_not_sold_twice() -> None:
    story = Story().leaving_by_target()
    story.report("S", CANCELED, "1", triggered=True)
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert "place target 1" not in story.log


# --- somebody wants out ----------------------------------------------------------------------


@pytest.mark.parametrize("reason", [ExitReason.MANUAL, ExitReason.KILL_SWITCH])
def test_close_from_active(reason: ExitReason) -> None:
    story = Story().protected()
    story.close(reason)
    story.report("S", CANCELED)
    assert story.words == ["place exit 1"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1")
    assert story.state is State.EXITING
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is reason


def test_close_during_a_triggered_stop_takes_the_leaves_and_keeps_its_reason() -> None:
    story = Story().protected()
    story.report("S", OPEN, "0.4", triggered=True)
    story.close(ExitReason.MANUAL)
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED, "0.4", triggered=True)
    assert story.words == ["place exit 0.6"]
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS


def test_close_after_the_stop_sold_everything_changes_nothing() -> None:
    story = Story().protected()
    story.report("S", FILLED, "1", triggered=True)
    before = story.bracket
    story.close()
    assert (story.bracket, story.words) == (before, [])


def test_the_first_reason_to_leave_is_kept() -> None:
    story = Story().leaving_by_target()
    with pytest.raises(RefusedEvent) as refused:
        story.close(ExitReason.KILL_SWITCH)
    assert refused.value.refusal is Refusal.ALREADY_EXITING
    assert story.bracket.exit_reason is ExitReason.TAKE_PROFIT


def test_close_while_a_stop_of_ours_is_unsent_withdraws_it_first() -> None:
    story = Story(attach_stop=False).filled_entry()
    stop = story.newest
    story.close()
    assert story.words == ["cancel stop unsent"]
    story.withdraw(stop)
    assert story.words == ["place exit 1"]


def test_a_fill_that_arrives_while_leaving_has_its_own_wait_for_its_stop() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.5")
    story.report("S1", OPEN, of="0.5", parent="E")
    story.wait(20)
    story.close()
    story.report("S1", CANCELED, of="0.5")
    story.report("E", CANCELED, "0.8")
    story.wait(9)
    assert story.words == [], "a stop of the last 0.3 may exist and not be visible yet"
    story.report("S2", OPEN, of="0.3", parent="E")
    story.report("S2", CANCELED, of="0.3")
    assert story.words == ["place exit 0.8"]
