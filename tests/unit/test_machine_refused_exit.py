"""Stories of a venue that refuses the exit: try again, put the stop back, try later, call an operator."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason, OrderStatus, Policy, Refusal, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def test_insufficient_funds_is_retried_while_the_hold_may_lag() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "insufficient_funds")
    assert story.words == []
    story.wait(1)
    assert story.words == ["place target 1"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1")
    assert story.state is State.TP_FILLED


def test_insufficient_funds_for_ten_seconds_restores_the_stop() -> None:
    story = Story().selling_at_target()
    attempts = 0
    while story.state is State.EXITING and attempts < 20:
        story.refuse(story.newest, "insufficient_funds")
        if story.state is State.EXITING:
            story.wait(1)
        attempts += 1
    assert (story.state, story.words) == (State.ENTRY_FILLED, ["place stop 1 at 95"])
    assert 9 <= attempts <= 11
    assert story.alarms


def stop_left_a_part() -> Story:
    """The stop sold 0.4 and was canceled; the sell of the rest is under way."""
    story = Story().protected()
    story.report("S", OPEN, "0.4", parent="E", triggered=True)
    story.report("S", CANCELED, "0.4", parent="E", triggered=True)
    assert story.words == ["place exit 0.6"]
    return story


def refused_for_funds(story: Story, seconds: int) -> int:
    """Refuse every sell for so long, second by second; how many there were."""
    refusals = 0
    for _ in range(seconds):
        if story.bracket.live_sells:
            story.refuse(story.newest, "insufficient_funds")
            refusals += 1
        story.wait(1)
    return refusals


def test_leaves_of_a_stop_whose_hold_is_released_very_late_are_sold_in_the_end() -> None:
    story = stop_left_a_part()
    assert refused_for_funds(story, 60) < 30
    assert any("trying again" in alarm for alarm in story.said)
    while not story.bracket.live_sells:
        story.wait(1)
    story.accept(story.newest, "X")
    story.report("X", FILLED, "0.6", of="0.6")
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.STOP_LOSS)


def test_leaves_that_cannot_be_sold_for_minutes_need_an_operator() -> None:
    story = stop_left_a_part()
    refused_for_funds(story, 330)
    assert story.state is State.HELD


@pytest.mark.parametrize("reason", ["rate_limited", "deadline", "invalid_nonce", "duplicate_id"])
def test_a_refusal_that_says_nothing_against_the_next_attempt_is_retried_and_spaced(reason: str) -> None:
    story = Story().selling_at_target()
    for _ in range(30):
        story.refuse(story.newest, reason)
        assert story.words == []
        story.wait(1)
        assert story.words == ["place target 1"]
    assert story.state is State.EXITING


@pytest.mark.parametrize("reason", ["permission", "authentication", "invalid_arguments", "other"])
def test_an_exit_refused_for_good_restores_the_stop_at_once(reason: str) -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, reason)
    assert (story.state, story.words) == (State.ENTRY_FILLED, ["place stop 1 at 95"])
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    assert story.state is State.BRACKET_ACTIVE


def test_a_refused_target_is_not_tried_again_and_again() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "permission")
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    for _ in range(59):
        with pytest.raises(RefusedEvent) as refused:
            story.touch()
        assert refused.value.refusal is Refusal.COOLING_DOWN
        story.wait(1, price="111")
    story.wait(1, price="111")
    story.touch()
    assert story.words == ["cancel stop S2"]


def test_a_person_does_not_wait_for_that_pause() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "permission")
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    story.close()
    assert story.words == ["cancel stop S2"]


def test_neither_the_sell_nor_a_stop_is_taken_an_operator_must_look() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "permission")
    story.refuse(story.newest, "permission")
    story.wait(1)
    assert story.state is State.HELD
    assert story.alarms
    sent = len(story.log)
    for _ in range(10):
        story.wait(60, "90")
        story.refuse(story.newest, "permission")
    assert story.state is State.HELD
    assert set(story.log[sent:]) == {"place stop 1 at 95"}, "nothing is sold"
    assert len(story.log) - sent <= 4, "ever more rarely"


def test_the_stop_is_put_back_wherever_the_price_is_the_sell_was_just_refused() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "permission")
    story.refuse(story.newest, "rate_limited")
    story.wait(1, price="94")
    assert (story.state, story.words) == (State.ENTRY_FILLED, ["place stop 1 at 95"])


def test_an_old_refusal_of_a_stop_does_not_speak_for_the_restored_one() -> None:
    story = Story().filled_entry()
    story.wait(10)
    story.refuse(story.newest, "bad_price")
    story.wait(1)
    story.refuse(story.newest, "permission")
    assert story.state is State.ENTRY_FILLED
    assert story.words == ["place stop 1 at 95"]


def test_leaves_below_the_minimum_are_dust_and_never_loop() -> None:
    story = Story().selling_at_target()
    story.accept(story.newest, "X")
    story.report("X", CANCELED, "0.995")
    story.wait(1)
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.dust == D("0.005")
    assert story.log.count("place target 1") == 1
    story.wait(60)
    assert (story.words, story.alarms) == ([], ())


def test_a_sell_the_venue_calls_too_small_is_dust() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "below_minimum")
    assert story.state is State.EXITING
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.dust == D(1)


def test_the_leaves_of_a_triggered_stop_that_cannot_be_sold_are_held_and_get_a_stop_again() -> None:
    """Below its price it sells them, above it they are protected; both are better than nothing."""
    story = Story().protected()
    story.report("S", CANCELED, "0.4", triggered=True)
    story.refuse(story.newest, "permission")
    assert (story.state, story.words) == (State.HELD, ["place stop 0.6 at 95"])
    story.accept(story.newest, "S2")
    story.report("S2", OPEN, of="0.6")
    assert story.bracket.standing == D("0.6")
    story.wait(60)
    assert story.words == []


# --- what a person asked for is tried again ----------------------------------------------------


def refused_close(reason: ExitReason = ExitReason.MANUAL, policy: Policy = Policy.STOP_RESTS) -> Story:
    """A close was refused for good, and the stop (S2) is back."""
    story = Story(policy=policy).protected()
    story.wait(1)
    story.close(reason)
    story.report("S", CANCELED)
    story.refuse(story.newest, "permission")
    assert story.words == ["place stop 1 at 95"]
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    return story


@pytest.mark.parametrize("reason", [ExitReason.MANUAL, ExitReason.KILL_SWITCH])
def test_a_close_that_was_refused_is_tried_again_by_itself(reason: ExitReason) -> None:
    story = refused_close(reason)
    story.wait(59)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.wait(1)
    assert (story.state, story.words) == (State.EXITING, ["cancel stop S2"])
    story.report("S2", CANCELED)
    assert story.words == ["place exit 1"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1")
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, reason)


def test_it_is_tried_again_as_often_as_it_takes_ever_slower() -> None:
    story = refused_close()
    for number, pause in enumerate([60, 120, 240, 480, 900, 900], start=3):
        story.wait(pause - 1)
        assert story.words == []
        story.wait(1)
        story.report(f"S{number - 1}", CANCELED)
        story.refuse(story.newest, "permission")
        story.accept(story.newest, f"S{number}")
        story.report(f"S{number}", OPEN)
        assert story.state is State.BRACKET_ACTIVE
    assert story.log.count("place exit 1") == 7


def test_a_target_whose_hold_is_released_too_late_leaves_the_coins_bare_ever_more_seldom() -> None:
    story = Story().selling_at_target()
    rounds = []
    for number in range(2, 5):
        while story.state is State.EXITING:
            refused_for_funds(story, 1)
        story.accept(story.newest, f"S{number}")
        story.report(f"S{number}", OPEN)
        began = story.now
        while True:
            try:
                story.touch()
                break
            except RefusedEvent:
                story.wait(1, price="111")
        rounds.append(int((story.now - began).total_seconds()))
        story.report(f"S{number}", CANCELED)
    assert rounds == [60, 120, 240]


def test_a_part_that_was_sold_in_between_makes_the_pause_short_again() -> None:
    story = refused_close()
    story.wait(1)
    story.reduce("0.4")
    story.amended("S2")
    story.accept(story.newest, "X")
    story.report("X", FILLED, "0.4", of="0.4")
    story.wait(60)
    assert story.words == ["cancel stop S2"]
    story.report("S2", CANCELED)
    story.refuse(story.newest, "permission")
    story.accept(story.newest, "S3")
    story.report("S3", OPEN)
    story.wait(60)
    assert story.words == ["cancel stop S3"]


def test_the_stop_may_sell_before_the_next_try() -> None:
    story = refused_close()
    story.report("S2", FILLED, "1", triggered=True)
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.STOP_LOSS)
    story.wait(600)
    assert story.words == []


def test_a_part_that_is_refused_too_does_not_make_the_close_forgotten() -> None:
    story = refused_close()
    story.wait(1)
    story.reduce("0.4")
    story.amended("S2")
    story.refuse(story.newest, "permission")
    assert story.words == ["amend stop S2 quantity 1"]
    story.amended("S2")
    story.wait(60)
    assert (story.state, story.log[-1]) == (State.EXITING, "cancel stop S2")


def test_the_legs_do_not_change_places_while_a_close_is_wanted() -> None:
    story = refused_close(policy=Policy.NEAREST)
    story.wait(50, "109.90")
    assert story.words == []


def test_a_target_that_was_refused_is_not_a_wish_that_lasts() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "permission")
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    story.wait(600, "100")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
