"""The unmodified ccxt.kraken against the paper venue's server: every call Backstop or a script may make."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import ccxt
import pytest

from tests.contract.paper_house import House

ETH = "ETH/USD"
STOP = {"ordertype": "stop-loss", "price": "1900.00"}


@pytest.fixture
def house():
    house = House()
    yield house
    house.close()


@pytest.fixture
def kraken(house):
    exchange = house.ccxt(number=str)  # exact text instead of floats
    exchange.load_markets()
    return exchange


def test_it_lists_its_markets_as_kraken_does(kraken):
    market = kraken.market("BTC/USD")
    assert (market["id"], market["altname"], market["info"]["wsname"]) == ("XXBTZUSD", "XBTUSD", "XBT/USD")
    assert market["info"]["tick_size"] == "0.1"
    assert (market["taker"], market["maker"], market["active"]) == ("0.004", "0.0025", True)
    assert market["limits"]["amount"]["min"] == "0.00005"


def test_it_tells_time_and_status(house):
    exchange = house.ccxt()
    assert abs(exchange.fetch_time() / 1000 - datetime.now(UTC).timestamp()) < 5
    assert exchange.fetch_status()["status"] == "ok"


def test_it_quotes_all_pairs_in_one_call_and_one_alone(kraken):
    tickers = kraken.fetch_tickers()
    assert set(tickers) == {ETH, "BTC/USD"}
    eth = kraken.fetch_ticker(ETH)
    assert (eth["bid"], eth["ask"], eth["last"]) == ("1999.99", "2000.01", "2000.00")


def test_it_tells_candles_that_end_with_the_present_one(house, kraken):
    house.move("2010.00")
    bars = kraken.fetch_ohlcv(ETH, "1m")
    assert len(bars) == 6  # five of the market's past, and the one being made
    assert [b[0] - a[0] for a, b in pairwise(bars)] == [60_000] * 5
    assert (bars[0][4], bars[-1][2], bars[-1][4]) == ("1999.50", "2010.00", "2010.00")


def test_it_shows_a_book_around_the_price(kraken):
    book = kraken.fetch_order_book(ETH, 3)
    assert (book["bids"][0][0], book["asks"][0][0]) == ("1999.99000", "2000.01000")
    assert len(book["asks"]) == 3
    assert Decimal(book["asks"][0][0]) < Decimal(book["asks"][1][0])


def test_it_tells_public_trades(kraken):
    trades = kraken.fetch_trades(ETH)
    assert trades
    assert trades[-1]["price"] == "1999.50000"


def test_it_buys_with_an_attached_stop_and_a_client_order_id(house, kraken):
    order = kraken.create_order(
        ETH,
        "market",
        "buy",
        0.5,
        None,
        {
            "clientOrderId": "entry-1",
            "oflags": "fciq",
            "close": STOP,
            "deadline": (datetime.now(UTC) + timedelta(seconds=10)).isoformat(),
        },
    )
    assert (order["side"], order["type"], order["amount"]) == ("buy", "market", "0.50000000")
    (closed,) = kraken.fetch_closed_orders(ETH, params={"clientOrderId": "entry-1"})
    assert (closed["id"], closed["clientOrderId"], closed["status"]) == (order["id"], "entry-1", "closed")
    assert (closed["filled"], closed["average"]) == ("0.50000000", "2000.01000")
    assert closed["fee"] == {"cost": "4.00000", "currency": "USD", "rate": None}
    (stop,) = kraken.fetch_open_orders(ETH)
    assert (stop["info"]["refid"], stop["stopLossPrice"], stop["side"]) == (order["id"], "1900.00", "sell")
    assert (stop["amount"], stop["clientOrderId"]) == ("0.50000000", "0")  # userref 0: no id of ours


def test_it_holds_the_coins_of_a_stop_and_refuses_a_second_sell(kraken):
    kraken.create_order(ETH, "market", "buy", 0.5, None, {"close": STOP})
    balance = kraken.fetch_balance()
    assert balance["ETH"] == {"total": "0.5000000000", "used": "0.5000000000", "free": "0"}
    with pytest.raises(ccxt.InsufficientFunds):
        kraken.create_order(ETH, "limit", "sell", 0.5, 2100)


def test_it_keeps_a_triggered_stops_id(house, kraken):
    kraken.create_order(ETH, "market", "buy", 0.5, None, {"close": STOP})
    (stop,) = kraken.fetch_open_orders(ETH)
    house.move("1850.00")
    after = kraken.fetch_order(stop["id"])
    assert (after["status"], after["info"]["misc"], after["average"]) == ("closed", "stopped", "1849.99000")
    assert after["info"]["descr"]["price"] == "1900.00"
    assert [trade["id"] for trade in after["trades"]] == after["info"]["trades"]


def test_it_amends_and_cancels_a_stop(kraken):
    kraken.create_order(ETH, "market", "buy", 0.5, None, {"close": STOP})
    (stop,) = kraken.fetch_open_orders(ETH)
    amended = kraken.edit_order(stop["id"], ETH, "market", "sell", None, None, {"stopLossPrice": 1950})
    assert amended["id"].startswith("T")
    (stop,) = kraken.fetch_open_orders(ETH)
    assert (stop["stopLossPrice"], stop["amount"]) == ("1950.00", "0.50000000")
    assert kraken.cancel_order(stop["id"])["info"]["result"]["count"] == 1
    with pytest.raises(ccxt.OrderNotFound):
        kraken.cancel_order(stop["id"])
    assert kraken.fetch_order(stop["id"])["info"]["reason"] == "User requested"


def test_it_places_and_cancels_stops_and_targets_of_every_form(kraken):
    kraken.create_order(ETH, "market", "buy", 1)
    forms = [
        ("market", None, {"stopLossPrice": 1900}, "stop loss 1900.00"),
        ("limit", 1890, {"stopLossPrice": 1900}, "stop loss 1900.00 -> limit 1890.00"),
        ("market", None, {"takeProfitPrice": 2100}, "take profit 2100.00"),
        ("limit", 2090, {"takeProfitPrice": 2100}, "take profit 2100.00 -> limit 2090.00"),
        ("limit", 2100, {"postOnly": True}, "limit 2100.00"),
    ]
    for kind, price, params, words in forms:
        placed = kraken.create_order(ETH, kind, "sell", 1, price, params | {"clientOrderId": "leg"})
        assert placed["info"]["descr"]["order"] == f"sell 1.00000000 ETHUSD @ {words}"
        (told,) = kraken.fetch_open_orders(ETH, params={"clientOrderId": "leg"})
        assert told["id"] == placed["id"]
        assert kraken.cancel_order("", ETH, {"clientOrderId": "leg"})["info"]["result"]["count"] == 1


def test_it_sells_a_whole_batch_and_cancels_it(kraken):
    kraken.create_order(ETH, "market", "buy", 1)
    legs = [
        {"symbol": ETH, "type": "limit", "side": "sell", "amount": 0.5, "price": 2100 + index, "params": {}}
        for index in range(2)
    ]
    placed = kraken.create_orders(legs)
    canceled = kraken.cancel_orders([order["id"] for order in placed])
    assert canceled[0]["info"]["result"]["count"] == 2
    assert kraken.fetch_open_orders() == []


def test_it_places_what_of_a_batch_can_be_paid(kraken):
    kraken.create_order(ETH, "market", "buy", 1)
    legs = [
        {"symbol": ETH, "type": "limit", "side": "sell", "amount": 0.8, "price": 2100, "params": {}}
        for _ in range(2)
    ]
    with pytest.raises(ccxt.InsufficientFunds):  # although the first was placed
        kraken.create_orders(legs)
    assert len(kraken.fetch_open_orders()) == 1
    assert kraken.cancel_all_orders()[0]["info"]["result"]["count"] == 1


def test_it_validates_without_placing(kraken):
    order = kraken.create_order(ETH, "market", "buy", 0.5, None, {"validate": "true"})
    assert order["id"] is None
    assert kraken.fetch_my_trades() == []


def test_it_explains_every_trade_in_the_ledger(house, kraken):
    kraken.create_order(ETH, "market", "buy", 0.5, None, {"close": STOP})
    house.move("1850.00")
    trades = {trade["id"]: trade for trade in kraken.fetch_my_trades(ETH)}
    entries = [entry for entry in kraken.fetch_ledger() if entry["referenceId"] in trades]
    assert len(trades) == 2
    assert len(entries) == 4
    for entry in entries:
        trade = trades[entry["referenceId"]]["info"]
        if entry["info"]["asset"] == "ZUSD":
            assert abs(Decimal(entry["info"]["amount"])) == Decimal(trade["cost"])
            assert Decimal(entry["info"]["fee"]) == Decimal(trade["fee"])
        else:
            assert abs(Decimal(entry["info"]["amount"])) == Decimal(trade["vol"])
    change = Decimal(kraken.fetch_balance()["USD"]["total"]) - 10_000
    booked = [e["info"] for e in entries if e["info"]["asset"] == "ZUSD"]
    assert change == sum(Decimal(e["amount"]) - Decimal(e["fee"]) for e in booked)


def test_it_tells_trades_of_one_order(kraken):
    order = kraken.create_order(ETH, "market", "buy", 0.5)
    ids = kraken.fetch_order(order["id"])["info"]["trades"]
    (trade,) = kraken.fetch_order_trades(order["id"], ETH, params={"trades": ids})
    assert (trade["order"], trade["amount"], trade["price"]) == (order["id"], "0.50000000", "2000.01000")


def test_it_tells_the_fee_of_a_pair(kraken):
    fee = kraken.fetch_trading_fee(ETH)
    assert (fee["maker"], fee["taker"]) == ("0.0025", "0.004")


def test_it_names_a_second_use_of_an_open_client_order_id(kraken):
    kraken.create_order(ETH, "limit", "buy", 0.5, 1900, {"clientOrderId": "once"})
    with pytest.raises(ccxt.ExchangeError, match="Duplicate"):
        kraken.create_order(ETH, "limit", "buy", 0.5, 1900, {"clientOrderId": "once"})
    assert len(kraken.fetch_open_orders()) == 1


def test_it_answers_with_the_class_ccxt_makes_of_krakens_words(kraken):
    cases = [
        ({"amount": 0.001, "price": 1900}, ccxt.InvalidOrder),  # Order minimum not met
        ({"amount": 1, "price": 1900, "params": {"deadline": "2020-01-01T00:00:00Z"}}, ccxt.ExchangeError),
    ]
    for terms, expected in cases:
        params = terms.pop("params", {})
        with pytest.raises(expected):
            kraken.create_order(ETH, "limit", "buy", terms["amount"], terms["price"], params)
