"""What is always true of a bracket. Pure functions that return sentences, empty when all is well.

The same tuple runs after every step in tests, in `prove` and in production.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from brackets.core.orders import Bracket
from brackets.core.states import OrderStatus, State

Invariant = Callable[[Bracket], Iterator[str]]


def at_most_one_live_entry(bracket: Bracket) -> Iterator[str]:
    if len(bracket.live_entries) > 1:
        yield f"{len(bracket.live_entries)} entries are live or unknown; at most one may be"


def never_bought_above_plan(bracket: Bracket) -> Iterator[str]:
    if bracket.bought > bracket.plan.quantity:
        yield f"{bracket.bought} coins were bought, above the plan of {bracket.plan.quantity}"


def never_oversold(bracket: Bracket) -> Iterator[str]:
    """Sells that executed, work or are unknown never exceed the coins bought. Secondaries the venue
    made of fills we have not read yet are covered by the entry's own quantity. A surplus stop is legal
    only while it is being canceled and nothing else sells."""
    working = sum(order.leaves for order in bracket.live_sells)
    if len(bracket.live_sells) == len(bracket.live_stops):
        working = sum(stop.leaves for stop in bracket.live_stops if not stop.cancel_wanted)
    selling = bracket.sold + working
    ceiling = bracket.bought + sum(order.leaves for order in bracket.live_entries)
    if selling > ceiling:
        yield f"{selling} coins are sold or on sale, but only {ceiling} were bought"


def at_most_one_live_exit(bracket: Bracket) -> Iterator[str]:
    """One owner of the exit at a time: no sell while another sell is live or unknown."""
    exits = len(bracket.live_sells) - len(bracket.live_stops)
    if exits > 1:
        yield f"{exits} exits are live or unknown; at most one may be"
    if exits and bracket.live_stops:
        yield "an exit and a stop are live or unknown together"


def active_means_covered(bracket: Bracket) -> Iterator[str]:
    if bracket.state is not State.BRACKET_ACTIVE:
        return
    if bracket.uncovered != 0:
        yield f"the bracket is active and {bracket.uncovered} coins are not covered by a stop"
    if bracket.standing != bracket.coins or not bracket.stops_confirmed:
        yield "the bracket is active and a stop of it was not read back from the venue"


def complete_means_nothing_left(bracket: Bracket) -> Iterator[str]:
    if bracket.state is not State.EXIT_COMPLETE:
        return
    for order in bracket.orders:
        if order.live:
            yield f"the bracket is complete and order {order.key} is still {order.status}"
        if not order.fully_booked:
            yield f"the bracket is complete and {order.filled - order.booked} of {order.key} are not booked"
    if bracket.coins != bracket.dust:
        yield f"the bracket is complete and {bracket.coins - bracket.dust} coins are left"


def filled_within_quantity(bracket: Bracket) -> Iterator[str]:
    for order in bracket.orders:
        if not 0 <= order.filled <= order.quantity:
            yield f"order {order.key} is filled {order.filled} of {order.quantity}"
        if order.booked > order.filled:
            yield f"order {order.key} has {order.booked} booked and {order.filled} filled"
        if order.status is OrderStatus.FILLED and order.filled != order.quantity:
            yield f"order {order.key} is called filled with {order.filled} of {order.quantity}"


def waiting_states_have_something_to_wait_for(bracket: Bracket) -> Iterator[str]:
    """No silent dead end: a bracket that is placing or leaving has a live order, coins or books open."""
    idle = not bracket.live_entries and not bracket.live_sells
    if bracket.state is State.ENTRY_PLACED and idle:
        yield "the entry is over and the bracket still waits for it"


INVARIANTS: tuple[Invariant, ...] = (
    at_most_one_live_entry,
    never_bought_above_plan,
    never_oversold,
    at_most_one_live_exit,
    active_means_covered,
    complete_means_nothing_left,
    filled_within_quantity,
    waiting_states_have_something_to_wait_for,
)


def violations(bracket: Bracket) -> tuple[str, ...]:
    """Every broken invariant as a sentence; empty when all is well."""
    return tuple(sentence for invariant in INVARIANTS for sentence in invariant(bracket))
