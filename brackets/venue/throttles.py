"""Pairs that a venue wants to be left alone with, kept on the instrument's row.

All processes of an account see it, and a restart does not forget it. Read and written by `guarded.py`, before
and after a send, never inside a transaction of the caller's.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from brackets.models.account import Account, Instrument


class InstrumentThrottles:
    """The throttled pairs of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def until(self, symbol: str) -> datetime | None:
        """Until when nothing is opened on this pair; a time that is over says nothing any more."""
        rows = Instrument.objects.filter(account=self._account, symbol=symbol)
        return rows.values_list("throttled_until", flat=True).first()

    def leave_alone(self, symbol: str, *, until: datetime) -> None:
        """Open nothing on it until then. Of two processes that were told so, the later time counts."""
        rows = Instrument.objects.filter(account=self._account, symbol=symbol)
        rows.filter(Q(throttled_until=None) | Q(throttled_until__lt=until)).update(throttled_until=until)
