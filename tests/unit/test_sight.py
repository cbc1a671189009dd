"""What open brackets see of the world, and which readings they want: pure parts of the round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from brackets import sight
from brackets.core.orders import Amendment, Bracket, BracketOrder, EntryTerms, Plan
from brackets.core.states import AmendStatus, OrderStatus, Role, State
from tests.unit.machine_story import BEGIN

D = Decimal


@dataclass(frozen=True)
class Price:
    bid: Decimal
    last: Decimal
    read_at: datetime = BEGIN


def price(last: str, *, bid: str | None = None) -> Price:
    return Price(bid=D(bid or last), last=D(last))


def order(role: Role, **values: object) -> BracketOrder:
    given: dict[str, object] = {
        "key": f"{role} {values.get('key', '')}",
        "quantity": D(1),
        "status": OrderStatus.OPEN,
        "created_at": BEGIN,
        "read_back": True,
        **{name: value for name, value in values.items() if name != "key"},
    }
    return BracketOrder(role=role, **given)  # type: ignore[arg-type]


BOUGHT = order(Role.ENTRY, status=OrderStatus.FILLED, filled=D(1))
STOP = order(Role.STOP, trigger_price=D(90), venue_order_id="S")
LIMIT = order(Role.ENTRY, limit_price=D(99))
MARKET = order(Role.ENTRY, read_back=False)
ASKED = Amendment(number=1, status=AmendStatus.INTENDED, asked_at=BEGIN, quantity=D(2))
LOST = replace(STOP, status=OrderStatus.CANCELED, amiss_at=BEGIN)
CRUMB = replace(LIMIT, filled=D("0.05"), status=OrderStatus.CANCELED)
SMALLER = replace(STOP, quantity=D("0.95"))
ACTIVE, FILLED, PLACED = State.BRACKET_ACTIVE, State.ENTRY_FILLED, State.ENTRY_PLACED
HELD = State.HELD


def bracket(state: State, *orders: BracketOrder, **values: object) -> Bracket:
    plan = Plan(
        uid=UUID(int=1),
        symbol="ETH/USD",
        quantity=D(1),
        stop_price=D(90),
        target_price=D(120),
        tick_size=D("0.01"),
        lot_step=D("0.001"),
        minimum_quantity=D("0.1"),
        entry=EntryTerms(limit_price=D(99)),
    )
    given = {"stop_price": D(90), "target_price": D(120), **values}
    return Bracket(plan=plan, state=state, orders=orders, **given)  # type: ignore[arg-type]


def without_attached_stop(shown: Bracket) -> Bracket:
    return replace(shown, plan=replace(shown.plan, attach_stop=False))


@pytest.mark.parametrize(
    ("one", "other", "worst"),
    [
        ("online", "online", "online"),
        ("", "", "online"),
        ("", "limit_only", "limit_only"),
        ("online", "cancel_only", "cancel_only"),
        ("maintenance", "online", "maintenance"),
        ("post_only", "cancel_only", "cancel_only"),
        ("reduce_only", "limit_only", "limit_only"),
        ("online", "a word nobody knows", "maintenance"),
    ],
)
def test_the_worse_of_two_modes_holds(one: str, other: str, worst: str) -> None:
    assert sight.worse(one, other) == worst == sight.worse(other, one)


@pytest.mark.parametrize(("age", "is_fresh"), [(0, True), (5, True), (5.001, False), (3600, False)])
def test_an_old_price_is_none(age: float, is_fresh: bool) -> None:
    seen = price("100")
    assert (sight.fresh(seen, BEGIN + timedelta(seconds=age)) is seen) == is_fresh


def test_no_price_is_none() -> None:
    assert sight.fresh(None, BEGIN) is None


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(bracket(ACTIVE, BOUGHT, STOP), False, id="all is well"),
        pytest.param(without_attached_stop(bracket(PLACED, MARKET)), True, id="bought at market, bare"),
        pytest.param(bracket(PLACED, MARKET), False, id="bought at market with its stop"),
        pytest.param(without_attached_stop(bracket(PLACED, LIMIT)), False, id="a limit that rests"),
        pytest.param(bracket(FILLED, BOUGHT), True, id="bare coins"),
        pytest.param(bracket(FILLED, BOUGHT, replace(STOP, read_back=False)), True, id="a stop not read"),
        pytest.param(
            bracket(ACTIVE, BOUGHT, replace(STOP, cancel_wanted=True)), True, id="a stop on its way out"
        ),
        pytest.param(bracket(ACTIVE, BOUGHT, replace(STOP, amendment=ASKED)), False, id="terms not sent yet"),
        pytest.param(
            bracket(ACTIVE, BOUGHT, replace(STOP, amendment=replace(ASKED, status=AmendStatus.ACCEPTED))),
            True,
            id="terms taken and not read",
        ),
        pytest.param(
            bracket(ACTIVE, BOUGHT, replace(STOP, amendment=replace(ASKED, status=AmendStatus.UNKNOWN))),
            True,
            id="terms unknown",
        ),
        pytest.param(
            bracket(PLACED, replace(LIMIT, status=OrderStatus.UNKNOWN)),
            False,
            id="an entry unknown: its lookups have their own moments",
        ),
        pytest.param(
            bracket(FILLED, BOUGHT, replace(STOP, status=OrderStatus.UNKNOWN)), False, id="a stop unknown"
        ),
        pytest.param(
            bracket(
                FILLED,
                BOUGHT,
                replace(STOP, status=OrderStatus.UNKNOWN),
                replace(STOP, key="another", venue_order_id="another", cancel_wanted=True),
            ),
            True,
            id="a stop unknown, another on its way out",
        ),
        pytest.param(
            bracket(State.EXITING, BOUGHT, order(Role.EXIT, read_back=False)), True, id="a sale not seen yet"
        ),
        pytest.param(
            bracket(State.EXITING, BOUGHT, order(Role.EXIT)), False, id="a sale that was seen to rest"
        ),
        pytest.param(bracket(PLACED, LIMIT), False, id="an entry at rest"),
        pytest.param(
            bracket(FILLED, replace(LIMIT, filled=D("0.05"))), False, id="a crumb, while more is bought"
        ),
        pytest.param(
            bracket(FILLED, CRUMB, secondaries_due_at=BEGIN), True, id="a crumb, and its stop is awaited"
        ),
        pytest.param(bracket(FILLED, CRUMB), False, id="a crumb that stays alone: nothing can come of it"),
        pytest.param(
            bracket(FILLED, BOUGHT, SMALLER), False, id="a rest too small beside a stop that was read"
        ),
        pytest.param(
            bracket(FILLED, BOUGHT, replace(SMALLER, read_back=False)), True, id="… and one that was not"
        ),
        pytest.param(bracket(FILLED, replace(LIMIT, filled=D("0.5"))), True, id="a part without its stop"),
        pytest.param(bracket(HELD, BOUGHT), False, id="held, and nothing comes"),
        pytest.param(bracket(HELD, BOUGHT, protect_from=BEGIN), True, id="held, and its stop is awaited"),
        pytest.param(
            bracket(HELD, BOUGHT, replace(STOP, read_back=False)), True, id="held, and its stop was not read"
        ),
        pytest.param(
            bracket(HELD, BOUGHT, LOST, protect_from=BEGIN, repairing=True), True, id="held, told once"
        ),
        pytest.param(
            bracket(HELD, BOUGHT, replace(LOST, amiss_agreed=True), protect_from=BEGIN, repairing=True),
            False,
            id="held, and two readings agreed",
        ),
    ],
)
def test_naked(shown: Bracket, expected: bool) -> None:
    assert sight.naked(shown) is expected


@pytest.mark.parametrize(
    ("shown", "seen", "expected"),
    [
        pytest.param(bracket(ACTIVE, BOUGHT, STOP), price("100"), False, id="all is well"),
        pytest.param(bracket(ACTIVE, BOUGHT, STOP), None, False, id="no price"),
        pytest.param(bracket(ACTIVE, BOUGHT, STOP), price("90"), True, id="the stop must have triggered"),
        pytest.param(bracket(ACTIVE, BOUGHT, STOP), price("95", bid="90"), True, id="or will at once"),
        pytest.param(
            bracket(ACTIVE, BOUGHT, order(Role.TARGET, limit_price=D(120))),
            price("120"),
            True,
            id="the resting target is being taken",
        ),
        pytest.param(
            bracket(ACTIVE, BOUGHT, order(Role.TARGET, limit_price=D(120))), price("119"), False, id="not yet"
        ),
        pytest.param(bracket(PLACED, LIMIT), price("99"), False, id="our limit is the bid"),
        pytest.param(bracket(PLACED, LIMIT), price("98.99"), True, id="the market went through our limit"),
        pytest.param(bracket(PLACED, replace(LIMIT, read_back=False)), None, True, id="not seen to rest"),
        pytest.param(bracket(PLACED, replace(LIMIT, cancel_wanted=True)), None, True, id="being canceled"),
        pytest.param(bracket(PLACED, order(Role.ENTRY)), None, True, id="a market entry"),
        pytest.param(bracket(PLACED), None, True, id="between two entries"),
        pytest.param(bracket(FILLED, BOUGHT, STOP), None, True, id="protection in motion"),
        pytest.param(bracket(FILLED, CRUMB), None, False, id="a rest too small for an order"),
        pytest.param(
            bracket(FILLED, CRUMB, secondaries_due_at=BEGIN), None, True, id="a small part's stop is awaited"
        ),
        pytest.param(bracket(FILLED, BOUGHT, SMALLER), None, False, id="a rest too small beside a stop"),
        pytest.param(
            bracket(FILLED, BOUGHT, replace(SMALLER, cancel_wanted=True)), None, True, id="… that is leaving"
        ),
        pytest.param(bracket(State.EXITING, BOUGHT), None, True, id="leaving"),
        pytest.param(bracket(State.SL_FILLED, BOUGHT), None, True, id="stopped"),
        pytest.param(bracket(State.TP_FILLED, BOUGHT), None, False, id="only books are open"),
        pytest.param(
            bracket(State.EXITING, BOUGHT, order(Role.EXIT, status=OrderStatus.UNKNOWN)),
            None,
            False,
            id="an exit unknown: only its lookups tell",
        ),
        pytest.param(
            bracket(State.SL_FILLED, BOUGHT, STOP, order(Role.EXIT, status=OrderStatus.UNKNOWN)),
            None,
            True,
            id="an exit unknown beside a stop that executes",
        ),
        pytest.param(bracket(ACTIVE, BOUGHT, STOP, reduce_quantity=D("0.3")), None, True, id="reducing"),
        pytest.param(bracket(ACTIVE, BOUGHT, STOP, order(Role.EXIT)), None, True, id="a part on sale"),
    ],
)
def test_what_moves_is_read_soon(shown: Bracket, seen: Price | None, expected: bool) -> None:
    assert sight.moves(shown, seen) is expected


REFUSED = order(Role.STOP, status=OrderStatus.REJECTED, refused_reason="insufficient_funds")
BOOKED = replace(BOUGHT, booked=D(1))
SPENT = replace(REFUSED, refused_reason="rate_limited")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(bracket(FILLED, BOUGHT), False, id="nothing was refused"),
        pytest.param(bracket(FILLED, BOUGHT, REFUSED), True, id="a stop was"),
        pytest.param(bracket(FILLED, BOUGHT, REFUSED, SPENT), True, id="… and then for another reason"),
        pytest.param(bracket(FILLED, BOUGHT, REFUSED, STOP), False, id="… and then taken"),
        pytest.param(bracket(FILLED, BOOKED, REFUSED), False, id="the fees are known"),
        pytest.param(bracket(State.EXITING, BOUGHT, funds_refused_since=BEGIN), True, id="an exit was"),
    ],
)
def test_fees_that_may_explain_a_refusal_are_asked_for(shown: Bracket, expected: bool) -> None:
    assert sight.asks_for_unknown_fees(shown) is expected
