"""What can happen to a bracket. Events are facts with a time; they carry no decision.

Pure. The shell makes them from a person's command, the venue's answers and readings, prices and the
clock; `machine.step` is the only thing that reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brackets.core.states import Answer, ExitReason, OrderStatus, Role


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryRequested:
    """The plan was approved: buy."""

    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ProtectRequested:
    """Coins that are in the account already shall have both legs: nothing is bought."""

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
class OrderValidated:
    """The venue judged the order and found it good; validate mode places nothing."""

    at: datetime
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelKeptBack:
    """The cancel of an order that protects did certainly not happen: it was not sent, because the market
    would not take what must follow it."""

    at: datetime
    key: str
    market: str  # its mode, just read


@dataclass(frozen=True, kw_only=True, slots=True)
class AmendAnswered:
    """The venue's answer to an amendment. A reading that was asked for from `provable_from` on and still
    shows the old terms proves that it was not done."""

    at: datetime
    key: str
    number: int
    answer: Answer
    provable_from: datetime
    reason: str = ""  # of a refusal: a value of brackets.venue.port.Reason
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderReported:
    """A reading of the venue showed the order. Readings may repeat and arrive out of order."""

    at: datetime  # when the reading was asked for
    venue_order_id: str
    client_order_id: str | None
    parent_venue_order_id: str | None
    role_if_new: Role | None  # for a secondary of our entry: what it is; None: it may not be adopted
    status: OrderStatus  # OPEN, FILLED, CANCELED or EXPIRED
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None = None
    trigger_price: Decimal | None = None
    limit_price: Decimal | None = None
    triggered: bool = False
    states_terms: bool = True  # False: quantity and prices are what we knew, the message said nothing of them
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
    base_fee: Decimal = Decimal(0)  # where the venue took its fee in coins
    executed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CoinsCounted:
    """What the account holds of the coin in all, holds included, at a reading that a sell refused for
    funds gave reason for."""

    at: datetime
    total: Decimal
    available: Decimal | None = None  # of these, what no order holds; None: it was not said


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
class EditRequested:
    """The stop or the target shall stand elsewhere. None leaves one where it is."""

    at: datetime
    stop_price: Decimal | None = None
    target_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReduceRequested:
    """Sell a part of the position now; the rest keeps both legs."""

    at: datetime
    quantity: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """Time passed, and the world looks like this."""

    at: datetime
    price: Decimal | None = None  # the bid; None: not known, or not fresh
    last: Decimal | None = None  # the last trade's price, likewise
    fresh: bool = True  # the price is under two seconds old: fresh enough to take the stop into our hands
    market: str = "online"  # the market's mode in the venue's words
    watched: bool = False  # somebody is watching the price this second: the stop may be in our hands
    entries_allowed: bool = True  # False: PAUSED, live entries are canceled
    compared_at: datetime | None = None  # what was visible at the venue then was taken in (`looks.py`)
    cycle: int | None = None  # how many comparisons with the venue there were; None: nobody counts them


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldRequested:
    """Facts contradict each other or an operator wants it: stop acting, keep the protection."""

    at: datetime
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRequested:
    """An operator looked at a held bracket: go on, deciding anew from the facts."""

    at: datetime
    reason: str


Event = (
    EntryRequested
    | ProtectRequested
    | OrderAccepted
    | OrderRefused
    | OrderUnknown
    | OrderAbsent
    | OrderWithdrawn
    | OrderValidated
    | CancelKeptBack
    | AmendAnswered
    | OrderReported
    | FillBooked
    | CoinsCounted
    | TargetTouched
    | CloseRequested
    | EditRequested
    | ReduceRequested
    | Tick
    | HoldRequested
    | ReleaseRequested
)
EVENT_TYPES: tuple[type[Event], ...] = (
    EntryRequested,
    ProtectRequested,
    OrderAccepted,
    OrderRefused,
    OrderUnknown,
    OrderAbsent,
    OrderWithdrawn,
    OrderValidated,
    CancelKeptBack,
    AmendAnswered,
    OrderReported,
    FillBooked,
    CoinsCounted,
    TargetTouched,
    CloseRequested,
    EditRequested,
    ReduceRequested,
    Tick,
    HoldRequested,
    ReleaseRequested,
)
