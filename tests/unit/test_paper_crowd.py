"""Any number of synthetic pairs: each with a name, terms and prices of its own, known to every room."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from brackets.venue.paper import pairs
from brackets.venue.paper.crowd import crowd
from brackets.venue.paper.market import BadMarket, build_market
from brackets.venue.paper.orders import Kind, NewOrder, Side, System
from brackets.venue.paper.rules import check_new
from tests.unit.paper_desk import START


@pytest.fixture(autouse=True)
def listing() -> Iterator[None]:
    with pairs.listing_kept():
        yield


def test_there_are_as_many_pairs_as_asked_for_and_the_usual_come_first():
    market = build_market(market="synthetic", start="", speed="", seed="1", pairs=100)
    assert len(market.symbols) == len(market.ticks()) == 100
    assert market.symbols[:7] == (
        "BTC/USD",
        "ETH/USD",
        "SOL/USD",
        "XRP/USD",
        "ADA/USD",
        "LTC/USD",
        "C0007/USD",
    )
    assert build_market(market="", start="", speed="", seed="1", pairs=2).symbols == ("BTC/USD", "ETH/USD")


def test_every_pair_can_be_traded_at_its_price():
    market = build_market(market="", start="", speed="", seed="1", pairs=300)
    for tick in market.ticks():
        pair = pairs.find_pair(tick.symbol)
        assert pair is not None and pairs.find_pair(pair.altname) is pair
        assert pairs.find_asset(pair.base.code) == pair.base
        order = NewOrder(
            symbol=tick.symbol, side=Side.BUY, kind=Kind.LIMIT, volume=pair.order_minimum, price=tick.bid
        )
        check_new(order, pair=pair, tick=tick, system=System.ONLINE, now=START)
        assert 2 < pair.order_minimum * tick.ask < 20


def test_a_crowd_has_a_past_and_moves():
    market = build_market(market="", start="", speed="", seed="1", pairs=20)
    assert len(market.history("C0020/USD", minutes=60, count=25)) == 25
    before = market.ticks()
    after = market.advance(Decimal(60))
    assert sum(a.last != b.last for a, b in zip(after, before, strict=True)) > 10


def test_its_numbers_are_the_same_each_time():
    first = crowd(50)
    listed = pairs.PAIRS["C0050/USD"]
    assert crowd(50) == first
    assert pairs.PAIRS["C0050/USD"] == listed


@pytest.mark.parametrize("count", [0, -1, 10_001])
def test_a_number_of_pairs_that_is_none_is_refused(count):
    with pytest.raises(BadMarket, match="from 1 to 10000"):
        build_market(market="", start="", speed="", seed="", pairs=count)


def test_a_candle_file_has_the_pairs_it_has():
    with pytest.raises(BadMarket, match="only the synthetic market"):
        build_market(market="kraken_ETHUSD_5m.csv", start="", speed="", seed="", pairs=3)


def test_what_was_listed_can_be_forgotten():
    with pairs.listing_kept():
        crowd(20)
        assert "C0020/USD" in pairs.PAIRS
    assert len(pairs.PAIRS) == 6
    assert pairs.find_pair("C0020USD") is None and pairs.find_asset("C0020") is None
    assert pairs.find_pair("XBTUSD") is pairs.PAIRS["BTC/USD"]
