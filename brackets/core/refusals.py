"""What the venue refused, and what that says of the next attempt.

Pure questions about a bracket's orders; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from brackets.core.draft import Step
from brackets.core.orders import Bracket, BracketOrder, later
from brackets.core.states import LIMIT_ONLY, OrderStatus, Role
from brackets.venue.treatments import TREATMENTS, Treatment, Write

INSUFFICIENT_FUNDS = "insufficient_funds"
RETRYABLE = frozenset(
    reason.value
    for reason, treatment in TREATMENTS[Write.PLACE].items()
    if treatment in (Treatment.RETRY, Treatment.THROTTLE, Treatment.AMBIGUOUS)
) - {INSUFFICIENT_FUNDS}
"""Refusals that say nothing against the next attempt; want of coins has a patience of its own."""
PAUSED = frozenset(
    reason.value for reason, treatment in TREATMENTS[Write.PLACE].items() if treatment is Treatment.PAUSE
)
"""Refusals after which the venue is left alone for a while; no kind of them is one of Kraken's."""


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


class Sell(Protocol):
    """What is looked at of a sell, be it a value or a row."""

    @property
    def venue_order_id(self) -> str | None: ...
    @property
    def refused_reason(self) -> str: ...


def lacks_funds(sells: Sequence[Sell]) -> bool:
    """Whether the venue's last word on coins, of sells in their order, was that there are too few."""
    for sell in reversed(sells):
        if sell.venue_order_id or sell.refused_reason == INSUFFICIENT_FUNDS:
            return not sell.venue_order_id
    return False


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


def pause_before_growing(step: Step, stop: BracketOrder) -> int:
    """Seconds until a stop may be asked to stand for more coins again. A hold that is released late is soon
    gone; after that it is asked rarely for coins it lacks: each amendment of a young order costs the pair's
    counter, which an exit may need."""
    rules, since = step.rules, step.bracket.unprotected_since
    if stop.amend_refused != INSUFFICIENT_FUNDS or since is None:
        return rules.retry_spacing_seconds
    if step.at < later(since, rules.funds_retry_seconds):
        return rules.retry_spacing_seconds
    return rules.most_retry_spacing_seconds


def first_paused(bracket: Bracket) -> BracketOrder | None:
    """The one stop that the venue refused for coins that are bare now, wanting to be left alone; its pause
    may be over. None: there was none, or another one after the pause, or it was to come back after a refused
    exit: then it is refused for good."""
    since = bracket.unprotected_since
    refused = [
        stop
        for stop in bracket.having(Role.STOP)
        if stop.refused_reason in PAUSED and since is not None and stop.created_at >= since
    ]
    return refused[0] if len(refused) == 1 and not bracket.restoring else None


def paused_until(step: Step) -> datetime | None:
    """Until when no stop is asked for again; meanwhile both legs are watched by us."""
    refused = first_paused(step.bracket)
    return later(refused.created_at, step.rules.repair_spacing_seconds) if refused is not None else None


def pause_before_amending(step: Step, order: BracketOrder) -> int:
    """Seconds until an order may be amended again after this time; long, where it was refused so before."""
    rules = step.rules
    return rules.repair_spacing_seconds if order.amend_refused in PAUSED else rules.retry_spacing_seconds


def needs_limit(bracket: Bracket, role: Role) -> bool:
    """Whether this market takes limit orders only, as it says or as its refusal of the last sell shows."""
    return bracket.market == LIMIT_ONLY or last_refusal(bracket, role) == "market_limited"


def is_blind(step: Step, role: Role) -> bool:
    """Whether only a limit can sell here and no price is known for it to be near."""
    return step.price is None and needs_limit(step.bracket, role)
