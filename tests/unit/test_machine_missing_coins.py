"""Coins that are gone from the account, and not by our orders: two counts, then the rest is taken care of."""

from __future__ import annotations

from decimal import Decimal

from brackets.core.events import CoinsCounted
from brackets.core.states import ExitReason, OrderStatus, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED


def count(story: Story, total: str, available: str | None = None) -> None:
    free = None if available is None else D(available)
    story.say(CoinsCounted(at=story.now, total=D(total), available=free))


def half_is_gone() -> Story:
    """The owner canceled our stop and sold half by hand; our new stop is refused for funds."""
    story = Story().protected()
    story.wait(10)
    story.lose("S")
    story.refuse(story.newest, "insufficient_funds")
    return story


def test_one_count_is_no_proof_and_asks_for_nothing() -> None:
    story = half_is_gone()
    count(story, "0.5")
    assert (story.words, story.alarms) == ([], ())
    story.wait(30)
    assert story.words == []
    assert story.bracket.missing == 0


def test_after_two_counts_what_is_left_gets_its_stop() -> None:
    story = half_is_gone()
    count(story, "0.5")
    story.wait(3)
    count(story, "0.5")
    assert story.alarms == ("0.5 of 1 ETH are gone from the account, and not by our orders",)
    assert story.words == ["place stop 0.5 at 95"]
    story.accept(story.newest, "S2")
    story.report("S2", OPEN, of="0.5")
    assert story.state is State.BRACKET_ACTIVE


def test_a_close_sells_what_is_left() -> None:
    story = half_is_gone()
    story.close()
    story.refuse(story.newest, "insufficient_funds")
    count(story, "0.5")
    story.wait(4)
    if story.bracket.live_sells:
        story.refuse(story.newest, "insufficient_funds")
    count(story, "0.5")
    assert story.words == ["place exit 0.5"]
    story.accept(story.newest, "X")
    story.report("X", FILLED, "0.5", of="0.5")
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.MANUAL)


def test_a_close_that_asked_for_coins_that_are_gone_is_tried_again_as_soon_as_the_rest_is_protected() -> None:
    story = half_is_gone()
    story.close()
    while story.state is State.EXITING:
        if story.bracket.live_sells:
            story.refuse(story.newest, "insufficient_funds")
        story.wait(1)
    count(story, "0.5")
    for _ in range(2):
        story.refuse(story.newest, "insufficient_funds")
        story.wait(3)
    count(story, "0.5")
    story.wait(5)
    if story.bracket.live_sells and story.order(story.newest).quantity == 1:
        story.refuse(story.newest, "insufficient_funds")
        story.wait(5)
    assert story.log[-1] == "place stop 0.5 at 95"
    story.accept(story.newest, "S3")
    story.report("S3", OPEN, of="0.5")
    assert (story.state, story.words) == (State.EXITING, ["cancel stop S3"])


def test_when_all_are_gone_the_bracket_is_over() -> None:
    story = half_is_gone()
    count(story, "0")
    story.wait(4)
    if story.bracket.live_sells:
        story.refuse(story.newest, "insufficient_funds")
    count(story, "0")
    story.book_all()
    assert (story.state, story.bracket.exit_reason) == (State.EXIT_COMPLETE, ExitReason.EXTERNAL)


def test_coins_that_come_back_count_again() -> None:
    story = half_is_gone()
    for total in ("0.5", "0.5", "1", "1"):
        count(story, total)
        story.wait(4)
        if story.bracket.live_sells:
            story.refuse(story.newest, "insufficient_funds")
    assert story.bracket.missing == 0


def test_the_owners_other_coins_explain_nothing() -> None:
    story = half_is_gone()
    count(story, "7")
    story.wait(4)
    count(story, "7")
    assert story.bracket.missing == 0


def test_a_balance_soon_after_the_purchase_may_be_older_than_the_coins() -> None:
    story = Story().protected()
    story.close()
    story.report("S", CANCELED)
    story.refuse(story.newest, "insufficient_funds")  # their hold is released late
    count(story, "0")
    story.wait(4)
    count(story, "0")
    assert (story.bracket.coins, story.bracket.missing) == (1, 0)
    story.wait(6)
    count(story, "1")
    assert story.bracket.missing == 0
    story.wait(5)
    story.accept(story.newest, "X")
    story.report("X", FILLED, "1")
    story.book_all()
    assert (story.state, story.bracket.sold) == (State.EXIT_COMPLETE, 1)


def test_while_an_order_is_unknown_the_account_may_hold_less() -> None:
    story = Story().protected()
    story.wait(10)
    story.lose("S")
    story.unknown(story.newest)
    count(story, "0")
    story.wait(4)
    count(story, "0")
    assert story.bracket.missing == 0


# --- coins that are there, and held by orders of others ----------------------------------------------


def test_what_an_order_of_the_owner_leaves_gets_its_stop() -> None:
    story = half_is_gone()
    for _ in range(8):
        count(story, "0.8", available="0.3")
        story.wait(3)
        if story.bracket.missing:
            break
        if story.bracket.live_sells:
            story.refuse(story.newest, "insufficient_funds")
    assert story.said[-1] == "0.7 of 1 ETH are gone from the account or held there, and not by our orders"
    assert story.log[-1] == "place stop 0.3 at 95"
    story.accept(story.newest, "S2")
    story.report("S2", OPEN, of="0.3")
    count(story, "0.8", available="0")
    assert (story.state, story.bracket.missing) == (State.BRACKET_ACTIVE, D("0.7"))


def test_a_hold_of_ours_that_is_released_late_is_no_order_of_others() -> None:
    story = half_is_gone()
    for _ in range(4):
        count(story, "1", available="0.4")
        story.wait(3)
        if story.bracket.live_sells:
            story.refuse(story.newest, "insufficient_funds")
    count(story, "1", available="1")
    story.wait(30)
    assert story.bracket.missing == 0


def test_where_all_are_held_none_are_given_up() -> None:
    story = half_is_gone()
    for _ in range(20):
        count(story, "1", available="0")
        story.wait(3)
        if story.bracket.live_sells:
            story.refuse(story.newest, "insufficient_funds")
    assert story.bracket.missing == 0
    assert story.state is not State.EXIT_COMPLETE


def test_the_owners_own_orders_hold_nothing_of_ours() -> None:
    story = half_is_gone()
    for _ in range(20):
        count(story, "7", available="1")
        story.wait(3)
        if story.bracket.live_sells:
            story.refuse(story.newest, "insufficient_funds")
    assert story.bracket.missing == 0
