"""The sentinel: the one place that decides when a leg that is not as it should be is repaired.

Pure. What brings coins their leg is either the ordinary course, or the repair of what others did to it:

| what happened | whose course | when |
|---|---|---|
| an entry filled; its secondaries are awaited, or did not come | ordinary (`cover`) | when they are due |
| legs change places, stops are merged, a part is sold | ordinary (`swap`, `cover`, `reduce`) | at once |
| an exit was refused and its stop is put back | ordinary (`leaving.restore_stop`) | at once |
| a person edited the legs, the entry's price moved them | ordinary (`cover.tidy`) | at once |
| an order of ours never arrived, or was refused in passing | it goes on | a second later, then rarer |
| our own cancel, or a stop that triggered | nobody's repair | – |
| somebody canceled a leg, or altered its price or quantity | **repair** | when two readings agree |
| … and no second reading can be had | **repair** | 8 s after the first, on that one alone |
| the same leg again | **repair** | 60 s and 3 comparisons after the last repair |
| the venue ended or refused it for want of funds | **repair** | a balance shows the coins, or as above |
| the venue refuses the stop and wants to be left alone (never Kraken) | **repair** | 60 s after that, once; \
refused again, it is for good |
| it refuses a held bracket's stop for good, or took none in time | **repair** | as above, then ever rarer |

Whoever would cover coins or move a leg (`cover`) asks `waits_for` and `may_put_right` here first, and tells
what it did (`repaired`). Until a repair may be made, both legs are in our hands (`watch_legs`): a person who
cancels stop after stop wants something, a program that fights about it would send hundreds of orders, and
nothing is sold for it by itself. An order that would sell more coins than there are is no matter of taste: it
is made smaller at once (`cover.without_surplus`).

A held bracket keeps its protection by the same rules (`held_cover.py`): a stop that others canceled or made
smaller comes back. There nobody watches a price meanwhile, and a price that others moved stays where they put
it. One that the venue refuses is asked for again while the coins are bare: after 60 s and 3 comparisons, then
twice as long each time, up to 15 minutes (`ask_rarely`).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brackets.core.draft import Step
from brackets.core.leaving import leave
from brackets.core.orders import Bracket, BracketOrder, later
from brackets.core.refusals import INSUFFICIENT_FUNDS, RETRYABLE, paused_until
from brackets.core.states import ONLINE, ExitReason, OrderStatus, Policy, Role, State

PROTECTING = frozenset({State.ENTRY_FILLED, State.BRACKET_ACTIVE})
NO_FUNDS = "insufficient funds"  # of a cancel by the venue itself: the coins are not there, nobody's wish
NOBODYS_WISH = (NO_FUNDS, "post only")


class Wait(StrEnum):
    """What a repair waits for."""

    SECOND_READING = "a second reading that agrees"
    SPACING = "the time and the comparisons between two repairs"
    FUNDS = "coins or margin"
    PAUSE = "a venue that wants to be left alone"


# --- what happened -----------------------------------------------------------------------------------


def note(before: Bracket, known: Step) -> Step:
    """After a fact was absorbed: whether it told of harm done to a leg, or that a repair lacks funds."""
    if known.bracket.state is State.HELD:
        return note_held(before, known)
    if known.bracket.state not in PROTECTING:
        return known
    return note_funds(before, note_harm(before, known))


def note_held(before: Bracket, known: Step) -> Step:
    """Of a held bracket only what leaves coins bare is harm; what was given up before is taken up again."""
    if known.bracket.uncovered <= 0:
        return known
    noted = note_refusal(before, note_funds(before, note_harm(before, known)))
    if noted == known:
        return known
    return noted.having(
        restoring=False,
        unprotected_since=noted.bracket.unprotected_since or noted.at,
        protect_from=noted.bracket.protect_from or noted.at,
    )


def note_harm(before: Bracket, known: Step) -> Step:
    bracket = known.bracket
    told = {(order.key, order.amiss_at) for order in harmed(before)}
    if all((order.key, order.amiss_at) in told for order in harmed(bracket)):
        return known
    known = known.having(repairing=True)
    if is_repeat(bracket) and not may_repeat(known):
        rules = known.rules
        meanwhile = "nobody watches it" if bracket.state is State.HELD else "it is watched by us"
        return known.alarm(
            f"somebody canceled or altered a leg again: {meanwhile} and it is repaired "
            f"{rules.repair_spacing_seconds} s and {rules.repair_spacing_cycles} readings after the last time"
        )
    return known.alarm(
        "a leg was canceled or altered at the venue and not by us: it is read again, then repaired"
    )


def note_funds(before: Bracket, known: Step) -> Step:
    """Count a repair that coins or margin do not suffice for; said once, until the leg is right again."""
    bracket = known.bracket
    lacking = {order.key for order in bracket.sells if lacks_funds(bracket, order)}
    if not lacking - {order.key for order in before.sells if lacks_funds(before, order)}:
        return known
    waiting = known.having(
        repairing=True,
        funds_awaited=True,
        repairs_refused=bracket.repairs_refused + 1,
        repair_key=bracket.repair_key or next(iter(lacking)),
        repaired_at=known.at,
        repair_cycle=None,
    )
    if before.funds_awaited or before.repairs_refused:
        return waiting
    return waiting.alarm("funds do not suffice for the stop: it is placed when the coins are there again")


def note_refusal(before: Bracket, known: Step) -> Step:
    """Of a held bracket that is asked rarely: one more refusal doubles the pause. It was said already."""
    told = {order.key for order in before.sells if is_refused_for_good(order)}
    refused = {order.key for order in known.bracket.sells if is_refused_for_good(order)}
    return ask_rarely(known) if is_asked_rarely(known.bracket) and refused - told else known


def is_refused_for_good(order: BracketOrder) -> bool:
    """Whether the venue refused this stop for a reason that does not pass by itself."""
    refused = order.role is Role.STOP and order.status is OrderStatus.REJECTED
    return refused and order.refused_reason not in {INSUFFICIENT_FUNDS, *RETRYABLE}


def lacks_funds(bracket: Bracket, order: BracketOrder) -> bool:
    """Whether the venue ended this stop for want of coins, or refused it as a repair. What one that went off
    has left is sold by the exit that follows; of a held bracket, where none does, it would get stop after
    stop that goes off at once."""
    gone_off = order.filled or (order.triggered and bracket.state is not State.HELD)
    if order.role is not Role.STOP or gone_off:
        return False
    if order.status is OrderStatus.CANCELED and not order.cancel_wanted:
        return NO_FUNDS in order.end_reason.lower()
    is_repair = bracket.repairing and order.key == bracket.repair_key
    return is_repair and INSUFFICIENT_FUNDS in (order.refused_reason, order.amend_refused)


def harmed(bracket: Bracket) -> tuple[BracketOrder, ...]:
    """Legs that others canceled or altered. What executed, what we canceled, what the venue did not let rest
    (want of funds, a post-only price that crossed) is nobody's doing."""
    return tuple(order for order in bracket.sells if order.amiss_at is not None and is_harmed(order))


