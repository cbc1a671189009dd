"""The channel `executions`: sparse messages about orders, merged into what is known of each.

Pure. The first message of an order (`pending_new`, or its place in the snapshot) states it whole; later
ones carry little more than its id. A memory of one connection puts them together: each update tells what
this connection knows of the order. Its terms (quantity and prices) can be changed at any moment, so they
are told only by an update whose own message states them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from brackets.venue.kraken.parsing import mapping, our_symbol, text, word
from brackets.venue.kraken.stream.frames import moment, price, stated
from brackets.venue.port import OrderKind, OrderUpdate, Side, UnknownWord, VenueStatus

MOST_REMEMBERED = 5000  # orders; of those that ended the oldest are forgotten


class Happening(StrEnum):
    """`exec_type`: what the message is about."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    TRADE = "trade"
    FILLED = "filled"
    ICEBERG_REFILL = "iceberg_refill"
    CANCELED = "canceled"
    EXPIRED = "expired"
    AMENDED = "amended"
    RESTATED = "restated"
    STATUS = "status"


class Said(StrEnum):
    """`order_status`: how the order stands after it."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"


STATUSES = {
    Said.PENDING_NEW: VenueStatus.PENDING,
    Said.NEW: VenueStatus.OPEN,
    Said.PARTIALLY_FILLED: VenueStatus.OPEN,  # also of the trade that fills it whole: `filled` follows
    Said.FILLED: VenueStatus.CLOSED,
    Said.CANCELED: VenueStatus.CANCELED,
    Said.EXPIRED: VenueStatus.EXPIRED,
}
ENDED = frozenset({VenueStatus.CLOSED, VenueStatus.CANCELED, VenueStatus.EXPIRED})
NEW_TERMS = frozenset({Happening.AMENDED, Happening.RESTATED})


class TriggerStatus(StrEnum):
    UNTRIGGERED = "untriggered"
    TRIGGERED = "triggered"


class TermsNotSaid(UnknownWord):
    """An order was changed in place and the message does not say how."""


class Executions:
    """What one connection has said of orders."""

    def __init__(self, *, most_remembered: int = MOST_REMEMBERED) -> None:
        self.most_remembered = most_remembered
        self._known: dict[str, OrderUpdate] = {}

    def __len__(self) -> int:
        return len(self._known)

    def has_introduced(self, order_id: str) -> bool:
        """Whether the order was stated whole on this connection."""
        known = self._known.get(order_id)
        return known is not None and known.symbol is not None

    def take(self, value: Any) -> OrderUpdate:
        """One element of a message's data. Raises UnknownWord (TermsNotSaid after an amend without its
        terms); the memory then holds nothing that could be wrong."""
        raw = mapping(value, "an execution")
        order_id = text(raw, "order_id", "an execution")
        what = f"execution of {order_id}"
        happening = word(Happening, raw.get("exec_type"), f"exec_type of {what}")
        before = self._known.get(order_id) or OrderUpdate(
            venue_order_id=order_id, at=moment(raw, "timestamp", what)
        )
        if happening in NEW_TERMS:
            before = replace(before, quantity=None, limit_price=None, trigger_price=None)
        after = merged(before, raw, what)
        self._remember(after)
        if happening in NEW_TERMS and after.quantity is None:
            raise TermsNotSaid(f"{what}: {happening} without the new terms")
        if raw.get("order_qty") is None:
            return replace(after, quantity=None, limit_price=None, trigger_price=None)
        return after

    def _remember(self, update: OrderUpdate) -> None:
        self._known[update.venue_order_id] = update
        if len(self._known) > self.most_remembered:
            ended = [key for key, known in self._known.items() if known.status in ENDED]
            for key in ended[: len(self._known) - self.most_remembered // 2]:
                del self._known[key]


def merged(before: OrderUpdate, raw: Mapping[str, Any], what: str) -> OrderUpdate:
    """What is known after one more message. Ids and kind are those first said: a triggered stop may be
    called a market order afterwards and is still the stop that was placed."""
    status = STATUSES[word(Said, raw.get("order_status"), f"order_status of {what}")]
    quantity = stated(raw, "order_qty", what) or before.quantity
    trigger_price, triggered = trigger(raw, what)
    return OrderUpdate(
        venue_order_id=before.venue_order_id,
        at=max(before.at, moment(raw, "timestamp", what)),
        client_order_id=before.client_order_id or name(raw, "cl_ord_id", what),
        parent_venue_order_id=before.parent_venue_order_id or name(raw, "ord_ref_id", what),
        symbol=before.symbol or (our_symbol(text(raw, "symbol", what)) if raw.get("symbol") else None),
        side=before.side or (word(Side, raw["side"], f"side of {what}") if raw.get("side") else None),
        kind=before.kind or kind(raw, what),
        status=before.status if before.status in ENDED else status,
        quantity=quantity,
        filled_quantity=filled(before, raw, status, quantity, what),
        average_price=price(raw, "avg_price", what) or before.average_price,
        limit_price=price(raw, "limit_price", what) or before.limit_price,
        trigger_price=trigger_price or before.trigger_price,
        triggered=before.triggered or triggered,
        reason=str(raw.get("reason") or raw.get("cancel_reason") or before.reason),
        trade_ids=tuple(dict.fromkeys((*before.trade_ids, *trades(raw, what)))),
    )


def kind(raw: Mapping[str, Any], what: str) -> OrderKind | None:
    said = raw.get("order_type")
    return word(OrderKind, said, f"order_type of {what}") if said else None


def name(raw: Mapping[str, Any], key: str, what: str) -> str | None:
    """An id that may be left out."""
    return text(raw, key, what) if raw.get(key) else None


def trades(raw: Mapping[str, Any], what: str) -> tuple[str, ...]:
    """The fill a `trade` is; its id is the one REST calls it by."""
    return (text(raw, "exec_id", what),) if raw.get("exec_type") == Happening.TRADE else ()


def filled(
    before: OrderUpdate,
    raw: Mapping[str, Any],
    status: VenueStatus,
    quantity: Decimal | None,
    what: str,
) -> Decimal | None:
    """The filled quantity, never lower than before; of an order filled whole its quantity."""
    said = stated(raw, "cum_qty", what)
    known = [value for value in (said, before.filled_quantity) if value is not None]
    if status is VenueStatus.CLOSED and quantity is not None:
        known.append(quantity)
    if (
        said is None
        and raw.get("exec_type") == Happening.TRADE
        and raw.get("exec_id") not in before.trade_ids
    ):
        known.append((before.filled_quantity or Decimal(0)) + (stated(raw, "last_qty", what) or Decimal(0)))
    return max(known) if known else None


def trigger(raw: Mapping[str, Any], what: str) -> tuple[Decimal | None, bool]:
    """The price that sets a stop off, and whether it did."""
    said = raw.get("triggers")
    if said is None:
        return price(raw, "stop_price", what), False
    triggers = mapping(said, f"triggers of {what}")
    status = triggers.get("status")
    triggered = status is not None and word(TriggerStatus, status, f"status of the triggers of {what}")
    relative = triggers.get("price_type") not in (None, "static")  # then `price` is a distance
    at = price(triggers, "actual_price" if relative else "price", what)
    return at or price(raw, "stop_price", what), triggered is TriggerStatus.TRIGGERED
