"""What a test may order to happen to requests: as a client meets it, and what the venue did meanwhile."""

import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import ccxt
import pytest
import requests

from brackets.venue.paper.signing import api_sign
from tests.contract.paper_house import KEY, SECRET, House

LOW = {"pair": "ETHUSD", "type": "buy", "ordertype": "limit", "volume": "0.5", "price": "1900"}
SELL = {"pair": "ETHUSD", "type": "sell", "ordertype": "stop-loss", "volume": "0.5", "price": "1900"}
SHORT, LONG = 0.3, 5.0  # a client's patience, seconds


@pytest.fixture
def house() -> Iterator[House]:
    house = House(controlled=True)
    yield house
    house.close()


def raw(house: House, method: str, timeout: float = LONG, **fields: str) -> requests.Response:
    """A signed request whose answer is looked at as it comes."""
    house.nonce += 1
    body = urlencode({"nonce": house.nonce, **fields}).encode()
    headers = {
        "API-Key": KEY,
        "API-Sign": api_sign(secret=SECRET, path=f"/0/private/{method}", nonce=str(house.nonce), body=body),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return requests.post(f"{house.url}/0/private/{method}", data=body, headers=headers, timeout=timeout)


def open_orders(house: House) -> list[str]:
    return list(house.inside(lambda: dict(house.service.venue.engine.open_orders)))


def until_open(house: House, count: int) -> None:
    """Waits for as many orders as a request that is still on its way will make."""
    deadline = time.monotonic() + 10
    while len(open_orders(house)) != count:
        assert time.monotonic() < deadline, "never seen"
        time.sleep(0.01)


@pytest.mark.parametrize(("kind", "placed"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_request_that_is_never_answered(house, kind, placed):
    house.control.fault("AddOrder", kind)
    with pytest.raises(requests.ReadTimeout):
        raw(house, "AddOrder", SHORT, **LOW)
    assert len(open_orders(house)) == placed
    assert house.result("AddOrder", **LOW)  # the fault struck once
    assert [line.split()[:2] for line in house.faults()] == [["FAULT", "AddOrder"]]


@pytest.mark.parametrize(("kind", "placed"), [("drop_before", 0), ("drop_after", 1)])
def test_a_connection_that_is_cut(house, kind, placed):
    house.control.fault("AddOrder", kind)
    with pytest.raises(requests.ConnectionError):
        raw(house, "AddOrder", **LOW)
    assert len(open_orders(house)) == placed


def test_an_answer_that_is_late(house):
    house.control.fault("AddOrder", "late", seconds="0.5")
    began = time.monotonic()
    asking = threading.Thread(target=lambda: house.result("AddOrder", **LOW))
    asking.start()
    until_open(house, 1)
    assert asking.is_alive()  # placed, and not yet answered
    asking.join(LONG)
    assert time.monotonic() - began >= 0.5


def test_a_request_that_is_late_is_judged_when_it_arrives(house):
    house.control.fault("AddOrder", "delayed", seconds="0.5")
    with pytest.raises(requests.ReadTimeout):
        raw(house, "AddOrder", SHORT, **LOW)
    assert open_orders(house) == []
    until_open(house, 1)
    house.control.fault("AddOrder", "delayed", seconds="0.5")
    with pytest.raises(requests.ReadTimeout):
        raw(house, "AddOrder", SHORT, **LOW)
    house.result("BalanceEx")  # a greater nonce arrives first
    deadline = time.monotonic() + 10
    while "EAPI:Invalid nonce" not in house.log.getvalue():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(open_orders(house)) == 1


@pytest.mark.parametrize(("answer", "error"), [("first", []), ("second", ["EAPI:Invalid nonce"])])
def test_a_request_that_arrives_twice_is_done_once(house, answer, error):
    house.control.fault("AddOrder", "duplicate", answer=answer)
    assert raw(house, "AddOrder", **LOW).json()["error"] == error
    assert len(open_orders(house)) == 1


@pytest.mark.parametrize(("kind", "status"), [("http_502", 502), ("http_520", 520), ("html_200", 200)])
@pytest.mark.parametrize(("when", "placed"), [("before", 0), ("after", 1)])
def test_a_page_instead_of_an_answer(house, kind, status, when, placed):
    house.control.fault("AddOrder", kind, when=when)
    answer = raw(house, "AddOrder", **LOW)
    assert (answer.status_code, answer.text[:6]) == (status, "<html>")
    assert len(open_orders(house)) == placed


@pytest.mark.parametrize(("when", "placed"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("error", ["EService:Timeout", "EGeneral:Internal error:1", "EAPI:Invalid nonce"])
def test_an_error_that_may_hide_an_order(house, error, when, placed):
    house.control.fault("AddOrder", "error", error=error, when=when)
    assert house.error("AddOrder", **LOW) == error
    assert len(open_orders(house)) == placed


def test_a_warning_beside_the_result(house):
    house.control.fault("AddOrder", "warning_with_result", error="WGeneral:Be careful")
    told = house.post("AddOrder", LOW)
    assert told["error"] == ["WGeneral:Be careful"]
    assert told["result"]["txid"] == open_orders(house)


def test_a_result_without_an_id(house):
    house.control.fault("AddOrder", "id_none")
    assert "txid" not in house.result("AddOrder", **LOW)
    assert len(open_orders(house)) == 1


def test_the_real_ccxt_class_meets_them(house):
    kraken: Any = house.ccxt(timeout=int(SHORT * 1000))
    house.control.fault("AddOrder", "timeout_after", match={"type": "buy"})
    with pytest.raises(ccxt.RequestTimeout):
        kraken.create_order("ETH/USD", "limit", "buy", 0.5, 1900)
    house.control.fault("AddOrder", "html_200", when="after")
    assert kraken.create_order("ETH/USD", "limit", "buy", 0.5, 1900)["id"] is None
    assert len(open_orders(house)) == 2


def test_only_the_requests_that_are_meant(house):
    house.control.deposit("XETH", "1")
    house.control.fault("AddOrder", "error", error="EService:Busy", match={"type": "sell"}, skip=1, count=2)
    assert house.result("AddOrder", **LOW)
    assert house.result("AddOrder", **SELL | {"volume": "0.1"})
    for _ in range(2):
        assert house.error("AddOrder", **SELL | {"volume": "0.1"}) == "EService:Busy"
    assert house.result("AddOrder", **SELL | {"volume": "0.1"})
    house.control.fault("*", "error", error="EService:Busy", count=9)
    assert house.error("QueryOrders", txid="O") == "EService:Busy"
    assert house.control.look()["faults"] == 8
    house.control.calm()
    assert house.result("BalanceEx")


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "explode"},
        {"kind": "late"},
        {"kind": "error"},
        {"kind": "stale"},
        {"kind": "timeout_after", "when": "after"},
        {"kind": "late", "seconds": "-1"},
        {"kind": "drop_after", "count": 0},
    ],
)
def test_an_order_for_trouble_that_makes_no_sense_is_refused(house, fields):
    with pytest.raises(ValueError):
        house.control.do("fault", method="AddOrder", **fields)
    assert house.control.look()["faults"] == 0


def test_a_public_method_is_struck_where_it_is_named(house):
    house.control.fault("*", "error", error="EService:Busy")
    assert house.get("Ticker")["error"] == []
    house.control.calm()
    house.control.fault("Ticker", "http_502")
    house.control.fault("Ticker", "error", error="EService:Unavailable", match={"pair": "ETHUSD"})
    assert requests.get(f"{house.url}/0/public/Ticker", timeout=LONG).status_code == 502
    assert house.get("Ticker", pair="XBTUSD")["error"] == []
    assert house.get("Ticker", pair="ETHUSD") == {"error": ["EService:Unavailable"]}
    assert len(house.faults()) == 2


# --- readings that lag -----------------------------------------------------------------------------------


def test_a_stale_reading_shows_what_was(house):
    old = house.result("AddOrder", **LOW)["txid"][0]
    for method in ("OpenOrders", "QueryOrders", "ClosedOrders", "BalanceEx"):
        house.control.fault(method, "stale")
    new = house.result("AddOrder", **LOW | {"price": "1800"})["txid"][0]
    house.result("CancelOrder", txid=old)
    assert list(house.result("OpenOrders")["open"]) == [old]
    told = house.result("QueryOrders", txid=f"{old},{new}")
    assert {txid: order["status"] for txid, order in told.items()} == {old: "open"}
    assert house.result("ClosedOrders") == {"closed": {}, "count": 0}
    held = house.result("BalanceEx")["ZUSD"]["hold_trade"]
    assert Decimal(held) == Decimal("952.375")  # of the first alone, with the maker's fee
    assert list(house.result("OpenOrders")["open"]) == [new]
    assert list(house.result("ClosedOrders")["closed"]) == [old]


def test_a_reading_may_lag_by_seconds(house):
    house.result("AddOrder", **LOW)
    house.control.fault("OpenOrders", "stale", seconds="60", count=2)
    assert house.result("OpenOrders")["open"] == {}
    house.control.fault("QueryOrders", "stale", seconds="0")
    (txid,) = open_orders(house)
    assert list(house.result("QueryOrders", txid=txid)) == [txid]


def test_a_reading_of_before_the_history_is_answered_from_the_store(house, tmp_path):
    state = tmp_path / "state"
    before = House(state)
    done = before.result("AddOrder", **LOW | {"ordertype": "market"})["txid"][0]
    before.close()
    after = House(state, controlled=True)
    try:
        after.nonce = before.nonce
        after.control.fault("QueryOrders", "stale", seconds="5")
        assert after.result("QueryOrders", txid=done)[done]["status"] == "closed"
    finally:
        after.close()


def test_coins_stay_reserved_for_a_while_after_a_cancel(house):
    whole = LOW | {"volume": "5"}
    house.control.hold_release("30")
    txid = house.result("AddOrder", **whole)["txid"][0]
    house.result("CancelOrder", txid=txid)
    assert house.error("AddOrder", **whole) == "EOrder:Insufficient funds"
    assert house.faults() == [f"FAULT hold_release txid={txid} seconds=30"]
    assert Decimal(house.result("BalanceEx")["ZUSD"]["hold_trade"]) > 9000
    house.inside(lambda: house.service.tick(seconds=Decimal(1), now=house.service.venue.latest + 31))
    assert house.result("AddOrder", **whole)


def test_a_hold_that_lingers_is_no_hold_on_fills(house):
    house.control.hold_release("30")
    house.result("AddOrder", **LOW | {"ordertype": "market"})
    assert Decimal(house.result("BalanceEx")["ZUSD"]["hold_trade"]) == 0
