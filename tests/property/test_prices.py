"""For every market: stop below entry below target, on the grid, never nearer than asked."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from brackets.core.prices import (
    BracketConfig,
    PriceRefusal,
    StopMethod,
    TargetMethod,
    compute_bracket_prices,
    entry_limit_price,
    on_grid,
    round_down,
    round_nearest,
    round_up,
)

D = Decimal
PRICE = st.decimals("0.000001", "1000000", places=8)
TICK = st.sampled_from([D("0.00000001"), D("0.0001"), D("0.01"), D("0.1"), D("0.25"), D(1)])
ANYTHING = st.decimals(allow_nan=True, allow_infinity=True) | st.builds(
    lambda digits, exponent: D(digits).scaleb(exponent), st.integers(-99, 99), st.integers(-900_000, 900_000)
)
MULTIPLE = st.decimals("0.1", "10", places=3)
CONFIG = st.builds(
    BracketConfig,
    tick_size=TICK,
    stop_method=st.sampled_from(StopMethod),
    stop_atr_multiple=MULTIPLE,
    stop_ratio=st.decimals("0.0001", "0.99", places=4),
    target_method=st.sampled_from(TargetMethod),
    target_atr_multiple=MULTIPLE,
    target_r_multiple=MULTIPLE,
)


@given(entry=PRICE, atr=PRICE, config=CONFIG)
def test_legs_stand_in_order_on_the_grid_and_not_nearer_than_asked(
    entry: Decimal, atr: Decimal, config: BracketConfig
) -> None:
    by_atr = config.stop_method is StopMethod.ATR
    asked = config.stop_atr_multiple * atr if by_atr else config.stop_ratio * entry
    try:
        prices = compute_bracket_prices(entry, atr, config)
    except PriceRefusal:
        # Only a stop that would stand at or below zero is refused for such inputs.
        assert entry - asked < config.tick_size
        return
    stop, target = prices.stop_price, prices.target_price
    assert 0 < stop < entry < target
    assert on_grid(stop, config.tick_size)
    assert on_grid(target, config.tick_size)
    assert asked <= entry - stop < asked + config.tick_size
    if config.target_method is TargetMethod.ATR:
        wanted = config.target_atr_multiple * atr
    else:
        wanted = config.target_r_multiple * (entry - stop)
    assert wanted <= target - entry < wanted + config.tick_size


@given(value=PRICE, step=TICK)
def test_rounding_directions(value: Decimal, step: Decimal) -> None:
    down, near, up = round_down(value, step), round_nearest(value, step), round_up(value, step)
    assert down <= value <= up
    assert down <= near <= up
    assert up - down in (0, step)
    assert abs(near - value) * 2 <= step
    assert all(on_grid(rounded, step) for rounded in (down, near, up))
    assert (up == down) == on_grid(value, step)


@given(
    entry=ANYTHING,
    atr=st.none() | ANYTHING,
    config=CONFIG,
)
def test_any_number_at_all_gives_prices_or_a_named_refusal(
    entry: Decimal, atr: Decimal | None, config: BracketConfig
) -> None:
    try:
        prices = compute_bracket_prices(entry, atr, config)
    except PriceRefusal as refusal:
        assert str(refusal)
        return
    assert 0 < prices.stop_price < entry < prices.target_price


OFFSET = st.decimals("0", "200", places=2)
TICKS = st.integers(0, 50)


@given(bid=PRICE, bps=OFFSET, ticks=TICKS, tick=TICK)
def test_a_limit_entry_stands_on_the_grid_below_the_bid_by_what_was_asked(
    bid: Decimal, bps: Decimal, ticks: int, tick: Decimal
) -> None:
    asked = bid * bps / 10_000 + ticks * tick
    try:
        price = entry_limit_price(bid, offset_bps=bps, offset_ticks=ticks, tick_size=tick)
    except PriceRefusal:
        assert bid - asked < tick  # nothing above 0 is left on the grid
        return
    assert 0 < price <= bid
    assert on_grid(price, tick)
    assert asked <= bid - price < asked + tick


@given(
    bid=ANYTHING,
    bps=ANYTHING,
    ticks=st.integers(),
    tick=ANYTHING,
)
def test_any_number_at_all_gives_a_limit_price_or_a_named_refusal(
    bid: Decimal, bps: Decimal, ticks: int, tick: Decimal
) -> None:
    try:
        price = entry_limit_price(bid, offset_bps=bps, offset_ticks=ticks, tick_size=tick)
    except PriceRefusal as refusal:
        assert str(refusal)
        return
    assert 0 < price <= bid
