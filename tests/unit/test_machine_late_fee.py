"""A fee taken in coins that is known only after a sell of all coins has left."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from brackets.core.events import FillBooked
from brackets.core.invariants import violations
from brackets.core.states import OrderStatus, Policy, State
from tests.unit.machine_story import Story

D = Decimal


def book_with_fee(story: Story) -> None:
    story.say(
        FillBooked(at=story.now, venue_order_id="E", venue_trade_id="TE", quantity=D(1), base_fee=D("0.0026"))
    )


def test_a_sell_that_used_other_coins_of_the_account_leaves_none() -> None:
    """The owner holds coins of the same kind: the venue took the whole sell, fee or not."""
    story = Story().selling_at_target()
    sell = story.newest
    book_with_fee(story)
    assert violations(story.bracket) == ()
    story.accept(sell, "X")
    story.report("X", OrderStatus.FILLED, "1", of="1")
    assert story.bracket.coins == 0
    story.book_all()
    assert (story.state, story.alarms) == (State.EXIT_COMPLETE, ())


def test_a_sell_refused_for_them_is_repeated_without_them() -> None:
    story = Story().selling_at_target()
    book_with_fee(story)
    story.refuse(story.newest, "insufficient_funds")
    assert story.words == ["place target 0.9974"]
    assert violations(story.bracket) == ()


def test_a_fee_that_is_booked_after_the_sell_leaves_no_debt() -> None:
    story = Story().selling_at_target()
    story.accept(story.newest, "X")
    story.report("X", OrderStatus.FILLED, "1", of="1")
    assert story.bracket.coins == 0
    book_with_fee(story)
    assert story.bracket.coins == 0
    story.book_all()
    assert (story.state, story.alarms) == (State.EXIT_COMPLETE, ())


def test_a_fee_that_explains_the_refusal_ends_the_wait_for_the_next_sell() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "insufficient_funds")
    story.wait(2)
    story.refuse(story.newest, "insufficient_funds")
    book_with_fee(story)
    assert story.words == ["place target 0.9974"]


def test_a_fee_known_after_ten_seconds_of_refusals_is_no_reason_to_put_the_stop_back() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "insufficient_funds")
    story.now += timedelta(seconds=11)  # nobody looked meanwhile
    book_with_fee(story)
    assert story.words == ["place target 0.9974"]
    story.refuse(story.newest, "insufficient_funds")
    assert story.words == ["place stop 0.9974 at 95"]


def test_a_fee_known_while_the_stop_is_back_ends_the_pause_of_a_close_that_a_person_asked_for() -> None:
    story = Story().protected()
    story.close()
    story.report("S", OrderStatus.CANCELED)
    while story.state is State.EXITING:
        story.refuse(story.newest, "insufficient_funds")
        story.wait(1)
    story.accept(story.newest, "S2")
    story.report("S2", OrderStatus.OPEN)
    story.wait(5)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    book_with_fee(story)
    assert story.words == ["amend stop S2 quantity 0.9974"]
    story.amended("S2")
    assert (story.state, story.words) == (State.EXITING, ["cancel stop S2"])
    story.report("S2", OrderStatus.CANCELED)
    assert story.words == ["place exit 0.9974"]


def test_a_target_that_rests_beside_the_stop_does_not_hide_what_was_refused() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    story.close()
    story.withdraw(story.newest)  # the target had not left
    story.report("S", OrderStatus.CANCELED)
    while story.state is State.EXITING:
        story.refuse(story.newest, "insufficient_funds")
        story.wait(1)
    story.accept(story.newest, "S2")
    story.report("S2", OrderStatus.OPEN)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, ["place target 1 limit 110 post-only"])
    story.accept(story.newest, "T")
    story.report("T", OrderStatus.OPEN)
    story.wait(5)
    book_with_fee(story)
    assert story.words == ["amend stop S2 quantity 0.9974"]
    story.amended("S2")
    assert (story.state, story.words) == (State.EXITING, ["cancel stop S2", "cancel target T"])
