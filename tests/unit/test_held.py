"""What an operator reads of a held bracket, made from its facts alone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brackets.core.events import CoinsCounted
from brackets.core.held import Held, explain
from brackets.core.states import Answer, OrderStatus, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED
COMPARED = datetime(2026, 3, 2, 12, 0, 5, tzinfo=UTC)


def told(story: Story, **options: object) -> Held:
    held = explain(story.bracket, **options)  # type: ignore[arg-type]
    assert held is not None
    return held


def offered(held: Held) -> dict[str, bool]:
    return {act.name: act.offered for act in held.actions}


def held_with_its_stop() -> Story:
    story = Story().protected()
    story.hold()
    return story


def test_only_a_held_bracket_is_explained() -> None:
    assert explain(Story().protected().bracket) is None


def test_coins_and_the_resting_stop_are_known_with_the_time_of_the_reading() -> None:
    held = told(held_with_its_stop(), why="somebody wants to look", compared_at=COMPARED)
    assert held.why == "somebody wants to look"
    assert held.known == (
        "1 ETH of this bracket are in the account: 1 came in, 0 were sold.",
        "A stop for 1 at 95 rests at the venue as S, as compared at 2026-03-02 12:00:05 UTC.",
    )
    assert offered(held) == {"close": True, "release": True, "liquidate-all": True}


def test_coins_without_an_order_are_said() -> None:
    story = held_with_its_stop()
    story.report("S", CANCELED)
    held = told(story)
    assert "No order of this bracket is known to rest at the venue." in held.known
    assert "1 ETH have no order that certainly rests for them." in held.known


def test_an_order_whose_fate_is_unknown_is_not_among_what_is_known() -> None:
    story = Story(held_quantity=D(1), held_price=D(100))
    story.unknown(story.protect())
    story.hold()
    held = told(story)
    assert any(f"sent as {story.newest}" in sentence for sentence in held.unknown)
    assert not any("rests at the venue as" in sentence for sentence in held.known)


def test_new_terms_that_no_reading_showed_are_not_known() -> None:
    story = Story().protected()
    story.edit(stop="96")
    story.answer_amend("S", Answer.UNKNOWN)
    story.hold()
    assert "Whether a stop for 1 at 95 (S) has its new terms: stop 96." in told(story).unknown


def test_an_end_that_was_not_read_is_not_known() -> None:
    story = Story().leaving_by_target()
    story.hold()
    assert any("(S) has ended" in sentence for sentence in told(story).unknown)


def test_coins_that_one_count_did_not_find_are_not_known_to_be_gone() -> None:
    story = held_with_its_stop()
    story.wait(10)
    story.say(CoinsCounted(at=story.now, total=D("0.4")))
    assert any("did not find 0.6 ETH" in sentence for sentence in told(story).unknown)


def test_what_is_over_offers_nothing_to_sell_and_nothing_to_release() -> None:
    story = held_with_its_stop()
    story.report("S", FILLED, "1", triggered=True)
    assert story.state is State.HELD
    held = told(story)
    assert offered(held) == {"close": False, "release": False, "liquidate-all": False}
    assert all(act.why_not for act in held.actions)
    assert any("is not booked" in sentence for sentence in held.unknown)


@pytest.mark.parametrize("accepted", [True, False])
def test_an_entry_that_may_still_buy_is_not_released(accepted: bool) -> None:
    story = Story()
    key = story.enter()
    story.accept(key, "E") if accepted else story.unknown(key)
    story.hold()
    assert offered(told(story)) == {"close": True, "release": False, "liquidate-all": True}


# --- what would be sold now --------------------------------------------------------------------------


def does(story: Story, bid: str | None) -> dict[str, str]:
    held = told(story, bid=None if bid is None else D(bid))
    return {act.name: act.does for act in held.actions}


@pytest.mark.parametrize(
    ("bid", "said"),
    [
        ("110.5", "This sells 1 ETH now: the bid 110.5 is above the target of 110. "),
        ("110", "This sells 1 ETH now: the bid 110 is at the target of 110. "),
        ("95", "This sells 1 ETH now: the bid 95 is at the stop of 95. "),
        ("94", "This sells 1 ETH now: the bid 94 is below the stop of 95. "),
        ("100", "Goes on as if it had just been bought"),
        (None, "Goes on as if it had just been bought"),
    ],
)
def test_a_release_says_first_whether_it_sells_at_once(bid: str | None, said: str) -> None:
    assert does(held_with_its_stop(), bid)["release"].startswith(said)


def test_a_close_says_what_it_sells_and_at_which_bid() -> None:
    story = held_with_its_stop()
    assert does(story, "100.50")["close"].endswith(
        "sells the coins at market: this sells 1 ETH now, the bid is 100.5."
    )
    assert does(story, None)["close"].endswith("sells the coins at market.")


def test_in_a_closed_market_it_is_sold_when_that_opens() -> None:
    story = held_with_its_stop()
    story.market = "cancel_only"
    story.wait(1)
    assert does(story, "111")["release"].startswith(
        "This sells 1 ETH as soon as the market opens: the bid 111"
    )


def test_bid_stop_and_target_are_told() -> None:
    held = told(held_with_its_stop(), bid=D(100))
    assert held.prices == (("bid", D(100)), ("stop", D(95)), ("target", D(110)))
    assert told(held_with_its_stop()).prices[0] == ("bid", None)
