"""The values the matching engine thinks in: orders, trades, ledger entries, requests, changes.

Frozen, without behaviour beyond what follows from their own fields. Prices are in quote currency,
volumes in base coins, times in Unix seconds (Decimal); words are Kraken's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Refused(Exception):
    """The venue says no; `error` is Kraken's string. Nothing was changed."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class Kind(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP_LOSS = "stop-loss"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT = "take-profit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"

    @property
    def waits(self) -> bool:
        """Whether an order of this kind waits for a trigger price."""
        return self not in (Kind.MARKET, Kind.LIMIT)

    @property
    def ends_as_limit(self) -> bool:
        return self in (Kind.LIMIT, Kind.STOP_LOSS_LIMIT, Kind.TAKE_PROFIT_LIMIT)

    @property
    def stops(self) -> bool:
        return self in (Kind.STOP_LOSS, Kind.STOP_LOSS_LIMIT)


class Status(StrEnum):
    """An order's status; CLOSED means filled whole."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class System(StrEnum):
    """What the venue allows at the moment."""

    ONLINE = "online"
    CANCEL_ONLY = "cancel_only"
    POST_ONLY = "post_only"
    LIMIT_ONLY = "limit_only"
    REDUCE_ONLY = "reduce_only"
    MAINTENANCE = "maintenance"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    GTD = "GTD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Attached close terms: every fill of the primary makes one order of this kind, opposite side."""

    kind: Kind
    price: Decimal
    price2: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order as asked for. `price` is the limit of LIMIT, else the trigger; `price2` a trigger's limit."""

    symbol: str
    side: Side
    kind: Kind
    volume: Decimal
    price: Decimal | None = None
    price2: Decimal | None = None
    post_only: bool = False
    fee_in_base: bool = False  # fcib; otherwise fciq
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_at: Decimal | None = None
    deadline_at: Decimal | None = None
    cl_ord_id: str | None = None
    userref: int | None = None
    close: Close | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """New terms of an open order; None leaves a term as it is. `volume` counts what is filled already."""

    txid: str | None = None
    cl_ord_id: str | None = None
    volume: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    post_only: bool = False
    deadline_at: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order and all that became of it."""

    txid: str
    number: int  # in the sequence of all orders; older is smaller
    symbol: str
    side: Side
    kind: Kind
    volume: Decimal
    price: Decimal | None
    price2: Decimal | None
    post_only: bool
    fee_in_base: bool
    time_in_force: TimeInForce
    expires_at: Decimal | None
    cl_ord_id: str | None
    userref: int | None
    close: Close | None
    refid: str | None  # the primary whose fill made this order
    opened_at: Decimal
    status: Status = Status.OPEN
    filled: Decimal = ZERO
    notional: Decimal = ZERO  # sum of price x volume of the fills, exact: for the average price
    cost: Decimal = ZERO  # sum of the fills' costs, quote currency
    fee: Decimal = ZERO  # sum of the fills' fees, quote currency
    reserved: Decimal = ZERO  # what it holds: quote currency of a buy, base coins of a sell
    triggered: bool = False
    resting: bool = False  # a limit order in the book: it fills as maker
    amended: bool = False
    amended_at: Decimal | None = None  # when last; what a cancel costs depends on it
    reason: str = ""
    closed_at: Decimal | None = None
    trades: tuple[str, ...] = ()

    @property
    def leaves(self) -> Decimal:
        return self.volume - self.filled

    @property
    def touched_at(self) -> Decimal:
        """When it was placed or last amended."""
        return self.amended_at or self.opened_at

    @property
    def waiting(self) -> bool:
        """Whether it still waits for its trigger."""
        return self.kind.waits and not self.triggered

    @property
    def limit_price(self) -> Decimal | None:
        if self.kind is Kind.LIMIT:
            return self.price
        return self.price2 if self.kind.ends_as_limit else None

    @property
    def trigger_price(self) -> Decimal | None:
        return self.price if self.kind.waits else None

    @property
    def average_price(self) -> Decimal:
        return self.notional / self.filled if self.filled else ZERO

    @property
    def misc(self) -> str:
        words = []
        if self.triggered:
            words.append("stopped" if self.kind.stops else "touched")
        if self.amended:
            words.append("amended")
        return ",".join(words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One fill. `cost` and `fee` are exactly what the ledger booked, in quote currency."""

    trade_id: str
    number: int
    txid: str  # of the order
    symbol: str
    side: Side
    kind: Kind
    price: Decimal
    volume: Decimal
    cost: Decimal
    fee: Decimal
    maker: bool
    at: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One ledger booking of one asset; `fee` is taken besides `amount`, `balance` is what was left."""

    ledger_id: str
    number: int
    refid: str  # of a trade's two entries: its id
    kind: str  # trade | deposit | withdrawal | earn
    asset: str
    amount: Decimal
    fee: Decimal
    balance: Decimal
    at: Decimal


class EventKind(StrEnum):
    PLACED = "placed"
    TRIGGERED = "triggered"
    FILLED = "filled"
    AMENDED = "amended"
    ENDED = "ended"  # closed, canceled or expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened to one order, in the order it happened."""

    kind: EventKind
    at: Decimal
    order: Order  # as it stood just after
    trade: Trade | None = None


@dataclass(slots=True)
class Changes:
    """All that one step changed: what must be stored before anybody is told."""

    orders: dict[str, Order] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.orders or self.trades or self.entries or self.events)
