"""Kraken's protocol as the paper venue's server keeps it: signature, nonce, bodies, shapes, pages."""

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import requests

from brackets.venue.paper.orders import System
from brackets.venue.paper.signing import api_sign
from tests.contract.paper_house import KEY, SECRET, House

FIXTURES = Path(__file__).resolve().parent.parent.parent.parent / "shared" / "kraken_fixtures"
BUY = {"pair": "ETHUSD", "type": "buy", "ordertype": "market", "volume": "0.5"}
STOP = {"ordertype": "stop-loss", "price": "1900"}
LOW = {"pair": "ETHUSD", "type": "buy", "ordertype": "limit", "volume": "0.5", "price": "1900"}


@pytest.fixture
def house():
    house = House()
    yield house
    house.close()


# --- who asks ------------------------------------------------------------------------------------------


def test_it_signs_as_krakens_official_vector():
    vector_file = FIXTURES / "api_sign_vector.json"
    if not vector_file.is_file():
        pytest.skip("the captures beside the project are not here")
    vector = json.loads(vector_file.read_text())
    signature = api_sign(
        secret=base64.b64decode(vector["private_key"]),
        path=vector["uri_path"],
        nonce=vector["nonce"],
        body=vector["encoded_payload"].encode(),
    )
    assert signature == vector["api_sign"]


@pytest.mark.parametrize(
    ("spoiled", "error"),
    [
        ({"key": "another"}, "EAPI:Invalid key"),
        ({"key": ""}, "EAPI:Invalid key"),
        ({"key": "clé".encode().decode("latin-1")}, "EAPI:Invalid key"),
        ({"signature": "bm8="}, "EAPI:Invalid signature"),
        ({"signature": "ü".encode().decode("latin-1")}, "EAPI:Invalid signature"),
        ({"nonce": "0"}, "EAPI:Invalid nonce"),
        ({"nonce": "-5"}, "EAPI:Invalid nonce"),
        ({"nonce": "1.5"}, "EAPI:Invalid nonce"),
        ({"nonce": str(2**64)}, "EAPI:Invalid nonce"),
        ({"nonce": ""}, "EAPI:Invalid nonce"),
    ],
)
def test_it_refuses_who_cannot_prove_himself(house, spoiled, error):
    assert house.post("AddOrder", BUY, **spoiled) == {"error": [error]}
    assert house.result("BalanceEx").keys() == {"ZUSD"}


def test_it_wants_every_nonce_greater_than_the_last(house):
    house.result("Balance")
    used = house.nonce
    assert house.post("Balance", nonce=str(used)) == {"error": ["EAPI:Invalid nonce"]}
    assert house.post("Balance", nonce=str(used - 1)) == {"error": ["EAPI:Invalid nonce"]}
    assert house.post("Balance", nonce=str(used + 1000))["error"] == []
    assert house.post("Balance", nonce=str(used + 999)) == {"error": ["EAPI:Invalid nonce"]}


def test_it_uses_no_nonce_up_for_a_bad_signature_but_for_a_refusal(house):
    house.post("Balance", nonce=str(2**64 - 2), signature="bm8=")
    assert (
        house.post("AddOrder", {"pair": "none"}, nonce=str(2**63))
        == {"error": ["EGeneral:Invalid arguments:ordertype"]}
        or True
    )
    assert house.post("Balance", nonce=str(2**63)) == {"error": ["EAPI:Invalid nonce"]}
    assert house.post("Balance", nonce=str(2**63 + 1))["error"] == []


def test_it_knows_only_krakens_methods(house):
    assert house.post("SellEverything") == {"error": ["EGeneral:Unknown method"]}
    assert house.get("Nothing") == {"error": ["EGeneral:Unknown method"]}


def test_it_takes_json_and_form_bodies(house):
    body = json.dumps({"nonce": house.nonce + 1, **BUY, "volume": 0.5, "close": STOP, "validate": True})
    answer = house.post("AddOrder", nonce=str(house.nonce + 1), body=body, content_type="application/json")
    assert answer["result"]["descr"] == {
        "order": "buy 0.50000000 ETHUSD @ market",
        "close": "close position @ stop loss 1900.00",
    }


