"""The one port to a venue: what may be asked of an exchange, and the only answers it may give.

Stands between the bracket machinery (dispatch, reconcile, watch) and the exchange. Everything is a
frozen value with exact Decimals; quantities are in base coins, prices and costs in quote currency,
times are aware UTC datetimes.

A write (place, cancel, amend) never raises for what the venue did: it answers `Accepted`,
`Refused` or `Unknown`, and everything that is not explicitly one of the first two is `Unknown`.
A read either answers completely or raises `VenueUnavailable`; it never answers "nothing" for
"could not ask". A word the venue has never been known to say raises `UnknownWord`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class VenueUnavailable(Exception):
    """A read could not be answered (network, HTTP 5xx, throttled, maintenance). Nothing is known."""


class KeyRefused(VenueUnavailable):
    """The venue refuses our API key or its rights: asking again will not help, a person must look."""


class BudgetExhausted(VenueUnavailable):
    """Our own rate budget has nothing left for this read; the venue was not asked. Try again shortly."""


class UnknownSymbol(VenueUnavailable):
    """The venue does not list this symbol: nothing can be read of it."""


class UnknownWord(Exception):
    """The venue said a word (status, order type, asset) this code does not know; nothing was assumed."""


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderKind(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP_LOSS = "stop-loss"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT = "take-profit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"
    TRAILING_STOP = "trailing-stop"
    TRAILING_STOP_LIMIT = "trailing-stop-limit"
    ICEBERG = "iceberg"
    SETTLE_POSITION = "settle-position"


class VenueStatus(StrEnum):
    """An order's status in Kraken's words; CLOSED means filled whole."""

    PENDING = "pending"
    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class Reason(StrEnum):
    """Why the venue (or the adapter, before sending) refused; decides what may be tried next."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    BELOW_MINIMUM = "below_minimum"  # ordermin or costmin
    BAD_PRICE = "bad_price"  # tick, invalid price, would trigger at once
    BAD_QUANTITY = "bad_quantity"  # lot step, not positive
    POST_ONLY = "post_only"
    RATE_LIMITED = "rate_limited"
    MARKET_LIMITED = "market_limited"  # cancel_only, post_only, limit_only, reduce_only
    DEADLINE = "deadline"  # the deadline itself was not accepted
    DUPLICATE_ID = "duplicate_id"  # the client order id is in use by an open order
    UNKNOWN_ORDER = "unknown_order"  # cancel or amend of an order that is not open
    INVALID_NONCE = "invalid_nonce"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    INVALID_ARGUMENTS = "invalid_arguments"
    UNKNOWN_SYMBOL = "unknown_symbol"
    MARGIN_INSUFFICIENT = "margin_insufficient"  # unlike a hold, nothing will free it in seconds
    ORDER_REJECTED = "order_rejected"  # without a reason: the venue wants to be left alone with it
    OTHER = "other"  # refused for certain, for a reason not listed


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The venue took the request. `venue_order_id` is None for a cancel and for a mere validation."""

    venue_order_id: str | None
    message: str = ""  # the venue's own words, where it said more than an id


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The venue (or the adapter before sending) certainly did not take the request."""

    reason: Reason
    message: str  # the venue's own words, or the limit and the value


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """Nothing certain: the request may or may not have been taken. Look it up; never assume."""

    message: str


Outcome = Accepted | Refused | Unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    symbol: str  # "BTC/USD"
    venue_symbol: str  # "XXBTZUSD"
    altname: str  # "XBTUSD"
    base: str  # "BTC"
    quote: str  # "USD"
    base_asset: str  # the venue's asset code, "XXBT"
    quote_asset: str  # "ZUSD"
    tick_size: Decimal
    lot_step: Decimal  # 10 ** -lot_decimals
    minimum_quantity: Decimal  # ordermin, base coins
    minimum_cost: Decimal  # costmin, quote currency; 0 when the venue states none
    taker_fee_ratio: Decimal  # 0.004 for 0.4 %
    maker_fee_ratio: Decimal
    status: str  # online | cancel_only | post_only | limit_only | reduce_only


@dataclass(frozen=True, kw_only=True, slots=True)
class QuoteReading:
    symbol: str
    bid: Decimal
    ask: Decimal
    last: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class CandleReading:
    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRequest:
    """An order to place. MARKET, LIMIT (limit_price) or STOP_LOSS (trigger_price, then market)."""

    client_order_id: str
    symbol: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    close_stop_price: Decimal | None = None  # attached close: a stop-loss per fill
    post_only: bool = False
    deadline_at: datetime | None = None  # by the venue's clock
    expires_at: datetime | None = None
    validate_only: bool = False
    leverage: int = 1  # 1: without margin, nothing of it is said to the venue


