"""The paper venue's counters: how often Kraken lets one ask and trade, to the thousandth of a point."""

from decimal import Decimal

import pytest

from brackets.venue.paper.limits import (
    AMEND_AGES,
    CANCEL_AGES,
    EDIT_AGES,
    POINT,
    TIERS,
    Limits,
    penalty,
)
from brackets.venue.paper.orders import Kind, Refused
from tests.unit.paper_desk import ETH, START, Desk

BTC = "BTC/USD"


def calls_until_refused(limits: Limits, method: str, *, now: Decimal) -> int:
    for count in range(1000):
        try:
            limits.call(method, now=now)
        except Refused as refusal:
            assert refusal.error == "EAPI:Rate limit exceeded"
            return count
    raise AssertionError("never refused")


def spend(limits: Limits, points: int, *, now: Decimal, symbol: str = ETH) -> None:
    for _ in range(points):
        limits.admit(symbol, fixed=POINT, now=now)


@pytest.mark.parametrize(("tier", "reads"), [("starter", 15), ("intermediate", 20), ("pro", 20)])
def test_it_lets_a_key_ask_as_often_as_its_tier(tier, reads):
    assert calls_until_refused(Limits(tier=TIERS[tier]), "OpenOrders", now=START) == reads


def test_histories_cost_two_and_orders_nothing():
    limits = Limits(tier=TIERS["starter"])
    assert calls_until_refused(limits, "Ledgers", now=START) == 7
    limits.call("QueryOrders", now=START)  # the fifteenth point
    for method in ("AddOrder", "AmendOrder", "EditOrder", "CancelOrder", "AddOrderBatch", "CancelOrderBatch"):
        limits.call(method, now=START)
    with pytest.raises(Refused, match="EAPI:Rate limit exceeded"):
        limits.call("CancelAll", now=START)


def test_a_refused_call_costs_nothing_and_a_point_comes_back_in_three_seconds():
    limits = Limits(tier=TIERS["starter"])
    calls_until_refused(limits, "Balance", now=START)
    with pytest.raises(Refused):
        limits.call("Balance", now=START + Decimal("3.03"))  # 0.9999 points have decayed
    limits.call("Balance", now=START + Decimal("3.031"))
    with pytest.raises(Refused):
        limits.call("Balance", now=START + Decimal("6.05"))


def test_asking_often_loses_no_decay():
    limits = Limits(tier=TIERS["pro"])
    calls_until_refused(limits, "Balance", now=START)
    for tenth in range(1, 10):
        limits.pairs.clear()
        with pytest.raises(Refused):
            limits.call("Balance", now=START + Decimal(tenth) / 10)
    limits.call("Balance", now=START + 1)


def test_a_clock_set_back_gives_nothing_away():
    limits = Limits(tier=TIERS["starter"])
    spend(limits, 10, now=START)
    limits.admit(ETH, fixed=POINT, now=START - 100)
    assert limits.level(ETH, now=START) == 11 * POINT


@pytest.mark.parametrize(("tier", "orders"), [("starter", 60), ("intermediate", 125), ("pro", 180)])
def test_a_pairs_counter_stops_at_its_tier_and_no_other_pair_with_it(tier, orders):
    limits = Limits(tier=TIERS[tier])
    spend(limits, orders, now=START)
    with pytest.raises(Refused, match="EOrder:Rate limit exceeded"):
        limits.admit(ETH, fixed=POINT, now=START)
    assert limits.level(ETH, now=START) == orders * POINT  # the refusal cost nothing
    limits.admit(BTC, fixed=POINT, now=START)


@pytest.mark.parametrize(("tier", "decay"), [("starter", 1000), ("intermediate", 2340), ("pro", 3750)])
def test_a_pairs_counter_decays_by_tier(tier, decay):
    limits = Limits(tier=TIERS[tier])
    spend(limits, 50, now=START)
    assert limits.level(ETH, now=START + 2) == 50 * POINT - 2 * decay
    assert limits.level(ETH, now=START + 1000) == 0


@pytest.mark.parametrize(
    ("ages", "points"),
    [
        (AMEND_AGES, {0: 3, "4.999": 3, 5: 2, 10: 1, "14.999": 1, 15: 0}),
        (EDIT_AGES, {0: 6, 5: 5, 10: 4, 15: 2, 45: 1, "89.999": 1, 90: 0}),
        (CANCEL_AGES, {0: 8, "4.999999": 8, 5: 6, 10: 5, 15: 4, 45: 2, 90: 1, "299.9": 1, 300: 0}),
    ],
)
def test_young_orders_are_dear_to_touch(ages, points):
    order = Desk().buy(Kind.LIMIT, "0.5", price="1900")
    for age, expected in points.items():
        assert penalty(ages, order, now=order.opened_at + Decimal(age)) == expected * POINT


def test_an_amended_order_is_young_again():
    desk = Desk()
    order = desk.buy(Kind.LIMIT, "0.5", price="1900")
    desk.now += 400
    assert penalty(CANCEL_AGES, order, now=desk.now) == 0
    desk.amend(order, volume="0.4")
    assert penalty(CANCEL_AGES, desk.latest(order), now=desk.now) == 8 * POINT


def test_a_cancel_must_fit_whole_but_a_batch_need_not():
    desk = Desk()
    limits = Limits(tier=TIERS["starter"])
    order = desk.buy(Kind.LIMIT, "0.5", price="1900")
    spend(limits, 53, now=desk.now)
    with pytest.raises(Refused, match="EOrder:Rate limit exceeded"):
        limits.admit(ETH, fixed=0, penalty=8 * POINT, now=desk.now)
    limits.charge_cancels([order, order], now=desk.now)
    assert limits.level(ETH, now=desk.now) == 69 * POINT


@pytest.mark.parametrize(("tier", "most"), [("starter", 60), ("intermediate", 80), ("pro", 225)])
def test_a_pair_has_room_for_so_many_open_orders(tier, most):
    limits = Limits(tier=TIERS[tier])
    limits.admit_open(most - 1)
    with pytest.raises(Refused, match="EOrder:Orders limit exceeded"):
        limits.admit_open(most)


def test_without_a_tier_nothing_is_limited():
    limits = Limits()
    for _ in range(1000):
        limits.call("Ledgers", now=START)
        limits.admit(ETH, fixed=POINT, now=START)
        limits.admit_open(1000)
    assert limits.level(ETH, now=START) == 0
