"""Policy nearest: near the target it rests and the stop is watched; every doubt brings the stop back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets import reconcile
from brackets.core.states import State
from tests.stories.desk import QUANTITY, STOP, STORY, TARGET, Desk
from trading import door
from trading.models import Trade

pytestmark = STORY
NEAR, FAR = TARGET - 4, TARGET - 14


def rest_target(desk: Desk) -> Trade:
    """A trade whose target rests at the venue."""
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="nearest")
    trade = desk.open_active()
    desk.price(NEAR)
    desk.wait(lambda: [order.kind for order in desk.at_venue().live] == ["limit"])
    desk.until(trade, State.BRACKET_ACTIVE)
    return trade


def resting(desk: Desk) -> list[tuple[str, Decimal]]:
    return [(order.kind, order.leaves) for order in desk.at_venue().live]


def test_in_and_filled_as_maker(desk: Desk) -> None:
    trade = rest_target(desk)
    desk.price(TARGET + 1)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(1))
    assert (trade.exit_reason, trade.exit_price) == ("take_profit", TARGET)
    (target,) = record.done("AddOrder", type="sell")
    assert "post" in target.fields["oflags"]


def test_in_and_out_again(desk: Desk) -> None:
    trade = rest_target(desk)
    desk.price(FAR)
    desk.wait(lambda: resting(desk) == [("stop-loss", QUANTITY)])
    desk.until(trade, State.BRACKET_ACTIVE)
    desk.price(NEAR)
    desk.turns(5)
    assert resting(desk) == [("stop-loss", QUANTITY)]  # the cooldown
    desk.verdict(prove=True, unprotected=Decimal(2), unstopped=Decimal(10))


def test_a_target_that_sold_a_part_gives_the_rest_its_stop_back(desk: Desk) -> None:
    trade = rest_target(desk)
    desk.price(TARGET + 1, depth=QUANTITY / 4)
    desk.price(FAR)
    desk.wait(lambda: resting(desk) == [("stop-loss", QUANTITY * 3 / 4)])
    desk.until(trade, State.BRACKET_ACTIVE)
    desk.verdict(prove=True, unprotected=Decimal(2))


def test_a_fall_from_the_target_to_the_stop_in_one_second(desk: Desk) -> None:
    """The stop is in our hands: the target is taken back, and the coins sold."""
    trade = rest_target(desk)
    desk.price(STOP - 10)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(2))
    assert trade.exit_reason == "stop_loss"
    assert record.coins == 0


def test_a_stale_price_brings_the_stop_back(desk: Desk) -> None:
    trade = rest_target(desk)
    desk.price_is_seen = False
    desk.wait(lambda: resting(desk) == [("stop-loss", QUANTITY)])
    desk.until(trade, State.BRACKET_ACTIVE)
    desk.verdict(prove=True, unprotected=Decimal(2), unstopped=Decimal(10))


def test_a_watch_that_is_gone_brings_the_stop_back(desk: Desk) -> None:
    trade = rest_target(desk)
    desk.watched = False
    desk.wait(lambda: resting(desk) == [("stop-loss", QUANTITY)])
    desk.until(trade, State.BRACKET_ACTIVE)
    desk.verdict(prove=True, unprotected=Decimal(2), unstopped=Decimal(10))


def test_a_clean_shutdown_leaves_a_stop(desk: Desk) -> None:
    rest_target(desk)
    left = reconcile.swap_back_all(desk.account, desk.venue, clock=desk.clock.now, pause=desk.clock.skip)
    assert left == ()
    assert resting(desk) == [("stop-loss", QUANTITY)]
    desk.verdict(prove=True, unprotected=Decimal(2))


def test_a_target_canceled_by_its_owner_is_answered_with_the_stop(desk: Desk) -> None:
    trade = rest_target(desk)
    desk.control.cancel(desk.at_venue().live[0].txid)
    desk.wait(lambda: resting(desk) == [("stop-loss", QUANTITY)])
    desk.until(trade, State.BRACKET_ACTIVE)
    desk.verdict(prove=True, unprotected=Decimal(10))


def test_a_close_takes_the_resting_target_back(desk: Desk) -> None:
    trade = rest_target(desk)
    door.close_position(trade.pk)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(2))
    assert trade.exit_reason == "manual"
    assert record.coins == 0


@pytest.mark.parametrize("mode", ["cancel_only", "limit_only", "maintenance"])
def test_a_market_that_takes_no_stop_keeps_what_rests(desk: Desk, mode: str) -> None:
    trade = rest_target(desk)
    desk.control.mode(mode)
    desk.turn()
    desk.price(FAR)
    desk.turns(3)
    desk.control.mode("online")
    assert resting(desk) == [("limit", QUANTITY)]
    desk.wait(lambda: resting(desk) == [("stop-loss", QUANTITY)])
    desk.until(trade, State.BRACKET_ACTIVE)
    desk.verdict(prove=True, unprotected=Decimal(2))


def test_the_late_release_of_the_stop_s_coins(desk: Desk) -> None:
    """The target is refused for funds for a moment after the stop's cancel."""
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="nearest")
    trade = desk.open_active()
    desk.control.hold_release(2)
    desk.price(NEAR)
    desk.wait(lambda: resting(desk) == [("limit", QUANTITY)])
    desk.until(trade, State.BRACKET_ACTIVE)
    refused = len(desk.at_venue().oversells)
    assert 1 <= refused <= 3
    desk.verdict(prove=True, oversells=refused, unprotected=Decimal(5))
