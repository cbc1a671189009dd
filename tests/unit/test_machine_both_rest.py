"""Stories of both legs on the venue (policy BOTH_REST), and of a venue that does not let them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason, OrderStatus, Policy, Refusal, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED
BESIDE = "place target 1 limit 110 post-only"


def placing_target() -> Story:
    """The stop S rests, the target beside it is intended."""
    story = Story(policy=Policy.BOTH_REST).protected()
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [BESIDE])
    return story


def both_rest() -> Story:
    """… and the target (T) was read back."""
    story = placing_target()
    story.accept(story.newest, "T")
    story.report("T", OPEN)
    assert story.state is State.BRACKET_ACTIVE
    return story


def test_the_target_rests_beside_the_stop_and_nothing_moves_them() -> None:
    story = both_rest()
    for watched, price in ((True, "109.90"), (True, "94"), (False, "109.90"), (False, None)):
        story.watched = watched
        story.wait(60, price)
        assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])


def test_the_coins_are_covered_all_the_while() -> None:
    story = placing_target()
    assert story.bracket.covered
    story.accept(story.newest, "T")
    assert story.bracket.covered
    story.report("T", OPEN)
    assert story.bracket.covered


def test_the_target_fills_the_stop_goes() -> None:
    story = both_rest()
    story.report("T", FILLED, "1", price="110")
    assert (story.state, story.words) == (State.TP_FILLED, ["cancel stop S"])
    story.report("S", CANCELED)
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.TAKE_PROFIT)


def test_the_stop_fills_the_target_goes() -> None:
    story = both_rest()
    story.wait(1)
    story.report("S", FILLED, "1", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, ["cancel target T"])
    story.report("T", CANCELED)
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.STOP_LOSS)


def test_a_part_sold_at_the_target_makes_the_stop_smaller() -> None:
    story = both_rest()
    story.report("T", OPEN, "0.4", price="110")
    assert story.words == ["amend stop S quantity 0.6"]
    story.amended("S")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.report("T", FILLED, "1", price="110")
    assert story.words == ["cancel stop S"]


def test_a_rest_below_the_minimum_keeps_resting_at_the_target_without_its_stop() -> None:
    story = both_rest()
    story.report("T", OPEN, "0.995", price="110")
    assert story.words == ["cancel stop S"], "no stop can be that small"
    story.report("S", CANCELED)
    story.wait(60)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    assert story.bracket.standing == D("0.005")
    story.report("T", FILLED, "1", price="110")
    assert story.state is State.TP_FILLED


def test_a_stop_that_sold_a_part_takes_the_target_away_before_the_rest_is_sold() -> None:
    story = both_rest()
    story.wait(1)
    story.report("S", CANCELED, "0.4", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, ["cancel target T"])
    story.report("T", CANCELED)
    assert story.words == ["place exit 0.6"]


def test_close_takes_both_away_first() -> None:
    story = both_rest()
    story.wait(1)
    story.close()
    assert story.words == ["cancel stop S", "cancel target T"]
    story.report("S", CANCELED)
    assert story.words == []
    story.report("T", CANCELED)
    assert story.words == ["place exit 1"]


def test_the_venue_takes_the_profit_by_itself() -> None:
    story = both_rest()
    with pytest.raises(RefusedEvent) as refused:
        story.touch()
    assert refused.value.refusal is Refusal.TARGET_RESTS


def test_where_the_venue_does_not_let_both_rest_one_rests_at_a_time() -> None:
    story = placing_target()
    story.refuse(story.newest, "insufficient_funds")
    assert story.alarms
    assert story.bracket.policy is Policy.NEAREST
    story.wait(60)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.wait(1, "109.78")
    assert story.words == ["cancel stop S"]


@pytest.mark.parametrize("reason", ["post_only", "rate_limited", "other"])
def test_a_target_refused_for_another_reason_is_tried_again_after_the_cooldown(reason: str) -> None:
    story = placing_target()
    story.refuse(story.newest, reason)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.wait(29)
    assert story.words == []
    story.wait(1)
    assert story.words == [BESIDE]


def test_a_target_canceled_by_hand_comes_back_after_the_cooldown_the_stop_never_moved() -> None:
    story = both_rest()
    story.report("T", CANCELED)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.wait(30)
    assert story.words == [BESIDE]
    assert story.log.count("cancel stop S") == 0


def test_a_stop_canceled_by_hand_comes_back_before_the_target_rests_again() -> None:
    story = both_rest()
    story.lose("S")
    assert story.words == ["cancel target T"]
    story.report("T", CANCELED)
    assert story.words == ["place stop 1 at 95"]
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.wait(30)
    assert story.words == [BESIDE]


def test_a_stop_canceled_by_hand_again_waits_beside_its_target_for_the_spacing_of_repairs() -> None:
    story = both_rest()
    story.lose("S")
    assert story.words == ["cancel target T"]
    story.report("T", CANCELED)
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    while not story.bracket.live_targets:
        story.wait(5)
    story.accept(story.newest, "T2")
    story.report("T2", OPEN)
    story.lose("S2")
    repaired_at = story.bracket.repaired_at
    assert (story.words, repaired_at is not None) == ([], True)
    while not story.words and (story.now - repaired_at).total_seconds() < 90:  # type: ignore[operator]
        story.wait(1)
    assert story.words == ["cancel target T2"]
    assert (story.now - repaired_at).total_seconds() >= 60  # type: ignore[operator]


def test_an_unknown_target_does_not_disturb_the_stop_and_is_not_placed_twice() -> None:
    story = placing_target()
    story.unknown(story.newest)
    story.wait(15)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.absent(story.newest)
    story.wait(30)
    assert story.words == [BESIDE]


@pytest.mark.parametrize("market", ["cancel_only", "maintenance"])
def test_no_target_is_placed_in_a_closed_market(market: str) -> None:
    story = Story(policy=Policy.BOTH_REST).filled_entry()
    story.market = market
    story.wait(1)
    story.report("S", OPEN, parent="E")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])


def test_a_part_that_shall_be_sold_is_taken_from_both_legs_first() -> None:
    story = both_rest()
    story.reduce("0.4")
    assert story.words == ["amend target T quantity 0.6"]
    story.amended("T")
    story.wait(1)
    assert story.words == ["amend stop S quantity 0.6"]
    story.amended("S")
    assert story.words == ["place exit 0.4"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "0.4")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])


def test_edited_legs_are_amended_both() -> None:
    story = both_rest()
    story.edit(stop="96", target="112")
    assert story.words == ["amend stop S trigger 96"]
    story.amended("S")
    story.wait(1)
    assert story.words == ["amend target T limit 112"]
    story.amended("T")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])


def test_a_held_stop_that_goes_off_beside_a_target_that_was_faster_is_taken_back() -> None:
    """Both may have sold: what is on sale is never more than there is."""
    story = both_rest()
    story.hold()
    story.report("S", OPEN, triggered=True)
    assert story.words == ["cancel target T"]
    story.report("T", OPEN, "0.4", price="110")
    assert (story.state, story.words) == (State.HELD, ["cancel stop S"])
