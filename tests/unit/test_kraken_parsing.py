"""Parsing what the captures do not show: triggered stops, fees in coins, odd pairs, times."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from brackets.venue.kraken import parsing
from brackets.venue.kraken.catalogue import Catalogue
from brackets.venue.port import OrderKind, UnknownSymbol, UnknownWord

ORDER: dict[str, Any] = {
    "refid": "OPARENT",
    "cl_ord_id": "",
    "status": "closed",
    "opentm": 1700000000,
    "closetm": 0,
    "descr": {"pair": "XBTUSD", "type": "sell", "ordertype": "stop-loss", "price": "59000.1", "price2": "0"},
    "vol": "2",
    "vol_exec": "1.5",
    "cost": "88000",
    "fee": "352",
    "price": "58900.5",
    "stopprice": "0",
    "misc": "",
    "trades": ["T1", "T2"],
}


def order(**changes: Any) -> Any:
    descr = ORDER["descr"] | changes.pop("descr", {})
    return parsing.order("O1", ORDER | changes | {"descr": descr}, str.lower)


def test_a_part_filled_stop() -> None:
    report = order()
    assert (report.parent_venue_order_id, report.client_order_id) == ("OPARENT", None)
    assert (report.filled_quantity, report.average_price) == (Decimal("1.5"), Decimal("58900.5"))
    assert (report.trigger_price, report.symbol) == (Decimal("59000.1"), "xbtusd")
    assert report.trade_ids == ("T1", "T2")
    assert (report.opened_at, report.closed_at) == (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), None)


@pytest.mark.parametrize(
    ("misc", "triggered"),
    [
        ("", False),
        ("stopped", True),
        ("touched", True),
        ("partial,stopped", True),
        ("amended", False),
        ("unstopped", False),
    ],
)
def test_the_misc_word_tells_a_triggered_stop(misc: str, triggered: bool) -> None:
    assert order(misc=misc).triggered is triggered


def test_a_relative_trigger_is_read_where_the_venue_resolved_it() -> None:
    report = order(descr={"price": "-5%"}, stopprice="57000")
    assert report.trigger_price == Decimal(57000)
    assert order(descr={"price": "-5%"}).trigger_price is None


def test_each_kind_has_its_price_in_its_place() -> None:
    limit = order(descr={"ordertype": "limit", "price": "7"})
    assert (limit.kind, limit.limit_price, limit.trigger_price) == (OrderKind.LIMIT, 7, None)
    both = order(descr={"ordertype": "take-profit-limit", "price": "7", "price2": "8"})
    assert (both.limit_price, both.trigger_price) == (8, 7)
    market = order(descr={"ordertype": "market", "price": "0"})
    assert (market.limit_price, market.trigger_price) == (None, None)


@pytest.mark.parametrize("value", [1.5, True, None, "", "abc", "NaN", "Infinity", [], {}])
def test_what_is_no_exact_number_raises(value: Any) -> None:
    with pytest.raises(UnknownWord):
        parsing.number(value, "x")


@pytest.mark.parametrize("value", ["1e30", "-1e30", "soon"])
def test_what_is_no_time_raises(value: str) -> None:
    with pytest.raises(UnknownWord):
        parsing.moment(value, "x")


def test_microseconds_are_kept() -> None:
    assert parsing.moment("1705260547.4728658", "x").microsecond == 472865


PAIR: dict[str, Any] = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "base": "XXBT",
    "quote": "ZUSD",
    "lot_decimals": "8",
    "tick_size": "0.1",
    "ordermin": "0.0001",
    "fees": [[0, "0.4"]],
    "status": "online",
}


def test_a_pair_without_maker_fees_or_cost_minimum() -> None:
    read = parsing.instrument("XXBTZUSD", PAIR)
    assert (read.maker_fee_ratio, read.taker_fee_ratio) == (Decimal("0.004"), Decimal("0.004"))
    assert read.minimum_cost == 0


@pytest.mark.parametrize(
    "change",
    [
        {"status": "closed for lunch"},
        {"wsname": "XBTUSD"},
        {"tick_size": "0"},
        {"tick_size": None},
        {"fees": []},
        {"lot_decimals": "1.5"},
    ],
)
def test_an_odd_pair_raises_alone_and_is_left_out_of_the_catalogue(change: dict[str, Any]) -> None:
    with pytest.raises(UnknownWord):
        parsing.instrument("XXBTZUSD", PAIR | change)
    other = PAIR | {"altname": "ETHUSD", "wsname": "ETH/USD", "base": "XETH"}
    catalogue = Catalogue({"XXBTZUSD": PAIR | change, "XETHZUSD": other}, base_decimals={})
    assert [pair.symbol for pair in catalogue.instruments] == ["ETH/USD"]
    with pytest.raises(UnknownSymbol):
        catalogue.find("XXBTZUSD")


def test_every_name_finds_the_pair_and_a_strange_one_stays_itself() -> None:
    catalogue = Catalogue({"XXBTZUSD": PAIR}, base_decimals={})
    for name in ("BTC/USD", "xbt/usd", "XXBTZUSD", "XBTUSD", "BTCUSD", " BTC/USD "):
        assert catalogue.find(name).symbol == "BTC/USD"
    assert catalogue.symbol_of("XBTUSD") == "BTC/USD"
    assert catalogue.symbol_of("XRPUSD") == "XRPUSD"
    with pytest.raises(UnknownSymbol, match="XRP"):
        catalogue.find("XRP/USD")


def test_a_trade_s_maker_is_true_false_or_unknown() -> None:
    raw = {
        "ordertxid": "O1",
        "pair": "XXBTZUSD",
        "time": "1700000000.5",
        "type": "buy",
        "price": "1",
        "cost": "1",
        "fee": "0",
        "vol": "1",
    }
    assert parsing.trade("T1", raw, str).maker is None
    assert parsing.trade("T1", raw | {"maker": True}, str).maker is True
    with pytest.raises(UnknownWord):
        parsing.trade("T1", raw | {"maker": "yes"}, str)
