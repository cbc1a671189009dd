"""Stories of a release: an operator looked at a held bracket, and the machine goes on from the facts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.events import ReleaseRequested
from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason, OrderStatus, Policy, Refusal, State
from tests.unit.machine_story import Story
from tests.unit.swap_story import STOP_AGAIN

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def release(story: Story) -> None:
    story.say(ReleaseRequested(at=story.now, reason="looked"))


def refusal_of_release(story: Story) -> Refusal:
    with pytest.raises(RefusedEvent) as refused:
        release(story)
    return refused.value.refusal


def test_what_rests_stays_and_is_watched_again() -> None:
    story = Story().protected()
    story.hold()
    release(story)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.touch()
    assert story.words == ["cancel stop S"]


def test_coins_that_lost_their_stop_while_held_get_one() -> None:
    story = Story().protected()
    story.hold()
    story.report("S", CANCELED)
    assert story.words == []
    release(story)
    assert story.words == [STOP_AGAIN]
    story.accept(story.newest, "S9")
    story.report("S9", OPEN)
    assert story.state is State.BRACKET_ACTIVE


def test_a_price_below_the_stop_is_acted_on_at_the_next_look() -> None:
    story = Story().protected()
    story.hold()
    story.report("S", CANCELED)
    release(story)
    story.refuse(story.newest, "bad_price")
    story.wait(1, "94")
    assert story.state is State.EXITING
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS


def test_a_refusal_from_before_the_hold_says_nothing_any_more() -> None:
    """Coins to be protected whose stop was refused for good are held; released, the stop is tried again."""
    story = Story(held_quantity=D(1), held_price=D(100))
    story.refuse(story.protect(), "permission")
    story.wait(1)
    assert story.state is State.HELD
    story.wait(1)
    release(story)
    assert (story.state, story.words) == (State.ENTRY_FILLED, ["place stop 1 at 95"])


def test_refused_again_it_is_held_again() -> None:
    story = Story(held_quantity=D(1), held_price=D(100))
    story.refuse(story.protect(), "permission")
    story.wait(1)
    release(story)
    story.refuse(story.newest, "permission")
    story.wait(1)
    assert story.state is State.HELD


def test_an_exit_that_was_under_way_goes_on() -> None:
    story = Story().selling_at_target()
    story.accept(story.newest, "X")
    story.hold()
    release(story)
    assert (story.state, story.words) == (State.EXITING, [])
    story.report("X", FILLED, "1")
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert story.bracket.exit_reason is ExitReason.TAKE_PROFIT


def test_a_stop_that_executes_while_held_owns_the_exit() -> None:
    story = Story().protected()
    story.hold()
    story.report("S", OPEN, "0.4", triggered=True)
    release(story)
    assert (story.state, story.bracket.exit_reason) == (State.SL_FILLED, ExitReason.STOP_LOSS)


def test_both_legs_that_rest_go_on_resting() -> None:
    story = Story(policy=Policy.BOTH_REST).protected()
    story.accept(story.newest, "T")
    story.report("T", OPEN)
    story.wait(1)
    story.hold()
    release(story)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    assert len(story.bracket.live_sells) == 2


def test_an_entry_that_may_still_buy_is_not_released() -> None:
    story = Story()
    key = story.enter()
    story.accept(key, "E")
    story.hold()
    assert refusal_of_release(story) is Refusal.NOT_RELEASABLE


def test_a_bracket_without_coins_is_not_released() -> None:
    story = Story().protected()
    story.hold()
    story.report("S", FILLED, "1", triggered=True)
    assert refusal_of_release(story) is Refusal.NOT_RELEASABLE
