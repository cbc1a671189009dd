"""Indicators over candles. Pure; prices in quote currency, oldest bar first."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol


class Bar(Protocol):
    @property
    def high(self) -> Decimal: ...
    @property
    def low(self) -> Decimal: ...
    @property
    def close(self) -> Decimal: ...


def average_true_range(bars: Sequence[Bar], *, period: int) -> Decimal | None:
    """Wilder's average true range (New Concepts in Technical Trading Systems, 1978) of the last bar.

    Computed by pandas-ta (`atr`, Wilder's smoothing) in floating point: an indicator measures, it does
    not book, and the result is rounded to the grid before it touches a price. None when there are
    fewer than `period` + 1 bars or the result is not a positive number.
    """
    if len(bars) <= period:
        return None
    import pandas  # here, because importing both takes a second that most commands do not need
    import pandas_ta

    frame = pandas.DataFrame(
        {name: [float(getattr(bar, name)) for bar in bars] for name in ("high", "low", "close")}
    )
    series = pandas_ta.atr(frame["high"], frame["low"], frame["close"], length=period, talib=False)
    if series is None:
        return None
    value = float(series.iloc[-1])
    if not value > 0 or value == float("inf"):
        return None
    return Decimal(repr(value))
