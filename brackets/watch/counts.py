"""When the watch counts coins that are in doubt: at once where something is new, then ever more rarely.

A count costs what a comparison costs, and at the smallest tier as much as comes back meanwhile: counting
every few seconds would leave nothing to the comparisons, which alone see what nobody told. So the pace
doubles as long as no order is newly refused and neither a count nor the stream tells anything new, and what
was told already is counted out of the share of the polls, not out of the reserve.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from brackets.core.timers import is_long
from brackets.counting import Ground

FIRST_SECONDS = 3
MOST_SECONDS = 60
URGENT_COUNTS = 2  # of the same grounds: so many are believed


@dataclass
class CountingPace:
    """One account's. `counts` is how many were made since anything was new."""

    known: frozenset[Ground] = frozenset()
    counts: int = 0
    counted_at: datetime | None = None

    def is_due(self, grounds: frozenset[Ground], now: datetime) -> bool:
        """Whether to count now for these grounds; none, no count."""
        if grounds - self.known:
            self.renew()
        self.known = grounds
        if not grounds:
            return False
        return self.counted_at is None or is_long(self.counted_at, now, self.spacing)

    @property
    def spacing(self) -> timedelta:
        """3 s after the first and second count, then 6, 12, 24, 48 and 60."""
        doublings = max(self.counts - 1, 0)
        return timedelta(seconds=min(FIRST_SECONDS << min(doublings, 8), MOST_SECONDS))

    @property
    def is_urgent(self) -> bool:
        """Whether the next count may use the reserve of the rate budget."""
        return self.counts < URGENT_COUNTS

    def renew(self) -> None:
        """Something is new: what is in doubt is counted at once, 3 s after the last count."""
        self.counts = 0

    def counted(self, at: datetime) -> None:
        self.counted_at = at
        self.counts += 1
