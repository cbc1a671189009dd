"""Whatever is sent, in whatever order and however long it travels: our counters are never below Kraken's.

The reference is written from Kraken's own table, in fractions, and charges at the moment of arrival, by
the order's true age. Ours runs through the real sender and its row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brackets.models.sender import SenderKey
from brackets.venue.kraken import pair_budget
from brackets.venue.kraken.pair_budget import Deed, Spending
from brackets.venue.port import BudgetExhausted
from brackets.venue.sender import SenderSlot, Turn, milliseconds

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAIRS = ("BTC/USD", "ETH/USD")
KEYS = count()
KRAKEN = {  # limit, decay a second
    "starter": (60, Fraction(1)),
    "intermediate": (125, Fraction(234, 100)),
    "pro": (180, Fraction(375, 100)),
}


def cost_at_kraken(deed: Deed, age: float) -> tuple[int, int]:
    """(fixed, by age)"""
    if deed is Deed.ADD:
        return 1, 0
    if deed is Deed.AMEND:
        return 1, 3 if age < 5 else 2 if age < 10 else 1 if age < 15 else 0
    steps = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))
    return 0, next((points for limit, points in steps if age < limit), 0)


@dataclass
class KrakenCounter:
    """One pair's counter at the venue."""

    tier: str
    value: Fraction = Fraction(0)
    at: datetime = NOON
    refused: int = 0

    def now(self, moment: datetime) -> Fraction:
        _, decay = KRAKEN[self.tier]
        elapsed = Fraction((moment - self.at) // timedelta(microseconds=1), 1_000_000)
        return max(Fraction(0), self.value - decay * elapsed)

    def arrive(self, deed: Deed, *, age: float, at: datetime) -> None:
        limit, _ = KRAKEN[self.tier]
        fixed, further = cost_at_kraken(deed, age)
        self.value, self.at = self.now(at) + fixed, at
        if self.value + further > limit:
            self.refused += 1
        else:
            self.value += further


@dataclass(frozen=True)
class Call:
    """One write: what it is, and how long everything about it takes."""

    pair: str
    deed: Deed
    urgent: bool
    told: bool  # whether the sender is told the pair (only a cancel may leave it out)
    age: float | None  # None: not told, and truly just placed
    clock_error: float  # by how much the told age is off
    before_ms: int
    there_ms: int
    back_ms: int
    dies: bool  # the sender never hears the answer; its lease runs out


calls = st.builds(
    Call,
    pair=st.sampled_from(PAIRS),
    deed=st.sampled_from(Deed),
    urgent=st.booleans(),
    told=st.booleans(),
    age=st.none() | st.sampled_from([4.5, 9.5, 14.5, 44.5, 89.5, 299.5]) | st.floats(0, 400),
    clock_error=st.sampled_from([-1.0, 0.0, 1.0]),
    before_ms=st.integers(0, 4000),
    there_ms=st.sampled_from([0, 100, 3500]),
    back_ms=st.integers(0, 3500),
    dies=st.booleans(),
)


@dataclass
class World:
    """Our sender and Kraken's counters, on one clock that only this test moves."""

    tier: str
    now: datetime = NOON
    kraken: dict[str, KrakenCounter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = f"{next(KEYS):064d}"
        SenderKey.objects.create(
            key_fingerprint=self.name, counter_thousandths=0, counter_at=NOON, updated_at=NOON
        )
        self.kraken = {pair: KrakenCounter(self.tier) for pair in PAIRS}
        self.slot = SenderSlot(
            key_fingerprint=self.name, tier=self.tier, max_wait_seconds=0.001, clock=lambda: self.now
        )

    def level(self, pair: str) -> int:
        book = pair_budget.read(SenderKey.objects.get(key_fingerprint=self.name).pair_counters)
        return pair_budget.level(
            book, pair, at_milliseconds=milliseconds(self.now), tier=pair_budget.TIERS[self.tier]
        )

    def make(self, call: Call) -> bool:
        """Whether it was sent."""
        self.now += timedelta(milliseconds=call.before_ms)
        told = call.told or call.deed is not Deed.CANCEL
        touched_at = None
        if call.age is not None:
            touched_at = self.now - timedelta(seconds=call.age + call.clock_error)
        spending = Spending(deed=call.deed, symbol=call.pair if told else None, touched_at=touched_at)
        turn = self.slot.turn(cost=0, urgent=call.urgent, spending=spending)
        try:
            taken = turn.__enter__()
        except BudgetExhausted:
            return False
        self.travel(call, taken)
        if call.dies:  # and somebody else goes on when the lease is over
            taken.fence = -1  # nobody gives this turn back
            self.now += self.slot.lease
        turn.__exit__(None, None, None)
        return True

    def travel(self, call: Call, taken: Turn) -> None:
        self.now += timedelta(milliseconds=call.there_ms)
        age = (call.age or 0.0) + call.there_ms / 1000
        self.kraken[call.pair].arrive(call.deed, age=age, at=self.now)
        if not call.dies:
            self.now += timedelta(milliseconds=call.back_ms)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(KRAKEN)), st.lists(calls, min_size=5, max_size=60))
def test_our_counter_is_never_below_kraken_s_and_kraken_never_refuses(tier: str, made: list[Call]) -> None:
    world = World(tier)
    for call in made:
        world.make(call)
        for pair, counter in world.kraken.items():
            assert world.level(pair) >= counter.now(world.now) * 1000
    if all(call.told or call.deed is not Deed.CANCEL for call in made):
        assert [counter.refused for counter in world.kraken.values()] == [0, 0]


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(sorted(KRAKEN)), st.lists(calls, min_size=5, max_size=40))
def test_a_pause_brings_every_budget_back(tier: str, made: list[Call]) -> None:
    """Being too careful must pass: after the limit has had time to decay, an entry is let through."""
    world = World(tier)
    for call in made:
        world.make(call)
    limit, decay = KRAKEN[tier]
    world.now += timedelta(seconds=float(limit / decay)) + world.slot.lease
    assert [world.level(pair) for pair in PAIRS] == [0, 0]
    entry = Spending(deed=Deed.ADD, symbol=PAIRS[0])
    with world.slot.turn(cost=0, urgent=False, spending=entry):
        pass


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(sorted(KRAKEN)), st.integers(0, 200))
def test_entries_never_use_what_is_kept_for_exits(tier: str, wishes: int) -> None:
    """However many entries were wished for, the cancel of a young stop and its sell still go out at once."""
    world = World(tier)
    for _ in range(min(wishes, 200)):
        entry = Call("BTC/USD", Deed.ADD, False, True, None, 0.0, 0, 0, 0, False)
        if not world.make(entry):
            break
    assert world.make(Call("BTC/USD", Deed.CANCEL, True, True, None, 0.0, 0, 0, 0, False))
    assert world.make(Call("BTC/USD", Deed.ADD, True, True, None, 0.0, 0, 0, 0, False))
    assert world.kraken["BTC/USD"].refused == 0
