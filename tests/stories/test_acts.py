"""What people do with an open bracket: sell a part, move the legs, protect coins, leave all at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets import readers
from brackets.core.states import State
from brackets.models import Order
from tests.stories.desk import ETH, QUANTITY, STORY, TARGET, Desk
from tests.stories.wire import CHANGES, Trouble
from trading import commands, door
from trading.core import asks
from trading.models import Command, Trade

pytestmark = STORY
PART = Decimal("0.03")
A_FEW = tuple(t for t in CHANGES if t.name in ("timeout-before", "timeout-after", "twice-told-replay"))


def sell(quantity: Decimal) -> None:
    verdict = door.execute_sell(ETH, quantity)
    assert isinstance(verdict, door.Changed), verdict


def test_a_part_is_sold_and_the_rest_stays_stopped(desk: Desk) -> None:
    """The stop is made smaller in place; only then the freed coins are sold."""
    trade = desk.open_active()
    sell(PART)
    desk.wait(lambda: desk.at_venue().sold == PART)
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.asked("CancelOrder") == []
    assert len(record.done("AmendOrder")) == 1
    assert [order.leaves for order in record.live] == [QUANTITY - PART]


@pytest.mark.parametrize("trouble", A_FEW, ids=str)
@pytest.mark.parametrize("method", ["AmendOrder", "AddOrder"])
def test_a_part_is_sold_once_whatever_happens_to_a_request(desk: Desk, method: str, trouble: Trouble) -> None:
    trade = desk.open_active()
    trouble.befall(desk, method)
    sell(PART)
    desk.wait(lambda: desk.bracket(trade).reduce_quantity == 0, seconds=2)
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert record.sold in (PART, 0)
    assert record.sold == PART or not trouble.done
    assert [order.leaves for order in record.live] == [QUANTITY - record.sold]


def test_a_part_of_a_resting_target_is_sold(desk: Desk) -> None:
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="nearest")
    trade = desk.open_active()
    desk.price(TARGET - 4)
    desk.wait(lambda: [order.kind for order in desk.at_venue().live] == ["limit"])
    desk.until(trade, State.BRACKET_ACTIVE)
    sell(PART)
    desk.wait(lambda: desk.at_venue().sold == PART)
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, unprotected=Decimal(2))
    assert [order.leaves for order in record.live] == [QUANTITY - PART]


def test_both_legs_are_moved(desk: Desk) -> None:
    trade = desk.open_active()
    verdict = door.edit_position(trade.pk, stop_loss_price=Decimal(2480), take_profit_price=Decimal(2550))
    assert isinstance(verdict, door.Changed), verdict
    desk.wait(lambda: desk.at_venue().live[0].price == 2480)
    desk.until(trade, State.BRACKET_ACTIVE)
    desk.price(2551)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(2))
    assert trade.exit_reason == "take_profit"
    assert len(record.done("AmendOrder")) == 1


@pytest.mark.parametrize("ending", ["take_profit", "stop_loss", "manual"])
def test_coins_bought_by_hand_are_protected(desk: Desk, ending: str) -> None:
    desk.control.order(pair=ETH, type="buy", ordertype="market", volume=str(QUANTITY))
    refresh_balances(desk)
    verdict = door.protect_position(
        ETH, QUANTITY, stop_loss_price=Decimal(2450), take_profit_price=Decimal(2600)
    )
    assert isinstance(verdict, door.Opened), verdict
    trade = verdict.trade
    desk.until(trade, State.BRACKET_ACTIVE)
    assert [order.leaves for order in desk.at_venue(held=QUANTITY).live] == [QUANTITY]
    if ending == "manual":
        door.close_position(trade.pk)
    else:
        desk.price(TARGET + 1 if ending == "take_profit" else 2440)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, held=QUANTITY, entries=0)
    assert trade.exit_reason == ending
    assert record.coins == 0


@pytest.mark.parametrize("ending", ["take_profit", "stop_loss"])
def test_coins_that_begin_to_earn_keep_their_stop_and_are_sold(desk: Desk, ending: str) -> None:
    """Auto-earn lists them under another name while the bracket stands."""
    trade = desk.open_active()
    desk.control.earn("XETH", str(QUANTITY))
    assert [order.leaves for order in desk.at_venue().live] == [QUANTITY]
    desk.price(TARGET + 1 if ending == "take_profit" else 2440)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(2))
    assert (trade.exit_reason, record.coins) == (ending, 0)
    balances = desk.control.look()["balances"]
    assert [Decimal(balances[wallet]) for wallet in ("XETH", "ETH.F")] == [0, 0]


def refresh_balances(desk: Desk) -> None:
    readers.refresh_balances(desk.account, desk.venue, urgent=True)


def test_everything_is_left_though_one_cancel_fails(desk: Desk) -> None:
    """Two brackets, one foreign order; the venue limps at one cancel and one sale."""
    eth = desk.open_active()
    verdict = door.open_position_with_brackets(
        desk.account.name,
        "BTC/USD",
        "buy",
        Decimal("0.002"),
        "market",
        Decimal(49000),
        Decimal(52000),
        Trade.Source.COMMAND,
    )
    assert isinstance(verdict, door.Opened), verdict
    desk.until(verdict.trade, State.BRACKET_ACTIVE)
    foreign = desk.control.order(pair=ETH, type="buy", ordertype="limit", volume="0.01", price="1000")
    desk.fault("CancelOrder", "error", error="EService:Busy", count=2)
    desk.fault("AddOrder", "error", error="EService:Unavailable", when="after", match={"type": "sell"})

    command = commands.perform(asks.LiquidateAll(reason="fire"), commands.Asker(user=None, actor="test"))
    desk.wait(lambda: Command.objects.get(pk=command.pk).status != Command.Status.ACCEPTED)

    command.refresh_from_db()
    assert command.status == Command.Status.DONE, command
    assert {Trade.objects.get(pk=t.pk).exit_reason for t in (eth, verdict.trade)} == {"kill_switch"}
    ours = set(Order.objects.exclude(venue_order_id=None).values_list("venue_order_id", flat=True))
    still_open = set(desk.control.look()["open"])
    assert still_open == {foreign}
    assert not ours & still_open
