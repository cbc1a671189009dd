"""The legs changing places (policy NEAREST), and resting side by side (policy BOTH_REST).

Pure. Kraken lets one leg rest. Near the target it is worth more to have the target in the book, as a
maker, than a stop far away: cancel the stop, confirm, rest the target, watch the stop; and back when the
price falls away or nobody watches. The stop in our hands is as good as the eyes on the price, so every
doubt brings it back to the venue.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from brackets.core import sentinel
from brackets.core.draft import Step
from brackets.core.entry import crossed
from brackets.core.orders import Bracket, BracketOrder, later
from brackets.core.refusals import INSUFFICIENT_FUNDS, RETRYABLE
from brackets.core.states import ONLINE, OrderStatus, Policy, Role

BPS = Decimal(10_000)
NARROWEST = 6  # a bracket narrower than so many swap-ins keeps its stop resting
MOST_SHARE = Decimal("0.15")  # of the way from entry to target
BACK_FACTOR = 2  # the way back is at least so many times the way in
WANT_COINS = frozenset({INSUFFICIENT_FUNDS, *RETRYABLE})


@dataclass(frozen=True, kw_only=True, slots=True)
class SwapPrices:
    """The target comes to rest from `rest_from` up, and goes back to being watched at `back_at`."""

    rest_from: Decimal
    back_at: Decimal


def swap_prices(bracket: Bracket) -> SwapPrices | None:
    """Where the legs change places; None where they never do."""
    entry = bracket.average_entry_price
    if bracket.policy is not Policy.NEAREST or entry is None:
        return None
    target, plan = bracket.target_price, bracket.plan
    width, near = target - entry, target * plan.swap_in_bps / BPS
    if near <= 0 or width < NARROWEST * near:
        return None
    near = min(near, width * MOST_SHARE)
    far = max(target * plan.swap_out_bps / BPS, BACK_FACTOR * near)
    return SwapPrices(rest_from=target - near, back_at=target - far)


def watched_stop_is_touched(step: Step) -> bool:
    """Whether the stop is in our hands and the market stands at or below it. A part too small to sell
    stays where it rests."""
    bracket = step.bracket
    prices = [price for price in (step.price, step.last) if price is not None]
    in_our_hands = not bracket.live_stops and any(order.rests_as_limit for order in bracket.live_targets)
    if not in_our_hands or not prices or step.market_closed:
        return False
    return min(prices) <= bracket.stop_price and bracket.coins >= bracket.plan.minimum_quantity


def tend(step: Step) -> Step:
    """Of an active bracket: change places where that is wanted now."""
    bracket = step.bracket
    if bracket.policy is Policy.BOTH_REST:
        return rest_both(step)
    if bracket.resting is Role.STOP and bracket.live_targets:  # it came back to life, or could not go
        return swap_back(step) if bracket.market == ONLINE else step
    if not step.looked:
        return step
    if bracket.resting is Role.TARGET:
        return swap_back(step) if must_swap_back(step) else step
    if may_swap_in(step):
        return step.having(resting=Role.TARGET, swap_began_at=step.at).canceling(bracket.live_stops)
    return step


def may_swap_in(step: Step) -> bool:
    """Only while somebody watches a fresh price of an open market, and nothing else is under way."""
    bracket, prices = step.bracket, swap_prices(step.bracket)
    if prices is None or step.price is None or not step.fresh or not step.watched or bracket.market != ONLINE:
        return False
    if bracket.swap_after is not None and step.at < bracket.swap_after:
        return False
    if bracket.close_again is not None or bracket.coins < bracket.plan.minimum_quantity:
        return False
    above_stop = step.last is None or step.last > bracket.stop_price
    return prices.rest_from <= step.price < bracket.target_price and above_stop


def must_swap_back(step: Step) -> bool:
    """Whether the stop belongs back on the venue. A part too small for a stop stays where it rests, and
    in a market that takes no stop nothing is touched."""
    bracket, prices = step.bracket, swap_prices(step.bracket)
    if bracket.market != ONLINE or bracket.coins < bracket.plan.minimum_quantity:
        return False
    unseen = not step.watched or step.price is None
    return unseen or prices is None or (step.price is not None and step.price <= prices.back_at)


def swap_back(step: Step) -> Step:
    """The stop rests again as soon as the target's end was read."""
    return step.having(
        resting=Role.STOP,
        swap_began_at=None,
        swap_after=later(step.at, step.rules.swap_cooldown_seconds),
        unprotected_since=step.at,
        protect_from=step.bracket.protect_from or step.at,
    ).canceling(step.bracket.live_targets)


