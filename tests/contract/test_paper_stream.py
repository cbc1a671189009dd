"""The paper venue's WebSocket v2: what a client is told of its orders, its money and the market."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brackets.venue.paper.orders import System
from tests.contract.paper_ear import Ear
from tests.contract.paper_house import House

FIXTURE = (
    Path(__file__).resolve().parent.parent.parent.parent
    / "shared"
    / "kraken_fixtures"
    / "ws_v2_executions_balances.json"
)
ETH = "ETH/USD"
MARKET = {"pair": "ETHUSD", "type": "buy", "ordertype": "market", "volume": "0.5", "oflags": "fciq"}
LIMIT = {"pair": "ETHUSD", "type": "buy", "ordertype": "limit", "volume": "0.5", "price": "1900"}
CLOSE = {"close[ordertype]": "stop-loss", "close[price]": "1950"}


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.close()


@pytest.fixture
def listen(house: House) -> Iterator[Callable[[], Ear]]:
    ears: list[Ear] = []

    def open_one() -> Ear:
        ears.append(Ear(house.url))
        return ears[-1]

    yield open_one
    for ear in ears:
        ear.close()


@pytest.fixture
def ear(listen: Callable[[], Ear]) -> Ear:
    return listen()


def token(house: House) -> str:
    return house.result("GetWebSocketsToken")["token"]


def subscribed(house: House, ear: Ear, channel: str = "executions", **more: Any) -> dict[str, Any]:
    """The acknowledgement's result, the snapshot read past."""
    told = ear.answer("subscribe", channel=channel, token=token(house), **more)
    assert told["success"], told
    ear.of(channel)
    return told["result"]


# --- the connection ------------------------------------------------------------------------------------


def test_it_greets_with_its_status_and_answers_a_ping(ear):
    hello = ear.next()
    assert (hello["channel"], hello["type"]) == ("status", "update")
    assert (hello["data"][0]["system"], hello["data"][0]["api_version"]) == ("online", "v2")
    ear.say("ping", 7)
    pong = ear.next()
    assert (pong["method"], pong["req_id"]) == ("pong", 7)


def test_it_beats_once_something_is_subscribed(house, listen):
    bystander, ear = listen(), listen()
    ear.answer("subscribe", channel="ticker", symbol=[ETH])
    house.move("2000.00")
    assert ear.of("heartbeat") == {"channel": "heartbeat"}
    bystander.say("ping")
    assert [m.get("channel", m.get("method")) for m in (bystander.next(), bystander.next())] == [
        "status",
        "pong",
    ]


def test_it_lets_go_of_who_wants_nothing(house, listen):
    idle, ear = listen(), listen()
    ear.answer("subscribe", channel="ticker", symbol=[ETH])
    house.inside(lambda: house.service.hub.beat(house.service.venue.latest + 61))
    assert idle.ended()
    assert ear.of("heartbeat")


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"channel": "executions", "token": "made up"}, "ESession:Invalid session"),
        ({"channel": "balances", "token": "made up"}, "ESession:Invalid session"),
        ({"channel": "executions"}, "EGeneral:Invalid arguments:token"),
        ({"channel": "level4"}, "Channel not found"),
        ({"channel": "ticker", "symbol": ["XBT/USD"]}, "Currency pair not supported XBT/USD"),
        ({"channel": "ticker", "symbol": ["DOGE/USD"]}, "Currency pair not supported DOGE/USD"),
    ],
)
def test_it_refuses_in_krakens_form(ear, params, error):
    told = ear.answer("subscribe", **params)
    assert (told["error"], told["method"], told["success"]) == (error, "subscribe", False)
    assert "result" not in told


def test_it_answers_garbage_and_goes_on(ear):
    ear.next()
    for text in ("{", "[]", "null", '{"method":"add_order","req_id":3}', '{"method":7}'):
        ear.say_text(text)
        assert ear.next()["success"] is False
    ear.say("ping")
    assert ear.next()["method"] == "pong"


