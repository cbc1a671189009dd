"""The judge of chaos over books written by hand: what is sound passes, and each fault is called out."""

from decimal import Decimal
from typing import Any

import pytest

from tests.chaos.judge import Books, bare, violations

MINIMUMS = {"ETH/USD": Decimal("0.002")}


def order(txid: str, side: str, opened: str, closed: str | None, filled: str = "0") -> dict[str, Any]:
    ends = {"opened_at": opened, "closed_at": closed}
    return {"txid": txid, "symbol": "ETH/USD", "side": side, "filled": filled, **ends}


def trade(name: str, txid: str, side: str, volume: str, at: str) -> dict[str, Any]:
    return {"trade_id": name, "txid": txid, "symbol": "ETH/USD", "side": side, "volume": volume, "at": at}


def entry(name: str, refid: str, asset: str, amount: str, balance: str) -> dict[str, Any]:
    kind = "trade" if refid else "deposit"
    told = {"ledger_id": name, "refid": refid, "asset": asset, "amount": amount, "fee": "0"}
    return {**told, "kind": kind, "balance": balance}


def books(**changes: Any) -> Books:
    """Bought at 10, protected at once, the stop gone at 20, sold at 23."""
    rows = {
        "orders": [
            order("BUY", "buy", "10", "10", "1"),
            order("STOP", "sell", "10", "20"),
            order("SELL", "sell", "23", "23", "1"),
        ],
        "trades": [trade("T1", "BUY", "buy", "1", "10"), trade("T2", "SELL", "sell", "1", "23")],
        "entries": [
            entry("L0", "", "ZUSD", "100", "100"),
            entry("L1", "T1", "ZUSD", "-50", "50"),
            entry("L2", "T1", "XETH", "1", "1"),
            entry("L3", "T2", "XETH", "-1", "0"),
            entry("L4", "T2", "ZUSD", "51", "101"),
        ],
        **changes,
    }
    return Books({row["txid"]: row for row in rows["orders"]}, rows["trades"], rows["entries"])


def test_sound_books_are_not_complained_of() -> None:
    assert violations(books()) == []


def test_coins_without_an_order_are_timed() -> None:
    assert bare(books(), MINIMUMS).longest == 3
    assert bare(books(), {"ETH/USD": Decimal(2)}).longest == 0  # fewer than the venue would take


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trades": books().trades[1:]}, "more than was bought"),
        ({"trades": [*books().trades[:1]]}, "its trades by 0"),
        ({"entries": books().entries[:-1]}, "booked 1 times"),
        ({"entries": [*books().entries[:-1], entry("L4", "T2", "ZUSD", "51", "99")]}, "not 101"),
    ],
    ids=["oversold", "fill without trade", "trade without booking", "balance"],
)
def test_each_fault_is_called_out(changes: dict[str, Any], words: str) -> None:
    assert any(words in sentence for sentence in violations(books(**changes)))
