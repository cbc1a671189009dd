"""Chapters of a bracket whose legs change places (policy NEAREST), for the tests that begin in them.

Entry 100, stop 95, target 110: the target comes to rest from 109.78 up (20 bps) and goes back to being
watched at 109.45 (50 bps).
"""

from __future__ import annotations

from brackets.core.states import OrderStatus, Policy, State
from tests.unit.machine_story import Story

OPEN, CANCELED = OrderStatus.OPEN, OrderStatus.CANCELED
NEAR, BACK = "109.78", "109.45"
POST_ONLY, PLAIN = "place target 1 limit 110 post-only", "place target 1 limit 110"
STOP_AGAIN = "place stop 1 at 95"


def nearest(**plan: object) -> Story:
    return Story(policy=Policy.NEAREST, **plan).protected()


def swapping_in() -> Story:
    """The price came near; the cancel of S is under way."""
    story = nearest()
    story.wait(1, NEAR)
    assert story.words == ["cancel stop S"]
    return story


def placing_target() -> Story:
    """… S is gone, the target is intended."""
    story = swapping_in()
    story.report("S", CANCELED)
    assert story.words == [POST_ONLY]
    return story


def target_rests() -> Story:
    """… and the target (T) was read back."""
    story = placing_target()
    story.accept(story.newest, "T")
    assert story.state is State.ENTRY_FILLED, "our own send is no reading"
    story.report("T", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    return story
