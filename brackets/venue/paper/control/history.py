"""The venue as it was a moment ago: what a reading sees that lags behind.

Filled only where a control channel is open. An order that was not open when the history began is found
in the store as it is now: it had ended before and changes no more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from brackets.venue.paper.orders import ZERO, Changes, Order, Status
from brackets.venue.paper.store import Page
from brackets.venue.paper.venue import PaperVenue

BEGINNING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Money:
    """Balances and holds at a moment, as the readings ask for them."""

    balances: dict[str, Decimal]
    held: dict[str, Decimal]

    def hold(self, asset: str) -> Decimal:
        return self.held.get(asset, ZERO)


@dataclass(slots=True)
class History:
    """Every state of every order since the beginning, and of the account after every change."""

    venue: PaperVenue
    orders: dict[str, list[tuple[Decimal, Order]]] = field(default_factory=dict)
    money: list[tuple[Decimal, Money]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for order in self.venue.engine.open_orders.values():
            self.orders[order.txid] = [(BEGINNING, order)]
        self.money.append((BEGINNING, self._money()))

    def record(self, changes: Changes, *, now: Decimal) -> None:
        """Remember what just changed."""
        for order in changes.orders.values():
            self.orders.setdefault(order.txid, []).append((now, order))
        if changes.orders or changes.entries:
            self.money.append((now, self._money()))

    def order_at(self, txid: str, at: Decimal) -> Order | None:
        """An order as it stood then; None when it was not there yet, or is not of this history."""
        versions = self.orders.get(txid, [])
        index = bisect_right(versions, at, key=lambda version: version[0])
        return versions[index - 1][1] if index else None

    def money_at(self, at: Decimal) -> Money:
        index = bisect_right(self.money, at, key=lambda version: version[0])
        return self.money[max(0, index - 1)][1]

    def _money(self) -> Money:
        account = self.venue.engine.account
        return Money(dict(account.balances), dict(account.held))


class Past:
    """What the reading methods ask of a venue, answered as of `at`."""

    def __init__(self, history: History, *, at: Decimal) -> None:
        self._history, self._at = history, at
        self.engine = self
        self.store = self
        self.account = history.money_at(at)

    @property
    def open_orders(self) -> dict[str, Order]:
        then = ((txid, self._history.order_at(txid, self._at)) for txid in self._history.orders)
        return {txid: order for txid, order in then if order is not None and order.status is Status.OPEN}

    def orders(self, txids: list[str]) -> dict[str, Order]:
        now = self._history.venue.orders([txid for txid in txids if txid not in self._history.orders])
        then = ((txid, self._history.order_at(txid, self._at)) for txid in txids)
        return now | {txid: order for txid, order in then if order is not None}

    def closed_orders(
        self, page: Page, *, by: str = "both", cl_ord_id: str | None = None, userref: int | None = None
    ) -> tuple[Sequence[Order], int]:
        """The page as it is now, without the orders that ended later."""
        found, count = self._history.venue.store.closed_orders(
            page, by=by, cl_ord_id=cl_ord_id, userref=userref
        )
        ended = [order for order in found if (order.closed_at or ZERO) <= self._at]
        return ended, count - (len(found) - len(ended))
