"""Readings and bookings told in any order and any number of times end in the same facts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from brackets.core.events import EntryRequested, FillBooked, OrderAccepted, OrderReported
from brackets.core.facts import RefusedEvent, absorb
from brackets.core.machine import step
from brackets.core.orders import Bracket
from brackets.core.states import OrderStatus, Refusal, Role
from tests.property.machine_setup import BEGIN
from tests.property.machine_world import World

D = Decimal
Fact = OrderReported | FillBooked


def opened() -> Bracket:
    """An entry the venue accepted as E."""
    bracket = step(World().bracket, EntryRequested(at=BEGIN)).bracket
    return step(bracket, OrderAccepted(at=BEGIN, key=bracket.orders[0].key, venue_order_id="E")).bracket


def history_of(name: str, parent: str | None, shares: list[int], canceled: bool) -> list[Fact]:
    """Every reading and booking of one order that fills share by share and then ends."""
    total = D(sum(shares) + (1 if canceled else 0)) / 10
    filled, trades, facts = D(0), [], []
    last = len(shares) - 1

    def reading(status: OrderStatus) -> OrderReported:
        ended = None if status is OrderStatus.OPEN else BEGIN + timedelta(seconds=60)
        return OrderReported(
            at=BEGIN,
            venue_order_id=name,
            client_order_id=None,
            parent_venue_order_id=parent,
            role_if_new=Role.STOP if parent else None,
            status=status,
            quantity=total,
            filled=filled,
            average_price=D(100) + filled if filled else None,
            triggered=bool(parent and filled),
            opened_at=BEGIN,
            ended_at=ended,
            trade_ids=frozenset(trades),
        )

    facts.append(reading(OrderStatus.OPEN))
    for number, share in enumerate(shares):
        filled += D(share) / 10
        trades.append(f"T{name}{number}")
        facts.append(
            FillBooked(at=BEGIN, venue_order_id=name, venue_trade_id=trades[-1], quantity=D(share) / 10)
        )
        if number < last or canceled:
            facts.append(reading(OrderStatus.OPEN))
    facts.append(reading(OrderStatus.CANCELED if canceled else OrderStatus.FILLED))
    return facts


def absorb_all(bracket: Bracket, facts: list[Fact]) -> Bracket:
    """What belongs to an order not seen yet waits, as the shell lets it wait."""
    waiting = facts
    while waiting:
        later: list[Fact] = []
        for fact in waiting:
            try:
                bracket = absorb(bracket, fact)
            except RefusedEvent as refused:
                assert refused.refusal is Refusal.UNKNOWN_ORDER
                later.append(fact)
        assert len(later) < len(waiting), "an order was never adopted"
        waiting = later
    return bracket


SHARES = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(
    entry=SHARES,
    stop=SHARES,
    canceled=st.booleans(),
    stop_canceled=st.booleans(),
    seed=st.integers(0, 10_000),
    repeats=st.lists(st.integers(0, 30), max_size=10),
)
def test_any_order_and_any_repetition(
    entry: list[int], stop: list[int], canceled: bool, stop_canceled: bool, seed: int, repeats: list[int]
) -> None:
    facts = history_of("E", None, entry, canceled) + history_of("S", "E", stop, stop_canceled)
    shuffled = facts + [facts[number % len(facts)] for number in repeats]
    Random(seed).shuffle(shuffled)
    straight = absorb_all(opened(), facts)
    shaken = absorb_all(opened(), shuffled)
    assert {o.key: o for o in straight.orders} == {o.key: o for o in shaken.orders}
    assert straight.coins == D(sum(entry) - sum(stop)) / 10


@given(shares=SHARES, canceled=st.booleans(), cut=st.integers(0, 12))
def test_facts_only_grow(shares: list[int], canceled: bool, cut: int) -> None:
    """Telling the past again after the end changes nothing."""
    facts = history_of("E", None, shares, canceled)
    told = absorb_all(opened(), facts)
    assert absorb_all(told, facts[: cut % len(facts)]) == told
