"""A bracket and its canonical form decide alike, and what is forgotten changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import timedelta

import pytest

from brackets.core.machine import RefusedEvent, step
from brackets.core.orders import Bracket, BracketOrder
from tests.exploration.acts import Acts
from tests.exploration.brain import Brain, Told
from tests.exploration.canonical import NOW, canonical
from tests.exploration.news import Look, News, event_of
from tests.exploration.search import Search
from tests.exploration.setups import CI
from tests.exploration.world import AT, BELOW, BETWEEN, Setup

WORLDS = 800
LOOKS = tuple(News("tick", look=Look(p.bid, p.last, compared=True)) for p in (BELOW, BETWEEN, AT))


@dataclass
class Twins(Brain):
    """Tells everything to two: the canonical bracket, and one as the step before left it."""

    raw: dict[int, Bracket] = field(default_factory=dict)
    compared: int = 0
    forgotten: int = 0

    def ask(self, number: int, news: News) -> Told:
        told = super().ask(number, news)
        after, _ = self.stepped(self.brackets[number], news)
        if after is not None:
            self.raw.setdefault(told.number, a_moment_later(after))
        if number in self.raw:
            other, _ = self.stepped(self.raw[number], news)
            assert (other is None) is (after is None), news
            if other is not None:
                found = canonical(other, may_be_held=self.may_be_held)
                assert differences(found, self.brackets[told.number]) == [], news
            self.compared += 1
        return told

    def forget(self, number: int, place: int) -> int:
        """What follows at once, at any price and on a close, must be the same without the order."""
        shorter = super().forget(number, place)
        for news in (*LOOKS, News("close")):
            whole, sent = self.stepped(self.brackets[number], news)
            less, sent_by_less = self.stepped(self.brackets[shorter], news)
            assert (whole and whole.state, sent) == (less and less.state, sent_by_less), news
        self.forgotten += 1
        return shorter

    def stepped(self, bracket: Bracket, news: News) -> tuple[Bracket | None, list[str]]:
        try:
            outcome = step(bracket, event_of(bracket, news), self.rules)
        except RefusedEvent:
            return None, []
        return outcome.bracket, [type(effect).__name__ for effect in outcome.effects]


def a_moment_later[Value: Bracket | BracketOrder](value: Value) -> Value:
    """What happens next happens after what was just done."""
    changes: dict[str, object] = {}
    for name in (each.name for each in fields(value)):
        if getattr(value, name) == NOW:
            changes[name] = NOW - timedelta(microseconds=1)
        elif getattr(value, name) == "new":  # the id of an order that was just adopted
            changes[name] = "adopted"
    if isinstance(value, Bracket):
        changes["orders"] = tuple(a_moment_later(order) for order in value.orders)
    return replace(value, **changes)  # type: ignore[arg-type]


def differences(one: Bracket, other: Bracket) -> list[str]:
    """The fields in which two brackets differ, their orders' fields too."""
    names = (each.name for each in fields(one) if each.name != "orders")
    found = [name for name in names if getattr(one, name) != getattr(other, name)]
    if len(one.orders) != len(other.orders):
        return [*found, "orders"]
    for mine, yours in zip(one.orders, other.orders, strict=True):
        for name in (f.name for f in fields(mine)):
            if getattr(mine, name) != getattr(yours, name):
                found.append(f"{mine.key}.{name}: {getattr(mine, name)} and {getattr(yours, name)}")
    return found


@pytest.mark.parametrize("setup", CI, ids=lambda setup: setup.name)
def test_it_decides_as_the_bracket_it_stands_for(setup: Setup) -> None:
    twins = Twins(may_be_held="hold" in setup.wishes)
    Search(replace(setup, most_states=WORLDS), Acts(setup, twins)).run()
    assert twins.compared > 50


def test_something_is_forgotten_at_all() -> None:
    setup = next(setup for setup in CI if setup.name == "the nearest leg rests")
    twins = Twins(may_be_held=False)
    Search(replace(setup, faults=0, crashes=0), Acts(replace(setup, faults=0, crashes=0), twins)).run()
    assert twins.forgotten > 20
