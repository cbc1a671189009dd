"""Stories of the stop coming back to the venue (policy NEAREST), and of what happens while it is watched.

Entry 100, stop 95, target 110: the stop comes back at 109.45 (50 bps below the target).
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason, OrderStatus, Refusal, Role, State
from tests.unit.swap_story import BACK, NEAR, POST_ONLY, STOP_AGAIN, placing_target, swapping_in, target_rests

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


# --- out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "price"),
    [({}, BACK), ({}, "100"), ({}, None), ({"watched": False}, NEAR)],
    ids=["falls_away", "far_away", "price_unknown", "watch_gone"],
)
def test_the_stop_comes_back_once_the_targets_end_was_read(
    world: dict[str, object], price: str | None
) -> None:
    story = target_rests()
    for name, value in world.items():
        setattr(story, name, value)
    story.wait(1, price)
    assert story.words == ["cancel target T"]
    story.wait(1, price)
    assert story.words == [], "nothing rests beside the target"
    story.report("T", OPEN)
    assert story.words == []
    story.report("T", CANCELED)
    assert story.words == [STOP_AGAIN]
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    assert story.state is State.BRACKET_ACTIVE


def test_between_in_and_out_nothing_happens() -> None:
    story = target_rests()
    for price in ("109.46", "109.77", "109.46", "109.99"):
        story.wait(60, price)
        assert story.words == []


@pytest.mark.parametrize("market", ["cancel_only", "post_only", "maintenance", "limit_only"])
def test_in_a_market_that_takes_no_stop_the_target_is_left_alone(market: str) -> None:
    story = target_rests()
    story.market, story.watched = market, False
    story.wait(60, "100")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])


def test_no_second_swap_before_the_cooldown_is_over() -> None:
    story = target_rests()
    story.wait(1, BACK)
    story.report("T", CANCELED)
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    story.wait(29, NEAR)
    assert story.words == []
    story.wait(1, NEAR)
    assert story.words == ["cancel stop S2"]


def test_the_price_falls_away_while_the_stop_is_still_being_canceled() -> None:
    story = swapping_in()
    story.wait(1, BACK)
    assert story.words == []
    story.report("S", CANCELED)
    assert story.words == [STOP_AGAIN]
    assert POST_ONLY not in story.log


def test_the_watch_dies_between_the_stops_end_and_the_target() -> None:
    story = placing_target()
    key = story.newest
    story.watched = False
    story.wait(1, NEAR)
    assert story.words == ["cancel target unsent"]
    story.withdraw(key)
    assert story.words == [STOP_AGAIN]


def test_a_stop_refused_for_now_on_the_way_back_is_tried_again() -> None:
    story = target_rests()
    story.wait(1, BACK)
    story.report("T", CANCELED)
    for seconds in (1, 2, 3, 4, 5, 5):  # ever slower: coins that are gone are not asked for each second
        story.refuse(story.newest, "insufficient_funds")
        assert story.words == []
        story.wait(seconds - 1)
        assert story.words == []
        story.wait(1)
        assert story.words == [STOP_AGAIN]


# --- a part, the other leg, somebody else --------------------------------------------------------


def test_a_part_was_sold_then_the_price_falls_away_the_rest_gets_its_stop() -> None:
    story = target_rests()
    story.report("T", OPEN, "0.4", price="110")
    story.wait(1, BACK)
    story.report("T", CANCELED, "0.5", price="110")
    assert story.words == ["place stop 0.5 at 95"], "what was sold until its end counts"


def test_a_rest_below_the_minimum_keeps_resting_where_it_rests() -> None:
    story = target_rests()
    story.report("T", OPEN, "0.995", price="110")
    for price in (BACK, "95", "90", None):
        story.wait(60, price)
        assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.report("T", FILLED, "1", price="110")
    assert story.state is State.TP_FILLED


@pytest.mark.parametrize(("price", "last"), [("95", None), ("94", "94"), ("109.50", "95")])
def test_the_watched_stop_is_touched(price: str, last: str | None) -> None:
    story = target_rests()
    story.wait(1, price, last=last)
    assert (story.state, story.words) == (State.EXITING, ["cancel target T"])
    story.report("T", CANCELED)
    assert story.words == ["place exit 1"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1", price="94")
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.STOP_LOSS)


def test_the_watched_stop_is_touched_before_the_target_was_read_back() -> None:
    story = placing_target()
    story.accept(story.newest, "T")
    story.wait(1, "95")
    assert (story.state, story.bracket.exit_reason) == (State.EXITING, ExitReason.STOP_LOSS)
    assert story.words == ["cancel target T"]


def test_the_stop_is_touched_with_nothing_on_the_venue() -> None:
    story = placing_target()
    story.refuse(story.newest, "insufficient_funds")
    story.wait(1, "94")
    assert (story.state, story.bracket.exit_reason) == (State.EXITING, ExitReason.STOP_LOSS)
    assert story.words == ["place exit 1"]


def test_a_target_that_sold_a_part_before_the_stop_was_touched_leaves_the_rest_to_the_exit() -> None:
    story = target_rests()
    story.report("T", OPEN, "0.4", price="110")
    story.wait(1, "95")
    story.report("T", CANCELED, "0.4", price="110")
    assert story.words == ["place exit 0.6"]
    assert story.bracket.exit_reason is ExitReason.STOP_LOSS


def test_a_target_that_sold_everything_before_its_cancel_took_the_profit() -> None:
    story = target_rests()
    story.wait(1, "95")
    story.report("T", FILLED, "1", price="110")
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.TAKE_PROFIT)


def test_a_stop_that_triggers_instead_of_being_canceled_owns_the_exit() -> None:
    story = swapping_in()
    story.report("S", CANCELED, "0.4", triggered=True)
    assert (story.state, story.words) == (State.SL_FILLED, ["place exit 0.6"])


def test_a_target_canceled_by_hand_is_answered_with_the_stop_and_said() -> None:
    story = target_rests()
    story.lose("T")
    assert (story.state, story.words) == (State.ENTRY_FILLED, [STOP_AGAIN])
    assert any("canceled" in said for said in story.said)
    story.accept(story.newest, "S2")
    story.report("S2", OPEN)
    story.wait(29, NEAR)
    assert story.words == [], "whoever canceled it is not fought over it at once"


def test_close_takes_the_resting_target_away_first() -> None:
    story = target_rests()
    story.wait(1, NEAR)
    story.close()
    assert story.words == ["cancel target T"]
    story.report("T", CANCELED, "0.3", price="110")
    assert story.words == ["place exit 0.7"]
    assert story.bracket.exit_reason is ExitReason.MANUAL


def test_the_target_is_not_taken_by_us_while_it_rests_or_is_about_to() -> None:
    for story, refusal in (
        (target_rests(), Refusal.TARGET_RESTS),
        (swapping_in(), Refusal.NOT_PROTECTED),
        (placing_target(), Refusal.NOT_PROTECTED),
    ):
        with pytest.raises(RefusedEvent) as refused:
            story.touch()
        assert refused.value.refusal is refusal


def test_the_wish_for_the_target_ends_with_the_exit() -> None:
    story = target_rests()
    story.close()
    assert story.bracket.resting is Role.STOP
