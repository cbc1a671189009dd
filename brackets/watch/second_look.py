"""When the watch reads the balances once more than their round asks for.

One reading of what the account holds proves nothing. What it told anew is read a second time a few seconds
later, instead of with the next round: once book and venue were compared in between, for a fill that was not
heard of yet explains it, and not more often than once a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from brackets.core.timers import is_long

PATIENCE = timedelta(seconds=4)  # longer than a balance may lag behind a fill
SPACING = timedelta(seconds=60)  # between two readings more than the round's


@dataclass
class SecondLook:
    """One account's. `doubted_at`: when the newest reading was made that awaits a second one."""

    doubted_at: datetime | None = None
    made_at: datetime | None = None

    def doubt(self, at: datetime | None) -> None:
        """What a reading of that moment told is to be read again; None says nothing new."""
        self.doubted_at = at or self.doubted_at

    def is_due(self, now: datetime, *, compared_at: datetime | None) -> bool:
        """`compared_at`: when book and venue were last compared."""
        doubted, made = self.doubted_at, self.made_at
        if doubted is None or not is_long(doubted, now, PATIENCE):
            return False
        if compared_at is None or compared_at <= doubted:
            return False
        return made is None or is_long(made, now, SPACING)

    def read(self, at: datetime, *, more: bool) -> None:
        """All balances were read, for their round or once `more`: what was doubted is judged by them."""
        self.doubted_at = None
        self.made_at = at if more else self.made_at
