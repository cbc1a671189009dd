"""Where stop and target stand: the numbers by hand, and every refusal by its name."""

from __future__ import annotations

from decimal import Decimal

import pytest

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
TICK = D("0.01")


def config(**changes: object) -> BracketConfig:
    return BracketConfig(**{"tick_size": TICK, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "stop", "target"),
    [
        ({}, "97.00", "106.00"),  # 1.5 ATR of 2 below, twice that above
        ({"stop_method": StopMethod.PERCENT}, "98.00", "104.00"),  # 2 % below
        ({"target_method": TargetMethod.ATR}, "97.00", "106.00"),  # 3 ATR above
        ({"stop_atr_multiple": D("0.501"), "target_r_multiple": D("1.5")}, "98.99", "101.52"),
        ({"tick_size": D("0.5"), "stop_atr_multiple": D("1.6")}, "96.5", "107.0"),
    ],
)
def test_by_hand_at_entry_100_and_atr_2(changes: dict[str, object], stop: str, target: str) -> None:
    prices = compute_bracket_prices(D(100), D(2), config(**changes))
    assert (prices.stop_price, prices.target_price) == (D(stop), D(target))


def test_percent_and_r_multiple_need_no_atr() -> None:
    prices = compute_bracket_prices(D(100), None, config(stop_method=StopMethod.PERCENT))
    assert (prices.stop_price, prices.target_price) == (D(98), D(104))


BAD = [D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity"), D(0), D(-1)]


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("stop_atr_multiple", {}),
        ("target_r_multiple", {}),
        ("tick_size", {}),
        ("stop_ratio", {"stop_method": StopMethod.PERCENT}),
        ("target_atr_multiple", {"target_method": TargetMethod.ATR}),
    ],
)
def test_a_setting_that_is_no_positive_number_is_refused_by_name(
    name: str, changes: dict[str, object], bad: Decimal
) -> None:
    with pytest.raises(PriceRefusal, match=f"^{name} must be above 0, not "):
        compute_bracket_prices(D(100), D(2), config(**{**changes, name: bad}))


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_a_price_or_atr_that_is_no_positive_number_is_refused_by_name(bad: Decimal) -> None:
    with pytest.raises(PriceRefusal, match=r"^entry_price must be above 0"):
        compute_bracket_prices(bad, D(2), config())
    with pytest.raises(PriceRefusal, match=r"^atr must be above 0"):
        compute_bracket_prices(D(100), bad, config())


@pytest.mark.parametrize(
    "changes", [{}, {"stop_method": StopMethod.PERCENT, "target_method": TargetMethod.ATR}]
)
def test_a_multiple_of_an_atr_nobody_knows_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(PriceRefusal, match="no ATR is known"):
        compute_bracket_prices(D(100), None, config(**changes))


@pytest.mark.parametrize("atr", ["66.67", "70", "100000"])
def test_a_stop_at_or_below_zero_is_refused(atr: str) -> None:
    with pytest.raises(PriceRefusal, match="which is not above 0"):
        compute_bracket_prices(D(100), D(atr), config())


def test_a_distance_far_below_the_tick_still_keeps_the_legs_apart() -> None:
    prices = compute_bracket_prices(D("100.00"), D("0.0001"), config())
    assert (prices.stop_price, prices.target_price) == (D("99.99"), D("100.02"))


@pytest.mark.parametrize(
    ("rounded", "expected"),
    [
        (round_down(D("1.23456"), TICK), "1.23"),
        (round_up(D("1.23001"), TICK), "1.24"),
        (round_up(D("1.23"), TICK), "1.23"),
        (round_nearest(D("1.235"), TICK), "1.24"),
        (round_nearest(D("1.2349"), TICK), "1.23"),
        (round_down(D("7.49"), D("2.5")), "5.0"),
    ],
)
def test_rounding(rounded: Decimal, expected: str) -> None:
    assert rounded == D(expected)


@pytest.mark.parametrize("value", ["1E+999999", "1E+16", "1E-16", "1E-999999"])
def test_a_number_no_price_can_have_is_refused_by_name(value: str) -> None:
    with pytest.raises(PriceRefusal, match=r"^entry_price must lie between"):
        compute_bracket_prices(D(value), D(2), config())
    with pytest.raises(PriceRefusal, match=r"^atr must lie between"):
        compute_bracket_prices(D(100), D(value), config())


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1E-50", "0.005"])
def test_what_is_off_the_grid(value: str) -> None:
    assert not on_grid(D(value), TICK)


def test_on_grid() -> None:
    assert on_grid(D("1E+50"), TICK)
    assert on_grid(D("1.23"), TICK)
    assert not on_grid(D("1.234"), TICK)
    assert on_grid(D("7.5"), D("2.5"))


@pytest.mark.parametrize(
    ("bps", "ticks", "expected"),
    [
        (D(0), 0, "100.05"),  # at the bid, rounded down to the tick
        (D(0), 1, "100.04"),
        (D(10), 0, "99.95"),  # 100.057 less 0.100057 is 99.956943
        (D(10), 3, "99.92"),
        (D("0.5"), 0, "100.05"),
    ],
)
def test_a_limit_entry_by_hand_at_bid_100_057(bps: Decimal, ticks: int, expected: str) -> None:
    price = entry_limit_price(D("100.057"), offset_bps=bps, offset_ticks=ticks, tick_size=TICK)
    assert price == D(expected)


@pytest.mark.parametrize(("bps", "ticks"), [(D(-1), 0), (D("NaN"), 0), (D("Infinity"), 0), (D(0), -1)])
def test_an_offset_above_the_bid_is_refused(bps: Decimal, ticks: int) -> None:
    with pytest.raises(PriceRefusal, match="must not be below 0"):
        entry_limit_price(D(100), offset_bps=bps, offset_ticks=ticks, tick_size=TICK)


@pytest.mark.parametrize(("bps", "ticks"), [(D(10_000), 0), (D(0), 10_000), (D("9999.5"), 1)])
def test_an_offset_that_leaves_no_price_is_refused(bps: Decimal, ticks: int) -> None:
    with pytest.raises(PriceRefusal, match="which is not above 0"):
        entry_limit_price(D(100), offset_bps=bps, offset_ticks=ticks, tick_size=TICK)
