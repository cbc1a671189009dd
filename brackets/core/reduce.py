"""Selling a part of an open position: its leg first, then the coins, the rest stays protected.

Pure. The resting leg is made smaller in place by what is to be sold, a reading confirms it, and only then
the freed coins are sold at market. What cannot be sold in time gets its leg back.
"""

from __future__ import annotations

from decimal import Decimal

from brackets.core.cover import is_time_to_amend, shrink
from brackets.core.draft import Step
from brackets.core.entry import give_up
from brackets.core.leaving import awaits_unseen_stop, exit_limit, leave
from brackets.core.orders import ZERO, Bracket, BracketOrder, later
from brackets.core.refusals import (
    INSUFFICIENT_FUNDS,
    RETRYABLE,
    is_blind,
    last_refusal,
    needs_limit,
    pause_before_next,
)
from brackets.core.states import ExitReason, Policy, Role


def begin(step: Step, quantity: Decimal) -> Step:
    """Sell `quantity` coins now; everything, where what would be left is below the venue's minimum."""
    bracket = step.bracket
    if bracket.coins - quantity < bracket.plan.minimum_quantity:
        return leave(step, ExitReason.MANUAL)
    resting = bracket.resting if bracket.live_targets else Role.STOP  # a swap that only began ends here
    return give_up(step, None).having(
        reduce_quantity=quantity, reduce_began_at=step.at, retry_after=None, resting=resting
    )


def sold_since(before: Bracket, after: Bracket) -> Decimal:
    """What EXIT orders sold between two versions of a bracket."""
    old = {order.key: order.filled for order in before.having(Role.EXIT)}
    return sum((order.filled - old.get(order.key, ZERO) for order in after.having(Role.EXIT)), ZERO)


def tend(step: Step) -> Step:
    """One step further: free the coins, sell them, or give it up."""
    bracket = step.bracket
    wanted = min(bracket.reduce_quantity, bracket.coins)
    if wanted <= 0 or bracket.live_entries or bracket.live(Role.EXIT):
        return step
    began = bracket.reduce_began_at or step.at
    refused = last_refusal(bracket, Role.EXIT, began)
    certain_no = refused is not None and refused not in RETRYABLE and refused != INSUFFICIENT_FUNDS
    if certain_no or step.at >= later(began, step.rules.reduce_patience_seconds):
        return abandon(step, refused)
    if awaits_unseen_stop(step) or step.market_closed or is_blind(step, Role.EXIT):
        return step  # nothing can be sold now: no leg is made smaller for it
    if target := target_beside(bracket, wanted):
        return trim(step, target, to=bracket.coins - wanted)
    if bracket.uncovered >= wanted:
        return sell_part(step, wanted)
    return free(step, wanted - bracket.uncovered)


def target_beside(bracket: Bracket, wanted: Decimal) -> BracketOrder | None:
    """The target that rests beside its stop (policy BOTH_REST), while it would sell more than shall stay."""
    if bracket.policy is not Policy.BOTH_REST:
        return None
    stays = bracket.coins - wanted
    return next((t for t in bracket.live_targets if t.rests_as_limit and t.leaves > stays), None)


def trim(step: Step, target: BracketOrder, *, to: Decimal) -> Step:
    if target.cancel_wanted or target.amendment is not None or not is_time_to_amend(step):
        return step
    return shrink(step, target, target.leaves - to)


def sell_part(step: Step, wanted: Decimal) -> Step:
    bracket = step.bracket
    if bracket.retry_after is not None and step.at < bracket.retry_after:
        return step
    quantity = min(wanted, bracket.uncovered)
    spaced = step.having(retry_after=later(step.at, pause_before_next(step, Role.EXIT)))
    if bracket.resting is Role.TARGET and not bracket.live_targets:
        spaced = stop_rests_again(spaced)
    if not needs_limit(bracket, Role.EXIT):
        return spaced.placing(Role.EXIT, quantity)
    return step if step.price is None else spaced.placing(Role.EXIT, quantity, limit=exit_limit(step))


def stop_rests_again(step: Step) -> Step:
    """The target that rested is gone: what is kept gets its stop beside the sale, and does not wait bare for
    the sale's end, behind which alone another target could follow."""
    cooled = later(step.at, step.rules.swap_cooldown_seconds)
    return step.having(resting=Role.STOP, swap_began_at=None, swap_after=cooled)


def free(step: Step, coins: Decimal) -> Step:
    """Make the legs smaller by so many coins: a small one goes, the largest shrinks. One at a time."""
    legs = [o for o in step.bracket.covering if o.role in (Role.STOP, Role.TARGET)]
    if not legs or any(o.cancel_wanted or (o.amendment and o.amendment.quantity) for o in legs):
        return step  # an end or an amendment is awaited
    if not is_time_to_amend(step):
        return step
    fitting = [order for order in legs if order.leaves <= coins]
    if fitting:
        return step.canceling((max(fitting, key=lambda order: order.leaves),))
    return shrink(step, max(legs, key=lambda order: order.leaves), coins)


def abandon(step: Step, refused: str | None) -> Step:
    """The part stays: its coins get their leg back, with a timeout of their own."""
    why = f"the venue refuses it ({refused})" if refused else "it took too long"
    return step.having(
        reduce_quantity=ZERO,
        retry_after=None,
        unprotected_since=step.at,
        protect_from=step.at,
    ).alarm(f"the part was not sold: {why}; it keeps its stop")
