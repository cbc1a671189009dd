"""What holds for every market, whatever the seed, the speed, the file and the steps."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from brackets.venue.paper.candles import CandleMarket, Candles
from brackets.venue.paper.market import TICK_SIZES
from brackets.venue.paper.synthetic import SyntheticMarket

FIRST_BAR = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
STEPS = st.lists(
    st.decimals(min_value="0", max_value="5000", places=3, allow_nan=False), min_size=1, max_size=12
)
SPEEDS = st.decimals(min_value="0.001", max_value="1000000", places=3)


@st.composite
def candle_sets(draw):
    """A file's worth of bars with any prices, real gaps included."""
    candles = Candles(name="kraken_XRPUSD_5m.csv", symbol="XRP/USD", bar_seconds=300)
    opened_at = FIRST_BAR
    for _ in range(draw(st.integers(1, 6))):
        low, *inner, high = sorted(draw(st.lists(st.integers(2, 10**7), min_size=4, max_size=4)))
        open_, close = draw(st.permutations(inner))
        for column, value in (
            (candles.opened_at, opened_at),
            (candles.opens, open_),
            (candles.highs, high),
            (candles.lows, low),
            (candles.closes, close),
            (candles.volumes, draw(st.integers(0, 10**15))),
        ):
            column.append(value)
        opened_at += 300 * draw(st.integers(1, 3))
    return candles


def assert_sound(tick):
    for price in (tick.bid, tick.ask, tick.last):
        assert isinstance(price, Decimal)
        assert price > 0
        assert price % TICK_SIZES[tick.symbol] == 0
    assert tick.bid < tick.last <= tick.ask
    assert tick.depth > 0


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(), speed=SPEEDS, steps=STEPS)
def test_a_synthetic_tick_is_sound_at_any_seed_speed_and_step(seed, speed, steps):
    market = SyntheticMarket(seed=seed, speed=speed)
    for step in steps:
        ticks = market.advance(step)
        assert [tick.symbol for tick in ticks] == list(market.symbols)
        for tick in ticks:
            assert_sound(tick)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(), before=STEPS, after=STEPS)
def test_a_synthetic_market_continues_from_any_snapshot(seed, before, after):
    market, other = (SyntheticMarket(seed=s, speed=Decimal(600)) for s in (seed, seed + 1))
    for step in before:
        market.advance(step)
    other.restore(json.loads(json.dumps(market.snapshot())))
    assert [other.advance(step) for step in after] == [market.advance(step) for step in after]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(),
    symbol=st.sampled_from(SyntheticMarket.symbols),
    minutes=st.integers(1, 5000),
    speed=SPEEDS,
)
def test_a_synthetic_past_is_sound_at_any_scale(seed, symbol, minutes, speed):
    market = SyntheticMarket(seed=seed, speed=speed)
    began = next(tick.last for tick in market.ticks() if tick.symbol == symbol)
    bars = market.history(symbol, minutes=minutes, count=3)
    assert len(bars) == 3
    assert bars[-1].close == began
    for bar in bars:
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert all(p % TICK_SIZES[symbol] == 0 for p in (bar.open, bar.high, bar.low, bar.close))


@given(candles=candle_sets(), speed=st.decimals(min_value="0.001", max_value="3000", places=3), steps=STEPS)
def test_a_candle_tick_is_sound_and_inside_its_bar(candles, speed, steps):
    market = CandleMarket(candles, start="", speed=speed)
    for step in steps:
        (tick,) = market.advance(step)
        assert_sound(tick)
        index = candles.bar_at(Decimal(market.snapshot()["position"]))
        if index is not None:
            last = tick.last / TICK_SIZES["XRP/USD"]
            assert candles.lows[index] <= last <= candles.highs[index]


@given(candles=candle_sets())
def test_every_extreme_of_the_file_is_visited(candles):
    """At one candle minute a step, five-minute bars: open, both extremes, and the close as the bar ends."""
    tick_size = TICK_SIZES["XRP/USD"]
    for index, opened_at in enumerate(candles.opened_at):
        start = (datetime.fromtimestamp(opened_at, UTC)).isoformat()
        market = CandleMarket(candles, start=start, speed=Decimal(60))
        lasts = [market.ticks()[0].last] + [market.advance(Decimal(1))[0].last for _ in range(4)]
        assert lasts[0] == candles.opens[index] * tick_size
        assert min(lasts) == candles.lows[index] * tick_size
        assert max(lasts) == candles.highs[index] * tick_size
        if candles.bar_at(Decimal(opened_at + 300)) is None:
            assert market.advance(Decimal(1))[0].last == candles.closes[index] * tick_size


@given(candles=candle_sets(), offset=st.integers(0, 2000), minutes=st.integers(1, 30))
def test_the_past_of_a_file_adds_up_to_the_path_before_the_start(candles, offset, minutes):
    """Cut into bars of any length: each begins and ends on the path, and no volume is lost or doubled."""
    start = min(candles.begins_at + offset, candles.ends_at - 1)
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=start)).isoformat()
    market = CandleMarket(candles, start=text, speed=Decimal(1))
    bars = market.history("XRP/USD", minutes=minutes, count=50)
    assert len(bars) == (start - candles.begins_at) // (minutes * 60)
    whole = CandleMarket(candles, start=text, speed=Decimal(max(1, len(bars))))
    if bars:
        (one,) = whole.history("XRP/USD", minutes=minutes, count=1)
        assert (one.open, one.close) == (bars[0].open, bars[-1].close)
        assert one.high == max(bar.high for bar in bars)
        assert one.low == min(bar.low for bar in bars)
        assert abs(one.volume - sum(bar.volume for bar in bars)) <= len(bars) * Decimal("0.00000001")
