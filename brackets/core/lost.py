"""Stops that somebody else cancels: how soon the next one follows, and who watches until then.

Pure. One canceled by hand is replaced at once. A person who cancels the next one too wants something, and a
program that fights about it would send hundreds of orders: replacements that follow each other soon are
spaced. Nothing is sold for it. Until the next stop rests, both legs are in our hands.
"""

from __future__ import annotations

from datetime import datetime

from brackets.core.draft import Step
from brackets.core.leaving import leave
from brackets.core.orders import Bracket, BracketOrder, later
from brackets.core.states import ExitReason, OrderStatus, Role, State

PROTECTING = frozenset({State.ENTRY_FILLED, State.BRACKET_ACTIVE})
NO_FUNDS = "insufficient funds"  # of a cancel by the venue itself: the coins are gone, nobody's wish


def space_out(before: Bracket, known: Step) -> Step:
    """After an event: where it told the end of one more stop, when the next one follows. The time in which
    protection must be had begins then."""
    bracket = known.bracket
    if bracket.state not in PROTECTING or len(lost_stops(bracket)) <= len(lost_stops(before)):
        return known
    times, pauses = times_in_a_row(known), known.rules.lost_stop_pauses
    pause = pauses[min(max(times, 1), len(pauses)) - 1]
    if not pause:
        return known
    due = max(later(known.at, pause), bracket.protect_from or known.at)
    return known.having(protect_from=due, unprotected_since=due).alarm(
        f"somebody canceled the stop again ({times} times within "
        f"{known.rules.lost_stop_memory_seconds} s): the next one follows in {pause} s"
    )


def lost_stops(bracket: Bracket) -> tuple[BracketOrder, ...]:
    """Stops that ended canceled, neither by our will nor by executing, nor because their coins were gone."""
    return tuple(
        stop
        for stop in bracket.having(Role.STOP)
        if stop.status is OrderStatus.CANCELED
        and not (stop.cancel_wanted or stop.triggered or stop.filled)
        and NO_FUNDS not in stop.end_reason.lower()
    )


def times_in_a_row(step: Step) -> int:
    """How often within the memory a stop was canceled that stood when the last time was over; several stops
    that are canceled together are one time. Compared are the venue's times with each other."""
    since = later(step.at, -step.rules.lost_stop_memory_seconds)
    times, last = 0, None
    for stop in sorted(lost_stops(step.bracket), key=ended_at):
        if ended_at(stop) >= since and (last is None or (stop.opened_at or stop.created_at) >= last):
            times, last = times + 1, ended_at(stop)
    return times


def ended_at(stop: BracketOrder) -> datetime:
    return stop.ended_at or stop.created_at


def is_held_back(step: Step) -> bool:
    """Whether all coins wait for a stop that follows later because the ones before were canceled."""
    bracket = step.bracket
    waits = bracket.protect_from is not None and step.at < bracket.protect_from
    return waits and not (bracket.entering or bracket.live_sells) and times_in_a_row(step) > 1


def watch_legs(step: Step) -> Step:
    """While the next stop is held back: a price at the stop or at the target is acted on by us."""
    bracket = step.bracket
    prices = [price for price in (step.price, step.last) if price is not None]
    if not prices or step.market_closed or not is_held_back(step):
        return step
    if min(prices) <= bracket.stop_price:
        return leave(step, ExitReason.STOP_LOSS)
    too_soon = bracket.retry_after is not None and step.at < bracket.retry_after
    if step.price is None or step.price < bracket.target_price or bracket.restoring or too_soon:
        return step
    return leave(step, ExitReason.TAKE_PROFIT)
