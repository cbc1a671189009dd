"""Kraken's public methods, answered from the venue's market. No key is needed, nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from brackets.venue.paper import answers, liquidity
from brackets.venue.paper.bars import INTERVALS
from brackets.venue.paper.forms import Form, pair_of
from brackets.venue.paper.orders import ZERO, Refused, Side, System
from brackets.venue.paper.pairs import ASSETS, PAIRS, Pair, find_asset, find_pair
from brackets.venue.paper.rules import UNKNOWN_PAIR, invalid
from brackets.venue.paper.venue import PaperVenue

Json = dict[str, Any]
DAY = 86400
BOOK_COUNT = 100


def time(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    moment = datetime.fromtimestamp(int(now), UTC)
    return {"unixtime": int(now), "rfc1123": moment.strftime("%a, %d %b %y %H:%M:%S +0000")}


def system_status(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    return {"status": venue.engine.system.value, "timestamp": answers.moment(now)}


def assets(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    wanted = [find_asset(name) for name in form.words("asset")]
    if None in wanted:
        raise Refused("EQuery:Unknown asset")
    return {asset.code: answers.asset(asset) for asset in wanted or ASSETS.values() if asset is not None}


def asset_pairs(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    def status(pair: Pair) -> System:
        mode = venue.engine.mode_of(pair.symbol)
        return System.CANCEL_ONLY if mode is System.MAINTENANCE else mode

    return {pair.code: answers.asset_pair(pair, status=status(pair)) for pair in _pairs(venue, form)}


def ticker(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    midnight = int(now) - int(now) % DAY
    told = {}
    for pair in _pairs(venue, form):
        bars = venue.bars(pair.symbol, minutes=60, now=now, count=DAY // 3600 + 1)
        told[pair.code] = answers.ticker(
            venue.engine.ticks[pair.symbol],
            pair,
            day=[bar for bar in bars if bar.opened_at > int(now) - DAY],
            today=[bar for bar in bars if bar.opened_at >= midnight],
        )
    return told


def ohlc(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    pair = _traded(venue, form)
    minutes = form.whole("interval", 1)
    if minutes not in INTERVALS:
        raise invalid("interval")
    bars = venue.bars(pair.symbol, minutes=minutes, now=now)
    last = bars[-2].opened_at if len(bars) > 1 else 0  # the newest bar that is finished
    since = form.number("since") or ZERO
    return {
        pair.code: [answers.candle(bar, pair) for bar in bars if bar.opened_at >= since],
        "last": last,
    }


def depth(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    pair = _traded(venue, form)
    count = form.whole("count", BOOK_COUNT)
    if not 0 < count <= 500:
        raise invalid("count")

    def side(taker: Side) -> list[list[Any]]:
        offers = liquidity.offers(
            pair=pair,
            tick=venue.engine.ticks[pair.symbol],
            side=taker,
            taken=ZERO,
            levels=venue.options.levels,
            step_bps=venue.options.step_bps,
        )
        rows = [[answers.fixed(price, 5), answers.fixed(size, 3), int(now)] for price, size in offers]
        return rows[:count]

    return {pair.code: {"asks": side(Side.BUY), "bids": side(Side.SELL)}}


def trades(venue: PaperVenue, form: Form, now: Decimal) -> Json:
    """One print a minute at the bars' closes: the market has bars, not single trades of strangers."""
    pair = _traded(venue, form)
    bars = venue.bars(pair.symbol, minutes=1, now=now, count=50)
    since = (form.number("since") or ZERO) / 1_000_000_000
    rows = [
        [
            answers.fixed(bar.close, 5),
            answers.volume(bar.volume),
            float(bar.opened_at + 59),
            "b" if bar.close >= bar.open else "s",
            "m",
            "",
            bar.opened_at // 60,
        ]
        for bar in bars
        if bar.opened_at + 59 > since and bar.opened_at + 59 <= now
    ]
    last = int(rows[-1][2]) if rows else int(now)
    return {pair.code: rows, "last": str(last * 1_000_000_000)}


METHODS: MappingProxyType[str, Callable[[PaperVenue, Form, Decimal], Json]] = MappingProxyType(
    {
        "Time": time,
        "SystemStatus": system_status,
        "Assets": assets,
        "AssetPairs": asset_pairs,
        "Ticker": ticker,
        "OHLC": ohlc,
        "Depth": depth,
        "Trades": trades,
    }
)


def _pairs(venue: PaperVenue, form: Form) -> list[Pair]:
    """The pairs asked for, all that trade when none is named."""
    names = form.words("pair")
    if not names:
        return [PAIRS[symbol] for symbol in venue.engine.ticks]
    found = [find_pair(name) for name in names]
    return [_listed(venue, pair) for pair in found]


def _traded(venue: PaperVenue, form: Form) -> Pair:
    return _listed(venue, pair_of(form))


def _listed(venue: PaperVenue, pair: Pair | None) -> Pair:
    if pair is None or pair.symbol not in venue.engine.ticks:
        raise Refused(UNKNOWN_PAIR)
    return pair
