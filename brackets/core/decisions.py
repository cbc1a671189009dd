"""Deciding: given everything known about a bracket, which state is it in and what must be sent.

Pure. Second half of a step. One function per state looks at the facts alone (never at the event that
brought them), so that any order of arrival, any repetition and any restart lead to the same place.
`settle` runs them until nothing changes any more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from brackets.core.draft import Step
from brackets.core.orders import Bracket, later
from brackets.core.prices import round_down, round_up
from brackets.core.states import ExitReason, OrderStatus, Role, State

RETRYABLE = frozenset({"rate_limited", "market_limited", "deadline", "invalid_nonce", "duplicate_id"})
"""Refusals of an exit that say nothing against the next attempt."""
MAX_DECISIONS = 12
ENDED_WITHOUT_FILL = {
    OrderStatus.REJECTED: ExitReason.ENTRY_REJECTED,
    OrderStatus.DENIED: ExitReason.ENTRY_CANCELED,
    OrderStatus.CANCELED: ExitReason.ENTRY_CANCELED,
    OrderStatus.EXPIRED: ExitReason.ENTRY_EXPIRED,
    OrderStatus.ABSENT: ExitReason.ENTRY_EXPIRED,  # its deadline passed before it arrived
}


def settle(step: Step) -> Step:
    """Apply the decision of the current state until none changes anything."""
    for _ in range(MAX_DECISIONS):
        shed = without_surplus(step)
        decided = DECISIONS[shed.bracket.state](shed)
        if decided == step:
            return step
        step = decided
    raise RuntimeError(f"decisions do not settle in {step.bracket.state}")  # a defect, never data


def leave(step: Step, reason: ExitReason) -> Step:
    """Begin to leave: from here the exit owns the bracket."""
    return step.to(
        State.EXITING, exit_reason=reason, exit_began_at=step.at, funds_refused_since=None, retry_after=None
    )


def hold(step: Step, why: str) -> Step:
    return step.to(State.HELD).alarm(why)


def without_surplus(step: Step) -> Step:
    """Cancel stops that stand for coins another order stands for already, the newest first: a secondary
    may show up after a stop of ours was placed, an order may be found alive after it was given up."""
    if step.bracket.live_entries:  # its secondaries may be known before its fills are
        return step
    while (surplus := step.bracket.surplus) > 0:
        spare = [s for s in step.bracket.live_stops if not (s.cancel_wanted or s.triggered or s.filled)]
        if not spare:
            return step
        fitting = [stop for stop in spare if stop.leaves <= surplus]
        step = step.canceling(((fitting or spare)[-1],))
    return step


def visible_from(step: Step) -> datetime:
    """By when the secondaries of what is filled now must have become visible; at once if there are none."""
    attached = step.bracket.plan.attach_stop
    return later(step.at, step.rules.visibility_seconds if attached else 0)


def in_flat(step: Step) -> Step:
    return step


def in_entry_placed(step: Step) -> Step:
    bracket = step.bracket
    if bracket.bought > 0:
        return step.to(
            State.ENTRY_FILLED,
            unprotected_since=step.at,
            protect_from=bracket.protect_from or visible_from(step),
        )
    if bracket.live_entries:
        return step
    return never_entered(step) if bracket.sold == 0 else leave(step, ExitReason.EXTERNAL)


def never_entered(step: Step) -> Step:
    """The entry ended and nothing was bought."""
    last = step.bracket.having(Role.ENTRY)[-1]
    return step.to(State.EXIT_COMPLETE, exit_reason=ENDED_WITHOUT_FILL[last.status])


def target_after_fill(bracket: Bracket) -> Decimal:
    """The target measured from the average fill price instead of the price that was hoped for."""
    average, plan = bracket.average_entry_price, bracket.plan
    if average is None:
        return bracket.target_price
    if plan.target_r_multiple is not None and average > bracket.stop_price:
        distance = plan.target_r_multiple * (average - bracket.stop_price)
    elif plan.target_distance is not None:
        distance = plan.target_distance
    else:
        return bracket.target_price
    return round_up(average + distance, plan.tick_size)


def stop_is_executing(bracket: Bracket) -> bool:
    return any(stop.triggered or stop.filled > 0 for stop in bracket.having(Role.STOP))


def in_entry_filled(step: Step) -> Step:
    bracket, rules = step.bracket, step.rules
    if stop_is_executing(bracket):
        return stop_won(step)
    if bracket.coins <= 0 and not bracket.live_entries:
        return sold_by_others(step)
    if bracket.target_price != (target := target_after_fill(bracket)):
        return step.having(target_price=target)
    if bracket.standing >= bracket.coins:
        waits = bracket.live_entries or bracket.uncovered != 0  # more fills, or a surplus on its way out
        return step.having(unprotected_since=None) if waits else protected(step)
    if bracket.unprotected_since is None:
        return step.having(unprotected_since=step.at, protect_from=visible_from(step))
    if step.at >= later(bracket.unprotected_since, rules.protect_timeout_seconds):
        return leave_without_protection(step)
    if bracket.uncovered <= 0 or bracket.protect_from is None or step.at < bracket.protect_from:
        return step
    return protect(step)


def stop_won(step: Step) -> Step:
    """The stop is executing: it owns the exit."""
    return step.to(
        State.SL_FILLED,
        exit_reason=ExitReason.STOP_LOSS,
        exit_began_at=step.at,
        funds_refused_since=None,
        retry_after=None,
    )


def sold_by_others(step: Step) -> Step:
    """The coins of an open position went without its stop and without our leaving."""
    left = step.bracket.coins
    return leave(step, ExitReason.EXTERNAL).alarm(f"{left} coins are left of a position that should be open")


def protected(step: Step) -> Step:
    """Every coin has its stop. After a refused exit the target waits, or it would pull the stop again
    and again."""
    bracket, pause = step.bracket, step.rules.refused_exit_pause_seconds
    return step.to(
        State.BRACKET_ACTIVE,
        unprotected_since=None,
        protect_from=None,
        funds_refused_since=None,
        retry_after=later(step.at, pause) if bracket.restoring else bracket.retry_after,
        restoring=False,
    )


def leave_without_protection(step: Step) -> Step:
    """Rollback; but where the sell was refused before, only an operator can help."""
    if step.bracket.restoring:
        return hold(
            step, "the venue takes neither the sell nor a stop for these coins: an operator must look"
        )
    return leave(step, ExitReason.ROLLBACK).alarm(
        f"no protection within {step.rules.protect_timeout_seconds} s of the fill: selling"
    )


def protect(step: Step) -> Step:
    """A stop of ours for coins that no secondary stands for; never one above the market."""
    bracket = step.bracket
    if step.price is not None and step.price <= bracket.stop_price and not bracket.restoring:
        return leave(step, ExitReason.STOP_LOSS)
    refused = last_refusal(bracket, Role.STOP)
    if refused is not None and refused != "insufficient_funds" and refused not in RETRYABLE:
        if bracket.restoring:
            return leave_without_protection(step)
        return leave(step, ExitReason.ROLLBACK).alarm(f"the venue refuses a stop ({refused}): selling")
    quantity = round_down(bracket.uncovered, bracket.plan.lot_step)
    if quantity < bracket.plan.minimum_quantity:
        return step  # too small for a stop of its own; the protect timeout decides
    return step.placing(Role.STOP, quantity, trigger=bracket.stop_price).having(
        protect_from=later(step.at, step.rules.retry_spacing_seconds)
    )


def last_refusal(bracket: Bracket, role: Role) -> str | None:
    """Why the newest order of this role (since the exit began, if one did) was refused; None: it was
    not."""
    orders = bracket.having(role)
    if bracket.exit_began_at is not None:
        orders = tuple(order for order in orders if order.created_at >= bracket.exit_began_at)
    return orders[-1].refused_reason or None if orders else None


def in_bracket_active(step: Step) -> Step:
    bracket = step.bracket
    if stop_is_executing(bracket):
        return stop_won(step)
    if bracket.coins <= 0:
        return sold_by_others(step)
    if bracket.uncovered > 0:
        since = bracket.protect_from or step.at
        return step.to(State.ENTRY_FILLED, unprotected_since=step.at, protect_from=since).alarm(
            "a stop is gone from the venue and not by us: placing a new one"
        )
    if bracket.fully_stopped and not bracket.live_entries:
        return step
    return step.to(State.ENTRY_FILLED)  # an order came back to life: its end is read first


def in_sl_filled(step: Step) -> Step:
    """What the stop leaves is sold. A sibling that did not trigger with it (its coins were bought
    after the trigger) is cleared once its reading had the time to say so."""
    step = step.canceling(step.bracket.live_entries)
    bracket = step.bracket
    if bracket.coins <= 0:
        return close_books(step)
    asleep = tuple(stop for stop in bracket.live_stops if not (stop.triggered or stop.filled))
    if bracket.exit_began_at and step.at >= later(bracket.exit_began_at, step.rules.visibility_seconds):
        step = step.canceling(asleep)
    return sell_leaves(step, Role.EXIT)


def in_exiting(step: Step) -> Step:
    bracket = step.bracket
    if bracket.bought == 0 == bracket.sold and not bracket.live_entries and not bracket.live_sells:
        return never_entered(step)
    step = step.canceling(bracket.live_entries).canceling(bracket.live_stops)
    if bracket.coins > 0:
        role = Role.TARGET if bracket.exit_reason is ExitReason.TAKE_PROFIT else Role.EXIT
        return sell_leaves(step, role)
    if bracket.live_sells or bracket.live_entries:
        return step
    if sold_by(bracket, Role.STOP) == bracket.bought:
        return step.to(State.SL_FILLED, exit_reason=ExitReason.STOP_LOSS)
    if bracket.exit_reason is ExitReason.TAKE_PROFIT:
        return step.to(State.TP_FILLED)
    return close_books(step)


def sold_by(bracket: Bracket, role: Role) -> Decimal:
    return sum((order.filled for order in bracket.having(role)), Decimal(0))


def sell_leaves(step: Step, role: Role) -> Step:
    """Sell what is left once nothing else can still sell or buy it: one owner of the exit at a time."""
    bracket = step.bracket
    if bracket.live_entries or bracket.live_sells:
        return step
    if bracket.secondaries_missing:  # a stop we cannot see yet may stand for these coins
        if bracket.protect_from is None:
            return step.having(protect_from=visible_from(step))
        if step.at < bracket.protect_from:
            return step
    elif bracket.protect_from is not None:
        return step.having(protect_from=None)  # a later fill begins a wait of its own
    refused = last_refusal(bracket, role)
    if refused is not None:
        return after_refused_exit(step, refused, role)
    return sell(step, role)


def sell(step: Step, role: Role) -> Step:
    """One more sell, spaced from the one before: a venue that ends them unfilled is not hammered."""
    bracket = step.bracket
    if bracket.retry_after is not None and step.at < bracket.retry_after:
        return step
    quantity = round_down(bracket.coins, bracket.plan.lot_step)
    if quantity < bracket.plan.minimum_quantity:
        return close_books(step)
    return step.placing(role, quantity).having(retry_after=later(step.at, step.rules.retry_spacing_seconds))


def after_refused_exit(step: Step, refused: str, role: Role) -> Step:
    bracket, rules = step.bracket, step.rules
    if refused == "below_minimum":
        return close_books(step.having(dust=bracket.coins))
    if refused == "insufficient_funds":
        if bracket.funds_refused_since is None:
            return step.having(funds_refused_since=step.at)
        if step.at >= later(bracket.funds_refused_since, rules.funds_retry_seconds):
            return restore_stop(step)
    elif refused not in RETRYABLE:
        return restore_stop(step)
    return sell(step, role)


def restore_stop(step: Step) -> Step:
    """The exit cannot be had now: put the protection back, but never a stop that has already
    triggered; where the venue takes neither, an operator must look."""
    if stop_is_executing(step.bracket):
        return hold(step, "the venue refuses to sell these coins: an operator must look")
    return step.to(
        State.ENTRY_FILLED,
        exit_reason=None,
        restoring=True,
        unprotected_since=step.at,
        protect_from=step.at,
    ).alarm("the venue refuses the exit: restoring the stop")


def in_tp_filled(step: Step) -> Step:
    if step.bracket.coins > 0:  # an entry fill that arrived late
        return step.to(State.EXITING)
    return close_books(step.canceling(step.bracket.live_entries + step.bracket.live_sells))


def close_books(step: Step) -> Step:
    """EXIT_COMPLETE only when nothing can still execute and every fill is booked with its money."""
    bracket = step.bracket
    if bracket.live_entries or bracket.live_sells:
        return step
    if bracket.coins < 0:
        return hold(step, f"{-bracket.coins} more coins were sold than bought")
    dust = bracket.coins
    if dust != bracket.dust:
        return step.having(dust=dust)
    if not all(order.fully_booked for order in bracket.orders):
        return step
    if dust > 0:
        step = step.alarm(f"{dust} coins are below the venue's minimum and stay in the account as dust")
    return step.to(
        State.EXIT_COMPLETE,
        unprotected_since=None,
        protect_from=None,
        retry_after=None,
        funds_refused_since=None,
    )


def in_held(step: Step) -> Step:
    bracket = step.bracket
    idle = not bracket.live_entries and not bracket.live_sells
    if idle and bracket.bought == 0 == bracket.sold:
        return never_entered(step)
    if idle and bracket.coins == 0 and all(order.fully_booked for order in bracket.orders):
        reason = bracket.exit_reason or (
            ExitReason.STOP_LOSS if stop_is_executing(bracket) else ExitReason.EXTERNAL
        )
        return step.to(State.EXIT_COMPLETE, exit_reason=reason)
    return step


def in_exit_complete(step: Step) -> Step:
    """A fill or an order reported after the end is legal: back to work, and said aloud."""
    bracket = step.bracket
    at_rest = bracket.coins == bracket.dust and not bracket.live_entries and not bracket.live_sells
    if at_rest and all(order.fully_booked for order in bracket.orders):
        return step
    reason = bracket.exit_reason or ExitReason.EXTERNAL
    if reason in ENDED_WITHOUT_FILL.values() and bracket.bought > 0:
        reason = ExitReason.ROLLBACK  # it was entered after all
    return leave(step, reason).alarm(
        "the venue reported an order or a fill of this bracket after it was complete"
    )


DECISIONS: dict[State, Callable[[Step], Step]] = {
    State.FLAT: in_flat,
    State.ENTRY_PLACED: in_entry_placed,
    State.ENTRY_FILLED: in_entry_filled,
    State.BRACKET_ACTIVE: in_bracket_active,
    State.TP_FILLED: in_tp_filled,
    State.SL_FILLED: in_sl_filled,
    State.EXITING: in_exiting,
    State.HELD: in_held,
    State.EXIT_COMPLETE: in_exit_complete,
}
