"""Leaving: from the wish to be out to books that are closed.

Pure. One owner of the exit at a time: what may still sell or buy is canceled and its end read, then the
coins that are really left are sold. Exits always pass; where the venue refuses one, the stop comes back.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from brackets.core import timers
from brackets.core.amounts import amount, base_of, is_left_over
from brackets.core.draft import Step
from brackets.core.orders import ZERO, Bracket, BracketOrder, later, total_leaves
from brackets.core.prices import round_down
from brackets.core.refusals import (
    INSUFFICIENT_FUNDS,
    RETRYABLE,
    is_blind,
    last_refusal,
    needs_limit,
    pause_before_next,
)
from brackets.core.states import ExitReason, OrderStatus, Role, State
from risk.core.plain import text

OUTLIVED = "older than"
"""So begins the reason for which an entry that could not leave in its time is withdrawn."""
ASKED_FOR = frozenset({ExitReason.MANUAL, ExitReason.KILL_SWITCH})
"""Reasons of a person: refused once, they are tried again by themselves."""
ENDED_WITHOUT_FILL = {
    OrderStatus.REJECTED: ExitReason.ENTRY_REJECTED,
    OrderStatus.DENIED: ExitReason.ENTRY_CANCELED,
    OrderStatus.CANCELED: ExitReason.ENTRY_CANCELED,
    OrderStatus.EXPIRED: ExitReason.ENTRY_EXPIRED,
    OrderStatus.ABSENT: ExitReason.ENTRY_EXPIRED,  # its deadline passed before it arrived
    OrderStatus.VALIDATED: ExitReason.VALIDATED,
}


def leave(step: Step, reason: ExitReason) -> Step:
    """Begin to leave: from here the exit owns the bracket, and no other wish is left."""
    return step.to(
        State.EXITING,
        exit_reason=reason,
        exit_began_at=step.at,
        funds_refused_since=None,
        retry_after=None,
        entry_next=None,
        entry_over=True,
        resting=Role.STOP,
        swap_began_at=None,
        reduce_quantity=Decimal(0),
        close_again=None,
        repairing=False,
        funds_awaited=False,
    )


def hold(step: Step, why: str) -> Step:
    """Stop acting and keep the protection; an entry protects nothing and is canceled."""
    held = step.to(
        State.HELD,
        entry_next=None,
        entry_over=True,
        resting=Role.STOP,
        swap_began_at=None,
        reduce_quantity=Decimal(0),
        protect_from=None,
    ).alarm(why)
    return held.canceling(held.bracket.live_entries)


def stop_is_executing(bracket: Bracket) -> bool:
    return any(stop.triggered or stop.filled > 0 for stop in bracket.having(Role.STOP))


def stop_won(step: Step) -> Step:
    """The stop is executing: it owns the exit."""
    return leave(step, ExitReason.STOP_LOSS).to(State.SL_FILLED)


def sold_out(step: Step) -> Step:
    """The coins of an open position are gone: by its resting target, or by somebody else."""
    bracket = step.bracket
    if bracket.coins == 0 and sold_by(bracket, Role.TARGET) > 0:
        return leave(step, ExitReason.TAKE_PROFIT).to(State.TP_FILLED)
    return leave(step, ExitReason.EXTERNAL).alarm(
        f"{amount(bracket, bracket.coins)} are left of a position that should be open"
    )


def never_entered(step: Step) -> Step:
    """The entry ended and nothing was bought."""
    bracket = step.bracket
    entries = bracket.having(Role.ENTRY)
    reason = ENDED_WITHOUT_FILL[entries[-1].status] if entries else ExitReason.EXTERNAL
    if reason is ExitReason.ENTRY_CANCELED and entries:  # by us: for the reason we had
        outlived = entries[-1].refused_reason.startswith(OUTLIVED)
        reason = ExitReason.ENTRY_EXPIRED if outlived else bracket.entry_end or reason
    return step.to(State.EXIT_COMPLETE, exit_reason=reason, entry_next=None, entry_over=True)


# --- the states of leaving -----------------------------------------------------------------------


def in_sl_filled(step: Step) -> Step:
    """What the stop leaves is sold. A sibling that did not trigger with it (its coins were bought
    after the trigger) is cleared once its reading had the time to say so."""
    step = step.canceling(step.bracket.live_entries).canceling(resting_targets(step.bracket))
    step = step.canceling(overselling_stops(step.bracket))
    bracket = step.bracket
    if bracket.coins <= 0:
        return close_books(step)
    asleep = tuple(stop for stop in bracket.live_stops if not (stop.triggered or stop.filled))
    began, awake_by = bracket.exit_began_at, step.rules.visibility_seconds
    if began and step.at >= later(began, awake_by) and not (step.market_closed or is_blind(step, Role.EXIT)):
        step = step.canceling(asleep)
    return sell_leaves(step, Role.EXIT)


def overselling_stops(bracket: Bracket) -> tuple[BracketOrder, ...]:
    """Executing stops whose coins were sold beside them, by a target that rested too: taken back, and
    what is left then is sold."""
    stops = bracket.live_stops
    return stops if not bracket.live_entries and total_leaves(stops) > bracket.coins else ()


def in_exiting(step: Step) -> Step:
    bracket = step.bracket
    if bracket.acquired == 0 == bracket.sold and bracket.idle:
        return never_entered(step)
    step = step.canceling(bracket.live_entries)
    role = Role.TARGET if bracket.exit_reason is ExitReason.TAKE_PROFIT else Role.EXIT
    legs = bracket.live_stops + resting_targets(bracket)
    waits = step.market_closed or (legs and is_blind(step, role)) or (bracket.live_stops and is_unsure(step))
    if bracket.coins > 0 and waits and not is_left_over(bracket):
        return wait_protected(step)
    step = step.canceling(legs)
    bracket = step.bracket
    if bracket.coins > 0:
        return sell_leaves(step, role)
    if not bracket.idle:
        return step
    sold = bracket.sold - sold_in_parts(bracket)
    if not sold:  # somebody else took the coins
        return close_books(step)
    if sold_by(bracket, Role.STOP) == sold:  # a leg that sold everything was faster than its cancel
        return step.to(State.SL_FILLED, exit_reason=ExitReason.STOP_LOSS)
    if bracket.exit_reason is ExitReason.TAKE_PROFIT or sold_by(bracket, Role.TARGET) == sold:
        return step.to(State.TP_FILLED, exit_reason=ExitReason.TAKE_PROFIT)
    return close_books(step)


def wait_protected(step: Step) -> Step:
    """Nothing may be sold now: the protection is not touched. A target whose stop still rests is watched
    again: what the coins will bring when the market opens, nobody knows."""
    if step.bracket.exit_reason is ExitReason.TAKE_PROFIT and step.bracket.fully_stopped:
        return step.to(State.ENTRY_FILLED, exit_reason=None)
    return step


def in_tp_filled(step: Step) -> Step:
    if step.bracket.coins > 0:  # an entry fill that arrived late
        return step.to(State.EXITING)
    return close_books(step.canceling(step.bracket.live_entries + step.bracket.live_sells))


def in_held(step: Step) -> Step:
    """Protection stays; but what rested beside a stop that is executing would sell coins a second time, and
    so would the stop where the target beside it was the faster one."""
    step = step.canceling(step.bracket.live_entries)
    if stop_is_executing(step.bracket):
        step = step.canceling(resting_targets(step.bracket))
    if stop_is_executing(step.bracket) or step.bracket.coins <= 0:
        step = step.canceling(overselling_stops(step.bracket))
    bracket = step.bracket
    if bracket.idle and bracket.acquired == 0 == bracket.sold:
        return never_entered(step)
    if bracket.idle and bracket.coins == 0 and all(order.fully_booked for order in bracket.orders):
        reason = bracket.exit_reason or (
            ExitReason.STOP_LOSS if stop_is_executing(bracket) else ExitReason.EXTERNAL
        )
        return step.to(State.EXIT_COMPLETE, exit_reason=reason)
    return step


def in_exit_complete(step: Step) -> Step:
    """A fill or an order reported after the end is legal: back to work, and said aloud."""
    bracket = step.bracket
    at_rest = bracket.coins == bracket.dust and bracket.idle
    if at_rest and all(order.fully_booked for order in bracket.orders):
        return step
    reason = bracket.exit_reason or ExitReason.EXTERNAL
    if reason in ENDED_WITHOUT_FILL.values() and bracket.bought > 0:
        reason = ExitReason.ROLLBACK  # it was entered after all
    return leave(step, reason).alarm(
        "the venue reported an order or a fill of this bracket after it was complete"
    )


def sold_by(bracket: Bracket, role: Role) -> Decimal:
    return sum((order.filled for order in bracket.having(role)), Decimal(0))


def sold_in_parts(bracket: Bracket) -> Decimal:
    """What was sold on request before the exit began."""
    began = bracket.exit_began_at
    parts = (o.filled for o in bracket.having(Role.EXIT) if began is not None and o.created_at < began)
    return sum(parts, Decimal(0))


def resting_targets(bracket: Bracket) -> tuple[BracketOrder, ...]:
    """Targets that rested before the exit began; the exit's own sells are not among them."""
    began = bracket.exit_began_at
    return tuple(o for o in bracket.live_targets if o.rests_as_limit and (not began or o.created_at < began))