def is_harmed(order: BracketOrder) -> bool:
    if order.live:
        return True  # altered
    said = order.end_reason.lower().replace("-", " ")
    executed = order.triggered or order.filled > 0
    return not (executed or any(words in said for words in NOBODYS_WISH))


# --- whether it is repaired now ------------------------------------------------------------------------


def waits_for(step: Step) -> Wait | None:
    """Why coins are not covered now though they lack a leg; None: they may be, at once."""
    bracket, pause = step.bracket, paused_until(step)
    if pause is not None and step.at < pause:
        return Wait.PAUSE
    if not bracket.repairing or bracket.restoring:
        return None
    if bracket.funds_awaited:
        return None if may_repeat(step) else Wait.FUNDS
    if any(is_doubted(step, order) for order in harmed(bracket)):
        return Wait.SECOND_READING
    return Wait.SPACING if is_repeat(bracket) and not may_repeat(step) else None


def may_put_right(step: Step, order: BracketOrder) -> bool:
    """Whether a leg that rests elsewhere may be moved now. What a person edited is no repair."""
    if order.amiss_at is None:
        return True
    return not is_doubted(step, order) and (may_repeat(step) or not is_repeat(step.bracket))


def is_elsewhere(bracket: Bracket, order: BracketOrder) -> bool:
    """Whether a leg that lives rests at another price than it should."""
    if order.role is Role.STOP:
        return order.live and order.trigger_price not in (None, bracket.stop_price)
    return order.role is Role.TARGET and order.rests_as_limit and order.limit_price != bracket.target_price


def is_doubted(step: Step, order: BracketOrder) -> bool:
    """Whether one reading alone told it. A venue that does not answer for seconds is not waited for: coins
    that may be bare weigh more than an order too many, which the venue refuses."""
    told = order.amiss_at
    return told is not None and not (
        order.amiss_agreed or step.at >= later(told, step.rules.second_reading_seconds)
    )


def is_repeat(bracket: Bracket) -> bool:
    """Whether harm was done to the last repair, or to what came after it, since then. What stood before it
    was harmed together with what was repaired, be it told later."""
    places = {order.key: place for place, order in enumerate(bracket.orders)}
    last, since = places.get(bracket.repair_key), bracket.repaired_at
    if last is None or since is None:
        return False
    return any(places[order.key] >= last and told_since(order, since) for order in harmed(bracket))


def told_since(order: BracketOrder, moment: datetime) -> bool:
    return order.amiss_at is not None and order.amiss_at >= moment


def may_repeat(step: Step) -> bool:
    """Whether the last repair is long enough ago, in time and in comparisons with the venue."""
    bracket, rules = step.bracket, step.rules
    if bracket.repaired_at is None or bracket.repair_cycle is None or step.cycle is None:
        return False
    spaced = step.at >= later(bracket.repaired_at, rules.repair_spacing_seconds)
    return spaced and step.cycle >= bracket.repair_cycle + rules.repair_spacing_cycles


