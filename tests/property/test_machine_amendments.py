"""An amendment is believed when it is seen, and given up only when it certainly was not done.

Readings lag by seconds and are told in any order, before and after the venue's answer; what we think an
order may still sell must never exclude what is true.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from brackets.core.events import AmendAnswered, OrderReported
from brackets.core.facts import absorb
from brackets.core.orders import Amendment, Bracket, BracketOrder
from brackets.core.states import AmendStatus, Answer, OrderStatus, Role
from tests.property.machine_setup import BEGIN, Setup, plan_of

D = Decimal
OLD = D(1)
VISIBLE, PROVABLE = (
    10,
    16,
)  # seconds after an answer, and after a send without one, from which a reading proves
END = 60


def after(seconds: int) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class Course:
    """How one amendment went: done at the venue at a second, or never; answered so, at a second."""

    wanted: Decimal
    done: int | None
    answer: Answer
    answered: int

    @property
    def outcome(self) -> Decimal:
        return OLD if self.done is None else self.wanted

    def event(self) -> AmendAnswered:
        provable = PROVABLE if self.answer is Answer.UNKNOWN else self.answered + VISIBLE
        return AmendAnswered(
            at=after(self.answered),
            key="S",
            number=1,
            answer=self.answer,
            provable_from=after(provable),
            reason="rate_limited" if self.answer is Answer.REFUSED else "",
        )

    def reading(self, asked: int, lag: int) -> OrderReported:
        shows_it = self.done is not None and asked - lag >= self.done
        return OrderReported(
            at=after(asked),
            venue_order_id="S",
            client_order_id=None,
            parent_venue_order_id=None,
            role_if_new=None,
            status=OrderStatus.OPEN,
            quantity=self.wanted if shows_it else OLD,
            filled=D(0),
            trigger_price=D(95),
            opened_at=BEGIN,
        )


DONE = st.builds(
    Course,
    wanted=st.sampled_from([D("0.5"), D(2)]),
    done=st.integers(0, 4),
    answer=st.sampled_from([Answer.ACCEPTED, Answer.UNKNOWN]),
    answered=st.just(5),
)
NOT_DONE = st.builds(
    Course,
    wanted=st.sampled_from([D("0.5"), D(2)]),
    done=st.none(),
    answer=st.sampled_from([Answer.REFUSED, Answer.UNKNOWN]),
    answered=st.integers(0, 5),
)
READINGS = st.lists(st.tuples(st.integers(0, 10) | st.integers(0, 40), st.integers(0, 5)), max_size=12)


def asked_bracket(course: Course) -> Bracket:
    """One stop of the old size that was asked to be of another."""
    asked = Amendment(number=1, status=AmendStatus.INTENDED, asked_at=BEGIN, quantity=course.wanted)
    stop = BracketOrder(
        key="S",
        role=Role.STOP,
        quantity=OLD,
        status=OrderStatus.OPEN,
        created_at=BEGIN,
        venue_order_id="S",
        trigger_price=D(95),
        read_back=True,
        amendment=asked,
        amends=1,
    )
    return replace(Bracket(plan=plan_of(Setup())), orders=(stop,))


@settings(max_examples=500, deadline=None)
@given(course=DONE | NOT_DONE, readings=READINGS, seed=st.integers(0, 10_000))
def test_what_is_true_is_never_excluded_and_known_in_the_end(
    course: Course, readings: list[tuple[int, int]], seed: int
) -> None:
    events = [course.event(), *(course.reading(asked, lag) for asked, lag in readings)]
    Random(seed).shuffle(events)
    bracket = asked_bracket(course)
    for event in (*events, course.reading(END, 0)):
        bracket = absorb(bracket, event)
        stop = bracket.orders[0]
        assert stop.certain_leaves <= course.outcome <= stop.leaves
    assert (stop.quantity, stop.amendment) == (course.outcome, None)
