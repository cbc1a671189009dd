"""How the sentinel judges the two legs, each apart from the other, along the life of a bracket."""

from __future__ import annotations

from datetime import timedelta

import pytest

from brackets.core.states import ExitReason, OrderStatus
from brackets.core.verdicts import NOTHING, Verdict, Verdicts, judge
from tests.unit.machine_story import Story
from tests.unit.swap_story import target_rests

OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED
RESTING, WATCHED, MOVING = Verdict.RESTING, Verdict.WATCHED, Verdict.MOVING
MISSING, WRONG = Verdict.MISSING, Verdict.WRONG


def judged(story: Story, *, watched: bool = True, later: int = 0) -> Verdicts:
    return judge(story.bracket, at=story.now + timedelta(seconds=later), watched=watched)


def both(story: Story, *, watched: bool = True, later: int = 0) -> tuple[object, object, bool]:
    verdicts = judged(story, watched=watched, later=later)
    return verdicts.stop, verdicts.target, verdicts.has_stop


def test_nothing_is_judged_before_coins_and_after_them() -> None:
    story = Story()
    assert judged(story) == NOTHING
    story.accept(story.enter(), "E")
    assert judged(story) == NOTHING
    over = Story().selling_at_target()
    over.accept(over.newest, "X")
    over.report("X", FILLED, "1")
    over.book_all()
    assert judged(over) == NOTHING


def test_the_stop_rests_and_the_target_is_watched() -> None:
    assert both(Story().protected()) == (RESTING, WATCHED, True)


def test_a_target_that_nobody_watches_is_missing_and_the_stop_rests_all_the_same() -> None:
    assert both(Story().protected(), watched=False) == (RESTING, MISSING, True)


def test_the_target_rests_and_the_stop_is_watched() -> None:
    assert both(target_rests()) == (WATCHED, RESTING, True)


def test_a_watched_stop_needs_a_living_watch() -> None:
    assert both(target_rests(), watched=False) == (MISSING, RESTING, False)


def test_a_secondary_that_is_awaited_is_moving_and_no_reason_for_alarm() -> None:
    story = Story().filled_entry()
    assert both(story) == (MOVING, WATCHED, True)
    assert both(story, later=11)[2] is False  # it should have been seen by now
    assert both(story, later=31)[0] is MISSING


def test_a_stop_that_was_sent_counts_from_when_it_was_read_back() -> None:
    story = Story(attach_stop=False).filled_entry()
    assert judged(story).stop is MOVING
    story.accept(story.newest, "S")
    assert judged(story).stop is MOVING
    story.report("S", OPEN)
    assert judged(story).stop is RESTING


def test_a_canceled_stop_is_moving_while_its_repair_is_due_and_there_is_none() -> None:
    story = Story().protected()
    story.report("S", CANCELED)
    assert both(story) == (MOVING, WATCHED, False)


def test_a_repair_that_waits_leaves_both_legs_to_the_watch_which_is_no_stop() -> None:
    story = Story().protected()
    story.lose("S")
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    story.wait(1)
    story.lose("S2")
    assert both(story) == (WATCHED, WATCHED, False)
    assert both(story, watched=False) == (MISSING, MISSING, False)


@pytest.mark.parametrize("changed", [{"trigger": "80"}, {"of": "0.7"}], ids=["price", "quantity"])
def test_a_stop_that_others_altered_is_wrong(changed: dict[str, str]) -> None:
    story = Story().protected()
    story.wait(30)
    story.report("S", OPEN, **changed)  # type: ignore[arg-type]
    verdict = judged(story, later=31 if "of" in changed else 0).stop
    assert verdict is WRONG


def test_a_target_that_others_altered_is_wrong_and_its_watched_stop_is_not() -> None:
    story = target_rests()
    story.wait(11, "109.9")
    story.report("T", OPEN, limit="120")
    assert both(story)[:2] == (WATCHED, WRONG)


def test_an_edit_under_way_is_moving() -> None:
    story = Story().protected()
    story.edit(stop="96")
    assert judged(story).stop is MOVING
    story.amended("S")
    assert judged(story).stop is RESTING


def test_an_exit_is_moving_until_it_takes_too_long() -> None:
    story = Story().selling_at_target()
    assert both(story) == (MOVING, MOVING, False)
    story.accept(story.newest, "X")
    assert judged(story).has_stop  # the sell is at work
    story.report("X", CANCELED)
    assert both(story, later=31) == (MISSING, WATCHED, False)


def test_a_stop_on_its_way_out_is_not_resting() -> None:
    story = Story().protected()
    story.close(ExitReason.MANUAL)
    assert (judged(story).stop, judged(story).has_stop) == (MOVING, False)


def test_a_held_bracket_keeps_its_stop_and_nobody_takes_its_profit() -> None:
    story = Story().protected()
    story.hold()
    assert both(story) == (RESTING, MISSING, True)
    story.lose("S")
    assert both(story, later=31)[0] is MISSING


def test_a_part_below_the_minimum_is_not_judged() -> None:
    story = Story(attach_stop=False)
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.005")
    assert judged(story) == NOTHING
