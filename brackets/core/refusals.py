"""What the venue refused, and what that says of the next attempt.

Pure questions about a bracket's orders; nothing is decided here.
"""

from __future__ import annotations

from datetime import datetime

from brackets.core.draft import Step
from brackets.core.orders import Bracket
from brackets.core.states import LIMIT_ONLY, OrderStatus, Role
from brackets.venue.treatments import TREATMENTS, Treatment, Write

INSUFFICIENT_FUNDS = "insufficient_funds"
RETRYABLE = frozenset(
    reason.value
    for reason, treatment in TREATMENTS[Write.PLACE].items()
    if treatment in (Treatment.RETRY, Treatment.THROTTLE, Treatment.AMBIGUOUS)
) - {INSUFFICIENT_FUNDS}
"""Refusals that say nothing against the next attempt; want of coins has a patience of its own."""


def last_refusal(bracket: Bracket, role: Role, since: datetime | None = None) -> str | None:
    """Why the venue refused the newest order of this role (since then, or since the exit began); None: it
    did not. One that we withdrew says nothing of the venue."""
    since = since or bracket.exit_began_at
    orders = [o for o in bracket.having(role) if since is None or o.created_at >= since]
    rejected = bool(orders) and orders[-1].status is OrderStatus.REJECTED
    return orders[-1].refused_reason if rejected else None


def refused_rounds(bracket: Bracket) -> int:
    """How often in a row an exit was refused and the stop put back."""
    rounds, stop_came_back = 0, False
    for order in reversed(bracket.sells):
        if order.filled > 0:
            break
        refused = order.status is OrderStatus.REJECTED
        if order.role is Role.STOP:
            stop_came_back = stop_came_back or not refused
        elif refused and stop_came_back:
            rounds, stop_came_back = rounds + 1, False
    return rounds


def pause_before_next(step: Step, role: Role) -> int:
    """Seconds until the next order of this role may be tried: more with each refusal for funds in a row.
    A hold that is released late is soon gone; coins that are gone are not asked for second by second."""
    refusals = 0
    for order in reversed(step.bracket.having(role)):
        if order.refused_reason != INSUFFICIENT_FUNDS:
            break
        refusals += 1
    spacing, most = step.rules.retry_spacing_seconds, step.rules.most_retry_spacing_seconds
    return min(spacing * (1 + refusals), most)


def needs_limit(bracket: Bracket, role: Role) -> bool:
    """Whether this market takes limit orders only, as it says or as its refusal of the last sell shows."""
    return bracket.market == LIMIT_ONLY or last_refusal(bracket, role) == "market_limited"


def is_blind(step: Step, role: Role) -> bool:
    """Whether only a limit can sell here and no price is known for it to be near."""
    return step.price is None and needs_limit(step.bracket, role)
