"""The two legs of a bracket as people see them, and whether a price touches one.

Pure. Both legs always exist while coins are held; a leg is a set of orders and has a custody.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from brackets.core.orders import Bracket, BracketOrder
from brackets.core.states import Custody, ExitReason, Role, State


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
    if bracket.uncovered <= 0 and bracket.live_stops and bracket.stops_confirmed:
        return Custody.RESTING
    return Custody.MOVING


def target_custody(bracket: Bracket) -> Custody:
    """Watched until it is being taken; a market sell never rests."""
    live = any(order.live for order in bracket.having(Role.TARGET))
    leaving = bracket.state is State.EXITING and bracket.exit_reason is ExitReason.TAKE_PROFIT
    return Custody.MOVING if live or leaving else Custody.WATCHED


def target_is_touched(bracket: Bracket, *, bid: Decimal, last: Decimal) -> bool:
    """Whether to take profit now: somebody would pay the target, and the stop is not touched too
    (both at once: the stop wins, and it rests on the venue)."""
    return bracket.state is State.BRACKET_ACTIVE and bid >= bracket.target_price and last > bracket.stop_price


def stop_is_touched(bracket: Bracket, *, last: Decimal) -> bool:
    """Whether a resting stop must have triggered: a reading is due, nothing is sent."""
    return bool(bracket.live_stops) and last <= bracket.stop_price
