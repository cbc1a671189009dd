"""Leaving, when market and venue are not kind: gaps, both legs at once, lost stops, closed markets."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from brackets import counting, readers
from brackets.core.states import State
from tests.stories.desk import ETH, QUANTITY, STOP, STORY, TARGET, Desk
from trading import door
from trading.models import Trade

pytestmark = STORY
PART = Decimal("0.04")


def test_a_gap_far_through_the_stop(desk: Desk) -> None:
    trade = desk.open_active()
    desk.price(1900)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert (trade.exit_reason, trade.exit_price) == ("stop_loss", Decimal("1899.99"))
    assert record.asked("CancelOrder") == []


def test_both_prices_in_one_second_the_stop_wins(desk: Desk) -> None:
    trade = desk.open_active()
    desk.price(STOP - 1)
    desk.price(TARGET + 1)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert trade.exit_reason == "stop_loss"
    assert record.asked("AddOrder", type="sell") == []


def test_the_stop_fills_while_its_cancel_is_on_the_way(desk: Desk) -> None:
    """The target is touched, its cancel intended; before it leaves, the market falls through the stop."""
    trade = desk.open_active()
    desk.price(TARGET + 1)
    desk.look()
    desk.price(STOP - 1)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(0), unstopped=Decimal(0))
    assert trade.exit_reason == "stop_loss"
    assert record.asked("AddOrder", type="sell") == []


def test_a_triggered_stop_canceled_with_leaves_is_sold_at_market(desk: Desk) -> None:
    trade = desk.open_active()
    desk.price(STOP - 1, depth=PART)
    (stop,) = desk.at_venue().live
    assert 0 < stop.leaves < QUANTITY
    desk.control.cancel(stop.txid)
    desk.price(STOP - 1)
    desk.until_closed(trade)
    record = desk.verdict(prove=True)
    assert trade.exit_reason == "stop_loss"
    (sale,) = record.done("AddOrder", type="sell")
    assert (sale.fields["ordertype"], Decimal(sale.fields["volume"])) == ("market", QUANTITY - PART)
    assert record.coins == 0


def test_an_untriggered_stop_canceled_by_its_owner_comes_back(desk: Desk) -> None:
    trade = desk.open_active()
    desk.control.cancel(desk.at_venue().live[0].txid)
    desk.wait(lambda: bool(desk.at_venue().live))
    desk.until(trade, State.BRACKET_ACTIVE)
    record = desk.verdict(prove=True, unprotected=Decimal(10), unstopped=Decimal(10))
    assert [(order.kind, order.leaves) for order in record.live] == [("stop-loss", QUANTITY)]


def test_a_stop_canceled_again_and_again_comes_back_once_a_minute_and_nothing_is_sold(desk: Desk) -> None:
    """A person on the venue's page cancels whatever we place, within the second, for a minute."""
    trade = desk.open_active()
    for _ in range(45):
        for order in desk.at_venue().live:
            desk.control.cancel(order.txid)
        desk.turn()
    stops = [o for o in desk.at_venue().orders.values() if o.kind == "stop-loss"]
    ours = sorted(stop.opened for stop in stops)[1:]  # the first is the venue's own
    assert all(after - before >= 60 for before, after in pairwise(ours))
    assert 1 <= len(ours) <= 2
    assert desk.at_venue().sold == 0
    bracket = desk.until(trade, State.BRACKET_ACTIVE, seconds=10)  # the person has gone
    alarms = [alarm for event in bracket.events.all() for alarm in event.payload["alarms"]]
    standing = {order.txid for order in desk.at_venue().live}
    canceled_again = sum(stop.txid not in standing for stop in stops) - 1
    assert sum("somebody canceled or altered a leg again" in alarm for alarm in alarms) == canceled_again
    desk.price(2440)
    desk.until_closed(trade)
    assert trade.exit_reason == "stop_loss"


def test_a_lost_stop_above_the_market_sells_at_once(desk: Desk) -> None:
    """The owner canceled it, and the market already stands below its trigger."""
    trade = desk.open_active()
    desk.control.cancel(desk.at_venue().live[0].txid)
    desk.price(STOP - 5)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(10))
    assert trade.exit_reason == "stop_loss"
    assert len(record.done("AddOrder", type="sell")) == 1


@pytest.mark.parametrize("form", ["canceled", "refused"])
def test_a_post_only_target_that_crosses_is_placed_once_as_a_plain_limit(desk: Desk, form: str) -> None:
    desk.let_post_only_be(form)
    desk.configure(execution_mode="LIMIT_BRACKET", leg_policy="nearest")
    trade = desk.open_active()
    desk.price(TARGET - 4)
    desk.look()
    desk.price(TARGET + 2)  # through the target before its order arrives
    desk.send()
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(4))
    assert trade.exit_reason == "take_profit"
    asked = record.asked("AddOrder", type="sell")
    assert ["post" in ask.fields["oflags"] for ask in asked] == [True, False]
    assert [ask.fields["price"] for ask in asked] == ["2600", "2600"]


def test_coins_released_late_after_our_own_cancel(desk: Desk) -> None:
    """The venue refuses for funds for some seconds: asked again until the hold is gone."""
    trade = desk.open_active()
    desk.control.hold_release(4)
    desk.price(TARGET + 1)
    desk.until_closed(trade)
    record = desk.at_venue()
    refused = len(record.oversells)
    assert 1 <= refused <= 5
    desk.verdict(prove=True, oversells=refused, unprotected=Decimal(8))
    assert trade.exit_reason == "take_profit"


