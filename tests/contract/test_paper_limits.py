"""The limits as a client meets them: who asks too often, trades too fast or leaves too much open."""

from collections.abc import Iterator

import pytest

from tests.contract.paper_ear import Ear
from tests.contract.paper_house import House

LOW = {"pair": "ETHUSD", "type": "buy", "ordertype": "limit", "volume": "0.002", "price": "1900"}
TRADING_EXCEEDED = "EOrder:Rate limit exceeded"


@pytest.fixture
def house() -> Iterator[House]:
    house = House(tier="starter")
    yield house
    house.close()


def level(house: House, symbol: str = "ETH/USD") -> int:
    """The pair's counter in whole points, rounded up."""
    venue = house.service.venue
    return -(-house.inside(lambda: venue.limits.level(symbol, now=venue.latest)) // 1000)


def test_reads_are_counted_and_orders_are_not(house):
    for _ in range(15):
        house.result("BalanceEx")
    assert house.error("BalanceEx") == "EAPI:Rate limit exceeded"
    txid = house.result("AddOrder", **LOW)["txid"][0]
    house.result("CancelOrder", txid=txid)


def test_placing_and_canceling_at_once_costs_nine_points(house):
    for pair in range(6):
        txid = house.result("AddOrder", **LOW)["txid"][0]
        house.result("CancelOrder", txid=txid)
        assert level(house) <= 9 * (pair + 1)
    txid = house.result("AddOrder", **LOW)["txid"][0]
    assert house.error("CancelOrder", txid=txid) == TRADING_EXCEEDED
    assert list(house.result("OpenOrders")["open"]) == [txid]
    assert house.result("CancelOrderBatch", orders=txid)["count"] == 1  # which no limit stops
    assert level(house) > 60
    assert house.error("AddOrder", **LOW) == TRADING_EXCEEDED
    assert house.result("AddOrder", **LOW | {"pair": "XBTUSD", "price": "1900.0"})["txid"]


def test_the_fixed_part_is_charged_for_an_order_that_is_refused(house):
    for _ in range(60):
        assert house.error("AddOrder", **LOW | {"volume": "0.001"}) == "EOrder:Order minimum not met"
    assert house.error("AddOrder", **LOW) == TRADING_EXCEEDED


def test_amending_a_young_order_costs_four_and_a_refused_amendment_one(house):
    txid = house.result("AddOrder", **LOW)["txid"][0]
    house.result("AmendOrder", txid=txid, order_qty="0.003")
    assert level(house) == 5
    assert house.error("AmendOrder", txid=txid, order_qty="0.001") == "EOrder:Order minimum not met"
    assert level(house) == 6


def test_a_pair_takes_only_so_many_open_orders(house):
    for _ in range(60):
        house.inside(house.service.venue.limits.pairs.clear)
        house.result("AddOrder", **LOW)
    house.inside(house.service.venue.limits.pairs.clear)
    assert house.error("AddOrder", **LOW) == "EOrder:Orders limit exceeded"


def test_the_stream_tells_limit_and_counter(house):
    ear = Ear(house.url)
    try:
        token = house.result("GetWebSocketsToken")["token"]
        told = ear.answer("subscribe", channel="executions", token=token, ratecounter=True)
        assert told["result"]["maxratecount"] == 60
        house.result("AddOrder", **LOW)
        assert ear.items("executions", until="new")[-1]["ratecount"] == 1
    finally:
        ear.close()
