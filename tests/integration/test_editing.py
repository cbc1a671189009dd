"""Moving the legs of an open position: judged, brought to the venue in place, and said when it stands."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.states import State
from brackets.venue.port import Reason, Refused
from tests.integration.engine_world import QUANTITY, STOP, TARGET, World
from trading import door
from trading.commands import submit
from trading.models import Command, Trade

pytest_plugins = ["tests.integration.worlds"]


def edit(trade: Trade, **prices: str) -> Command:
    return submit("edit", {"trade": trade.pk, **prices}, user=None, actor="test")


def codes(command: Command) -> list[str]:
    assert command.status == "denied"
    return [str(denial["code"]) for denial in command.denials]


def test_a_moved_stop_rests_in_the_same_order_at_its_new_price(world: World) -> None:
    trade = world.open_active()
    before = world.stop_at_venue().txid
    command = edit(trade, stop_loss_price="2470")
    assert command.status == "accepted"

    world.turns(5)

    command.refresh_from_db()
    assert (command.status, command.message) == ("done", "the legs stand as asked")
    stop = world.stop_at_venue()
    assert (stop.txid, stop.trigger_price, stop.volume) == (before, Decimal(2470), QUANTITY)
    trade.refresh_from_db()
    assert (trade.stop_loss_price, trade.initial_stop_loss_price) == (Decimal(2470), STOP)
    world.price(2469)
    world.until_closed(trade)
    world.assert_over(trade, "stop_loss")


def test_a_watched_target_is_moved_at_once(world: World) -> None:
    trade = world.open_active()
    command = edit(trade, take_profit_price="2550")
    assert command.status == "done"
    trade.refresh_from_db()
    assert trade.take_profit_price == 2550  # who reads done finds it on the trade
    world.settle()
    trade.refresh_from_db()
    assert trade.take_profit_price == 2550
    world.price(2551)
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")


def test_what_stands_there_already_is_done_at_once(world: World) -> None:
    trade = world.open_active()
    command = edit(trade, stop_loss_price=str(STOP), take_profit_price=str(TARGET))
    assert (command.status, command.message) == ("done", "the legs stand as asked")


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ({"stop_loss_price": "2449.99"}, ["stop_below_approved"]),
        ({"stop_loss_price": "2499.99"}, ["stop_not_below_price"]),
        ({"take_profit_price": "2500"}, ["target_not_above_price"]),
        ({"stop_loss_price": "2440", "take_profit_price": "2400"}, None),
    ],
)
def test_what_the_law_forbids_is_denied_and_nothing_moves(
    world: World, prices: dict[str, str], expected: list[str] | None
) -> None:
    trade = world.open_active()
    denied = codes(edit(trade, **prices))
    assert denied == (expected or ["stop_below_approved", "target_not_above_price", "stop_not_below_target"])
    world.turns(3)
    assert world.venue.amends == []
    bracket = world.bracket(trade)
    assert (bracket.stop_price, bracket.target_price) == (STOP, TARGET)


def test_a_stop_that_followed_the_price_may_come_back_to_the_risk_that_was_approved(world: World) -> None:
    trade = world.open_active()
    edit(trade, stop_loss_price="2490")
    world.turns(4)
    command = edit(trade, stop_loss_price=str(STOP))
    world.turns(4)
    command.refresh_from_db()
    assert command.status == "done"
    assert world.stop_at_venue().trigger_price == STOP
    assert codes(edit(trade, stop_loss_price="2449.99")) == ["stop_below_approved"]


def test_a_price_the_venue_refuses_has_failed_in_its_words(world: World) -> None:
    trade = world.open_active()
    world.venue.script("amend", Refused(reason=Reason.BAD_PRICE, message="EOrder:Invalid price"))
    command = edit(trade, stop_loss_price="2470")
    world.turns(6)
    command.refresh_from_db()
    assert command.status == "failed"
    assert "2450" in command.message
    assert world.stop_at_venue().trigger_price == STOP
    world.assert_sound()


def test_a_later_edit_replaces_one_that_did_not_stand_yet(world: World) -> None:
    trade = world.open_active()
    first = edit(trade, stop_loss_price="2470")
    second = edit(trade, stop_loss_price="2480")
    world.turns(8)
    for command in (first, second):
        command.refresh_from_db()
    assert (first.status, first.message) == ("failed", f"replaced by command {second.pk}")
    assert second.status == "done"
    assert world.stop_at_venue().trigger_price == 2480


def test_a_trade_that_closes_first_says_so(world: World) -> None:
    trade = world.open_active()
    command = edit(trade, stop_loss_price="2470")
    world.price(2400)
    world.until_closed(trade)
    command.refresh_from_db()
    assert (command.status, command.message) == ("failed", "the trade closed first: stop_loss")
    assert codes(edit(trade, stop_loss_price="2380")) == ["trade_closed"]


def test_a_position_that_is_leaving_takes_no_edit(world: World) -> None:
    trade = world.open_active()
    door.close_position(trade.pk)
    assert world.bracket(trade).state == State.EXITING
    assert codes(edit(trade, stop_loss_price="2470")) == ["already_exiting"]


def test_what_is_malformed_or_unknown_is_named(world: World) -> None:
    trade = world.open_active()
    with pytest.raises(door.BadInput, match=r"multiple of 0\.01"):
        edit(trade, stop_loss_price="2470.001")
    with pytest.raises(door.BadInput, match="A stop, a target, or both"):
        door.edit_position(trade.pk)
    with pytest.raises(door.UnknownTrade, match="no trade 99"):
        door.edit_position(99, stop_loss_price=Decimal(2470))
