"""Coins without any order at the venue are called out while it lasts, once each time."""

from __future__ import annotations

from brackets.core.states import OrderStatus, Policy
from tests.unit.machine_story import Story

CALL = "no order at the venue"


def calls(story: Story) -> int:
    return sum(CALL in said for said in story.said)


def exit_unanswered() -> Story:
    """The stop is gone, and nobody knows what became of the sell."""
    story = Story().selling_at_target()
    story.unknown(story.newest)
    return story


def test_an_exit_that_nobody_answered_is_called_out_after_five_seconds() -> None:
    story = exit_unanswered()
    story.wait(5, "111")
    assert calls(story) == 0
    story.wait(1, "111")
    assert calls(story) == 1
    assert CALL in story.alarms[-1]


def test_it_is_said_once_for_each_time() -> None:
    story = exit_unanswered()
    for _ in range(20):
        story.wait(1, "111")
    assert calls(story) == 1
    story.absent(story.newest)
    story.accept(story.newest, "X")  # sold again: there is an order
    assert story.bracket.bare_since is None
    story.report("X", OrderStatus.CANCELED)  # it ended unfilled
    story.wait(6, "111")
    assert calls(story) == 2


def test_a_sell_that_follows_the_cancel_at_once_is_not_called_out() -> None:
    story = Story().selling_at_target()
    story.accept(story.newest, "X")
    story.wait(60, "111")
    assert calls(story) == 0


def test_nothing_is_called_out_when_the_coins_are_sold_or_not_bought_yet() -> None:
    sold = Story().selling_at_target()
    sold.accept(sold.newest, "X")
    sold.report("X", OrderStatus.FILLED, "1")
    sold.wait(60, "111")
    assert (sold.bracket.coins, calls(sold)) == (0, 0)
    waiting = Story()
    waiting.accept(waiting.enter(), "E")
    waiting.wait(60)
    assert calls(waiting) == 0


def test_a_sell_that_could_not_leave_is_no_order() -> None:
    story = Story().selling_at_target()
    story.wait(6, "111")
    assert calls(story) == 1


def test_a_stop_that_the_venue_makes_has_its_time_to_show() -> None:
    story = Story().filled_entry()
    story.compared = False
    story.wait(10)
    assert calls(story) == 0
    story.wait(1)
    story.wait(6)
    assert calls(story) == 1


def test_parts_that_no_order_can_stand_for_are_not_called_out() -> None:
    story = Story(attach_stop=False)
    story.accept(story.enter(), "E")
    story.report("E", OrderStatus.OPEN, "0.005")
    for _ in range(4):
        story.wait(6)
    assert calls(story) == 0
    assert 0 < story.bracket.coins < story.bracket.plan.minimum_quantity


def test_a_swap_that_hangs_between_its_legs_is_called_out() -> None:
    story = Story(policy=Policy.NEAREST, swap_in_bps=20, swap_out_bps=50).protected()
    story.wait(1, "109.9", last="109.9")
    assert any("cancel stop" in words for words in story.words)
    story.report("S", OrderStatus.CANCELED, parent="E")
    story.unknown(story.newest)
    story.wait(6, "109.9", last="109.9")
    assert calls(story) == 1