# --- selling ---------------------------------------------------------------------------------------


def sell_leaves(step: Step, role: Role) -> Step:
    """Sell what is left once nothing else can still sell or buy it: one owner of the exit at a time."""
    bracket = step.bracket
    if bracket.live_entries or bracket.live_sells:
        return step.canceling(stuck_limit_exits(step))
    if is_unsure(step):
        return step
    refused = last_refusal(bracket, role)
    if refused is not None:
        return after_refused_exit(step, refused, role)
    return sell(step, role)


def without_oversized(step: Step) -> Step:
    """Take back sells that have not left yet, as far as we know, and that news made too large: a stop nobody
    had seen sold some of their coins, or coins are gone. What is left is sold or protected by another."""
    bracket = step.bracket
    there = max(bracket.coins, ZERO) + total_leaves(bracket.live_entries)
    unsent = (order for order in bracket.live_sells if order.status is OrderStatus.INTENDED)
    return step.canceling(tuple(order for order in unsent if order.leaves > there))


def awaits_unseen_stop(step: Step) -> bool:
    """Whether a stop that the venue made and we have not seen may stand for coins that look free, or may
    have sold them already."""
    return step.bracket.secondaries_due_at is not None and step.bracket.secondaries_missing


def is_unsure(step: Step) -> bool:
    """Whether an unseen stop forbids to sell: for so long the ones that are seen stay where they are. Only a
    reading ends it. Where none can be had the coins of an unseen stop have their order, or were sold by it,
    and others of the account would go in their place; that one was never made is rare. So it is sold without
    proof only where nobody could read the venue's orders for as long as nothing but a broken venue lasts."""
    began, due = step.bracket.exit_began_at or step.at, step.bracket.secondaries_due_at
    patience = later(max(began, due or began), step.rules.unread_exit_seconds)
    return awaits_unseen_stop(step) and step.at < patience


