"""A line: in which order those of one process get the turn of a key that wait for it with something urgent.

Stands beside `wishes.py`, which keeps others back, in any process, and `sender.py`, whose database knows one
turn and no order among those who wait for it: by chance alone one of them may wait until its order has
outlived its deadline. First come, first served, but for placings and amendments: they die of their deadline
within seconds, and are what covers coins that are bare, so that they go before cancels and readings that
came a little earlier. Time comes in as an argument; knows no venue.
"""

from __future__ import annotations

import itertools
import os
import threading
from dataclasses import dataclass

HEAD_START_SECONDS = 5.0  # a placing's deadline: what has waited for longer than that goes first all the same
ASLEEP_SECONDS = 1.0  # one that has not looked for so long (its database is slow) keeps nobody back


@dataclass(eq=False, slots=True)
class Place:
    """Where one who waits stands."""

    order: tuple[float, int]
    looked_at: float


class Line:
    """Threads may share it. `at`: seconds of a clock that never goes back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._places: list[Place] = []

    def stand(self, at: float, *, head_start: float = 0.0) -> Place:
        """Stand in line from now on."""
        with self._lock:
            place = Place((at - head_start, next(self._numbers)), at)
            self._places.append(place)
            return place

    def leave(self, place: Place) -> None:
        with self._lock:
            self._places.remove(place)

    def is_first(self, place: Place, at: float) -> bool:
        """Whether nobody who is awake stands before it. Whoever waits asks again and again."""
        with self._lock:
            place.looked_at = at
            awake = (one.order for one in self._places if at - one.looked_at < ASLEEP_SECONDS)
            return place.order == min(awake)


LINES: dict[str, Line] = {}  # of this process, by key


def line_of(key_fingerprint: str) -> Line:
    return LINES.setdefault(key_fingerprint, Line())


os.register_at_fork(after_in_child=LINES.clear)  # those who wait stayed with the parent
