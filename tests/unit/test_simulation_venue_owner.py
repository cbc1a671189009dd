"""The owner of the simulated account: each act happens at the venue, is counted, and is no act of ours."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.simulation.auditor.records import OwnerActed, Placed
from tests.simulation.venue import Fault
from tests.simulation.venue.options import OF_OWNER
from tests.unit.sim_desk import ETH, QUANTITY, SimDesk

COINS = {"XETH": "2"}


def coins(desk: SimDesk) -> dict[str, Decimal]:
    return {reading.asset: reading.total for reading in desk.port.balances()}


@pytest.mark.parametrize("act", [act for act in OF_OWNER if act is not Fault.OWNER_BACK])
def test_each_act_happens_and_is_counted(act: Fault) -> None:
    desk = SimDesk(owner_coins=COINS)
    desk.buy()
    before = coins(desk), len(desk.port.open_orders())
    said = desk.venue.act_as_owner(act)
    assert said is not None
    assert said.startswith(act.value)
    assert desk.count[act] == 1
    assert (coins(desk), len(desk.port.open_orders())) != before
    assert [r.what for r in desk.venue.log.records if isinstance(r, OwnerActed)] == [act.value]
    assert len(desk.placed()) == 1, "no order of the owner's bears an id of ours"


def test_orders_of_the_owner_are_told_apart() -> None:
    desk = SimDesk(owner_coins=COINS)
    desk.buy()
    desk.venue.act_as_owner(Fault.OWNER_SELLS)
    placed = [r for r in desk.venue.log.records if isinstance(r, Placed)]
    assert [r.by_owner for r in placed] == [False, False, True]


def test_coins_that_earn_are_listed_apart_and_can_be_sold() -> None:
    desk = SimDesk()
    desk.buy(close_stop_price=None)
    for _ in range(8):
        desk.venue.act_as_owner(Fault.OWNER_EARNS)
    there = coins(desk)
    assert there["ETH.F"] > 0
    assert there["ETH.F"] + there["XETH"] == QUANTITY
    desk.sell()
    assert sum(total for asset, total in coins(desk).items() if asset != "ZUSD") == 0


def test_coins_come_back_from_earning() -> None:
    desk = SimDesk(owner_coins=COINS)
    assert desk.venue.act_as_owner(Fault.OWNER_BACK) is None
    desk.venue.act_as_owner(Fault.OWNER_EARNS)
    assert desk.venue.act_as_owner(Fault.OWNER_BACK) is not None
    assert coins(desk)["XETH"] == 2


def test_the_owner_keeps_to_own_coins_but_for_one_act() -> None:
    desk = SimDesk(owner_coins={"XETH": "0.01"})
    desk.buy()
    desk.cancel_stop()
    for _ in range(6):
        for act in (Fault.OWNER_SELLS, Fault.OWNER_ORDER, Fault.OWNER_WITHDRAWS):
            desk.venue.act_as_owner(act)
    held = sum(order.leaves for order in desk.venue.house.engine.open_orders.values() if order.side == "sell")
    assert coins(desk)["XETH"] - held >= QUANTITY
    desk.sell()
    desk.buy()
    desk.venue.act_as_owner(Fault.OWNER_TAKES_COINS)
    assert coins(desk)["XETH"] < QUANTITY


def test_coins_handed_over_are_not_the_owner_s_any_more() -> None:
    desk = SimDesk(owner_coins={"XETH": "1"})
    desk.venue.owner.hand_over("XETH", Decimal(1))
    assert desk.venue.act_as_owner(Fault.OWNER_SELLS) is None


def test_a_random_act_is_one_that_is_possible() -> None:
    desk = SimDesk(owner_coins=COINS)
    for _ in range(40):
        assert desk.venue.act_as_owner() is not None
    assert {name for name in desk.count if name in set(OF_OWNER)} >= {
        Fault.OWNER_ORDER,
        Fault.OWNER_DEPOSITS,
        Fault.OWNER_EARNS,
    }
    assert ETH in repr(desk.venue.log.records)


def test_the_owner_takes_back_what_holds_the_coins_of_a_held_bracket() -> None:
    desk = SimDesk(owner_coins={"XETH": "0.5"})
    engine = desk.venue.house.engine
    for _ in range(3):
        desk.venue.act_as_owner(Fault.OWNER_ORDER)
    held = {order.txid for order in engine.open_orders.values() if order.side == "sell"}
    assert held and not desk.venue.owner.free_coins(ETH), "others are free: nobody needs these"
    desk.venue.owner.coins["XETH"] = Decimal(0)
    engine.withdraw(asset="XETH", amount=engine.account.available("XETH"), now=desk.venue.house.now())
    assert desk.venue.owner.free_coins(ETH)
    assert not held & engine.open_orders.keys()
