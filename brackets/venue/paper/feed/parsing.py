"""What another venue of Kraken's protocol says of its market, as this venue's own values. Pure.

Stands between the feed's source, which asks, and its market. Texts become Decimals at once; what does
not fit is left out of a listing, and raises KeyError, TypeError or ValueError where a price was wanted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from brackets.venue.paper.bars import Candle
from brackets.venue.paper.market import LOT_STEP
from brackets.venue.paper.pairs import LOT_DECIMALS, Asset, Pair
from brackets.venue.paper.stream.wire import asset_name

Json = dict[str, Any]
QUOTES = frozenset({"ZUSD"})  # whose pairs are listed
THINNEST_DEPTH_USD = Decimal(5_000)  # beside the best offer stand others, of which a ticker tells nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A pair's price at the feed; sizes in base coins. `traded` is the volume of the day so far."""

    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal
    depth: Decimal
    traded: Decimal


def pairs_of(assets: Json, listed: Json) -> list[Pair]:
    """The pairs of AssetPairs that can trade here, with their assets."""
    known = {
        code: Asset(
            code=code,
            altname=told["altname"],
            decimals=int(told["decimals"]),
            display_decimals=int(told["display_decimals"]),
        )
        for code, told in assets.items()
    }
    pairs = []
    for code, told in listed.items():
        base, quote = known.get(told.get("base", "")), known.get(told.get("quote", ""))
        if base is None or quote is None or quote.code not in QUOTES or told["lot_decimals"] != LOT_DECIMALS:
            continue
        pair = _pair(code, told, base=base, quote=quote)
        if pair is not None:
            pairs.append(pair)
    return pairs


def _pair(code: str, told: Json, *, base: Asset, quote: Asset) -> Pair | None:
    if not all(told.get(name) for name in ("wsname", "ordermin", "costmin", "tick_size")):
        return None
    return Pair(
        symbol=f"{asset_name(base.altname)}/{asset_name(quote.altname)}",
        code=code,
        altname=told["altname"],
        wsname=told["wsname"],
        base=base,
        quote=quote,
        pair_decimals=int(told["pair_decimals"]),
        cost_decimals=int(told["cost_decimals"]),
        order_minimum=Decimal(told["ordermin"]),
        cost_minimum=Decimal(told["costmin"]),
        tick_size=Decimal(told["tick_size"]),
    )


def quotes_of(told: Json, pairs: Iterable[Pair]) -> list[Quote]:
    """The quotes of a Ticker answer; a pair that nobody offers has none."""
    quotes = []
    for pair in pairs:
        row = told.get(pair.code)
        if row is None:
            continue
        quote = _quote(
            pair.symbol,
            prices=(row["b"][0], row["a"][0], row["c"][0]),
            sizes=(row["b"][2], row["a"][2]),
            traded=row["v"][0],
        )
        if quote is not None:
            quotes.append(quote)
    return quotes


def quote_of_stream(item: Json) -> Quote | None:
    """One item of the channel `ticker`; None where nobody offers."""
    prices = (item["bid"], item["ask"], item["last"])
    return _quote(
        item["symbol"], prices=prices, sizes=(item["bid_qty"], item["ask_qty"]), traded=item["volume"]
    )


def _quote(symbol: str, *, prices: tuple[Any, ...], sizes: tuple[Any, ...], traded: Any) -> Quote | None:
    bid, ask, last = (Decimal(price) for price in prices)
    if not 0 < bid < ask or last <= 0:  # one side is empty, or both cross for a moment
        return None
    thinnest = (THINNEST_DEPTH_USD / last).quantize(LOT_STEP)
    depth = max(thinnest, *(Decimal(size) for size in sizes), LOT_STEP)
    return Quote(symbol=symbol, bid=bid, ask=ask, last=last, depth=depth, traded=Decimal(traded))


def candles_of(rows: Iterable[list[Any]]) -> list[Candle]:
    """The bars of an OHLC answer, oldest first."""
    candles = []
    for opened_at, first, high, low, close, average, volume, count in rows:
        candles.append(
            Candle(
                opened_at=int(opened_at),
                open=Decimal(first),
                high=Decimal(high),
                low=Decimal(low),
                close=Decimal(close),
                volume=Decimal(volume),
                turnover=Decimal(average) * Decimal(volume),
                count=int(count),
            )
        )
    return candles