def test_a_token_runs_out_but_not_for_whoever_used_it(house, listen):
    ear, late = listen(), listen()
    mine = token(house)
    assert ear.answer("subscribe", channel="executions", token=mine)["success"]
    house.inside(lambda: house.service.tokens.update({mine: house.service.venue.latest}))
    told = late.answer("subscribe", channel="executions", token=mine)
    assert told["error"] == "ESession:Invalid session"
    house.result("AddOrder", **MARKET)
    assert ear.items("executions", until="filled")


# --- orders ----------------------------------------------------------------------------------------------


def test_it_tells_the_open_orders_first_with_all_their_terms(house, ear):
    placed = house.result("AddOrder", **LIMIT, **CLOSE, cl_ord_id="mine", oflags="post")["txid"][0]
    told = ear.answer("subscribe", channel="executions", token=token(house), snap_trades=True)
    assert told["result"] == {
        "channel": "executions",
        "maxratecount": 180,
        "snap_orders": True,
        "snap_trades": True,
    }
    snapshot = ear.of("executions")
    assert (snapshot["type"], snapshot["sequence"]) == ("snapshot", 1)
    (order,) = snapshot["data"]
    expected = {
        "order_id": placed,
        "cl_ord_id": "mine",
        "symbol": ETH,
        "order_qty": Decimal("0.5"),
        "cum_qty": 0,
        "limit_price": 1900,
        "post_only": True,
        "exec_type": "new",
        "order_status": "new",
        "contingent": {"order_type": "stop-loss", "trigger_price": 1950, "trigger_price_type": "static"},
    }
    assert {name: order.get(name) for name in expected} == expected


def test_an_entry_its_trade_and_its_stop_are_told_in_order(house, ear):
    subscribed(house, ear)
    entry = house.result("AddOrder", **MARKET, **CLOSE, cl_ord_id="entry")["txid"][0]
    told = ear.items("executions", until="filled")
    own = [item for item in told if item["order_id"] == entry]
    assert [item["exec_type"] for item in own] == ["pending_new", "new", "trade", "filled"]
    pending, new, trade, filled = own
    assert (pending["symbol"], pending["order_qty"], pending["cl_ord_id"]) == (ETH, Decimal("0.5"), "entry")
    assert new.keys() == {"timestamp", "order_status", "exec_type", "order_id"}
    assert (trade["last_qty"], trade["last_price"]) == (Decimal("0.5"), Decimal("2000.01"))
    assert (trade["cum_qty"], trade["order_status"], trade["liquidity_ind"]) == (
        Decimal("0.5"),
        "partially_filled",
        "t",
    )
    assert trade["fees"] == [{"asset": "USD", "qty": Decimal("4.0000")}]
    assert (trade["cl_ord_id"], filled["order_status"]) == ("entry", "filled")
    assert "symbol" not in filled and "order_qty" not in filled
    (stop,) = [item for item in told if item.get("ord_ref_id") == entry]
    assert (stop["exec_type"], stop["order_type"], stop["order_qty"]) == (
        "pending_new",
        "stop-loss",
        Decimal("0.5"),
    )
    assert stop["triggers"] == {
        "reference": "last",
        "price": 1950,
        "price_type": "static",
        "status": "untriggered",
    }


def test_a_stop_says_that_it_triggered_before_it_trades(house, ear):
    house.result("AddOrder", **MARKET, **CLOSE)
    (stop,) = house.result("OpenOrders")["open"]
    subscribed(house, ear)
    house.move("1940.00")
    told = ear.items("executions", until="filled")
    assert {item["order_id"] for item in told} == {stop}
    assert [item["exec_type"] for item in told] == ["status", "trade", "filled"]
    assert (told[0]["triggers"]["status"], told[0]["triggers"]["last_price"]) == ("triggered", 1940)
    assert told[1]["ord_ref_id"]  # a secondary's trade names its primary


def test_a_fill_in_parts_counts_up(house, ear):
    subscribed(house, ear)
    house.move("2000.00", depth="0.2")
    house.result("AddOrder", **MARKET)
    told = ear.items("executions", until="filled")
    assert [item["cum_qty"] for item in told if item["exec_type"] == "trade"] == [
        Decimal("0.2"),
        Decimal("0.4"),
        Decimal("0.5"),
    ]


