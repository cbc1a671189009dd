"""What is done to the processes, blow by blow, from a seed; and the record of it.

Every kind of blow is struck once before any is struck again, in an order that the seed decides. A process
that was stopped goes on after a while; at the end everything is let go.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.house import House
from tests.chaos.postgres import MODES
from tests.chaos.targets import PARTS, Target, targets

SIGNALS = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGSTOP": signal.SIGSTOP}
STOP_SECONDS = (1.0, 12.0)  # how long a stopped process stays so
CUT, RESTART, FILL = "cut", "restart", "fill"
FULL_SECONDS = 8.0  # how long a disk stays full


@dataclass(frozen=True, slots=True)
class Blow:
    what: str  # one of SIGNALS, CUT, RESTART or FILL
    whom: str  # a part, "network", "disk", or the server's way of ending

    def __str__(self) -> str:
        return f"{self.what} {self.whom}"


@dataclass
class Monkey:
    """Strikes until its time is up. `say` is told of every blow as it falls."""

    house: House
    seed: int
    say: Callable[[str], None]
    struck: Counter[Blow] = field(default_factory=Counter)
    stopped: dict[int, float] = field(default_factory=dict)  # pid -> when it goes on
    mended_at: float | None = None  # when the network comes back
    freed_at: float | None = None  # when the disk has space again

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._deck: list[Blow] = []

    def rage(self, seconds: float, *, every_seconds: float) -> None:
        """Strike for so long, then let everything go on."""
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self._rest(min(self._random.uniform(0.3, 1.7) * every_seconds, end - time.monotonic()))
                if time.monotonic() < end:
                    self._strike(self._next())
        finally:
            self.let_go()

    def let_go(self) -> None:
        """Whatever is still stopped or cut goes on."""
        for pid in list(self.stopped):
            self._continue(pid)
        if self.house.wire is not None:
            self.house.wire.mend()
        if self.house.disk is not None:
            self.house.disk.free()

    # --- the plan --------------------------------------------------------------------------------

    def _next(self) -> Blow:
        if not self._deck:
            self._deck = [Blow(what, part) for what in SIGNALS for part in PARTS]
            self._deck += [Blow("kill -9", part) for part in ("watch", "cluster child", "venue")]  # the worst
            if self.house.server is not None:
                self._deck += [Blow(RESTART, mode) for mode in MODES]
            if self.house.wire is not None and self.house.options.cut_seconds:
                self._deck += [Blow(CUT, "network")]
            if self.house.disk is not None:
                self._deck += [Blow(FILL, "disk")]
            self._random.shuffle(self._deck)
        return self._deck.pop()

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + max(seconds, 0)
        while (now := time.monotonic()) < end:
            for pid in [pid for pid, at in self.stopped.items() if at <= now]:
                self._continue(pid)
            if self.mended_at is not None and now >= self.mended_at and self.house.wire is not None:
                self.mended_at = None
                self.house.wire.mend()
                self.say("the network is back")
            if self.freed_at is not None and now >= self.freed_at and self.house.disk is not None:
                self.freed_at = None
                self.house.disk.free()
                self.say("the disk has space again")
            time.sleep(0.05)

    # --- the deed --------------------------------------------------------------------------------

    def _strike(self, blow: Blow) -> None:
        if blow.what == RESTART and self.house.server is not None:
            self.say(f"PostgreSQL restarted ({blow.whom})")
            self.house.server.restart(blow.whom)
        elif blow.what == CUT and self.house.wire is not None:
            seconds = self.house.options.cut_seconds
            self.say(f"the network to the venue is cut for {seconds:.0f} s")
            self.house.wire.cut()
            self.mended_at = time.monotonic() + seconds
        elif blow.what == FILL and self.house.disk is not None:
            self.say(f"the disk of the database is full for {FULL_SECONDS:.0f} s")
            self.house.disk.fill()
            self.freed_at = time.monotonic() + FULL_SECONDS
        elif not self._signal(blow):
            return
        self.struck[blow] += 1

    def _signal(self, blow: Blow) -> bool:
        """False: there was nobody, or he was gone before it fell."""
        found = [one for one in targets(self.house.processes()) if one.part == blow.whom]
        if not found:
            return False
        target = self._random.choice(found)
        victims = [target]
        if blow.whom == "cluster child" and self._random.random() < 0.5:  # where one falls others go on
            victims = [one for one in found if same_cluster(one, target)]
        hit = [one.pid for one in victims if self._send(one.pid, SIGNALS[blow.what])]
        if blow.what == "SIGSTOP":
            until = time.monotonic() + self._random.uniform(*STOP_SECONDS)
            self.stopped |= dict.fromkeys(hit, until)
        if hit:
            self.say(f"{blow} ({', '.join(map(str, hit))})")
        return bool(hit)

    def _continue(self, pid: int) -> None:
        self.stopped.pop(pid, None)
        self._send(pid, signal.SIGCONT)

    @staticmethod
    def _send(pid: int, number: int) -> bool:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return False
        return True


def same_cluster(one: Target, other: Target) -> bool:
    try:
        return os.getpgid(one.pid) == os.getpgid(other.pid)
    except ProcessLookupError:
        return False
