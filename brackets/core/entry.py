"""Buying: how a limit entry follows the market, gives up, and what its price makes of the legs.

Pure. At most one entry is live or Unknown at any time: a reprice is cancel → confirmed → a new order
under a new id, for what is left of the plan.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from brackets.core import timers
from brackets.core.draft import Step
from brackets.core.orders import Bracket, BracketOrder, EntryTerms, Plan, later
from brackets.core.prices import entry_limit_price, round_down, round_up
from brackets.core.states import Choice, EntryNext, ExitReason, OrderStatus, Role, State

BPS = Decimal(10_000)
POST_ONLY = "post_only"
REFUSED = frozenset({OrderStatus.REJECTED, OrderStatus.DENIED, OrderStatus.VALIDATED})
PRICE_PATIENCE_SECONDS = 30  # a reprice that finds no price for so long is given up


def begin(step: Step) -> Step:
    """The plan was approved: the first entry."""
    plan, terms = step.bracket.plan, step.bracket.plan.entry
    step = step.to(
        State.ENTRY_PLACED,
        stop_price=plan.stop_price,
        target_price=plan.target_price,
        initial_stop_price=plan.stop_price,
        entry_began_at=step.at,
    )
    return place(step, plan.quantity, limit=terms.limit_price if terms else None)


def place(step: Step, quantity: Decimal, *, limit: Decimal | None) -> Step:
    """One entry order: at market, or post-only with an end of its own at the venue."""
    bracket, terms = step.bracket, step.bracket.plan.entry
    close = bracket.stop_price if bracket.plan.attach_stop else None
    began = bracket.entry_began_at or step.at
    expires_at = None
    if limit is not None and terms is not None:
        expires_at = later(began, terms.timeout_seconds + step.rules.expiry_margin_seconds)
        expires_at = max(expires_at, later(step.at, step.rules.expiry_margin_seconds))
    return step.having(entry_began_at=began, entry_next=None).placing(
        Role.ENTRY, quantity, limit=limit, post_only=limit is not None, close=close, expires_at=expires_at
    )


def tend(step: Step) -> Step:
    """Let the live entry follow the market or give up; place what follows one that ended."""
    live = step.bracket.live_entries
    return tend_live(step, live[0]) if live else follow_up(step)


# --- a live entry ------------------------------------------------------------------------------------


def tend_live(step: Step, order: BracketOrder) -> Step:
    bracket, terms = step.bracket, step.bracket.plan.entry
    if not step.entries_allowed and not (order.cancel_wanted and bracket.entry_next is None):
        return give_up(step, ExitReason.ENTRY_CANCELED)
    if order.cancel_wanted:
        return step
    if len(bracket.live_stops) > step.rules.most_stops:  # each fill makes one more
        return give_up(step, None)
    if terms is None or order.limit_price is None:
        return step  # a market order needs no company
    return tend_limit(step, order, order.limit_price, terms)


def tend_limit(step: Step, order: BracketOrder, limit: Decimal, terms: EntryTerms) -> Step:
    bracket = step.bracket
    young = step.at < later(order.created_at, terms.reprice_seconds)
    if step.at >= later(bracket.entry_began_at or order.created_at, terms.timeout_seconds):
        return by_choice(step, terms.on_timeout, terms, young=young)
    if step.price is None or young or order.status is not OrderStatus.OPEN:
        return step
    wanted = limit_at(step.price, bracket.plan, terms)
    if is_left_behind(limit, wanted, terms.runaway_bps):
        return by_choice(step, terms.on_runaway, terms, young=young)
    if is_left_behind(limit, wanted, terms.reprice_bps) and bracket.reprices < terms.most_reprices:
        return cancel_and(step, EntryNext.REPRICE)
    return step


def is_left_behind(limit: Decimal, wanted: Decimal, bps: Decimal) -> bool:
    """Whether the limit that would be placed now stands so far above the live one. Measured from the live
    one: a market that ran away once has not run away from the order that followed it."""
    return wanted > limit and wanted - limit >= limit * bps / BPS


def by_choice(step: Step, choice: Choice, terms: EntryTerms, *, young: bool) -> Step:
    """What the settings say to an entry whose time is up or whose market ran away."""
    match choice:
        case Choice.SKIP:
            return step
        case Choice.MARKET:
            return cancel_and(step, EntryNext.MARKET)
        case Choice.RETRY if step.bracket.reprices < terms.most_reprices:
            return step if young else cancel_and(step, EntryNext.REPRICE).having(entry_began_at=None)
    return give_up(step, ExitReason.ENTRY_EXPIRED)


def cancel_and(step: Step, following: EntryNext) -> Step:
    return step.canceling(step.bracket.live_entries).having(entry_next=following)


def give_up(step: Step, reason: ExitReason | None) -> Step:
    """Buy nothing more; what was bought is kept. `reason` is how it ends if nothing was."""
    return step.canceling(step.bracket.live_entries).having(
        entry_next=None, entry_over=True, entry_end=step.bracket.entry_end or reason
    )


# --- after an entry ended ------------------------------------------------------------------------------


def follow_up(step: Step) -> Step:
    """No entry is live: place the next one where one is wanted, else buying is over."""
    bracket, terms = step.bracket, step.bracket.plan.entry
    if bracket.entry_over or not bracket.having(Role.ENTRY):
        return step.having(entry_over=True, entry_next=None)
    last = bracket.having(Role.ENTRY)[-1]
    following = bracket.entry_next
    if terms is not None and crossed(last) and bracket.reprices < terms.most_reprices:
        following = following or EntryNext.REPRICE
    elif last.status in REFUSED or terms is None:
        following = None
    remaining = round_down(bracket.plan.quantity - bracket.bought, bracket.plan.lot_step)
    if following is None or terms is None or remaining < bracket.plan.minimum_quantity:
        return give_up(step, ExitReason.ENTRY_REJECTED if crossed(last) else None)
    if not step.entries_allowed:
        return give_up(step, ExitReason.ENTRY_CANCELED)
    step = step.having(entry_next=following)
    if step.at < later(last.created_at, step.rules.retry_spacing_seconds):
        return step
    if step.price is None:
        ended = timers.passed(step, last.ended_at) or last.created_at
        unpriced = step.looked and is_past(step, ended)  # an answer that comes late carries no price
        return give_up(step, ExitReason.ENTRY_EXPIRED) if unpriced else step
    return place_next(step, following, terms, remaining)


def is_past(step: Step, since: datetime) -> bool:
    return step.at >= later(since, PRICE_PATIENCE_SECONDS)


def place_next(step: Step, following: EntryNext, terms: EntryTerms, remaining: Decimal) -> Step:
    """The next entry, with its legs measured from its own price; none where they do not fit any more."""
    plan = step.bracket.plan
    price = step.price or Decimal(0)
    limit = limit_at(price, plan, terms) if following is EntryNext.REPRICE else None
    anchor = price if limit is None else limit
    stop = stop_for(plan, anchor)
    target = target_for(step.bracket, anchor, stop)
    if not 0 < stop < anchor < target:
        return give_up(step, ExitReason.ENTRY_EXPIRED)
    quantity = min(remaining, affordable(step, limit))
    if quantity < plan.minimum_quantity:
        return give_up(step, ExitReason.ENTRY_EXPIRED)
    step = step.having(stop_price=stop, target_price=target, reprices=step.bracket.reprices + 1)
    return place(step, quantity, limit=limit)


def affordable(step: Step, limit: Decimal | None) -> Decimal:
    """How many coins may still be bought for what was approved, in whole lots. What a market order will
    cost is not known: it is reckoned at the bid and an allowance for spread and depth."""
    bracket, plan = step.bracket, step.bracket.plan
    bid = step.price or Decimal(0)
    price = bid * (1 + step.rules.market_entry_allowance) if limit is None else limit
    if plan.most_cost is None:
        return plan.quantity
    prices = ((o.filled, o.average_price or o.limit_price or price) for o in bracket.having(Role.ENTRY))
    spent = sum((filled * paid for filled, paid in prices), Decimal(0))
    return round_down(max(plan.most_cost - spent, Decimal(0)) / price, plan.lot_step)


def crossed(order: BracketOrder) -> bool:
    """Whether a post-only order would have taken liquidity: refused so, or accepted and canceled so."""
    if not order.post_only or order.filled > 0:
        return False
    said = order.end_reason.lower().replace("-", " ")
    return order.refused_reason == POST_ONLY or (
        order.status is OrderStatus.CANCELED and not order.cancel_wanted and "post only" in said
    )


def limit_at(bid: Decimal, plan: Plan, terms: EntryTerms) -> Decimal:
    return entry_limit_price(
        bid, offset_bps=terms.offset_bps, offset_ticks=terms.offset_ticks, tick_size=plan.tick_size
    )


# --- the legs' prices ------------------------------------------------------------------------------------


def stop_for(plan: Plan, entry_price: Decimal) -> Decimal:
    """Where the stop of a position bought at `entry_price` stands."""
    if plan.stop_distance is None:
        return plan.stop_price
    return round_down(entry_price - plan.stop_distance, plan.tick_size)


def target_for(bracket: Bracket, entry_price: Decimal, stop_price: Decimal) -> Decimal:
    """Where its target stands: by its rule, or where it was given."""
    plan = bracket.plan
    if plan.target_r_multiple is not None and entry_price > stop_price:
        return round_up(entry_price + plan.target_r_multiple * (entry_price - stop_price), plan.tick_size)
    if plan.target_distance is not None:
        return round_up(entry_price + plan.target_distance, plan.tick_size)
    return plan.target_price


def final_prices(step: Step) -> Step:
    """Once nothing more is bought: both legs measured from the average fill instead of the price that
    was hoped for."""
    bracket = step.bracket
    filled = [order for order in bracket.having(Role.ENTRY) if order.filled > 0]
    average = bracket.average_entry_price
    if bracket.prices_final or bracket.entering or average is None:
        return step
    if any(order.average_price is None for order in filled):
        return step  # the price of a fill is not stated yet
    stop = stop_for(bracket.plan, average)
    target = target_for(bracket, average, stop)
    if not 0 < stop < target:
        stop, target = bracket.stop_price, bracket.target_price
    return step.having(stop_price=stop, target_price=target, initial_stop_price=stop, prices_final=True)
