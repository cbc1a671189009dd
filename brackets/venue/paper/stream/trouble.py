"""Faults of the WebSocket that a test may order: silence, and messages lost, doubled or out of order.

Stands between a session and its socket, and is only ever armed by the control channel. A fault of a
channel strikes the next message of that channel, on whichever connection it is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

Note = Callable[[str], None]


class Mishap(StrEnum):
    SKIP = "skip"  # a sequence number is left out, nothing is lost
    LOSE = "lose"  # a message is lost, and its number with it
    DUPLICATE = "duplicate"  # a message comes twice
    DISORDER = "disorder"  # a message comes after the one that follows it


@dataclass(slots=True)
class Trouble:
    """What is going to go wrong. `note` is told of every fault that happened."""

    note: Note = lambda line: None
    silent_until: Decimal | None = None
    refusing_until: Decimal | None = None  # no connection is accepted
    armed: list[tuple[Mishap, str]] = field(default_factory=list)  # (what, channel)

    def arm(self, what: Mishap, *, channel: str, count: int = 1) -> None:
        self.armed += [(what, channel)] * count

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.armed.clear()
        self.silent_until = self.refusing_until = None

    def silent(self, now: Decimal) -> bool:
        return self.silent_until is not None and now < self.silent_until

    def refusing(self, now: Decimal) -> bool:
        return self.refusing_until is not None and now < self.refusing_until

    def strike(self, channel: str, *, sequence: int) -> Mishap | None:
        """What happens to the next message of a channel; it happens once."""
        for index, (what, where) in enumerate(self.armed):
            if where == channel:
                del self.armed[index]
                self.note(f"FAULT websocket {what} channel={channel} sequence={sequence}")
                return what
        return None
