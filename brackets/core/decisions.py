"""Deciding: given everything known about a bracket, which state is it in and what must be sent.

Pure. Second half of a step. One function per state looks at the facts alone (never at the event that
brought them), so that any order of arrival, any repetition and any restart lead to the same place.
`settle` runs them until nothing changes any more. The rules themselves stand in rooms of their own:
`entry` (buying), `cover` (protection), `swap` (legs changing places), `reduce`, `leaving`.
"""

from __future__ import annotations

from collections.abc import Callable

from brackets.core import cover, dust, entry, held_cover, leaving, reduce, sentinel, swap
from brackets.core.amounts import is_left_over
from brackets.core.draft import Step
from brackets.core.leaving import leave, stop_is_executing, stop_won
from brackets.core.orders import Bracket, BracketOrder, later
from brackets.core.states import ExitReason, OrderStatus, Role, State

MAX_DECISIONS = 16


def settle(step: Step) -> Step:
    """Apply the decision of the current state until none changes anything."""
    for _ in range(MAX_DECISIONS):
        sized = cover.without_surplus(leaving.without_oversized(step))
        decided = DECISIONS[sized.bracket.state](sized)
        if decided == step:
            return step
        step = decided
    raise RuntimeError(f"decisions do not settle in {step.bracket.state}")  # a defect, never data


def in_flat(step: Step) -> Step:
    return step


def in_entry_placed(step: Step) -> Step:
    bracket = step.bracket
    if bracket.acquired > 0:
        return step.to(
            State.ENTRY_FILLED,
            unprotected_since=step.at,
            protect_from=bracket.protect_from or leaving.visible_from(step),
        )
    step = entry.tend(step)
    if step.bracket.entering:
        return step
    return leaving.never_entered(step) if bracket.sold == 0 else leave(step, ExitReason.EXTERNAL)


def in_entry_filled(step: Step) -> Step:
    """Protection in motion: more fills, a swap, a merge, a part being sold, a lost stop."""
    if stop_is_executing(step.bracket):
        return stop_won(step)
    step = entry.final_prices(entry.tend(step))
    bracket = step.bracket
    if bracket.coins <= 0 and not bracket.entering:
        return leaving.sold_out(step)
    if swap.watched_stop_is_touched(step):
        return leave(step, ExitReason.STOP_LOSS)
    step = reduce.tend(step)
    bracket = step.bracket
    if bracket.covered and bracket.reduce_quantity == 0:
        step = sentinel.at_rest(step)
        if bracket.resting is Role.TARGET and bracket.live_stops:
            return swap.rest_target(step)  # the stops are on their way out
        return step.having(unprotected_since=None) if bracket.entering else cover.protected(step)
    if bracket.unprotected_since is None:
        return step.having(unprotected_since=step.at, protect_from=bracket.protect_from or step.at)
    if dust.is_certain(step):
        return dust.end(step)
    if bracket.reduce_quantity == 0 and cover.out_of_time(step):
        return cover.leave_without_protection(step)
    return swap.rest_target(step) if bracket.resting is Role.TARGET else cover.cover_with_stop(step)


def in_bracket_active(step: Step) -> Step:
    bracket = step.bracket
    if stop_is_executing(bracket):
        return stop_won(step)
    if bracket.coins <= 0:
        return leaving.sold_out(step)
    if bracket.uncovered > 0:
        return cover.unprotected(step) if swap.was_crossed(bracket) else lost_leg(step)
    if not bracket.covered or bracket.entering or bracket.reduce_quantity > 0:
        return cover.unprotected(step)  # a leg is in motion, or an order came back to life
    step = sentinel.at_rest(step)
    if swap.watched_stop_is_touched(step):
        return leave(step, ExitReason.STOP_LOSS)
    if bracket.close_again is not None and cover.may_leave_again(step):
        return leave(step, bracket.close_again)
    swapped = swap.tend(step)
    return swapped if swapped != step else cover.tidy(step)


def lost_leg(step: Step) -> Step:
    """Coins have no order, and not by our will: one ended or shrank, or coins came that none stands for yet.
    The stop comes back as soon as the sentinel lets it, and no swap for a while."""
    bare = cover.unprotected(
        step.having(
            resting=Role.STOP,
            swap_began_at=None,
            swap_after=later(step.at, step.rules.swap_cooldown_seconds),
        )
    )
    said_already = bare.bracket.repairing
    if said_already or is_left_over(bare.bracket) or not lost_an_order(bare.bracket):
        return bare
    return bare.alarm("a protective order is gone from the venue and not by us: placing a new stop")


def lost_an_order(bracket: Bracket) -> bool:
    """Whether a leg that had coins left ended lately, and not by our will: since then none was placed, nor
    amended in its place. Else the coins grew, and no order is gone."""
    ends = (leg.ended_at for leg in bracket.sells if is_lost(leg) and leg.ended_at is not None)
    places = (order.age_from for order in bracket.covering)
    newest, placed = max(ends, default=None), max(places, default=None)
    return newest is not None and (placed is None or newest > placed)


def is_lost(leg: BracketOrder) -> bool:
    ended = leg.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED)
    return ended and not leg.cancel_wanted and leg.role in (Role.STOP, Role.TARGET)


def in_held(step: Step) -> Step:
    """Nothing is wanted any more, but protection that was in motion arrives; what a stop that went off has
    left gets another."""
    held = leaving.in_held(step)
    selling = any(stop.triggered or stop.filled for stop in held.bracket.live_stops)
    done = held.bracket.state is not State.HELD or selling
    return held if done else held_cover.cover_held(held)


DECISIONS: dict[State, Callable[[Step], Step]] = {
    State.FLAT: in_flat,
    State.ENTRY_PLACED: in_entry_placed,
    State.ENTRY_FILLED: in_entry_filled,
    State.BRACKET_ACTIVE: in_bracket_active,
    State.TP_FILLED: leaving.in_tp_filled,
    State.SL_FILLED: leaving.in_sl_filled,
    State.EXITING: leaving.in_exiting,
    State.HELD: in_held,
    State.EXIT_COMPLETE: leaving.in_exit_complete,
}
