"""What a stream has to tell: the only values that leave a session.

Pure. Quantities are base coins, prices quote currency, times aware UTC by the venue's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brackets.venue.port import OrderUpdate, QuoteReading


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscribed:
    """The venue acknowledged a subscription."""

    channel: str
    symbol: str | None = None  # of a channel with symbols


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionRefused:
    """The venue would not serve this channel (or this symbol of it)."""

    channel: str
    symbol: str | None
    error: str  # the venue's words


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenOrders:
    """The snapshot of a private stream: every order that is open now, whole. What it does not name is
    not open."""

    updates: tuple[OrderUpdate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OrdersChanged:
    """What happened to orders, each with all this connection knows of it."""

    updates: tuple[OrderUpdate, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderUnclear:
    """Something happened to this order that the stream did not (or not legibly) say: read it.
    `introduced`: this connection told of it before, so it can be known whose it is."""

    venue_order_id: str
    why: str
    introduced: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetTotal:
    asset: str  # in the stream's words: "BTC", "USD"
    total: Decimal  # what can be traded with: earn wallets left out


@dataclass(frozen=True, kw_only=True, slots=True)
class BalancesChanged:
    """Totals after a booking, or all of them. Holds are not told. `elsewhere`: something was booked in a
    wallet whose totals are not told, so only a reading says what there is."""

    totals: tuple[AssetTotal, ...]
    elsewhere: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceReading:
    quote: QuoteReading
    at: datetime | None  # None where the venue did not say when


@dataclass(frozen=True, kw_only=True, slots=True)
class PricesChanged:
    readings: tuple[PriceReading, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairStatusesSaid:
    """The market status of pairs by symbol, in the venue's words."""

    statuses: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class SystemStatusSaid:
    status: str  # online | maintenance | cancel_only | post_only | …


@dataclass(frozen=True, kw_only=True, slots=True)
class Illegible:
    """A message this code does not understand; nothing was assumed of it."""

    why: str


News = (
    Subscribed
    | SubscriptionRefused
    | OpenOrders
    | OrdersChanged
    | OrderUnclear
    | BalancesChanged
    | PricesChanged
    | PairStatusesSaid
    | SystemStatusSaid
    | Illegible
)


class StreamBroken(Exception):
    """This connection can no longer be trusted or used: a new one, with its snapshot, must follow."""
