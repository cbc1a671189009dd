"""The control channel: a hand on the market, the owner at his own page, and trouble on the stream."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.contract.paper_ear import Ear
from tests.contract.paper_house import House

ETH = "ETH/USD"
LOW = {"pair": "ETHUSD", "type": "buy", "ordertype": "limit", "volume": "0.5", "price": "1900"}
MARKET = {"pair": "ETHUSD", "type": "buy", "ordertype": "market", "volume": "0.5"}


@pytest.fixture
def house() -> Iterator[House]:
    house = House(controlled=True)
    yield house
    house.close()


@pytest.fixture
def ear(house: House) -> Iterator[Ear]:
    ear = Ear(house.url)
    token = house.result("GetWebSocketsToken")["token"]
    ear.answer("subscribe", channel="executions", token=token)
    ear.of("executions")
    yield ear
    ear.close()


def quote(house: House) -> tuple[str, str, str]:
    told = house.get("Ticker", pair="ETHUSD")["result"]["XETHZUSD"]
    return told["b"][0], told["a"][0], told["c"][0]


# --- the market ------------------------------------------------------------------------------------------


def test_a_price_is_there_at_once_and_stays(house):
    txid = house.result("AddOrder", **LOW)["txid"][0]
    house.control.price(ETH, "1890")
    assert quote(house) == ("1889.99", "1890.00", "1890.00")
    assert house.result("QueryOrders", txid=txid)[txid]["status"] == "closed"
    house.move("2000.00")  # the market's own price is not heard
    assert quote(house)[2] == "1890.00"
    house.control.release()
    assert quote(house)[2] == "2000.00"


def test_a_gap_fills_a_stop_far_below_its_trigger(house):
    house.control.deposit("XETH", "1")
    stop = house.control.order(pair=ETH, type="sell", ordertype="stop-loss", volume="1", price="1950")
    house.control.price(ETH, "1500", bid="1499", ask="1501")
    told = house.result("QueryOrders", txid=stop)[stop]
    assert (told["status"], told["price"]) == ("closed", "1499.00000")


def test_depth_decides_how_much_is_filled_at_once(house):
    house.control.depth(ETH, "0.002")
    txid = house.result("AddOrder", **MARKET)["txid"][0]
    assert Decimal(house.result("QueryOrders", txid=txid)[txid]["vol_exec"]) == Decimal("0.010")


def test_what_was_put_by_hand_survives_a_kill(tmp_path):
    first = House(tmp_path / "state", controlled=True)
    first.control.price(ETH, "1234.50", depth="0.5")
    first.control.mode("limit_only", pair=ETH)
    first.close()
    again = House(tmp_path / "state", controlled=True)
    try:
        assert quote(again)[2] == "1234.50"
        again.nonce = first.nonce + 1000
        assert again.error("AddOrder", **MARKET) == "EService:Market in limit_only mode"
    finally:
        again.close()


@pytest.mark.parametrize(
    ("mode", "market", "limit", "post"),
    [
        (
            "cancel_only",
            "EService:Market in cancel_only mode",
        )
        + ("EService:Market in cancel_only mode",) * 2,
        ("limit_only", "EService:Market in limit_only mode", None, None),
        ("post_only", "EService:Market in post_only mode", "EService:Market in post_only mode", None),
        ("reduce_only", *("EService:Market in reduce_only mode",) * 3),
    ],
)
def test_a_pairs_mode_decides_what_is_taken(house, mode, market, limit, post):
    house.control.mode(mode, pair=ETH)
    for order, error in ((MARKET, market), (LOW, limit), (LOW | {"oflags": "post"}, post)):
        told = house.post("AddOrder", order)
        assert told["error"] == ([] if error is None else [error])
    assert house.post("AddOrder", MARKET | {"pair": "XBTUSD", "volume": "0.01"})["error"] == []
    house.control.mode("online", pair=ETH)
    assert house.result("AddOrder", **MARKET)


def test_nothing_is_filled_while_a_pair_takes_no_orders(house):
    txid = house.result("AddOrder", **LOW)["txid"][0]
    house.control.mode("cancel_only", pair=ETH)
    house.control.price(ETH, "1800")
    assert list(house.result("OpenOrders")["open"]) == [txid]
    house.control.mode("online", pair=ETH)
    house.move("1800.00")
    assert house.result("OpenOrders")["open"] == {}


def test_maintenance_takes_no_private_request_and_the_stream_says_so(house, ear):
    house.control.mode("maintenance")
    assert house.error("BalanceEx") == "EService:Unavailable"
    assert ear.of("status")["data"][0]["system"] == "maintenance"
    assert house.get("SystemStatus")["result"]["status"] == "maintenance"
    house.control.mode("online")
    assert house.result("BalanceEx")


# --- the owner -------------------------------------------------------------------------------------------


def test_the_owner_trades_by_hand_and_the_stream_tells(house, ear):
    txid = house.control.order(**LOW)
    assert ear.items("executions", until="new")[0]["order_id"] == txid
    house.control.cancel(txid)
    assert ear.items("executions", until="canceled")[-1]["reason"] == "User requested"


def test_money_comes_and_goes(house):
    house.control.deposit("ZUSD", "500")
    house.control.withdraw("ZUSD", "1500")
    assert Decimal(house.result("Balance")["ZUSD"]) == 9000
    kinds = [entry["type"] for entry in house.result("Ledgers")["ledger"].values()]
    assert kinds == ["withdrawal", "deposit", "deposit"]
    with pytest.raises(ValueError, match="only 9000"):
        house.control.withdraw("ZUSD", "9001")


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("price", {"pair": ETH}),
        ("price", {"pair": ETH, "last": "1900.001"}),
        ("price", {"pair": ETH, "last": "1900", "bid": "1901", "ask": "1902"}),
        ("price", {"pair": "SOL/USD", "last": "100"}),
        ("depth", {"pair": ETH, "depth": "0"}),
        ("mode", {"mode": "party"}),
        ("cancel", {"txid": "O"}),
        ("order", LOW | {"volume": "50"}),
        ("deposit", {"asset": "GOLD", "amount": "1"}),
        ("hold_release", {}),
        ("websocket", {"action": "sing"}),
        ("websocket", {"action": "skip", "channel": "ticker"}),
        ("nonsense", {}),
    ],
)
def test_a_command_that_cannot_be_done_changes_nothing(house, command, fields):
    before = house.control.look()
    with pytest.raises(ValueError):
        house.control.do(command, **fields)
    assert house.control.look() == before


def test_only_json_is_taken(house):
    request = urllib.request.Request(
        f"{house.control.url}/freeze", data=b"{}", headers={"Content-Type": "text/plain"}
    )
    with pytest.raises(urllib.error.HTTPError, match="415"):
        urllib.request.urlopen(request, timeout=5)


# --- the stream ------------------------------------------------------------------------------------------


def numbers(house: House, ear: Ear, orders: int) -> list[int]:
    """The sequence numbers in which the next orders' two messages each arrive."""
    for _ in range(orders):
        house.result("AddOrder", **LOW)
    return [ear.of("executions")["sequence"] for _ in range(2 * orders)]


