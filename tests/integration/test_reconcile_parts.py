"""A part of a position sold, and coins protected that nobody bought here."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.events import ReduceRequested
from brackets.core.states import State
from brackets.models import Fill
from brackets.venue.paper.orders import Side
from brackets.venue.port import Reason, Refused
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import ETH, QUANTITY, STOP, TARGET, World
from trading import door
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]
PART, REST = Decimal("0.03"), Decimal("0.07")


def reduce(world: World, trade: Trade, quantity: Decimal = PART) -> None:
    world.ask(trade, ReduceRequested(at=world.clock.now, quantity=quantity))


# --- a part is sold ----------------------------------------------------------------------------------


def test_a_part_is_sold_and_the_rest_keeps_its_stop(bare_world: World) -> None:
    world = bare_world
    trade = world.open_active()
    stop = world.stop_at_venue().txid
    reduce(world, trade)

    world.turns(2)
    bracket = world.until(trade, State.BRACKET_ACTIVE)

    assert world.sold_at_venue() == PART
    assert world.stops_at_venue() == [REST]
    assert world.stop_at_venue().txid == stop  # made smaller where it rests
    assert ("amend", "stop", True) in world.venue.heard
    assert bracket.reduce_quantity == 0
    world.turns(2)
    assert Fill.objects.filter(side="sell").count() == 1  # booked at once: somebody waits to hear of it
    world.price(2400)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


@pytest.mark.parametrize("method", ["amend", "place"])
@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST])
def test_a_part_is_sold_once_whatever_becomes_of_the_answers(
    bare_world: World, method: str, fault: Fault
) -> None:
    world = bare_world
    trade = world.open_active()
    world.venue.script(method, fault)
    reduce(world, trade)

    world.turns(35)
    world.until(trade, State.BRACKET_ACTIVE)

    assert world.sold_at_venue() == PART
    assert world.stops_at_venue() == [REST]
    world.assert_sound()


def test_a_part_the_venue_refuses_keeps_its_stop(bare_world: World) -> None:
    world = bare_world
    trade = world.open_active()
    refused = Refused(reason=Reason.PERMISSION, message="EGeneral:Permission denied")
    world.venue.script("place", refused)
    reduce(world, trade)

    world.turns(4)
    bracket = world.until(trade, State.BRACKET_ACTIVE)

    assert world.sold_at_venue() == 0
    assert world.stops_at_venue() == [QUANTITY]
    assert bracket.alarm
    world.assert_sound()


def test_a_part_asked_for_while_the_stop_triggers_leaves_the_exit_to_the_stop(bare_world: World) -> None:
    world = bare_world
    trade = world.open_active()
    reduce(world, trade)
    world.venue.script("amend", lambda: world.price(2400))

    world.until_closed(trade)

    world.assert_over(trade, "stop_loss")


# --- coins that were there -----------------------------------------------------------------------------


def protect(world: World, quantity: Decimal = Decimal(2)) -> Trade:
    world.venue.handed_over[ETH] = quantity
    verdict = door.protect_position(ETH, quantity, stop_loss_price=STOP, take_profit_price=TARGET)
    assert isinstance(verdict, door.Opened), verdict
    return verdict.trade


def test_coins_held_before_get_both_legs_and_nothing_is_bought(world: World) -> None:
    trade = protect(world)

    world.turns(2)
    bracket = world.until(trade, State.BRACKET_ACTIVE)

    assert world.bought_at_venue() == 0
    assert world.stops_at_venue() == [Decimal(2)]
    assert world.stop_at_venue().trigger_price == STOP
    assert (bracket.held_quantity, bracket.held_price) == (Decimal(2), Decimal("2499.99"))
    assert bracket.entry_terms is None
    assert 0 < bracket.unprotected_seconds <= 2  # bare until our stop stood, from the first moment on
    world.price(TARGET + 1)
    world.until_closed(trade)
    assert world.sold_at_venue() == Decimal(2)
    assert world.venue.engine.account.balance("XETH") == 1  # the owner's other coin
    world.assert_sound()


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST])
def test_the_stop_of_held_coins_is_placed_once(world: World, fault: Fault) -> None:
    world.venue.script("place", fault)
    trade = protect(world)

    world.turns(25)
    world.until(trade, State.BRACKET_ACTIVE)

    assert world.stops_at_venue() == [Decimal(2)]
    world.assert_sound()


def test_held_coins_the_venue_takes_no_stop_for_are_held_and_never_sold(world: World) -> None:
    refused = Refused(reason=Reason.PERMISSION, message="EGeneral:Permission denied")
    world.venue.script("place", *[refused] * 100)
    trade = protect(world)

    world.turns(40)

    bracket = world.bracket(trade)
    assert bracket.state == State.HELD
    assert bracket.alarm
    assert world.at_venue(side=Side.SELL) == []
