"""Stories of a rest below the venue's minimum: without an order it is dust, and never loops."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.events import CoinsCounted
from brackets.core.held import explain
from brackets.core.states import ExitReason, OrderStatus, State
from tests.unit.machine_story import Story

D = Decimal
OPEN, FILLED, CANCELED = OrderStatus.OPEN, OrderStatus.FILLED, OrderStatus.CANCELED
TOO_SMALL = "too small for the venue: nothing can be sold"
ADA = {
    "symbol": "ADA/USD",
    "held_quantity": D(100),
    "held_price": D(100),
    "lot_step": D("0.00000001"),
    "minimum_quantity": D(5),
}


def count(story: Story, total: str) -> None:
    story.say(CoinsCounted(at=story.now, total=D(total)))


def a_hundred() -> Story:
    """100 ADA that were there before, their stop resting; the venue takes no less than 5."""
    story = Story(**ADA)
    story.accept(story.protect(), "S")
    story.report("S", OPEN)
    story.wait(30)
    assert story.state is State.BRACKET_ACTIVE
    return story


def withdrawn(left: str) -> Story:
    """… of which the owner left so many: the stop went with them, and the new one is refused for funds."""
    story = a_hundred()
    story.lose("S")
    story.refuse(story.newest, "insufficient_funds")
    count(story, left)
    story.wait(4)
    count(story, left)
    return story


def test_what_a_withdrawal_left_below_the_minimum_is_dust_and_the_bracket_ends_by_its_books() -> None:
    story = withdrawn("1")
    assert (story.state, story.bracket.dust) == (State.EXIT_COMPLETE, D(1))
    assert story.bracket.exit_reason is ExitReason.EXTERNAL
    assert story.alarms == (
        "99 of 100 ADA are gone from the account, and not by our orders",
        "1 ADA are below the venue's minimum of 5: they stay in the account as dust",
    )
    story.wait(600)
    assert (story.words, story.alarms) == ([], ())
    assert story.log == ["place stop 100 at 95", "place stop 100 at 95"]


@pytest.mark.parametrize("market", ["cancel_only", "maintenance"])
def test_dust_waits_for_no_market(market: str) -> None:
    story = a_hundred()
    story.lose("S")
    story.refuse(story.newest, "insufficient_funds")
    count(story, "1")
    story.market = market
    story.wait(4)
    count(story, "1")
    assert (story.state, story.bracket.dust) == (State.EXIT_COMPLETE, D(1))


def test_what_one_count_alone_did_not_find_is_no_dust() -> None:
    story = a_hundred()
    story.lose("S")
    story.refuse(story.newest, "insufficient_funds")
    count(story, "1")
    assert story.state is State.ENTRY_FILLED
    assert story.bracket.missing == 0


def test_as_long_as_more_is_bought_a_small_part_is_no_dust() -> None:
    story = Story(attach_stop=False, minimum_quantity=D("0.5"))
    story.accept(story.enter(), "E")
    story.report("E", OPEN, "0.1")
    story.wait(120)
    assert (story.state, story.words) == (State.ENTRY_FILLED, [])
    story.report("E", CANCELED, "0.1")
    story.wait(1)
    story.book_all()
    assert (story.state, story.bracket.dust) == (State.EXIT_COMPLETE, D("0.1"))
    assert story.bracket.exit_reason is ExitReason.ROLLBACK


def test_a_small_rest_whose_stop_rests_stays_where_it_rests() -> None:
    story = Story(minimum_quantity=D(5), quantity=D("0.4"))
    story.accept(story.enter(), "E")
    story.report("E", FILLED, "0.4", of="0.4")
    story.report("S", OPEN, of="0.4", parent="E")
    story.wait(600)
    assert (story.state, story.bracket.standing) == (State.BRACKET_ACTIVE, D("0.4"))
    story.lose("S")
    story.book_all()
    assert (story.state, story.bracket.dust) == (State.EXIT_COMPLETE, D("0.4"))


def test_a_small_rest_whose_stop_may_be_unseen_is_waited_for() -> None:
    story = Story(minimum_quantity=D(5), quantity=D("0.4"))
    story.accept(story.enter(), "E")
    story.report("E", FILLED, "0.4", of="0.4")
    story.wait(9)
    assert story.state is State.ENTRY_FILLED
    story.report("S", OPEN, of="0.4", parent="E")
    assert story.state is State.BRACKET_ACTIVE


def test_a_held_rest_below_the_minimum_is_asked_nothing_for_and_its_close_sells_nothing() -> None:
    story = a_hundred()
    story.hold()
    story.lose("S")
    story.refuse(story.newest, "insufficient_funds")
    count(story, "1")
    story.wait(4)
    count(story, "1")
    placed = len(story.log)
    story.wait(7200)
    assert (story.state, len(story.log)) == (State.HELD, placed)
    bracket = story.bracket
    assert (bracket.protect_from, bracket.unprotected_since, bracket.repairing) == (None, None, False)
    held = explain(story.bracket)
    assert held is not None
    close, release, _all = held.actions
    assert close.offered and TOO_SMALL in close.does
    assert "at market" not in close.does
    assert TOO_SMALL in release.does
    story.close()
    assert (story.state, story.bracket.dust) == (State.EXIT_COMPLETE, D(1))
    assert len(story.log) == placed


def test_a_held_rest_that_grows_above_the_minimum_gets_its_stop() -> None:
    story = a_hundred()
    story.hold()
    story.lose("S")
    story.refuse(story.newest, "insufficient_funds")
    for _ in range(2):
        count(story, "1")
        story.wait(4)
    for _ in range(2):
        count(story, "41")
        story.wait(4)
    assert story.log[-1] == "place stop 41 at 95"
