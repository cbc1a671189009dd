"""Kraken's counters: how often one may ask, how often one may trade, how much may be open. Pure.

Stands between the private methods and the engine. Two kinds of counters, both rising with every request
and falling with time: one for the API key (reads), one for each pair (placing, amending, canceling),
where young orders are dear to cancel. Whole thousandths of a point a request; the decay is counted in
billionths, so that a counter that is asked often loses nothing to rounding. Time comes in.

A request that would lift a counter above the tier's limit is refused and charged nothing. The fixed part
of a trading request is charged even when the request is refused for its contents; what its order's age
adds is charged when it is done. Not stored: after a restart of the venue every counter is at zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType

from brackets.venue.paper.orders import Order, Refused

CALLS_EXCEEDED = "EAPI:Rate limit exceeded"
TRADING_EXCEEDED = "EOrder:Rate limit exceeded"
ORDERS_EXCEEDED = "EOrder:Orders limit exceeded"
POINT = 1000  # thousandths
FINE = 1_000_000  # a thousandth, in billionths of a point


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """What an account's level grants; thousandths of a point, decay by the second."""

    calls: int
    calls_decay: int
    trading: int
    trading_decay: int
    open_orders: int  # of one pair

    def hastened(self, times: int) -> Tier:
        """The same tier at so many times the decay: what takes hours of requests is seen in minutes."""
        return replace(self, calls_decay=self.calls_decay * times, trading_decay=self.trading_decay * times)


TIERS = MappingProxyType(
    {
        "starter": Tier(
            calls=15 * POINT, calls_decay=330, trading=60 * POINT, trading_decay=1000, open_orders=60
        ),
        "intermediate": Tier(
            calls=20 * POINT, calls_decay=500, trading=125 * POINT, trading_decay=2340, open_orders=80
        ),
        "pro": Tier(
            calls=20 * POINT, calls_decay=1000, trading=180 * POINT, trading_decay=3750, open_orders=225
        ),
    }
)

TRADING_METHODS = frozenset(
    {"AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder", "CancelOrderBatch"}
)
HISTORY_METHODS = frozenset({"Ledgers", "QueryLedgers", "TradesHistory", "QueryTrades"})

# What a request costs besides by the age of its order in seconds: (younger than, points).
AMEND_AGES = ((5, 3), (10, 2), (15, 1))
EDIT_AGES = ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1))
CANCEL_AGES = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


def penalty(ages: Iterable[tuple[int, int]], order: Order, *, now: Decimal) -> int:
    """What an order's age adds, in thousandths; the age counts from its creation or last amendment."""
    age = now - order.touched_at
    return next((points * POINT for below, points in ages if age < below), 0)


@dataclass(slots=True)
class Counter:
    """One counter: its level when it was last charged, in billionths of a point."""

    level: int = 0
    at: Decimal = Decimal(0)

    def thousandths(self, *, decay: int, now: Decimal) -> int:
        """The level now, rounded up. Time that ran backwards decays nothing."""
        gone = max(0, int((now - self.at) * 1_000_000)) * decay  # microseconds x thousandths a second
        return -(-max(0, self.level - gone) // FINE)

    def charge(self, cost: int, *, decay: int, now: Decimal) -> None:
        gone = max(0, int((now - self.at) * 1_000_000)) * decay
        self.level = max(0, self.level - gone) + cost * FINE
        self.at = max(self.at, now)


@dataclass(slots=True)
class Limits:
    """The counters of one API key. Without a tier nothing is counted and nothing refused."""

    tier: Tier | None = None
    calls: Counter = field(default_factory=Counter)
    pairs: dict[str, Counter] = field(default_factory=dict)  # by symbol

    def call(self, method: str, *, now: Decimal) -> None:
        """Count one private call. Raises Refused."""
        if self.tier is None or method in TRADING_METHODS:
            return
        cost = (2 if method in HISTORY_METHODS else 1) * POINT
        level = self.calls.thousandths(decay=self.tier.calls_decay, now=now)
        if level + cost > self.tier.calls:
            raise Refused(CALLS_EXCEEDED)
        self.calls.charge(cost, decay=self.tier.calls_decay, now=now)

    def admit(self, symbol: str, *, fixed: int, penalty: int = 0, now: Decimal) -> None:
        """Charge the fixed part of a trading request, if it fits with all it will cost. Raises Refused."""
        if self.tier is None:
            return
        if self.level(symbol, now=now) + fixed + penalty > self.tier.trading:
            raise Refused(TRADING_EXCEEDED)
        self.charge(symbol, fixed, now=now)

    def charge(self, symbol: str, cost: int, *, now: Decimal) -> None:
        """Add to a pair's counter, above its limit too."""
        if self.tier is not None and cost:
            counter = self.pairs.setdefault(symbol, Counter())
            counter.charge(cost, decay=self.tier.trading_decay, now=now)

    def charge_cancels(self, orders: Sequence[Order], *, now: Decimal) -> None:
        """What canceling these orders costs, each by its age."""
        for order in orders:
            self.charge(order.symbol, penalty(CANCEL_AGES, order, now=now), now=now)

    def admit_open(self, count: int) -> None:
        """Whether a pair with so many open orders may have one more. Raises Refused."""
        if self.tier is not None and count >= self.tier.open_orders:
            raise Refused(ORDERS_EXCEEDED)

    def level(self, symbol: str, *, now: Decimal) -> int:
        """A pair's trading counter in thousandths of a point."""
        counter = self.pairs.get(symbol)
        if self.tier is None or counter is None:
            return 0
        return counter.thousandths(decay=self.tier.trading_decay, now=now)

    @property
    def trading_limit(self) -> int:
        """The trading counter's limit in whole points, as `maxratecount` tells it; of no tier: pro's."""
        return (self.tier or TIERS["pro"]).trading // POINT
