"""Selling out of an open bracket: a part keeps its exits, too little is all, and nothing else is sold."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from brackets.core.states import State
from brackets.venue.port import Reason, Refused
from tests.integration.engine_world import QUANTITY, World, in_thread, rows_of_everything
from trading import door
from trading.commands import submit
from trading.market import UnknownSymbol
from trading.models import Command

pytest_plugins = ["tests.integration.worlds"]
BOOKED_WITHIN_TURNS = 80


def sell(symbol: str = "ETH/USD", **more: str) -> Command:
    return submit("sell", {"symbol": symbol, **more}, user=None, actor="test")


def code(command: Command) -> str:
    assert command.status == "denied"
    (denial,) = command.denials
    assert denial["limit"] and denial["value"] and denial["message"].endswith(".")
    return str(denial["code"])


def test_a_part_is_sold_and_the_rest_keeps_both_exits(world: World) -> None:
    trade = world.open_active()
    command = sell(amount_token="0.04")
    assert (command.status, command.trade) == ("accepted", trade)

    for _ in range(BOOKED_WITHIN_TURNS):
        world.turn()
        command.refresh_from_db()
        if command.status != "accepted":
            break

    assert (command.status, command.message) == ("done", "sold 0.04 ETH")
    bracket = world.until(trade, State.BRACKET_ACTIVE)
    assert bracket.reduce_quantity == 0
    assert world.sold_at_venue() == Decimal("0.04")
    assert world.stops_at_venue() == [Decimal("0.06")]
    trade.refresh_from_db()
    assert (trade.status, trade.quantity, trade.exit_price) == ("OPEN", QUANTITY, Decimal("2499.99"))

    world.price("2600.01")
    world.until_closed(trade)

    trade.refresh_from_db()
    world.assert_sound()
    assert trade.realized_pnl == world.earned_at_venue()
    average = (Decimal("0.04") * Decimal("2499.99") + Decimal("0.06") * Decimal(2600)) / QUANTITY
    assert trade.exit_price == average.quantize(Decimal("1E-10"))


TOO_LITTLE = "everything is sold: the 0.0015 ETH that would be left are below the venue's minimum"


@pytest.mark.parametrize(("amount", "said"), [(None, ""), ("0.1", ""), ("0.0985", TOO_LITTLE)])
def test_all_of_it_is_a_close_also_when_too_little_would_be_left(
    world: World, amount: str | None, said: str
) -> None:
    """More is sold than was asked: that is said at once, and stays said when it is done."""
    trade = world.open_active()
    command = sell() if amount is None else sell(amount_token=amount)
    assert (command.status, command.message) == ("accepted", said)
    assert world.bracket(trade).state == State.EXITING
    world.until_closed(trade)
    command.refresh_from_db()
    assert command.status == "done"
    assert command.message == (f"{said}; closed: manual" if said else "closed: manual")
    world.assert_over(trade, "manual")


@pytest.mark.parametrize(
    ("amount", "expected"),
    [("0.10000001", "more_than_held"), ("5", "more_than_held"), ("0.00199999", "below_minimum_quantity")],
)
def test_what_cannot_be_sold_is_denied_with_its_limit(world: World, amount: str, expected: str) -> None:
    world.open_active()
    before = rows_of_everything()
    assert code(sell(amount_token=amount)) == expected
    after = rows_of_everything()
    assert {name for name in after if after[name] != before[name]} == {"trading.Command", "risk.AuditRow"}


def test_without_an_open_trade_nothing_is_sold_though_the_owner_has_coins(world: World) -> None:
    assert code(sell()) == "no_open_trade"
    assert code(sell("BTC/USD", amount_token="0.5")) == "no_open_trade"
    assert world.at_venue() == []
    with pytest.raises(UnknownSymbol):
        sell("FOO/USD")


def test_what_is_off_the_lot_is_no_quantity(world: World) -> None:
    world.open_active()
    with pytest.raises(door.BadInput, match="amount_token"):
        sell(amount_token="0.000000001")


def test_one_sale_at_a_time(world: World) -> None:
    world.open_active()
    assert sell(amount_token="0.04").status == "accepted"
    assert code(sell(amount_token="0.03")) == "sale_in_progress"


def test_a_part_of_a_position_that_is_leaving_is_denied_and_all_of_it_is_on_its_way(world: World) -> None:
    trade = world.open_active()
    door.close_position(trade.pk)
    assert code(sell(amount_token="0.04")) == "already_exiting"
    command = sell()
    world.until_closed(trade)
    command.refresh_from_db()
    assert command.status == "done"
    world.assert_over(trade, "manual")


def test_a_part_that_the_venue_refuses_has_failed_and_keeps_its_stop(world: World) -> None:
    trade = world.open_active()
    command = sell(amount_token="0.04")
    world.venue.script("place", Refused(reason=Reason.PERMISSION, message="EGeneral:Permission denied"))

    world.turns(15)

    command.refresh_from_db()
    assert command.status == "failed"
    assert command.message.startswith("sold 0 of 0.04 ETH: ")
    world.until(trade, State.BRACKET_ACTIVE)
    assert sum(world.stops_at_venue()) == QUANTITY
    world.assert_sound()


def test_it_passes_while_paused(world: World) -> None:
    trade = world.open_active()
    submit("pause", {"reason": "storm"}, user=None, actor="test")
    verdict = door.place_market_order("sell", "ETH/USD", Decimal("0.05"))
    assert isinstance(verdict, door.Changed)
    world.turns(10)
    assert world.sold_at_venue() == Decimal("0.05")
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


def test_a_market_order_to_buy_goes_through_the_door(world: World) -> None:
    world.configure(stop_method="PERCENT")
    verdict = door.place_market_order("buy", "ETH/USD", QUANTITY)
    assert isinstance(verdict, door.Opened)
    assert verdict.trade.bracket.entry_terms is None
    world.until(verdict.trade, State.BRACKET_ACTIVE)
    with pytest.raises(door.BadInput, match="side"):
        door.place_market_order("short", "ETH/USD", QUANTITY)


def test_two_that_sell_a_part_at_once_sell_one(threads_world: World) -> None:
    world = threads_world
    trade = world.open_active()
    start, verdicts = threading.Barrier(2), []

    def ask() -> None:
        start.wait(10)
        verdicts.append(door.execute_sell("ETH/USD", Decimal("0.04")))

    threads = [threading.Thread(target=in_thread(ask)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(type(verdict).__name__ for verdict in verdicts) == ["Changed", "Denied"]
    world.turns(10)
    assert world.sold_at_venue() == Decimal("0.04")
    assert world.until(trade, State.BRACKET_ACTIVE).reduce_quantity == 0
