"""What a watch looks after besides prices and orders: modes, equity, coins in doubt, balances, strangers.

Called every second; each part is done when it is due, and what the rate budget is wanted for elsewhere waits.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings

from brackets import clocks, counting, earning, readers, recovery, sentinel, strangers
from brackets.core.states import ONLINE
from brackets.venue.port import BalanceReading, VenueUnavailable
from brackets.watch.counts import CountingPace
from brackets.watch.due import is_due
from brackets.watch.second_look import SecondLook
from brackets.watch.shelf import Standing

if TYPE_CHECKING:
    from brackets.watch.jobs import Watch

log = logging.getLogger("backstop.watch")
BALANCE_SECONDS = {"starter": 60, "intermediate": 30, "pro": 15}
FOLLOWED_BALANCE_SECONDS = 300  # the stream tells totals, only holds are read
STATUS_SECONDS = 10
AWAITED_STATUS_SECONDS = 2
EQUITY_SECONDS = 5
MEASURE_SECONDS = 2  # between looks at how long coins have been without an order, or a stop


class House:
    """One watch's. The times are those of the last time something was done; None: never."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.account, self.venue, self.follower = watch.account, watch.venue, watch.follower
        self.second_look, self.pace = SecondLook(), CountingPace()
        self.equity_is_known = False
        self.measured_at: datetime | None = None
        self.status_at: datetime | None = None
        self.equity_at: datetime | None = None
        self.counted_at: datetime | None = None
        self.strangers_at: datetime | None = None
        self.balances_at: datetime | None = None

    def keep(self) -> None:
        """Do what is due. Raises VenueUnavailable: the rest is done the next time."""
        now = self.watch.clock()
        self.measure(now)  # also while the venue does not answer
        if readers.instruments_are_stale(self.account, now):
            readers.refresh_instruments(self.account, self.venue)
        self.read_modes(now)
        self.weigh(now)
        self.count_coins(now)
        self.hear_totals(now)
        if not self.watch.is_pressed():  # else the rate budget is wanted for protection
            self.balance(now)

    def measure(self, now: datetime) -> None:
        """How long coins have been without an order or a stop, and the alerts of it."""
        if is_due(self.measured_at, MEASURE_SECONDS, now):
            self.measured_at = now
            self.watch.verify()
            sentinel.measure(self.account, at=now)

    # --- modes and clocks -------------------------------------------------------------------------

    def read_modes(self, now: datetime) -> None:
        """Read the modes where that is due. One that fails is soon read again where a market is awaited, and
        keeps nothing else from being looked after. Raises VenueUnavailable elsewhere."""
        if not self.awaits_a_market():
            if is_due(self.status_at, STATUS_SECONDS, now):
                self.ask_modes(
                    now, of_pairs=not self.watch.prices_are_streamed
                )  # a stream tells a change once
        elif is_due(self.status_at, AWAITED_STATUS_SECONDS, now):
            try:
                self.ask_modes(now, of_pairs=True)
            except VenueUnavailable as error:
                self.status_at = now
                log.warning("the mode of a market that is awaited cannot be read: %s", error)

    def ask_modes(self, now: datetime, *, of_pairs: bool) -> None:
        readers.note_venue(self.account, system=self.venue.system_status())
        clocks.tell(self.account, self.venue, now)
        if of_pairs:
            readers.refresh_statuses(self.account, self.venue, self.watch.wanted)
        self.status_at = now

    def awaits_a_market(self) -> bool:
        """Whether an open bracket holds its market for closed, or for half open."""
        return any(one.bracket.market != ONLINE for one in self.watch.shelf.all())

    # --- coins and money ----------------------------------------------------------------------------

    def weigh(self, now: datetime) -> None:
        """Measure the equity. A coin in both wallets, or in none, is no equity: then balances come first."""
        if self.follower.balances_are_stale:
            self.balances_at = None
        elif not self.equity_is_known:  # as soon as pairs and prices are there, before anything is bought
            self.equity_is_known = readers.measure_equity(self.account, now) is not None
        elif is_due(self.equity_at, EQUITY_SECONDS, now) and readers.balances_are_settled(self.account, now):
            readers.measure_equity(self.account, now)
            self.equity_at = now

    def count_coins(self, now: datetime) -> None:
        """Count coins that are in doubt, never ahead of a comparison that is due. Raises VenueUnavailable."""
        if not is_due(self.counted_at, counting.EVERY_SECONDS, now) or self.watch.goes_first(now):
            return
        self.counted_at = now
        doubted = counting.suspects(self.account, now)
        if self.pace.is_due(counting.grounds_of(self.account, doubted), now):
            readings = self.read_balances(urgent=self.pace.is_urgent)
            self.pace.counted(now)
            self.balances_at = now  # it serves the round too
            told = {row.pk: row for row in (*doubted, *counting.missing(self.account))}
            counting.tell(self.account, list(told.values()), readings, now)

    def hear_totals(self, now: datetime) -> None:
        """Look for what is beyond our book, sooner where the stream told new totals."""
        told = self.follower.totals_are_new
        seconds = strangers.TOLD_SECONDS if told else strangers.EVERY_SECONDS
        if not is_due(self.strangers_at, seconds, now):
            return
        self.follower.totals_are_new = False
        self.look_around(now)
        if told:
            self.pace.renew()
            if self.missing_coins():
                self.second_look.doubt(now)

    def balance(self, now: datetime) -> None:
        """Read all balances where that is due, wanted by somebody, or to look a second time."""
        more = self.second_look.is_due(now, compared_at=self.watch.compared_at(now))
        wanted = readers.balances_are_wanted(self.account, now)
        if not (more or wanted or self.balances_are_due(now)):
            return
        readings = self.read_balances(urgent=wanted)
        self.balances_at = now
        self.second_look.read(now, more=more)
        counting.tell_missing(self.account, readings, now)
        self.look_around(now)

    def balances_are_due(self, now: datetime) -> bool:
        polled = BALANCE_SECONDS.get(settings.KRAKEN_TIER, 60)
        return is_due(self.balances_at, FOLLOWED_BALANCE_SECONDS if self.follower.is_live else polled, now)

    def missing_coins(self) -> list[Standing]:
        return [one for one in self.watch.shelf.all() if one.bracket.missing > 0]

    def read_balances(self, *, urgent: bool = False) -> list[BalanceReading]:
        """All balances. Raises VenueUnavailable: what the stream did not tell is still not known then."""
        stale = self.follower.balances_are_stale
        self.follower.balances_are_stale = False  # what is told from here on may be newer than the answer
        try:
            readings = readers.refresh_balances(self.account, self.venue, urgent=urgent)
        except VenueUnavailable:
            self.follower.balances_are_stale |= stale
            raise
        earning.warn(self.account, self.watch.clock())
        return readings

    def look_around(self, now: datetime) -> None:
        """What the account holds beyond our book. Asks nobody: balances and orders are read anyway."""
        if self.account.recovered_at is None:
            return
        self.strangers_at = now
        loaded = [(one.row, one.bracket) for one in self.watch.shelf.all()]
        strangers.compare_coins(self.account, now, loaded)
        self.second_look.doubt(strangers.doubted_at(self.account))
        recovery.resolve_alerts(self.account, now)
