"""Reading what is asked: exact numbers, named refusals, one canonical form."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.core import asks
from trading.core.asks import (
    Buy,
    Close,
    Edit,
    Kind,
    LiquidateAll,
    Malformed,
    Pause,
    Protect,
    Sell,
    parse,
    payload,
    text,
)


def test_every_kind_has_a_shape_and_back() -> None:
    assert {asks.KINDS[shape] for shape in asks.ASKS.values()} == set(Kind)


def test_a_buy_is_read_exactly() -> None:
    ask = parse(
        "buy", {"symbol": " eth-usd ", "amount_usd": "10.50", "take_profit_price": Decimal("2700.10")}
    )
    assert ask == Buy(symbol="ETH/USD", amount_usd=Decimal("10.5"), take_profit_price=Decimal("2700.1"))
    assert payload(ask) == {"symbol": "ETH/USD", "amount_usd": "10.5", "take_profit_price": "2700.1"}


def test_null_is_the_same_as_not_given() -> None:
    assert parse("close", {"trade": 3, "reason": None}) == Close(trade=3)


@pytest.mark.parametrize("value", [3, "3", " 3 "])
def test_a_trade_is_a_number_or_its_text(value: object) -> None:
    assert parse("close", {"trade": value}) == Close(trade=3)


@pytest.mark.parametrize("value", [0, -3, True, 3.0, "3.0", "x", "", 2**63, [3], "9" * 19])
def test_what_is_no_trade_is_named(value: object) -> None:
    with pytest.raises(Malformed) as refusal:
        parse("close", {"trade": value})
    assert refusal.value.field == "trade"


@pytest.mark.parametrize(
    "value", ["", "ETH USD", "ETH//USD", "/USD", "E" * 30, "ETH/USD\n;", 5, None, "ëth/usd"]
)
def test_what_is_no_symbol_is_named(value: object) -> None:
    with pytest.raises(Malformed) as refusal:
        parse("buy", {"symbol": value, "amount_usd": "5"})
    assert refusal.value.field == "symbol"


@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "x" * 201, 5, True])
def test_what_is_no_reason_is_named(value: object) -> None:
    with pytest.raises(Malformed) as refusal:
        parse("pause", {"reason": value})
    assert refusal.value.field == "reason"


def test_a_reason_may_be_in_any_language() -> None:
    assert parse("pause", {"reason": "Überprüfung 检查"}) == Pause(reason="Überprüfung 检查")


@pytest.mark.parametrize("value", ["stop", "", "MARKET", 1, ["market"], {}])
def test_what_is_no_entry_type_is_named(value: object) -> None:
    with pytest.raises(Malformed) as refusal:
        parse("buy", {"symbol": "ETH/USD", "amount_usd": "5", "entry_type": value})
    assert refusal.value.field == "entry_type"


@pytest.mark.parametrize(
    "value",
    [
        *(
            "0",
            "-0",
            "-1",
            "NaN",
            "sNaN",
            "inf",
            "1e3",
            "1,5",
            "0x10",
            "1_000",
            "٥",
            ".5",
            "5.",
            "",
            " ",
            "--1",
        ),
        *("100000000", "0.00000000001", "1" * 41),
        *(0, -1, True, False, 1.5, [], {}, 10**50),
        *map(Decimal, ("1E+999999", "NaN", "-Infinity", "1E-11", "1E-999999")),
    ],
)
def test_what_is_no_amount_is_named_with_limit(value: object) -> None:
    with pytest.raises(Malformed) as refusal:
        parse("buy", {"symbol": "ETH/USD", "amount_usd": value})
    assert (refusal.value.field, bool(refusal.value.limit)) == ("amount_usd", True)
    assert len(str(refusal.value)) < 300


@given(st.decimals(min_value="0.0000000001", max_value="99999999.9999999999", places=10))
def test_every_amount_within_the_limits_is_kept_to_the_last_digit(amount: Decimal) -> None:
    for given_as in (amount, f"{amount:f}"):
        ask = parse("buy", {"symbol": "ETH/USD", "amount_usd": given_as})
        assert isinstance(ask, Buy)
        assert ask.amount_usd == amount
        assert Decimal(str(payload(ask)["amount_usd"])) == amount


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=10))
def test_text_is_canonical(value: Decimal) -> None:
    plain = text(value)
    assert Decimal(plain) == value
    assert "E" not in plain and plain == text(Decimal(plain)) == text(Decimal(f"{value:f}0000"))
    assert not ("." in plain and plain.endswith("0"))


def test_what_may_be_sold_edited_protected_and_liquidated() -> None:
    assert parse("sell", {"symbol": "eth/usd"}) == Sell(symbol="ETH/USD")
    assert parse("sell", {"symbol": "eth/usd", "amount_token": "0.050"}) == Sell(
        symbol="ETH/USD", amount_token=Decimal("0.05")
    )
    assert parse("edit", {"trade": 4, "stop_loss_price": "2450.5"}) == Edit(
        trade=4, stop_loss_price=Decimal("2450.5")
    )
    assert parse("protect", {"symbol": "BTC/USD", "quantity": "0.00000001"}) == Protect(
        symbol="BTC/USD", quantity=Decimal("0.00000001")
    )
    assert parse("liquidate-all", {"reason": "fire"}) == LiquidateAll(reason="fire")


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("sell", {}, "symbol"),
        ("sell", {"symbol": "ETH/USD", "amount_token": "0.000000001"}, "amount_token"),
        ("sell", {"symbol": "ETH/USD", "amount_token": "10000000000"}, "amount_token"),
        ("sell", {"symbol": "ETH/USD", "amount_usd": "5"}, "amount_usd"),
        ("edit", {"trade": 1}, "stop_loss_price"),
        ("edit", {"trade": 1, "stop_loss_price": None, "take_profit_price": None}, "stop_loss_price"),
        ("edit", {"stop_loss_price": "5"}, "trade"),
        ("protect", {"symbol": "ETH/USD"}, "quantity"),
        ("protect", {"quantity": "1"}, "symbol"),
        ("liquidate-all", {}, "reason"),
        ("liquidate-all", {"reason": " "}, "reason"),
    ],
)
def test_what_lacks_or_is_out_of_its_limits_is_named(kind: str, body: dict[str, object], field: str) -> None:
    with pytest.raises(Malformed) as refusal:
        parse(kind, body)
    assert refusal.value.field == field


ANYTHING = st.none() | st.booleans() | st.integers() | st.text() | st.decimals()


@given(st.recursive(ANYTHING, st.lists, max_leaves=5))
def test_nothing_given_raises_anything_but_malformed(value: object) -> None:
    fields = (
        *("symbol", "amount_usd", "amount_token", "quantity", "entry_type"),
        *("stop_loss_price", "trade", "reason"),
    )
    for kind in Kind:
        for name in fields:
            try:
                parse(kind, {name: value})
            except Malformed as refusal:
                assert refusal.field and str(refusal)
