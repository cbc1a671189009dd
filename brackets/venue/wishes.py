"""Going first: how somebody urgent who waits for a turn keeps others back.

Stands beside `sender.py`. Wishes stand on the key's own row, as a count of who waits and the time until which
that counts, so that the database puts wishes and turns in one order: a turn that is not urgent is won only
by an update which finds no wish (`alive` is excluded in it). Whoever waits counts itself in once, renews the
time while it waits, and is counted out by the very update that wins its turn. One that is killed meanwhile
stays in the count; the time, which nobody renews, ends that. Whoever is counted in also stands in its
process's line (`line.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable

from brackets.models.sender import SenderKey
from brackets.venue.line import Line, Place

log = logging.getLogger("backstop.sender")
WISH_SECONDS = 2.0  # much longer than a loaded machine keeps a waiter from renewing it
RENEW_SECONDS = 0.25
FURTHEST = timedelta(seconds=2 * WISH_SECONDS)  # one further in the future is a clock's mistake


def alive(now: datetime) -> Q:
    """The rows on which somebody urgent waits."""
    return Q(urgent_waiting__gt=0, urgent_until__gt=now, urgent_until__lte=now + FURTHEST)


def is_wanted(row: SenderKey, now: datetime) -> bool:
    """The same, of a row in hand."""
    until = row.urgent_until
    return row.urgent_waiting > 0 and until is not None and now < until <= now + FURTHEST


class Wish:
    """One waiter's wish to go first; does nothing until `insist`."""

    def __init__(
        self,
        rows: Callable[[], QuerySet[SenderKey]],
        clock: Callable[[], datetime],
        line: Line,
        *,
        head_start: float = 0.0,
    ) -> None:
        """`head_start`: before whom it goes in the line, by the seconds they came earlier."""
        self._rows, self._clock = rows, clock
        self._line, self._head_start = line, head_start
        self._place: Place | None = None
        self._stands = False
        self._renew_at = 0.0

    def insist(self) -> None:
        """Count this waiter in, or renew the time; called again and again while it waits."""
        if self._place is None:
            self._place = self._line.stand(time.monotonic(), head_start=self._head_start)
        if not self._stands:
            self.begin()
            self._stands = True
        elif time.monotonic() >= self._renew_at:
            self._write(F("urgent_waiting"))
        else:
            return
        self._renew_at = time.monotonic() + RENEW_SECONDS

    def begin(self) -> None:
        self._write(F("urgent_waiting") + 1)

    def is_first(self) -> bool:
        """Whether nobody of this process waits before it; true also of one that never had to wait."""
        return self._place is None or self._line.is_first(self._place, time.monotonic())

    def drop(self) -> None:
        """Count this waiter out, without a turn. A database that cannot be asked forgets it in time."""
        self._leave()
        if not self._stands:
            return
        self._stands = False
        try:
            self._rows().update(urgent_waiting=ONE_LESS)
        except DatabaseError as error:
            log.warning("a wish to go first could not be taken back; it lapses: %s", error)

    def changes(self) -> dict[str, Any]:
        """What the update that wins the turn changes of the row, to count this waiter out."""
        return {"urgent_waiting": ONE_LESS} if self._stands else {}

    def fulfil(self) -> None:
        """The turn was won, and `changes` with it."""
        self._leave()
        self._stands = False

    def _leave(self) -> None:
        if self._place is not None:
            self._line.leave(self._place)
            self._place = None

    def _write(self, if_alive: Combinable) -> None:
        """A count that lapsed is of the dead, or of others who count themselves in anew: it begins at one."""
        now = self._clock()
        waiting = Case(When(alive(now), then=if_alive), default=Value(1), output_field=IntegerField())
        self._rows().update(urgent_until=now + timedelta(seconds=WISH_SECONDS), urgent_waiting=waiting)


ONE_LESS = Case(
    When(urgent_waiting__gt=0, then=F("urgent_waiting") - 1), default=Value(0), output_field=IntegerField()
)
