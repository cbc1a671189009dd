"""The bracket machine: one table `(state, event type)` → what is done with it, and `step`.

Pure. The way of a step: the table says how the event is taken; facts are absorbed (`facts.py`); the
decisions of the states settle (`decisions.py`); the result is a new bracket with effects, applied by
the shell in one transaction.

Rules that hold in every row
- A refused event raises `RefusedEvent` and changes nothing; a repeated one changes nothing.
- What the venue says (answers, readings, fills) is taken in every state, also after the end: money
  does not ask whether we are ready. Only wishes (entry, target, close) can be refused for a state.
- Tie-breaks: the stop wins over the target; an exit under way wins over a new wish; the first reason
  to leave is kept unless the stop sold everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from brackets.core.decisions import hold, leave, settle, visible_from
from brackets.core.draft import Step
from brackets.core.effects import Effect
from brackets.core.events import (
    EVENT_TYPES,
    CloseRequested,
    EntryRequested,
    Event,
    FillBooked,
    HoldRequested,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    OrderWithdrawn,
    TargetTouched,
    Tick,
)
from brackets.core.facts import RefusedEvent, absorb
from brackets.core.orders import Bracket, Rules
from brackets.core.states import ExitReason, Refusal, Role, State

__all__ = ["TABLE", "Outcome", "RefusedEvent", "step"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one event did: the new bracket, what to send, what to say."""

    bracket: Bracket
    effects: tuple[Effect, ...] = ()
    alarms: tuple[str, ...] = ()


Handler = Callable[[Step, Event], Step]


def learn(draft: Step, event: Event) -> Step:
    """Take a fact of the venue in, then let the state decide."""
    known = replace(draft, bracket=absorb(draft.bracket, event))  # type: ignore[arg-type]
    if known.bracket.bought > draft.bracket.bought:  # each fill's secondary has its own time to show
        return known.having(protect_from=visible_from(known))
    return known


def enter(draft: Step, event: Event) -> Step:
    plan = draft.bracket.plan
    close = plan.stop_price if plan.attach_stop else None
    draft = draft.to(State.ENTRY_PLACED, stop_price=plan.stop_price, target_price=plan.target_price)
    return draft.placing(Role.ENTRY, plan.quantity, close=close)


def take_profit(draft: Step, event: Event) -> Step:
    pause = draft.bracket.retry_after
    if pause is not None and draft.at < pause:
        raise RefusedEvent(Refusal.COOLING_DOWN, f"the last exit was refused; the next is tried from {pause}")
    return leave(draft, ExitReason.TAKE_PROFIT)


def close(draft: Step, event: Event) -> Step:
    assert isinstance(event, CloseRequested)
    return leave(draft, event.reason)


def close_after_stop(draft: Step, event: Event) -> Step:
    """The stop is selling; what it leaves is taken from it and sold. Its reason stays."""
    return leave(draft, ExitReason.STOP_LOSS) if draft.bracket.coins > 0 else draft


def pass_time(draft: Step, event: Event) -> Step:
    return draft


def put_on_hold(draft: Step, event: Event) -> Step:
    assert isinstance(event, HoldRequested)
    return hold(draft, event.reason)


NEWS: dict[type[Event], Handler | Refusal] = {
    OrderAccepted: learn,
    OrderRefused: learn,
    OrderUnknown: learn,
    OrderAbsent: learn,
    OrderWithdrawn: learn,
    OrderReported: learn,
    FillBooked: learn,
    Tick: pass_time,
}
"""What the venue or the clock says: the same in every state."""

WISHES: dict[State, dict[type[Event], Handler | Refusal]] = {
    State.FLAT: {
        EntryRequested: enter,
        TargetTouched: Refusal.NOT_OPENED,
        CloseRequested: Refusal.NOT_OPENED,
        HoldRequested: Refusal.NOT_OPENED,
    },
    State.ENTRY_PLACED: {
        EntryRequested: Refusal.ALREADY_OPENED,
        TargetTouched: Refusal.NOT_PROTECTED,
        CloseRequested: close,
        HoldRequested: put_on_hold,
    },
    State.ENTRY_FILLED: {
        EntryRequested: Refusal.ALREADY_OPENED,
        TargetTouched: Refusal.NOT_PROTECTED,
        CloseRequested: close,
        HoldRequested: put_on_hold,
    },
    State.BRACKET_ACTIVE: {
        EntryRequested: Refusal.ALREADY_OPENED,
        TargetTouched: take_profit,
        CloseRequested: close,
        HoldRequested: put_on_hold,
    },
    State.TP_FILLED: {
        EntryRequested: Refusal.ALREADY_OPENED,
        TargetTouched: Refusal.ALREADY_EXITING,
        CloseRequested: Refusal.ALREADY_EXITING,
        HoldRequested: put_on_hold,
    },
    State.SL_FILLED: {
        EntryRequested: Refusal.ALREADY_OPENED,
        TargetTouched: Refusal.ALREADY_EXITING,
        CloseRequested: close_after_stop,
        HoldRequested: put_on_hold,
    },
    State.EXITING: {
        EntryRequested: Refusal.ALREADY_OPENED,
        TargetTouched: Refusal.ALREADY_EXITING,
        CloseRequested: Refusal.ALREADY_EXITING,
        HoldRequested: put_on_hold,
    },
    State.HELD: {
        EntryRequested: Refusal.ALREADY_OPENED,
        TargetTouched: Refusal.ALREADY_EXITING,
        CloseRequested: close,
        HoldRequested: pass_time,
    },
    State.EXIT_COMPLETE: {
        EntryRequested: Refusal.ALREADY_OPENED,
        TargetTouched: Refusal.OVER,
        CloseRequested: Refusal.OVER,
        HoldRequested: Refusal.OVER,
    },
}

TABLE: dict[tuple[State, type[Event]], Handler | Refusal] = {
    (state, event_type): {**NEWS, **WISHES[state]}[event_type]
    for state in State
    for event_type in EVENT_TYPES
}


def step(bracket: Bracket, event: Event, rules: Rules | None = None) -> Outcome:
    """One event on one bracket: the new bracket, the effects and the alarms.

    Pure and deterministic. Raises RefusedEvent (with its Refusal) when the state does not take the
    event or the event contradicts what is known; nothing is changed then.
    """
    entry = TABLE[bracket.state, type(event)]
    if isinstance(entry, Refusal):
        raise RefusedEvent(entry, f"{type(event).__name__} is refused in {bracket.state}: {entry}")
    draft = Step(
        bracket=bracket,
        at=event.at,
        price=event.price if isinstance(event, Tick | TargetTouched) else None,
        rules=rules or Rules(),
    )
    settled = settle(entry(draft, event))
    return Outcome(bracket=settled.bracket, effects=settled.effects, alarms=settled.alarms)
