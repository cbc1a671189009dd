"""The machine as the exploration asks it: each bracket has a number, each question is asked once.

`Brain.tell(number, news)` is one `machine.step` on a canonical bracket. It is judged here, once for every
pair of bracket and event that occurs: the product's own invariants hold, the same event again does nothing,
and what must be sent is what the bracket itself remembers to be sent. The last makes the outbox superfluous:
an order that is INTENDED and not answered is an order to send, and so on for amendments and cancels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from brackets.core.effects import Amend, Cancel, Place
from brackets.core.events import Event
from brackets.core.invariants import violations
from brackets.core.machine import Outcome, RefusedEvent, step
from brackets.core.orders import Bracket, Rules
from brackets.core.states import AmendStatus, OrderStatus, Role, State
from tests.exploration.canonical import RULES, aged, canonical, may_be_forgotten, without
from tests.exploration.news import WISHES, News, event_of


class Told(NamedTuple):
    """What one event did to a bracket: its new number (the old one, if it was refused), and what it broke."""

    number: int
    broken: tuple[str, ...] = ()


@dataclass
class Brain:
    rules: Rules = RULES
    may_be_held: bool = True  # whether somebody may want to put a bracket on hold
    repeats: bool = True  # whether each event is told twice
    brackets: list[Bracket] = field(default_factory=list)
    numbers: dict[Bracket, int] = field(default_factory=dict)
    told: dict[tuple[int, News], Told] = field(default_factory=dict)
    later: dict[int, int] = field(default_factory=dict)
    shorter: dict[tuple[int, int], int] = field(default_factory=dict)
    forgettable: dict[int, tuple[int, ...]] = field(default_factory=dict)
    refused: Counter[tuple[State, type[Event]]] = field(default_factory=Counter)
    moves: Counter[tuple[State, type[Event], State]] = field(default_factory=Counter)

    def number(self, bracket: Bracket) -> int:
        """The number of a canonical bracket."""
        known = self.numbers.get(bracket)
        if known is None:
            known = self.numbers[bracket] = len(self.brackets)
            self.brackets.append(bracket)
        return known

    def tell(self, number: int, news: News) -> Told:
        asked = (number, news)
        known = self.told.get(asked)
        if known is None:
            known = self.told[asked] = self.ask(number, news)
        return known

    def ask(self, number: int, news: News) -> Told:
        before = self.brackets[number]
        event = event_of(before, news)
        try:
            outcome = step(before, event, self.rules)
        except RefusedEvent as refused:
            self.refused[before.state, type(event)] += 1
            broken = () if type(event) in WISHES else (f"a fact is refused: {refused}",)
            return Told(number, broken)
        self.moves[before.state, type(event), outcome.bracket.state] += 1
        broken = (*violations(outcome.bracket), *self.judge(before, outcome))
        if self.repeats:
            broken += tuple(self.repeat(outcome, event))
        return Told(self.number(canonical(outcome.bracket, may_be_held=self.may_be_held)), broken)

    def repeat(self, outcome: Outcome, event: Event) -> Iterator[str]:
        """The same once more: nothing happens, but that a look may begin or end the memory of a repair."""
        try:
            again = step(outcome.bracket, event, self.rules)
        except RefusedEvent:
            return
        once = outcome.bracket
        twice = replace(
            again.bracket,
            repair_key=once.repair_key,
            repaired_at=once.repaired_at,
            repair_cycle=once.repair_cycle,
        )
        if replace(again, bracket=twice) != Outcome(bracket=once):
            yield f"{type(event).__name__} twice is not {type(event).__name__} once"

    @staticmethod
    def judge(before: Bracket, outcome: Outcome) -> Iterator[str]:
        """Whether what is sent is what the bracket remembers, under an id of its own."""
        after, known = outcome.bracket, {order.key: order for order in before.orders}
        if len({order.key for order in after.orders}) < len(after.orders):
            yield "two orders have the same id"
        places = [e for e in outcome.effects if isinstance(e, Place)]
        next_id = after.next_client_order_id()
        if after.sequence - before.sequence != len(places) or next_id in {e.key for e in places}:
            yield "the next order would have an id that was used"
        intended = {o.key for o in after.orders if o.status is OrderStatus.INTENDED} - known.keys()
        if intended - {e.key for e in places}:
            yield "an order is intended and not sent"
        canceled = {e.key for e in outcome.effects if isinstance(e, Cancel)}
        amended = {e.key for e in outcome.effects if isinstance(e, Amend)}
        for order in after.orders:
            old = known.get(order.key)
            newly = order.cancel_wanted and not (old and old.cancel_wanted)
            if newly and order.key not in canceled:
                yield "a cancel is wanted and not sent"
            if newly and order.role is Role.STOP and is_put_on_hold(before, after):
                yield "a hold takes a stop away"
            asked = order.amendment
            fresh = asked is not None and not (old and old.amendment and old.amendment.number == asked.number)
            if fresh and order.key not in amended and asked and asked.status is AmendStatus.INTENDED:
                yield "an amendment is wanted and not sent"

    def age(self, number: int) -> int:
        """The same bracket one unit later."""
        known = self.later.get(number)
        if known is None:
            known = self.later[number] = self.number(
                aged(self.brackets[number], may_be_held=self.may_be_held)
            )
        return known

    def forget(self, number: int, place: int) -> int:
        """The same bracket without an order that no decision reads."""
        asked = (number, place)
        known = self.shorter.get(asked)
        if known is None:
            known = self.shorter[asked] = self.number(
                without(self.brackets[number], place, may_be_held=self.may_be_held)
            )
        return known

    def forgettable_of(self, number: int) -> tuple[int, ...]:
        known = self.forgettable.get(number)
        if known is None:
            bracket = self.brackets[number]
            known = tuple(i for i in range(len(bracket.orders)) if may_be_forgotten(bracket, i))
            self.forgettable[number] = known
        return known


def is_put_on_hold(before: Bracket, after: Bracket) -> bool:
    """Whether this step put coins on hold that no stop is selling yet: their protection is to stay."""
    selling = any(stop.triggered or stop.filled for stop in after.having(Role.STOP))
    return after.state is State.HELD is not before.state and after.coins > 0 and not selling
