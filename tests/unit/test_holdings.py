"""Counting a coin over the wallets it is listed under: names, sums, holds."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from brackets.core.holdings import Holding, base_names, code_of, codes_of, fold, gather, quote_names, wallets
from brackets.venue.port import BalanceReading


@dataclass(frozen=True)
class Named:
    base: str
    quote: str
    altname: str
    base_asset: str
    quote_asset: str


BITCOIN = Named("BTC", "USD", "XBTUSD", "XXBT", "ZUSD")
ETHER = Named("ETH", "USD", "ETHUSD", "XETH", "ZUSD")
SOLANA = Named("SOL", "USD", "SOLUSD", "SOL", "ZUSD")
CROSS = Named("ETH", "BTC", "ETHXBT", "XETH", "XXBT")
PAIRS = (BITCOIN, ETHER, SOLANA, CROSS)


def reading(asset: str, total: str, held: str = "0") -> BalanceReading:
    return BalanceReading(asset=asset, total=Decimal(total), held=Decimal(held))


@pytest.mark.parametrize(
    ("pair", "own", "earning"),
    [
        (BITCOIN, "XXBT", "XBT.F"),
        (ETHER, "XETH", "ETH.F"),
        (SOLANA, "SOL", "SOL.F"),
        (CROSS, "XETH", "ETH.F"),
    ],
)
def test_both_wallets_are_the_coins(pair: Named, own: str, earning: str) -> None:
    found = gather(base_names(pair), [reading(own, "1.5"), reading(earning, "2"), reading("ADA.F", "9")])
    assert found == Holding(total=Decimal("3.5"), held=Decimal(0), earning=Decimal(2))


def test_what_is_reserved_may_be_more_than_the_coins_own_wallet_holds() -> None:
    found = gather(base_names(BITCOIN), [reading("XXBT", "0", "1.2"), reading("XBT.F", "2")])
    assert found is not None and (found.held, found.available) == (Decimal("1.2"), Decimal("0.8"))


def test_money_earns_too() -> None:
    found = gather(quote_names(BITCOIN), [reading("ZUSD", "10", "4"), reading("USD.F", "90")])
    assert found is not None and found.available == 96


def test_a_coin_that_was_never_read_is_not_one_of_which_there_is_none() -> None:
    assert gather(base_names(SOLANA), [reading("XXBT", "1")]) is None
    assert gather(base_names(SOLANA), [reading("SOL", "0")]) == Holding()


def test_other_endings_are_other_things() -> None:
    """Staked and bonded coins cannot be sold: they are not counted."""
    others = [reading(asset, "5") for asset in ("XBT.M", "XBT.S", "XBT.B", "XBT.FF", "XBTF")]
    assert gather(base_names(BITCOIN), others) is None


def test_all_is_folded_by_the_venues_own_codes() -> None:
    read = [reading("XXBT", "1", "1.5"), reading("XBT.F", "1"), reading("ZUSD", "7"), reading("USD.F", "3")]
    strange = [reading("ADA.F", "4"), reading("ADA", "2"), reading("KFEE", "1")]
    assert fold([*read, *strange], PAIRS) == {
        "XXBT": Holding(total=Decimal(2), held=Decimal("1.5"), earning=Decimal(1)),
        "ZUSD": Holding(total=Decimal(10), earning=Decimal(3)),
        "ADA": Holding(total=Decimal(6), earning=Decimal(4)),
        "KFEE": Holding(total=Decimal(1)),
    }


def test_every_name_leads_to_one_code() -> None:
    codes = codes_of(PAIRS)
    for name in ("XXBT", "XBT", "BTC", "XBT.F", "BTC.F"):
        assert code_of(name, codes) == "XXBT"
    assert {code_of(name, codes) for name in ("ZUSD", "USD", "USD.F")} == {"ZUSD"}


def test_a_wallet_is_asked_for_under_every_name() -> None:
    assert wallets({"XXBT", "XBT"}) == {"XXBT", "XXBT.F", "XBT", "XBT.F"}
