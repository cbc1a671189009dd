"""Following the private stream: from its news to the book, and to what must be sent because of them.

The loop that hears the stream hands news over and goes on; one thread at a time takes them in their
order. Nothing is trusted by halves: whatever could not be taken in makes the connection be given up, and
the next one's snapshot tells what is open.

The stream counts as followed from the moment its snapshot is in the book, and every order of ours that
the snapshot does not show has been read.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils import timezone

from brackets import readers, reconcile, reports
from brackets.core.states import OrderStatus
from brackets.models import Account, Order
from brackets.venue.kraken.stream.news import (
    BalancesChanged,
    News,
    OpenOrders,
    OrdersChanged,
    OrderUnclear,
    PairStatusesSaid,
    SystemStatusSaid,
)
from brackets.venue.port import OrderUpdate, Venue

log = logging.getLogger("backstop.watch")
READ_AGAIN_SECONDS = 1.0
READ_TRIES = 15  # an order that REST does not show for so long is left to the full comparison
MOST_WAITING = 20_000  # news; more means that nobody takes them


class StreamState(StrEnum):
    """How the private stream stands, as people see it."""

    OFF = "off"  # nobody watches
    CONNECTING = "connecting"
    LIVE = "live"  # followed: polling slows down
    LOST = "lost"  # polling as if there were no stream; it is tried again


@dataclass(frozen=True, slots=True)
class Heard:
    news: News
    at: datetime
    connection: int


class Follower:
    """The book's side of the private stream of one account."""

    def __init__(
        self,
        account: Account,
        venue: Venue,
        *,
        clock: Callable[[], datetime] = timezone.now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account, self.venue, self._clock = account, venue, clock
        self.state, self.error = StreamState.OFF, ""
        self.distrust: Callable[[str], None] = lambda why: None  # gives the connection up
        self._monotonic = monotonic
        self._news: deque[Heard] = deque()
        self._to_read: dict[str, int] = {}  # orders the stream did not say enough of -> times asked
        self._read_after = 0.0
        self._connection = 0  # counts them: what an earlier one said is a fact, but no snapshot of now
        self._snapshot_is_in = False
        self._taking = threading.Lock()

    # --- called by the loop: never waits ------------------------------------------------------------

    def connecting(self) -> None:
        if self.state is not StreamState.LOST:
            self.state = StreamState.CONNECTING

    def lost(self, why: str) -> None:
        """The connection is gone; what it said until then is still taken in."""
        self.state, self.error = StreamState.LOST, why
        self._connection += 1
        self._snapshot_is_in = False

    def heard(self, news: Iterable[News], at: datetime) -> bool:
        """Keep news for the next `take`. Whether there is anything to take."""
        kept = [item for item in news if isinstance(item, OpenOrders | OrdersChanged | OrderUnclear)]
        told = [i for i in news if isinstance(i, SystemStatusSaid | PairStatusesSaid | BalancesChanged)]
        self._news.extend(Heard(item, at, self._connection) for item in (*kept, *told))
        if len(self._news) > MOST_WAITING:
            self._news.clear()
            self.distrust("too many news wait to be taken in")
        return bool(kept or told)

    @property
    def is_live(self) -> bool:
        return self.state is StreamState.LIVE

    @property
    def wants_reading(self) -> bool:
        return bool(self._to_read) and self._monotonic() >= self._read_after

    # --- called by a thread -------------------------------------------------------------------------

    def take(self) -> bool:
        """Take in all news that wait and send what follows from them. Whether the book changed. Raises
        VenueUnavailable when an order could not be read: it is asked again."""
        with self._taking:
            changed = self._absorb_all()
            if changed:
                reconcile.drive(self.account, self.venue, self._clock)
            if self.wants_reading and self._read_unclear():
                reconcile.drive(self.account, self.venue, self._clock)
                changed = True
            self._is_it_live()
            return changed

    def _absorb_all(self) -> bool:
        changed = False
        while self._news:
            heard = self._news[0]
            try:
                changed = self._absorb(heard) or changed
            except Exception:
                # What was lost may be about any order: only a new snapshot can tell.
                self._news.clear()
                self.distrust("news could not be taken in")
                raise
            self._news.popleft()
        return changed

    def _absorb(self, heard: Heard) -> bool:
        match heard.news:
            case OpenOrders(updates=updates):
                changed = self._updates(updates, heard.at)
                self._want_read(open_orders_of(self.account) - {u.venue_order_id for u in updates})
                self._snapshot_is_in = heard.connection == self._connection
                return changed
            case OrdersChanged(updates=updates):
                return self._updates(updates, heard.at)
            case OrderUnclear(venue_order_id=order_id, introduced=introduced, why=why):
                if not introduced or order_id in open_orders_of(self.account):
                    log.warning("the stream is not clear about order %s, it is read: %s", order_id, why)
                    self._want_read([order_id])
            case BalancesChanged(totals=totals):
                readers.note_totals(self.account, {one.asset: one.total for one in totals}, heard.at)
            case SystemStatusSaid(status=status):
                readers.note_venue(self.account, system=status)
            case PairStatusesSaid(statuses=statuses):
                readers.note_statuses(self.account, statuses)
        return False

    def _updates(self, updates: Iterable[OrderUpdate], at: datetime) -> bool:
        absorbed = reports.absorb_updates(self.account, updates, heard_at=at)
        self._want_read(absorbed.unclear)
        return absorbed.changed > 0

    def _want_read(self, order_ids: Iterable[str]) -> None:
        for order_id in order_ids:
            self._to_read.setdefault(order_id, 0)
            self._read_after = 0.0

    def _read_unclear(self) -> bool:
        """Read by id what was not said. Whether the book changed. Raises VenueUnavailable."""
        wanted = sorted(self._to_read)
        self._read_after = self._monotonic() + READ_AGAIN_SECONDS
        asked_at = self._clock()
        found = self.venue.orders(wanted, urgent=True)
        absorbed = reports.absorb(self.account, found, asked_at=asked_at)
        # REST lags behind: what it does not show yet, or shows as it was before, is asked again.
        settled = {report.venue_order_id for report in found} - unsettled_of(self.account, wanted)
        for order_id in wanted:
            self._to_read[order_id] += 1
            if order_id in settled or self._to_read[order_id] >= READ_TRIES:
                del self._to_read[order_id]
        return absorbed.changed > 0

    def _is_it_live(self) -> None:
        if self._snapshot_is_in and not self._to_read and self.state is not StreamState.LIVE:
            self.state, self.error = StreamState.LIVE, ""
            log.info("the private stream of %s is live", self.account)


def open_orders_of(account: Account) -> set[str]:
    """Venue ids of the orders the book holds for open."""
    live = Order.objects.filter(account=account, status=OrderStatus.OPEN).exclude(venue_order_id=None)
    return set(live.values_list("venue_order_id", flat=True))


def unsettled_of(account: Account, order_ids: list[str]) -> set[str]:
    """Those of these orders that an amendment is under way of."""
    amended = Order.objects.filter(account=account, venue_order_id__in=order_ids).exclude(amendment=None)
    return set(amended.values_list("venue_order_id", flat=True))
