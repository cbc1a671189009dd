"""All that the simulated venue remembers, and what of it a reading shows.

Orders keep every version and the account a picture of every change, so that a reading may be as old as the
world wants it. Offers the queries of the paper venue's store, by which Kraken's methods are answered; times
are the venue's, in Unix seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from brackets.venue.paper.engine import Engine
from brackets.venue.paper.orders import Changes, Entry, Order, Status, Trade
from brackets.venue.paper.store import Page

KEPT_SECONDS = 20  # pictures older than any reading
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Picture:
    """What stood at one moment."""

    at: Decimal
    open_orders: Mapping[str, Order]
    balances: Mapping[str, Decimal]
    held: Mapping[str, Decimal]


@dataclass(slots=True)
class History:
    """Everything that happened at one venue, oldest first."""

    versions: dict[str, list[tuple[Decimal, Order]]] = field(default_factory=dict)
    closed: list[tuple[Decimal, Order]] = field(default_factory=list)  # by the time of their end
    all_trades: list[Trade] = field(default_factory=list)
    by_id: dict[str, Trade] = field(default_factory=dict)
    all_entries: list[Entry] = field(default_factory=list)
    pictures: deque[Picture] = field(default_factory=deque)

    def keep(self, changes: Changes, engine: Engine, now: Decimal) -> None:
        for txid, order in changes.orders.items():
            self.versions.setdefault(txid, []).append((now, order))
            if order.status is not Status.OPEN:
                self.closed.append((now, order))
        self.all_trades += changes.trades
        for trade in changes.trades:
            self.by_id[trade.trade_id] = trade
        self.all_entries += changes.entries
        self.picture(engine, now)

    def picture(self, engine: Engine, now: Decimal) -> None:
        """Remember how the account stands."""
        account = engine.account
        self.pictures.append(
            Picture(now, dict(engine.open_orders), dict(account.balances), dict(account.held))
        )
        while len(self.pictures) > 1 and self.pictures[1].at < now - KEPT_SECONDS:
            self.pictures.popleft()

    # --- what a reading shows ----------------------------------------------------------------------

    def picture_of(self, at: Decimal) -> Picture:
        """The account as it stood at a moment (or at the oldest one remembered)."""
        shown = self.pictures[0]
        for picture in self.pictures:
            if picture.at > at:
                break
            shown = picture
        return shown

    def order_at(self, txid: str, at: Decimal | None) -> Order | None:
        """An order as it stood; None where it was not there yet."""
        versions = self.versions.get(txid)
        if versions is None:
            return None
        if at is None:
            return versions[-1][1]
        shown = None
        for since, order in versions:
            if since > at:
                break
            shown = order
        return shown

    def closed_orders(
        self, page: Page, *, at: Decimal | None, cl_ord_id: str | None
    ) -> tuple[list[Order], int]:
        """A page of the orders that had ended by `at`, last ended first, and how many fit."""
        found = [
            order
            for ended, order in self.closed
            if (at is None or ended <= at)
            and (page.after is None or ended > page.after)
            and (cl_ord_id is None or order.cl_ord_id == cl_ord_id)
        ]
        found.reverse()
        return found[page.offset : page.offset + page.limit], len(found)

    def trades(self, page: Page, *, at: Decimal | None) -> tuple[list[Trade], int]:
        found = within(self.all_trades, page, at)
        return found[page.offset : page.offset + page.limit], len(found)

    def entries(self, page: Page, *, at: Decimal | None) -> tuple[list[Entry], int]:
        found = within(self.all_entries, page, at)
        return found[page.offset : page.offset + page.limit], len(found)


def within[T: (Trade, Entry)](rows: Sequence[T], page: Page, at: Decimal | None) -> list[T]:
    """Those after the page's beginning and not after `at`, newest first. Rows are in order of time."""
    begin = 0 if page.after is None else bisect_right(rows, page.after, key=lambda row: row.at)
    end = len(rows) if at is None else bisect_right(rows, at, key=lambda row: row.at)
    return list(reversed(rows[begin:end]))
