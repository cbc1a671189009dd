"""Stories of a limit entry's end: the market runs away, its time is up, somebody says stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from brackets.core.effects import Place
from brackets.core.states import Choice, EntryNext, ExitReason, OrderStatus, State
from tests.unit.machine_story import Story, limit_story

D = Decimal
OPEN, FILLED, CANCELED, EXPIRED = (
    OrderStatus.OPEN,
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
)
FIRST = "place entry 1 limit 100 post-only"


def canceled_for_a_reprice(**terms: object) -> Story:
    """The market walked away from the resting limit, and its cancel is under way."""
    story = limit_story(**terms).resting_limit()
    story.wait(10, price="100.30")
    assert story.words == ["cancel entry E"]
    return story


# --- the market runs away, the time is up ------------------------------------------------------

RUN_AWAY = "101.11"  # a new limit would stand at 101, 100 bps above the first one
WHEN = {"runaway": ({"on_runaway"}, 10, RUN_AWAY), "timeout": ({"on_timeout"}, 300, "100.30")}
both = pytest.mark.parametrize("when", list(WHEN))


def given_up(when: str, choice: Choice, **terms: object) -> tuple[Story, str]:
    """The limit rested, then the market ran away or its time was up; the price of that moment."""
    names, seconds, price = WHEN[when]
    far = {} if when == "runaway" else {"reprice_bps": D(5000)}
    story = limit_story(**dict.fromkeys(names, choice), **far, **terms).resting_limit()
    story.wait(seconds - 1)
    assert story.words == []
    story.wait(1, price=price)
    return story, price


@both
def test_cancel_buys_nothing(when: str) -> None:
    story, price = given_up(when, Choice.CANCEL)
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_EXPIRED)
    story.wait(60, price=price)
    assert story.words == []


@both
def test_cancel_keeps_what_was_bought(when: str) -> None:
    story, _ = given_up(when, Choice.CANCEL)
    story.report("E", CANCELED, "0.6")
    story.report("S", OPEN, of="0.6", parent="E")
    assert (story.state, story.bracket.coins) == (State.BRACKET_ACTIVE, D("0.6"))


@both
def test_retry_asks_again_at_todays_price_with_time_of_its_own(when: str) -> None:
    story, price = given_up(when, Choice.RETRY)
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED)
    story.wait(1, price=price)
    (place,) = story.sent
    assert isinstance(place, Place)
    assert (place.post_only, place.limit_price) == (True, D("101") if when == "runaway" else D("100.19"))
    assert place.expires_at == story.now + timedelta(seconds=300 + 60)


def run_away_and_retried(**terms: object) -> Story:
    """The market ran away once, and the limit that followed it (E2, at 101) rests."""
    story, price = given_up("runaway", Choice.RETRY, **terms)
    story.report("E", CANCELED)
    story.wait(1, price=price)
    story.accept(story.newest, "E2")
    story.report("E2", OPEN)
    return story


def test_a_market_that_ran_away_once_and_stays_there_is_retried_once() -> None:
    story = run_away_and_retried()
    for _ in range(20):
        story.wait(10, price=RUN_AWAY)
    assert story.log == [FIRST, "cancel entry E", "place entry 1 limit 101 post-only"]


@pytest.mark.parametrize("choice", list(Choice))
def test_running_away_is_measured_from_the_limit_that_followed(choice: Choice) -> None:
    story = limit_story(on_runaway=choice).resting_limit()
    story.wait(10, price="100.95")  # followed, not run away from
    story.report("E", CANCELED)
    story.wait(1, price="100.95")
    story.accept(story.newest, "E2")
    story.report("E2", OPEN)
    assert story.order("E2").limit_price == D("100.84")
    story.wait(10, price="100.95")
    assert story.words == []
    story.wait(1, price="101.94")  # 99 bps above the second limit, 183 above the first
    assert (story.words, story.bracket.entry_next) == (["cancel entry E2"], EntryNext.REPRICE)


def test_a_wide_offset_alone_is_no_market_that_ran_away() -> None:
    story = limit_story(offset_bps=D(200), on_runaway=Choice.MARKET).resting_limit()
    story.wait(60, price="102.04")  # where 100 came from
    assert story.words == []


def test_a_reprice_does_not_lengthen_the_time() -> None:
    story = canceled_for_a_reprice()
    story.report("E", CANCELED)
    story.wait(1, price="100.30")
    story.accept(story.newest, "E2")
    story.wait(288, price="100.30")
    assert story.words == []
    story.wait(1, price="100.30")
    assert story.words == ["cancel entry E2"], "300 s after the first one"


@both
def test_retry_ends_with_the_reprices(when: str) -> None:
    story, _ = given_up(when, Choice.RETRY, most_reprices=0)
    story.report("E", CANCELED)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_EXPIRED)


@both
def test_market_buys_the_rest_at_market(when: str) -> None:
    story, price = given_up(when, Choice.MARKET)
    story.report("E", CANCELED, "0.4")
    assert story.words == []
    story.wait(1, price=price)
    assert story.words == ["place entry 0.6"]
    (place,) = story.sent
    assert isinstance(place, Place)
    assert place.close_stop_price == D(price) - 5
    story.report("S1", OPEN, of="0.4", parent="E")
    story.accept(story.newest, "E2")
    story.wait(600, price=price)
    assert story.words == [], "a market order needs no company"


@both
def test_skip_leaves_it_to_the_venue(when: str) -> None:
    story, price = given_up(when, Choice.SKIP)
    assert story.words == []
    story.wait(60, price=price)
    assert story.words == []
    story.report("E", EXPIRED)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_EXPIRED)


def test_an_expired_part_is_a_position_of_that_part() -> None:
    story = limit_story(on_timeout=Choice.SKIP).resting_limit()
    story.report("S", OPEN, of="0.4", parent="E")
    story.report("E", EXPIRED, "0.4")
    assert (story.state, story.bracket.coins) == (State.BRACKET_ACTIVE, D("0.4"))


@pytest.mark.parametrize("choice", [Choice.RETRY, Choice.MARKET])
def test_the_time_of_an_unknown_entry_runs_out_and_nothing_follows_before_it_is_resolved(
    choice: Choice,
) -> None:
    story = limit_story(on_timeout=choice)
    key = story.enter()
    story.unknown(key)
    story.wait(300)
    assert story.words == ["cancel entry unsent"]
    story.wait(30)
    assert story.words == [], "it may exist, and fill"
    story.absent(key)
    story.wait(1)
    assert story.words == [
        "place entry 1" if choice is Choice.MARKET else "place entry 1 limit 99.9 post-only"
    ]


def test_an_entry_that_never_left_in_its_time_is_not_followed_by_another() -> None:
    story = limit_story(on_timeout=Choice.RETRY)
    key = story.enter()
    story.wait(300)
    assert story.words == ["cancel entry unsent"]
    story.withdraw(key)
    story.wait(1)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_CANCELED)
    assert story.log == [FIRST, "cancel entry unsent"]


def test_one_whose_time_was_up_before_it_left_has_expired() -> None:
    story = limit_story(on_timeout=Choice.CANCEL)
    key = story.enter()
    story.wait(300)
    story.withdraw(key)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_EXPIRED)


def test_a_fill_that_arrives_after_the_time_was_up_is_a_position() -> None:
    story, _ = given_up("timeout", Choice.CANCEL)
    story.report("S", OPEN, parent="E")
    story.report("E", FILLED, "1")
    assert story.state is State.BRACKET_ACTIVE


# --- what was approved binds -------------------------------------------------------------------


def bound(story: Story, most_cost: str) -> Story:
    """The story with so much approved for all its entries together."""
    plan = replace(story.bracket.plan, most_cost=D(most_cost))
    story.bracket = replace(story.bracket, plan=plan)
    return story


def followed(when: str, choice: Choice, most_cost: str, filled: str = "0", price: str | None = None) -> Story:
    """What follows a limit that was given up with so much bought, for so much approved in all."""
    story, now = given_up(when, choice)
    bound(story, most_cost).report("E", CANCELED, filled, price=price, priced=price is not None)
    story.wait(1, price=now)
    return story


def test_what_follows_the_market_up_buys_no_more_than_was_approved() -> None:
    story = followed("runaway", Choice.RETRY, "100.5")
    assert story.words == ["place entry 0.995 limit 101 post-only"]  # 100.495


def test_what_was_bought_before_counts_at_what_it_cost() -> None:
    story = followed("runaway", Choice.RETRY, "100.5", "0.4", price="100")
    assert story.words == ["place entry 0.599 limit 101 post-only"]  # 40 and 60.499


def test_what_was_bought_at_a_price_not_stated_yet_counts_at_its_limit() -> None:
    story = followed("runaway", Choice.RETRY, "100.5", "0.4", price=None)
    assert story.words == ["place entry 0.599 limit 101 post-only"]


def test_what_was_approved_for_all_is_bought_whole() -> None:
    story = followed("runaway", Choice.RETRY, "101")
    assert story.words == ["place entry 1 limit 101 post-only"]


@pytest.mark.parametrize(("when", "coins"), [("runaway", "0.989"), ("timeout", "0.997")])
def test_a_market_order_is_reckoned_above_the_bid(when: str, coins: str) -> None:
    """Half a percent for spread and depth: 0.989 coins at 101.11 and 0.997 at 100.30 cost 100.5 with it."""
    story = followed(when, Choice.MARKET, "100.5")
    assert story.words == [f"place entry {coins}"]


@pytest.mark.parametrize("choice", [Choice.RETRY, Choice.MARKET])
@pytest.mark.parametrize("most_cost", ["1", "0.5"])
def test_what_is_left_to_spend_buys_less_than_the_venue_sells(choice: Choice, most_cost: str) -> None:
    story = followed("runaway", choice, most_cost)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_EXPIRED)
    assert story.log == [FIRST, "cancel entry E"]


def test_what_was_bought_when_nothing_is_left_to_spend_is_kept() -> None:
    story = followed("runaway", Choice.MARKET, "60.5", "0.6", price="100")
    assert (story.bracket.entering, story.bracket.coins) == (False, D("0.6"))
    assert story.log == [FIRST, "cancel entry E"]


# --- somebody says stop ------------------------------------------------------------------------


def test_pause_cancels_the_limit() -> None:
    story = limit_story().resting_limit()
    story.entries_allowed = False
    story.wait(1)
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED)
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_CANCELED)


def test_pause_cancels_a_market_entry_that_is_still_live() -> None:
    story = Story()
    story.unknown(story.enter())
    story.entries_allowed = False
    story.wait(1)
    assert story.words == ["cancel entry unsent"]


def test_pause_keeps_what_was_bought_protected() -> None:
    story = limit_story().resting_limit()
    story.report("E", OPEN, "0.4")
    story.report("S", OPEN, of="0.4", parent="E")
    story.entries_allowed = False
    story.wait(1)
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED, "0.4")
    story.wait(60)
    assert story.state is State.BRACKET_ACTIVE
    assert story.words == []


def test_pause_turns_a_reprice_under_way_into_an_end() -> None:
    story = canceled_for_a_reprice()
    story.entries_allowed = False
    story.wait(1, price="100.30")
    story.entries_allowed = True
    story.report("E", CANCELED)
    story.wait(1, price="100.30")
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_CANCELED)
    assert story.log == [FIRST, "cancel entry E"]


def test_pause_between_the_cancel_and_the_new_order_places_none() -> None:
    story = canceled_for_a_reprice()
    story.report("E", CANCELED)
    story.entries_allowed = False
    story.wait(1, price="100.30")
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_CANCELED)
    assert story.log == [FIRST, "cancel entry E"]


@pytest.mark.parametrize("reason", [ExitReason.MANUAL, ExitReason.KILL_SWITCH])
def test_close_between_the_cancel_and_the_new_order_ends_it_there(reason: ExitReason) -> None:
    story = canceled_for_a_reprice()
    story.report("E", CANCELED)
    story.close(reason)
    story.wait(1, price="100.30")
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.ENTRY_CANCELED)
    assert story.log == [FIRST, "cancel entry E"]


def test_hold_cancels_the_limit_and_keeps_the_stops_of_what_it_bought() -> None:
    story = limit_story().resting_limit()
    story.report("E", OPEN, "0.4")
    story.report("S", OPEN, of="0.4", parent="E")
    story.hold()
    assert story.words == ["cancel entry E"]
    story.report("E", CANCELED, "0.4")
    story.wait(60, price="100.30")
    assert (story.state, story.words) == (State.HELD, [])
    assert story.bracket.standing == D("0.4")


def test_a_limit_that_was_only_validated_places_nothing_more() -> None:
    story = limit_story()
    story.validate(story.enter())
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.VALIDATED)
