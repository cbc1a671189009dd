"""A stop of the venue's that is seen only after it sold: a sell of its coins that has not left is taken
back."""

from __future__ import annotations

from brackets.core.invariants import violations
from brackets.core.states import OrderStatus, State
from tests.unit.machine_story import Story

FILLED, CANCELED = OrderStatus.FILLED, OrderStatus.CANCELED


def an_exit_that_has_not_left() -> Story:
    story = Story().protected()
    story.close()
    story.report("S", CANCELED, of="1")
    assert story.words == ["place exit 1"]
    return story


def test_what_has_not_left_is_taken_back_and_the_rest_is_sold() -> None:
    story = an_exit_that_has_not_left()
    large = story.newest
    story.report("S2", FILLED, "0.4", of="0.4", parent="E")
    assert story.words == ["cancel exit unsent"]
    assert violations(story.bracket) == ()
    story.withdraw(large)
    story.wait(2)
    assert story.words == ["place exit 0.6"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "0.6", of="0.6")
    story.book_all()
    assert (story.state, story.alarms) == (State.EXIT_COMPLETE, ())


def test_when_it_sold_all_nothing_more_leaves() -> None:
    story = an_exit_that_has_not_left()
    large = story.newest
    story.report("S2", FILLED, "1", of="1", parent="E")
    assert story.words == ["cancel exit unsent"]
    story.withdraw(large)
    story.book_all()
    assert story.state is State.EXIT_COMPLETE
    assert violations(story.bracket) == ()
