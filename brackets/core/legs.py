"""The two legs of a bracket as people see them, and whether a price touches one.

Pure. Both legs always exist while coins are held; a leg is a set of orders and has a custody.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from brackets.core.orders import Bracket, BracketOrder, total_leaves
from brackets.core.states import CLOSED_MARKETS, Custody, ExitReason, Role, State
from brackets.core.swap import swap_prices
from brackets.core.verdicts import is_unsettled, watches_stop


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """`custody` is None when the bracket holds no coins: there is nothing to keep."""

    kind: Role  # STOP or TARGET
    custody: Custody | None
    price: Decimal
    quantity: Decimal
    orders: tuple[BracketOrder, ...]


def legs(bracket: Bracket) -> tuple[Leg, Leg]:
    """The stop leg and the target leg."""
    quantity = max(bracket.coins, Decimal(0))
    stops, targets = bracket.having(Role.STOP), bracket.having(Role.TARGET)
    held = quantity > 0 and bracket.state is not State.EXIT_COMPLETE
    return (
        Leg(
            kind=Role.STOP,
            custody=stop_custody(bracket) if held else None,
            price=bracket.stop_price,
            quantity=quantity,
            orders=stops,
        ),
        Leg(
            kind=Role.TARGET,
            custody=target_custody(bracket) if held else None,
            price=bracket.target_price,
            quantity=quantity,
            orders=targets,
        ),
    )


def stop_custody(bracket: Bracket) -> Custody:
    """Resting, watched while the target rests for its coins or a repair waits, or moving."""
    stops = bracket.live_stops
    if bracket.covered and stops:
        return Custody.RESTING
    if bracket.state is State.HELD:
        return Custody.MOVING if is_on_its_way(bracket) else Custody.MISSING
    return Custody.WATCHED if watches_stop(bracket) else Custody.MOVING


def target_custody(bracket: Bracket) -> Custody:
    """Resting as a limit order, being taken or moved, or watched; of a held bracket nobody watches it."""
    live = bracket.live_targets
    if any(target.rests_as_limit and target.certain_leaves for target in live):
        return Custody.RESTING
    if bracket.state is State.HELD:
        return Custody.MOVING if live else Custody.MISSING
    leaving = bracket.state is State.EXITING and bracket.exit_reason is ExitReason.TAKE_PROFIT
    wanted = bracket.resting is Role.TARGET
    return Custody.MOVING if live or leaving or wanted else Custody.WATCHED


def is_on_its_way(bracket: Bracket) -> bool:
    """Of a held bracket: whether an order for its coins goes to the venue or from there, or one of the
    venue's own is awaited."""
    awaited = bracket.secondaries_due_at is not None and bracket.secondaries_missing
    return awaited or any(is_unsettled(order) for order in bracket.live_sells)


def is_needed(bracket: Bracket, key: str) -> bool:
    """Whether coins would lack an order for them without this one."""
    others = (o for o in bracket.covering if o.key != key and not o.cancel_wanted)
    return total_leaves(others) < bracket.coins


def target_is_touched(bracket: Bracket, *, bid: Decimal, last: Decimal) -> bool:
    """Whether to take profit now: the target is in our hands, somebody would pay it, and the stop is not
    touched too (both at once: the stop wins)."""
    if bracket.state not in (State.BRACKET_ACTIVE, State.ENTRY_FILLED) or not bracket.covered:
        return False
    if any(target.rests_as_limit for target in bracket.live_targets) or bracket.market in CLOSED_MARKETS:
        return False
    if bracket.coins < bracket.plan.minimum_quantity:  # cannot be sold: it keeps resting where it rests
        return False
    settled = bracket.resting is Role.STOP and bracket.reduce_quantity == 0
    return settled and bid >= bracket.target_price and last > bracket.stop_price


def stop_is_touched(bracket: Bracket, *, last: Decimal) -> bool:
    """Whether a resting stop must have triggered: a reading is due, nothing is sent."""
    return bool(bracket.live_stops) and last <= bracket.stop_price


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """Prices between which nothing happens; None: no bound on that side."""

    low: Decimal | None
    high: Decimal | None

    def holds(self, *, bid: Decimal, last: Decimal) -> bool:
        inside = self.low is None or min(bid, last) > self.low
        return inside and (self.high is None or bid < self.high)


def band(bracket: Bracket) -> Band | None:
    """Between which prices an active bracket needs no look; None: look at every price. A resting target
    fills by itself; that its price is reached is news all the same, for a reading will tell what follows."""
    if bracket.state is not State.BRACKET_ACTIVE or bracket.close_again is not None:
        return None
    swap = swap_prices(bracket)
    if limits := [t.limit_price for t in bracket.live_targets if t.limit_price is not None]:
        back = swap.back_at if swap is not None else bracket.stop_price
        return Band(low=max(bracket.stop_price, back), high=min(limits))
    high = bracket.target_price
    return Band(low=bracket.stop_price, high=high if swap is None else min(high, swap.rest_from))
