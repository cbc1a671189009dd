"""The door to the paper venue's markets: every environment text, understood or refused in a sentence."""

from decimal import Decimal

import pytest

from brackets.venue.paper.candles import CandleMarket
from brackets.venue.paper.market import TICK_SIZES, BadMarket, build_market, tick_around
from brackets.venue.paper.synthetic import SyntheticMarket


def built(**texts):
    return build_market(**{"market": "", "start": "", "speed": "", "seed": ""} | texts)


def bars_file(folder, name="kraken_ETHUSD_5m.csv"):
    path = folder / name
    path.write_text(
        "timestamp,open,high,low,close,volume\n"
        "2024-01-01T00:00:00Z,100,110,90,105,5\n"
        "2024-01-01T00:05:00Z,105,106,80,85,5\n"
    )
    return str(path)


def test_it_is_synthetic_with_six_pairs_when_nothing_is_said():
    market = built()
    assert isinstance(market, SyntheticMarket)
    assert market.symbols == ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "LTC/USD")
    assert set(market.symbols) == set(TICK_SIZES)


def test_it_takes_the_default_seed_for_an_empty_one():
    assert built(seed="").advance(Decimal(10)) == built(seed="1").advance(Decimal(10))


def test_it_makes_a_candle_market_of_a_path(tmp_path):
    market = built(market=bars_file(tmp_path), speed="1")
    assert isinstance(market, CandleMarket)
    assert market.symbols == ("ETH/USD",)
    assert [tick.last for tick in market.advance(Decimal(120))] == [Decimal(90)]


def test_it_runs_a_candle_file_at_sixty_when_no_speed_is_said(tmp_path):
    assert built(market=bars_file(tmp_path)).advance(Decimal(2))[0].last == Decimal(90)


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "inf", "-inf", "nan", "1e30", "0.0000001", "60x"])
@pytest.mark.parametrize("kind", ["synthetic", "candles"])
def test_it_refuses_a_speed_naming_it(tmp_path, kind, speed):
    market = bars_file(tmp_path) if kind == "candles" else ""
    with pytest.raises(BadMarket, match=f"PAPER_SPEED is .*{speed}"):
        built(market=market, speed=speed)


@pytest.mark.parametrize("seed", ["one", "1.5", "0x1", "1e3"])
def test_it_refuses_a_seed_that_is_no_integer(seed):
    with pytest.raises(BadMarket, match=f"PAPER_SEED is '{seed}'"):
        built(seed=seed)


def test_it_refuses_a_start_for_a_market_without_a_calendar():
    with pytest.raises(BadMarket, match=r"PAPER_START .*synthetic"):
        built(start="2024-08-05T00:30:00Z")


@pytest.mark.parametrize(("bps", "bid", "ask"), [("0", "99.99", "100.00"), ("3", "99.98", "100.01")])
def test_it_puts_bid_and_ask_around_the_last_price_on_the_grid(bps, bid, ask):
    tick = tick_around(symbol="ETH/USD", last_ticks=10000, spread_bps=Decimal(bps), depth=Decimal(1))
    assert (tick.bid, tick.last, tick.ask) == (Decimal(bid), Decimal(100), Decimal(ask))
