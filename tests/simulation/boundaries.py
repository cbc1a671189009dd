"""The places between one thing and the next, where a process can die, freeze, or meet an error.

Every request to the venue and every commit passes here. A dead process passes nothing: whatever its
unwinding code tries to send or to write ends at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import OperationalError

from tests.simulation import store
from tests.simulation.clockwork import Killed, Process
from tests.simulation.options import AT_A_QUERY, MOST_APART, Incident

if TYPE_CHECKING:
    from tests.simulation.world import World

BEFORE_SEND, AFTER_SEND = "before send", "after send"
BEFORE_COMMIT, AFTER_COMMIT = "before commit", "after commit"
IN_A_WAIT = "in the middle of a wait"
RIVALS, ZOMBIES, SKEWED = "two workers want one claim", "a sender outlives its claim", "a clock is off"
CRASH_PLACES = (BEFORE_SEND, AFTER_SEND, BEFORE_COMMIT, AFTER_COMMIT, IN_A_WAIT)
INCIDENTS = (
    "SIGTERM",
    "clock jumps",
    *(f"freeze {place}" for place in (BEFORE_SEND, AFTER_SEND, AFTER_COMMIT, IN_A_WAIT)),
    *(f"database error {place}" for place in (BEFORE_COMMIT, AT_A_QUERY)),
    RIVALS,
    ZOMBIES,
    SKEWED,
)
"""What happens to processes besides crashes."""
JUMP_SECONDS = 45.0
"""So long a clock that was set may hinder: the longest wait that was meant before. By how much it was set is
no matter, for nobody waits for a moment that lies further ahead."""


@dataclass(slots=True)
class Armed:
    """An incident that waits for its moment."""

    incident: Incident
    left: int


class Boundaries:
    def __init__(self, world: World) -> None:
        self.world = world
        self.armed: list[Armed] = []

    # --- incidents -------------------------------------------------------------------------------------

    def arming(self, incident: Incident) -> Callable[[], None]:
        def arm() -> None:
            if self.world.calm:
                return
            slot = self.world.slots.get(incident.process)
            if slot is None:
                return
            if incident.place:
                self.armed.append(Armed(incident, incident.nth))
            else:
                self.happen(incident, slot.process)

        return arm

    def disarm(self) -> None:
        self.armed.clear()

    def happen(self, incident: Incident, process: Process) -> None:
        """Let it happen to a process that is alive; raises what it must end with."""
        world = self.world
        if not process.alive:
            return
        where = incident.place or IN_A_WAIT
        match incident.kind:
            case "kill":
                world.tally.crashes[where] += 1
                world.crash(process, incident.seconds, where)
            case "stop":
                world.tally.incidents["SIGTERM"] += 1
                world.stop(process, incident.seconds)
            case "freeze":
                world.tally.incidents[f"freeze {where}"] += 1
                world.say(process.name, f"frozen {where} for {incident.seconds:g} s")
                world.is_away(process, incident.seconds)
                process.freeze(incident.seconds)
            case "jump":
                world.tally.incidents["clock jumps"] += 1
                world.say(process.name, f"its clock jumps by {incident.seconds:g} s")
                for other in self.with_its_clock(process, incident.seconds):
                    world.is_away(other, min(abs(incident.seconds), JUMP_SECONDS), gone=False)
                    other.skew += timedelta(seconds=incident.seconds)
            case "error":
                world.tally.incidents[f"database error {where}"] += 1
                world.say(process.name, f"database error {where}")
                world.is_away(process, 1, gone=False)
                raise OperationalError("database is locked (simulated)")

    def with_its_clock(self, process: Process, seconds: float) -> list[Process]:
        """Whose clock is set, too: that of the same host, or of all hosts where it is set by more than two of
        them ever differ, for one service sets them all."""
        if self.world.options.house.one_host or abs(seconds) > MOST_APART:
            return [slot.process for slot in self.world.slots.values()]
        return [process]

    # --- places ------------------------------------------------------------------------------------------

    def pass_send(self, place: str) -> None:
        """Around each request to the venue."""
        process = self.world.process
        if process is None:
            return
        if store.in_transaction():
            self.world.violate("request inside a transaction", f"{process.name} {place}")
        self.pass_by(process, place)
        if process.is_frozen:
            self.world.clockwork.wait(0)

    def pass_commit(self, place: str) -> None:
        """Around each commit that wrote something."""
        process = self.world.process
        if process is not None:
            self.pass_by(process, place)

    def pass_query(self) -> None:
        """Before each question to the database, and each row that is saved."""
        process = self.world.process
        if process is not None and process.alive and self.armed:
            self.meet(process, AT_A_QUERY)

    def pass_begin(self) -> None:
        """At each transaction; what is dead begins none. (Nothing else happens here: a write that stands
        alone is a transaction in one store and none in the other.)"""
        process = self.world.process
        if process is not None and not process.alive:
            raise Killed

    def pass_by(self, process: Process, place: str) -> None:
        if not process.alive:
            raise Killed
        if self.armed:
            self.meet(process, place)

    def meet(self, process: Process, place: str) -> None:
        name = process.name.partition("/")[0]
        for armed in self.armed:
            if armed.incident.process != name or armed.incident.place != place:
                continue
            armed.left -= 1
            if armed.left <= 0:
                self.armed.remove(armed)
                self.happen(armed.incident, process)
                if not process.alive:
                    raise Killed
                return