def test_amending_and_canceling_say_little(house, ear):
    subscribed(house, ear)
    txid = house.result("AddOrder", **LIMIT)["txid"][0]
    house.result("AmendOrder", txid=txid, order_qty="0.4")
    house.result("CancelOrder", txid=txid)
    told = ear.items("executions", until="canceled")
    assert [item["exec_type"] for item in told] == ["pending_new", "new", "amended", "canceled"]
    amended, canceled = told[2:]
    assert not amended.keys() & {"symbol", "order_qty", "limit_price"}
    assert (canceled["reason"], canceled["cum_qty"], canceled["order_status"]) == (
        "User requested",
        0,
        "canceled",
    )
    assert "symbol" not in canceled


def test_only_openings_and_endings_where_nothing_else_is_wanted(house, ear):
    subscribed(house, ear, order_status=False)
    txid = house.result("AddOrder", **LIMIT)["txid"][0]
    house.result("AmendOrder", txid=txid, order_qty="0.4")
    house.result("CancelOrder", txid=txid)
    assert [item["exec_type"] for item in ear.items("executions", until="canceled")] == ["new", "canceled"]


def test_every_subscription_counts_its_own_messages(house, listen):
    first, second = listen(), listen()
    subscribed(house, first)
    subscribed(house, first, "balances")
    house.result("AddOrder", **LIMIT)
    subscribed(house, second)
    house.result("AddOrder", **MARKET)
    first.items("executions", until="filled")
    second.items("executions", until="filled")
    first.of("balances")
    for ear, channel in ((first, "executions"), (first, "balances"), (second, "executions")):
        numbers = [m["sequence"] for m in ear.heard if m.get("channel") == channel]
        assert numbers == list(range(1, len(numbers) + 1))


def test_who_leaves_a_channel_hears_no_more_of_it(house, ear):
    subscribed(house, ear)
    assert ear.answer("unsubscribe", channel="executions", token=token(house))["success"]
    house.result("AddOrder", **MARKET)
    ear.say("ping")
    ear.next(lambda message: message.get("method") == "pong")
    assert [m for m in ear.heard if m.get("channel") == "executions" and m["type"] == "update"] == []
    assert ear.answer("unsubscribe", channel="executions", token=token(house))["success"] is False


def test_a_refused_order_is_not_told(house, ear):
    subscribed(house, ear)
    assert house.error("AddOrder", **MARKET | {"volume": "5000"})
    house.result("AddOrder", **MARKET)
    assert ear.items("executions", until="filled")[0]["order_qty"] == Decimal("0.5")


def test_its_messages_have_the_fields_of_krakens(house, ear):
    if not FIXTURE.is_file():
        pytest.skip("the captures beside the project are not here")
    theirs = json.loads(FIXTURE.read_text())
    subscribed(house, ear)
    txid = house.result("AddOrder", **LIMIT, userref="3")["txid"][0]
    house.result("CancelOrder", txid=txid)
    pending, new, canceled = ear.items("executions", until="canceled")
    house.result("AddOrder", **MARKET, userref="3")
    trade = ear.items("executions", until="trade")[-1]
    captured = theirs["canceled_captured_2025"]["data"][0].keys()
    for ours, sample in (
        (pending, theirs["pending"]["data"][0].keys()),
        (new, theirs["live_order"]["data"][0].keys()),
        (canceled, captured),
        (trade, theirs["execution"]["data"][0].keys()),
    ):
        assert ours.keys() == sample


# --- money -----------------------------------------------------------------------------------------------


def test_it_tells_balances_and_then_every_ledger_entry(house, ear):
    told = ear.answer("subscribe", channel="balances", token=token(house))
    assert told["result"] == {"channel": "balances", "snapshot": True}
    (dollars,) = ear.of("balances")["data"]
    assert (dollars["asset"], dollars["balance"]) == ("USD", 10_000)
    house.result("AddOrder", **MARKET)
    entries = [ear.of("balances")["data"][0] for _ in range(2)]
    if FIXTURE.is_file():
        theirs = json.loads(FIXTURE.read_text())
        assert dollars.keys() == theirs["balances_snapshot"]["data"][0].keys()
        assert entries[0].keys() == theirs["balances_trade_updates"][0]["data"][0].keys()
    assert [(entry["asset"], entry["amount"], entry["fee"]) for entry in entries] == [
        ("ETH", Decimal("0.5"), 0),
        ("USD", Decimal("-1000.005"), 4),
    ]
    ((trade, _),) = house.result("TradesHistory")["trades"].items()
    assert {entry["ref_id"] for entry in entries} == {trade}
    assert entries[1]["balance"] == Decimal(house.result("Balance")["ZUSD"])