def proven_missing(bracket: Bracket, compared_at: datetime | None) -> bool:
    """Whether the looks at the venue's orders (`looks.py`) have told every stop that must have been visible.
    Time alone proves nothing."""
    due = bracket.secondaries_due_at
    return due is not None and compared_at is not None and compared_at >= due


def visible_from(step: Step) -> datetime:
    """By when the secondaries of what is filled now must have become visible; at once if there are none."""
    attached = step.bracket.plan.attach_stop and step.bracket.bought > 0
    return later(step.at, step.rules.visibility_seconds if attached else 0)


def stuck_limit_exits(step: Step) -> tuple[BracketOrder, ...]:
    """Limit sells of this exit that the market left behind: they are placed anew, nearer to it."""
    began = step.bracket.exit_began_at
    return tuple(
        order
        for order in step.bracket.live_sells
        if order.role in (Role.EXIT, Role.TARGET)
        and order.rests_as_limit
        and order.status is OrderStatus.OPEN
        and began is not None
        and order.created_at >= began
        and step.at >= later(order.created_at, step.rules.limit_exit_seconds)
        and not is_blind(step, order.role)
    )


def sell(step: Step, role: Role) -> Step:
    """One more sell, spaced from the one before: a venue that ends them unfilled is not hammered."""
    bracket = step.bracket
    quantity = bracket.coins
    if quantity < bracket.plan.minimum_quantity:
        return close_books(step)
    if step.market_closed or (bracket.retry_after is not None and step.at < bracket.retry_after):
        return step
    spaced = step.having(retry_after=later(step.at, pause_before_next(step, role)))
    if not needs_limit(bracket, role):
        return spaced.placing(role, quantity)
    limit = exit_limit(step)
    return step if limit is None else spaced.placing(role, quantity, limit=limit)


