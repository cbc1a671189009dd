"""What the tests of the sender share: a clock that stands where it is set, the key's row, its turns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from brackets.models.sender import SenderKey
from brackets.venue.sender import SenderSlot

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAME = "f" * 64


class SetClock:
    """A wall clock that stands where it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def row(*, name: str = NAME, **changes: Any) -> SenderKey:
    fields = {"counter_thousandths": 0, "counter_at": NOON, "updated_at": NOON} | changes
    return SenderKey.objects.update_or_create(key_fingerprint=name, defaults=fields)[0]


def slot(clock: SetClock, **options: Any) -> SenderSlot:
    return SenderSlot(key_fingerprint=NAME, clock=clock, **({"max_wait_seconds": 0.05} | options))


def take(of: SenderSlot, *, cost: int = 0, urgent: bool = True) -> int:
    with of.turn(cost=cost, urgent=urgent) as turn:
        return turn.nonce
