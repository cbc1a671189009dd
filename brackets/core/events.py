"""What can happen to a bracket. Events are facts with a time; they carry no decision.

Pure. The shell makes them from a person's command, the venue's answers and readings, prices and the
clock; `machine.step` is the only thing that reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brackets.core.states import ExitReason, OrderStatus, Role


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryRequested:
    """The plan was approved: buy."""

    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderAccepted:
    """The venue answered a send with its own id."""

    at: datetime
    key: str
    venue_order_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRefused:
    """The venue (or the adapter, before anything left) certainly did not take the order."""

    at: datetime
    key: str
    reason: str  # a value of brackets.venue.port.Reason
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderUnknown:
    """The send has no certain answer; the order may or may not exist."""

    at: datetime
    key: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderAbsent:
    """Looked up by its id, twice, after its deadline and the visibility margin: it never was."""

    at: datetime
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderWithdrawn:
    """Denied by us between intent and send (paused, too old): it never left."""

    at: datetime
    key: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderReported:
    """A reading of the venue showed the order. Readings may repeat and arrive out of order."""

    at: datetime
    venue_order_id: str
    client_order_id: str | None
    parent_venue_order_id: str | None
    role_if_new: Role | None  # for a secondary of our entry: what it is; None: it may not be adopted
    status: OrderStatus  # OPEN, FILLED, CANCELED or EXPIRED
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None = None
    trigger_price: Decimal | None = None
    triggered: bool = False
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    trade_ids: frozenset[str] = frozenset()
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FillBooked:
    """One fill was booked with its money, from the venue's trade and ledger."""

    at: datetime
    venue_order_id: str
    venue_trade_id: str
    quantity: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetTouched:
    """The price somebody would pay us reached the target."""

    at: datetime
    price: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseRequested:
    """A person, a rule or the kill switch wants the position gone."""

    at: datetime
    reason: ExitReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """Time passed. `price` is the bid when it is known and fresh."""

    at: datetime
    price: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldRequested:
    """Facts contradict each other or an operator wants it: stop acting, keep the protection."""

    at: datetime
    reason: str


Event = (
    EntryRequested
    | OrderAccepted
    | OrderRefused
    | OrderUnknown
    | OrderAbsent
    | OrderWithdrawn
    | OrderReported
    | FillBooked
    | TargetTouched
    | CloseRequested
    | Tick
    | HoldRequested
)
EVENT_TYPES: tuple[type[Event], ...] = (
    EntryRequested,
    OrderAccepted,
    OrderRefused,
    OrderUnknown,
    OrderAbsent,
    OrderWithdrawn,
    OrderReported,
    FillBooked,
    TargetTouched,
    CloseRequested,
    Tick,
    HoldRequested,
)
