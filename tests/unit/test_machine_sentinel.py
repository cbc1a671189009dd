"""Stories of legs that others cancel or alter: repaired when two readings agree, and not soon again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core import sentinel
from brackets.core.events import CoinsCounted
from brackets.core.orders import Rules
from brackets.core.states import Answer, ExitReason, OrderStatus, State
from tests.unit.machine_story import BEGIN, Story
from tests.unit.swap_story import target_rests

OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED
NEXT = "place stop 1 at 95"
NO_FUNDS = "Validation failure (insufficient funds)"


def come_back(story: Story, stop: str) -> None:
    """The stop intended last rests, as `stop`."""
    story.accept(story.newest, stop)
    story.report(stop, OPEN)
    assert story.state is State.BRACKET_ACTIVE


def canceled_twice() -> Story:
    """Protected, canceled, protected by a stop of ours (S2), canceled again a second later."""
    story = Story().protected()
    story.lose("S")
    assert story.words == [NEXT]
    come_back(story, "S2")
    story.wait(1)
    story.lose("S2")
    return story


def count(story: Story, total: str, available: str) -> None:
    story.say(CoinsCounted(at=story.now, total=Decimal(total), available=Decimal(available)))


# --- the first time ----------------------------------------------------------------------------------


def test_one_reading_is_said_and_a_second_one_repairs() -> None:
    story = Story().protected()
    story.wait(1000)
    story.report("S", CANCELED)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])
    assert any("not by us" in said for said in story.alarms)
    story.wait(2)
    assert story.words == []
    story.report("S", CANCELED)
    assert story.words == [NEXT]


def test_the_same_reading_again_is_no_second_one() -> None:
    story = Story().protected()
    story.report("S", CANCELED)
    for _ in range(3):
        story.report("S", CANCELED)
    assert story.words == []


def test_a_reading_that_still_shows_it_open_does_not_agree() -> None:
    """REST lags behind the stream: the end stays, and a reading that agrees is waited for."""
    story = Story().protected()
    story.report("S", CANCELED)
    story.wait(1)
    story.report("S", OPEN)
    assert (story.words, story.order("S").status) == ([], CANCELED)
    story.wait(1)
    story.report("S", CANCELED)
    assert story.words == [NEXT]


def test_where_no_second_reading_can_be_had_the_coins_are_not_left_bare() -> None:
    story = Story().protected()
    story.report("S", CANCELED)
    story.wait(7)
    assert story.words == []
    story.wait(1)
    assert story.words == [NEXT]


def test_a_second_reading_that_shows_a_fill_is_a_stop_that_won() -> None:
    story = Story().protected()
    story.report("S", CANCELED)
    story.wait(1)
    story.report("S", CANCELED, "0.5", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, ["place exit 0.5"])


def test_stops_canceled_together_are_one_time_and_get_one_stop() -> None:
    """Everything canceled at once on the venue's page: nobody fights there."""
    story = Story().filled_in_parts("0.3", "0.3", "0.4")
    story.wait(1)
    for _ in range(2):
        for stop in ("S1", "S2", "S3"):
            story.report(stop, CANCELED)
        story.now += timedelta(seconds=1)
    assert story.words == [NEXT]
    assert not any("again" in alarm for alarm in story.said if "canceled" in alarm and "somebody" in alarm)


def test_a_part_that_was_canceled_goes_to_the_stop_that_stands() -> None:
    story = Story().filled_in_parts("0.6", "0.4")
    story.wait(1)
    story.report("S2", CANCELED)
    assert story.words == []
    story.wait(1)
    story.report("S2", CANCELED)
    assert story.words == ["amend stop S1 quantity 1"]
    story.amended("S1")
    story.lose("S1")  # what was repaired is harmed: that is a repeat
    assert (story.words, sentinel.is_held_back(story.bracket)) == ([], True)


def test_a_target_that_was_canceled_brings_the_stop_back() -> None:
    story = target_rests()
    story.report("T", CANCELED)
    assert story.words == []
    story.wait(1, "109.9")
    story.report("T", CANCELED)
    assert story.words == [NEXT]


# --- again -------------------------------------------------------------------------------------------


def test_a_repeat_waits_for_a_minute_every_time() -> None:
    story = canceled_twice()
    for number in range(3, 7):
        assert story.words == []
        assert any("somebody canceled or altered a leg again" in said for said in story.said)
        repaired_at = story.bracket.repaired_at
        assert repaired_at is not None
        left = (repaired_at + timedelta(seconds=60) - story.now).total_seconds()
        story.wait(int(left) - 1)
        assert (story.state, story.words) == (State.ENTRY_FILLED, [])
        story.wait(2)
        assert story.words == [NEXT]
        come_back(story, f"S{number}")
        story.lose(f"S{number}")
    assert "exit" not in " ".join(story.log)
    assert story.bracket.repairs == 5


