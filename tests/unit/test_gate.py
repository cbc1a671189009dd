"""The gate: each limit at its edge, every broken one named, and nobody else makes a plan."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from risk.core.gate import (
    ApprovedPlan,
    Denial,
    DenialCode,
    EntryFacts,
    EntryRequest,
    HoldingFacts,
    Limits,
    judge,
    judge_protect,
)

REQUEST = EntryRequest(
    symbol="ETH/USD",
    base="ETH",
    quantity=Decimal("0.1"),
    entry_type="market",
    expected_price=Decimal(2500),
    bid=Decimal("2499.9"),
    stop_price=Decimal(2450),
    target_price=Decimal(2600),
)
FACTS = EntryFacts(
    market_status="online",
    price_age_seconds=Decimal(1),
    base_has_open_trade=False,
    open_trades=0,
    available_quote=Decimal(1000),
    minimum_quantity=Decimal("0.002"),
    minimum_cost=Decimal("0.5"),
    taker_fee_ratio=Decimal("0.004"),
    maker_fee_ratio=Decimal("0.002"),
    quote="USD",
)
LIMITS = Limits(
    system_status="ACTIVE",
    is_trading_active=True,
    execution_mode="MARKET_ONLY",
    maximum_notional=Decimal(1000),
    maximum_open_trades=6,
    maximum_price_age_seconds=10,
)
D = Decimal
CASES = [
    # one step inside                         one step outside                        the code
    ("limits", {}, {"system_status": "PAUSED"}, "paused"),
    ("limits", {}, {"system_status": "active"}, "paused"),  # an unknown word is no permission
    ("limits", {}, {"is_trading_active": False}, "trading_inactive"),
    ("request", {"entry_type": "limit"}, {"entry_type": "iceberg"}, "entry_type_not_offered"),
    ("facts", {}, {"market_status": "cancel_only"}, "market_not_online"),
    ("facts", {"price_age_seconds": D(10)}, {"price_age_seconds": D("10.001")}, "price_stale"),
    ("facts", {}, {"base_has_open_trade": True}, "position_open"),
    ("facts", {"open_trades": 5}, {"open_trades": 6}, "maximum_open_trades"),
    ("request", {"quantity": D("0.002")}, {"quantity": D("0.00199999")}, "below_minimum_quantity"),
    ("facts", {"minimum_cost": D(245)}, {"minimum_cost": D("245.01")}, "below_minimum_cost"),  # at the stop
    ("limits", {"maximum_notional": D(250)}, {"maximum_notional": D("249.99")}, "maximum_notional"),
    ("request", {"stop_price": D("2499.8")}, {"stop_price": D("2499.9")}, "stop_not_below_price"),
    ("request", {"target_price": D("2500.01")}, {"target_price": D(2500)}, "target_not_above_price"),
    ("facts", {"available_quote": D(251)}, {"available_quote": D("250.9999")}, "insufficient_funds"),
]


# A limit entry: it rests at 2499.5, below the bid of 2499.9, and pays the maker's fee.
LIMIT = {"entry_type": "limit", "expected_price": Decimal("2499.5")}
LIMIT_CASES = [
    ("request", {"stop_price": D("2499.4")}, {"stop_price": D("2499.5")}, "stop_not_below_price"),
    ("request", {"target_price": D("2499.6")}, {"target_price": D("2499.5")}, "target_not_above_price"),
    ("limits", {"maximum_notional": D("249.95")}, {"maximum_notional": D("249.94")}, "maximum_notional"),
    ("facts", {"available_quote": D("250.4499")}, {"available_quote": D("250.4498")}, "insufficient_funds"),
]
HELD = replace(REQUEST, entry_type="held", expected_price=Decimal("2499.9"))
HOLDING = HoldingFacts(
    market_status="online",
    price_age_seconds=Decimal(1),
    base_has_open_trade=False,
    ask=Decimal(2500),
    free_coins=Decimal(5),
    minimum_quantity=Decimal("0.002"),
    minimum_cost=Decimal("0.5"),
    quote="USD",
)
HOLDING_CASES = [
    ("facts", {}, {"market_status": "cancel_only"}, "market_not_online"),
    ("facts", {"price_age_seconds": D(10)}, {"price_age_seconds": D("10.001")}, "price_stale"),
    ("facts", {}, {"base_has_open_trade": True}, "position_open"),
    ("request", {"quantity": D("0.002")}, {"quantity": D("0.00199999")}, "below_minimum_quantity"),
    ("facts", {"minimum_cost": D(245)}, {"minimum_cost": D("245.01")}, "below_minimum_cost"),
    ("request", {"stop_price": D("2499.8")}, {"stop_price": D("2499.9")}, "stop_not_below_price"),
    ("request", {"target_price": D("2500.01")}, {"target_price": D(2500)}, "target_not_above_price"),
    ("facts", {"free_coins": D("0.1")}, {"free_coins": D("0.09999999")}, "insufficient_coins"),
    ("facts", {}, {"free_coins": None}, "insufficient_coins"),
]


def judged(where: str, changes: dict[str, object]) -> ApprovedPlan | tuple[Denial, ...]:
    values = {"request": REQUEST, "facts": FACTS, "limits": LIMITS}
    values[where] = replace(values[where], **changes)  # type: ignore[type-var]
    return judge(**values)  # type: ignore[arg-type]


def test_what_keeps_every_limit_is_approved_as_asked() -> None:
    plan = judge(REQUEST, FACTS, LIMITS)
    assert isinstance(plan, ApprovedPlan)
    assert plan.request == REQUEST


@pytest.mark.parametrize(("where", "inside", "outside", "code"), CASES)
def test_a_limit_holds_at_its_edge(
    where: str, inside: dict[str, object], outside: dict[str, object], code: str
) -> None:
    assert isinstance(judged(where, inside), ApprovedPlan)
    (denial,) = judged(where, outside)  # type: ignore[misc]
    assert denial.code == code
    assert denial.limit and denial.value and denial.message.endswith(".")


@pytest.mark.parametrize(("where", "inside", "outside", "code"), LIMIT_CASES)
def test_a_limit_entry_is_judged_by_its_limit_and_the_makers_fee(
    where: str, inside: dict[str, object], outside: dict[str, object], code: str
) -> None:
    def at_limit(changes: dict[str, object]) -> ApprovedPlan | tuple[Denial, ...]:
        values = {"request": replace(REQUEST, **LIMIT), "facts": FACTS, "limits": LIMITS}  # type: ignore[arg-type]
        values[where] = replace(values[where], **changes)  # type: ignore[type-var]
        return judge(**values)  # type: ignore[arg-type]

    assert isinstance(at_limit(inside), ApprovedPlan)
    (denial,) = at_limit(outside)  # type: ignore[misc]
    assert denial.code == code


@pytest.mark.parametrize(("where", "inside", "outside", "code"), HOLDING_CASES)
def test_held_coins_are_judged_at_each_edge(
    where: str, inside: dict[str, object], outside: dict[str, object], code: str
) -> None:
    def holding(changes: dict[str, object]) -> ApprovedPlan | tuple[Denial, ...]:
        values = {"request": HELD, "facts": HOLDING, "limits": LIMITS}
        values[where] = replace(values[where], **changes)  # type: ignore[type-var]
        return judge_protect(**values)  # type: ignore[arg-type]

    assert isinstance(holding(inside), ApprovedPlan)
    (denial,) = holding(outside)  # type: ignore[misc]
    assert denial.code == code
    assert denial.limit and denial.value and denial.message.endswith(".")


def test_protection_passes_whatever_keeps_entries_from_leaving() -> None:
    strict = replace(
        LIMITS,
        system_status="PAUSED",
        is_trading_active=False,
        maximum_notional=D(1),
        maximum_open_trades=0,
    )
    assert isinstance(judge_protect(HELD, HOLDING, strict), ApprovedPlan)


def test_every_code_has_a_case() -> None:
    codes = {code for *_, code in CASES} | {code for *_, code in HOLDING_CASES}
    assert codes == {str(code) for code in DenialCode}


def test_all_that_is_broken_is_said_in_order_of_precedence() -> None:
    denials = judge(
        replace(
            REQUEST,
            entry_type="iceberg",
            quantity=D("0.000001"),
            stop_price=D(2700),
            target_price=D(2400),
        ),
        replace(
            FACTS,
            market_status="post_only",
            price_age_seconds=D(99),
            base_has_open_trade=True,
            open_trades=9,
            available_quote=D(0),
        ),
        replace(LIMITS, system_status="PAUSED", is_trading_active=False, maximum_notional=D("0.0001")),
    )
    ours = [code for code in DenialCode if code != DenialCode.INSUFFICIENT_COINS]
    assert [denial.code for denial in denials] == ours  # type: ignore[union-attr]


def test_unread_funds_are_left_to_the_venue() -> None:
    assert isinstance(judged("facts", {"available_quote": None}), ApprovedPlan)


def test_a_plan_says_what_all_its_entries_may_cost() -> None:
    plan = judged("limits", {"maximum_notional": D(300)})
    assert isinstance(plan, ApprovedPlan)
    assert (plan.request.notional, plan.most_cost) == (250, 300)


def test_nobody_but_the_gate_makes_or_changes_a_plan() -> None:
    with pytest.raises(TypeError):
        ApprovedPlan(REQUEST)
    with pytest.raises(TypeError):
        ApprovedPlan(REQUEST, gate=object())
    plan = judge(REQUEST, FACTS, LIMITS)
    assert isinstance(plan, ApprovedPlan)
    with pytest.raises(AttributeError):
        plan.most_cost = D(10_000)
    with pytest.raises(AttributeError):
        plan.request = replace(REQUEST, quantity=D(99))
