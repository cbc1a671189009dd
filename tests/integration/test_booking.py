"""Booking: every fill once, with the money the ledger says, also when trades and ledgers lag."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from brackets import booking
from brackets.core.states import State
from brackets.models import Fill, Order
from brackets.venue.paper.orders import NewOrder, Side
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import ETH, QUANTITY, World

pytest_plugins = ["tests.integration.worlds"]


def test_a_fill_is_booked_with_the_amounts_of_the_ledger(world: World) -> None:
    trade = world.open_active()
    world.price("2412.34")
    world.until_closed(trade)

    buy, sell = Fill.objects.order_by("executed_at", "pk")

    assert (buy.side, buy.price, buy.quantity, buy.maker) == ("buy", 2500, QUANTITY, False)
    assert (buy.quote_amount, buy.quote_fee, buy.base_amount, buy.base_fee) == (-250, 1, QUANTITY, 0)
    assert (sell.side, sell.price) == ("sell", Decimal("2412.33"))
    assert (sell.quote_amount, sell.quote_fee) == (Decimal("241.2330"), Decimal("0.9649"))
    assert sell.base_amount == -QUANTITY
    assert buy.from_ledger and sell.from_ledger
    ids = {fill.venue_trade_id for fill in (buy, sell)}
    assert ids == set(world.venue.record.trades)


def test_fills_of_a_standing_bracket_are_booked_within_a_minute(world: World) -> None:
    trade = world.open_active()
    assert Fill.objects.count() == 0
    world.turns(7, seconds=booking.LAZY_SECONDS // 6)
    assert Fill.objects.count() == 1
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    world.assert_sound()


def test_money_is_not_booked_before_its_ledger_shows(world: World) -> None:
    trade = world.open_active()
    world.venue.freeze("ledgers", calls=10)
    world.price(2400)
    world.turns(8)
    assert not Fill.objects.filter(side="sell").exists()

    world.until_closed(trade)

    assert all(fill.from_ledger for fill in Fill.objects.all())
    world.assert_over(trade, "stop_loss")


def test_a_ledger_that_never_shows_is_replaced_by_the_trade_and_said(world: World) -> None:
    trade = world.open_active()
    world.venue.freeze("ledgers", calls=1000)
    world.price(2400)

    world.until_closed(trade, seconds=5)

    sell = Fill.objects.get(side="sell")
    assert not sell.from_ledger
    assert (sell.quote_amount, sell.quote_fee) == (sell.cost, sell.fee)
    world.assert_over(trade, "stop_loss")


def test_orders_that_name_no_trades_are_booked_from_the_trades_since(world: World) -> None:
    """Kraken lists an order's trade ids only when asked to, and not on every answer."""
    trade = world.open_active()
    world.price(2400)
    world.read()
    trade.bracket.orders.update(trade_ids=[])
    for method in ("orders", "closed_orders"):
        world.venue.script(method, *[Fault.LOST_REQUEST] * 2)

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")


def test_a_failed_reading_books_nothing_and_is_asked_again(world: World) -> None:
    trade = world.open_active()
    world.price(2400)
    world.venue.script("trades", *[Fault.LOST_REQUEST] * 3)
    world.venue.script("ledgers", *[Fault.LOST_REQUEST] * 3)

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")
    assert Fill.objects.count() == 2


def test_booking_the_same_again_books_nothing(world: World) -> None:
    trade = world.open_active()
    world.price(2400)
    world.until_closed(trade)
    orders = list(trade.bracket.orders.prefetch_related("fills").select_related("bracket"))
    for order in orders:
        order.trade_ids = list(world.venue.record.trades)

    assert booking.book(world.account, world.venue, orders) == 0

    assert Fill.objects.count() == 2


def test_a_trade_of_a_stranger_is_not_ours(world: World) -> None:
    trade = world.open_active()
    world.venue.sell_by_hand("ETH/USD", Decimal("0.7"))
    world.price(2400)
    world.until_closed(trade)
    assert Fill.objects.count() == 2
    assert trade.bracket.fills.count() == 2


def take_fees_in_coins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preference for fees in dollars is none but a preference."""
    add = world.venue.engine.add

    def in_coins(order: NewOrder, **how: Any) -> Any:
        return add(replace(order, fee_in_base=order.side is Side.BUY), **how)

    monkeypatch.setattr(world.venue.engine, "add", in_coins)


@pytest.mark.parametrize("unknown", [False, True], ids=["at once", "while another order is looked up"])
def test_a_stop_refused_for_a_fee_taken_in_coins_has_the_fee_booked(
    bare_world: World, monkeypatch: pytest.MonkeyPatch, unknown: bool
) -> None:
    """Coins of an entry without an attached stop are bare until it is known how many there are."""
    world = bare_world
    world.configure(entry_stop="own")
    if unknown:
        world.venue.script("place", Fault.LOST_REQUEST)
        world.open(symbol="BTC/USD", quantity=Decimal("0.01"), stop=Decimal(59000), target=Decimal(63000))
        world.turn()
    take_fees_in_coins(world, monkeypatch)
    trade = world.open()

    world.turns(6)

    assert Order.objects.filter(status="UNKNOWN").exists() is unknown
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    fee = Fill.objects.get(bracket=trade.bracket).base_fee
    assert (fee > 0, world.stop_at_venue().volume) == (True, QUANTITY - fee)
    assert world.stop_at_venue().symbol == ETH
