"""Any number of synthetic pairs, for benchmarks: the usual six, then made-up coins C0007, C0008 and on.

Stands beside the synthetic market. A made-up coin's price and terms follow from its number alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_UP, Decimal

from brackets.venue.paper.market import BadMarket
from brackets.venue.paper.pairs import ASSETS, COST_MINIMUM, Asset, Pair, list_pair
from brackets.venue.paper.synthetic import COINS, Coin

MOST = 10_000
SHAPES = ((2.0, 5), (20.0, 4), (200.0, 2), (2000.0, 2))  # (price about, its decimals)
SMALLEST_ORDER_USD = 5


def crowd(count: int) -> Mapping[str, Coin]:
    """So many coins by symbol, each of them listed. Raises BadMarket."""
    if not 1 <= count <= MOST:
        raise BadMarket(f"{count} pairs were asked for; it must be from 1 to {MOST}.")
    coins = dict(list(COINS.items())[:count])
    for number in range(len(coins) + 1, count + 1):
        price, decimals = SHAPES[number % len(SHAPES)]
        price *= 1 + number % 97 / 100
        pair = _pair(f"C{number:04}", decimals=decimals, price=price)
        list_pair(pair)
        coins[pair.symbol] = Coin(start_price=price, scale=0.9 + number % 31 / 100)
    return coins


def _pair(name: str, *, decimals: int, price: float) -> Pair:
    quote = ASSETS["ZUSD"]
    minimum = (SMALLEST_ORDER_USD / Decimal(price)).quantize(Decimal("0.0001"), ROUND_UP)
    return Pair(
        symbol=f"{name}/USD",
        code=f"{name}USD",
        altname=f"{name}USD",
        wsname=f"{name}/USD",
        base=Asset(code=name, altname=name, decimals=10, display_decimals=5),
        quote=quote,
        pair_decimals=decimals,
        cost_decimals=5,
        order_minimum=minimum,
        cost_minimum=COST_MINIMUM,
        tick_size=Decimal(1).scaleb(-decimals),
    )
