"""What a step wants done: stored with the new state in one transaction, sent afterwards.

Pure. `Place` and `Cancel` become rows of the outbox; alarms are for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from brackets.core.states import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Send an order. An entry buys; everything else sells."""

    key: str  # the client order id
    role: Role
    quantity: Decimal
    trigger_price: Decimal | None = None  # given: a stop-loss; absent: a market order
    close_stop_price: Decimal | None = None  # the stop attached to an entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancel:
    """Cancel an order until a reading shows it ended."""

    key: str


Effect = Place | Cancel
