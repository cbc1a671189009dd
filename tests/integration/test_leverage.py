"""Leverage is a position's, from plan to end: every leg says it, and no step writes it."""

from __future__ import annotations

import pytest

from brackets import operations
from brackets.core.events import HoldRequested
from brackets.core.states import State
from brackets.models import Bracket
from brackets.venue.port import Side
from tests.integration.engine_world import TARGET, World
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]


def leveraged(world: World, times: int) -> Trade:
    """A trade whose bracket has so much leverage from before its first order left."""
    trade = world.open()
    Bracket.objects.filter(pk=trade.bracket_id).update(leverage=times)
    return trade


@pytest.mark.parametrize("attached", [True, False], ids=["attached stop", "own stop"])
def test_every_leg_says_the_leverage_of_its_position(world: World, attached: bool) -> None:
    world.configure(entry_stop="attached" if attached else "own")
    trade = leveraged(world, 3)
    world.until(trade, State.BRACKET_ACTIVE)
    world.price(TARGET + 1)
    world.until_closed(trade)
    stops = [] if attached else [Side.SELL]
    assert [request.side for request in world.venue.sent] == [Side.BUY, *stops, Side.SELL]
    assert {request.leverage for request in world.venue.sent} == {3}


def test_a_position_without_leverage_says_one(world: World) -> None:
    world.open_active()
    assert {request.leverage for request in world.venue.sent} == {1}


def test_no_step_writes_the_leverage(world: World) -> None:
    """Whatever a program sets on the row it steps, the position keeps the leverage it began with."""
    trade = leveraged(world, 2)
    row = world.bracket(trade)
    row.leverage = 5
    assert operations.step_row(row, HoldRequested(at=world.clock(), reason="look"), actor="test")
    assert world.bracket(trade).leverage == 2
