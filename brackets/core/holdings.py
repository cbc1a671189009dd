"""What an account holds of a coin, counted over the wallets the venue lists it under.

Pure. With auto-earn on, Kraken moves coins by itself into a wallet that earns and lists them under a name of
their own: "XBT.F" beside "XXBT". Those are read-only; orders name the coin itself and may use both, and what
open orders reserve is told of the coin's own wallet alone, where it may be more than that wallet holds. So a
wallet says little by itself: whoever asks what there is of a coin asks here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

ZERO = Decimal(0)
EARN = ".F"


class Reading(Protocol):
    """One wallet as the venue stated it: a reading, or the row it is kept in."""

    @property
    def asset(self) -> str: ...
    @property
    def total(self) -> Decimal: ...
    @property
    def held(self) -> Decimal: ...


class Pair(Protocol):
    """What the names of a pair's two coins are taken from."""

    @property
    def base(self) -> str: ...
    @property
    def quote(self) -> str: ...
    @property
    def altname(self) -> str: ...
    @property
    def base_asset(self) -> str: ...
    @property
    def quote_asset(self) -> str: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """All of one coin."""

    total: Decimal = ZERO
    held: Decimal = ZERO  # reserved by open orders
    earning: Decimal = ZERO  # of the total: in the wallet that earns

    @property
    def available(self) -> Decimal:
        return self.total - self.held


def spot_name(asset: str) -> str:
    """The name a wallet's coins are traded under, as far as the wallet's own name tells it: "XBT" for
    "XBT.F", which is not yet "XXBT"."""
    return asset.removesuffix(EARN)


def base_names(pair: Pair) -> frozenset[str]:
    """Every name the venue and people have for the coin that is traded: "XXBT", "XBT", "BTC"."""
    return frozenset({pair.base_asset, pair.base, pair.altname.removesuffix(pair.quote)})


def quote_names(pair: Pair) -> frozenset[str]:
    """Every name of the currency that is paid with: "ZUSD", "USD"."""
    return frozenset({pair.quote_asset, pair.quote})


def wallets(names: Iterable[str]) -> frozenset[str]:
    """Every asset a coin of these names may be listed under."""
    return frozenset(wallet for name in names for wallet in (name, f"{name}{EARN}"))


def gather(names: Iterable[str], readings: Iterable[Reading]) -> Holding | None:
    """All of the coin of these names; None where no wallet of it was read."""
    listed = wallets(names)
    found = [reading for reading in readings if reading.asset in listed]
    return together(found) if found else None


def fold(readings: Iterable[Reading], pairs: Iterable[Pair]) -> dict[str, Holding]:
    """All that was read, by the venue's own code of each coin ("XXBT"). What belongs to no pair keeps the
    name it is listed under, an ending for earning left out."""
    codes = codes_of(pairs)
    found: dict[str, list[Reading]] = {}
    for reading in readings:
        found.setdefault(code_of(reading.asset, codes), []).append(reading)
    return {code: together(of_coin) for code, of_coin in found.items()}


def codes_of(pairs: Iterable[Pair]) -> dict[str, str]:
    """The venue's code of each coin, by every name of it."""
    codes: dict[str, str] = {}
    for pair in pairs:
        codes |= dict.fromkeys(base_names(pair), pair.base_asset)
        codes |= dict.fromkeys(quote_names(pair), pair.quote_asset)
    return codes


def code_of(asset: str, codes: dict[str, str]) -> str:
    """The code of the coin a wallet or a ledger entry is of."""
    name = spot_name(asset)
    return codes.get(name, name)


def together(readings: Iterable[Reading]) -> Holding:
    holding = Holding()
    for reading in readings:
        earns = reading.asset.endswith(EARN)
        holding = Holding(
            total=holding.total + reading.total,
            held=holding.held + reading.held,
            earning=holding.earning + (reading.total if earns else ZERO),
        )
    return holding
