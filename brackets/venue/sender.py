"""One sender per API key: at any moment, one process on one machine talks to the venue with it.

Every private request takes a turn. A turn is won by one compare-and-swap in the database that takes the
lease, raises the last nonce and charges the rate budget (the key's REST counter and the pair's trading
counter) together; it is held until the HTTP answer is in, so that nonces arrive at the venue in the order
in which they were given. Between turns an urgent waiter is served before others (`wishes.py`), and before
one just as urgent that comes later: a thread that sends one request after the other lets it go first. Those
who wait in one process stand in a line (`line.py`); between processes chance decides. A charge decays from
the answer on, not from the claim: the venue may have counted it as late as that.

What keeps it safe is the nonce, not the lease. Where a lease runs out under a holder that still waits,
or is taken from a process known to be dead, a request of the former holder that arrives late bears a
lower nonce than the new holder's and is refused (`EAPI:Invalid nonce`: certainly not done). The lease
only makes that rare. Local clocks may differ or step: a nonce is never lower than the last one plus one,
and a lease further in the future than any lease can be has lapsed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from brackets import storage
from brackets.models.sender import SenderKey
from brackets.venue.kraken import budget, pair_budget
from brackets.venue.line import HEAD_START_SECONDS, line_of
from brackets.venue.port import BudgetExhausted, VenueUnavailable
from brackets.venue.wishes import Wish, alive, is_wanted

log = logging.getLogger("backstop.sender")
LEASE_MARGIN_SECONDS = 2.0  # connecting, besides the timeout of the answer
POLL_SECONDS = (0.010, 0.020)
STAND_BACK_SECONDS = 0.025  # after its first look: longer than whoever waits already sleeps
BUDGET_POLL_SECONDS = 0.25  # the budget refills slowly: no need to look more often
PAIR_SECONDS = 1.0  # how long an urgent write waits for its pair's counter
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class InsideTransaction(RuntimeError):
    """A turn was asked for inside a transaction: the network is never waited for there."""


def fingerprint(*, url: str, api_key: str) -> str:
    """Names a key at a venue without telling it."""
    return hashlib.sha256(f"{url}\n{api_key}".encode()).hexdigest()


# --- who holds ---------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def this_host() -> str:
    """Host, boot and process table: pids of two holders are comparable only where all three agree."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        table = os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
    return f"{socket.gethostname()}/{boot}/{table}"


