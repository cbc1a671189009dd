"""Moving legs: each limit at its edge, and never more risk than was approved."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from risk.core.edits import Edit, EditFacts, judge_edit

D = Decimal
FACTS = EditFacts(
    bid=D(2500),
    ask=D("2500.5"),
    price_age_seconds=D(1),
    maximum_price_age_seconds=10,
    stop_price=D(2460),
    target_price=D(2600),
    approved_stop_price=D(2450),
)


def codes(stop: str | None = None, target: str | None = None, **facts: object) -> list[str]:
    edit = Edit(
        symbol="ETH/USD",
        stop_price=None if stop is None else D(stop),
        target_price=None if target is None else D(target),
    )
    denials = judge_edit(edit, replace(FACTS, **facts))  # type: ignore[arg-type]
    assert all(denial.limit and denial.value and denial.message.endswith(".") for denial in denials)
    return [str(denial.code) for denial in denials]


@pytest.mark.parametrize(
    ("inside", "outside", "code"),
    [
        ({"stop": "2450"}, {"stop": "2449.9"}, "stop_below_approved"),
        ({"stop": "2499.9"}, {"stop": "2500"}, "stop_not_below_price"),
        ({"target": "2500.6"}, {"target": "2500.5"}, "target_not_above_price"),
        (
            {"stop": "2470", "price_age_seconds": D(10)},
            {"stop": "2470", "price_age_seconds": D("10.001")},
            "price_stale",
        ),
        # The market stands above the target that is being taken: a stop may not follow it there.
        (
            {"stop": "2599.9", "bid": D(2700), "ask": D(2701)},
            {"stop": "2600", "bid": D(2700), "ask": D(2701)},
            "stop_not_below_target",
        ),
    ],
)
def test_a_limit_holds_at_its_edge(inside: dict[str, str], outside: dict[str, str], code: str) -> None:
    assert codes(**inside) == []
    assert codes(**outside) == [code]


def test_both_legs_at_once() -> None:
    assert codes(stop="2480", target="2550") == []
    assert codes(stop="2400", target="2400") == [
        "stop_below_approved",
        "target_not_above_price",
        "stop_not_below_target",
    ]


def test_a_stop_may_come_back_down_to_the_risk_that_was_approved_and_no_further() -> None:
    assert codes(stop="2455", stop_price=D(2490)) == []
    assert codes(stop="2445", stop_price=D(2490)) == ["stop_below_approved"]