def is_held_back(bracket: Bracket) -> bool:
    """Whether a repair waits for its time or for funds, so that no reading would tell anything new."""
    if not bracket.repairing or bracket.restoring:
        return False
    return bracket.funds_awaited or is_repeat(bracket)


# --- a venue that takes no stop -----------------------------------------------------------------------------


def ask_rarely(step: Step) -> Step:
    """The venue took no stop for coins that are bare and held: the next one is asked for after a pause, twice
    as long each time. Want of funds waits for them."""
    bracket = step.bracket
    stops = bracket.having(Role.STOP)
    refusals = (stops[-1].refused_reason, stops[-1].amend_refused) if stops else ()
    rarely = step.having(
        restoring=False,
        repairing=True,
        funds_awaited=INSUFFICIENT_FUNDS in refusals,
        repairs_refused=bracket.repairs_refused + 1,
        repair_key=stops[-1].key if stops else bracket.repair_key,
        repaired_at=step.at,
        repair_cycle=step.cycle,
        unprotected_since=bracket.unprotected_since or step.at,
    )
    return space_rarely(rarely)


def is_asked_rarely(bracket: Bracket) -> bool:
    return bracket.repairs_refused > 0


def space_rarely(step: Step) -> Step:
    """The next stop of a held bracket is not asked for before its pause is over, where one was refused."""
    refused, rules = step.bracket.repairs_refused, step.rules
    if not refused:
        return step
    pause = min(rules.repair_spacing_seconds * (1 << (refused - 1)), rules.most_repair_spacing_seconds)
    return step.having(protect_from=later(step.at, pause))


def ask_when_open(step: Step) -> Step:
    """The market takes orders of every kind again: what its mode may have refused is asked for at once."""
    bracket = step.bracket
    waits = bracket.state is State.HELD and is_asked_rarely(bracket) and not bracket.funds_awaited
    return step.having(protect_from=step.at) if waits and bracket.market == ONLINE else step


# --- what was done ---------------------------------------------------------------------------------------


def repaired(step: Step, key: str) -> Step:
    """A leg was placed or amended; if that was a repair, the next one is spaced from it. One that waited for
    its time begins its own wait for being read back."""
    bracket = step.bracket
    if not bracket.repairing or bracket.restoring:
        return step
    waited = bracket.funds_awaited or is_repeat(bracket)
    return step.having(
        repair_key=key,
        repaired_at=step.at,
        repair_cycle=step.cycle,
        repairs=bracket.repairs + 1,
        funds_awaited=False,
        unprotected_since=step.at if waited else bracket.unprotected_since,
    )


def count_time(step: Step) -> Step:
    """On a look at the world: which comparison a repair is counted from; one that is long over counts no
    more."""
    bracket = step.bracket
    if not bracket.repair_key or step.cycle is None:
        return step
    if bracket.repair_cycle is None:
        return step.having(repair_cycle=step.cycle)
    if bracket.repairing or not may_repeat(step):
        return step
    return step.having(repair_key="", repaired_at=None, repair_cycle=None)


def count_coins(step: Step, available: Decimal, lacking: Decimal) -> Step:
    """A balance was read: where it shows the coins that a repair waits for, it waits no longer."""
    if not step.bracket.funds_awaited or available < lacking:
        return step
    there = step.having(funds_awaited=False, unprotected_since=step.at)
    return there.having(protect_from=step.at) if step.bracket.state is State.HELD else there


def at_rest(step: Step) -> Step:
    """Every coin has its leg: nothing is being repaired, unless one still rests where others put it, or the
    target is left alone of two that rested."""
    bracket = step.bracket
    if not (bracket.repairing or bracket.repairs_refused):
        return step
    alone = bracket.policy is Policy.BOTH_REST and not bracket.live_stops
    if alone or any(is_elsewhere(bracket, order) for order in harmed(bracket)):
        return step
    return step.having(repairing=False, funds_awaited=False, repairs_refused=0)


# --- until then both legs are in our hands -----------------------------------------------------------------


def watch_legs(step: Step) -> Step:
    """While a repair waits: a price at the stop is acted on by us, and one at the target where all coins are
    free to be sold."""
    bracket = step.bracket
    bare = not (bracket.entering or bracket.live_sells)
    prices = [price for price in (step.price, step.last if bare else None) if price is not None]
    if not prices or step.market_closed:
        return step
    if min(prices) <= bracket.stop_price:
        return leave(step, ExitReason.STOP_LOSS)
    too_soon = bracket.retry_after is not None and step.at < bracket.retry_after
    free = bare and not (bracket.funds_awaited or too_soon)
    if not free or step.price is None or step.price < bracket.target_price:
        return step
    return leave(step, ExitReason.TAKE_PROFIT)