def process_start(pid: int) -> str | None:
    """When a process of this host started, in ticks since boot; None when it is dead or a zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] in {"Z", "X"} else after_name[19]


def holder_name() -> str:
    pid = os.getpid()
    return f"{this_host() or socket.gethostname()} {pid} {process_start(pid) or '-'}"


def is_dead(holder: str) -> bool:
    """True only when the holder is a process of this very host that is verifiably gone."""
    host, _, rest = holder.partition(" ")
    pid, _, start = rest.partition(" ")
    if not this_host() or host != this_host() or not pid.isdigit() or start == "-":
        return False
    return process_start(int(pid)) != start


# --- the turn ------------------------------------------------------------------------------------


@dataclass(kw_only=True, slots=True)
class Turn:
    """The right to send one private request. What its answer says of our counters is noted here."""

    nonce: int
    fence: int
    cost: int  # of the key's counter
    symbol: str | None  # whose trading counter it charged
    book: pair_budget.Book  # the trading counters with this turn's charge
    decays_from: int  # when that charge decays from, unless the answer is in before
    key_is_full: bool = False  # the venue says so: believe it
    pair_is_full: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Busy:
    """Somebody else is sending, or somebody urgent goes first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """A rate budget has nothing for this call yet."""

    words: str
    free_in_milliseconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a caller wants to send."""

    cost: int  # points of the key's counter
    urgent: bool
    spending: pair_budget.Spending | None  # of the pair's counter


def head_start(spending: pair_budget.Spending | None) -> float:
    """Before whom a call goes that waits in line, by the seconds they came earlier: what has a deadline
    goes before cancels and readings."""
    has_deadline = spending is not None and spending.deed is not pair_budget.Deed.CANCEL
    return HEAD_START_SECONDS if has_deadline else 0.0


def milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def spent(what: str, level: int, *, cost: int, urgent: bool, tier: budget.Tier) -> Spent | None:
    """Why a call of `cost` points must not be made at this level, and when it may; None when it may now."""
    if budget.charged(level, cost=cost, urgent=urgent, tier=tier) is not None:
        return None
    wait = budget.milliseconds_until(level, cost=cost, urgent=urgent, tier=tier)
    return Spent(
        words=f"{what}: counter {level / 1000:.1f} of {tier.limit / 1000:g}, "
        f"free for this call in {wait / 1000:.1f} s",
        free_in_milliseconds=wait,
    )


class SenderSlot:
    """The turns of one API key. Has no state of its own: threads and forks may share it."""

    def __init__(
        self,
        *,
        key_fingerprint: str,
        tier: str = "starter",
        timeout_seconds: float = 5.0,
        max_wait_seconds: float | None = None,
        clock: Callable[[], datetime] = timezone.now,
        decay_times: int = 1,
    ) -> None:
        """`decay_times` hastens the decay of both counters, for a venue that does the same."""
        if tier not in budget.TIERS:
            raise ValueError(f"KRAKEN_TIER is {tier!r}; it must be one of {', '.join(budget.TIERS)}")
        self.key_fingerprint, self.clock = key_fingerprint, clock
        self.tier = budget.TIERS[tier].hastened(decay_times)
        self.pair_tier = pair_budget.TIERS[tier].hastened(decay_times)
        self.lease = timedelta(seconds=timeout_seconds + LEASE_MARGIN_SECONDS)
        # Long enough to outlive a lease whose holder vanished on another machine.
        self.max_wait_seconds = max_wait_seconds or self.lease.total_seconds() + 3.0

    @classmethod
    def from_settings(cls) -> SenderSlot:
        return cls(
            key_fingerprint=fingerprint(url=settings.KRAKEN_API_URL, api_key=settings.KRAKEN_API_KEY),
            tier=settings.KRAKEN_TIER,
            timeout_seconds=float(settings.KRAKEN_TIMEOUT_SECONDS),
        )

    @contextmanager
    def turn(
        self,
        *,
        cost: int,
        urgent: bool,
        spending: pair_budget.Spending | None = None,
        patience_seconds: float = 0.0,
        give_way: Callable[[], bool] = lambda: False,
    ) -> Iterator[Turn]:
        """The right to send one private request, with the nonce it must bear.

        `cost` is in points of the key's counter, `spending` what a write costs its pair's. Without budget
        a call that is not urgent raises BudgetExhausted at once, or after `patience_seconds`, or as soon as
        `give_way` says that its caller has something urgent to turn to; an urgent one may use the reserve
        and waits for it (a write a second at most). Raises VenueUnavailable when no turn comes in time,
        InsideTransaction, and whatever the database raises: nothing is sent then.
        """
        if connection.in_atomic_block:
            raise InsideTransaction("a request to the venue inside a transaction: commit first, then send")
        wanted = Wanted(cost=cost, urgent=urgent, spending=spending)
        turn = self._take(wanted, patience_seconds=patience_seconds, give_way=give_way)
        try:
            yield turn
        finally:
            self._release(turn)

    # --- inside ----------------------------------------------------------------------------------

    def _rows(self) -> Any:
        return SenderKey.objects.filter(key_fingerprint=self.key_fingerprint)

    def _row(self) -> SenderKey:
        row = self._rows().first()
        if row is not None:
            return row
        now = self.clock()
        fresh = {"counter_thousandths": self.tier.limit, "counter_at": now, "updated_at": now}
        return SenderKey.objects.get_or_create(key_fingerprint=self.key_fingerprint, defaults=fresh)[0]

    def _take(self, wanted: Wanted, *, patience_seconds: float, give_way: Callable[[], bool]) -> Turn:
        wish = self._wish(wanted)
        try:
            return self._wait(wanted, wish, self._patience(wanted, patience_seconds), give_way)
        except BaseException:
            wish.drop()
            raise

    def _wish(self, wanted: Wanted) -> Wish:
        return Wish(
            self._rows, self.clock, line_of(self.key_fingerprint), head_start=head_start(wanted.spending)
        )

    def _wait(self, wanted: Wanted, wish: Wish, budget_wait: float, give_way: Callable[[], bool]) -> Turn:
        began = time.monotonic()
        newcomer = True
        while True:
            pause = STAND_BACK_SECONDS if newcomer else random.uniform(*POLL_SECONDS)
            answer = self._attempt(wanted, newcomer=newcomer, wish=wish)
            newcomer = False
            waited = time.monotonic() - began
            match answer:
                case Turn():
                    return answer
                case Spent():
                    wish.drop()  # it could not go anyway: nobody is kept back for it
                    hopeless = waited + answer.free_in_milliseconds / 1000 > budget_wait
                    if hopeless or (not wanted.urgent and give_way()):
                        raise BudgetExhausted(answer.words)
                    pause = max(pause, min(answer.free_in_milliseconds / 1000, BUDGET_POLL_SECONDS))
                case Busy():
                    if waited > max(self.max_wait_seconds, budget_wait):
                        raise VenueUnavailable(f"no turn to send within {waited:.1f} s: others are sending")
                    if wanted.urgent:
                        wish.insist()
            time.sleep(pause)

    def _patience(self, wanted: Wanted, patience_seconds: float) -> float:
        """How long this caller waits for budget. A write whose pair is full is soon given back to be
        tried again: behind it the exits of other pairs would wait."""
        if not wanted.urgent:
            return patience_seconds
        return self.max_wait_seconds if wanted.spending is None else min(PAIR_SECONDS, self.max_wait_seconds)

    def _attempt(self, wanted: Wanted, *, newcomer: bool, wish: Wish | None = None) -> Turn | Busy | Spent:
        """One look and, when it is our turn, one compare-and-swap. At its first look a newcomer lets others
        go first who wait with something urgent, however urgent its own is: by its second they had their
        chance."""
        row, now = self._row(), self.clock()
        book = self._book(row, now)
        nothing_left = self._key_spent(row, wanted, now) or self._pair_spent(book, wanted, now)
        if nothing_left is not None:
            self._heal_clock(row, now)
            return nothing_left
        stands_back = newcomer or not wanted.urgent
        is_behind = wish is not None and not wish.is_first()
        if is_behind or self._is_held(row, now) or (stands_back and is_wanted(row, now)):
            return Busy()
        turn = self._charged(row, book, wanted, now)
        free = self._rows().filter(fence=row.fence)
        if not wanted.urgent:  # a wish that was written since the look holds this one back too
            free = free.exclude(alive(now))
        won = free.update(
            fence=turn.fence,
            holder=holder_name(),
            lease_expires_at=now + self.lease,
            last_nonce=turn.nonce,
            counter_thousandths=self._level(row, now) + wanted.cost * budget.POINT,
            counter_at=now + self.lease if wanted.cost else self._decaying_from(row, now),
            pair_counters=turn.book,
            updated_at=now,
            **(wish.changes() if wish is not None else {}),
        )
        if won and wish is not None:
            wish.fulfil()
        return turn if won else Busy()

    def _charged(self, row: SenderKey, book: pair_budget.Book, wanted: Wanted, now: datetime) -> Turn:
        """The turn as it would be taken now, its charge dated at the end of the lease."""
        at, decays_from = milliseconds(now), milliseconds(now + self.lease)
        spending = wanted.spending
        return Turn(
            nonce=max(row.last_nonce + 1, at),
            fence=row.fence + 1,
            cost=wanted.cost,
            symbol=spending.symbol if spending is not None else None,
            decays_from=decays_from,
            book=pair_budget.lifted(
                book,
                spending.symbol if spending is not None else None,
                by=spending.points(now) if spending is not None else 0,
                at_milliseconds=at,
                decays_from=decays_from,
                tier=self.pair_tier,
            ),
        )

    def _release(self, turn: Turn) -> None:
        """Give the turn back, if it is still ours. The answer in hand is worth more than the lease."""
        now = self.clock()
        at = milliseconds(now)
        book = pair_budget.settled(turn.book, decays_from=turn.decays_from, at_milliseconds=at)
        if turn.pair_is_full and turn.symbol is not None:
            book = pair_budget.filled(book, turn.symbol, at_milliseconds=at, tier=self.pair_tier)
        changes: dict[str, Any] = {"holder": "", "lease_expires_at": None, "pair_counters": book}
        if turn.cost:
            changes["counter_at"] = now
        if turn.key_is_full:
            changes |= {"counter_thousandths": self.tier.limit, "counter_at": now}
        try:
            self._rows().filter(fence=turn.fence).update(**changes)
        except DatabaseError as error:
            if not storage.VOICE.tell(error):
                log.exception("the turn could not be given back; its lease runs out by itself")

    # --- the budget --------------------------------------------------------------------------------

    def _key_spent(self, row: SenderKey, wanted: Wanted, now: datetime) -> Spent | None:
        level = self._level(row, now)
        return spent(
            "the rate budget is used up", level, cost=wanted.cost, urgent=wanted.urgent, tier=self.tier
        )

    def _pair_spent(self, book: pair_budget.Book, wanted: Wanted, now: datetime) -> Spent | None:
        spending = wanted.spending
        if spending is None or spending.symbol is None:  # without its pair nobody can say that it is spent
            return None
        level = pair_budget.level(
            book, spending.symbol, at_milliseconds=milliseconds(now), tier=self.pair_tier
        )
        what = f"the trading budget of {spending.symbol} is used up"
        cost = spending.points(now)
        return spent(what, level, cost=cost, urgent=wanted.urgent, tier=self.pair_tier)

    def _book(self, row: SenderKey, now: datetime) -> pair_budget.Book:
        return pair_budget.healed(
            pair_budget.read(row.pair_counters),
            latest_milliseconds=milliseconds(now + 2 * self.lease),
            at_milliseconds=milliseconds(now),
        )

    def _level(self, row: SenderKey, now: datetime) -> int:
        elapsed = (now - row.counter_at) // MILLISECOND
        return budget.decayed(row.counter_thousandths, elapsed_milliseconds=elapsed, tier=self.tier)

    def _decaying_from(self, row: SenderKey, now: datetime) -> datetime:
        """From when the key's counter, read now, decays: now, or the end of a dead sender's lease."""
        return row.counter_at if now < row.counter_at <= now + 2 * self.lease else now

    def _heal_clock(self, row: SenderKey, now: datetime) -> None:
        """Counters dated further ahead than a lease (a clock was set back) would not decay until then."""
        latest = now + 2 * self.lease
        if row.counter_at > latest:
            self._rows().filter(fence=row.fence, counter_at=row.counter_at).update(counter_at=now)
        healed = self._book(row, now)
        if healed != pair_budget.read(row.pair_counters):
            self._rows().filter(fence=row.fence).update(pair_counters=healed)

    def _is_held(self, row: SenderKey, now: datetime) -> bool:
        if not row.holder or row.lease_expires_at is None:
            return False
        return now < row.lease_expires_at <= now + 2 * self.lease and not is_dead(row.holder)
