"""Processes on a virtual clock: greenlets that run one at a time, each until it waits.

The ground of the simulator. A heap of (when, number, task) says who is next; time jumps from one to the
next. Nothing else switches, so that the same program gives the same order of steps, always. A process is a
set of tasks that die together: `kill` ends them where they stand, `freeze` lets them sleep through their
own time, as SIGSTOP does. Knows nothing of the product.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from greenlet import getcurrent, greenlet

MICROSECONDS = 1_000_000
MOST_THROWS = 20


class Killed(BaseException):
    """The process ended at this very point; no `except Exception` sees it."""


class Stuck(Exception):
    """A killed task would not end, or the clockwork was asked for what it cannot do."""


@dataclass(eq=False, slots=True)
class Task:
    """One strand of a process: a loop, or an act."""

    process: Process
    name: str
    body: greenlet = field(repr=False)
    ticket: int = 0  # a heap entry with another number is void
    paused: bool = False  # may be woken before its time

    @property
    def over(self) -> bool:
        return self.body.dead


@dataclass(eq=False)
class Process:
    """What dies together. `skew`: its own clock minus the true time."""

    clockwork: Clockwork = field(repr=False)
    name: str
    holder: str  # how it calls itself in leases and claims
    skew: timedelta = timedelta(0)
    alive: bool = True
    frozen_until: int = 0
    tasks: list[Task] = field(default_factory=list, repr=False)

    def now(self) -> datetime:
        """This process's own idea of the time."""
        return self.clockwork.now() + self.skew

    def spawn(self, name: str, program: Callable[[], None], *, after: float = 0.0) -> Task:
        return self.clockwork.spawn(self, name, program, after=after)

    def kill(self) -> None:
        """From here on nothing of it acts. Its other tasks end before anybody else runs; where one of its
        own calls this, that one must raise Killed (its next wait does)."""
        if self.alive:
            self.alive = False
            self.clockwork.doomed.append(self)

    def freeze(self, seconds: float) -> None:
        self.frozen_until = max(self.frozen_until, self.clockwork.micros + round(seconds * MICROSECONDS))

    @property
    def is_frozen(self) -> bool:
        return self.frozen_until > self.clockwork.micros


class Clockwork:
    """The scheduler. `defect` is told of every exception a program let through."""

    def __init__(self, start: datetime, *, defect: Callable[[Task, Exception], None]) -> None:
        self.start, self.micros = start, 0
        self._told = (0, start)
        self.current: Task | None = None
        self._defect = defect
        self._hub = getcurrent()
        self._heap: list[tuple[int, int, Task]] = []
        self._number = 0
        self._processes: list[Process] = []
        self.doomed: list[Process] = []  # killed, and not ended yet

    def now(self) -> datetime:
        """The true time."""
        if self._told[0] != self.micros:
            self._told = (self.micros, self.start + timedelta(microseconds=self.micros))
        return self._told[1]

    @property
    def seconds(self) -> float:
        return self.micros / MICROSECONDS

    def process(self, name: str, *, holder: str = "", skew: timedelta = timedelta(0)) -> Process:
        made = Process(clockwork=self, name=name, holder=holder or name, skew=skew)
        self._processes.append(made)
        return made

    def spawn(self, process: Process, name: str, program: Callable[[], None], *, after: float = 0.0) -> Task:
        task = Task(process=process, name=name, body=None)  # type: ignore[arg-type]

        def body() -> None:
            try:
                program()
            except Killed:
                pass
            except Exception as error:
                self._defect(task, error)

        task.body = greenlet(body, parent=self._hub)
        process.tasks.append(task)
        self._schedule(task, round(after * MICROSECONDS))
        return task

    # --- called by tasks -----------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let others run for so long. Outside of any task no time passes."""
        task = self.current
        if task is None:
            return
        if not task.process.alive:
            raise Killed
        self._schedule(task, round(seconds * MICROSECONDS))
        self._hub.switch()
        if not task.process.alive:
            raise Killed

    def pause(self, seconds: float) -> None:
        """The same, but `wake` may end it early."""
        task = self.current
        if task is None:
            return
        task.paused = True
        try:
            self.wait(seconds)
        finally:
            task.paused = False

    def wake(self, task: Task | None) -> None:
        if task is not None and task.paused and not task.over:
            task.paused = False
            self._schedule(task, 0)

    # --- the hub -------------------------------------------------------------------------------------

    def run(self, until: float) -> None:
        """Let everybody live until that many seconds after the start."""
        end = round(until * MICROSECONDS)
        self._bury()
        while self._heap and self._heap[0][0] <= end:
            due, ticket, task = heapq.heappop(self._heap)
            if ticket != task.ticket or task.over:
                continue
            process = task.process
            if process.frozen_until > due:
                self._push(task, process.frozen_until)
                continue
            self.micros = max(self.micros, due)
            self._switch(task)
            self._bury()
        self.micros = max(self.micros, end)

    def close(self) -> None:
        """End all that still runs."""
        for process in self._processes:
            process.kill()
        self._bury()
        self._heap.clear()

    def _bury(self) -> None:
        while self.doomed:
            self._reap(self.doomed.pop())

    def _switch(self, task: Task) -> None:
        self.current = task
        try:
            task.body.switch()
        finally:
            self.current = None

    def _reap(self, process: Process) -> None:
        for task in process.tasks:
            if not task.body:  # over, or not begun: then it never will
                task.ticket = 0
                continue
            self.current = task
            for _ in range(MOST_THROWS):
                if task.over:
                    break
                task.body.throw(Killed)
            self.current = None
            if not task.over:
                raise Stuck(f"{process.name}: {task.name} does not end")
        process.tasks.clear()

    def _schedule(self, task: Task, micros: int) -> None:
        self._push(task, self.micros + max(micros, 0))

    def _push(self, task: Task, due: int) -> None:
        self._number += 1
        task.ticket = self._number
        heapq.heappush(self._heap, (due, task.ticket, task))