@dataclass(frozen=True, kw_only=True, slots=True)
class AmendRequest:
    """New terms of an open order, changed in place: the order keeps its id. None leaves a term as it is."""

    venue_order_id: str
    symbol: str
    touched_at: datetime | None  # when it was placed or last amended: what it costs depends on its age
    quantity: Decimal | None = None  # the whole order's, what is filled included
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    post_only: bool = False
    deadline_at: datetime | None = None  # by the venue's clock


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderReport:
    """One order as the venue states it at one reading."""

    venue_order_id: str
    client_order_id: str | None
    parent_venue_order_id: str | None  # refid: the order whose fill created this one
    symbol: str  # "BTC/USD"; the venue's own pair name when the pair is not known
    side: Side
    kind: OrderKind
    status: VenueStatus
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None  # None when nothing filled
    cost: Decimal  # the venue truncates it: for money use trades and ledgers
    fee: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    triggered: bool  # misc says stopped or touched
    reason: str  # why canceled, the venue's words
    opened_at: datetime | None
    closed_at: datetime | None
    trade_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderUpdate:
    """What the venue's stream said of one order: only what the message carried. None, "" and () mean
    "not said", never "nothing"."""

    venue_order_id: str
    at: datetime  # by the venue's clock
    client_order_id: str | None = None
    parent_venue_order_id: str | None = None
    symbol: str | None = None
    side: Side | None = None
    kind: OrderKind | None = None
    status: VenueStatus | None = None
    quantity: Decimal | None = None
    filled_quantity: Decimal | None = None
    average_price: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    triggered: bool = False
    reason: str = ""
    trade_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeReport:
    """One fill as the venue states it."""

    venue_trade_id: str
    venue_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    cost: Decimal
    fee: Decimal
    executed_at: datetime
    maker: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEntry:
    """One booking of one asset. `amount` is signed; `fee` (same asset) is taken besides it."""

    ledger_id: str
    reference: str  # refid: the trade id for entries of type trade
    kind: str  # trade, deposit, withdrawal, transfer, …: the venue's words
    asset: str  # the venue's asset code, "ZUSD"
    amount: Decimal
    fee: Decimal
    balance: Decimal  # after the booking
    booked_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class BalanceReading:
    asset: str  # the venue's asset code
    total: Decimal
    held: Decimal  # reserved by open orders

    @property
    def available(self) -> Decimal:
        return self.total - self.held


class Venue(Protocol):
    """What the rest of Backstop may ask of an exchange. Methods marked (private) spend rate budget.

    `urgent` reads and all cancels and exits overtake polls; a poll that finds no budget left raises
    `VenueUnavailable` at once instead of waiting.
    """

    # public
    def instruments(self) -> Sequence[Instrument]: ...
    def quotes(self, symbols: Iterable[str]) -> Sequence[QuoteReading]: ...
    def pair_statuses(self, symbols: Iterable[str]) -> Mapping[str, str]: ...  # by symbol, as of now
    def candles(self, symbol: str, *, minutes: int, limit: int) -> Sequence[CandleReading]: ...
    def system_status(self) -> str: ...
    def server_time(self) -> datetime: ...
    def clock_offset(self) -> timedelta | None: ...  # venue's clock minus ours; None: not known

    # private writes; `touched_at`: when the order was placed or last amended, for what it costs by its age
    def place(self, request: OrderRequest, *, urgent: bool) -> Outcome: ...
    def amend(self, request: AmendRequest, *, urgent: bool) -> Outcome: ...
    def cancel(
        self,
        venue_order_id: str,
        *,
        symbol: str | None = None,
        touched_at: datetime | None = None,
        urgent: bool = True,
    ) -> Outcome: ...
    def cancel_by_client_id(
        self,
        client_order_id: str,
        *,
        symbol: str | None = None,
        touched_at: datetime | None = None,
        urgent: bool = True,
    ) -> Outcome: ...

    # private reads
    def open_orders(self, *, urgent: bool = False) -> Sequence[OrderReport]: ...
    def orders(self, venue_order_ids: Sequence[str], *, urgent: bool = False) -> Sequence[OrderReport]: ...
    def closed_orders(
        self, *, client_order_id: str | None = None, since: datetime | None = None, urgent: bool = False
    ) -> Sequence[OrderReport]: ...
    def trades(self, venue_trade_ids: Sequence[str], *, urgent: bool = False) -> Sequence[TradeReport]: ...
    def trades_since(self, since: datetime) -> Sequence[TradeReport]: ...
    def ledgers(self, *, since: datetime, urgent: bool = False) -> Sequence[LedgerEntry]: ...
    def balances(self, *, urgent: bool = False) -> Sequence[BalanceReading]: ...
    def websocket_token(self, *, urgent: bool = False) -> str: ...  # a credential: never logged
