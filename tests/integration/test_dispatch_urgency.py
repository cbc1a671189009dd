"""What may use the whole rate budget, told from what only makes things nicer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from brackets import urgency
from brackets.models import Bracket, Effect, Order
from tests.integration.engine_venue import NOON
from tests.integration.engine_world import World

pytest_plugins = ["tests.integration.worlds"]


@pytest.fixture
def bracket(world: World) -> Bracket:
    """A bracket with one resting stop."""
    return world.bracket(world.open_active())


def order(bracket: Bracket, role: str, **values: Any) -> Order:
    return Order.objects.create(
        bracket=bracket,
        account_id=bracket.account_id,
        role=role,
        status="OPEN",
        quantity=Decimal("0.01"),
        venue_order_id=f"O{Order.objects.count()}",
        created_at=NOON,
        updated_at=NOON,
        **values,
    )


def effect(order: Order, kind: str, **terms: Any) -> Effect:
    return Effect(order=order, bracket=order.bracket, kind=kind, **terms)


@pytest.mark.parametrize(
    ("state", "resting", "others", "urgent"),
    [
        pytest.param("BRACKET_ACTIVE", "stop", 1, False, id="merging"),
        pytest.param("ENTRY_FILLED", "stop", 1, False, id="merging while more is bought"),
        pytest.param("BRACKET_ACTIVE", "stop", 0, True, id="the only stop"),
        pytest.param("BRACKET_ACTIVE", "target", 0, False, id="swapping in"),
        pytest.param("EXITING", "stop", 1, True, id="leaving"),
        pytest.param("EXITING", "target", 0, True, id="leaving in the middle of a swap"),
        pytest.param("SL_FILLED", "stop", 1, True, id="a stop that slept while its sibling sells"),
    ],
)
def test_canceling_a_stop(bracket: Bracket, state: str, resting: str, others: int, urgent: bool) -> None:
    bracket.state, bracket.resting = state, resting
    stop = order(bracket, "stop", trigger_price=Decimal(2450), cancel_wanted=True)
    if not others:
        Order.objects.filter(role="stop").exclude(pk=stop.pk).update(cancel_wanted=True)
    assert urgency.is_urgent(bracket, effect(stop, "CANCEL")) is urgent


@pytest.mark.parametrize(
    ("following", "urgent"),
    [("reprice", False), ("market", True), ("", True)],
    ids=["to reprice", "to buy at market", "for good"],
)
def test_canceling_an_entry(bracket: Bracket, following: str, urgent: bool) -> None:
    bracket.entry_next = following
    entry = order(bracket, "entry", limit_price=Decimal(2499))
    assert urgency.is_urgent(bracket, effect(entry, "CANCEL")) is urgent


def test_canceling_a_target_is_urgent(bracket: Bracket) -> None:
    target = order(bracket, "target", limit_price=Decimal(2600))
    assert urgency.is_urgent(bracket, effect(target, "CANCEL"))


@pytest.mark.parametrize(
    ("state", "role", "terms", "urgent"),
    [
        pytest.param("ENTRY_PLACED", "entry", {"limit_price": Decimal(2499)}, False, id="an entry"),
        pytest.param("ENTRY_FILLED", "stop", {"trigger_price": Decimal(2450)}, True, id="a stop"),
        pytest.param("BRACKET_ACTIVE", "exit", {}, True, id="a part"),
        pytest.param("EXITING", "target", {}, True, id="a target taken at market"),
        pytest.param("EXITING", "target", {"limit_price": Decimal(2590)}, True, id="a target taken by limit"),
        pytest.param(
            "ENTRY_FILLED",
            "target",
            {"limit_price": Decimal(2600)},
            False,
            id="a target to rest beside its stop",
        ),
    ],
)
def test_placing(bracket: Bracket, state: str, role: str, terms: dict[str, Decimal], urgent: bool) -> None:
    bracket.state = state
    assert urgency.is_urgent(bracket, effect(order(bracket, role, **terms), "PLACE")) is urgent


def test_a_target_in_the_place_of_a_stop_that_is_gone_covers_bare_coins(bracket: Bracket) -> None:
    bracket.state = "ENTRY_FILLED"
    Order.objects.filter(role="stop").update(status="CANCELED")
    target = effect(order(bracket, "target", limit_price=Decimal(2600)), "PLACE")
    assert urgency.is_urgent(bracket, target)
    assert urgency.rank(bracket, target) == 0


def test_amending_is_urgent_where_coins_change_their_cover(bracket: Bracket) -> None:
    stop = Order.objects.get(role="stop")
    assert urgency.is_urgent(bracket, effect(stop, "AMEND", quantity=Decimal("0.2")))
    assert not urgency.is_urgent(bracket, effect(stop, "AMEND", trigger_price=Decimal(2451)))


def test_cover_and_sells_first_then_cancels_then_the_rest_then_entries(bracket: Bracket) -> None:
    stop = Order.objects.get(role="stop")
    entry = order(bracket, "entry", limit_price=Decimal(2499))
    ranked = [
        [effect(order(bracket, "exit"), "PLACE"), effect(stop, "AMEND", quantity=stop.quantity * 2)],
        [effect(order(bracket, "target"), "CANCEL"), effect(stop, "AMEND", quantity=stop.quantity / 2)],
        [effect(stop, "AMEND", trigger_price=Decimal(2451))],
        [effect(entry, "PLACE")],
    ]
    assert [[urgency.rank(bracket, one) for one in group] for group in ranked] == [[0, 0], [1, 1], [2], [3]]
