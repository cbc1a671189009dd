"""Protection: every coin has its leg on the venue, in one order, at the right price.

Pure. Coins that no order stands for get the wanted leg: the surviving stop is amended up by them, or a
stop of ours is placed; stops of single fills are merged into one, never canceling the survivor; prices
that were edited are brought to the venue in place.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from brackets.core import dust, sentinel
from brackets.core.amounts import amount, is_left_over
from brackets.core.draft import Step
from brackets.core.leaving import awaits_unseen_stop, hold, leave
from brackets.core.orders import ZERO, Bracket, BracketOrder, later
from brackets.core.prices import round_down
from brackets.core.refusals import (
    INSUFFICIENT_FUNDS,
    PAUSED,
    RETRYABLE,
    first_paused,
    last_refusal,
    pause_before_amending,
    pause_before_growing,
    pause_before_next,
    paused_until,
    refused_rounds,
)
from brackets.core.states import ONLINE, ExitReason, OrderStatus, Role, State
from risk.core.plain import text

AMENDABLE = RETRYABLE | PAUSED | {"", INSUFFICIENT_FUNDS, "unknown_order"}
"""Refusals of an amendment that say nothing against the next one."""
BAD_PRICE = "bad_price"


def unprotected(step: Step) -> Step:
    """Coins without their resting leg: what covers them comes at once."""
    return step.to(
        State.ENTRY_FILLED,
        unprotected_since=step.bracket.unprotected_since or step.at,
        protect_from=step.bracket.protect_from or step.at,
    )


def protected(step: Step) -> Step:
    """Every coin has its leg. After a refused exit the next one waits, or it would pull the stop again
    and again."""
    bracket = step.bracket
    pause = pause_after_refused_exit(step)
    return step.to(
        State.BRACKET_ACTIVE,
        unprotected_since=None,
        protect_from=None,
        secondaries_due_at=None,
        funds_refused_since=None,
        retry_after=later(step.at, pause) if bracket.restoring else bracket.retry_after,
        restoring=False,
    )


def pause_after_refused_exit(step: Step) -> int:
    """Seconds until the next exit is tried: twice as long after each round that ended so, for every round
    leaves the coins bare for a while. None where what was refused named coins that turned out to be gone."""
    rules, again = step.rules, max(refused_rounds(step.bracket) - 1, 0)
    if asked_for_too_many(step.bracket):
        return 0
    return min(rules.refused_exit_pause_seconds * (1 << again), rules.most_refused_exit_pause_seconds)


def may_leave_again(step: Step) -> bool:
    """Whether an exit that was refused is tried again: after its pause, or once it is known that the refusal
    was for coins that are not there."""
    retry_after = step.bracket.retry_after
    return retry_after is None or step.at >= retry_after or asked_for_too_many(step.bracket)


def asked_for_too_many(bracket: Bracket) -> bool:
    """Whether the newest exit was refused for funds and named more coins than there are, as is known now. A
    target that rests, beside the stop that came back, is none and says nothing of it."""
    exits = [order for order in bracket.sells if not is_resting_leg(order)]
    if not exits or exits[-1].refused_reason != INSUFFICIENT_FUNDS:
        return False
    return exits[-1].quantity > bracket.coins


def is_resting_leg(order: BracketOrder) -> bool:
    """Whether it was meant to wait for its price: a stop, or a target with a limit."""
    return order.role is Role.STOP or (order.role is Role.TARGET and order.limit_price is not None)


def protection_arrives(before: Bracket, after: Bracket) -> bool:
    """Whether the wait for protection begins anew: more of it was read back, or a new fill joins coins
    that were too few for an order of their own."""
    more_stands = after.standing > before.standing
    more_bought = after.bought > before.bought
    return more_stands or (more_bought and lacking(before) < before.plan.minimum_quantity)


def lacking(bracket: Bracket) -> Decimal:
    """Coins that shall have a leg and that no order stands for; those about to be sold need none."""
    exits = sum((order.leaves for order in bracket.live(Role.EXIT)), ZERO)
    return bracket.uncovered - max(bracket.reduce_quantity - exits, ZERO)


def cover_with_stop(step: Step) -> Step:
    """Stand a stop for the coins that lack one; never one above the market."""
    bracket = step.bracket
    if lacking(bracket) <= 0 or bracket.protect_from is None:
        return step
    if sentinel.waits_for(step):
        return sentinel.watch_legs(step)
    if step.at < bracket.protect_from or awaits_unseen_stop(step):
        return step
    if step.price is not None and step.price <= bracket.stop_price and not bracket.restoring:
        return leave(step, ExitReason.STOP_LOSS)
    if surviving_stop(bracket) is None and (refused := refused_for_good(bracket)):
        return without_stop(step, refused)
    return stand_stop(step)


def stand_stop(step: Step) -> Step:
    """Send what brings the coins their stop: the surviving one grows, or one of ours is placed."""
    bracket = step.bracket
    quantity = round_down(lacking(bracket), bracket.plan.lot_step)
    survivor = surviving_stop(bracket)
    if survivor is not None and quantity > 0:
        if survivor.amendment is not None:
            return step  # one at a time
        later_again = later(step.at, pause_before_growing(step, survivor))
        amended = step.having(protect_from=later_again).amending(
            survivor, quantity=survivor.quantity + quantity
        )
        return sentinel.repaired(amended, survivor.key)
    if quantity < bracket.plan.minimum_quantity:  # too small for a stop of its own
        stays = bracket.entering or bracket.market != ONLINE  # where no stop is taken, none is given up
        return step if stays else step.canceling(smallest_stop(bracket))
    spaced = step.having(protect_from=later(step.at, pause_before_next(step, Role.STOP)))
    placed = spaced.placing(Role.STOP, quantity, trigger=bracket.stop_price)
    return sentinel.repaired(placed, placed.bracket.orders[-1].key)


def refused_for_good(bracket: Bracket) -> str | None:
    """Why the venue will not take a stop of ours, where its last word on one says so."""
    refused = last_refusal(bracket, Role.STOP)
    passes = refused == INSUFFICIENT_FUNDS or refused in RETRYABLE or first_paused(bracket) is not None
    return None if passes else refused


def without_stop(step: Step, refused: str) -> Step:
    if step.bracket.restoring or step.bracket.plan.held_quantity:
        return leave_without_protection(step)
    return leave(step, ExitReason.ROLLBACK).alarm(f"the venue refuses a stop ({refused}): selling")


def surviving_stop(bracket: Bracket) -> BracketOrder | None:
    """The stop that others are merged into: the largest that certainly rests, the oldest of equals."""
    resting = [stop for stop in bracket.live_stops if can_be_amended(stop)]
    return max(resting, key=lambda stop: stop.leaves, default=None)


def smallest_stop(bracket: Bracket) -> tuple[BracketOrder, ...]:
    """The stop to be replaced by a larger one, where none takes an amendment: one at a time."""
    if not bracket.live_stops or not all(certain(stop) for stop in bracket.live_stops):
        return ()
    return (min(bracket.live_stops, key=lambda stop: stop.leaves),)


def can_be_amended(order: BracketOrder) -> bool:
    return certain(order) and not order.triggered and order.amend_refused in AMENDABLE


def certain(order: BracketOrder) -> bool:
    return order.status is OrderStatus.OPEN and order.read_back and not order.cancel_wanted


def out_of_time(step: Step) -> bool:
    """Whether coins lack their leg, or have only one that was never seen at the venue, for too long: counted
    from the end of a pause that the venue asked for. Parts too small for an order of their own wait for more
    as long as more may be bought."""
    bracket = step.bracket
    since = bracket.unprotected_since
    if since is None or step.at < later(paused_until(step) or since, step.rules.protect_timeout_seconds):
        return False
    if sentinel.is_held_back(bracket):
        return False
    if any(not order.read_back for order in bracket.live_sells):
        return True
    return lacking(bracket) > 0 and (
        not bracket.entering or lacking(bracket) >= bracket.plan.minimum_quantity
    )


def leave_without_protection(step: Step) -> Step:
    """Rollback; but where the sell was refused before, or the coins are not of our buying, only an operator
    can help: held, a stop is still asked for, ever more rarely. Too few to be sold are dust."""
    bracket = step.bracket
    if is_left_over(bracket):
        return dust.end(step)
    if bracket.restoring:
        coins = amount(bracket, bracket.coins)
        return hold_bare(step, f"the venue takes neither the sell nor a stop for {coins}")
    if bracket.plan.held_quantity:
        coins = amount(bracket, bracket.coins - bracket.standing)
        return hold_bare(step, f"the venue took no stop for the {coins} to be protected")
    return leave(step, ExitReason.ROLLBACK).alarm(
        f"no protection within {step.rules.protect_timeout_seconds} s of the fill: selling"
    )


def hold_bare(step: Step, why: str) -> Step:
    """An operator must look at coins that got no stop. One that was refused is asked for rarely from here on;
    one that is still being looked up, or never arrived, comes as soon as it can."""
    held = hold(step, why)
    return sentinel.ask_rarely(held) if was_asked_in_vain(step.bracket) else held


def was_asked_in_vain(bracket: Bracket) -> bool:
    """Whether the venue refused a stop for coins that are bare now, or more of the one that stands. What was
    not asked for yet, is being looked up or never arrived, it did not decline."""
    survivor, since = surviving_stop(bracket), bracket.unprotected_since
    if survivor is not None:
        return survivor.amendment is None and bool(survivor.amend_refused)
    refused = (stop for stop in bracket.having(Role.STOP) if stop.status is OrderStatus.REJECTED)
    return any(since is None or stop.created_at >= since for stop in refused)


# --- one order too much ------------------------------------------------------------------------------


def without_surplus(step: Step) -> Step:
    """Take back stops that stand for coins another order stands for already, the newest first: a
    secondary may show up after a stop of ours was placed, an order may be found alive after it was given
    up, a target that rests beside its stop may have sold a part."""
    if step.bracket.live_entries:  # an entry's secondaries may be known before its fills
        return step
    spare = [stop for stop in step.bracket.live_stops if may_be_spared(stop)]
    while spare and (surplus := sure_surplus(step.bracket)) > 0:
        fitting = [stop for stop in spare if stop.leaves <= surplus]
        if not fitting:
            waits = step.market_closed or (spare[-1].amend_refused and not is_time_to_amend(step))
            return step if waits else shrink(step, spare[-1], surplus)
        spare.remove(fitting[-1])
        step = step.canceling((fitting[-1],))
    return step


def may_be_spared(stop: BracketOrder) -> bool:
    """Whether a stop may be taken back or made smaller. One whose quantity is being amended is answered
    first: that decides what of it is too much."""
    return not (stop.cancel_wanted or stop.triggered or stop.filled or is_resized(stop))


def sure_surplus(bracket: Bracket) -> Decimal:
    """Coins that live sells would sell beyond those there are, whatever becomes of their amendments; stops on
    their way out not counted."""
    staying = (o for o in bracket.covering if not (o.role is Role.STOP and o.cancel_wanted))
    return sum((least_leaves(order) for order in staying), ZERO) - bracket.coins


def least_leaves(order: BracketOrder) -> Decimal:
    asked = order.amendment.quantity if order.amendment is not None else None
    return max((order.quantity if asked is None else min(order.quantity, asked)) - order.filled, ZERO)


def is_resized(order: BracketOrder) -> bool:
    """Whether another quantity was asked of it, and nobody knows yet whether it was taken."""
    return order.amendment is not None and order.amendment.quantity is not None


def is_time_to_amend(step: Step) -> bool:
    """An amendment that was refused is not repeated at once."""
    after = step.bracket.tidy_after
    return after is None or step.at >= after


def shrink(step: Step, order: BracketOrder, by: Decimal) -> Step:
    """Make an order smaller in place; where that cannot be, cancel it: what it stood for gets a new one."""
    if can_be_amended(order) and order.leaves - by >= step.bracket.plan.minimum_quantity:
        spaced = step.having(tidy_after=later(step.at, step.rules.retry_spacing_seconds))
        return spaced.amending(order, quantity=order.quantity - by)
    return step.canceling((order,))


# --- tidying ---------------------------------------------------------------------------------------


def tidy(step: Step) -> Step:
    """Bring edited prices to the venue, then make one stop of many. Nothing of it is urgent."""
    bracket = step.bracket
    if bracket.market != ONLINE or not is_time_to_amend(step):
        return step
    legs = [o for o in bracket.live_sells if certain(o) and o.amendment is None and not o.triggered]
    for order in legs:
        if sentinel.is_elsewhere(bracket, order) and sentinel.may_put_right(step, order):
            return move(step, order)
    return merge(step)


def move(step: Step, order: BracketOrder) -> Step:
    """Amend a leg's price in place; an order that takes no amendment is replaced, and a price the venue
    does not take is given up."""
    bracket = step.bracket
    if order.amend_refused == BAD_PRICE and order.role is Role.STOP and order.trigger_price is not None:
        asked = replace(step, bracket=bracket.replacing(replace(order, amend_refused="")))
        wanted, stays = text(bracket.stop_price), text(order.trigger_price)
        return asked.having(stop_price=order.trigger_price).alarm(
            f"the venue refuses the stop at {wanted}: it stays at {stays}"
        )
    if order.amend_refused not in AMENDABLE:
        return step.canceling((order,))
    spaced = step.having(tidy_after=later(step.at, pause_before_amending(step, order)))
    if order.amiss_at is not None:
        spaced = sentinel.repaired(spaced, order.key)
    if order.role is Role.STOP:
        return spaced.amending(order, trigger=bracket.stop_price)
    return spaced.amending(order, limit=bracket.target_price)


def merge(step: Step) -> Step:
    """Cancel the smallest of several stops, once it is old enough to be cheap; its coins go to the
    survivor when its end was read."""
    bracket, survivor = step.bracket, surviving_stop(step.bracket)
    others = [stop for stop in bracket.live_stops if stop is not survivor]
    if survivor is None or survivor.amendment is not None or not others:
        return step
    if any(stop.amend_refused not in AMENDABLE for stop in others):
        return step  # the venue does not amend these: they stay apart, the larger is not given up
    smallest = min(others, key=lambda stop: stop.leaves)
    if not certain(smallest) or step.at < later(smallest.age_from, step.rules.merge_age_seconds):
        return step
    return step.canceling((smallest,))
