"""The synthetic market: repeatable, continued exactly, and as lively as the coins it stands for."""

import json
import math
import statistics
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from brackets.venue.paper.market import BadMarket
from brackets.venue.paper.synthetic import COINS, WEATHER, Factor, Regime, SyntheticMarket

SECOND = Decimal(1)
SPEED = Decimal(600)  # candle seconds a wall second, the default


def market(seed=1, speed=SPEED):
    return SyntheticMarket(seed=seed, speed=speed)


def run(source, seconds, step=SECOND):
    return [source.advance(step) for _ in range(seconds)]


def log_returns(prices):
    logs = [math.log(price) for price in prices]
    return [after - before for before, after in pairwise(logs)]


@pytest.fixture(scope="module")
def two_hours():
    """7,200 wall seconds at default speed: prices by symbol, and every regime met on the way."""
    source, met = market(), set()
    prices = {symbol: [] for symbol in source.symbols}
    for _ in range(7200):
        for tick in source.advance(SECOND):
            prices[tick.symbol].append(tick.last)
        met |= set(source.regimes().items())
    return prices, met


def test_it_begins_at_the_start_prices():
    assert {tick.symbol: float(tick.last) for tick in market().ticks()} == {
        symbol: coin.start_price for symbol, coin in COINS.items()
    }


def test_the_same_seed_says_the_same():
    assert run(market(seed=7), 50) == run(market(seed=7), 50)


def test_another_seed_says_something_else():
    assert run(market(seed=7), 5) != run(market(seed=8), 5)


def test_looking_moves_nothing():
    watched, alone = market(), market()
    for _ in range(20):
        watched.ticks(), watched.snapshot(), watched.history("ETH/USD", minutes=1, count=3)
        watched.advance(Decimal(0))
        assert watched.advance(SECOND) == alone.advance(SECOND)


def test_it_goes_on_from_a_stored_snapshot_as_if_nothing_had_happened():
    source = market(seed=5)
    run(source, 37)
    stored = json.loads(json.dumps(source.snapshot()))
    other = market(seed=99)
    other.restore(stored)
    assert other.ticks() == source.ticks()
    assert other.regimes() == source.regimes()
    assert run(other, 100, Decimal("0.37")) == run(source, 100, Decimal("0.37"))
    asked = {"minutes": 5, "count": 20}
    assert other.history("SOL/USD", **asked) == source.history("SOL/USD", **asked)


@pytest.mark.parametrize("damage", ["rng", "regimes", "logs", "ticks", "seed"])
@pytest.mark.parametrize("value", [None, "x", [], {}])
def test_it_refuses_a_damaged_snapshot_and_changes_nothing(damage, value):
    source, twin = market(), market()
    with pytest.raises(BadMarket, match="damaged"):
        source.restore(market(seed=3).snapshot() | {damage: value})
    assert run(source, 3) == run(twin, 3)


def test_it_refuses_the_snapshot_of_another_market():
    with pytest.raises(BadMarket, match="candles"):
        market().restore({"market": "candles", "file": "kraken_ETHUSD_5m.csv.gz"})


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "1e30"])
def test_time_that_is_no_duration_is_refused(seconds):
    with pytest.raises(ValueError, match="cannot be advanced"):
        market().advance(Decimal(seconds))


def test_the_drift_over_all_regimes_is_zero():
    assert math.fsum(w.mean_hours * w.daily_drift for w in WEATHER.values()) == pytest.approx(0, abs=1e-12)


def test_every_pair_and_the_market_meet_every_regime(two_hours):
    _, met = two_hours
    assert met == {(name, regime) for name in ("market", *COINS) for regime in Regime}


