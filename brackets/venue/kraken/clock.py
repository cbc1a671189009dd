"""Kraken's clock as seen from here, for deadlines: measured from `Time`, carried on by our own ticking.

The measurement is tied to a clock that cannot be set, so a step of the wall clock moves the offset
with it instead of spoiling it. Kraken tells whole seconds; half a second is added, and the result is
good to about that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from brackets.venue.port import VenueUnavailable

REFRESH_SECONDS = 300
RETRY_SECONDS = 10  # after a failed measurement
FIRST_RETRY_SECONDS = (
    2  # … while nothing is known: an order without a deadline waits long to be proven absent
)
FORGET_SECONDS = 3600  # an offset nobody could confirm for so long is no longer known
SLOWEST_ANSWER_SECONDS = 2.0  # the midpoint of a slower one says too little


def ticking() -> float:
    """Seconds of a clock nobody can set, which also runs while the machine sleeps where there is one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def wall() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Anchor:
    venue_time: datetime
    at: float  # on the ticking clock


class ClockOffset:
    """How far the venue's clock is ahead of this machine's; one per adapter, shared by its threads."""

    def __init__(
        self,
        read: Callable[[], datetime],
        *,
        ticking: Callable[[], float] = ticking,
        wall: Callable[[], datetime] = wall,
    ) -> None:
        self._read, self._ticking, self._wall = read, ticking, wall
        self._anchor: Anchor | None = None
        self._next_at: float | None = None
        self._lock = threading.Lock()

    def known(self) -> timedelta | None:
        """Venue time minus local time from what was measured; None when not known. No network."""
        venue_time = self.venue_time()
        return None if venue_time is None else venue_time - self._wall()

    def venue_time(self) -> datetime | None:
        """What the venue's clock shows now, whatever ours does; None when not known. No network."""
        anchor, now = self._anchor, self._ticking()
        if anchor is None or now - anchor.at > FORGET_SECONDS:
            return None
        return anchor.venue_time + timedelta(seconds=now - anchor.at)

    def offset(self) -> timedelta | None:
        """As `known`, measured afresh first when that is due (one public call every five minutes)."""
        if self._next_at is None or self._ticking() >= self._next_at:
            if self._anchor is None:  # nobody knows anything yet: whoever asks first may still be waiting
                self._measure()
            elif self._lock.acquire(blocking=False):  # one thread measures, the others do not wait
                try:
                    self._measure()
                finally:
                    self._lock.release()
        return self.known()

    def doubt(self) -> None:
        """The venue did not take a deadline of ours: its clock may not be where it was measured. What is
        known serves until the next `offset`, which measures."""
        self._next_at = None

    def _measure(self) -> None:
        before = self._ticking()
        try:
            venue_time = self._read()
        except VenueUnavailable:
            self._next_at = self._ticking() + self._pause()
            return
        after = self._ticking()
        if after - before > SLOWEST_ANSWER_SECONDS:
            self._next_at = after + self._pause()
            return
        self._anchor = Anchor(venue_time + timedelta(seconds=0.5), (before + after) / 2)
        self._next_at = after + REFRESH_SECONDS

    def _pause(self) -> float:
        return FIRST_RETRY_SECONDS if self._anchor is None else RETRY_SECONDS
