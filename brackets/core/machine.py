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

from brackets.core import entry, reduce, sentinel, timers
from brackets.core.bare import call_out
from brackets.core.counts import count
from brackets.core.cover import protection_arrives
from brackets.core.decisions import settle
from brackets.core.draft import Step
from brackets.core.effects import Effect
from brackets.core.events import (
    EVENT_TYPES,
    AmendAnswered,
    CancelKeptBack,
    CloseRequested,
    CoinsCounted,
    EditRequested,
    EntryRequested,
    Event,
    FillBooked,
    HoldRequested,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    OrderValidated,
    OrderWithdrawn,
    ProtectRequested,
    ReduceRequested,
    ReleaseRequested,
    TargetTouched,
    Tick,
)
from brackets.core.facts import RefusedEvent, absorb, by_key
from brackets.core.held import cannot_release
from brackets.core.leaving import (
    hold,
    leave,
    proven_missing,
    resting_targets,
    visible_from,
)
from brackets.core.orders import ZERO, Bracket, Rules
from brackets.core.states import ExitReason, Refusal, Role, State

__all__ = ["TABLE", "Outcome", "RefusedEvent", "step"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one event did: the new bracket, what to send, what to say."""

    bracket: Bracket
    effects: tuple[Effect, ...] = ()
    alarms: tuple[str, ...] = ()


Handler = Callable[[Step, Event], Step]


# --- news ------------------------------------------------------------------------------------------


def learn(draft: Step, event: Event) -> Step:
    """Take a fact of the venue in, then let the state decide."""
    before = draft.bracket
    known = replace(draft, bracket=absorb(before, event))  # type: ignore[arg-type]
    if known.bracket.bought > before.bought:  # each fill's secondary has its own time to show
        visible = visible_from(known)
        known = known.having(protect_from=visible, secondaries_due_at=visible)
    if before.unprotected_since is not None and protection_arrives(before, known.bracket):
        known = known.having(unprotected_since=max(known.at, before.unprotected_since))
    if before.reduce_quantity > 0:
        left = before.reduce_quantity - reduce.sold_since(before, known.bracket)
        known = known.having(reduce_quantity=max(left, ZERO))
    return sentinel.note(before, known)


def look(draft: Step, event: Event) -> Step:
    """Time passed; what the market's mode is now is remembered until it is seen again, and so is that a
    look at the venue has shown all that could be awaited."""
    assert isinstance(event, Tick)
    draft = timers.heal(draft)
    bracket = draft.bracket
    if bracket.market != event.market:
        draft = sentinel.ask_when_open(draft.having(market=event.market))
    if proven_missing(bracket, timers.passed(draft, event.compared_at)):
        draft = draft.having(secondaries_due_at=None)
    return sentinel.count_time(draft)


def keep_back(draft: Step, event: Event) -> Step:
    """An order that was to go stands as before, and the state decides anew, now that the market's mode is
    known. A held bracket decides nothing: there a target's wish to give way lasts, and a stop stays."""
    assert isinstance(event, CancelKeptBack)
    known = draft.having(market=event.market)
    order = by_key(known.bracket, event.key)
    if known.bracket.state is State.HELD and order.role is not Role.STOP:
        return known
    return replace(known, bracket=known.bracket.replacing(replace(order, cancel_wanted=False)))


# --- wishes ----------------------------------------------------------------------------------------


def enter(draft: Step, event: Event) -> Step:
    return entry.begin(draft)


def protect(draft: Step, event: Event) -> Step:
    """Coins that are there already: their stop is placed at once."""
    plan = draft.bracket.plan
    return draft.to(
        State.ENTRY_FILLED,
        stop_price=plan.stop_price,
        target_price=plan.target_price,
        initial_stop_price=plan.stop_price,
        prices_final=True,
        entry_over=True,
        unprotected_since=draft.at,
        protect_from=draft.at,
    )


def take_profit(draft: Step, event: Event) -> Step:
    bracket = draft.bracket
    if draft.market_closed:
        raise RefusedEvent(Refusal.MARKET_CLOSED, f"the market is {bracket.market}: the stop stays")
    if any(target.rests_as_limit for target in bracket.live_targets):
        raise RefusedEvent(Refusal.TARGET_RESTS, "the target rests on the venue and fills there")
    if bracket.coins < bracket.plan.minimum_quantity:
        raise RefusedEvent(
            Refusal.TOO_SMALL, f"{bracket.coins} coins cannot be sold: they stay where they rest"
        )
    pause = bracket.retry_after
    if pause is not None and draft.at < pause:
        raise RefusedEvent(Refusal.COOLING_DOWN, f"the last exit was refused; the next is tried from {pause}")
    return leave(draft, ExitReason.TAKE_PROFIT)


def take_profit_early(draft: Step, event: Event) -> Step:
    """While more is being bought: what is there and certainly stopped may be taken."""
    bracket = draft.bracket
    if not bracket.covered or bracket.reduce_quantity > 0 or bracket.resting is not Role.STOP:
        raise RefusedEvent(Refusal.NOT_PROTECTED, "the coins' protection is in motion")
    return take_profit(draft, event)


def close(draft: Step, event: Event) -> Step:
    assert isinstance(event, CloseRequested)
    return leave(draft, event.reason)


def close_held(draft: Step, event: Event) -> Step:
    """A close by hand gets out of HELD. Where more was sold than acquired there is nothing to leave: it says
    that somebody saw how much, and the bracket ends when its orders ended and are booked."""
    assert isinstance(event, CloseRequested)
    bracket = draft.bracket
    if bracket.coins >= 0:
        return leave(draft, event.reason)
    if event.reason is ExitReason.KILL_SWITCH:
        raise RefusedEvent(Refusal.OVERSOLD, f"{-bracket.coins} more coins were sold than bought")
    return leave(draft.having(dust=bracket.coins), bracket.exit_reason or event.reason)


def close_after_stop(draft: Step, event: Event) -> Step:
    """The stop is selling; what it leaves is taken from it and sold. Its reason stays."""
    return leave(draft, ExitReason.STOP_LOSS) if draft.bracket.coins > 0 else draft


def edit(draft: Step, event: Event) -> Step:
    """The legs stand elsewhere from now on; the orders follow in place."""
    assert isinstance(event, EditRequested)
    bracket = draft.bracket
    if bracket.entering or not bracket.prices_final:
        raise RefusedEvent(
            Refusal.NOT_PROTECTED, "the entry is not over: its price decides where the legs are"
        )
    stop = bracket.stop_price if event.stop_price is None else event.stop_price
    target = bracket.target_price if event.target_price is None else event.target_price
    if not 0 < stop < target:
        raise RefusedEvent(
            Refusal.BAD_PRICES, f"the stop {stop} must be above 0 and below the target {target}"
        )
    return draft.having(stop_price=stop, target_price=target)


def sell_part(draft: Step, event: Event) -> Step:
    assert isinstance(event, ReduceRequested)
    bracket = draft.bracket
    if not 0 < event.quantity <= bracket.coins:
        raise RefusedEvent(Refusal.TOO_MUCH, f"{event.quantity} is not above 0 and at most {bracket.coins}")
    if event.quantity < bracket.plan.minimum_quantity:
        raise RefusedEvent(Refusal.TOO_SMALL, f"the venue sells no less than {bracket.plan.minimum_quantity}")
    if bracket.reduce_quantity > 0:
        raise RefusedEvent(Refusal.ALREADY_EXITING, f"{bracket.reduce_quantity} are being sold already")
    return reduce.begin(draft, event.quantity)


def put_on_hold(draft: Step, event: Event) -> Step:
    """Nobody watches a held bracket: its stop rests. One that is in motion arrives, one that is on its way
    out comes back, and a target that rests in its place gives way. From when on it comes back is not the
    wish's to say: it may be made by another clock than that of whoever then sees the coins bare."""
    assert isinstance(event, HoldRequested)
    bracket, held = draft.bracket, hold(draft, event.reason)
    if bracket.coins <= 0 or (bracket.covered and bracket.live_stops):
        return held
    all_seen = bracket.secondaries_due_at is not None and not bracket.secondaries_missing
    return held.canceling(() if bracket.live_stops else resting_targets(bracket)).having(
        protect_from=None if all_seen else bracket.protect_from,
    )


def release(draft: Step, event: Event) -> Step:
    """Back to work from HELD: what the venue refused before says nothing any more, every patience begins
    anew, and the facts decide. An exit that is still at work goes on."""
    assert isinstance(event, ReleaseRequested)
    bracket = draft.bracket
    if (why := cannot_release(bracket)) is not None:
        raise RefusedEvent(Refusal.NOT_RELEASABLE, why)
    fresh = draft.having(restoring=False, close_again=None, funds_refused_since=None, retry_after=None)
    rested = resting_targets(bracket)
    if bracket.live(Role.EXIT) or any(target not in rested for target in bracket.live_targets):
        return fresh.to(State.EXITING, exit_reason=bracket.exit_reason or ExitReason.MANUAL)
    return fresh.to(
        State.ENTRY_FILLED,
        exit_reason=None,
        exit_began_at=draft.at,
        unprotected_since=draft.at,
        protect_from=draft.at,
        repairing=False,
        funds_awaited=False,
    )


def stay(draft: Step, event: Event) -> Step:
    return draft


NEWS: dict[type[Event], Handler | Refusal] = {
    OrderAccepted: learn,
    OrderRefused: learn,
    OrderUnknown: learn,
    OrderAbsent: learn,
    OrderWithdrawn: learn,
    OrderValidated: learn,
    AmendAnswered: learn,
    CancelKeptBack: keep_back,
    OrderReported: learn,
    FillBooked: learn,
    Tick: look,
}
"""What the venue or the clock says: the same in every state."""


def wishes(
    *,
    begin: Handler | Refusal | None = None,
    target: Handler | Refusal,
    close: Handler | Refusal,
    edit: Handler | Refusal,
    part: Handler | Refusal,
    hold: Handler | Refusal = put_on_hold,
    release: Handler | Refusal = Refusal.NOT_HELD,
    counted: Handler | Refusal = count,
) -> dict[type[Event], Handler | Refusal]:
    """One row of the table: what people, prices and rules may want of a bracket in one state."""
    return {
        EntryRequested: begin or Refusal.ALREADY_OPENED,
        ProtectRequested: protect if begin else Refusal.ALREADY_OPENED,
        CoinsCounted: counted,
        TargetTouched: target,
        CloseRequested: close,
        EditRequested: edit,
        ReduceRequested: part,
        HoldRequested: hold,
        ReleaseRequested: release,
    }


NOT_OPENED, EXITING = Refusal.NOT_OPENED, Refusal.ALREADY_EXITING
WISHES: dict[State, dict[type[Event], Handler | Refusal]] = {
    State.FLAT: wishes(
        begin=enter,
        target=NOT_OPENED,
        close=NOT_OPENED,
        edit=NOT_OPENED,
        part=NOT_OPENED,
        hold=NOT_OPENED,
        release=NOT_OPENED,
        counted=NOT_OPENED,
    ),
    State.ENTRY_PLACED: wishes(
        target=Refusal.NOT_PROTECTED, close=close, edit=Refusal.NOT_PROTECTED, part=Refusal.NOT_PROTECTED
    ),
    State.ENTRY_FILLED: wishes(target=take_profit_early, close=close, edit=edit, part=sell_part),
    State.BRACKET_ACTIVE: wishes(target=take_profit, close=close, edit=edit, part=sell_part),
    State.TP_FILLED: wishes(target=EXITING, close=EXITING, edit=EXITING, part=EXITING),
    State.SL_FILLED: wishes(target=EXITING, close=close_after_stop, edit=EXITING, part=EXITING),
    State.EXITING: wishes(target=EXITING, close=EXITING, edit=EXITING, part=EXITING),
    State.HELD: wishes(
        target=EXITING, close=close_held, edit=EXITING, part=EXITING, hold=stay, release=release
    ),
    State.EXIT_COMPLETE: wishes(
        target=Refusal.OVER,
        close=Refusal.OVER,
        edit=Refusal.OVER,
        part=Refusal.OVER,
        hold=Refusal.OVER,
        release=Refusal.OVER,
        counted=Refusal.OVER,
    ),
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
    handler = TABLE[bracket.state, type(event)]
    if isinstance(handler, Refusal):
        raise RefusedEvent(handler, f"{type(event).__name__} is refused in {bracket.state}: {handler}")
    settled = call_out(settle(handler(draft_of(bracket, event, rules or Rules()), event)))
    return Outcome(bracket=settled.bracket, effects=settled.effects, alarms=settled.alarms)


def draft_of(bracket: Bracket, event: Event, rules: Rules) -> Step:
    """The beginning of a step; what the event says of the world is known during it."""
    match event:
        case Tick():
            return Step(
                bracket=bracket,
                at=event.at,
                rules=rules,
                price=event.price,
                last=event.last,
                fresh=event.fresh,
                looked=True,
                watched=event.watched,
                cycle=event.cycle,
                entries_allowed=event.entries_allowed,
            )
        case TargetTouched():
            return Step(bracket=bracket, at=event.at, rules=rules, price=event.price)
    return Step(bracket=bracket, at=event.at, rules=rules)
