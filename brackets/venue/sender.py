"""One sender per API key: at any moment, one process on one machine talks to the venue with it.

Every private request takes a turn. A turn is won by one compare-and-swap in the database that takes the
lease, raises the last nonce and charges the rate budget together; it is held until the HTTP answer is
in, so that nonces arrive at the venue in the order in which they were given. Between turns an urgent
waiter is served before others.

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

from brackets.models.sender import SenderKey
from brackets.venue.kraken import budget
from brackets.venue.port import BudgetExhausted, VenueUnavailable

log = logging.getLogger("backstop.sender")
LEASE_MARGIN_SECONDS = 2.0  # connecting, besides the timeout of the answer
POLL_SECONDS = (0.010, 0.020)
BUDGET_POLL_SECONDS = 0.25  # the budget refills slowly: no need to look more often
URGENT_SECONDS = 0.1  # how long an urgent waiter's wish keeps others back; renewed while it waits
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    nonce: int
    fence: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Busy:
    """Somebody else is sending, or somebody urgent goes first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """The rate budget has nothing for this call yet."""

    counter: int
    free_in_milliseconds: int


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
    ) -> None:
        if tier not in budget.TIERS:
            raise ValueError(f"KRAKEN_TIER is {tier!r}; it must be one of {', '.join(budget.TIERS)}")
        self.key_fingerprint, self.tier, self.clock = key_fingerprint, budget.TIERS[tier], clock
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
    def turn(self, *, cost: int, urgent: bool, patience_seconds: float = 0.0) -> Iterator[int]:
        """The right to send one private request, with the nonce it must bear.

        `cost` is in points of the rate budget. Without budget a call that is not urgent raises
        BudgetExhausted at once, or after `patience_seconds`; an urgent one may use the reserve and waits
        for it. Raises VenueUnavailable when no turn comes in time, InsideTransaction, and whatever
        the database raises: without it nothing is sent.
        """
        if connection.in_atomic_block:
            raise InsideTransaction("a request to the venue inside a transaction: commit first, then send")
        taken = self._take(cost=cost, urgent=urgent, patience_seconds=patience_seconds)
        try:
            yield taken.nonce
        finally:
            self._release(taken.fence)

    def note_rate_limited(self) -> None:
        """The venue says its counter is full: believe it. To be called inside a turn."""
        self._rows().update(counter_thousandths=self.tier.limit, counter_at=self.clock())

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

    def _take(self, *, cost: int, urgent: bool, patience_seconds: float) -> Taken:
        began = time.monotonic()
        wish_again_at = 0.0
        budget_wait = self.max_wait_seconds if urgent else patience_seconds
        while True:
            pause = random.uniform(*POLL_SECONDS)
            answer = self._attempt(cost=cost, urgent=urgent)
            waited = time.monotonic() - began
            match answer:
                case Taken():
                    return answer
                case Spent():
                    if waited + answer.free_in_milliseconds / 1000 > budget_wait:
                        raise BudgetExhausted(
                            f"the rate budget is used up: counter {answer.counter / 1000:.1f} of "
                            f"{self.tier.limit / 1000:g}, free for this call in "
                            f"{answer.free_in_milliseconds / 1000:.1f} s"
                        )
                    pause = max(pause, min(answer.free_in_milliseconds / 1000, BUDGET_POLL_SECONDS))
                case Busy():
                    if waited > max(self.max_wait_seconds, budget_wait):
                        raise VenueUnavailable(f"no turn to send within {waited:.1f} s: others are sending")
                    if urgent and waited >= wish_again_at:
                        self._rows().update(urgent_until=self.clock() + timedelta(seconds=URGENT_SECONDS))
                        wish_again_at = waited + URGENT_SECONDS / 2
            time.sleep(pause)

    def _attempt(self, *, cost: int, urgent: bool) -> Taken | Busy | Spent:
        """One look and, when it is our turn, one compare-and-swap."""
        row, now = self._row(), self.clock()
        level = self._level(row, now)
        after = budget.charged(level, cost=cost, urgent=urgent, tier=self.tier)
        if after is None:
            self._heal_clock(row, now)
            wait = budget.milliseconds_until(level, cost=cost, urgent=urgent, tier=self.tier)
            return Spent(counter=level, free_in_milliseconds=wait)
        if self._is_held(row, now) or (not urgent and self._is_wanted(row, now)):
            return Busy()
        nonce = max(row.last_nonce + 1, (now - EPOCH) // MILLISECOND)
        won = (
            self._rows()
            .filter(fence=row.fence)
            .update(
                fence=row.fence + 1,
                holder=holder_name(),
                lease_expires_at=now + self.lease,
                last_nonce=nonce,
                counter_thousandths=after,
                counter_at=now,
                updated_at=now,
            )
        )
        return Taken(nonce=nonce, fence=row.fence + 1) if won else Busy()

    def _release(self, fence: int) -> None:
        """Give the turn back, if it is still ours. The answer in hand is worth more than the lease."""
        try:
            self._rows().filter(fence=fence).update(holder="", lease_expires_at=None)
        except DatabaseError:
            log.exception("the turn could not be given back; its lease runs out by itself")

    def _level(self, row: SenderKey, now: datetime) -> int:
        elapsed = (now - row.counter_at) // MILLISECOND
        return budget.decayed(row.counter_thousandths, elapsed_milliseconds=elapsed, tier=self.tier)

    def _heal_clock(self, row: SenderKey, now: datetime) -> None:
        """A counter dated in the future (a clock was set back) would not decay until then."""
        if row.counter_at > now:
            self._rows().filter(fence=row.fence, counter_at=row.counter_at).update(counter_at=now)

    def _is_held(self, row: SenderKey, now: datetime) -> bool:
        if not row.holder or row.lease_expires_at is None:
            return False
        return now < row.lease_expires_at <= now + 2 * self.lease and not is_dead(row.holder)

    def _is_wanted(self, row: SenderKey, now: datetime) -> bool:
        until = row.urgent_until
        return until is not None and now < until <= now + timedelta(seconds=2 * URGENT_SECONDS)
