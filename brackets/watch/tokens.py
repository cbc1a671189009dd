"""The private stream's tokens: bought when there is none, kept until one was said to the venue.

A token costs a point of the rate budget and opens one connection within 15 minutes. A venue that refuses
connections for a while must not be able to spend a point with every try, least of all while coins are
without protection and each point is wanted for their order.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from brackets.venue.port import Venue

KEPT_SECONDS = 14 * 60.0  # the venue lets one be used for 15 minutes


class Tokens:
    """At most one unused token. Threads may share it; what it holds is a secret."""

    def __init__(
        self,
        venue: Venue,
        *,
        pressed: Callable[[], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._venue, self._pressed, self._monotonic = venue, pressed, monotonic
        self._unused, self._bought_at = "", 0.0
        self._lock = threading.Lock()

    def take(self) -> str:
        """The unused token, or a new one. Raises VenueUnavailable.

        Buying is urgent, for a living stream saves the many points that polling takes; but not while the
        brackets themselves need the reserve."""
        with self._lock:
            if self._unused and self._monotonic() - self._bought_at < KEPT_SECONDS:
                return self._unused
        asked_at = self._monotonic()
        token = self._venue.websocket_token(urgent=not self._pressed())
        with self._lock:
            self._unused, self._bought_at = token, asked_at
        return token

    def spend(self, token: str) -> None:
        """It was said to the venue: used or refused, it opens no other connection."""
        with self._lock:
            if self._unused == token:
                self._unused = ""
