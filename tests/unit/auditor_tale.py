"""A venue's log written by hand, for the tests of the auditor."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from tests.simulation.auditor import Book, Bounds, Circumstances, audit
from tests.simulation.auditor.records import Booked, Ended, Filled, Placed, Requested, VenueLog

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ETH = "ETH/USD"
PLAN = Decimal("0.1")
TIGHT = Bounds(after_trouble=10)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Tale:
    """A log written by hand; the clock is moved by `later`."""

    def __init__(self) -> None:
        self.log = VenueLog(
            base_assets={ETH: "XETH"}, quote_assets={ETH: "ZUSD"}, minimums={ETH: Decimal("0.002")}
        )
        self.now = 0.0
        self.numbers: Iterator[int] = count(1)

    def later(self, seconds: float) -> Tale:
        self.now += seconds
        return self

    def add(self, record: Any) -> Tale:
        self.log.add(record)
        return self

    def placed(
        self, txid: str, side: str, kind: str, quantity: str = "0.1", *, ours: bool = True, **terms: Any
    ) -> Tale:
        named: dict[str, Any] = {
            "limit_price": None,
            "trigger_price": None,
            "close_price": None,
            "cl_ord_id": f"id-{txid}" if ours else None,
            "refid": None,
            "by_owner": not ours,
        } | terms
        return self.add(
            Placed(at(self.now), txid, ETH, side=side, kind=kind, quantity=Decimal(quantity), **named)
        )

    def filled(self, txid: str, quantity: str = "0.1", *, price: str = "2500", side: str = "buy") -> Tale:
        trade, sign = f"T{next(self.numbers)}", 1 if side == "buy" else -1
        volume = Decimal(quantity)
        self.add(Filled(at(self.now), txid, trade, volume, Decimal(price)))
        self.add(Booked(at(self.now), f"L{trade}b", trade, "trade", "XETH", sign * volume, Decimal(0)))
        paid = -sign * volume * Decimal(price)
        return self.add(Booked(at(self.now), f"L{trade}q", trade, "trade", "ZUSD", paid, Decimal(1)))

    def ended(self, txid: str, status: str = "closed", reason: str = "") -> Tale:
        return self.add(Ended(at(self.now), txid, status, reason))

    def cancel(self, txid: str) -> Tale:
        self.add(Requested(at(self.now), at(self.now), "watch", "CancelOrder", {"txid": txid}, "ok"))
        return self.ended(txid, "canceled", "User requested")

    def entry(self, txid: str = "OE", quantity: str = "0.1", *, attached: bool = True, **terms: Any) -> Tale:
        close = Decimal(2450) if attached else None
        self.placed(txid, "buy", "market", quantity, close_price=close, **terms).filled(txid, quantity)
        if attached:
            self.stop(f"{txid}S", quantity, cl_ord_id=None, refid=txid)
        return self.ended(txid)

    def stop(self, txid: str = "OS", quantity: str = "0.1", **terms: Any) -> Tale:
        return self.placed(txid, "sell", "stop-loss", quantity, trigger_price=Decimal(2450), **terms)

    def sale(self, txid: str = "OX", quantity: str = "0.1", **terms: Any) -> Tale:
        self.placed(txid, "sell", "market", quantity, **terms).filled(txid, quantity, side="sell")
        return self.ended(txid)

    def kinds(self, *, book: Book | None = None, bounds: Bounds = TIGHT, **known: Any) -> list[str]:
        circumstances = Circumstances(ended_at=at(self.now), **known)
        return [complaint.kind for complaint in audit(self.log, circumstances, book=book, bounds=bounds)]


def whole() -> Tale:
    """Bought with its stop, left at the target in time."""
    return Tale().entry().later(30).cancel("OES").later(1).sale().later(5)
