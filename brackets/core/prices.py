"""Where the stop and the target of a long position stand, and rounding to the venue's grid.

Pure; prices in quote currency. `compute_bracket_prices` is the one rule that autopilot, manual
command and force test share.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal
from enum import StrEnum

LARGEST_EXPONENT = 15
"""Beyond 1E±15 nothing is a price, and the 28 digits of the arithmetic would no longer be exact."""

BPS = Decimal(10_000)
"""Basis points in a whole."""


class StopMethod(StrEnum):
    ATR = "ATR"
    PERCENT = "PERCENT"


class TargetMethod(StrEnum):
    ATR = "ATR"
    R_MULTIPLE = "R_MULTIPLE"


class PriceRefusal(ValueError):
    """No usable pair of prices follows from these inputs; the message names the limit and value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BracketConfig:
    """How far away the legs stand. Multiples are of the ATR (average true range, Wilder 1978) or of
    R, the distance from entry to stop; `stop_ratio` is a share of the entry price."""

    tick_size: Decimal
    stop_method: StopMethod = StopMethod.ATR
    stop_atr_multiple: Decimal = Decimal("1.5")
    stop_ratio: Decimal = Decimal("0.02")
    target_method: TargetMethod = TargetMethod.R_MULTIPLE
    target_atr_multiple: Decimal = Decimal("3")
    target_r_multiple: Decimal = Decimal("2")


@dataclass(frozen=True, kw_only=True, slots=True)
class BracketPrices:
    stop_price: Decimal
    target_price: Decimal


def round_down(value: Decimal, step: Decimal) -> Decimal:
    """The greatest multiple of `step` not above `value` (for a non-negative value)."""
    return (value / step).to_integral_value(rounding=ROUND_DOWN) * step


def round_up(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` not below `value` (for a non-negative value)."""
    return (value / step).to_integral_value(rounding=ROUND_UP) * step


def round_nearest(value: Decimal, step: Decimal) -> Decimal:
    """The multiple of `step` nearest to `value`, halves away from zero."""
    return (value / step).to_integral_value(rounding=ROUND_HALF_UP) * step


def on_grid(value: Decimal, step: Decimal) -> bool:
    """Whether `value` is a whole multiple of `step`."""
    return value.is_finite() and round_nearest(value, step) == value


def compute_bracket_prices(entry_price: Decimal, atr: Decimal | None, config: BracketConfig) -> BracketPrices:
    """Stop below and target above `entry_price`, both on the tick grid.

    Stop: entry − stop_atr_multiple · ATR, or entry · (1 − stop_ratio). Target: entry +
    target_atr_multiple · ATR, or entry + target_r_multiple · (entry − stop). The stop is rounded
    down and the target up, so that rounding never brings a leg nearer than asked.

    Raises PriceRefusal when an input is not finite, positive and of a sane size, when an ATR rule has
    no ATR, and when the result is no price (a stop at or below zero, or legs that touch the entry).
    """
    require_positive("entry_price", entry_price)
    require_positive("tick_size", config.tick_size)
    stop = round_down(entry_price - stop_distance(entry_price, atr, config), config.tick_size)
    if stop <= 0:
        raise PriceRefusal(f"the stop would stand at {stop}, which is not above 0 (entry {entry_price})")
    target = target_for(entry_price, stop, atr, config)
    if not stop < entry_price < target:
        raise PriceRefusal(f"stop {stop}, entry {entry_price}, target {target} are not in rising order")
    return BracketPrices(stop_price=stop, target_price=target)


def entry_limit_price(bid: Decimal, *, offset_bps: Decimal, offset_ticks: int, tick_size: Decimal) -> Decimal:
    """Where a post-only buy stands: bid · (1 - offset_bps / 10,000) rounded down to the tick, and
    `offset_ticks` ticks below that. Never above the bid, so it never takes liquidity of the book it saw.

    Raises PriceRefusal when the bid or the tick is no price, an offset is negative, or nothing above 0
    is left.
    """
    require_positive("bid", bid)
    require_positive("tick_size", tick_size)
    if not offset_bps.is_finite() or offset_bps < 0 or offset_ticks < 0:
        raise PriceRefusal(
            f"the entry's offsets must not be below 0, not {offset_bps} bps, {offset_ticks} ticks"
        )
    price = round_down(bid * (1 - offset_bps / BPS), tick_size) - offset_ticks * tick_size
    if price <= 0:
        raise PriceRefusal(f"the entry would rest at {price}, which is not above 0 (bid {bid})")
    return price


def target_for(
    entry_price: Decimal, stop_price: Decimal, atr: Decimal | None, config: BracketConfig
) -> Decimal:
    """The target above `entry_price` for a stop at `stop_price`, rounded up to the tick."""
    if config.target_method is TargetMethod.ATR:
        require_positive("target_atr_multiple", config.target_atr_multiple)
        distance = config.target_atr_multiple * require_atr(atr)
    else:
        require_positive("target_r_multiple", config.target_r_multiple)
        distance = config.target_r_multiple * (entry_price - stop_price)
    return round_up(entry_price + distance, config.tick_size)


def stop_distance(entry_price: Decimal, atr: Decimal | None, config: BracketConfig) -> Decimal:
    """How far below the entry the stop stands, before rounding."""
    if config.stop_method is StopMethod.ATR:
        require_positive("stop_atr_multiple", config.stop_atr_multiple)
        return config.stop_atr_multiple * require_atr(atr)
    require_positive("stop_ratio", config.stop_ratio)
    return config.stop_ratio * entry_price


def require_atr(atr: Decimal | None) -> Decimal:
    if atr is None:
        raise PriceRefusal("the rule is a multiple of the ATR, and no ATR is known (too few candles)")
    return require_positive("atr", atr)


def require_positive(name: str, value: Decimal) -> Decimal:
    if not value.is_finite() or value <= 0:
        raise PriceRefusal(f"{name} must be above 0, not {value}")
    if abs(value.adjusted()) > LARGEST_EXPONENT:
        raise PriceRefusal(f"{name} must lie between 1E-15 and 1E+15, not {value}")
    return value
