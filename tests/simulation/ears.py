"""What the product says in its logs, heard: alarms go into the story, defects are violations."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db import OperationalError

from brackets.operations import Superseded
from brackets.venue.port import VenueUnavailable

if TYPE_CHECKING:
    from tests.simulation.world import World

EXPECTED = (VenueUnavailable, OperationalError, Superseded)
"""What may be raised inside a job and only be said; anything else is a defect of ours."""
CONTRADICTIONS = ("contradicts", "cannot be true beside")
ROOMS = ("backstop", "django.db")


class Ears(logging.Handler):
    """Listens as long as it is entered; nothing reaches the console meanwhile."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING)
        self.world = world
        self.room = logging.getLogger("backstop")

    def __enter__(self) -> None:
        self._before = (self.room.level, self.room.propagate)
        self.room.addHandler(self)
        self.room.setLevel(logging.WARNING)
        self.room.propagate = False

    def __exit__(self, *exc: object) -> None:
        self.room.removeHandler(self)
        self.room.setLevel(self._before[0])
        self.room.propagate = self._before[1]

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        process = self.world.process
        who = process.name if process is not None else "surroundings"
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, EXPECTED):
            self.world.violate(f"exception {type(error).__name__}", f"{who}: {message}: {error!r}")
            if self.world.tracebacks is not None:
                self.world.tracebacks.append(logging.Formatter().formatException(record.exc_info))
        elif message.startswith("INVARIANT"):
            self.world.violate("invariant", f"{who}: {message}")
        else:
            self.world.say(who, message)
