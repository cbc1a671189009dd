"""What a look at the open orders and a later one at the ended orders prove together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from brackets.core.looks import Look, kept, next_look, proven

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
VISIBLE = timedelta(seconds=10)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def looked(asked: float, answered: float | None = None) -> Look:
    return Look(asked_at=at(asked), answered_at=at(asked if answered is None else answered))


def proof(*looks: Look, closed: float) -> datetime | None:
    return proven(looks, closed_asked_at=at(closed), visible=VISIBLE)


def test_a_look_at_the_open_orders_alone_proves_nothing() -> None:
    assert proof(closed=100) is None


@pytest.mark.parametrize("closed", [0, 11, 12, 21.9])
def test_ended_orders_that_were_read_before_or_soon_after_prove_nothing(closed: float) -> None:
    """What was open for the one look and ended for the other may be in neither."""
    assert proof(looked(12), closed=closed) is None


def test_ended_orders_read_when_every_end_is_visible_prove_the_moment_the_open_ones_were_asked_for() -> None:
    assert proof(looked(12), closed=22) == at(12)


def test_an_answer_that_came_late_shows_what_was_open_as_late() -> None:
    """What it does not show may have ended only just before it was answered."""
    assert proof(looked(12, answered=15), closed=24.9) is None
    assert proof(looked(12, answered=15), closed=25) == at(12)


def test_the_newest_look_that_is_old_enough_counts() -> None:
    assert proof(looked(8), looked(10), looked(12), closed=21) == at(10)


def test_looks_at_any_pace_lose_no_time() -> None:
    """Every second a look: what was due at 10 is proven at 20, not later."""
    looks: tuple[Look, ...] = ()
    for second in range(21):
        looks = kept(looks, looked(second), visible=VISIBLE)
    assert proven(looks, closed_asked_at=at(20), visible=VISIBLE) == at(10)


def test_only_looks_that_can_still_prove_something_are_kept() -> None:
    looks: tuple[Look, ...] = ()
    for second in range(0, 3600, 2):
        looks = kept(looks, looked(second), visible=VISIBLE)
    assert looks == tuple(looked(second) for second in range(3588, 3600, 2))


def test_a_look_that_is_noted_late_takes_its_place() -> None:
    """Two processes look at one account."""
    looks = kept((looked(5), looked(9)), looked(7), visible=VISIBLE)
    assert looks == (looked(5), looked(7), looked(9))


def test_the_next_look_is_made_at_its_moment() -> None:
    """First at the open orders, when what is asked for must be visible; then at the ended ones, when every
    end that the first may have missed must be."""
    assert next_look([], at(10), visible=VISIBLE) == at(10)
    assert next_look([looked(9)], at(10), visible=VISIBLE) == at(10)
    looks = [looked(9), looked(12, answered=15), looked(20)]
    assert next_look(looks, at(10), visible=VISIBLE) == at(25)
