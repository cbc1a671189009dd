"""What is told to the machine, short and hashable, and the events it stands for.

An order is named by its place in the bracket; `NEW` is one the bracket does not know yet. All times are now.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from brackets.core.events import (
    AmendAnswered,
    CancelKeptBack,
    CloseRequested,
    CoinsCounted,
    EditRequested,
    EntryRequested,
    Event,
    FillBooked,
    HoldRequested,
    OrderAbsent,
    OrderAccepted,
    OrderRefused,
    OrderReported,
    OrderUnknown,
    OrderWithdrawn,
    ProtectRequested,
    ReduceRequested,
    ReleaseRequested,
    TargetTouched,
    Tick,
)
from brackets.core.orders import Bracket, later
from brackets.core.states import Answer, ExitReason, OrderStatus, Role
from tests.exploration.canonical import CYCLE, NOW, UNIT

NEW = -1
WISHES = frozenset(
    {
        TargetTouched,
        CloseRequested,
        EditRequested,
        ReduceRequested,
        HoldRequested,
        ReleaseRequested,
    }
)
LOOKED_AT = NOW - UNIT + (UNIT / 1_000_000)
"""A look at the venue at the end of the unit before."""


class Version(NamedTuple):
    """An order as one reading shows it."""

    status: OrderStatus
    filled: int
    triggered: bool
    quantity: int
    trigger: Decimal | None
    limit: Decimal | None
    reason: str = ""


class News(NamedTuple):
    """One event: its kind, the order it is about, and what it says."""

    kind: str
    place: int = NEW
    word: str = ""
    number: Decimal | int | None = None
    version: Version | None = None
    look: Look | None = None


class Look(NamedTuple):
    """The world at a Tick."""

    price: Decimal | None
    last: Decimal | None
    market: str = "online"
    watched: bool = True
    entries_allowed: bool = True
    compared: bool = False


def event_of(bracket: Bracket, news: News) -> Event:
    key = bracket.orders[news.place].key if news.place >= 0 else ""
    match news.kind:
        case "enter":
            return EntryRequested(at=NOW)
        case "protect":
            return ProtectRequested(at=NOW)
        case "accepted":
            there = bracket.orders[news.place].venue_order_id or f"v{news.place}"
            return OrderAccepted(at=NOW, key=key, venue_order_id=there)
        case "refused":
            return OrderRefused(at=NOW, key=key, reason=news.word, message="no")
        case "unknown":
            return OrderUnknown(at=NOW, key=key, message="timed out")
        case "absent":
            return OrderAbsent(at=NOW, key=key)
        case "withdrawn":
            return OrderWithdrawn(at=NOW, key=key, reason=news.word)
        case "kept back":
            return CancelKeptBack(at=NOW, key=key, market=news.word)
        case "amended":
            return amended(bracket, news, key)
        case "reading":
            return reading(bracket, news)
        case "booking":
            return booking(bracket, news)
        case _:
            return world_or_wish(news)


def amended(bracket: Bracket, news: News, key: str) -> AmendAnswered:
    answer, _, reason = news.word.partition(" ")
    asked = bracket.orders[news.place].amendment
    return AmendAnswered(
        at=NOW,
        key=key,
        number=asked.number if asked is not None else 1,
        answer=Answer(answer),
        provable_from=later(NOW, 20 if answer == Answer.UNKNOWN else 10),
        reason=reason,
    )


def reading(bracket: Bracket, news: News) -> OrderReported:
    """A reading of one order. A new one is a secondary; `number` is the place of its parent."""
    version, place = news.version, news.place
    assert version is not None
    known = None if place == NEW else bracket.orders[place]
    parent = None if known is not None else bracket.orders[int(news.number or 0)].venue_order_id
    return OrderReported(
        at=NOW,
        venue_order_id="new" if known is None else known.venue_order_id or f"v{place}",
        client_order_id=None if known is None or known.key == known.venue_order_id else known.key,
        parent_venue_order_id=parent,
        role_if_new=Role.STOP if place == NEW else None,
        status=version.status,
        quantity=Decimal(version.quantity),
        filled=Decimal(version.filled),
        average_price=AVERAGE if version.filled else None,
        trigger_price=version.trigger,
        limit_price=version.limit,
        triggered=version.triggered,
        reason=version.reason,
    )


AVERAGE = Decimal("99.9")
"""Every fill has this price: what a fill brings in is no decision's matter."""


def booking(bracket: Bracket, news: News) -> FillBooked:
    order = bracket.orders[news.place]
    return FillBooked(
        at=NOW,
        venue_order_id=str(order.venue_order_id),
        venue_trade_id=f"t{news.place}.{order.booked}",
        quantity=Decimal(1),
    )


def world_or_wish(news: News) -> Event:
    amount = None if news.number is None else Decimal(news.number)
    match news.kind:
        case "tick" if news.look is not None:
            return tick(news.look)
        case "touch" if amount is not None:
            return TargetTouched(at=NOW, price=amount)
        case "close":
            return CloseRequested(at=NOW, reason=ExitReason.MANUAL)
        case "hold":
            return HoldRequested(at=NOW, reason="look")
        case "release":
            return ReleaseRequested(at=NOW, reason="look")
        case "move the stop":
            return EditRequested(at=NOW, stop_price=amount)
        case "sell a part" if amount is not None:
            return ReduceRequested(at=NOW, quantity=amount)
        case "count" if amount is not None:
            return CoinsCounted(at=NOW, total=amount)
    raise ValueError(f"no such news: {news.kind}")


def tick(look: Look) -> Tick:
    seen: datetime | None = LOOKED_AT if look.compared else None
    return Tick(
        at=NOW,
        price=look.price,
        last=look.last,
        fresh=look.price is not None,
        market=look.market,
        watched=look.watched,
        entries_allowed=look.entries_allowed,
        compared_at=seen,
        cycle=None if look.price is None else CYCLE,
    )
