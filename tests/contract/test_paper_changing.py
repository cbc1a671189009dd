"""Orders replaced by EditOrder, and everything canceled by a dead man's switch."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from brackets.venue.paper.server import wall_clock
from tests.contract.paper_house import House

LOW = {"pair": "ETHUSD", "type": "buy", "ordertype": "limit", "volume": "0.5", "price": "1900"}


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.close()


def test_an_edited_order_is_another_order(house):
    old = house.result("AddOrder", **LOW, userref="7")["txid"][0]
    told = house.result("EditOrder", pair="ETHUSD", txid=old, price="1890", volume="0.4")
    assert (told["status"], told["originaltxid"], told["orders_cancelled"]) == ("ok", old, 1)
    assert told["descr"] == {"order": "buy 0.40000000 ETHUSD @ limit 1890.00"}
    (open_order,) = house.result("OpenOrders")["open"].items()
    assert open_order[0] == told["txid"] != old
    assert (open_order[1]["userref"], open_order[1]["vol"]) == (7, "0.40000000")
    assert house.result("QueryOrders", txid=old)[old]["status"] == "canceled"


def test_an_edit_may_use_the_coins_of_the_order_it_replaces(house):
    old = house.result("AddOrder", **LOW | {"volume": "5"})["txid"][0]
    assert house.result("EditOrder", pair="ETHUSD", txid=old, price="1950")["txid"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"txid": "OAAAAA-AAAAA-AAAAAA"}, "EOrder:Unknown order"),
        ({"price": "1900.001"}, "EOrder:Tick size check failed"),
        ({"volume": "500"}, "EOrder:Insufficient funds"),
        ({"volume": "0.0001"}, "EOrder:Order minimum not met"),
        ({"pair": "XBTUSD"}, "EOrder:Unknown order"),
    ],
)
def test_a_refused_edit_leaves_the_order_as_it_was(house, change, error):
    old = house.result("AddOrder", **LOW)["txid"][0]
    assert house.error("EditOrder", **{"pair": "ETHUSD", "txid": old} | change) == error
    assert list(house.result("OpenOrders")["open"]) == [old]


def test_orders_with_an_id_of_the_client_or_close_terms_cannot_be_edited(house):
    for more in ({"cl_ord_id": "mine"}, {"close[ordertype]": "stop-loss", "close[price]": "1800"}):
        txid = house.result("AddOrder", **LOW, **more)["txid"][0]
        assert house.error("EditOrder", pair="ETHUSD", txid=txid).startswith("EOrder:")


def test_everything_is_canceled_when_nobody_asks_again_in_time(house):
    txid = house.result("AddOrder", **LOW)["txid"][0]
    told = house.result("CancelAllOrdersAfter", timeout="60")
    assert told["triggerTime"] > told["currentTime"]

    def later(seconds: int) -> None:
        house.inside(lambda: house.service.tick(seconds=Decimal(1), now=wall_clock() + seconds))

    later(50)
    assert list(house.result("OpenOrders")["open"]) == [txid]
    house.result("CancelAllOrdersAfter", timeout="60")  # by the venue's clock, which stands at 50 now
    later(70)
    assert list(house.result("OpenOrders")["open"]) == [txid]
    later(120)
    assert house.result("OpenOrders")["open"] == {}
    assert house.result("AddOrder", **LOW)["txid"]
    later(500)
    assert len(house.result("OpenOrders")["open"]) == 1  # it strikes once


def test_a_timeout_of_nothing_turns_the_switch_off(house):
    house.result("AddOrder", **LOW)
    house.result("CancelAllOrdersAfter", timeout="5")
    assert house.result("CancelAllOrdersAfter", timeout="0")["triggerTime"] == "0"
    house.inside(lambda: house.service.tick(seconds=Decimal(1), now=wall_clock() + 100))
    assert len(house.result("OpenOrders")["open"]) == 1
    assert house.error("CancelAllOrdersAfter", timeout="-1") == "EGeneral:Invalid arguments:timeout"
