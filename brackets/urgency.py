"""What is urgent: which sends may use the whole rate budget, and in which order they leave.

An exit, a cancel on the way out and whatever covers coins are urgent. What only makes things nicer
(entries, repricing, merging stops, letting the target rest beside its stop) keeps to its share of the
budget: it is put off where little is left, so that an exit never waits for it.
"""

from __future__ import annotations

from brackets.core.states import LIVE, EntryNext, Role, State
from brackets.models import Bracket, Effect, Order

STANDING = frozenset({State.ENTRY_FILLED, State.BRACKET_ACTIVE})
"""States in which nobody is leaving."""


def is_urgent(bracket: Bracket, effect: Effect) -> bool:
    match effect.kind:
        case Effect.Kind.CANCEL:
            return not is_for_convenience(bracket, effect.order)
        case Effect.Kind.AMEND:
            return effect.quantity is not None  # coins change their cover; a price alone can wait
    return effect.order.role != Role.ENTRY and not rests_the_target(bracket, effect.order)


def is_for_convenience(bracket: Bracket, order: Order) -> bool:
    """Whether a cancel only makes things nicer: to reprice an entry, to merge stops of which others stay,
    to let the target rest instead."""
    if order.role == Role.ENTRY:
        return bracket.entry_next == EntryNext.REPRICE
    if order.role != Role.STOP or bracket.state not in STANDING:
        return False
    return bracket.resting == Role.TARGET or other_stops_stay(order)


def other_stops_stay(order: Order) -> bool:
    stops = Order.objects.filter(bracket=order.bracket_id, role=Role.STOP, status__in=LIVE)
    return stops.filter(cancel_wanted=False).exclude(pk=order.pk).exists()


def rests_the_target(bracket: Bracket, order: Order) -> bool:
    """Whether it lets the target rest beside a stop that stays. One that takes the place of a stop covers
    coins that are bare meanwhile."""
    if order.role != Role.TARGET or order.limit_price is None or bracket.state not in STANDING:
        return False
    return other_stops_stay(order)


def rank(bracket: Bracket, effect: Effect) -> int:
    """The order of sending, the lowest first: what sells or covers coins, cancels of exits, the rest,
    entries. Coins that are bare do not wait for others to become so."""
    if effect.kind == Effect.Kind.PLACE and effect.order.role == Role.ENTRY:
        return 3
    if not is_urgent(bracket, effect):
        return 2
    return 1 if effect.kind == Effect.Kind.CANCEL or uncovers(effect) else 0


def uncovers(effect: Effect) -> bool:
    """Whether it takes a sell away from coins, or a part of it."""
    if effect.order.role == Role.ENTRY:
        return False
    if effect.kind == Effect.Kind.AMEND:
        return effect.quantity is not None and effect.quantity < effect.order.quantity
    return effect.kind == Effect.Kind.CANCEL


def can_wait(effect: Effect) -> bool:
    """Whether it goes behind a reading that coins wait for: it bares others, or only makes things nicer."""
    return uncovers(effect) or not is_urgent(effect.bracket, effect)
