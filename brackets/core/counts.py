"""Counting coins: what a reading of the account says of the coins a bracket should have.

Pure. Only where the venue refused a sell for want of coins the account is counted (`brackets/counting.py`);
two counts that agree, and cannot be older than what they count, are believed.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from brackets.core import sentinel
from brackets.core.amounts import amount
from brackets.core.cover import lacking, surviving_stop
from brackets.core.draft import Step
from brackets.core.events import CoinsCounted, Event
from brackets.core.leaving import awaits_unseen_stop
from brackets.core.orders import ZERO, Bracket, later, total_leaves
from brackets.core.prices import round_up
from brackets.core.states import OrderStatus, Role, State
from brackets.core.timers import passed
from risk.core.plain import text


def count(draft: Step, event: Event) -> Step:
    """Coins that two counts do not find are gone: what is left is protected and sold without them. While
    an order is uncertain, or a stop was not seen, the account may lawfully hold less than we know, and soon
    after the coins came a balance may be older than they are. A repair that waits for coins may go on where
    they are there."""
    assert isinstance(event, CoinsCounted)
    known = count_missing(draft, event)
    available = event.total if event.available is None else event.available
    return sentinel.count_coins(known, available, lacking(known.bracket))


def count_missing(draft: Step, event: CoinsCounted) -> Step:
    bracket = draft.bracket
    uncertain = any(order.status is OrderStatus.UNKNOWN for order in bracket.orders)
    if uncertain or awaits_unseen_stop(draft) or bracket.live_entries or is_too_young_to_count(draft):
        return draft
    expected = bracket.coins + bracket.missing
    short = round_up(max(expected - event.total, ZERO), bracket.plan.lot_step)
    spacing, whither = agreeing_after(draft), "gone from the account"
    free = free_to_sell(bracket, event)
    if bracket.plan.minimum_quantity <= free < expected - short:
        # Others have orders for them: what is left can have its order, all of them together none.
        short = round_up(expected - free, bracket.plan.lot_step)
        spacing, whither = draft.rules.held_spacing_seconds, "gone from the account or held there"
    if short == bracket.missing:
        return draft.having(shortage=ZERO, shortage_since=None)
    since = bracket.shortage_since
    if since is None or short != bracket.shortage:
        return draft.having(shortage=short, shortage_since=draft.at)
    if draft.at < later(since, spacing):
        return draft
    known = draft.having(missing=short, shortage=ZERO, shortage_since=None)
    if short < bracket.missing:
        return known.alarm(came_back(bracket, short))
    return known.alarm(f"{text(short)} of {amount(bracket, expected)} are {whither}, and not by our orders")


def came_back(before: Bracket, short: Decimal) -> str:
    """What is said of coins that were missed and are there again, `short` of them are not."""
    back = f"{amount(before, before.missing - short)} are back"
    if short > 0:
        back += f", {text(short)} are still gone"
    if before.state not in sentinel.PROTECTING and before.state is not State.HELD:
        return f"{back}: they are sold too"
    return f"{back}: {'they get a stop' if surviving_stop(before) is None else 'the stop grows'}"


def free_to_sell(bracket: Bracket, event: CoinsCounted) -> Decimal:
    """Coins of the account that no order of others holds."""
    available = event.total if event.available is None else event.available
    return available + total_leaves(o for o in bracket.live_sells if o.status is OrderStatus.OPEN)


def is_too_young_to_count(draft: Step) -> bool:
    """Whether a balance read now may still be from before the coins came, as far as our clock can tell."""
    came_at = coins_came_at(draft)
    return not is_by_other_clock(draft, came_at) and draft.at < later(came_at, draft.rules.visibility_seconds)


def coins_came_at(draft: Step) -> datetime:
    """What was bought came with its entry's end, what was handed over was there when its first order was
    meant."""
    bracket = draft.bracket
    ends = [entry.ended_at for entry in bracket.having(Role.ENTRY) if entry.filled > 0 and entry.ended_at]
    return max(ends, default=bracket.orders[0].created_at if bracket.orders else draft.at)


def is_by_other_clock(draft: Step, moment: datetime) -> bool:
    """Whether a moment lies so far ahead that ours was set back since, or is minutes behind the venue's."""
    return passed(draft, moment) is None


def agreeing_after(draft: Step) -> int:
    """How far apart two counts must be to be believed. Where nobody can say when the coins came, the second
    must be too late to tell of a time before the first."""
    rules = draft.rules
    unknown = is_by_other_clock(draft, coins_came_at(draft))
    return rules.visibility_seconds if unknown else rules.count_spacing_seconds
