"""Moments that are kept for later, and clocks that are wrong: one rule for all of them.

Pure. Each kept moment is waited for, or counted from, for a known time at most. One that lies further ahead
was noted by another machine, or by this one before its clock was set back: it says nothing, and nobody waits
for it. Else an exit, a stop or a repair would wait for as long as that clock was wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from brackets.core.draft import Step
from brackets.core.orders import Bracket, BracketOrder, Rules, later
from brackets.core.refusals import PAUSED
from brackets.core.states import State

TICK = timedelta(microseconds=1)
BEGINNINGS = (
    "entry_began_at",
    "exit_began_at",
    "swap_began_at",
    "reduce_began_at",
    "unprotected_since",
    "bare_since",
    "funds_refused_since",
    "shortage_since",
    "repaired_at",
)
"""Moments of a bracket that waits are counted from; some are compared with those of its orders, too."""
OF_ORDERS = ("created_at", "touched_at", "amiss_at")
LEAVING = frozenset({State.EXITING, State.SL_FILLED, State.TP_FILLED})


def is_awaited(moment: datetime | None, now: datetime, longest: timedelta) -> bool:
    """Whether `moment` is still to come, and may be meant: nobody puts anything off for longer than that."""
    return moment is not None and now < moment <= now + longest


def is_long(since: datetime, now: datetime, wait: timedelta) -> bool:
    """Whether a wait that began then is over; one that began as far in the future did not begin."""
    return abs(now - since) >= wait


def heal(step: Step) -> Step:
    """The bracket as it is when no moment of it is further ahead of now than it can be: what began in the
    future begins now, what was put off for longer than anything ever is, is put off no more."""
    return healed_ends(healed_beginnings(step))


def passed(step: Step, moment: datetime | None) -> datetime | None:
    """A moment that was noted somewhere else, if it can have been."""
    ahead = moment is not None and moment > later(step.at, step.rules.clock_error_seconds)
    return None if ahead else moment


# --- what waits are counted from -------------------------------------------------------------------------


def healed_beginnings(step: Step) -> Step:
    """Moments that cannot have been yet become this one, each a trifle before the next: which of them was
    the earlier one still says what belongs to the exit, and what was there before."""
    bracket, bound = step.bracket, later(step.at, step.rules.clock_error_seconds)
    ahead = sorted({moment for moment in beginnings(bracket) if moment > bound})
    if not ahead:
        return step
    now = {moment: step.at - (len(ahead) - 1 - place) * TICK for place, moment in enumerate(ahead)}
    orders = tuple(with_beginnings(order, now) for order in bracket.orders)
    return step.having(orders=orders, **{name: put(getattr(bracket, name), now) for name in BEGINNINGS})


def beginnings(bracket: Bracket) -> Iterator[datetime]:
    places: list[tuple[Any, tuple[str, ...]]] = [(bracket, BEGINNINGS)]
    places += [(order, OF_ORDERS) for order in bracket.orders]
    for owner, names in places:
        yield from (moment for name in names if (moment := getattr(owner, name)) is not None)


def with_beginnings(order: BracketOrder, now: dict[datetime, datetime]) -> BracketOrder:
    changes: dict[str, Any] = {name: put(getattr(order, name), now) for name in OF_ORDERS}
    return replace(order, **changes)


def put(moment: datetime | None, now: dict[datetime, datetime]) -> datetime | None:
    return moment if moment is None else now.get(moment, moment)


# --- what is waited for ------------------------------------------------------------------------------------


def healed_ends(step: Step) -> Step:
    bracket, at, rules = step.bracket, step.at, step.rules
    changes: dict[str, Any] = {
        name: at for name, longest in longest_waits(bracket, rules).items() if is_void(step, name, longest)
    }
    if is_void(
        step, "secondaries_due_at", rules.visibility_seconds
    ):  # they are proven to be missing, or shown
        changes["secondaries_due_at"] = later(at, rules.visibility_seconds)
    orders = tuple(with_proof_in_time(order, at, rules) for order in bracket.orders)
    if orders != bracket.orders:
        changes["orders"] = orders
    return step.having(**changes) if changes else step


def is_void(step: Step, name: str, longest: int) -> bool:
    moment = getattr(step.bracket, name)
    return moment is not None and moment > later(step.at, longest + step.rules.clock_error_seconds)


def longest_waits(bracket: Bracket, rules: Rules) -> dict[str, int]:
    """How many seconds each of them may be put off for, as the bracket stands."""
    paused = any(order.amend_refused in PAUSED for order in bracket.orders)
    soon = max(rules.most_retry_spacing_seconds, rules.bare_retry_seconds)
    return {
        "swap_after": rules.swap_cooldown_seconds,
        "tidy_after": rules.repair_spacing_seconds if paused else rules.retry_spacing_seconds,
        "protect_from": rules.most_repair_spacing_seconds
        if bracket.repairs_refused
        else max(rules.visibility_seconds, soon),
        "retry_after": soon if bracket.state in LEAVING else rules.most_refused_exit_pause_seconds,
    }


def with_proof_in_time(order: BracketOrder, at: datetime, rules: Rules) -> BracketOrder:
    """A reading proves what became of an amendment from the moment on at which it must be visible."""
    asked, latest = order.amendment, later(at, rules.proof_seconds)
    if asked is None or asked.provable_from is None or asked.provable_from <= latest:
        return order
    return replace(order, amendment=replace(asked, provable_from=latest))
