"""Whether something is due again."""

from __future__ import annotations

from datetime import datetime, timedelta

from brackets.core.timers import is_long


def is_due(last: datetime | None, seconds: float, now: datetime) -> bool:
    """Whether the last time is so long ago, or there was none."""
    return last is None or is_long(last, now, timedelta(seconds=seconds))
