"""The one clock of a story: it runs like the wall's and can be put forward.

Product and venue look at the same clock, so that waits of ten or thirty seconds cost nothing while what an
HTTP exchange takes is still seen by both. Nothing here ever goes back.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SkippingClock:
    """Real time plus what was skipped."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)
        self._ticking = time.monotonic()
        self.skipped = timedelta(0)

    def skip(self, seconds: float) -> None:
        self.skipped += timedelta(seconds=seconds)

    def now(self) -> datetime:
        """In place of `timezone.now`."""
        return self._began + timedelta(seconds=time.monotonic() - self._ticking) + self.skipped

    def unix(self) -> Decimal:
        """In place of the paper venue's `wall_clock`: seconds, to the microsecond."""
        return Decimal((self.now() - EPOCH) // MICROSECOND) / 1_000_000

    def ticking(self) -> float:
        """In place of a clock nobody can set."""
        return float(self.unix())

    def datetime(self) -> type[datetime]:
        """In place of the class `datetime` in a module that asks it for the time."""
        clock = self

        class StoryDatetime(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return clock.now().astimezone(tz)

        return StoryDatetime
