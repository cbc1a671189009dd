"""Stories of protecting coins that were in the account before: both legs at once, nothing is bought."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason, OrderStatus, Policy, Refusal, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def held_coin(*, policy: Policy = Policy.STOP_RESTS) -> Story:
    """One coin in the account, reckoned with a price of 100."""
    return Story(policy=policy, held_quantity=D(1), held_price=D(100))


def protected_coin(*, policy: Policy = Policy.STOP_RESTS) -> Story:
    story = held_coin(policy=policy)
    story.accept(story.protect(), "S")
    story.report("S", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    return story


def test_the_stop_is_placed_at_once_and_nothing_is_bought() -> None:
    story = held_coin()
    story.protect()
    assert (story.state, story.words) == (State.ENTRY_FILLED, ["place stop 1 at 95"])
    story.accept(story.newest, "S")
    assert story.state is State.ENTRY_FILLED, "our own send is no reading"
    story.report("S", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    story.wait(60)
    assert story.log == ["place stop 1 at 95"]


def test_the_legs_stay_where_they_were_given() -> None:
    story = protected_coin()
    bracket = story.bracket
    assert (bracket.stop_price, bracket.target_price, bracket.initial_stop_price) == (D(95), D(110), D(95))
    assert bracket.average_entry_price == D(100)


def test_it_is_not_entered_afterwards_nor_protected_twice() -> None:
    story = protected_coin()
    for say in (story.enter, story.protect):
        with pytest.raises(RefusedEvent) as refused:
            say()
        assert refused.value.refusal is Refusal.ALREADY_OPENED


def test_the_target_takes_the_profit_of_it() -> None:
    story = protected_coin()
    story.touch()
    story.report("S", CANCELED)
    assert story.words == ["place target 1"], "no stop of an entry is awaited"
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1", price="110")
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.TAKE_PROFIT)


def test_the_stop_sells_it() -> None:
    story = protected_coin()
    story.report("S", FILLED, "1", triggered=True)
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.STOP_LOSS)


def test_its_legs_change_places_too() -> None:
    story = protected_coin(policy=Policy.NEAREST)
    story.wait(1, "109.78")
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    assert story.words == ["place target 1 limit 110 post-only"]


def test_pause_does_not_matter_it_adds_protection() -> None:
    story = held_coin()
    story.entries_allowed = False
    story.accept(story.protect(), "S")
    story.wait(1)
    story.report("S", OPEN)
    story.wait(60)
    assert (story.state, story.log) == (State.BRACKET_ACTIVE, ["place stop 1 at 95"])


@pytest.mark.parametrize("reason", ["permission", "bad_price", "other"])
def test_a_stop_refused_for_good_is_said_and_the_owners_coins_are_not_sold(reason: str) -> None:
    story = held_coin()
    story.refuse(story.protect(), reason)
    story.wait(1)
    assert story.state is State.HELD
    assert story.log == ["place stop 1 at 95"]
    story.wait(600, "90")
    assert (story.state, story.words) == (State.HELD, ["place stop 1 at 95"]), "a well venue takes it"


def test_a_stop_refused_for_now_is_tried_until_the_time_is_up_then_an_operator_must_look() -> None:
    story = held_coin()
    story.protect()
    alarms: list[str] = []
    for _ in range(40):
        if story.state is not State.ENTRY_FILLED:
            break
        story.refuse(story.newest, "insufficient_funds")
        story.wait(1)
        alarms += story.alarms
    assert story.state is State.HELD
    assert alarms
    assert not any(word.startswith("place exit") for word in story.log)


def test_the_market_is_below_the_stop_already() -> None:
    """What was asked for is a coin that is sold there: the stop has been passed."""
    story = protected_coin()
    story.report("S", CANCELED)
    story.refuse(story.newest, "rate_limited")
    story.wait(1, "94")
    assert (story.state, story.bracket.exit_reason) == (State.EXITING, ExitReason.STOP_LOSS)
    assert story.words == ["place exit 1"]


def test_a_stop_canceled_by_hand_is_placed_again() -> None:
    story = protected_coin()
    story.lose("S")
    assert story.words == ["place stop 1 at 95"]


def test_close_sells_it() -> None:
    story = protected_coin()
    story.close()
    story.report("S", CANCELED)
    assert story.words == ["place exit 1"]


def test_close_works_after_the_stop_was_refused() -> None:
    story = held_coin()
    story.refuse(story.protect(), "permission")
    story.wait(1)
    story.close(ExitReason.KILL_SWITCH)
    assert story.words == ["place exit 1"]


def test_a_part_of_it_can_be_sold() -> None:
    story = protected_coin()
    story.reduce("0.4")
    assert story.words == ["amend stop S quantity 0.6"]
    story.amended("S")
    assert story.words == ["place exit 0.4"]
