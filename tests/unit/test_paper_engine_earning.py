"""Coins in an earning wallet: listed apart, traded through their own name, and never lost on the way."""

from decimal import Decimal

import pytest

from brackets.venue.paper import answers, private
from brackets.venue.paper.orders import Entry, Kind, Refused, Side, Status
from brackets.venue.paper.stream import balances
from tests.unit.paper_desk import Desk, request, tick


def earning(coins: str = "2", part: str = "1.5") -> Desk:
    desk = Desk(coins=coins)
    desk.engine.earn(asset="XETH", amount=Decimal(part), now=desk.later())
    return desk


def entries(desk: Desk) -> list[Entry]:
    return desk.engine.take_changes().entries


def test_moving_is_two_entries_of_one_reference_and_changes_no_sum():
    desk = earning()
    account = desk.engine.account
    assert (account.balance("XETH"), account.earning("XETH")) == (Decimal("0.5"), Decimal("1.5"))
    out, into = entries(desk)
    assert (out.asset, out.amount, into.asset, into.amount) == (
        "XETH",
        Decimal("-1.5"),
        "ETH.F",
        Decimal("1.5"),
    )
    assert out.refid == into.refid and {out.kind, into.kind} == {"earn"}


@pytest.mark.parametrize("amount", ["2.0000000001", "0", "-0.1", "NaN"])
def test_what_is_not_there_is_not_moved(amount: str):
    desk = Desk(coins="2")
    with pytest.raises(ValueError):
        desk.engine.earn(asset="XETH", amount=Decimal(amount), now=desk.later())
    assert desk.engine.account.balances.get("ETH.F", 0) == 0 and not entries(desk)


def test_an_unknown_asset_is_not_moved():
    with pytest.raises(ValueError):
        Desk().engine.earn(asset="XDOGE", amount=Decimal(1), now=Decimal(1))


def test_a_sell_uses_both_wallets_and_calls_in_what_it_lacks():
    desk = earning()
    entries(desk)
    sold = desk.sell(Kind.MARKET, "2")
    assert sold.status is Status.CLOSED and sold.filled == 2
    account = desk.engine.account
    assert (account.balance("XETH"), account.earning("XETH"), account.hold("XETH")) == (0, 0, 0)


def test_a_sell_beyond_both_wallets_is_refused():
    with pytest.raises(Refused, match="Insufficient funds"):
        earning().sell(Kind.MARKET, "2.1")


def test_a_stop_reserves_coins_that_earn_and_still_sells_them():
    desk = Desk(coins="2")
    placed = desk.sell(Kind.STOP_LOSS, "2", price="1900")
    desk.engine.earn(asset="XETH", amount=Decimal(2), now=desk.later())
    told = private.balance_ex(type("V", (), {"engine": desk.engine})(), None, desk.now)  # type: ignore[arg-type]
    # What is reserved is told of the coin's own name alone, where nothing is left.
    assert told["XETH"] == {"balance": "0.0000000000", "hold_trade": "2.0000000000"}
    assert told["ETH.F"] == {"balance": "2.0000000000", "hold_trade": "0.0000000000"}
    with pytest.raises(Refused, match="Insufficient funds"):
        desk.engine.add(request(Side.SELL, Kind.MARKET, "0.1"), now=desk.later())
    desk.engine.advance([tick("1890.00")], now=desk.later())
    done = desk.engine.take_changes().orders[placed.txid]
    assert (done.status, done.filled) == (Status.CLOSED, Decimal(2))


def test_money_that_earns_buys_too():
    desk = Desk()
    desk.engine.earn(asset="ZUSD", amount=Decimal("9999"), now=desk.later())
    bought = desk.buy(Kind.MARKET, "1")
    assert bought.status is Status.CLOSED
    assert desk.engine.account.balance("ZUSD") == 0 < desk.engine.account.earning("ZUSD")


def test_a_withdrawal_calls_coins_in():
    desk = earning()
    desk.engine.withdraw(asset="XETH", amount=Decimal("1.9"), now=desk.later())
    account = desk.engine.account
    assert (account.balance("XETH"), account.earning("XETH")) == (0, Decimal("0.1"))


def test_the_stream_tells_one_asset_with_both_wallets():
    desk = earning()
    told = {item["asset"]: item for item in balances.snapshot(desk.engine.account.balances)}
    assert told["ETH"]["balance"] == 2
    assert told["ETH"]["wallets"] == [
        {"type": "spot", "id": "main", "balance": Decimal("0.5")},
        {"type": "earn", "id": "flex", "balance": Decimal("1.5")},
    ]
    out, into = (balances.item(entry) for entry in entries(desk))
    assert (out["asset"], out["wallet_type"]) == (into["asset"], "spot") == ("ETH", "spot")
    assert into["wallet_type"] == "earn"


def test_entries_of_the_earning_wallet_have_their_own_asset_in_the_ledger():
    desk = earning()
    told = [answers.entry(entry) for entry in entries(desk)]
    assert [entry["asset"] for entry in told] == ["XETH", "ETH.F"]
