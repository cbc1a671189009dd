"""What the watch does: plain functions, each run in a thread with its own database connection.

A watch looks after one account. Prices come from the public stream where they are lively there, and are
asked for where they are not; orders are told by the private stream while it lives, and read by REST as
often as the rate budget allows while it does not.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from brackets import (
    accounts,
    dispatch,
    leases,
    readers,
    reconcile,
    recovery,
    sentinel,
)
from brackets.models import Account, Quote
from brackets.modes import Modes
from brackets.venue.port import BudgetExhausted, Venue, VenueUnavailable
from brackets.watch.due import is_due
from brackets.watch.following import Follower, StreamState
from brackets.watch.hooks import run_hooks
from brackets.watch.house import House
from brackets.watch.prices import Price, PriceBook, Written
from brackets.watch.shelf import Shelf, Standing

LEASE_SECONDS = 5
LEASE_MARGIN_SECONDS = 1.5  # a look, and the time until the next
MOVING_SPACING_SECONDS = 2
# What begins to move is not left to the next turn of a poll: so long after the last one it is asked for.
AT_ONCE_SECONDS = {"starter": 2.0, "intermediate": 1.0, "pro": 0.5}
URGENT_GRACE_SECONDS = 1.5  # so long a living stream may take to say what is urgently wanted
LOOKING_SECONDS = 15  # between comparisons while nothing but the next look for an Unknown is awaited
BESIDE_SECONDS = 1.0  # prices and comparisons do not wait while what follows from them leaves, one by one
PRESSED_SECONDS = 60  # for so long what is urgent keeps all else back; longer trouble must not stop the books
RECOVERING_SECONDS = {"starter": 4, "intermediate": 2, "pro": 1}  # while a comparison was not yet whole
QUIET_SECONDS = {"starter": 7, "intermediate": 4, "pro": 2}
FOLLOWED_SECONDS = {"starter": 30, "intermediate": 15, "pro": 10}  # while the stream tells
STREAM_NOTE_SECONDS = 5  # between notes of a state that stays
AHEAD_SECONDS = 30  # for so long a comparison that found no budget goes before counting
PROOF_SPACING_SECONDS = 60  # between cycles while a proof reads the venue
PRICE_FRESH_SECONDS = 5  # an older price is none
LIVELY_SECONDS = 2.0  # a price the stream told so lately is not asked for
POLLED_SECONDS = 0.5  # without a stream every round asks


@dataclass
class Watch:
    """One watch over one account. `need` is what the price loop asks of the reading loop."""

    account: Account
    venue: Venue
    clock: Callable[[], datetime] = timezone.now
    holder: str = field(default_factory=lambda: f"{leases.holder_name()}#{uuid.uuid4().hex[:6]}")
    fence: int = 0
    renewed_at: datetime | None = None  # the lease, for the last time
    need: reconcile.Need = field(default_factory=reconcile.Need)
    urgent_since: datetime | None = None
    soon_since: datetime | None = None
    pressed_since: datetime | None = None
    last_cycle_at: datetime | None = None
    waits_since: datetime | None = None  # a comparison that is under way, or found no budget
    verified_at: datetime | None = None  # when the sentinel last counted a comparison
    last_books_at: datetime | None = None
    last_stream_note: tuple[str, str, datetime] | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    # What whoever hears the streams tells:
    stream_heard_at: datetime | None = None
    prices_are_streamed: bool = False

    def __post_init__(self) -> None:
        self.prices, self.written = PriceBook(), Written()
        self.shelf = Shelf(self.account)
        self.follower = Follower(self.account, self.venue, clock=self.clock)
        self.house = House(self)
        self.modes = Modes(told=lambda: self.prices_are_streamed and self.follower.is_live)
        self.wanted: frozenset[str] = frozenset()  # pairs whose prices are wanted now
        self._looking = threading.Lock()

    # --- the lease ------------------------------------------------------------------------------

    def take_lease(self) -> bool:
        name, now = accounts.watch_lease_name(self.account), self.clock()
        fence = leases.take(name, self.holder, now=now, seconds=LEASE_SECONDS)
        if fence is None:
            return False
        self.fence, self.renewed_at = fence, now
        # Until the first cycle has compared book and venue, no entry is admitted.
        recovery.begin(self.account.name)
        self.account.refresh_from_db(fields=recovery.FIELDS)
        dispatch.release_dead_claims(self.account, now)
        return True

    def renew_lease(self) -> bool:
        name, now = accounts.watch_lease_name(self.account), self.clock()
        renewed = leases.renew(name, self.fence, now=now, seconds=LEASE_SECONDS)
        self.renewed_at = now if renewed else None
        return renewed

    def release(self) -> None:
        self.renewed_at = None
        leases.release(accounts.watch_lease_name(self.account), self.fence)

    def hand_over(self) -> None:
        """Before nobody watches: the stops go back to the venue. Only while the watch is still ours."""
        if self.renew_lease():
            self.renewed_at = None  # from here on nobody watches
            readers.note_stream(self.account, state=StreamState.OFF, seen_at=self.stream_heard_at)
            reconcile.swap_back_all(self.account, self.venue, clock=self.clock)

    # --- prices ---------------------------------------------------------------------------------

    def see_prices(self) -> None:
        """The round of every second: prices are written, every open bracket looks at price and time. Asks
        nobody, so that a venue that does not answer holds up no timer."""
        wanted = readers.symbols_to_price(self.account)
        self.wanted = frozenset(wanted)
        fresh = self.fresh_prices(wanted)
        quotes = self.as_rows(fresh)
        if news := self.written.news(fresh):
            readers.keep_quotes([quotes[symbol] for symbol in news])
            self.written.note(news)
        self.look(quotes)

    def ask_prices(self) -> None:
        """Ask, by one call, for the prices the stream did not tell lately. Raises VenueUnavailable."""
        asked_at = self.clock()
        wanted = self.wanted or frozenset(readers.symbols_to_price(self.account))
        seconds = LIVELY_SECONDS if self.prices_are_streamed else POLLED_SECONDS
        silent = sorted(wanted - self.prices.fresh(wanted, now=asked_at, seconds=seconds).keys())
        if not silent:
            return
        try:
            readings = self.venue.quotes(silent)
        except VenueUnavailable as error:
            readers.note_venue(self.account, error=str(error))
            raise
        readers.note_venue(self.account)
        changed = [reading for reading in readings if self.prices.note(reading, asked_at)]
        if crossed := {one.row.symbol for one in self.shelf.crossed(changed)}:
            self.see_crossing(crossed)

    def fresh_prices(self, symbols: Iterable[str]) -> dict[str, Price]:
        """What may be acted upon: a price that neither the stream nor a reading told lately is none."""
        return self.prices.fresh(symbols, now=self.clock(), seconds=PRICE_FRESH_SECONDS)

    def as_rows(self, prices: Mapping[str, Price]) -> dict[str, Quote]:
        return {
            symbol: readers.quote_row(self.account, price.quote, price.read_at)
            for symbol, price in prices.items()
        }

    def look(self, quotes: dict[str, Quote]) -> None:
        """Let every open bracket see price and time."""
        with self._looking:
            self.shelf.refresh()
            self.want(self.shown(quotes, self.shelf.all()))
            self.shelf.refresh()

    def want(self, need: reconcile.Need) -> None:
        """Tell the reading loop what is needed, and since when."""
        now, self.need = self.clock(), need
        self.soon_since = (self.soon_since or now) if need.soon else None
        self.urgent_since = (self.urgent_since or now) if need.urgent else None
        pressed = need.urgent or need.look_at is not None
        self.pressed_since = (self.pressed_since or now) if pressed else None

    def is_pressed(self) -> bool:
        """Whether the rate budget is wanted for coins without protection, or for the next look for an
        Unknown: what can wait spends nothing then, and gives way where it waits for budget already."""
        since = self.pressed_since
        return since is not None and not is_due(since, PRESSED_SECONDS, self.clock())

    def see_crossing(self, symbols: Iterable[str]) -> None:
        """A price just left the band of a bracket of these pairs: look, and send what follows at once."""
        quotes = self.as_rows(self.fresh_prices(symbols))
        with self._looking:
            need = self.shown(quotes, [one for one in self.shelf.all() if one.row.symbol in quotes])
            soon, urgent = self.need.soon or need.soon, self.need.urgent or need.urgent
            books = self.need.books or need.books
            self.want(reconcile.Need(soon=soon, urgent=urgent, look_at=need.look_at, books=books))
        reconcile.drive(self.account, self.venue, self.clock, self.modes, seconds=BESIDE_SECONDS)
        self.shelf.refresh()

    def shown(self, quotes: dict[str, Quote], brackets: list[Standing]) -> reconcile.Need:
        loaded = [(one.row, one.bracket) for one in brackets]
        watched = self.is_held(self.clock())
        return reconcile.see_prices(self.account, quotes, self.clock, watched=watched, brackets=loaded)

    def is_held(self, now: datetime) -> bool:
        """Whether the lease is certainly ours, and stays so until the next look."""
        certain = timedelta(seconds=LEASE_SECONDS - LEASE_MARGIN_SECONDS)
        return self.renewed_at is not None and now - self.renewed_at < certain

    # --- orders ---------------------------------------------------------------------------------

    def send(self) -> None:
        reconcile.drive(self.account, self.venue, self.clock, self.modes)

    def follow(self) -> bool:
        """Take in what the private stream said. Whether something may have to be sent now."""
        was_live = self.follower.is_live
        changed = self.follower.take()
        if changed:
            self.shelf.refresh()
        if self.follower.is_live and not was_live:
            self.note_stream()
        return changed

    def read_unclear(self) -> bool:
        """Read what the private stream did not say. Whether something may have to be sent now. Raises
        VenueUnavailable."""
        return self.follower.wants_reading and self.follower.read_unclear()

    def stream_lost(self, why: str) -> None:
        """The private stream is gone: polling takes over at once."""
        if self.follower.is_live:
            self.last_cycle_at = None
        self.follower.lost(why)

    def read(self) -> None:
        """A full comparison when it is due. A living stream tells all but the money: then only the books
        are closed. Raises VenueUnavailable."""
        now = self.clock()
        if self.reading_is_due(now):
            self.last_cycle_at = now
            recovering = self.account.recovered_at is None  # what the book does not know may be unprotected
            urgent = self.need.urgent or recovering
            self.waits_since = self.waits_since or now
            try:
                self.privately(lambda: self.compare(urgent=urgent))
            except BudgetExhausted:
                raise  # it still waits
            except Exception:
                self.waits_since = None
                raise
            self.waits_since, self.verified_at = None, now
            reconcile.drive(self.account, self.venue, self.clock, self.modes, seconds=BESIDE_SECONDS)
        elif self.follower.is_live and self.need.soon and self.books_may_be_closed(now):
            self.last_books_at = now
            self.privately(lambda: reconcile.close_books(self.account, self.venue, now))

    def verify(self) -> None:
        """While the stream lives it compares all the time; that counts as often as polling would."""
        now = self.clock()
        pace = QUIET_SECONDS.get(settings.KRAKEN_TIER, 7)
        if self.follower.is_live and is_due(self.verified_at, pace, now):
            self.verified_at = now
            sentinel.verify(self.account, at=now)

    def compare(self, *, urgent: bool) -> None:
        reconcile.cycle(
            self.account,
            self.venue,
            urgent=urgent,
            books=self.need.books or not self.is_pressed(),
            answered=lambda: readers.note_answer(self.account),
            clock=self.clock,
        )

    def books_may_be_closed(self, now: datetime) -> bool:
        spaced = is_due(self.last_books_at, MOVING_SPACING_SECONDS, now)
        may = spaced and (self.need.books or not self.is_pressed())
        return may and not leases.is_held(accounts.proof_lease_name(self.account), now)

    def privately(self, call: Callable[[], None]) -> None:
        """Make private calls and remember whether they are answered."""
        try:
            call()
        except BudgetExhausted:
            raise
        except VenueUnavailable as error:
            readers.note_private(self.account, str(error))
            raise
        readers.note_private(self.account)

    def reading_is_due(self, now: datetime) -> bool:
        last, look_at = self.last_cycle_at, self.need.look_at  # other threads may change both meanwhile
        if last is None:
            return True
        if self.account.recovered_at is None and (
            self.account.recovering_since is None  # no comparison was made yet: as soon as may be
            or is_due(last, RECOVERING_SECONDS.get(settings.KRAKEN_TIER, 4), now)
        ):
            return True
        if look_at is not None and last < look_at <= now:
            return True
        if not is_due(last, PROOF_SPACING_SECONDS, now) and leases.is_held(
            accounts.proof_lease_name(self.account), now
        ):
            return self.need.urgent
        starved = self.waits_since is not None and not self.is_pressed()
        return is_due(last, MOVING_SPACING_SECONDS if starved else self.spacing(now), now)

    def spacing(self, now: datetime) -> float:
        """Seconds between two comparisons. A stream that lives tells what moves; only what it does not tell
        in time is asked for."""
        tier = settings.KRAKEN_TIER
        if not self.follower.is_live:
            if not (self.need.soon or self.need.urgent):
                if self.need.look_at is not None:
                    return LOOKING_SECONDS
                return QUIET_SECONDS.get(tier, 7)
            began = self.soon_since is not None and self.soon_since > (self.last_cycle_at or now)
            return AT_ONCE_SECONDS.get(tier, 2.0) if began else MOVING_SPACING_SECONDS
        untold = self.urgent_since is not None and is_due(self.urgent_since, URGENT_GRACE_SECONDS, now)
        return MOVING_SPACING_SECONDS if untold else FOLLOWED_SECONDS.get(tier, 30)

    # --- the house ------------------------------------------------------------------------------

    def keep_house(self) -> None:
        """Everything that is looked after besides prices and orders. Raises VenueUnavailable."""
        self.house.keep()

    def goes_first(self, now: datetime) -> bool:
        """Whether a comparison is due, or waits for budget: but not for ever."""
        since = self.waits_since
        if since is None:
            return self.reading_is_due(now)
        return not is_due(since, AHEAD_SECONDS, now)

    def compared_at(self, now: datetime) -> datetime | None:
        """A living stream compares all the time."""
        return now if self.follower.is_live else self.account.reconciled_at

    def note_stream(self) -> None:
        """Write how the private stream stands: when that changes, and now and then."""
        now = self.clock()
        told = (self.follower.state.value, self.follower.error)
        last = self.last_stream_note
        if last is not None and last[:2] == told and not is_due(last[2], STREAM_NOTE_SECONDS, now):
            return
        self.last_stream_note = (*told, now)
        readers.note_stream(self.account, state=told[0], error=told[1], seen_at=self.stream_heard_at)

    def run_hooks(self) -> None:
        run_hooks(self.account)
