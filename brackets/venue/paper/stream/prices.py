"""The public channels `ticker` and `instrument`: prices of a pair, and what may be done with it.

Stands behind a session. The figures of the last 24 hours come from the venue's candles and are read
anew once a minute for each pair: a thousand pairs change their price four times a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from brackets.venue.paper.bars import Candle
from brackets.venue.paper.market import Tick
from brackets.venue.paper.orders import ZERO, System
from brackets.venue.paper.pairs import ASSETS, LOT_DECIMALS, PAIRS, Pair
from brackets.venue.paper.stream.wire import Json, asset_name, moment
from brackets.venue.paper.venue import PaperVenue

HOURS = 25  # bars of an hour that touch the last day


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A pair's last 24 hours; prices in quote currency, volume in base coins."""

    minute: int  # when it was read
    first: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    average: Decimal


@dataclass(slots=True)
class Tickers:
    """The ticker items of one venue."""

    venue: PaperVenue
    _days: dict[str, Day] = field(default_factory=dict)

    def item(self, tick: Tick, *, now: Decimal) -> Json:
        pair, day = PAIRS[tick.symbol], self._day(tick, now)
        change = tick.last - day.first
        return {
            "symbol": tick.symbol,
            "bid": tick.bid,
            "bid_qty": tick.depth,
            "ask": tick.ask,
            "ask_qty": tick.depth,
            "last": tick.last,
            "volume": round(day.volume, LOT_DECIMALS),
            "vwap": round(day.average, pair.pair_decimals),
            "low": min(day.low, tick.last),
            "high": max(day.high, tick.last),
            "change": change,
            "change_pct": round(change * 100 / day.first, 2),
            "timestamp": moment(now),
        }

    def _day(self, tick: Tick, now: Decimal) -> Day:
        minute = int(now) // 60
        known = self._days.get(tick.symbol)
        if known is None or known.minute != minute:
            bars = self.venue.bars(tick.symbol, minutes=60, now=now, count=HOURS)
            known = self._days[tick.symbol] = _day_of(bars, tick, minute)
        return known


def _day_of(bars: list[Candle], tick: Tick, minute: int) -> Day:
    volume = sum((bar.volume for bar in bars), ZERO)
    turnover = sum((bar.turnover for bar in bars), ZERO)
    return Day(
        minute=minute,
        first=bars[0].open if bars else tick.last,
        high=max([tick.last, *(bar.high for bar in bars)]),
        low=min([tick.last, *(bar.low for bar in bars)]),
        volume=volume,
        average=turnover / volume if volume else tick.last,
    )


def instruments(venue: PaperVenue) -> Json:
    """Every asset and pair that trades here."""
    pairs = [PAIRS[symbol] for symbol in venue.engine.ticks]
    codes = dict.fromkeys(asset.code for pair in pairs for asset in (pair.base, pair.quote))
    return {
        "assets": [
            {
                "id": asset_name(ASSETS[code].altname),
                "status": "enabled",
                "precision": ASSETS[code].decimals,
                "precision_display": ASSETS[code].display_decimals,
                "borrowable": False,
                "collateral_value": 0,
                "margin_rate": 0,
            }
            for code in codes
        ],
        "pairs": [instrument(pair, mode=venue.engine.mode_of(pair.symbol)) for pair in pairs],
    }


def instrument(pair: Pair, *, mode: System) -> Json:
    return {
        "symbol": pair.symbol,
        "base": asset_name(pair.base.altname),
        "quote": asset_name(pair.quote.altname),
        "status": mode.value,
        "qty_precision": LOT_DECIMALS,
        "qty_increment": pair.lot_step,
        "price_precision": pair.pair_decimals,
        "cost_precision": pair.cost_decimals,
        "marginable": False,
        "has_index": False,
        "cost_min": pair.cost_minimum,
        "tick_size": pair.tick_size,
        "price_increment": pair.tick_size,
        "qty_min": pair.order_minimum,
    }
