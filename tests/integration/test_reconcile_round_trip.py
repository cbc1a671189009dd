"""Round trips without a fault: by target, by stop, by hand, in parts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.states import State
from brackets.models import Bracket
from brackets.venue.paper.orders import Side, Status
from tests.integration.engine_world import QUANTITY, STOP, TARGET, World
from trading import door
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]


def test_it_is_active_only_when_the_stop_was_read_back(world: World) -> None:
    trade = world.open()
    world.send()
    bracket = world.bracket(trade)
    assert bracket.state == State.ENTRY_PLACED
    assert world.stop_at_venue().volume == QUANTITY  # the venue protects already; we do not know yet

    world.venue.script("orders")
    world.read()
    bracket.refresh_from_db()

    assert bracket.state == State.BRACKET_ACTIVE
    (stop,) = bracket.orders.filter(role="stop")
    assert stop.venue_order_id == world.stop_at_venue().txid
    assert (stop.client_order_id, stop.read_back, stop.trigger_price) == (None, True, STOP)
    assert bracket.unprotected_seconds == bracket.unstopped_seconds == 0
    world.assert_sound()


def test_the_target_sells_after_the_stop_is_confirmed_gone(world: World) -> None:
    trade = world.open_active()
    stop = world.stop_at_venue()
    world.price(TARGET + Decimal("0.01"))  # the bid is the target

    world.turn()

    assert world.venue.record.orders[stop.txid].status is Status.CANCELED
    exit_order = world.at_venue(side=Side.SELL)[-1]
    assert exit_order.opened_at >= world.venue.record.orders[stop.txid].closed_at
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")
    assert world.venue.cancels == [stop.txid]
    assert trade.entry_price == Decimal(2500)
    assert trade.exit_price == TARGET
    assert trade.realized_pnl == Decimal("0.1") * 100 - Decimal("0.004") * Decimal("510")
    assert trade.fees == Decimal("2.04")


def test_from_touch_to_sale_is_one_sequence_without_a_cycle(world: World) -> None:
    """Touch, cancel, confirm, sell: the coins do not wait for the next reading of everything."""
    trade = world.open_active()
    world.price(TARGET + 1)

    world.look()
    world.send()

    assert world.sold_at_venue() == QUANTITY
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")


def test_the_target_is_not_taken_one_tick_below(world: World) -> None:
    trade = world.open_active()
    world.price(TARGET)  # the bid is a tick below

    world.turns(3)

    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    assert world.venue.cancels == []


@pytest.mark.parametrize("last", ["2450", "1912.30"], ids=["at the trigger", "far below in one step"])
def test_the_stop_triggers_at_the_venue(world: World, last: str) -> None:
    trade = world.open_active()

    world.price(last)
    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    assert trade.exit_price == Decimal(last) - Decimal("0.01")
    assert world.venue.cancels == []
    assert len(world.venue.sent) == 1  # nothing but the entry ever left us


def test_a_close_by_hand_cancels_confirms_and_sells(world: World) -> None:
    trade = world.open_active()

    door.close_position(trade.pk)
    door.close_position(trade.pk)  # asking twice changes nothing
    world.until_closed(trade)

    world.assert_over(trade, "manual")
    assert len(world.venue.sent) == 2


def test_a_close_before_the_entry_was_sent_withdraws_it(world: World) -> None:
    trade = world.open()

    door.close_position(trade.pk)
    world.until_closed(trade)

    assert world.venue.sent == []
    assert (trade.exit_reason, trade.quantity, trade.realized_pnl) == ("entry_canceled", 0, 0)
    world.assert_sound()


@pytest.mark.parametrize("lagging_looks", [0, 3])
def test_a_close_before_the_attached_stop_was_ever_seen_waits_for_it(
    world: World, lagging_looks: int
) -> None:
    """The stop exists at the venue and stands for the coins: a sale before its cancel would sell twice."""
    trade = world.open()
    world.venue.freeze("open_orders", "closed_orders", calls=lagging_looks)
    world.send()
    assert world.bracket(trade).state == State.ENTRY_PLACED

    door.close_position(trade.pk)
    world.until_closed(trade)

    world.assert_over(trade, "manual")
    stop, sale = world.at_venue(side=Side.SELL)
    assert (stop.filled, stop.status) == (0, Status.CANCELED)
    assert sale.opened_at >= stop.closed_at


def test_partial_entry_fills_each_bring_their_stop(world: World) -> None:
    world.price(2500, depth=Decimal("0.04"))
    trade = world.open()
    world.turn()
    assert world.bracket(trade).state == State.ENTRY_FILLED
    world.price(2501)
    world.turn()
    world.price(2502)

    bracket = world.until(trade, State.BRACKET_ACTIVE)

    stops = world.at_venue(side=Side.SELL, live=True)
    assert [stop.volume for stop in stops] == [Decimal("0.04"), Decimal("0.04"), Decimal("0.02")]
    assert bracket.orders.filter(role="stop").count() == 3
    world.price(2601, depth=Decimal(100))
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")


def test_a_stop_that_fills_in_parts_is_followed_to_its_end(world: World) -> None:
    trade = world.open_active()
    world.price(2440, depth=Decimal("0.03"))
    world.turn()
    assert world.bracket(trade).state == State.SL_FILLED
    for last in (2430, 2420, 2410):
        world.price(last)
        world.turn()

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    assert len(world.venue.record.trades) == 5  # one buy, four parts of the stop


def test_the_target_sale_fills_in_parts(world: World) -> None:
    trade = world.open_active()
    world.price(2610, depth=Decimal("0.03"))
    world.turn()
    assert world.bracket(trade).state == State.EXITING
    for last in (2605, 2590, 2580):
        world.price(last)
        world.turn()

    world.until_closed(trade)

    world.assert_over(trade, "take_profit")
    assert len(world.venue.sent) == 2


def test_coins_too_few_for_any_order_are_named_dust_and_never_loop(world: World) -> None:
    """A crumb is filled, and the owner cancels the rest: the venue takes neither a stop nor a sell of it."""
    world.price(2500, depth=Decimal("0.0019"))
    trade = world.open()
    world.turn()
    (entry,) = world.at_venue(side=Side.BUY, live=True)
    world.venue.cancel_by_hand(entry.txid)
    assert world.at_venue(side=Side.SELL) == []

    world.until_closed(trade)
    sent = len(world.venue.sent)
    world.turns(10)

    bracket = world.bracket(trade)
    assert bracket.dust == Decimal("0.0019")
    assert "dust" in bracket.alarm
    assert len(world.venue.sent) == sent <= 2
    world.assert_sound()


def test_the_target_follows_the_price_that_was_paid(world: World) -> None:
    trade = world.open(target=None)  # 1.5 R in demo
    before = trade.take_profit_price
    world.price(2520)
    world.until(trade, State.BRACKET_ACTIVE)

    bracket = world.bracket(trade)

    assert before == Decimal(2575)
    assert bracket.target_price == 2520 + Decimal("1.5") * (2520 - STOP)
    world.turn()
    trade.refresh_from_db()
    assert trade.take_profit_price == bracket.target_price
    assert trade.initial_stop_loss_price == STOP


def test_two_brackets_live_and_end_apart(world: World) -> None:
    first = world.open_active()
    second = world.open_active(symbol="SOL/USD", quantity=Decimal(2), stop=Decimal(140), target=Decimal(160))
    world.price(2650)
    world.until_closed(first)
    assert world.bracket(second).state == State.BRACKET_ACTIVE
    world.price(139, symbol="SOL/USD")
    world.until_closed(second)

    first.refresh_from_db()
    assert (first.exit_reason, second.exit_reason) == ("take_profit", "stop_loss")
    assert first.realized_pnl + second.realized_pnl == world.earned_at_venue()
    world.assert_sound()


def test_a_turn_without_news_changes_nothing(world: World) -> None:
    trade = world.open_active()
    world.turns(2)
    before = Bracket.objects.values().get(pk=trade.bracket_id)

    world.turns(5)

    assert Bracket.objects.values().get(pk=trade.bracket_id) == before
    assert Trade.objects.get(pk=trade.pk).status == "OPEN"
