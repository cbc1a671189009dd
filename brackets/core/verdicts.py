"""Verifying: how each of the two legs of a bracket stands, as one comparison with the venue shows it.

Pure. The two are judged apart from each other, and from what the machine wants to do about them
(`sentinel.py`): an order counts as resting only as far as it was read back, with the quantity and the price
the book has; a leg in our hands counts as watched only while a watch is alive.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brackets.core import sentinel
from brackets.core.orders import ZERO, Bracket, BracketOrder, Rules, later
from brackets.core.states import OrderStatus, Policy, Role, State


class Verdict(StrEnum):
    """How a leg stands."""

    RESTING = "RESTING"  # at the venue, as wanted in quantity and price
    WATCHED = "WATCHED"  # in our hands, and a watch is alive
    MOVING = "MOVING"  # an order for it is on its way, and not for too long
    MISSING = "MISSING"  # neither of these
    WRONG = "WRONG"  # at the venue, with another quantity or price than the book has


BAD = frozenset({Verdict.MISSING, Verdict.WRONG})


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdicts:
    """Of one bracket at one moment; None: it holds no coins that an order could stand for."""

    stop: Verdict | None
    target: Verdict | None
    has_stop: (
        bool  # one rests for every coin, or a target rests and the stop is watched; or there are no coins
    )


NOTHING = Verdicts(stop=None, target=None, has_stop=True)


def judge(bracket: Bracket, *, at: datetime, watched: bool, rules: Rules | None = None) -> Verdicts:
    """The verdicts on both legs. `watched`: whether a watch is alive that acts on prices."""
    coins = bracket.coins
    if bracket.state is State.EXIT_COMPLETE or coins <= 0 or coins < bracket.plan.minimum_quantity:
        return NOTHING
    rules = rules or Rules()
    stop = judge_stop(bracket, at=at, watched=watched, rules=rules)
    target = judge_target(bracket, at=at, watched=watched, rules=rules)
    return Verdicts(stop=stop, target=target, has_stop=has_stop(bracket, stop, at))


def stopped(bracket: Bracket) -> Decimal:
    """Coins for which a stop certainly rests."""
    return sum((stop.certain_leaves for stop in bracket.live_stops), ZERO)


def judge_stop(bracket: Bracket, *, at: datetime, watched: bool, rules: Rules) -> Verdict:
    stops, resting = bracket.live_stops, stopped(bracket)
    placed = all(stop.trigger_price in (None, bracket.stop_price) for stop in stops)
    if resting == bracket.coins and placed:
        return Verdict.RESTING
    if watches_stop(bracket):
        return Verdict.WATCHED if watched else Verdict.MISSING
    if is_moving(bracket, Role.STOP) and not is_overdue(bracket, at=at, rules=rules):
        return Verdict.MOVING
    return Verdict.WRONG if resting > 0 else Verdict.MISSING


def judge_target(bracket: Bracket, *, at: datetime, watched: bool, rules: Rules) -> Verdict:
    targets = [order for order in bracket.live_targets if order.rests_as_limit]
    resting = sum((target.certain_leaves for target in targets), ZERO)
    if resting:
        as_wanted = resting == bracket.coins and all(o.limit_price == bracket.target_price for o in targets)
        if as_wanted:
            return Verdict.RESTING
    overdue = is_overdue(bracket, at=at, rules=rules)
    if is_moving(bracket, Role.TARGET) and not overdue:
        return Verdict.MOVING
    if resting:
        return Verdict.WRONG
    if bracket.state is State.HELD:  # nobody acts on its price
        return Verdict.MISSING
    return Verdict.WATCHED if watched else Verdict.MISSING


def watches_stop(bracket: Bracket) -> bool:
    """Whether the stop is meant to be in our hands: the target rests for the coins, or a repair waits."""
    if bracket.state not in sentinel.PROTECTING:
        return False
    rests = not bracket.live_stops and bracket.covered
    return rests or (sentinel.is_held_back(bracket) and not bracket.live_sells)


def is_moving(bracket: Bracket, role: Role) -> bool:
    """Whether something is on its way that brings this leg where it belongs, or takes the coins out."""
    if bracket.state in (State.EXITING, State.TP_FILLED, State.SL_FILLED) or bracket.reduce_quantity > 0:
        return True
    if any(is_unsettled(order) for order in bracket.live(role)):
        return True
    if role is Role.TARGET:
        wanted = bracket.resting is Role.TARGET and bracket.policy is Policy.NEAREST
        return wanted and not bracket.live_targets
    changing = any(is_unsettled(order) for order in bracket.live_sells)
    return changing or bracket.unprotected_since is not None or follows_the_book(bracket)


def is_unsettled(order: BracketOrder) -> bool:
    settled = order.status is OrderStatus.OPEN and order.read_back
    return not settled or order.cancel_wanted or order.amendment is not None


def follows_the_book(bracket: Bracket) -> bool:
    """Whether a stop that nobody else touched is about to follow the book to another price."""
    moved = [stop for stop in bracket.live_stops if stop.trigger_price != bracket.stop_price]
    return bool(moved) and all(stop.amiss_at is None for stop in moved)


def is_overdue(bracket: Bracket, *, at: datetime, rules: Rules) -> bool:
    """Whether what is on its way takes longer than anything that goes well."""
    times = (bracket.unprotected_since, bracket.exit_began_at, bracket.reduce_began_at, bracket.swap_began_at)
    began = [moment for moment in times if moment is not None]
    return bool(began) and at >= later(max(began), rules.protect_timeout_seconds)


def has_stop(bracket: Bracket, stop: Verdict, at: datetime) -> bool:
    """Whether a stop rests for every coin, or is watched because the target rests. A sell at work that the
    venue has, or a secondary that need not be visible yet, is as good. One that is watched only until its
    repair may follow is not there."""
    if stop is Verdict.RESTING or (stop is Verdict.WATCHED and not sentinel.is_held_back(bracket)):
        return True
    at_work = sum((order.leaves for order in bracket.live_sells if works(order)), Decimal(0))
    if at_work >= bracket.coins:
        return True
    due = bracket.secondaries_due_at
    return bracket.secondaries_missing and due is not None and at < due


def works(order: BracketOrder) -> bool:
    """Whether the venue has this sell, and nobody asked for its end. A target that rests stops nothing."""
    if order.status is not OrderStatus.OPEN or order.cancel_wanted:
        return False
    return not (order.role is Role.TARGET and order.rests_as_limit)


__all__ = ["BAD", "Verdict", "Verdicts", "judge", "stopped"]
