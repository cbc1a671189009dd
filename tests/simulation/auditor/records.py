"""What really happened at a venue, as plain records: all that the auditor ever looks at.

Written by the simulated venue as it acts, or read from the file of the paper venue (`paper_store.py`).
Shares no code with the product. Quantities are base coins, prices and amounts quote currency unless an
asset is named; `at` is an aware datetime of the venue's world, never of a process that may be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Requested:
    """A request of the product left one of its processes at `sent_at`; `at`: it reached the venue, or
    never did (`said` is empty then)."""

    at: datetime
    sent_at: datetime
    process: str
    method: str
    terms: dict[str, Any]
    said: str  # "ok", the venue's errors, or empty for what got lost

    @property
    def is_limit_entry(self) -> bool:
        """Whether it asks for an order that waits for somebody to sell to it."""
        return (self.method, self.terms.get("type"), self.terms.get("ordertype")) == (
            "AddOrder",
            "buy",
            "limit",
        )


@dataclass(frozen=True, slots=True)
class Placed:
    at: datetime
    txid: str
    symbol: str
    side: str  # buy | sell
    kind: str  # market | limit | stop-loss | …
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    close_price: Decimal | None  # the trigger of the stop that each fill will make
    cl_ord_id: str | None
    refid: str | None  # the order whose fill made this one
    by_owner: bool  # neither asked for by the product nor made by a fill of its orders


@dataclass(frozen=True, slots=True)
class Amended:
    at: datetime
    txid: str
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Triggered:
    at: datetime
    txid: str


@dataclass(frozen=True, slots=True)
class Filled:
    at: datetime
    txid: str
    trade_id: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Ended:
    at: datetime
    txid: str
    status: str  # closed | canceled | expired
    reason: str


@dataclass(frozen=True, slots=True)
class Booked:
    """One ledger entry; `fee` (same asset) was taken besides `amount`."""

    at: datetime
    ledger_id: str
    refid: str
    kind: str  # trade | deposit | withdrawal | transfer
    asset: str
    amount: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class OwnerActed:
    """The owner did something beside the product."""

    at: datetime
    what: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Troubled:
    """Between `at` and `until` something kept the product from acting or seeing at the venue: a fault of one
    of its requests, an outage, a market that takes no orders, coins not yet released."""

    at: datetime
    until: datetime
    what: str
    symbol: str | None = None  # None: all of them
    has_consequences: bool = True  # it goes on counting for a while after its end
    shuts: bool = False  # nothing of the pair is taken, or nothing arrives


Record = Requested | Placed | Amended | Triggered | Filled | Ended | Booked | OwnerActed | Troubled


@dataclass(slots=True)
class VenueLog:
    """Everything in the order in which it happened; only ever appended to."""

    records: list[Record] = field(default_factory=list)
    base_assets: dict[str, str] = field(default_factory=dict)  # symbol -> asset code of its coins
    quote_assets: dict[str, str] = field(default_factory=dict)
    minimums: dict[str, Decimal] = field(default_factory=dict)  # symbol -> smallest order, base coins

    def add(self, record: Record) -> None:
        self.records.append(record)

    def __len__(self) -> int:
        return len(self.records)
