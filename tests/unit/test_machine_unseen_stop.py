"""A stop the venue made of a fill and we have not seen: only a look at the venue says that there is none."""

from __future__ import annotations

from brackets.core.states import OrderStatus, State
from tests.unit.machine_story import Story


def unread() -> Story:
    """Bought, and nobody could read the venue's orders since."""
    story = Story().filled_entry()
    story.compared = False
    return story


def test_time_alone_does_not_prove_that_the_stop_is_missing() -> None:
    story = unread()
    story.wait(15)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])


def test_the_look_that_proves_it_missing_brings_a_stop_of_ours_at_once() -> None:
    story = unread()
    story.wait(15)
    story.compared = True
    story.wait(1)
    assert story.words == ["place stop 1 at 95"]


def test_a_stop_that_had_sold_before_it_was_seen_is_not_sold_beside() -> None:
    story = unread()
    story.wait(15)
    story.report("S", OrderStatus.FILLED, "1", parent="E", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, [])


def test_an_exit_waits_for_the_look_too_but_not_for_ever() -> None:
    """A venue that answers no reading may still have sold the coins, by a stop that nobody saw."""
    story = unread()
    story.wait(15)
    story.close()
    for _ in range(29):
        story.wait(10)
    assert (story.state, story.words) == (State.EXITING, [])
    story.wait(10)
    assert story.words == ["place exit 1"]


def test_an_exit_that_waited_for_long_leaves_with_the_look() -> None:
    story = unread()
    story.close()
    story.wait(60)
    assert story.words == []
    story.compared = True
    story.wait(1)
    assert story.words == ["place exit 1"]


def test_a_look_asked_for_too_early_proves_nothing() -> None:
    story = Story().filled_entry()
    story.wait(5)
    story.compared = False
    story.wait(10)
    assert story.words == []


def test_an_exit_that_waits_for_the_look_leaves_the_stops_that_are_seen_where_they_are() -> None:
    """What cannot be sold yet stays protected: the cancel and the sell come together."""
    story = Story()
    story.accept(story.enter(), "E")
    story.report("S1", OrderStatus.OPEN, of="0.7", parent="E")
    story.report("E", OrderStatus.FILLED, "1")
    story.close()
    assert (story.state, story.words) == (State.EXITING, [])
    story.wait(9)
    assert story.words == []
    story.wait(1)
    assert story.words == ["cancel stop S1"]
    story.report("S1", OrderStatus.CANCELED)
    assert story.words == ["place exit 1"]


def test_a_stop_that_was_made_smaller_still_stands_for_the_fill_it_was_made_of() -> None:
    """A fee taken in coins, or a part sold: no other stop is awaited for it."""
    story = Story().filled_entry()
    story.report("S", OrderStatus.OPEN, parent="E")
    story.report("S", OrderStatus.OPEN, of="0.9974", parent="E")
    assert not story.bracket.secondaries_missing