# --- the market ------------------------------------------------------------------------------------------


def test_it_tells_prices_as_they_change(house, ear):
    told = ear.answer("subscribe", channel="ticker", symbol=[ETH, "BTC/USD"], event_trigger="bbo")
    assert told["result"] == {"channel": "ticker", "event_trigger": "bbo", "symbol": ETH, "snapshot": True}
    assert [ear.of("ticker")["data"][0]["symbol"] for _ in range(2)] == [ETH, "BTC/USD"]
    house.move("2010.50")
    update = ear.of("ticker")
    (item,) = update["data"]
    assert (update["type"], item["symbol"]) == ("update", ETH)
    assert (item["bid"], item["ask"], item["last"]) == (
        Decimal("2010.49"),
        Decimal("2010.51"),
        Decimal("2010.50"),
    )


def test_an_unchanged_price_is_not_told(house, ear):
    ear.answer("subscribe", channel="ticker", symbol=[ETH], snapshot=False)
    house.move("2000.00")
    house.move("2001.00")
    assert ear.of("ticker")["data"][0]["last"] == Decimal("2001.00")


def test_it_tells_what_may_be_traded_and_when_that_changes(house, ear):
    ear.answer("subscribe", channel="instrument")
    pairs = {pair["symbol"]: pair for pair in ear.of("instrument")["data"]["pairs"]}
    assert pairs["BTC/USD"]["status"] == "online"
    assert (pairs[ETH]["qty_min"], pairs[ETH]["price_increment"]) == (Decimal("0.002"), Decimal("0.01"))

    def limit_only() -> None:
        house.service.venue.engine.modes[ETH] = System.LIMIT_ONLY
        house.service.tick(seconds=Decimal(1), now=house.service.venue.latest)

    house.inside(limit_only)
    update = ear.of("instrument")
    assert [(p["symbol"], p["status"]) for p in update["data"]["pairs"]] == [(ETH, "limit_only")]
    assert house.get("AssetPairs")["result"]["XETHZUSD"]["status"] == "limit_only"
    assert house.error("AddOrder", **MARKET) == "EService:Market in limit_only mode"


def test_the_real_ccxt_pro_class_understands_the_prices(house):
    import asyncio

    import ccxt.pro

    async def ask() -> Any:
        ws = house.url.replace("http", "ws", 1)
        exchange = ccxt.pro.kraken({"enableRateLimit": False})
        exchange.urls["api"] |= {"public": house.url, "private": house.url}
        exchange.urls["api"]["ws"] |= {"public": ws, "publicV2": ws + "/v2", "privateV2": ws + "/v2"}
        try:
            return await asyncio.wait_for(exchange.watch_ticker(ETH), 10)
        finally:
            await exchange.close()

    ticker = asyncio.run(ask())
    assert (ticker["symbol"], ticker["last"]) == (ETH, 2000.0)


def test_a_client_that_does_not_read_is_cut_off_and_nobody_waits(house, listen, monkeypatch):
    monkeypatch.setattr("brackets.venue.paper.stream.socket.MOST_WAITING", 50)
    deaf, ear = listen(), listen()
    deaf.answer("subscribe", channel="ticker", symbol=[ETH], event_trigger="bbo")
    ear.answer("subscribe", channel="ticker", symbol=["BTC/USD"], event_trigger="bbo")
    session = min(house.service.hub.sessions, key=lambda one: one.number)

    def flood() -> None:  # one step of the venue: the socket gets no turn to send
        for _ in range(60):
            session.say({"channel": "ticker"}, now=house.service.venue.latest)

    house.inside(flood)
    assert deaf.ended()
    house.move("60000.0", symbol="BTC/USD")
    assert ear.next(lambda m: m.get("type") == "update" and m["channel"] == "ticker")