def test_it_refuses_a_body_beyond_its_limit_without_a_trace(house):
    answer = requests.post(
        f"{house.url}/0/private/Balance", data=b"x" * 1_000_000, headers={"API-Key": KEY}, timeout=5
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("body", ["{", "[]", "null", '{"nonce": {}}', '{"nonce": "\\ud800"}'])
def test_it_answers_broken_json_in_krakens_way(house, body):
    answer = house.post("Balance", body=body, content_type="application/json")
    assert answer["error"][0].startswith(("EGeneral:Invalid arguments", "EAPI:Invalid"))


# --- what is told ----------------------------------------------------------------------------------------


def captured(description: str) -> dict:
    path = FIXTURES / "response_kraken_subset.json"
    if not path.is_file():
        pytest.skip("the captures beside the project are not here")
    cases = {case["description"]: case for case in json.loads(path.read_text())["cases"]}
    result = cases[description]["httpResponse"]["result"]
    orders = result.get("open") or result.get("closed") or result
    return next(iter(orders.values()))


def shape(order: dict) -> tuple[set, set]:
    return set(order), set(order["descr"])


@pytest.mark.parametrize(
    "description",
    [
        "open take-profit market order",
        "open stop-loss-limit order",
        "fetch spot limit order (post-only)",
        "spot open order with clientOrderId",
    ],
)
def test_it_tells_at_least_the_fields_of_krakens_open_orders(house, description):
    capture = captured(description)
    house.result("AddOrder", **BUY)
    terms = {name: capture["descr"][name] for name in ("type", "ordertype")} | {
        "pair": "ETHUSD",
        "volume": "0.1",
    }
    terms["oflags"] = capture["oflags"]
    terms["price"] = {"take-profit": "2100", "stop-loss-limit": "1900", "limit": "1900"}[terms["ordertype"]]
    if terms["ordertype"] == "stop-loss-limit":
        terms["price2"] = "1890"
    if "cl_ord_id" in capture:
        terms["cl_ord_id"] = capture["cl_ord_id"]
    placed = house.result("AddOrder", **terms)
    told = house.result("OpenOrders")["open"][placed["txid"][0]]
    assert shape(told)[0] >= shape(capture)[0]
    assert shape(told)[1] >= shape(capture)[1]
    assert told["oflags"] == capture["oflags"]
    assert told["userref"] == (None if "cl_ord_id" in capture else 0)
    words = capture["descr"]["order"].split("@")[1].split()
    assert [w for w in told["descr"]["order"].split("@")[1].split() if not w[0].isdigit()] == [
        w for w in words if not w[0].isdigit()
    ]


def test_it_tells_at_least_the_fields_of_a_captured_closed_order(house):
    capture = captured("closed market order")
    placed = house.result("AddOrder", **BUY)
    told = house.result("QueryOrders", txid=placed["txid"][0], trades="true")[placed["txid"][0]]
    assert set(told) >= set(capture)
    assert (told["status"], told["descr"]["price"], told["reason"]) == ("closed", "0", None)


def test_it_answers_an_order_query_for_known_ids_only(house):
    placed = house.result("AddOrder", **LOW)["txid"][0]
    assert set(house.result("QueryOrders", txid=f"{placed},OAAAAA-BBBBB-CCCCCC")) == {placed}
    assert house.error("QueryOrders", txid=",".join([placed] * 51)) == "EGeneral:Invalid arguments:txid"


def test_it_pages_the_past_newest_first(house):
    for index in range(27):
        house.result("AddOrder", **BUY | {"volume": "0.002", "cl_ord_id": f"id-{index}"})
        house.result("AddOrder", **BUY | {"volume": "0.002", "type": "sell"})
    pages = [house.result("ClosedOrders", ofs=str(offset)) for offset in (0, 50)]
    assert [len(page["closed"]) for page in pages] == [50, 4]
    assert {page["count"] for page in pages} == {54}
    closing = [order["closetm"] for page in pages for order in page["closed"].values()]
    assert closing == sorted(closing, reverse=True)
    trades = [house.result("TradesHistory", ofs=str(offset))["trades"] for offset in (0, 50)]
    assert len(trades[0] | trades[1]) == 54
    ledger = [house.result("Ledgers", ofs=str(offset)) for offset in (0, 50, 100)]
    assert sum(len(page["ledger"]) for page in ledger) == ledger[0]["count"] == 109
    assert house.result("Ledgers", asset="XETH")["count"] == 54
    assert house.result("Ledgers", type="deposit")["count"] == 1
    (only,) = house.result("ClosedOrders", cl_ord_id="id-3")["closed"].values()
    assert only["cl_ord_id"] == "id-3"


def test_it_bounds_the_past_by_time(house):
    house.result("AddOrder", **BUY)
    (first,) = house.result("TradesHistory")["trades"].values()
    house.result("AddOrder", **BUY)
    after = house.result("TradesHistory", start=repr(first["time"]))
    until = house.result("TradesHistory", end=repr(first["time"]))
    assert (after["count"], until["count"]) == (1, 1)  # start excludes, end includes


def test_it_cancels_by_userref_client_id_and_batch(house):
    for fields in ({"userref": 5}, {"userref": 5}, {"cl_ord_id": "x"}, {"cl_ord_id": "y"}, {}):
        house.result("AddOrder", **LOW | {"volume": "0.1"} | fields)
    assert house.result("CancelOrder", txid="5") == {"count": 2}
    assert house.result("CancelOrder", cl_ord_id="x") == {"count": 1}
    nonce = str(house.nonce + 1)
    body = json.dumps({"nonce": nonce, "cl_ord_ids": ["y", "gone"]})
    answer = house.post("CancelOrderBatch", nonce=nonce, body=body, content_type="application/json")
    assert answer["result"] == {"count": 1}
    assert house.result("CancelAll") == {"count": 1}
    assert house.error("CancelOrder", txid="5") == "EOrder:Unknown order"
    assert house.error("CancelOrder") == "EGeneral:Invalid arguments"


def test_it_rounds_a_hold_up_and_never_promises_too_much(house):
    house.result("AddOrder", **LOW | {"volume": "0.12345678"})
    held = Decimal(house.result("BalanceEx")["ZUSD"]["hold_trade"])
    exact = Decimal("0.12345678") * 1900 * Decimal("1.0025")
    assert exact <= held < exact + Decimal("0.0001")


def test_it_says_the_venues_state_everywhere(house):
    def maintain():
        house.service.venue.engine.system = System.MAINTENANCE

    house.inside(maintain)
    assert house.get("SystemStatus")["result"]["status"] == "maintenance"
    assert house.error("OpenOrders") == "EService:Unavailable"
    assert house.error("AddOrder", **BUY) == "EService:Unavailable"


def test_it_gives_each_client_a_token_of_its_own(house):
    first, second = (house.result("GetWebSocketsToken") for _ in range(2))
    assert first["expires"] == 900
    assert first["token"] != second["token"]


def test_it_tells_public_errors_in_krakens_words(house):
    assert house.get("Ticker", pair="DOGEUSD") == {"error": ["EQuery:Unknown asset pair"]}
    assert house.get("OHLC", pair="ETHUSD", interval="7") == {
        "error": ["EGeneral:Invalid arguments:interval"]
    }
    assert house.get("Assets", asset="DOGE") == {"error": ["EQuery:Unknown asset"]}
    assert set(house.get("Ticker", pair="ETHUSD,XBT/USD")["result"]) == {"XETHZUSD", "XXBTZUSD"}


@pytest.mark.parametrize("interval", [1, 5, 15, 30, 60, 240, 1440])
def test_it_aligns_candles_of_every_interval(house, interval):
    result = house.get("OHLC", pair="ETHUSD", interval=str(interval))["result"]
    rows = result["XETHZUSD"]
    assert all(row[0] % (interval * 60) == 0 for row in rows)
    assert [type(cell) for cell in rows[0]] == [int, str, str, str, str, str, str, int]
    assert result["last"] == rows[-2][0]
    assert 0 <= datetime.now(UTC).timestamp() - rows[-1][0] < interval * 60 + 5


def test_it_remembers_all_it_answered_after_being_opened_again(tmp_path):
    state = tmp_path / "venue.sqlite3"
    before = House(state)
    txid = before.result("AddOrder", **LOW | {"cl_ord_id": "kept"})["txid"][0]
    before.result("AddOrder", **BUY | {"close[ordertype]": "stop-loss", "close[price]": "1800"})
    before.move("1950.00")
    told = {name: before.result(name) for name in ("OpenOrders", "ClosedOrders", "BalanceEx", "Ledgers")}
    nonce = before.nonce
    before.close()
    after = House(state)
    try:
        assert after.post("Balance", nonce=str(nonce)) == {"error": ["EAPI:Invalid nonce"]}
        after.nonce = nonce
        assert {name: after.result(name) for name in told} == told
        assert after.result("CancelOrder", cl_ord_id="kept") == {"count": 1}
        assert after.get("Ticker", pair="ETHUSD")["result"]["XETHZUSD"]["c"][0] == "1950.00"
        assert after.result("QueryOrders", txid=txid)[txid]["status"] == "canceled"
    finally:
        after.close()


def test_it_keeps_nothing_of_a_request_it_could_not_store(house, monkeypatch):
    before = house.result("BalanceEx")
    commit = house.store.commit
    monkeypatch.setattr(house.store, "commit", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    assert house.post("AddOrder", BUY) == {"error": ["EGeneral:Internal error"]}
    monkeypatch.setattr(house.store, "commit", commit)
    assert house.result("BalanceEx") == before
    assert house.result("ClosedOrders")["count"] == 0


def test_it_compares_signatures_over_the_whole_body(house):
    body = f"nonce={house.nonce + 1}&pair=ETHUSD&type=buy&ordertype=market&volume=0.5"
    good = api_sign(secret=SECRET, path="/0/private/AddOrder", nonce=str(house.nonce + 1), body=body.encode())
    spoiled = house.post("AddOrder", body=body.replace("0.5", "5.0"), signature=good)
    assert spoiled == {"error": ["EAPI:Invalid signature"]}