def test_coins_not_released_in_time_get_their_stop_back(desk: Desk) -> None:
    trade = desk.open_active()
    desk.control.hold_release(14)
    desk.price(TARGET + 1)
    desk.wait(lambda: desk.bracket(trade).state == State.BRACKET_ACTIVE and len(desk.at_venue().live) == 1)
    record = desk.at_venue()
    assert [(order.kind, order.leaves) for order in record.live] == [("stop-loss", QUANTITY)]
    desk.control.hold_release(0)
    desk.until_closed(trade, seconds=4)
    assert trade.exit_reason == "take_profit"
    desk.verdict(prove=True, oversells=len(record.oversells), unprotected=Decimal(20))


def test_an_entry_fills_on_after_the_first_exit_fill(desk: Desk) -> None:
    """The stop of the first part sells while the entry still buys: the rest of the entry is canceled."""
    desk.price(2500, depth=PART)
    trade = desk.open()
    desk.turn()
    desk.price(STOP - 1, depth=PART)
    desk.turn()
    desk.price(STOP - 1)
    desk.until_closed(trade)
    record = desk.verdict(prove=True)
    assert trade.exit_reason == "stop_loss"
    assert record.coins == 0


@pytest.mark.parametrize("mode", ["cancel_only", "maintenance"])
@pytest.mark.parametrize("wish", ["target", "close"])
def test_a_market_that_takes_no_order_keeps_its_protection(desk: Desk, mode: str, wish: str) -> None:
    trade = desk.open_active()
    desk.control.mode(mode)
    desk.turn()
    leave(desk, trade, wish)
    desk.turns(6)
    record = desk.at_venue()
    assert [(order.kind, order.leaves) for order in record.live] == [("stop-loss", QUANTITY)]
    assert record.asked("CancelOrder") == []

    desk.control.mode("online")
    desk.until_closed(trade)
    desk.verdict(prove=True, unprotected=Decimal(3))
    assert trade.exit_reason == {"target": "take_profit", "close": "manual"}[wish]


@pytest.mark.parametrize(
    ("mode", "whose"), [("cancel_only", None), ("cancel_only", ETH), ("maintenance", None)]
)
@pytest.mark.parametrize("wish", ["target", "close"])
def test_a_market_that_closed_this_very_second_keeps_its_protection(
    desk: Desk, mode: str, whose: str | None, wish: str
) -> None:
    """The book still believes it open; the mode is read before the stop's cancel would leave."""
    trade = desk.open_active()
    desk.control.mode(mode, whose)
    leave(desk, trade, wish)
    desk.look()
    desk.send()
    desk.turns(6)
    record = desk.at_venue()
    assert [(order.kind, order.leaves) for order in record.live] == [("stop-loss", QUANTITY)]
    assert record.asked("CancelOrder") == []

    desk.control.mode("online", whose)
    readers.refresh_statuses(desk.account, desk.venue, [ETH])
    desk.until_closed(trade)
    desk.verdict(prove=True, unprotected=Decimal(3))
    assert trade.exit_reason == {"target": "take_profit", "close": "manual"}[wish]


@pytest.mark.parametrize("wish", ["target", "close"])
def test_a_market_of_limits_only_is_left_by_limit(desk: Desk, wish: str) -> None:
    trade = desk.open_active()
    desk.control.mode("limit_only")
    desk.turn()
    leave(desk, trade, wish)
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(5))
    assert {ask.fields["ordertype"] for ask in record.done("AddOrder", type="sell")} == {"limit"}


@pytest.mark.parametrize("wish", ["target", "close"])
def test_a_pair_of_limits_only_that_nobody_told_us_of(desk: Desk, wish: str) -> None:
    """Only the pair is limited, and the list of pairs was read before: it is read before the stop goes."""
    trade = desk.open_active()
    desk.control.mode("limit_only", ETH)
    leave(desk, trade, wish)
    desk.until_closed(trade, seconds=2)
    desk.verdict(prove=True)


def leave(desk: Desk, trade: Trade, wish: str) -> None:
    if wish == "target":
        desk.price(TARGET + 1)
    else:
        door.close_position(trade.pk)


def test_a_stop_the_venue_refuses_rolls_the_entry_back_at_once(desk: Desk) -> None:
    desk.configure(entry_stop="own")
    error = "EGeneral:Invalid arguments:ordertype"
    desk.fault("AddOrder", "error", match={"ordertype": "stop-loss"}, error=error, count=50)
    trade = desk.open()
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(5))
    assert trade.exit_reason == "rollback"
    assert record.coins == 0
    assert len(record.faults) == 1  # a certain refusal is not repeated


def test_stops_that_never_arrive_roll_the_entry_back(desk: Desk) -> None:
    """Every stop of ours is lost on the way: after the protect timeout the coins are sold, once none of them
    can still arrive."""
    desk.configure(entry_stop="own")
    desk.fault("AddOrder", "drop_before", match={"ordertype": "stop-loss"}, count=50)
    trade = desk.open()
    desk.until_closed(trade)
    record = desk.verdict(prove=True, unprotected=Decimal(60))
    assert trade.exit_reason == "rollback"
    assert record.coins == 0
    assert len(record.done("AddOrder", type="sell")) == 1


def test_coins_sold_by_their_owner_are_asked_for_once_and_the_position_is_over(desk: Desk) -> None:
    """Somebody cancels our stop and sells the coins by hand: one refusal, two counts, and nothing is left."""
    trade = desk.open_active()
    desk.control.cancel(desk.at_venue().live[0].txid)
    desk.control.order(pair=ETH, type="sell", ordertype="market", volume=str(QUANTITY))
    for _ in range(20):  # a count says nothing until ten seconds after the coins came
        desk.turn()
        counting.count_coins(desk.account, desk.venue, desk.clock.now())
    desk.until_closed(trade)
    assert trade.exit_reason == "external"
    assert len(desk.at_venue().oversells) == 1
