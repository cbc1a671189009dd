"""What a step wants done: stored with the new state in one transaction, sent afterwards.

Pure. `Place`, `Amend` and `Cancel` become rows of the outbox; alarms are for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brackets.core.states import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Send an order. An entry buys; everything else sells. With a trigger price it is a stop-loss, with
    a limit price a limit order, with neither a market order."""

    key: str  # the client order id
    role: Role
    quantity: Decimal
    trigger_price: Decimal | None = None
    limit_price: Decimal | None = None
    post_only: bool = False
    expires_at: datetime | None = None  # by our clock; the venue ends the order then by itself
    close_stop_price: Decimal | None = None  # the stop attached to an entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Amend:
    """Change an open order's terms in place. None leaves a term as it is."""

    key: str
    number: int  # of the order's amendments: tells this one from an earlier one
    quantity: Decimal | None = None  # the whole order's, what is filled included
    trigger_price: Decimal | None = None
    limit_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancel:
    """Cancel an order until a reading shows it ended."""

    key: str


Effect = Place | Amend | Cancel
