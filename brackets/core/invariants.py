"""What is always true of a bracket. Pure functions that return sentences, empty when all is well.

The same tuple runs after every step in tests, in `prove` and in production.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from brackets.core.orders import ZERO, Bracket, BracketOrder, total_filled, total_leaves
from brackets.core.states import CLOSED_MARKETS, OrderStatus, Policy, Role, State

LEAVING = frozenset({State.TP_FILLED, State.SL_FILLED, State.EXITING, State.HELD, State.EXIT_COMPLETE})
Invariant = Callable[[Bracket], Iterator[str]]


def at_most_one_live_entry(bracket: Bracket) -> Iterator[str]:
    if len(bracket.live_entries) > 1:
        yield f"{len(bracket.live_entries)} entries are live or unknown; at most one may be"


def never_bought_above_plan(bracket: Bracket) -> Iterator[str]:
    if bracket.bought > bracket.plan.quantity:
        yield f"{bracket.bought} coins were bought, above the plan of {bracket.plan.quantity}"


def never_oversold(bracket: Bracket) -> Iterator[str]:
    """Sells that work or are unknown never exceed the coins there are. Secondaries the venue made of
    fills we have not read yet are covered by the entry's own quantity. A surplus stop (or a target that
    rested beside its stop) is legal only while it is being canceled or made smaller, and nothing else
    sells. Where both legs rest, each may sell all: what one has sold the other stands for until it has given
    way. Coins that turn out to be gone (a fee taken in coins, what somebody took) make the
    sells that rest or are on their way no oversell of what was acquired: an active bracket is held to what
    is left, and so is what has not left (`never_sends_more_than_there_is`). A leg that others made larger is
    held to what we want of it."""
    covering = tuple(order for order in bracket.covering if not is_taken_back(order))
    beside_stops = tuple(
        order for order in bracket.live_sells if order.role is not Role.STOP and not is_taken_back(order)
    )
    working = max(on_sale(bracket, covering), on_sale(bracket, beside_stops))
    selling = bracket.sold + working
    there = max(bracket.sold + bracket.coins, bracket.acquired)
    ceiling = there + total_leaves(bracket.live_entries)
    if selling > ceiling:
        yield f"{selling} coins are sold or on sale, but only {ceiling} were there"


def is_taken_back(order: BracketOrder) -> bool:
    """Whether it may not have left, and shall not."""
    return order.status is OrderStatus.INTENDED and order.cancel_wanted


def on_sale(bracket: Bracket, orders: tuple[BracketOrder, ...]) -> Decimal:
    """What these orders together may still sell, beyond what was sold in their place. One that was refused
    to become smaller is asked again."""
    leaves = total_meant
    if all(may_be_surplus(bracket, order) for order in orders):
        orders, leaves = tuple(order for order in orders if not order.amend_refused), total_wanted
    yielding = (order for order in orders if yields(bracket, order))
    return leaves(orders) - min(sold_beside(bracket, orders), leaves(yielding))


def sold_beside(bracket: Bracket, orders: tuple[BracketOrder, ...]) -> Decimal:
    """What was sold by the leg that rests beside these (policy BOTH_REST), of the coins they stand for."""
    if bracket.policy is not Policy.BOTH_REST:
        return ZERO
    if any(order.role is Role.STOP for order in orders):
        return total_filled(order for order in bracket.having(Role.TARGET) if order.limit_price is not None)
    return total_filled(bracket.having(Role.STOP))


def yields(bracket: Bracket, leg: BracketOrder) -> bool:
    """Whether a leg gives way to what the other has sold: it is on its way out, or another quantity was asked
    of it and nobody knows yet whether it was taken, or nothing can be asked of it in a closed market."""
    if not may_be_surplus(bracket, leg):
        return False
    asked = leg.amendment.quantity if leg.amendment is not None else None
    resized = asked is not None and asked != leg.quantity
    return leg.cancel_wanted or resized or bracket.market in CLOSED_MARKETS


def may_be_surplus(bracket: Bracket, order: BracketOrder) -> bool:
    return order.role is Role.STOP or (bracket.policy is Policy.BOTH_REST and order.rests_as_limit)


def wanted_leaves(order: BracketOrder) -> Decimal:
    """What an order shall still stand for once the venue has done what we asked of it."""
    if order.cancel_wanted:
        return ZERO
    asked = order.amendment.quantity if order.amendment is not None else None
    return (order.quantity if asked is None else asked) - order.filled


def total_meant(orders: Iterable[BracketOrder]) -> Decimal:
    """What they may still execute by our own doing: of a leg whose terms others changed, as a reading tells,
    what it shall be again."""
    return sum((wanted_leaves(o) if o.live and o.amiss_at else o.leaves for o in orders), ZERO)


def total_wanted(orders: Iterable[BracketOrder]) -> Decimal:
    return sum((wanted_leaves(order) for order in orders), ZERO)


def never_sends_more_than_there_is(bracket: Bracket) -> Iterator[str]:
    """A sell that has not left is never for more than is left, lost coins and fees considered: what news made
    too large is taken back."""
    there = max(bracket.coins, ZERO) + total_leaves(bracket.live_entries)
    for role in (Role.STOP, Role.TARGET, Role.EXIT):
        unsent = (o for o in bracket.live(role) if o.status is OrderStatus.INTENDED and not o.cancel_wanted)
        if (selling := total_leaves(unsent)) > there:
            yield f"a {role} of {selling} is about to be sent, but only {there} are left"


def at_most_one_live_exit(bracket: Bracket) -> Iterator[str]:
    """One owner of the exit at a time: no sell of a kind while another of it is live or unknown."""
    for role in (Role.EXIT, Role.TARGET):
        if (number := len(bracket.live(role))) > 1:
            yield f"{number} orders of role {role} are live or unknown; at most one may be"


def nothing_is_bought_while_leaving(bracket: Bracket) -> Iterator[str]:
    """Once an exit has begun, no entry works that is not on its way out."""
    if bracket.state in LEAVING and any(not order.cancel_wanted for order in bracket.live_entries):
        yield f"an entry works while the bracket is {bracket.state}"


def active_means_covered(bracket: Bracket) -> Iterator[str]:
    if bracket.state is not State.BRACKET_ACTIVE:
        return
    if bracket.uncovered != 0:
        yield f"the bracket is active and {bracket.uncovered} coins are not covered by a leg"
    if bracket.standing != bracket.coins:
        yield "the bracket is active and a leg of it was not read back from the venue"
    if bracket.live_targets and bracket.live_stops and bracket.policy is not Policy.BOTH_REST:
        yield "the bracket is active and both its legs rest"


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
    if bracket.state is State.ENTRY_PLACED and bracket.idle and not bracket.entering:
        yield "the entry is over and the bracket still waits for it"


INVARIANTS: tuple[Invariant, ...] = (
    at_most_one_live_entry,
    never_bought_above_plan,
    never_oversold,
    never_sends_more_than_there_is,
    at_most_one_live_exit,
    nothing_is_bought_while_leaving,
    active_means_covered,
    complete_means_nothing_left,
    filled_within_quantity,
    waiting_states_have_something_to_wait_for,
)


def violations(bracket: Bracket) -> tuple[str, ...]:
    """Every broken invariant as a sentence; empty when all is well."""
    return tuple(sentence for invariant in INVARIANTS for sentence in invariant(bracket))
