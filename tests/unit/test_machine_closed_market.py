"""Stories of markets that do not take everything: cancel_only, post_only, maintenance, limit_only."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.machine import RefusedEvent
from brackets.core.states import ExitReason, OrderStatus, Refusal, State
from tests.unit.machine_story import Story
from tests.unit.swap_story import target_rests

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED
closed = pytest.mark.parametrize("market", ["cancel_only", "post_only", "maintenance"])


def in_market(story: Story, market: str) -> Story:
    story.market = market
    story.wait(1)
    assert story.words == []
    return story


# --- nothing can be sold -----------------------------------------------------------------------


@closed
def test_the_protection_is_not_touched_for_a_target(market: str) -> None:
    story = in_market(Story().protected(), market)
    with pytest.raises(RefusedEvent) as refused:
        story.touch()
    assert refused.value.refusal is Refusal.MARKET_CLOSED
    assert story.bracket.standing == 1


@closed
def test_a_close_waits_with_its_stop_until_the_market_opens(market: str) -> None:
    story = in_market(Story().protected(), market)
    story.close()
    assert (story.state, story.words) == (State.EXITING, [])
    story.wait(600)
    assert (story.words, story.bracket.standing) == ([], D(1))
    story.market = "online"
    story.wait(1)
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    assert story.words == ["place exit 1"]


@closed
def test_the_stop_may_sell_while_a_close_waits(market: str) -> None:
    story = in_market(Story().protected(), market)
    story.close()
    story.report("S", FILLED, "1", triggered=True)
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.STOP_LOSS)


@closed
def test_a_close_cancels_a_live_entry_at_once_for_an_entry_protects_nothing(market: str) -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.4")
    story.report("S", OPEN, of="0.4", parent="E")
    in_market(story, market)
    story.close()
    assert story.words == ["cancel entry E"]


@closed
def test_a_market_that_closes_between_the_cancel_and_the_sell_sells_when_it_opens(market: str) -> None:
    story = Story().leaving_by_target()
    in_market(story, market)
    story.report("S", CANCELED)
    story.wait(60)
    assert (story.state, story.words) == (State.EXITING, [])
    story.market = "online"
    story.wait(1)
    assert story.words == ["place target 1"]


@closed
def test_what_a_triggered_stop_left_is_sold_when_the_market_opens(market: str) -> None:
    story = in_market(Story().protected(), market)
    story.report("S", CANCELED, "0.4", triggered=True)
    story.wait(60)
    assert (story.state, story.words) == (State.SL_FILLED, [])
    story.market = "online"
    story.wait(1)
    assert story.words == ["place exit 0.6"]


@closed
def test_a_stop_that_slept_through_the_trigger_keeps_resting_until_the_market_opens(market: str) -> None:
    story = Story().filled_in_parts("0.4", "0.6")
    story.market = market
    story.wait(1)
    story.report("S1", FILLED, "0.4", triggered=True)
    story.wait(60)
    assert (story.state, story.words) == (State.SL_FILLED, [])
    story.market = "online"
    story.wait(1)
    assert story.words == ["cancel stop S2"]


@closed
def test_a_watched_stop_that_is_touched_waits_with_its_target(market: str) -> None:
    story = in_market(target_rests(), market)
    story.wait(1, "94")
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    story.market = "online"
    story.wait(1, "94")
    assert (story.state, story.words) == (State.EXITING, ["cancel target T"])


def test_what_the_market_was_is_remembered_between_two_looks() -> None:
    story = in_market(Story().protected(), "maintenance")
    story.close()
    story.report("S", OPEN)
    assert story.words == []


# --- only limit orders -------------------------------------------------------------------------


def test_limit_only_sells_just_below_the_bid() -> None:
    story = in_market(Story().protected(), "limit_only")
    story.close()
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    assert story.words == [], "a limit needs a price to be near"
    story.wait(1, "100")
    assert story.words == ["place exit 1 limit 99.5"]


def test_limit_only_takes_the_target_by_limit() -> None:
    story = in_market(Story().protected(), "limit_only")
    story.touch()
    story.report("S", CANCELED)
    story.wait(1, "110")
    assert story.words == ["place target 1 limit 109.45"]


def test_a_limit_the_market_left_behind_is_placed_anew_for_what_is_left() -> None:
    story = in_market(Story().protected(), "limit_only")
    story.close()
    story.report("S", CANCELED)
    story.wait(1, "100")
    story.accept(story.newest, "X")
    story.report("X", OPEN, "0.3")
    story.wait(4, "98")
    assert story.words == []
    story.wait(1, "98")
    assert story.words == ["cancel exit X"]
    story.report("X", CANCELED, "0.4")
    story.wait(1, "98")
    assert story.words == ["place exit 0.6 limit 97.51"]


def test_an_unknown_limit_exit_is_not_replaced() -> None:
    story = in_market(Story().protected(), "limit_only")
    story.close()
    story.report("S", CANCELED)
    story.wait(1, "100")
    story.unknown(story.newest)
    story.wait(60, "90")
    assert story.words == []


def test_a_refusal_tells_of_a_limited_market_before_its_word_is_seen() -> None:
    story = Story().selling_at_target()
    story.refuse(story.newest, "market_limited")
    story.wait(1, "110")
    assert story.words == ["place target 1 limit 109.45"]


def test_an_open_market_takes_market_orders_again() -> None:
    story = in_market(Story().protected(), "limit_only")
    story.close()
    story.report("S", CANCELED)
    story.market = "online"
    story.wait(1, "100")
    assert story.words == ["place exit 1"]
