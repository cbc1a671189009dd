"""A feed's words as the paper venue's own values, and a market that moves only on news."""

from decimal import Decimal
from typing import Any

import pytest

from brackets.venue.paper.bars import Candle, joined
from brackets.venue.paper.feed.market import FeedMarket
from brackets.venue.paper.feed.parsing import Quote, candles_of, pairs_of, quote_of_stream, quotes_of
from brackets.venue.paper.market import BadMarket, build_market
from brackets.venue.paper.orders import Kind, Status
from brackets.venue.paper.pairs import PAIRS
from tests.unit.paper_desk import ETH, Desk

BTC = "BTC/USD"
ASSETS: dict[str, Any] = {
    "XXBT": {"altname": "XBT", "decimals": 10, "display_decimals": 5},
    "XXDG": {"altname": "XDG", "decimals": 8, "display_decimals": 2},
    "ZUSD": {"altname": "USD", "decimals": 4, "display_decimals": 2},
    "ZEUR": {"altname": "EUR", "decimals": 4, "display_decimals": 2},
}


def listed(**changes: Any) -> dict[str, Any]:
    return {
        "altname": "XBTUSD",
        "wsname": "XBT/USD",
        "base": "XXBT",
        "quote": "ZUSD",
        "pair_decimals": 1,
        "cost_decimals": 5,
        "lot_decimals": 8,
        "ordermin": "0.00005",
        "costmin": "0.5",
        "tick_size": "0.1",
    } | changes


def quote(last: str, *, symbol: str = ETH, traded: str = "10", **changes: str) -> Quote:
    price = Decimal(last)
    fields = {
        "bid": price - Decimal("0.01"),
        "ask": price + Decimal("0.01"),
        "last": price,
        "depth": Decimal(5),
    }
    fields |= {name: Decimal(text) for name, text in changes.items()}
    return Quote(symbol=symbol, traded=Decimal(traded), **fields)


def test_it_reads_pairs_by_the_names_of_v2():
    (doge,) = pairs_of(ASSETS, {"XDGUSD": listed(altname="XDGUSD", wsname="XDG/USD", base="XXDG")})
    assert (doge.symbol, doge.code, doge.base.decimals) == ("DOGE/USD", "XDGUSD", 8)
    (bitcoin,) = pairs_of(ASSETS, {"XXBTZUSD": listed()})
    assert bitcoin == PAIRS[BTC]


@pytest.mark.parametrize(
    "changes",
    [{"quote": "ZEUR"}, {"base": "GONE"}, {"lot_decimals": 5}, {"ordermin": None}, {"tick_size": ""}],
)
def test_it_leaves_out_what_cannot_trade_here(changes):
    assert pairs_of(ASSETS, {"XXBTZUSD": listed(**changes)}) == []


def test_it_reads_the_ticker_and_leaves_out_what_nobody_offers():
    row = {"a": ["50000.1", "1", "0.5"], "b": ["50000.0", "1", "0.7"], "c": ["50000.0", "1"], "v": ["9", "9"]}
    (told,) = quotes_of({"XXBTZUSD": row}, [PAIRS[BTC], PAIRS[ETH]])
    assert (told.symbol, told.bid, told.ask, told.depth) == (
        BTC,
        Decimal("50000.0"),
        Decimal("50000.1"),
        Decimal("0.7"),
    )
    assert quotes_of({"XXBTZUSD": row | {"b": ["0.0", "0", "0"]}}, [PAIRS[BTC]]) == []


def test_it_reads_the_stream_and_knows_that_more_is_offered_than_the_best():
    item = {"symbol": ETH, "bid": Decimal("1999.9"), "ask": Decimal("2000"), "last": Decimal("2000")}
    told = quote_of_stream(item | {"bid_qty": Decimal("0.001"), "ask_qty": Decimal("0.002"), "volume": 3})
    assert told is not None
    assert told.depth == Decimal("2.5")  # five thousand dollars
    assert quote_of_stream(item | {"ask": Decimal(1), "bid_qty": 1, "ask_qty": 1, "volume": 1}) is None


def test_only_news_is_a_tick():
    market = FeedMarket([quote("2000")], symbols=[ETH, BTC])
    assert [tick.last for tick in market.advance(Decimal(1))] == [2000]
    market.hear([quote("2000"), quote("50000", symbol="SOL/USD")])
    assert market.advance(Decimal(1)) == ()
    market.hear([quote("2001"), quote("50000", symbol=BTC)])
    assert [tick.symbol for tick in market.advance(Decimal(1))] == [ETH, BTC]
    assert market.symbols == (ETH, BTC)


def test_a_quote_that_moved_without_a_trade_fills_nothing_between_bid_and_ask():
    desk = Desk()
    market = FeedMarket([quote("2000")], symbols=[ETH])
    market.advance(Decimal(1))
    market.hear([quote("2000", bid="2005", ask="2020")])  # the last trade lies below the bid now
    desk.engine.advance(market.advance(Decimal(1)), now=desk.later())
    order = desk.buy(Kind.LIMIT, "0.5", price="2010", post_only=True)
    market.hear([quote("2000", bid="2006", ask="2020")])
    desk.engine.advance(market.advance(Decimal(1)), now=desk.later())
    assert desk.engine.find_open(txid=order.txid) == order
    market.hear([quote("2000", bid="2006", ask="2020", traded="11")])  # somebody sold at 2000
    desk.engine.advance(market.advance(Decimal(1)), now=desk.later())
    desk.remember()
    assert desk.latest(order).status is Status.CLOSED


def test_it_goes_on_from_its_snapshot_but_not_over_newer_prices():
    market = FeedMarket([quote("2000"), quote("50000", symbol=BTC)], symbols=[ETH, BTC])
    again = FeedMarket([quote("2100")], symbols=[ETH, BTC])
    again.restore(market.snapshot())
    assert {tick.symbol: tick.last for tick in again.ticks()} == {ETH: 2100, BTC: 50000}
    assert [tick.symbol for tick in again.advance(Decimal(1))] == [ETH]


def test_another_markets_state_is_refused():
    synthetic = build_market(market="", start="", speed="", seed="1")
    market = FeedMarket([], symbols=[ETH])
    with pytest.raises(BadMarket, match="synthetic"):
        market.restore(synthetic.snapshot())
    with pytest.raises(BadMarket, match="not synthetic"):
        synthetic.restore(market.snapshot())
    with pytest.raises(BadMarket, match="damaged"):
        market.restore({"market": "feed", "ticks": {ETH: ["1", "2"]}})


def candle(opened_at: int, price: str) -> Candle:
    value = Decimal(price)
    return Candle(
        opened_at=opened_at,
        open=value,
        high=value,
        low=value,
        close=value,
        volume=Decimal(1),
        turnover=value,
        count=1,
    )


def test_told_bars_take_the_place_of_our_own():
    told = candles_of(
        [[60, "10", "12", "9", "11", "10.5", "4", 3], [120, "11", "11", "11", "11", "11", "1", 1]]
    )
    assert (told[0].high, told[0].turnover) == (12, 42)
    own = [candle(0, "8"), candle(60, "1"), candle(120, "13"), candle(180, "14")]
    bars = joined(told, own)
    assert [bar.opened_at for bar in bars] == [0, 60, 120, 180]
    assert [bar.close for bar in bars] == [8, 11, 13, 14]
    assert (bars[2].high, bars[2].low) == (13, 11)
    assert joined([], own) == own
