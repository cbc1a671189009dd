"""Coins the owner took beside us: counted twice, then the bracket takes care of what is left."""

from __future__ import annotations

from decimal import Decimal

from brackets import counting
from brackets.core.states import OrderStatus, Role, State
from brackets.models import Order
from brackets.venue.paper.orders import Kind, NewOrder, Side
from tests.integration.engine_world import QUANTITY, World

pytest_plugins = ["tests.integration.worlds"]


def owner_leaves(world: World, quantity: Decimal) -> None:
    """The owner cancels our stop and sells by hand all but so many coins."""
    engine, now = world.venue.engine, world.venue._now()
    there = engine.account.balances["XETH"]
    engine.cancel(txid=world.stop_at_venue().txid, now=now)
    engine.add(NewOrder(symbol="ETH/USD", side=Side.SELL, kind=Kind.MARKET, volume=there - quantity), now=now)


def turns(world: World, number: int) -> None:
    for _ in range(number):
        world.turns(1)
        counting.count_coins(world.account, world.venue, world.clock.now)


def test_what_is_left_gets_its_stop(world: World) -> None:
    trade = world.open_active()
    owner_leaves(world, QUANTITY / 2)
    turns(world, 25)
    bracket = world.bracket(trade)
    assert bracket.missing == QUANTITY / 2
    assert bracket.state == State.BRACKET_ACTIVE
    (stop,) = world.venue.engine.open_orders.values()
    assert stop.volume == QUANTITY / 2


def test_nothing_is_asked_while_no_sell_was_refused(world: World) -> None:
    world.open_active()
    asked = world.venue.asked.count("balances")
    assert counting.count_coins(world.account, world.venue, world.clock.now) == 0
    assert world.venue.asked.count("balances") == asked


def test_few_orders_are_refused_before_it_is_known(world: World) -> None:
    trade = world.open_active()
    owner_leaves(world, QUANTITY / 2)
    turns(world, 25)
    refused = Order.objects.filter(bracket=trade.bracket, status=OrderStatus.REJECTED).exclude(
        role=Role.ENTRY
    )
    assert refused.count() <= 5