def exit_limit(step: Step) -> Decimal | None:
    """A limit just below the bid, so that it executes at once; None: a price is waited for.

    Where none comes for some seconds the coins are bare, and this market takes no stop. Then the limit is
    the stop's price: it sells at once to whoever bids more, and never for less than was agreed to.
    """
    bracket, rules = step.bracket, step.rules
    if step.price is not None:
        return round_down(step.price * (1 - rules.limit_exit_slippage), bracket.plan.tick_size)
    ends = [end for order in bracket.sells if (end := timers.passed(step, order.ended_at)) is not None]
    bare_since = max([*ends, bracket.exit_began_at or step.at])
    if not step.looked or step.at < later(bare_since, rules.limit_exit_seconds):
        return None
    return bracket.stop_price


def after_refused_exit(step: Step, refused: str, role: Role) -> Step:
    bracket, rules = step.bracket, step.rules
    if refused == "below_minimum" and bracket.having(role)[-1].quantity >= bracket.coins:
        return close_books(step.having(dust=bracket.coins))
    if refused == "below_minimum":  # that was a part of them; all together are another matter
        return sell(step, role)
    if refused == INSUFFICIENT_FUNDS and bracket.having(role)[-1].quantity > bracket.coins:
        # It asked for coins that are not there, as we know by now; for those that are nothing was refused.
        return sell(step.having(retry_after=None), role)
    if refused == INSUFFICIENT_FUNDS:
        if bracket.funds_refused_since is None:
            return step.having(funds_refused_since=step.at)
        if step.at >= later(bracket.funds_refused_since, rules.funds_retry_seconds):
            return try_again_bare(step, role) or restore_stop(step)
    elif refused not in RETRYABLE:
        return restore_stop(step)
    return sell(step, role)


def try_again_bare(step: Step, role: Role) -> Step | None:
    """Leaves of a stop that executed get no stop again: where their hold is released very late the sell is
    tried again, slowly; None once that has taken too long."""
    bracket, rules = step.bracket, step.rules
    began = bracket.exit_began_at or step.at
    if not stop_is_executing(bracket) or step.at >= later(began, rules.bare_exit_seconds):
        return None
    tried = sell(step, role)
    if tried == step:
        return step
    return tried.having(retry_after=later(step.at, rules.bare_retry_seconds)).alarm(
        f"the venue refuses to sell {amount(bracket, bracket.coins)} that have no stop any more: trying again"
    )


def restore_stop(step: Step) -> Step:
    """The exit cannot be had now: put the protection back, but never a stop that has already
    triggered; where the venue takes neither, an operator must look. What a person asked for is tried
    again later."""
    bracket = step.bracket
    if stop_is_executing(bracket):
        return hold(step, f"the venue refuses to sell {amount(bracket, bracket.coins)}")
    return step.to(
        State.ENTRY_FILLED,
        exit_reason=None,
        restoring=True,
        close_again=bracket.exit_reason if bracket.exit_reason in ASKED_FOR else None,
        unprotected_since=step.at,
        protect_from=step.at,
    ).alarm("the venue refuses the exit: restoring the stop")


def close_books(step: Step) -> Step:
    """EXIT_COMPLETE only when nothing can still execute and every fill is booked with its money."""
    bracket = step.bracket
    if not bracket.idle:
        return step
    if bracket.coins < 0 and bracket.coins != bracket.dust:  # nobody has looked at it
        return hold(step, f"{text(-bracket.coins)} more {base_of(bracket)} were sold than bought")
    dust = bracket.coins
    if dust != bracket.dust:
        return step.having(dust=dust)
    if not all(order.fully_booked for order in bracket.orders):
        return step
    if dust > 0:
        few = (
            f"{amount(bracket, dust)} are below the venue's minimum of {text(bracket.plan.minimum_quantity)}"
        )
        step = step.alarm(f"{few}: they stay in the account as dust")
    if dust < 0:
        more = f"{text(-dust)} more {base_of(bracket)}"
        step = step.alarm(f"closed with {more} sold than bought: others of the account are gone")
    return step.to(
        State.EXIT_COMPLETE,
        unprotected_since=None,
        protect_from=None,
        retry_after=None,
        funds_refused_since=None,
    )
