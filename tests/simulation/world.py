"""One world: the product's processes, their venue and their people, from a seed's options to a verdict.

First the trouble: faults, crashes, wishes. Then the calm: no more faults. For a while prices lead nowhere,
so that what stands is judged (`stillness.py`); then they are led to an end, an operator leaves what is held,
and everything must close.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import OperationalError

from brackets import accounts
from brackets.models import Account, Bracket
from tests.simulation import patches, people, stillness
from tests.simulation.auditor.told import Snapshot
from tests.simulation.boundaries import SKEWED, Boundaries
from tests.simulation.clockwork import MICROSECONDS, Clockwork, Process, Task
from tests.simulation.coincidences import HAPPENINGS
from tests.simulation.ears import Ears, heard_steps
from tests.simulation.options import Act, Options, stream
from tests.simulation.programs import ClusterProgram, WatchProgram, WebProgram
from tests.simulation.tally import Tally
from tests.simulation.venue import SimVenue
from trading.models import Command, Trade

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CALM_SECONDS = 900  # by then everything must have closed, the longest pauses of a refused exit included
LOOK_SECONDS = 5.0
LEAD_SECONDS = 25.0
VIOLATION = "VIOLATION"  # who says so in the story
AFTERWARDS_SECONDS = 8.0  # what still was on its way arrives


@dataclass(frozen=True, slots=True)
class Violation:
    """What must not be: `kind` groups those that are the same, `sentence` tells this one."""

    kind: str
    sentence: str


@dataclass(slots=True)
class Absence:
    """A process could not act, or could not be trusted, for a while."""

    slot: str
    began: datetime
    until: datetime | None = None  # None: it is not back yet
    is_gone: bool = True  # else it acts, and something of it cannot be trusted


@dataclass(slots=True)
class Running:
    """A process slot: what runs in it now, and how often it was started."""

    process: Process
    program: Any
    starts: int = 1


class World:
    """`run` lives it once."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.story: list[tuple[float, str, str]] = []
        self.violations: list[Violation] = []
        self.tracebacks: list[str] = []  # of what was raised and should not have been
        self.tally = Tally()
        self.clockwork = Clockwork(NOON, defect=self.defect)
        self.began_at = self.clockwork.now()
        self.boundaries = Boundaries(self)
        self.venue = SimVenue(
            options=options.venue,
            clock=self.clockwork.now,
            wait=self.clockwork.wait,
            random=stream(options.seed, f"venue {options.luck}"),
            boundary=self.boundaries.pass_send,
        )
        self.slots: dict[str, Running] = {}
        # What the auditor must know and a venue's log can not say, in true times:
        self.deaths: dict[str, datetime] = {}  # of processes, by the name the venue knows
        self.absences: list[Absence] = []  # of processes that could not act
        self.handed_over: list[datetime] = []  # a watch ended in order
        self.lease_taken: list[datetime] = []  # … or began to compare book and venue
        self.snapshots: list[Snapshot] = []  # brackets, as they stood in the stillness
        self.switches: list[tuple[datetime, bool]] = []  # paused, or not any more
        self.wishes: list[tuple[datetime, str]] = []  # to leave a pair
        self.holds: list[tuple[datetime, str]] = []  # of a pair: an operator wants to look first
        self.let_go: list[tuple[datetime, str]] = []  # … and held no more
        self.protected_at: dict[int, datetime] = {}  # brackets around coins that were there
        self.dead_holders: set[str] = set()
        self.kept_payloads: dict[str, dict[str, Any]] = {}
        self.surroundings = self.clockwork.process("surroundings")  # market, owner, supervisor: never dies
        self.calm = False  # no fault any more
        self.still = False  # … and prices that lead nowhere
        self.asleep_until = 0.0  # who was frozen in the calm wakes no sooner, with what was begun before
        self.stirred = 0  # how often a bracket changed
        self.account: Account
        self.user: Any

    # --- the whole way -------------------------------------------------------------------------------

    def run(self) -> None:
        """Live; to be called inside of an installed store."""
        with self.installed(), Ears(self), heard_steps(self):
            try:
                self.prepare()
                self.clockwork.run(self.options.trouble_seconds)
                self.become_calm()
                self.stand_still()
                self.converge()
            finally:
                self.clockwork.close()

    def installed(self) -> AbstractContextManager[None]:
        house = self.options.house
        return patches.installed(
            now=self.now,
            seconds=lambda: self.clockwork.seconds,
            wait=self.clockwork.wait,
            holder_name=self.holder_name,
            is_dead=lambda holder: house.one_host and holder in self.dead_holders,
            venue=self.venue_of_process,
            wake=self.wake_cluster,
            begin=self.boundaries.pass_begin,
            asked=self.boundaries.pass_query if self.options.asks_can_fail else None,
            random=stream(self.options.seed, "ids"),
            settings={"TRADING_MODE": house.mode, "KRAKEN_TIER": house.tier},
        )

    def prepare(self) -> None:
        self.user = get_user_model().objects.create(username="person")
        self.account = accounts.current()
        people.house_rules(self)
        self.spawn("market", self.market)
        for name in ("watch", "cluster", "web", *(["watch2"] if self.options.house.watches > 1 else [])):
            self.start(name)
        for number, act in enumerate(self.options.acts):
            self.spawn(f"act {number}", self.asking(act, number), after=act.at)
        for at in self.options.owner_acts:
            self.spawn("owner", self.owner, after=at)
        for incident in self.options.incidents:
            self.spawn("incident", self.boundaries.arming(incident), after=incident.at)

    def become_calm(self) -> None:
        self.calm = True
        self.boundaries.disarm()
        self.venue.calm()
        self.say("venue", "calm from here on")
        for slot in self.slots.values():
            self.asleep_until = max(self.asleep_until, slot.process.frozen_until / MICROSECONDS)
            slot.process.frozen_until = 0

    def stand_still(self) -> None:
        """Nothing goes wrong, and prices lead nowhere: here the narrow bounds are judged."""
        self.still = True
        self.venue.stand_still()
        for at, happening in stillness.happenings(self):
            self.spawn("stillness", happening, after=at)
        until = self.clockwork.seconds + self.options.still_seconds
        while self.clockwork.seconds < until:
            self.clockwork.run(min(self.clockwork.seconds + LOOK_SECONDS, until))
            brackets = list(Bracket.objects.exclude(state="EXIT_COMPLETE").order_by("pk").values())
            self.snapshots.append((self.clockwork.now(), brackets))
        self.still = False
        self.spawn("operator", self.operate)

    def converge(self) -> None:
        began = self.clockwork.seconds
        while not self.is_over() or self.clockwork.seconds < self.asleep_until:
            if self.clockwork.seconds - began > CALM_SECONDS:
                self.violate("it does not end", "; ".join(self.what_is_open()))
                return
            self.clockwork.run(self.clockwork.seconds + LOOK_SECONDS)
        self.tally.converged_after = self.clockwork.seconds - began
        self.clockwork.run(self.clockwork.seconds + AFTERWARDS_SECONDS)
        if not self.is_over():
            self.violate("it opened again", "; ".join(self.what_is_open()))

    def is_over(self) -> bool:
        return not (
            Trade.objects.filter(status="OPEN").exists() or Command.objects.filter(status="accepted").exists()
        )

    def what_is_open(self) -> list[str]:
        rows = Bracket.objects.exclude(state="EXIT_COMPLETE").order_by("pk")
        left = [f"bracket {row.pk} ({row.symbol}) is {row.state} {row.alarm}".rstrip() for row in rows]
        asked = Command.objects.filter(status="accepted").order_by("pk")
        return left + [f"command {command.pk} ({command.kind}) is accepted" for command in asked]

    # --- what surrounds the processes --------------------------------------------------------------------

    def spawn(self, name: str, program: Callable[[], None], *, after: float = 0.0) -> Task:
        return self.surroundings.spawn(name, program, after=after)

    def market(self) -> None:
        while True:
            self.clockwork.wait(1)
            self.venue.advance()

    def owner(self) -> None:
        if not self.calm:
            self.venue.act_as_owner()

    def operate(self) -> None:
        """The operator of the calm, and what leads the prices."""
        turn, led_at = 0, -LEAD_SECONDS
        while True:
            if self.clockwork.seconds - led_at >= LEAD_SECONDS:
                led_at, turn = self.clockwork.seconds, turn + 1
                end = self.options.ends[turn % len(self.options.ends)]
                for symbol in self.options.symbols:
                    self.venue.lead(symbol, end)
            people.close_held(self)
            self.clockwork.wait(3)

    def asking(self, act: Act, number: int) -> Callable[[], None]:
        def ask_in_web() -> None:
            happening = HAPPENINGS.get(act.kind)
            if happening is not None:
                if not self.calm:
                    happening(self, act)
                return
            web = self.slots["web"].process
            if web.alive and not self.calm:
                web.spawn(f"act {number}", lambda: people.perform(self, act, number))

        return ask_in_web

    # --- processes ---------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Start a process, or start it anew: everything it knows is in the database."""
        before = self.slots.get(name)
        starts = 1 if before is None else before.starts + 1
        skew = before.process.skew if before else timedelta(seconds=dict(self.options.skews).get(name, 0.0))
        full_name = name if starts == 1 else f"{name}/{starts}"
        process = self.clockwork.process(full_name, holder=f"host {full_name} 1", skew=skew)
        self.slots[name] = Running(process, None, starts)
        process.venue = self.venue.connect(full_name, wall=process.now)  # type: ignore[attr-defined]
        self.tally.starts[name] += 1
        self.tally.incidents[SKEWED] += bool(skew)
        self.is_back(name)
        process.spawn("main", lambda: self.boot(name, process))

    def boot(self, name: str, process: Process) -> None:
        """A process from its start to its end. One whose database fails it at its start ends, and is
        started anew."""
        try:
            program = self.slots[name].program = self.program(name, process)
        except OperationalError:
            self.crash(process, 1.0, "by its database at its start")
            return
        program.main()

    def program(self, name: str, process: Process) -> Any:
        house, port = self.options.house, process.venue  # type: ignore[attr-defined]
        if name.startswith("watch"):
            stream = self.venue.stream(process.name, token=port.websocket_token) if house.streams else None
            return WatchProgram(self, process, port, stream)
        if name == "cluster":
            return ClusterProgram(self, process, house.cluster_seconds)
        return WebProgram(self, process)

    def is_away(self, process: Process, seconds: float | None = None, *, gone: bool = True) -> None:
        """It cannot act, or not be trusted, for so long; None: until it is started anew."""
        now = self.clockwork.now()
        until = None if seconds is None else now + timedelta(seconds=seconds)
        self.absences.append(Absence(process.name.partition("/")[0], now, until, gone))

    def was_away(self, process: Process, began: datetime) -> None:
        """It could not act from then until now."""
        self.absences.append(Absence(process.name.partition("/")[0], began, self.clockwork.now()))

    def is_back(self, name: str) -> None:
        now = self.clockwork.now()
        for absence in self.absences:
            if absence.slot == name and absence.until is None:
                absence.until = now

    def crash(self, process: Process, down_seconds: float, why: str) -> None:
        """kill -9: nothing of it acts any more; it is started anew after a while."""
        self.is_away(process)
        self.say(process.name, f"killed {why}, back in {down_seconds:g} s")
        process.kill()
        self.bury(process, down_seconds)

    def stop(self, process: Process, down_seconds: float) -> None:
        """SIGTERM."""
        self.say(process.name, "told to stop")
        self.is_away(process)
        program = self.slots[process.name.partition("/")[0]].program
        if program is not None:
            program.stop()
        self.spawn("supervisor", lambda: self.after_the_end(process, down_seconds))

    def after_the_end(self, process: Process, down_seconds: float) -> None:
        until = self.clockwork.seconds + 15  # then the supervisor kills
        while process.alive and self.clockwork.seconds < until:
            self.clockwork.wait(0.5)
        if process.name.startswith("watch") and not process.alive:
            self.handed_over.append(self.clockwork.now())
        process.kill()
        self.bury(process, down_seconds)

    def bury(self, process: Process, down_seconds: float) -> None:
        self.deaths[process.name] = self.clockwork.now()
        self.dead_holders.add(process.holder)
        name = process.name.partition("/")[0]
        self.spawn("supervisor", lambda: self.start(name), after=down_seconds)

    @property
    def process(self) -> Process | None:
        task = self.clockwork.current
        return task.process if task is not None else None

    def now(self) -> datetime:
        process = self.process
        return self.clockwork.now() if process is None else process.now()

    def holder_name(self) -> str:
        process = self.process
        return "host nobody 1" if process is None else process.holder

    def venue_of_process(self) -> Any:
        process = self.process
        found = getattr(process, "venue", None)
        return self.venue.connect("surroundings") if found is None else found

    def wake_cluster(self) -> None:
        """A task was queued; it is pulled a little later."""
        self.spawn("queue", self.pull_task, after=0.1)

    def pull_task(self) -> None:
        slot = self.slots["cluster"]
        if slot.process.alive and slot.program is not None:
            slot.program.start()

    # --- what is told ------------------------------------------------------------------------------------

    def say(self, who: str, what: str) -> None:
        self.story.append((round(self.clockwork.seconds, 3), who, what))

    def violate(self, kind: str, sentence: str) -> None:
        self.say(VIOLATION, f"{kind}: {sentence}")
        self.violations.append(Violation(kind, sentence))

    def defect(self, task: Task, error: Exception) -> None:
        """A program let an exception through."""
        self.tracebacks.append("".join(traceback.format_exception(error)))
        self.violate(f"exception {type(error).__name__}", f"{task.process.name} {task.name}: {error!r}")
