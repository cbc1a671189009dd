"""`manage.py simulate`: many worlds, their tables, and the smallest story of what failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation import report
from tests.simulation.runs import MEMORY, Ending, Manner, Total, live, live_many
from tests.simulation.shrink import shrink

SHRINK_SECONDS = 45.0
MOST_SHRUNK = 3  # failures of other kinds are named only
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What the command line asks for."""

    seed: int
    runs: int
    jobs: int = 1
    store: str = MEMORY
    faults: bool = True
    verbose: bool = False

    @property
    def manner(self) -> Manner:
        return Manner(store=self.store, faults=self.faults)


def simulate(wanted: Wanted, say: Say, progress: Say) -> tuple[Total, list[str]]:
    """Live all seeds and say what happened. Returns the total, and what never occurred where enough was
    asked that it should have."""
    began = time.monotonic()
    total = Total()
    for ending in live_many(range(wanted.seed, wanted.seed + wanted.runs), wanted.manner, jobs=wanted.jobs):
        total.add(ending)
        progress(
            f"{total.runs} of {wanted.runs} runs, {total.lifetimes} lifetimes, "
            f"{total.violations} violations, {time.monotonic() - began:.0f} s"
        )
        if ending.violations:
            for line in report.failure(ending):
                say(line)
    for line in report.tables(total):
        say(line)
    missing = report.gaps(total) if wanted.faults else []
    for line in missing:
        say(line)
    tell_stories(total, wanted, say)
    seconds = time.monotonic() - began
    say(f"lifetimes={total.lifetimes} violations={total.violations} seconds={seconds:.1f}")
    enough = wanted.runs >= report.ENOUGH_RUNS
    return total, missing if enough else []


def tell_stories(total: Total, wanted: Wanted, say: Say) -> None:
    """One short story for each kind of failure, made as small as it gets."""
    first: dict[str, Ending] = {}
    for ending in total.failed:
        first.setdefault(ending.violations[0].kind, ending)
    for kind, ending in list(first.items())[:MOST_SHRUNK]:
        options = wanted.manner.options(ending.seed)
        if not wanted.verbose:
            options = shrink(options, kind, lambda o: live(o, store=wanted.store), seconds=SHRINK_SECONDS)
        for line in report.short_story(options, live(options, store=wanted.store)):
            say(line)
