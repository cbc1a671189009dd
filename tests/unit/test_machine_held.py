"""Stories of HELD: nothing is wanted any more, the stop rests or comes to rest, a person gets out."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core.events import ReleaseRequested
from brackets.core.states import ExitReason, OrderStatus, Policy, State
from tests.unit.machine_story import Story
from tests.unit.swap_story import STOP_AGAIN, placing_target, swapping_in, target_rests

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def test_held_keeps_the_stop_and_sends_nothing() -> None:
    story = Story().protected()
    story.hold()
    for price in ("90", "100", "120"):
        story.wait(60, price=price)
    assert (story.state, story.words) == (State.HELD, [])
    assert story.bracket.standing == 1


def test_a_stop_that_sells_in_held_completes_the_bracket() -> None:
    story = Story().protected()
    story.hold()
    story.report("S", FILLED, "1", triggered=True)
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS


def test_an_entry_that_comes_to_nothing_in_held_says_why() -> None:
    story = Story()
    key = story.enter()
    story.hold()
    story.refuse(key, "other")
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.ENTRY_REJECTED


def test_close_works_from_held() -> None:
    story = Story().protected()
    story.hold()
    story.close(ExitReason.MANUAL)
    story.report("S", CANCELED)
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1")
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.MANUAL


def test_hold_during_an_exit_sends_no_second_one_and_its_fill_ends_it() -> None:
    story = Story().selling_at_target()
    story.accept(story.newest, "X")
    story.hold()
    story.wait(60)
    assert story.words == []
    story.report("X", FILLED, "1")
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.TAKE_PROFIT


# --- protection in motion arrives --------------------------------------------------------------


def rests_again(story: Story) -> None:
    """The stop that was sent comes to rest, and nothing follows."""
    assert story.words == [STOP_AGAIN]
    story.accept(story.newest, "S9")
    story.report("S9", OPEN)
    story.wait(600)
    assert (story.state, story.words, story.bracket.standing) == (State.HELD, [], D(1))
    assert story.alarms == ()


def test_hold_with_a_resting_target_brings_the_stop_back_for_nobody_watches() -> None:
    story = target_rests()
    story.wait(1, "109.70")
    story.hold()
    assert story.words == ["cancel target T"]
    story.report("T", CANCELED)
    rests_again(story)


def test_hold_in_the_middle_of_a_swap_ends_with_the_stop() -> None:
    canceling = swapping_in()
    canceling.hold()
    assert canceling.words == []
    canceling.report("S", CANCELED)
    rests_again(canceling)
    placing = placing_target()
    target = placing.newest
    placing.hold()
    assert placing.words == ["cancel target unsent"]
    placing.withdraw(target)
    rests_again(placing)


def test_hold_before_the_stop_of_the_entry_was_seen() -> None:
    story = Story().filled_entry()
    story.hold()
    story.wait(9)
    assert story.words == []
    story.wait(1)
    rests_again(story)


def test_where_the_looks_took_long_a_held_bracket_asks_for_its_stop_at_once() -> None:
    """Nothing was asked of the venue yet: there is no reason to ask rarely."""
    story = Story().filled_entry()
    story.hold()
    story.compared = False
    story.wait(45)
    assert story.words == []
    story.compared = True
    story.wait(1)
    rests_again(story)


def test_hold_in_the_middle_of_a_merge_gives_the_freed_coins_to_the_survivor() -> None:
    story = Story().filled_in_parts("0.2", "0.8")
    story.wait(45)
    assert story.words == ["cancel stop S1"]
    story.hold()
    story.report("S1", CANCELED)
    assert story.words == ["amend stop S2 quantity 1"]
    story.amended("S2")
    assert (story.state, story.bracket.standing) == (State.HELD, D(1))


def test_hold_in_the_middle_of_selling_a_part_gives_it_its_stop_back() -> None:
    story = Story().protected()
    story.reduce("0.4")
    story.hold()
    story.amended("S")
    assert story.words == ["amend stop S quantity 1"]


def test_hold_between_the_stops_cancel_and_the_sell_puts_the_stop_back() -> None:
    story = Story().leaving_by_target()
    story.hold()
    story.report("S", CANCELED)
    rests_again(story)


def test_a_hold_by_a_clock_that_is_ahead_keeps_no_coins_bare() -> None:
    story = Story().leaving_by_target()
    ahead = timedelta(seconds=200)
    story.now += ahead
    story.hold()
    story.now -= ahead
    story.report("S", CANCELED, "0.5", triggered=True)
    assert story.words == ["place stop 0.5 at 95"]


def test_hold_while_a_stop_is_on_its_way_out_waits_for_no_other() -> None:
    """The entry was just bought; every stop of it has been seen."""
    story = Story().filled_entry()
    story.close()
    story.report("S", OPEN, parent="E")
    assert story.words == ["cancel stop S"]
    story.hold()
    story.report("S", CANCELED)
    rests_again(story)


def test_hold_leaves_both_legs_where_both_rest() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "T")
    story.report("T", OPEN)
    story.wait(1)
    story.hold()
    story.wait(60)
    assert story.words == []
    assert len(story.bracket.live_sells) == 2


def test_a_stop_refused_for_now_is_tried_until_its_time_is_up_and_nothing_is_sold() -> None:
    story = target_rests()
    story.hold()
    story.report("T", CANCELED)
    alarms: list[str] = []
    for _ in range(40):
        if story.bracket.live_stops:
            story.refuse(story.newest, "insufficient_funds")
        story.wait(1)
        alarms += story.alarms
    assert 6 <= story.log.count(STOP_AGAIN) <= 10
    assert len(alarms) == len(set(alarms)) == 2  # that no stop came of it, and that the coins are bare
    story.wait(600, "90")
    assert (story.state, story.words, story.alarms) == (State.HELD, [STOP_AGAIN], ())
    assert "exit" not in " ".join(story.log)


@pytest.mark.parametrize("reason", ["permission", "bad_price", "other"])
def test_a_stop_refused_for_good_is_said_and_nothing_is_sold(reason: str) -> None:
    story = target_rests()
    story.hold()
    story.report("T", CANCELED)
    story.refuse(story.newest, reason)
    story.wait(1)
    assert story.log[-1] == STOP_AGAIN
    assert story.alarms
    story.wait(30, "90")
    assert (story.state, story.words, len(story.alarms)) == (State.HELD, [], 1)  # the coins are bare
    story.wait(600, "90")
    assert (story.state, story.words, story.alarms) == (State.HELD, [STOP_AGAIN], ())


def test_a_fill_that_comes_while_held_gets_its_stop() -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.hold()
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED, "0.4")
    story.wait(9)
    assert story.words == []
    story.wait(1)
    assert story.words == ["place stop 0.4 at 95"]


# --- a stop that others cancel in HELD comes back ------------------------------------------------


def comes_back(story: Story, stop: str) -> None:
    story.accept(story.newest, stop)
    story.report(stop, OPEN)
    assert (story.state, story.bracket.standing, story.bracket.repairing) == (State.HELD, D(1), False)


def held_without_its_stop() -> Story:
    story = Story().protected()
    story.hold()
    story.wait(600)
    story.report("S", CANCELED)
    assert (story.state, story.words, len(story.alarms)) == (State.HELD, [], 1)
    return story


def test_a_stop_canceled_by_hand_in_held_comes_back_when_two_readings_agree() -> None:
    story = held_without_its_stop()
    story.wait(2)
    assert story.words == []
    story.report("S", CANCELED)
    assert story.words == [STOP_AGAIN]
    comes_back(story, "S2")
    story.wait(600)
    assert (story.state, story.words, story.alarms) == (State.HELD, [], ())


def test_where_no_second_reading_can_be_had_it_comes_back_after_some_seconds() -> None:
    story = held_without_its_stop()
    story.wait(7)
    assert story.words == []
    story.wait(1)
    assert story.words == [STOP_AGAIN]


def test_canceled_in_held_again_and_again_it_comes_back_once_a_minute_and_nothing_is_sold() -> None:
    story = held_without_its_stop()
    story.report("S", CANCELED)
    story.wait(8)
    for number in range(2, 6):
        comes_back(story, f"S{number}")
        story.wait(1)
        story.lose(f"S{number}")
        assert story.words == []
        repaired_at = story.bracket.repaired_at
        assert repaired_at is not None
        left = (repaired_at + timedelta(seconds=60) - story.now).total_seconds()
        story.wait(int(left) - 1, price="90")
        assert story.words == []
        story.wait(2, price="90")
        assert story.words == [STOP_AGAIN]
    assert story.log.count(STOP_AGAIN) == 5
    assert "exit" not in " ".join(story.log)


def test_a_stop_made_smaller_by_hand_in_held_is_made_whole_again() -> None:
    story = Story().protected()
    story.hold()
    for _ in range(2):
        story.wait(2)
        story.report("S", OPEN, of="0.4")
    assert story.words == ["amend stop S quantity 1"]
    story.amended("S")
    story.wait(1)
    assert (story.bracket.standing, story.bracket.repairing) == (D(1), False)


def test_a_stop_moved_by_hand_in_held_stays_where_it_was_put() -> None:
    story = Story().protected()
    story.hold()
    for _ in range(2):
        story.wait(2)
        story.report("S", OPEN, trigger="93")
    story.wait(600)
    assert (story.words, story.bracket.repairing) == ([], False)
    story.lose("S")  # that is another matter
    assert story.words == [STOP_AGAIN]


def test_a_repair_in_held_that_never_arrives_goes_on_for_as_long_as_it_lasts() -> None:
    story = held_without_its_stop()
    story.wait(8)
    for _ in range(4):
        story.unknown(story.newest)
        story.wait(30)
        story.absent(story.newest)
        story.wait(10)
        assert story.words or story.bracket.live_stops
    comes_back(story, "S2")


def test_a_repair_in_held_without_funds_waits_and_is_tried_once_a_minute() -> None:
    story = held_without_its_stop()
    story.wait(8)
    for _ in range(300):
        if story.bracket.live_stops:
            story.refuse(story.newest, "insufficient_funds")
        story.wait(1)
    assert 4 <= story.log.count(STOP_AGAIN) <= 6
    assert len([said for said in story.said if "funds do not suffice" in said]) == 1


def test_a_repair_in_held_that_is_refused_for_good_is_said_once() -> None:
    story = held_without_its_stop()
    story.wait(8)
    story.refuse(story.newest, "permission")
    for _ in range(20):
        story.wait(30)
        story.refuse(story.newest, "permission")
    assert story.log.count(STOP_AGAIN) == 1 + 3  # after 60, 180 and 420 s
    assert len([said for said in story.said if "have no stop" in said]) == 1


def test_a_release_does_not_wait_for_the_next_repair() -> None:
    story = held_without_its_stop()
    story.wait(8)
    comes_back(story, "S2")
    story.wait(1)
    story.lose("S2")
    assert story.words == []
    story.say(ReleaseRequested(at=story.now, reason="looked"))
    assert story.words == [STOP_AGAIN]