def test_a_repeat_waits_for_three_comparisons_too() -> None:
    story = Story().protected()
    story.cycle = 7
    story.lose("S")
    come_back(story, "S2")
    story.wait(1)  # the repair is counted from here
    story.lose("S2")
    for cycle in (8, 9):
        story.cycle = cycle
        story.wait(100)
        assert story.words == [], f"{cycle - 7} comparisons since the last repair"
    story.cycle = 10
    story.wait(1)
    assert story.words == [NEXT]


def test_one_canceled_before_it_was_seen_to_rest_counts_too_and_nothing_is_sold() -> None:
    story = canceled_twice()
    for number in range(3, 6):
        story.wait(61)
        assert story.words == [NEXT]
        story.accept(story.newest, f"S{number}")
        story.lose(f"S{number}")
        story.wait(1)
    story.wait(50)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])


def test_after_a_quiet_minute_it_is_the_first_time_again() -> None:
    story = canceled_twice()
    story.wait(60)
    come_back(story, "S3")
    story.wait(1)
    story.wait(60)
    assert story.bracket.repair_key == ""
    story.lose("S3")
    assert story.words == [NEXT]


@pytest.mark.parametrize("end", ["refused", "absent", "withdrawn"])
def test_a_repair_that_never_arrived_goes_on_as_ever(end: str) -> None:
    story = Story().protected()
    story.lose("S")
    if end == "refused":
        story.refuse(story.newest, "rate_limited")
    elif end == "absent":
        story.unknown(story.newest)
        story.absent(story.newest)
    else:
        story.withdraw(story.newest)
    story.wait(2)
    assert story.log.count(NEXT) == 2


# --- altered at the venue ----------------------------------------------------------------------------


def test_a_stop_that_others_move_goes_back_when_two_readings_agree() -> None:
    story = Story().protected()
    story.wait(30)
    story.report("S", OPEN, trigger="80")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    assert any("altered" in said for said in story.alarms)
    story.wait(1)
    story.report("S", OPEN, trigger="80")
    assert story.words == ["amend stop S trigger 95"]
    story.amended("S")
    assert not story.bracket.repairing


def test_one_that_they_move_again_waits_for_its_minute() -> None:
    story = Story().protected()
    story.wait(30)
    for _ in range(2):
        story.report("S", OPEN, trigger="80")
        story.now += timedelta(seconds=1)
    story.amended("S")
    story.wait(11)
    for _ in range(2):
        story.report("S", OPEN, trigger="70")
        story.now += timedelta(seconds=1)
    assert story.words == []
    story.wait(45)
    assert story.words == []
    story.wait(5)
    assert story.words == ["amend stop S trigger 95"]


def test_one_that_its_owner_puts_back_needs_nothing() -> None:
    story = Story().protected()
    story.wait(30)
    story.report("S", OPEN, trigger="80")
    story.wait(1)
    story.report("S", OPEN, trigger="95")
    assert (story.state, story.bracket.repairing, story.bracket.repairs) == (State.BRACKET_ACTIVE, False, 0)


def test_what_a_person_edits_here_moves_at_once() -> None:
    story = canceled_twice()
    story.wait(61)
    come_back(story, "S3")
    story.edit(stop="96")
    assert story.words == ["amend stop S3 trigger 96"]


def test_one_that_ends_by_itself_afterwards_is_no_harm_any_more() -> None:
    story = Story().protected()
    story.wait(30)
    story.report("S", OPEN, trigger="96")
    story.wait(1)
    story.report("S", FILLED, "1", trigger="96", triggered=True)
    assert story.order("S").amiss_at is None


def test_our_own_amendment_is_no_alteration() -> None:
    story = Story().protected()
    story.edit(stop="96")
    story.amended("S")
    story.wait(15)
    story.report("S", OPEN)
    assert not story.bracket.repairing and not story.order("S").amiss_at


# --- funds -------------------------------------------------------------------------------------------


def refused_for_funds() -> Story:
    story = Story().protected()
    story.lose("S")
    story.refuse(story.newest, "insufficient_funds")
    return story


def test_a_repair_refused_for_funds_waits_is_counted_and_said_once() -> None:
    story = refused_for_funds()
    assert (story.bracket.funds_awaited, story.bracket.repairs_refused) == (True, 1)
    for _ in range(58):
        story.wait(1)
        assert story.words == []
    story.wait(3)
    assert story.words == [NEXT]
    story.refuse(story.newest, "insufficient_funds")
    assert story.bracket.repairs_refused == 2
    story.wait(59)
    assert story.words == []
    assert sum("funds do not suffice" in said for said in story.said) == 1
    assert "exit" not in " ".join(story.log)


