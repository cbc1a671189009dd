"""Stories of markets that do not take everything: cancel_only, post_only, maintenance, limit_only."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.events import CancelKeptBack
from brackets.core.legs import legs
from brackets.core.machine import RefusedEvent
from brackets.core.states import Answer, Custody, ExitReason, OrderStatus, Policy, Refusal, Role, State
from tests.unit.machine_story import Story
from tests.unit.swap_story import swapping_in, target_rests

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
    assert story.words == [], "a limit needs a price to be near"
    story.wait(1, "100")
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    assert story.words == []
    story.wait(1, "100")
    assert story.words == ["place exit 1 limit 99.5"]


def test_limit_only_without_a_price_keeps_the_stop_until_there_is_one() -> None:
    story = in_market(Story().protected(), "limit_only")
    story.close()
    for _ in range(20):
        story.wait(30, None)
        assert (story.words, story.bracket.standing) == ([], D(1))
    story.wait(1, "100")
    assert story.words == ["cancel stop S"]


def limited_and_bare() -> Story:
    """A market of limits only; the stop is gone, and no price comes any more."""
    story = in_market(Story().protected(), "limit_only")
    story.close()
    story.wait(1)
    story.report("S", CANCELED)
    return story


def test_bare_coins_without_a_price_are_sold_by_a_limit_at_the_stop() -> None:
    story = limited_and_bare()
    story.wait(4, None)
    assert story.words == []
    story.wait(1, None)
    assert story.words == ["place exit 1 limit 95"]


def test_that_limit_rests_until_a_price_tells_where_the_next_one_belongs() -> None:
    story = limited_and_bare()
    story.wait(5, None)
    story.accept(story.newest, "X")
    story.report("X", OPEN)
    story.wait(60, None)
    assert story.words == []
    story.wait(1, "94")
    assert story.words == ["cancel exit X"]


def test_bare_coins_are_sold_near_the_price_as_soon_as_it_comes() -> None:
    story = limited_and_bare()
    story.wait(4, None)
    story.wait(1, "100")
    assert story.words == ["place exit 1 limit 99.5"]


def test_a_sibling_that_slept_through_the_trigger_stays_until_there_is_a_price() -> None:
    story = Story().filled_in_parts("0.4", "0.6")
    story.market = "limit_only"
    story.wait(1)
    story.report("S1", FILLED, "0.4", triggered=True)
    story.wait(60, None)
    assert (story.state, story.words) == (State.SL_FILLED, [])
    story.wait(1, "94")
    assert story.words == ["cancel stop S2"]


def test_a_part_frees_no_coins_that_cannot_be_sold() -> None:
    for market, price in (("limit_only", None), ("cancel_only", "100"), ("maintenance", "100")):
        story = in_market(Story().protected(), market)
        story.reduce("0.4")
        story.wait(10, price)
        assert story.words == []
        story.wait(10, price)
        assert (story.words, story.bracket.standing) == ([], D(1))
        assert any("was not sold" in alarm for alarm in story.alarms)


def test_limit_only_takes_the_target_by_limit() -> None:
    story = in_market(Story().protected(), "limit_only")
    story.touch()
    story.report("S", CANCELED)
    story.wait(1, "110")
    assert story.words == ["place target 1 limit 109.45"]


def test_a_limit_the_market_left_behind_is_placed_anew_for_what_is_left() -> None:
    story = in_market(Story().protected(), "limit_only")
    story.close()
    story.wait(1, "100")
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
    story.wait(1, "100")
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
    story.wait(1, "100")
    story.report("S", CANCELED)
    story.market = "online"
    story.wait(1, "100")
    assert story.words == ["place exit 1"]


# --- a cancel that was kept back ---------------------------------------------------------------
# Dispatch read the mode before it let a cancel out: the market closed since the machine decided.


def kept_back(story: Story, venue_order_id: str, market: str) -> Story:
    story.market = market
    key = story.order(venue_order_id).key
    story.say(CancelKeptBack(at=story.now, key=key, market=market))
    return story


@closed
def test_a_stop_whose_cancel_was_kept_back_protects_as_before(market: str) -> None:
    story = Story().protected()
    story.close()
    kept_back(story, "S", market)
    assert (story.state, story.words, story.bracket.standing) == (State.EXITING, [], D(1))
    stop_leg, _ = legs(story.bracket)
    assert stop_leg.custody is Custody.RESTING
    story.wait(600)
    assert story.words == []
    story.market = "online"
    story.wait(1)
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    assert story.words == ["place exit 1"]


@closed
def test_a_target_whose_stop_was_kept_back_is_watched_again(market: str) -> None:
    story = kept_back(Story().leaving_by_target(), "S", market)
    assert (story.state, story.words, story.bracket.exit_reason) == (State.BRACKET_ACTIVE, [], None)
    story.market = "online"
    story.wait(1, "100")
    assert story.words == []
    story.touch()
    assert story.words == ["cancel stop S"]


def test_a_close_whose_cancel_was_kept_back_for_limit_only_goes_on_by_limit() -> None:
    story = Story().protected()
    story.close()
    kept_back(story, "S", "limit_only")
    assert (story.state, story.words) == (State.EXITING, [])
    story.wait(1, "100")
    assert story.words == ["cancel stop S"]
    story.report("S", CANCELED)
    story.wait(1, "100")
    assert story.words == ["place exit 1 limit 99.5"]


@pytest.mark.parametrize("market", ["cancel_only", "post_only", "maintenance", "limit_only"])
def test_a_swap_whose_cancel_was_kept_back_was_never_begun(market: str) -> None:
    story = kept_back(swapping_in(), "S", market)
    assert (story.state, story.words) == (State.BRACKET_ACTIVE, [])
    assert (story.bracket.resting, story.bracket.standing) == (Role.STOP, 1)
    story.wait(60, "109.78")
    assert story.words == []
    story.market = "online"
    story.wait(1, "109.78")
    assert story.words == ["cancel stop S"]


@pytest.mark.parametrize("market", ["cancel_only", "post_only", "maintenance", "limit_only"])
def test_a_target_that_could_not_go_keeps_resting_until_a_stop_can_be_had(market: str) -> None:
    story = target_rests()
    story.wait(1, "109.45")
    assert story.words == ["cancel target T"]
    kept_back(story, "T", market)
    assert (story.state, story.words, story.bracket.standing) == (State.BRACKET_ACTIVE, [], D(1))
    story.wait(60, "109")
    assert story.words == []
    story.market = "online"
    story.wait(1, "109")
    assert story.words == ["cancel target T"]
    story.report("T", CANCELED)
    assert story.words == ["place stop 1 at 95"]


@closed
def test_a_held_bracket_still_wants_its_target_gone_when_the_market_opens(market: str) -> None:
    story = target_rests()
    story.hold()
    assert story.words == ["cancel target T"]
    kept_back(story, "T", market)
    assert story.order("T").cancel_wanted


@closed
def test_a_stop_that_is_too_small_is_not_given_up_for_a_larger_one_that_is_not_taken(market: str) -> None:
    story = Story()
    story.accept(story.enter(), "E")
    story.report("S", OPEN, of="0.995", parent="E")
    story.report("E", FILLED, "1")
    story.market = market
    story.wait(11)
    story.answer_amend("S", Answer.REFUSED, "other")
    for _ in range(3):
        story.wait(1)
    assert story.words == [] == [word for word in story.log if word.startswith("cancel")]


@closed
def test_a_swap_of_several_stops_that_cannot_go_asks_for_none_of_them_again(market: str) -> None:
    story = Story(policy=Policy.NEAREST).filled_in_parts("0.4", "0.6")
    story.wait(1, "109.78")
    assert sorted(story.words) == ["cancel stop S1", "cancel stop S2"]
    first, second = (stop.key for stop in story.bracket.live_stops)
    story.say(CancelKeptBack(at=story.now, key=first, market=market))
    assert story.words == []
    story.say(CancelKeptBack(at=story.now, key=second, market=market))
    assert story.words == []
    story.market = market
    story.wait(1, "109.78")
    assert (story.words, story.bracket.standing, story.state) == ([], D(1), State.BRACKET_ACTIVE)


@closed
def test_a_stop_of_a_held_bracket_that_could_not_go_stays(market: str) -> None:
    """It was put on hold in the middle of a close; nothing shall be sold any more."""
    story = Story().protected()
    story.close()
    story.hold()
    kept_back(story, "S", market)
    assert (story.state, story.words, story.bracket.standing) == (State.HELD, [], D(1))
    story.market = "online"
    story.wait(60)
    assert (story.words, story.bracket.standing) == ([], D(1))
