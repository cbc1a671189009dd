"""Stories of entries that fill in parts: each part covered, small parts joined, the rest given up."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core.events import FillBooked
from brackets.core.machine import RefusedEvent
from brackets.core.states import Answer, ExitReason, OrderStatus, Refusal, State
from tests.unit.machine_story import Story, a_limit, limit_story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def filling(filled: str, *secondaries: str) -> Story:
    """The limit rests and has bought so much; these secondaries rest."""
    story = limit_story().resting_limit()
    story.report("E", OPEN, filled)
    for number, quantity in enumerate(secondaries, start=1):
        story.report(f"S{number}", OPEN, of=quantity, parent="E")
    return story


# --- covered at once ---------------------------------------------------------------------------


def test_one_lot_is_covered_by_its_own_stop() -> None:
    story = filling("0.0001", "0.0001")
    story.wait(60)
    assert story.words == []
    assert story.bracket.standing == D("0.0001")
    story.report("E", CANCELED, "0.0001")
    assert (story.state, story.log) == (State.BRACKET_ACTIVE, ["place entry 1 limit 100 post-only"])


def test_a_part_without_its_secondary_gets_a_stop_of_ours_while_the_entry_goes_on() -> None:
    story = filling("0.3")
    story.wait(9)
    assert story.words == []
    story.wait(1)
    assert story.words == ["place stop 0.3 at 95"]
    assert story.bracket.live_entries, "what is still to be bought is not given up for it"


def test_a_later_part_without_its_secondary_joins_the_stop_that_rests() -> None:
    story = filling("0.5", "0.5")
    story.report("E", OPEN, "0.8")
    story.wait(10)
    assert story.words == ["amend stop S1 quantity 0.8"]
    story.amended("S1")
    assert story.bracket.covered


def test_each_fill_has_its_own_time_until_its_secondary_must_show() -> None:
    story = filling("0.3", "0.3")
    story.wait(20)
    story.report("E", OPEN, "0.6")
    story.wait(9)
    assert story.words == []
    story.report("S2", OPEN, of="0.3", parent="E")
    story.wait(30)
    assert story.words == []


def test_a_secondary_late_beside_our_own_stop_is_taken_back_when_the_entry_is_over() -> None:
    story = filling("0.3")
    story.wait(10)
    story.accept(story.newest, "O")
    story.report("O", OPEN)
    story.report("S1", OPEN, of="0.3", parent="E")
    assert story.words == [], "it may be of a fill that was not read yet"
    story.report("E", CANCELED, "0.3")
    assert story.words == ["cancel stop S1"]
    story.report("S1", CANCELED)
    assert (story.state, story.bracket.standing) == (State.BRACKET_ACTIVE, D("0.3"))


def test_protection_that_keeps_arriving_is_not_out_of_time() -> None:
    """Two stops, each seen long after its fill: never was everything covered at one reading."""
    story = filling("0.2")
    story.wait(9)
    story.report("E", OPEN, "0.5")
    story.report("S1", OPEN, of="0.2", parent="E")
    story.wait(9)
    story.report("E", OPEN, "0.8")
    story.report("S2", OPEN, of="0.3", parent="E")
    story.wait(9)
    story.report("E", CANCELED, "1")
    story.report("S3", OPEN, of="0.3", parent="E")
    story.wait(9)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])
    story.report("S4", OPEN, of="0.2", parent="E")
    assert story.state is State.BRACKET_ACTIVE


# --- below the minimum -------------------------------------------------------------------------


def test_a_part_too_small_for_a_stop_waits_for_more() -> None:
    story = filling("0.005")
    story.wait(120)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])


def test_small_parts_get_a_stop_of_ours_as_soon_as_they_are_enough() -> None:
    story = filling("0.005")
    story.wait(20)
    story.report("E", OPEN, "0.01")
    story.wait(10)
    assert story.words == ["place stop 0.01 at 95"]


def test_a_small_part_is_merged_into_the_stop_of_the_next_one() -> None:
    story = filling("0.005")
    story.wait(20)
    story.report("E", OPEN, "0.505")
    story.report("S1", OPEN, of="0.5", parent="E")
    story.wait(10)
    assert story.words == ["amend stop S1 quantity 0.505"]
    story.amended("S1")
    assert story.bracket.covered


def test_where_stops_take_no_amendment_a_small_part_is_joined_by_a_new_stop_and_nothing_is_sold() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", FILLED, "1")
    story.report("S1", OPEN, of="0.7", parent="E")
    story.report("S2", OPEN, of="0.2999", parent="E")
    story.wait(10)
    assert story.words == ["amend stop S1 quantity 0.7001"]
    story.answer_amend("S1", Answer.REFUSED, "invalid_arguments")
    story.wait(1)
    assert story.words == ["amend stop S2 quantity 0.3"]
    story.answer_amend("S2", Answer.REFUSED, "invalid_arguments")
    story.wait(1)
    assert story.words == ["cancel stop S2"], "the smaller one"
    story.wait(5)
    assert story.words == [], "and only that"
    story.report("S2", CANCELED)
    assert story.words == ["place stop 0.3 at 95"]
    story.accept(story.newest, "S3")
    story.report("S3", OPEN)
    assert (story.state, story.bracket.standing) == (State.BRACKET_ACTIVE, D(1))


def test_without_attached_stops_each_part_is_covered_at_once() -> None:
    story = Story(entry=a_limit(), attach_stop=False).resting_limit()
    story.report("E", OPEN, "0.3")
    assert story.words == ["place stop 0.3 at 95"]
    story.accept(story.newest, "S")
    story.report("S", OPEN)
    story.wait(1)
    story.report("E", OPEN, "0.5")
    assert story.words == ["amend stop S quantity 0.5"]


def test_a_stop_that_was_accepted_and_not_seen_is_not_amended() -> None:
    story = Story(entry=a_limit(), attach_stop=False).resting_limit()
    story.report("E", OPEN, "0.3")
    story.accept(story.newest, "S")
    story.wait(1)
    story.report("E", OPEN, "0.5")
    assert story.words == ["place stop 0.2 at 95"]


def test_a_small_part_left_alone_is_dust_and_never_loops() -> None:
    story = filling("0.005")
    story.wait(10)
    story.report("E", CANCELED, "0.005")
    story.wait(30)
    story.book_all()
    assert (story.state, story.bracket.dust) == (State.EXIT_COMPLETE, D("0.005"))
    assert story.alarms
    story.wait(600)
    assert (story.words, story.alarms) == ([], ())


def test_a_position_below_the_minimum_keeps_resting_where_it_rests_when_the_target_is_touched() -> None:
    story = filling("0.005", "0.005")
    story.report("E", CANCELED, "0.005")
    assert story.state is State.BRACKET_ACTIVE
    with pytest.raises(RefusedEvent) as refused:
        story.touch()
    assert refused.value.refusal is Refusal.TOO_SMALL
    assert story.bracket.standing == D("0.005")


def test_a_person_may_close_a_position_below_the_minimum_it_is_named_dust() -> None:
    story = filling("0.005", "0.005")
    story.report("E", CANCELED, "0.005")
    story.close()
    assert story.words == ["cancel stop S1"]
    story.report("S1", CANCELED)
    story.book_all()
    assert (story.state, story.bracket.dust) == (State.EXIT_COMPLETE, D("0.005"))


# --- fees in coins -----------------------------------------------------------------------------


def test_where_the_fee_was_taken_in_coins_the_stop_is_made_smaller_by_it() -> None:
    story = Story().protected()
    story.say(
        FillBooked(at=story.now, venue_order_id="E", venue_trade_id="T", quantity=D(1), base_fee=D("0.00265"))
    )
    assert story.bracket.coins == D("0.9973"), "whole lots of what was received"
    assert story.words == ["amend stop S quantity 0.9973"]
    story.amended("S")
    assert (story.state, story.bracket.standing) == (State.BRACKET_ACTIVE, D("0.9973"))


# --- too many stops ----------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ["limit", "market"])
def test_more_than_five_stops_cancel_what_is_left_of_the_entry(entry: str) -> None:
    story = limit_story().resting_limit() if entry == "limit" else Story()
    if entry == "market":
        story.accept(story.enter(), "E")
    for number in range(1, 7):
        story.report("E", OPEN, str(D("0.1") * number))
        story.report(f"S{number}", OPEN, of="0.1", parent="E")
        assert story.words == (["cancel entry E"] if number == 6 else [])
    story.report("E", CANCELED, "0.6")
    story.wait(1, price="100.50")
    assert story.state is State.BRACKET_ACTIVE
    assert story.words == [], "buying is over, it is not repriced"
    assert story.bracket.coins == D("0.6")


# --- the end of an entry that filled in part ---------------------------------------------------


def test_a_fill_that_races_the_cancel_is_covered_too() -> None:
    story = filling("0.4", "0.4")
    story.wait(290)
    story.wait(10)
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED, "0.6")
    assert story.state is State.ENTRY_FILLED
    story.report("S2", OPEN, of="0.2", parent="E")
    assert (story.state, story.bracket.standing) == (State.BRACKET_ACTIVE, D("0.6"))
    assert story.bracket.bought == D("0.6")


def test_an_entry_that_is_looked_up_as_unknown_while_its_first_fill_is_known_buys_no_second_time() -> None:
    story = limit_story()
    key = story.enter()
    story.unknown(key)
    story.report("E", OPEN, "0.4", key=key)
    story.report("S1", OPEN, of="0.4", parent="E")
    story.absent(key)
    story.wait(60)
    assert story.log == ["place entry 1 limit 100 post-only"]
    assert story.bracket.live_entries[0].filled == D("0.4")


def test_the_target_may_be_taken_while_the_rest_is_still_being_bought() -> None:
    story = filling("0.4", "0.4")
    story.touch()
    assert (story.state, story.words) == (State.EXITING, ["cancel entry E", "cancel stop S1"])
    story.report("S1", CANCELED)
    assert story.words == [], "the entry may still fill"
    story.report("E", CANCELED, "0.4")
    assert story.words == ["place target 0.4"]


def test_the_target_is_not_taken_of_a_part_whose_stop_was_not_seen() -> None:
    story = filling("0.4")
    with pytest.raises(RefusedEvent) as refused:
        story.touch()
    assert refused.value.refusal is Refusal.NOT_PROTECTED


def test_a_fill_after_the_first_exit_fill_is_sold_and_gets_no_stop() -> None:
    story = filling("0.4", "0.4")
    story.report("S1", FILLED, "0.4", triggered=True)
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED, "0.7")
    story.wait(10, price="94")
    assert story.words == ["place exit 0.3"]
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS


def test_the_market_falls_through_the_stop_between_fill_and_protection() -> None:
    story = filling("0.4")
    story.wait(10, price="94")
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED, "0.4")
    assert story.words == ["place exit 0.4"]


def test_no_protection_in_time_cancels_the_rest_of_the_entry_and_sells() -> None:
    story = filling("0.4")
    story.wait(10)
    stop = story.newest
    story.unknown(stop)
    story.wait(20)
    assert story.bracket.exit_reason is ExitReason.ROLLBACK
    assert story.words == ["cancel entry E", "cancel stop unsent"]
    story.report("E", CANCELED, "0.4")
    story.absent(stop)
    story.now += timedelta(seconds=10)
    story.see("100")
    assert story.log[-1] == "place exit 0.4"
