"""What stood at the venue for each bracket, moved on record by record.

Pure. A position is a bracket's coins and orders where the book says which order is of which bracket, and a
pair's where nobody says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from tests.simulation.auditor.records import ZERO, Placed


@dataclass(slots=True)
class Order:
    """One order of the product, or one that a fill of it made."""

    placed: Placed
    quantity: Decimal
    limit_price: Decimal | None = None  # as last amended
    trigger_price: Decimal | None = None
    filled: Decimal = ZERO
    status: str = "open"
    reason: str = ""
    triggered: bool = False
    trades: list[str] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        return self.status == "open"

    @property
    def leaves(self) -> Decimal:
        return self.quantity - self.filled if self.is_live else ZERO

    @property
    def is_entry(self) -> bool:
        return self.placed.side == "buy"

    @property
    def sells_now(self) -> bool:
        """Whether it is selling, not waiting for a trigger."""
        return not self.is_entry and self.is_live and (self.triggered or self.placed.trigger_price is None)


@dataclass(slots=True)
class Bare:
    """Coins that no order would sell, since when and why, and how long that may last."""

    since: datetime
    cause: str
    bound: float


@dataclass(slots=True)
class Position:
    """The coins of one bracket."""

    key: str
    symbol: str
    minimum: Decimal
    handed_over: Decimal = ZERO  # coins that were there before and are the product's to keep
    bought: Decimal = ZERO
    base_fees: Decimal = ZERO  # taken of the coins bought
    sold: Decimal = ZERO
    orders: dict[str, Order] = field(default_factory=dict)
    bare: Bare | None = None
    written_off: Decimal = ZERO  # coins it lacked when another position of the pair began: it was over
    small_part_at: datetime | None = None  # when a part was bought that the venue makes no stop of
    doubled_since: datetime | None = None  # since when two legs were for sale and one had sold
    robbed_at: datetime | None = None  # when somebody else last canceled a leg
    lacked_funds_at: datetime | None = None  # when the venue last refused a sell for want of coins
    said: set[str] = field(default_factory=set)  # complaints that hold on, each told once

    @property
    def coins(self) -> Decimal:
        return self.handed_over + self.bought - self.sold

    @property
    def on_sale(self) -> Decimal:
        return sum((order.leaves for order in self.sells), ZERO)

    @property
    def on_sale_at_once(self) -> Decimal:
        """Where stops reserve nothing a stop may wait for the same coins as the target that rests beside
        it, for as long as it takes to cancel the other."""
        stops = sum((o.leaves for o in self.sells if o.triggered), ZERO)
        return max(stops, sum((o.leaves for o in self.sells if o.placed.trigger_price is None), ZERO))

    @property
    def uncovered(self) -> Decimal:
        return self.coins - self.base_fees - self.on_sale

    @property
    def sells(self) -> list[Order]:
        return [order for order in self.orders.values() if order.is_live and not order.is_entry]

    @property
    def live_entries(self) -> list[Order]:
        return [order for order in self.orders.values() if order.is_live and order.is_entry]

    def is_leaving(self, lost: Decimal) -> bool:
        """Whether an exit is under way or done: nothing is bought any more, what is left is being sold.
        `lost`: coins that others took out of the account."""
        if self.live_entries:
            return False
        left = self.coins - self.base_fees - lost
        return left < self.minimum or any(order.sells_now for order in self.sells)
