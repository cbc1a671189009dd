"""Following the private stream: from its news into the book.

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
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Q
from django.utils import timezone

from brackets import readers, reports
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
AMENDED_LATELY_SECONDS = 5
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
        self.totals_are_new = False  # the stream told another total since somebody last asked
        self.balances_are_stale = False  # coins went where the stream tells no totals: read them
        self.distrust: Callable[[str], None] = lambda why: None  # gives the connection up
        self._monotonic = monotonic
        self._news: deque[Heard] = deque()
        self._to_read: dict[str, int] = {}  # orders the stream did not say enough of -> times asked
        self._read_after = 0.0
        self._connection = 0  # counts them: what an earlier one said is a fact, but no snapshot of now
        self._snapshot_is_in = False
        self._lock = threading.Lock()

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

    # --- called by threads: `take` never asks the venue, `read_unclear` may wait for it ---------------

    def take(self) -> bool:
        """Take all news that wait into the book, in their order. Whether it changed: then there may be
        something to send."""
        changed = False
        while self._news:
            heard = self._news.popleft()
            try:
                changed = self._absorb(heard) or changed
            except Exception:
                # What was lost may be about any order: only a new snapshot can tell.
                self._news.clear()
                self._snapshot_is_in = False
                self.distrust("news could not be taken in")
                raise
        self._is_it_live()
        return changed

    def read_unclear(self) -> bool:
        """Read by id what the stream did not say enough of. Whether the book changed. Raises
        VenueUnavailable: it is asked again."""
        with self._lock:
            wanted = sorted(self._to_read)
            self._read_after = self._monotonic() + READ_AGAIN_SECONDS
        asked_at = self._clock()
        found = self.venue.orders(wanted, urgent=True)
        absorbed = reports.absorb(self.account, found, asked_at=asked_at)
        # REST lags behind: what it does not show yet, or shows as it was before, is asked again.
        settled = {report.venue_order_id for report in found} - unsettled_of(self.account, wanted)
        with self._lock:
            for order_id in wanted:
                self._to_read[order_id] += 1
                if order_id in settled or self._to_read[order_id] >= READ_TRIES:
                    del self._to_read[order_id]
        self._is_it_live()
        return absorbed.changed > 0

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
                if not introduced or self._is_open_and_not_amended_by_us(order_id):
                    log.warning("the stream is not clear about order %s, it is read: %s", order_id, why)
                    self._want_read([order_id])
            case BalancesChanged(totals=totals, elsewhere=elsewhere):
                self.balances_are_stale = self.balances_are_stale or elsewhere
                told = {one.asset: one.total for one in totals}
                if readers.note_totals(self.account, told, heard.at):
                    self.totals_are_new = True
            case SystemStatusSaid(status=status):
                readers.note_venue(self.account, system=status)
            case PairStatusesSaid(statuses=statuses):
                readers.note_statuses(self.account, statuses)
        return False

    def _is_open_and_not_amended_by_us(self, order_id: str) -> bool:
        """Whoever sends an amendment of ours reads what became of it; one of the owner's nobody does."""
        if order_id not in open_orders_of(self.account):
            return False
        lately = self._clock() - timedelta(seconds=AMENDED_LATELY_SECONDS)
        ours = Q(amendment__isnull=False) | Q(touched_at__gt=lately)
        return not Order.objects.filter(ours, account=self.account, venue_order_id=order_id).exists()

    def _updates(self, updates: Iterable[OrderUpdate], at: datetime) -> bool:
        absorbed = reports.absorb_updates(self.account, updates, heard_at=at)
        self._want_read(absorbed.unclear)
        if absorbed.changed:
            self._want_read(reports.doubted(self.account, self._clock()))
        return absorbed.changed > 0

    def _want_read(self, order_ids: Iterable[str]) -> None:
        with self._lock:
            for order_id in order_ids:
                self._to_read.setdefault(order_id, 0)
                self._read_after = 0.0

    def _is_it_live(self) -> None:
        if self._snapshot_is_in and not self._to_read and self.state is not StreamState.LIVE:
            self.state, self.error = StreamState.LIVE, ""
            log.info("the private stream of %s is live", self.account)


def open_orders_of(account: Account) -> set[str]:
    """Venue ids of the orders the book holds for open."""
    live = Order.objects.filter(account=account, status=OrderStatus.OPEN).exclude(venue_order_id=None)
    return set(live.values_list("venue_order_id", flat=True))


def unsettled_of(account: Account, order_ids: list[str]) -> set[str]:
    """Those of these orders that an amendment is under way of, or that a second reading is awaited of."""
    awaited = Q(amendment__isnull=False) | Q(amiss_at__isnull=False, amiss_agreed=False)
    unsettled = Order.objects.filter(awaited, account=account, venue_order_id__in=order_ids)
    return set(unsettled.values_list("venue_order_id", flat=True))