def test_a_number_that_is_left_out(house, ear):
    house.control.websocket("skip")
    assert numbers(house, ear, 1) == [3, 4]
    assert house.faults() == ["FAULT websocket skip channel=executions sequence=2"]


def test_a_message_that_is_lost(house, ear):
    house.control.websocket("lose")
    house.result("AddOrder", **LOW)
    message = ear.of("executions")
    assert (message["sequence"], message["data"][0]["exec_type"]) == (3, "new")


def test_a_message_that_comes_twice(house, ear):
    house.control.websocket("duplicate")
    house.result("AddOrder", **LOW)
    assert [ear.of("executions")["sequence"] for _ in range(3)] == [2, 2, 3]


def test_messages_out_of_order(house, ear):
    house.control.websocket("disorder")
    assert numbers(house, ear, 2) == [3, 2, 4, 5]


def test_silence_until_it_is_calm_again(house, ear):
    house.control.websocket("silent")
    house.result("AddOrder", **LOW)
    ear.say("ping")
    house.control.calm()
    house.result("AddOrder", **LOW)
    heard = ear.of("executions")
    assert heard["sequence"] == 4  # what happened meanwhile is lost
    assert not [message for message in ear.heard if message.get("method") == "pong"]


def test_every_connection_is_cut_and_none_is_let_in(house, ear):
    house.control.websocket("refuse")
    assert house.control.websocket("drop") == {"dropped": 1}
    assert ear.ended()
    with pytest.raises(Exception, match="503"):
        Ear(house.url)
    house.control.calm()
    Ear(house.url).close()
