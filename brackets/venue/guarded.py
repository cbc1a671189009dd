"""Acting on guards: one send, repeated, changed or given up as the table of the venue says.

The shell around `guards.py`, for an adapter of a venue with error numbers. It makes at most one more attempt
of a request, and only where the venue said in words that the first was not done: an answer that settles
nothing is Unknown, and is looked up like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from brackets.venue.guards import Act, Verdict, code_of, judge
from brackets.venue.port import Accepted, Outcome, Reason, Refused, Unknown
from brackets.venue.treatments import Write

CLOSE_ALL = "closePosition"
REDUCE_ONLY = "reduceOnly"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One request as it is handed to ccxt. `reduces`: it can only make a position smaller (an exit, a stop,
    a target, any cancel). `params` are ccxt's."""

    write: Write
    symbol: str
    reduces: bool
    quantity: Decimal | None = None  # base coins; None: what the venue holds, or none of its business
    params: Mapping[str, object] = field(default_factory=dict)

    def as_reduce_only(self) -> Attempt:
        """The same order, bounded by its quantity and the venue's own rule instead of by "close all"."""
        kept = {name: value for name, value in self.params.items() if name != CLOSE_ALL}
        return replace(self, params=kept | {REDUCE_ONLY: True})


Send = Callable[[Attempt], str | None]
"""Hands one attempt to the venue: the venue's order id, or None for a cancel. Raises what ccxt raises."""


class Throttles(Protocol):
    """Where it is kept which pairs are left alone, for all processes (`throttles.py`)."""

    def until(self, symbol: str) -> datetime | None: ...
    def leave_alone(self, symbol: str, *, until: datetime) -> None: ...


class Guarded:
    """Sends through the guards of one venue. `pause` waits so many seconds, `between` draws a number from the
    first to the second (a pause that all processes take alike would make them meet again)."""

    def __init__(
        self,
        venue: str,
        *,
        throttles: Throttles,
        clock: Callable[[], datetime],
        pause: Callable[[Decimal], None],
        between: Callable[[Decimal, Decimal], Decimal],
    ) -> None:
        self._venue, self._throttles = venue, throttles
        self._clock, self._pause, self._between = clock, pause, between

    def throttled_until(self, symbol: str) -> datetime | None:
        """Until when nothing is opened on this pair; None: it is free."""
        until = self._throttles.until(symbol)
        return until if until is not None and until > self._clock() else None

    def send(self, attempt: Attempt, send: Send) -> Outcome:
        """One request, at most twice at the venue. What reduces a position is never throttled."""
        until = None if attempt.reduces else self.throttled_until(attempt.symbol)
        if until is not None:
            message = f"not sent: {attempt.symbol} is left alone until {until.isoformat(timespec='seconds')}"
            return Refused(reason=Reason.RATE_LIMITED, message=message)
        outcome, again = self._try(attempt, send, number=1)
        return outcome if again is None else self._try(again, send, number=2)[0]

    def _try(self, attempt: Attempt, send: Send, *, number: int) -> tuple[Outcome, Attempt | None]:
        """What came of one attempt, and the attempt that shall follow it."""
        try:
            return Accepted(venue_order_id=send(attempt)), None
        except Exception as error:
            code = code_of(error)
            verdict = None
            if code is not None:
                verdict = judge(
                    self._venue, code, write=attempt.write, reduces=attempt.reduces, attempt=number
                )
            if verdict is None:
                return Unknown(message=f"{type(error).__name__}: {error}"[:300]), None
            return self._follow(verdict, attempt)

    def _follow(self, verdict: Verdict, attempt: Attempt) -> tuple[Outcome, Attempt | None]:
        guard = verdict.guard
        refused = Refused(reason=guard.reason, message=f"{guard.code}: {guard.meaning}")
        match verdict.act:
            case Act.RETRY_ONCE:
                self._pause(self._between(*guard.pause_seconds))
                return refused, attempt
            case Act.REDUCE_ONLY:
                return refused, attempt.as_reduce_only()
            case Act.THROTTLE:
                pause = float(self._between(*guard.pause_seconds))
                until = self._clock() + timedelta(seconds=pause)
                self._throttles.leave_alone(attempt.symbol, until=until)
        # SKIP, NO_OP, SUCCESS: the reason says to the bracket which it was (`treatments.py`); a rest too
        # small to be closed ends there as dust, an unknown order is read.
        return refused, None
