"""What the simulated processes run: the watch, the cluster's tasks and the web's lookout.

The jobs are the product's own; here stand their loops, as `brackets/watch/runner.py` and django-q2 run
them, with greenlets for threads and virtual pauses for real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from brackets import accounts, lookout, tasks
from brackets.venue.port import VenueUnavailable
from brackets.watch.jobs import Watch
from brackets.watch.runner import (
    HAND_OVER_SECONDS,
    SENDING_SECONDS,
    STOP_SECONDS,
    guarded,
    patience_after,
)
from tests.simulation.clockwork import Process, Task
from tests.simulation.listening import Listening

if TYPE_CHECKING:
    from tests.simulation.world import World

READ_LOOP_SECONDS, HOOK_SECONDS = 0.25, 0.5
IDLE_SENDING_SECONDS, IDLE_HOOK_SECONDS = 0.5, 2.0
WORKERS = 2  # of the cluster
INSPECTION_SECONDS = 45
LOOKOUT_SECONDS = 4


class WatchProgram:
    """One `watch` process, from its start to its end."""

    def __init__(self, world: World, process: Process, venue: Any, stream: Any | None) -> None:
        self.world, self.process = world, process
        self.clockwork = world.clockwork
        self.watch = Watch(account=accounts.current(), venue=venue, clock=process.now)
        self.listening = None if stream is None else Listening(process, self.watch, stream)
        self.lost = True

    @property
    def stopping(self) -> bool:
        return self.watch.stopping.is_set()

    def stop(self) -> None:
        """SIGTERM."""
        self.watch.stopping.set()
        for task in self.process.tasks:
            self.clockwork.wake(task)

    def main(self) -> None:
        while not self.stopping:
            taken = guarded(self.watch.take_lease)
            if taken is True:
                self.world.lease_taken.append(self.clockwork.now())
            if taken:
                self.hold()
            else:
                self.clockwork.pause(1)
        self.process.kill()  # os._exit: whatever a thread still did ends here

    def hold(self) -> None:
        self.lost = False
        watch, spawn = self.watch, self.process.spawn
        sending = spawn("send", self.repeating(watch.send, SENDING_SECONDS, idle=IDLE_SENDING_SECONDS))
        loops = [
            sending,
            spawn("prices", self.repeating(watch.see_prices, 1)),
            spawn("asking", self.repeating(watch.ask_prices, 1)),
            spawn("reading", self.repeating(watch.read, READ_LOOP_SECONDS)),
            spawn("house", self.repeating(watch.keep_house, 1)),
            spawn("hooks", self.repeating(watch.run_hooks, HOOK_SECONDS, idle=IDLE_HOOK_SECONDS)),
            spawn("notes", self.repeating(watch.note_stream, 1)),
        ]
        listening = [] if self.listening is None else self.listening.spawn()
        while not self.stopping:
            if guarded(watch.renew_lease) is False:
                self.world.say("watch", f"{self.process.name} lost its lease")
                break
            self.clockwork.pause(1)
        self.lost = True
        if self.listening is not None:
            self.listening.end()
        self.wait_for([sending, *listening], STOP_SECONDS)
        self.wait_for(loops, 0.5)
        handing = spawn("hand over", lambda: self.job(watch.hand_over))
        self.wait_for([handing], HAND_OVER_SECONDS)
        guarded(watch.release)

    def repeating(
        self, function: Callable[[], None], seconds: float, *, idle: float = 0.0
    ) -> Callable[[], None]:
        """The loop of one job. With `idle` its turn is skipped for so long while no bracket changed: it
        would find nothing to do."""
        clockwork, world = self.clockwork, self.world

        def loop() -> None:
            failures, seen, ran_at = 0, -1, 0.0
            while not (self.stopping or self.lost):
                if world.stirred == seen and clockwork.seconds - ran_at < idle:
                    clockwork.pause(seconds)
                    continue
                seen, ran_at = world.stirred, clockwork.seconds
                outcome = guarded(function)
                failures = failures + 1 if isinstance(outcome, VenueUnavailable) else 0
                clockwork.pause(max(seconds, patience_after(outcome, failures)))

        return loop

    def job(self, function: Callable[[], object]) -> object:
        return guarded(function)

    def wait_for(self, others: list[Task], seconds: float) -> None:
        until = self.clockwork.seconds + seconds
        while any(not task.over for task in others) and self.clockwork.seconds < until:
            self.clockwork.wait(0.05)


class ClusterProgram:
    """The safety net: scheduled tasks, and those that are queued to wake it."""

    def __init__(self, world: World, process: Process, every: float) -> None:
        self.world, self.process, self.every = world, process, every
        self.working: list[Task] = []
        self.queued = 0
        self.inspected_at = 0.0

    def stop(self) -> None:
        self.process.kill()

    def main(self) -> None:
        while True:
            self.start()
            self.world.clockwork.wait(self.every)

    def start(self) -> None:
        """A task is pulled by a free worker; where none is, it waits in the queue."""
        self.working = [task for task in self.working if not task.over]
        if len(self.working) >= WORKERS:
            self.queued = 1
            return
        self.working.append(self.process.spawn("task", self.task))

    def task(self) -> None:
        guarded(tasks.reconcile_account)
        if self.world.clockwork.seconds - self.inspected_at > INSPECTION_SECONDS:
            self.inspected_at = self.world.clockwork.seconds
            guarded(tasks.inspect_brackets)
        if self.queued:
            self.queued = 0
            guarded(tasks.reconcile_account)


class WebProgram:
    """The web server: its lookout; what people ask is spawned beside it."""

    def __init__(self, world: World, process: Process) -> None:
        self.world, self.process = world, process

    def stop(self) -> None:
        self.process.kill()

    def main(self) -> None:
        while True:
            self.world.clockwork.wait(LOOKOUT_SECONDS)
            guarded(self.look)

    def look(self) -> None:
        lookout.look(accounts.current(), self.process.now())