def test_it_is_tried_when_a_balance_shows_the_coins() -> None:
    story = refused_for_funds()
    story.wait(2)
    count(story, "1", "0.4")  # somebody's own order holds the rest
    assert story.words == []
    story.wait(3)
    count(story, "1", "1")
    assert story.words == [NEXT]
    come_back(story, "S2")
    assert (story.bracket.repairs_refused, story.bracket.funds_awaited) == (0, False)


def test_a_stop_that_the_venue_ended_for_want_of_coins_is_no_wish_and_waits_for_them() -> None:
    story = Story().protected()
    story.report("S", CANCELED, reason=NO_FUNDS)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])
    assert story.bracket.repairs_refused == 1
    story.wait(40)
    assert story.words == []
    count(story, "1", "1")
    assert story.words == [NEXT]


def test_an_amendment_refused_for_funds_waits_too() -> None:
    story = Story().filled_in_parts("0.6", "0.4")
    story.wait(1)
    story.lose("S2")
    story.answer_amend("S1", Answer.REFUSED, "insufficient_funds")
    assert story.bracket.funds_awaited
    for _ in range(20):
        story.wait(1)
        assert story.words == []
    count(story, "1", "0.4")
    assert story.words == ["amend stop S1 quantity 1"]


def test_a_price_at_the_stop_is_acted_on_and_one_at_the_target_is_not_while_funds_are_wanting() -> None:
    story = refused_for_funds()
    story.wait(1, price="110")
    assert story.words == []
    story.wait(1, price="95")
    assert story.words == ["place exit 1"]


# --- until then both legs are in our hands -----------------------------------------------------------


def test_a_price_at_the_stop_meanwhile_sells() -> None:
    story = canceled_twice()
    story.wait(1, price="95")
    assert (story.bracket.exit_reason, story.words) == (ExitReason.STOP_LOSS, ["place exit 1"])


def test_a_last_price_at_the_stop_meanwhile_sells_too() -> None:
    story = canceled_twice()
    story.wait(1, price="96", last="95")
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS


def test_a_price_at_the_target_meanwhile_sells() -> None:
    story = canceled_twice()
    story.wait(1, price="110")
    assert (story.bracket.exit_reason, story.words) == (ExitReason.TAKE_PROFIT, ["place target 1"])


@pytest.mark.parametrize("price", ["95.01", "109.99", None])
def test_a_price_between_them_waits(price: str | None) -> None:
    story = canceled_twice()
    story.wait(1, price=price)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])


def test_nothing_is_sold_into_a_closed_market() -> None:
    story = canceled_twice()
    story.market = "cancel_only"
    story.wait(1, price="90")
    assert story.words == []


def test_somebody_who_wants_out_is_served_meanwhile() -> None:
    story = canceled_twice()
    story.close()
    assert story.words == ["place exit 1"]
    assert not story.bracket.repairing


# --- what is bounded as before, and what is nobody's repair ------------------------------------------


def test_a_repair_that_the_venue_never_shows_is_a_rollback_half_a_minute_after_it() -> None:
    story = canceled_twice()
    story.wait(60)
    assert story.words == [NEXT]
    story.unknown(story.newest)
    story.wait(29)
    assert story.state is State.ENTRY_FILLED
    story.wait(1)
    assert (story.state, story.bracket.exit_reason) == (State.EXITING, ExitReason.ROLLBACK)


def test_a_stop_that_fills_is_no_stop_somebody_canceled() -> None:
    story = canceled_twice()
    story.wait(60)
    come_back(story, "S3")
    story.report("S3", CANCELED, "0.5", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, ["place exit 0.5"])


def test_one_that_we_cancel_ourselves_is_no_repair() -> None:
    story = Story().protected()
    for number in range(3):  # an exit is refused for good, and the stop comes back
        story.touch()
        story.report("S" if number == 0 else f"S{number}", CANCELED)
        story.refuse(story.newest, "permission")
        assert story.words == [NEXT]
        come_back(story, f"S{number + 1}")
        story.wait(1000)
    assert story.bracket.repairs == 0


def test_a_held_bracket_is_not_repaired_and_one_that_was_released_is() -> None:
    story = Story().protected()
    story.hold()
    story.lose("S")
    story.wait(100)
    assert (story.state, story.words) == (State.HELD, [])


def test_the_bounds_are_those_of_the_contract() -> None:
    rules = Rules()
    assert rules.second_reading_seconds < 10
    assert (rules.repair_spacing_seconds, rules.repair_spacing_cycles) == (60, 3)
    assert Story().now == BEGIN
