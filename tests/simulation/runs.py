"""Living worlds: one of them, or many, on one core or several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from tests.simulation import store, verdict
from tests.simulation.drawing import draw
from tests.simulation.options import Options
from tests.simulation.tally import Tally
from tests.simulation.world import Violation, World

MEMORY, SQLITE = "memory", "sqlite"
BRIEF_SECONDS, BRIEF_SYMBOLS, BRIEF_LEAD_BPS = 18, 3, 60.0
BRIEF_STILL_SECONDS = 12


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of one world. `story` is kept where it is wanted."""

    seed: int
    lifetimes: int
    violations: tuple[Violation, ...]
    tally: Tally
    digest: str = ""
    story: tuple[tuple[float, str, str], ...] = ()
    tracebacks: tuple[str, ...] = ()

    def has(self, kind: str) -> bool:
        return any(violation.kind == kind for violation in self.violations)


@dataclass(slots=True)
class Total:
    """Of many worlds."""

    runs: int = 0
    lifetimes: int = 0
    violations: int = 0
    tally: Tally = field(default_factory=Tally)
    failed: list[Ending] = field(default_factory=list)

    def add(self, ending: Ending) -> None:
        self.runs += 1
        self.lifetimes += ending.lifetimes
        self.violations += len(ending.violations)
        self.tally.add(ending.tally)
        if ending.violations:
            self.failed.append(ending)


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How seeds are lived."""

    store: str = MEMORY
    faults: bool = True
    brief: bool = False  # the same in little: for tests that run all the time
    with_digest: bool = False

    def options(self, seed: int) -> Options:
        options = in_little(draw(seed)) if self.brief else draw(seed)
        return options if self.faults else without_faults(options)


def store_named(name: str) -> Callable[[Callable[[str], None]], AbstractContextManager[object]]:
    return store.memory_store if name == MEMORY else store.sqlite_store


def without_faults(options: Options) -> Options:
    """The same people, and nothing that goes wrong."""
    return replace(
        options,
        incidents=(),
        skews=(),
        owner_acts=(),
        venue=replace(options.venue, rates={}, skew_seconds=0.0),
    )


def in_little(options: Options, *, seconds: int = BRIEF_SECONDS, symbols: int = BRIEF_SYMBOLS) -> Options:
    """The same seed in less time and with fewer pairs: everything happens closer together."""
    kept = options.symbols[:symbols]
    pace = min(seconds / options.trouble_seconds, 1.0)
    acts = tuple(replace(act, at=act.at * pace) for act in options.acts if act.symbol in kept)
    return replace(
        options,
        symbols=kept,
        trouble_seconds=min(options.trouble_seconds, seconds),
        still_seconds=min(options.still_seconds, BRIEF_STILL_SECONDS),
        acts=acts,
        incidents=tuple(replace(one, at=round(one.at * pace, 1)) for one in options.incidents),
        owner_acts=tuple(at * pace for at in options.owner_acts),
        venue=replace(options.venue, lead_bps=BRIEF_LEAD_BPS),
    )


def live(options: Options, *, store: str = MEMORY, with_digest: bool = False) -> Ending:
    """Live one world from its options to its end, and judge it."""
    world = World(options)
    with store_named(store)(world.boundaries.pass_commit):
        world.run()
        verdict.judge(world)
        world.tally.faults.update(world.venue.faults)
        return Ending(
            seed=options.seed,
            lifetimes=verdict.lifetimes(),
            violations=tuple(world.violations),
            tally=world.tally,
            digest=verdict.digest(world) if with_digest else "",
            story=tuple(world.story),
            tracebacks=tuple(world.tracebacks),
        )


def live_seed(job: tuple[int, Manner]) -> Ending:
    seed, manner = job
    ending = live(manner.options(seed), store=manner.store, with_digest=manner.with_digest)
    return ending if ending.violations else replace(ending, story=())  # a good end needs no story


def live_many(seeds: range, manner: Manner, *, jobs: int = 1) -> Iterator[Ending]:
    """One ending a seed, in their order."""
    work = [(seed, manner) for seed in seeds]
    if jobs <= 1:
        yield from map(live_seed, work)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(live_seed, work)
