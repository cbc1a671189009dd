"""What the simulator hears of a step: a sell that is wanted and not wanted by the same decision."""

from __future__ import annotations

from decimal import Decimal

from brackets.core.effects import Cancel, Effect, Place
from brackets.core.machine import Outcome
from brackets.core.orders import Bracket
from brackets.core.states import Role
from tests.simulation.ears import taken_back_at_once
from tests.unit.machine_story import a_plan


def heard(*effects: Effect) -> list[str]:
    return taken_back_at_once(Outcome(bracket=Bracket(plan=a_plan()), effects=effects))


def placed(key: str, role: Role) -> Place:
    return Place(key=key, role=role, quantity=Decimal(1))


def test_a_sell_that_the_same_step_takes_back_is_heard() -> None:
    assert heard(placed("a", Role.EXIT), Cancel(key="a")) == ["a"]


def test_a_sell_in_the_place_of_another_is_not() -> None:
    assert heard(Cancel(key="a"), placed("b", Role.STOP)) == []


def test_an_entry_that_is_repriced_when_its_time_is_up_is_not() -> None:
    assert heard(placed("a", Role.ENTRY), Cancel(key="a")) == []