def rest_target(step: Step) -> Step:
    """On the way to a resting target: stops away, then the target, post-only; through the price once as
    a plain limit. What takes too long, or is refused, brings the stop back."""
    bracket = step.bracket
    if step.looked and must_swap_back(step):
        return swap_back(step)
    if bracket.market != ONLINE and any(not stop.cancel_wanted for stop in bracket.live_stops):
        return swap_back(step)  # a stop could not go: it stays, and so does whatever stays beside it
    step = step.canceling(bracket.live_stops)
    if bracket.live_sells or bracket.live_entries:
        return step
    began = bracket.swap_began_at or step.at
    if step.at >= later(began, step.rules.swap_patience_seconds):
        return swap_back(step)
    tried = [target for target in bracket.having(Role.TARGET) if target.created_at >= began]
    last = tried[-1] if tried else None
    if last is not None and gives_up(last):
        return swap_back(step)
    through = last is not None and crossed(last)  # the price stands there: at once, and once
    if last and not through and step.at < later(last.created_at, step.rules.retry_spacing_seconds):
        return step
    return place_target(step, post_only=not through)


def was_crossed(bracket: Bracket) -> bool:
    """Whether the target was taken in, seen to rest, and then ended as post-only: the price is through."""
    began = bracket.swap_began_at
    tried = [t for t in bracket.having(Role.TARGET) if began is not None and t.created_at >= began]
    return bracket.resting is Role.TARGET and bool(tried) and crossed(tried[-1])


def gives_up(last: BracketOrder) -> bool:
    """Whether what became of the last target says that there will be none: anything but a crossing, a
    late release of its coins, or a passing refusal."""
    if crossed(last):
        return False
    return last.status is not OrderStatus.REJECTED or last.refused_reason not in WANT_COINS


def place_target(step: Step, *, post_only: bool) -> Step:
    bracket = step.bracket
    if bracket.coins < bracket.plan.minimum_quantity:
        return swap_back(step)
    return step.placing(Role.TARGET, bracket.coins, limit=bracket.target_price, post_only=post_only)


# --- both legs on the venue --------------------------------------------------------------------------


def rest_both(step: Step) -> Step:
    """Beside its resting stop the target rests too; where the venue does not let it, one leg at a time."""
    bracket = step.bracket
    too_small = bracket.coins < bracket.plan.minimum_quantity
    if not bracket.live_stops:  # the target alone is left: the stop comes first, where and when it can
        return step if too_small or sentinel.waits_for(step) else swap_back(step)
    if bracket.live_targets:
        return trim_target(step)
    began = bracket.swap_began_at
    tried = [t for t in bracket.having(Role.TARGET) if began is not None and t.created_at >= began]
    if tried and tried[-1].refused_reason == INSUFFICIENT_FUNDS:
        return step.having(policy=Policy.NEAREST, swap_began_at=None).alarm(
            "the venue does not let both legs rest: one rests at a time"
        )
    if tried and tried[-1].status is not OrderStatus.FILLED:  # refused, or canceled by somebody else
        return step.having(swap_began_at=None, swap_after=later(step.at, step.rules.swap_cooldown_seconds))
    too_early = bracket.swap_after is not None and step.at < bracket.swap_after
    if too_early or step.market_closed or too_small:
        return step
    return place_target(step.having(swap_began_at=step.at), post_only=True)


def trim_target(step: Step) -> Step:
    """A target beside its stop sells what there is, no more and no less."""
    bracket = step.bracket
    target = bracket.live_targets[0]
    if target.leaves == bracket.coins or target.amendment is not None or target.cancel_wanted:
        return step
    return step.canceling((target,))
