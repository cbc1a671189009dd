"""What trades on the paper venue: Kraken's own names, decimals, minima and fees of six pairs, and others.

The ground every other room of the paper venue stands on. The numbers are Kraken's (AssetPairs and
Assets); minima are those of a time when the pair cost about what the synthetic market starts at,
for Kraken moves them with the price to stay near five dollars. A process that serves other pairs lists
them once, before anything else of it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from brackets.venue.paper.market import TICK_SIZES, list_symbol, unlist_symbol

TAKER_RATE = Decimal("0.0040")  # Kraken's lowest volume tier
MAKER_RATE = Decimal("0.0025")
COST_MINIMUM = Decimal("0.5")
LOT_DECIMALS = 8
EARN = ".F"  # what stands behind an asset's altname while it earns by itself: "XBT.F"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One currency as Kraken keeps it; balances and ledger amounts have `decimals` places."""

    code: str  # "XXBT"
    altname: str  # "XBT"
    decimals: int
    display_decimals: int

    @property
    def unit(self) -> Decimal:
        return Decimal(1).scaleb(-self.decimals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One market: prices in quote currency, quantities in base coins."""

    symbol: str  # "BTC/USD", the name the market and the engine use
    code: str  # "XXBTZUSD", Kraken's id
    altname: str  # "XBTUSD"
    wsname: str  # "XBT/USD"
    base: Asset
    quote: Asset
    pair_decimals: int
    cost_decimals: int
    order_minimum: Decimal  # base coins
    cost_minimum: Decimal  # quote currency
    tick_size: Decimal

    @property
    def lot_step(self) -> Decimal:
        return Decimal(1).scaleb(-LOT_DECIMALS)


def _assets() -> dict[str, Asset]:
    rows = (
        ("XXBT", "XBT", 10, 5),
        ("XETH", "ETH", 10, 5),
        ("SOL", "SOL", 10, 5),
        ("XXRP", "XRP", 8, 5),
        ("ADA", "ADA", 8, 6),
        ("XLTC", "LTC", 10, 5),
        ("ZUSD", "USD", 4, 2),
    )
    return {
        code: Asset(code=code, altname=altname, decimals=decimals, display_decimals=display)
        for code, altname, decimals, display in rows
    }


_ASSETS = _assets()
ASSETS = MappingProxyType(_ASSETS)  # by code


def _pairs() -> dict[str, Pair]:
    rows = (
        ("BTC/USD", "XXBTZUSD", "XXBT", 1, "0.00005"),
        ("ETH/USD", "XETHZUSD", "XETH", 2, "0.002"),
        ("SOL/USD", "SOLUSD", "SOL", 2, "0.02"),
        ("XRP/USD", "XXRPZUSD", "XXRP", 5, "2"),
        ("ADA/USD", "ADAUSD", "ADA", 6, "5"),
        ("LTC/USD", "XLTCZUSD", "XLTC", 2, "0.04"),
    )
    quote = ASSETS["ZUSD"]
    return {
        symbol: Pair(
            symbol=symbol,
            code=code,
            altname=f"{ASSETS[base].altname}{quote.altname}",
            wsname=f"{ASSETS[base].altname}/{quote.altname}",
            base=ASSETS[base],
            quote=quote,
            pair_decimals=decimals,
            cost_decimals=max(5, decimals),
            order_minimum=Decimal(minimum),
            cost_minimum=COST_MINIMUM,
            tick_size=TICK_SIZES[symbol],
        )
        for symbol, code, base, decimals, minimum in rows
    }


_PAIRS = _pairs()
PAIRS = MappingProxyType(_PAIRS)  # by symbol


def _names(pair: Pair) -> tuple[str, ...]:
    return pair.code, pair.altname, pair.wsname, pair.symbol, pair.symbol.replace("/", "")


_BY_NAME = {name: pair for pair in PAIRS.values() for name in _names(pair)}


def list_pair(pair: Pair) -> None:
    """Let a further pair trade in this process, or one that is listed by other terms."""
    for asset in (pair.base, pair.quote):
        _ASSETS[asset.code] = asset
    _PAIRS[pair.symbol] = pair
    _BY_NAME.update({name.upper(): pair for name in _names(pair)})
    list_symbol(pair.symbol, pair.tick_size)


@contextmanager
def listing_kept() -> Iterator[None]:
    """Forget at the end what was listed inside: for a process that makes one venue after another."""
    assets, pairs, names = dict(_ASSETS), dict(_PAIRS), dict(_BY_NAME)
    try:
        yield
    finally:
        for symbol in _PAIRS.keys() - pairs.keys():
            unlist_symbol(symbol)
        _ASSETS.clear()
        _ASSETS.update(assets)
        _BY_NAME.clear()
        _BY_NAME.update(names)
        _PAIRS.clear()
        for pair in pairs.values():
            _PAIRS[pair.symbol] = pair
            list_symbol(pair.symbol, pair.tick_size)


def find_pair(name: str) -> Pair | None:
    """The pair by Kraken's id, altname or wsname, or by our symbol; None when there is none."""
    return _BY_NAME.get(name.upper())


def find_asset(name: str) -> Asset | None:
    """The asset by Kraken's code or altname; None when there is none."""
    wanted = name.upper()
    return ASSETS.get(wanted) or next((a for a in ASSETS.values() if a.altname == wanted), None)


def earn_code(code: str) -> str:
    """Under which code an asset is listed while it earns by itself: "XXBT" becomes "XBT.F"."""
    return f"{ASSETS[code].altname}{EARN}"


def asset_behind(code: str) -> Asset:
    """The asset of a balance or of a ledger entry: its own, or the one that earns under this code. Raises
    KeyError for a code of neither kind."""
    asset = ASSETS.get(code) or find_asset(code.removesuffix(EARN))
    if asset is None:
        raise KeyError(code)
    return asset