@pytest.mark.parametrize("symbol", COINS)
def test_volatility_is_that_of_a_coin(two_hours, symbol):
    """Yearly 60 to 110 %, measured on wall seconds, and so 2 to 4 % in a wall minute."""
    prices, _ = two_hours
    yearly = statistics.pstdev(log_returns(prices[symbol])) * math.sqrt(365 * 86400 / float(SPEED))
    assert 0.60 <= yearly <= 1.10
    assert 0.015 <= statistics.pstdev(log_returns(prices[symbol][::60])) <= 0.045


@pytest.mark.parametrize("symbol", COINS)
def test_its_tails_are_fat(two_hours, symbol):
    returns = log_returns(two_hours[0][symbol])
    kurtosis = statistics.fmean(r**4 for r in returns) / statistics.pvariance(returns) ** 2
    assert kurtosis > 4  # a Gaussian has 3


def test_the_pairs_move_together_but_not_as_one(two_hours):
    prices, _ = two_hours
    together = statistics.correlation(log_returns(prices["BTC/USD"]), log_returns(prices["ETH/USD"]))
    assert 0.2 < together < 0.9


def test_there_are_jumps():
    """Moves within ten candle seconds that the wildest regime's diffusion would not make."""
    rng = Random(1)
    factor = Factor.somewhere(rng)
    moves = [factor.step(rng, 10) for _ in range(60 * 8640)]  # sixty days
    assert 3 <= sum(abs(move) > 0.0125 for move in moves) <= 30


def test_it_stays_near_where_it_began_over_years():
    """Sixty months of wall time, each fifty years of the market: pulled back, not stopped at a wall."""
    for ticks in run(market(), 60, Decimal(30 * 86400)):
        for tick in ticks:
            assert COINS[tick.symbol].start_price / 10 < tick.last < COINS[tick.symbol].start_price * 10


@pytest.mark.parametrize("symbol", COINS)
def test_its_past_stays_near_where_it_began(symbol):
    for bar in market().history(symbol, minutes=1440, count=200):  # 330 years of the market
        assert COINS[symbol].start_price / 15 < bar.close < COINS[symbol].start_price * 15


@pytest.mark.parametrize("minutes", [1, 5, 60, 240, 1440])
def test_its_past_ends_where_it_began(minutes):
    source = market(seed=4)
    began = {tick.symbol: tick.last for tick in source.ticks()}
    run(source, 5)
    for symbol in source.symbols:
        bars = source.history(symbol, minutes=minutes, count=50)
        assert len(bars) == 50
        assert bars[-1].close == began[symbol]
        for older, newer in pairwise(bars):
            assert newer.open == older.close
        for bar in bars:
            assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            assert bar.volume > 0


def test_its_past_is_the_same_whatever_was_asked_before():
    fresh, asked = market(), market()
    asked.history("BTC/USD", minutes=15, count=100)
    asked.history("ETH/USD", minutes=1, count=7)
    assert asked.history("ETH/USD", minutes=1, count=60) == fresh.history("ETH/USD", minutes=1, count=60)


def test_five_minutes_of_the_past_are_five_of_one_minute():
    source = market()
    (five,) = source.history("XRP/USD", minutes=5, count=1)
    ones = source.history("XRP/USD", minutes=1, count=5)
    assert (five.open, five.close) == (ones[0].open, ones[-1].close)
    assert five.high == max(bar.high for bar in ones)
    assert five.low == min(bar.low for bar in ones)


@pytest.mark.parametrize("symbol", COINS)
def test_its_past_is_as_lively_as_its_present(symbol):
    closes = [bar.close for bar in market().history(symbol, minutes=1, count=5000)]
    assert 0.015 <= statistics.pstdev(log_returns(closes)) <= 0.045  # in a wall minute


@pytest.mark.parametrize(
    ("symbol", "minutes", "count"), [("DOGE/USD", 1, 1), ("ETH/USD", 0, 1), ("ETH/USD", 1, 0)]
)
def test_a_past_that_cannot_be_is_refused(symbol, minutes, count):
    with pytest.raises(ValueError, match=r"DOGE/USD|at least 1"):
        market().history(symbol, minutes=minutes, count=count)
