"""The values a bracket is made of: its plan, its orders and the rules of time.

Pure and frozen: the machine returns new values and never changes one. Quantities are base coins,
prices quote currency, times aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from brackets.core.states import LIVE, ExitReason, OrderStatus, Role, State

ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How long the machine waits, in seconds."""

    visibility_seconds: int = 10  # until an order the venue made must have become visible
    protect_timeout_seconds: int = 30  # without protection that long after a fill: sell (rollback)
    funds_retry_seconds: int = 10  # "insufficient funds" after our own cancel may be a late release
    retry_spacing_seconds: int = 1
    refused_exit_pause_seconds: int = 60  # after a refused exit and a restored stop: until the next try


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What was approved: one long position with both its exits."""

    uid: UUID
    symbol: str
    quantity: Decimal
    stop_price: Decimal
    target_price: Decimal
    tick_size: Decimal
    lot_step: Decimal
    minimum_quantity: Decimal
    attach_stop: bool = True
    # How the target follows the average fill price; both None: it was given and stays.
    target_distance: Decimal | None = None
    target_r_multiple: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BracketOrder:
    """One order of a bracket as far as it is known. `key` is the client order id, or the venue's
    own id for a secondary that the venue made."""

    key: str
    role: Role
    quantity: Decimal
    status: OrderStatus
    created_at: datetime
    venue_order_id: str | None = None
    filled: Decimal = ZERO
    average_price: Decimal | None = None
    trigger_price: Decimal | None = None
    triggered: bool = False
    read_back: bool = False  # a reading of the venue showed it, not only our own send
    cancel_wanted: bool = False
    refused_reason: str = ""
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    trade_ids: frozenset[str] = frozenset()  # fills the venue named
    booked_trade_ids: frozenset[str] = frozenset()
    booked: Decimal = ZERO

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled if self.live else ZERO

    @property
    def fully_booked(self) -> bool:
        return self.booked == self.filled


@dataclass(frozen=True, kw_only=True, slots=True)
class Bracket:
    """One bracket: state, plan, orders, and the few times the machine must remember."""

    plan: Plan
    state: State = State.FLAT
    orders: tuple[BracketOrder, ...] = ()
    stop_price: Decimal = ZERO
    target_price: Decimal = ZERO
    exit_reason: ExitReason | None = None
    sequence: int = 0  # orders intended so far; makes the next client order id
    protect_from: datetime | None = None  # from here on uncovered coins get a stop of ours
    unprotected_since: datetime | None = None  # by our knowledge; the truth is in exposure.py
    funds_refused_since: datetime | None = None
    retry_after: datetime | None = None
    exit_began_at: datetime | None = None
    restoring: bool = False  # an exit was refused and the stop is being put back
    dust: Decimal = ZERO  # coins left that the venue does not let be sold

    def having(self, role: Role) -> tuple[BracketOrder, ...]:
        return tuple(order for order in self.orders if order.role is role)

    @property
    def sells(self) -> tuple[BracketOrder, ...]:
        return tuple(order for order in self.orders if order.role is not Role.ENTRY)

    @property
    def bought(self) -> Decimal:
        return sum((order.filled for order in self.having(Role.ENTRY)), ZERO)

    @property
    def sold(self) -> Decimal:
        return sum((order.filled for order in self.sells), ZERO)

    @property
    def coins(self) -> Decimal:
        """Coins of this bracket still in the account; negative when more was sold than bought."""
        return self.bought - self.sold

    @property
    def live_entries(self) -> tuple[BracketOrder, ...]:
        return tuple(order for order in self.having(Role.ENTRY) if order.live)

    @property
    def live_sells(self) -> tuple[BracketOrder, ...]:
        return tuple(order for order in self.sells if order.live)

    @property
    def live_stops(self) -> tuple[BracketOrder, ...]:
        return tuple(order for order in self.having(Role.STOP) if order.live)

    @property
    def uncovered(self) -> Decimal:
        """Coins no live sell order stands for."""
        return self.coins - sum((order.leaves for order in self.live_sells), ZERO)

    @property
    def stops_confirmed(self) -> bool:
        """Every live stop was read back from the venue and none is on its way out."""
        return all(
            stop.status is OrderStatus.OPEN and stop.read_back and not stop.cancel_wanted
            for stop in self.live_stops
        )

    @property
    def standing(self) -> Decimal:
        """Coins for which a stop rests at the venue: read back, and not on its way out."""
        return sum(
            (
                stop.leaves
                for stop in self.live_stops
                if stop.status is OrderStatus.OPEN and stop.read_back and not stop.cancel_wanted
            ),
            ZERO,
        )

    @property
    def fully_stopped(self) -> bool:
        """Every coin has its resting stop, and no other sell may execute."""
        return self.uncovered == 0 and self.standing == self.coins

    @property
    def surplus(self) -> Decimal:
        """Coins that live sells would sell beyond those there are; stops on their way out not counted."""
        staying = (o for o in self.live_sells if not (o.role is Role.STOP and o.cancel_wanted))
        return sum((order.leaves for order in staying), ZERO) - self.coins

    @property
    def secondaries_missing(self) -> bool:
        """The venue made (or is making) stops of the entry's fills that were not seen yet."""
        arrived = (o.quantity for o in self.having(Role.STOP) if o.venue_order_id is not None)
        return self.plan.attach_stop and sum(arrived, ZERO) < self.bought

    @property
    def average_entry_price(self) -> Decimal | None:
        filled = [o for o in self.having(Role.ENTRY) if o.filled > 0 and o.average_price is not None]
        total = sum((o.filled for o in filled), ZERO)
        if not total:
            return None
        return sum((o.filled * (o.average_price or ZERO) for o in filled), ZERO) / total

    def next_client_order_id(self) -> str:
        """A UUID that only this bracket's next order can have: made of the bracket and its sequence,
        so that a step repeated after a crash names the same order."""
        return str(uuid5(self.plan.uid, f"order {self.sequence + 1}"))

    def replacing(self, changed: BracketOrder) -> Bracket:
        """This bracket with one of its orders in a newer version."""
        return replace(
            self, orders=tuple(changed if order.key == changed.key else order for order in self.orders)
        )


def later(moment: datetime, seconds: int) -> datetime:
    return moment + timedelta(seconds=seconds)
