"""How long to leave the venue alone before the next connection.

Pure. Kraken bans an address for ten minutes that connects about 150 times in ten minutes; between two
processes and their restarts much less than that must be ours.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Waits in seconds: doubling from the first to the longest, and a bound for each ten minutes."""

    first_seconds: float = 0.25
    longest_seconds: float = 30.0
    window_seconds: float = 600.0
    most_in_window: int = 60
    proven_seconds: float = 30.0  # a connection that held that long begins the doubling anew


class Backoff:
    """The attempts of one connection. `now` is seconds of a clock that only goes forward."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self._attempts: deque[float] = deque(maxlen=self.pace.most_in_window)
        self._failures = 0

    def seconds_until_next(self, *, now: float, chance: float) -> float:
        """Seconds to wait before connecting. `chance` in [0, 1) spreads those who lost it together."""
        wait = 0.0
        if self._failures:
            longest = min(self.pace.first_seconds * 2.0 ** (self._failures - 1), self.pace.longest_seconds)
            wait = longest * (1 + chance) / 2
        if len(self._attempts) == self.pace.most_in_window:
            wait = max(wait, self._attempts[0] + self.pace.window_seconds - now)
        return wait

    def began(self, *, now: float) -> None:
        """An attempt was made."""
        self._attempts.append(now)

    def ended(self, *, now: float, ready_at: float | None) -> None:
        """It failed, or what it opened is lost. `ready_at`: when it was of use, if ever."""
        proven = ready_at is not None and now - ready_at >= self.pace.proven_seconds
        self._failures = 1 if proven else min(self._failures + 1, 32)
