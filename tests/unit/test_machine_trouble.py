"""Stories of trouble: unknown exits, facts that arrive after the end, contradictions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.events import OrderReported
from brackets.core.invariants import violations
from brackets.core.machine import Outcome, RefusedEvent, step
from brackets.core.states import ExitReason, OrderStatus, Refusal, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def completed() -> Story:
    """Sold at the target, every fill booked."""
    story = Story().selling_at_target()
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1", price="110")
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    return story


# --- the exit is unknown ---------------------------------------------------------------------


def test_an_unknown_exit_blocks_every_other_sell_until_it_is_resolved() -> None:
    story = Story().selling_at_target()
    story.unknown(story.newest)
    story.wait(300)
    assert (story.state, story.words) == (State.EXITING, [])


def test_an_unknown_exit_that_is_found() -> None:
    story = Story().selling_at_target()
    key = story.newest
    story.unknown(key)
    story.report("X", FILLED, "1", key=key)
    assert story.state is State.TP_FILLED
    assert story.log.count("place target 1") == 1


def test_an_unknown_exit_that_is_absent_is_replaced_under_a_new_id() -> None:
    story = Story().selling_at_target()
    key = story.newest
    story.unknown(key)
    story.wait(20)
    story.absent(key)
    assert story.words == ["place target 1"]
    assert story.newest != key


def test_late_answers_about_an_order_that_is_known_are_noise() -> None:
    story = Story().selling_at_target()
    key = story.newest
    story.report("X", OPEN, key=key)
    before = story.bracket
    story.unknown(key)
    story.refuse(key, "other")
    story.absent(key)
    story.withdraw(key)
    story.accept(key, "X")
    assert story.bracket == before


# --- after the end ---------------------------------------------------------------------------


def test_a_fill_after_the_end_goes_back_to_work_and_alarms() -> None:
    story = Story()
    key = story.enter()
    story.unknown(key)
    story.absent(key)
    assert story.state is State.EXIT_COMPLETE
    story.report("E", FILLED, "1", key=key)
    assert story.state is State.EXITING
    assert story.alarms
    story.report("S", OPEN, parent="E")
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    assert story.words == ["place exit 1"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1")
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.ROLLBACK


def test_an_entry_found_open_after_it_was_absent_is_canceled_even_if_it_was_asked_before() -> None:
    story = Story()
    key = story.enter()
    story.unknown(key)
    story.close()
    assert story.words == ["cancel entry unsent"]
    story.absent(key)
    assert story.state is State.EXIT_COMPLETE
    story.report("E", OPEN, key=key)
    assert (story.state, story.words) == (State.EXITING, ["cancel entry E"])
    story.report("E", CANCELED)
    assert story.state is State.EXIT_COMPLETE


def test_the_venues_own_answer_outweighs_an_absence() -> None:
    story = Story()
    key = story.enter()
    story.unknown(key)
    story.absent(key)
    story.accept(key, "E")
    assert (story.state, story.words) == (State.EXITING, ["cancel entry E"])


def test_a_stop_found_alive_after_the_end_is_canceled() -> None:
    story = completed()
    story.report("S9", OPEN, parent="E")
    assert (story.state, story.words) == (State.EXITING, ["cancel stop S9"])
    story.report("S9", CANCELED)
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.TAKE_PROFIT


def test_a_stop_of_ours_found_alive_after_a_second_was_placed_leaves_one() -> None:
    story = Story(attach_stop=False).filled_entry()
    first = story.newest
    story.unknown(first)
    story.absent(first)
    story.wait(1)
    second = story.newest
    story.accept(second, "S2")
    story.report("S2", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    story.report("S1", OPEN, key=first)
    assert story.state is State.ENTRY_FILLED
    assert story.words == ["cancel stop S2"]
    story.report("S2", CANCELED)
    assert story.state is State.BRACKET_ACTIVE


# --- contradictions --------------------------------------------------------------------------


def test_one_order_under_two_ids_contradicts() -> None:
    story = Story().filled_entry()
    key = story.bracket.orders[0].key
    for say in (lambda: story.accept(key, "E2"), lambda: story.report("E2", OPEN, key=key)):
        with pytest.raises(RefusedEvent) as refused:
            say()
        assert refused.value.refusal is Refusal.CONTRADICTION


def test_accepted_after_it_was_refused_contradicts() -> None:
    story = Story()
    key = story.enter()
    story.refuse(key, "other")
    with pytest.raises(RefusedEvent) as refused:
        story.accept(key, "E")
    assert refused.value.refusal is Refusal.CONTRADICTION


def test_older_readings_lower_nothing_and_reopen_nothing() -> None:
    story = Story().protected()
    story.report("S", CANCELED, "0.4", triggered=True)
    before = story.order("S")
    story.report("S", OPEN, "0.2", triggered=True)
    story.report("S", CANCELED, "0.1", triggered=True)
    assert story.order("S") == before


def restored_after_a_lost_exit() -> tuple[Story, str]:
    """An exit was given up as absent, its successor refused, and the stop (S2) put back."""
    story = Story().selling_at_target()
    lost = story.newest
    story.unknown(lost)
    story.absent(lost)
    story.wait(1)
    story.refuse(story.newest, "permission")
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    return story, lost


def test_coins_sold_beside_an_active_bracket_end_it() -> None:
    story, lost = restored_after_a_lost_exit()
    story.report("X", FILLED, "1", key=lost)
    assert (story.state, story.words) == (State.TP_FILLED, ["cancel stop S2"])
    story.report("S2", CANCELED)
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.TAKE_PROFIT, "the lost order was a target"


def test_more_sold_than_bought_is_held_and_said() -> None:
    story, lost = restored_after_a_lost_exit()
    story.report("X", FILLED, "1", key=lost)
    oversold = OrderReported(
        at=story.now,
        venue_order_id="S2",
        client_order_id=None,
        parent_venue_order_id=None,
        role_if_new=None,
        status=FILLED,
        quantity=D(1),
        filled=D(1),
        average_price=D(94),
        triggered=True,
    )
    outcome = step(story.bracket, oversold)
    assert outcome.bracket.state is State.HELD
    assert outcome.effects == ()
    assert outcome.alarms == ("1 more ETH were sold than bought",)
    assert violations(outcome.bracket) == ("2 coins are sold or on sale, but only 1 were there",)
    assert step(outcome.bracket, oversold) == Outcome(bracket=outcome.bracket)
