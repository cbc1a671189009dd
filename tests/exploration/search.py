"""Breadth first through all worlds of a setup, and the judgment of the finished graph."""

from __future__ import annotations

import time
from array import array
from collections import deque
from dataclasses import dataclass, field

from brackets.core.states import State
from tests.exploration.acts import Acts, Kind
from tests.exploration.news import NEW
from tests.exploration.world import Setup, World

MOST_BARE_UNITS = 3
"""Coins are never longer than this without an order at the venue, on any way without more trouble."""
UNBOUNDED = 1_000
RESTING = frozenset({State.EXIT_COMPLETE, State.BRACKET_ACTIVE, State.HELD})
Budget = tuple[int, int, int]


@dataclass
class Finding:
    """Something that must not be, and the shortest way there."""

    sentence: str
    story: list[str]


@dataclass
class Explored:
    setup: Setup
    states: int = 0
    transitions: int = 0
    depth: int = 0
    finished: bool = False
    seconds: float = 0.0
    brackets: int = 0
    steps: int = 0
    bare_units: int = 0
    findings: list[Finding] = field(default_factory=list)


class Search:
    def __init__(self, setup: Setup, acts: Acts | None = None) -> None:
        self.setup = setup
        self.acts = acts or Acts(setup)
        self.worlds: list[World] = []
        self.known: dict[World, list[tuple[Budget, int]]] = {}
        self.parents = array("l")
        self.names: list[str] = []
        self.sources, self.targets = array("l"), array("l")
        self.kinds, self.units = array("b"), array("b")
        self.findings: dict[str, Finding] = {}

    def run(self, most_findings: int = 5) -> Explored:
        began, depth, frontier = time.process_time(), 0, self.start()
        limit = self.setup.most_states or 10**9
        while frontier and len(self.worlds) < limit and len(self.findings) < most_findings:
            frontier = self.widen(frontier, limit)
            depth += 1
        finished = not frontier
        explored = Explored(self.setup, depth=depth, finished=finished)
        if not self.findings:
            self.judge(explored, explored_only=not finished)
        explored.states, explored.transitions = len(self.worlds), len(self.sources)
        explored.seconds = time.process_time() - began
        explored.brackets, explored.steps = len(self.acts.brain.brackets), len(self.acts.brain.told)
        explored.findings = list(self.findings.values())
        return explored

    def start(self) -> list[int]:
        act = self.acts.beginning()
        self.meet(act.world, -1, act.name)
        for sentence in act.broken:
            self.find(sentence, 0, None)
        return [0]

    def number_of(self, world: World) -> int | None:
        """The world, or the same one with more trouble to come: what may follow here may follow there."""
        faults, crashes, wishes = world.faults, world.crashes, world.wishes
        for left, number in self.known.get(world._replace(faults=0, crashes=0, wishes=0), ()):
            if left[0] >= faults and left[1] >= crashes and left[2] >= wishes:
                return number
        return None

    def meet(self, world: World, parent: int, name: str) -> int:
        number = len(self.worlds)
        left = (world.faults, world.crashes, world.wishes)
        self.known.setdefault(world._replace(faults=0, crashes=0, wishes=0), []).append((left, number))
        self.worlds.append(world)
        self.parents.append(parent)
        self.names.append(name)
        return number

    def widen(self, frontier: list[int], limit: int) -> list[int]:
        """One step further from each world of the frontier; the worlds met for the first time."""
        fresh: list[int] = []
        acts = self.acts
        for source in frontier:
            for act in acts.of(self.worlds[source]):
                target = self.number_of(act.world)
                if target is None:
                    target = self.meet(act.world, source, act.name)
                    fresh.append(target)
                if act.broken:
                    for sentence in act.broken:
                        self.find(sentence, source, act.name)
                self.sources.append(source)
                self.targets.append(target)
                self.kinds.append(act.kind)
                self.units.append(act.units)
            if len(self.worlds) >= limit:
                fresh.extend(frontier[frontier.index(source) + 1 :])
                break
        return fresh

    # --- stories ---------------------------------------------------------------------------------------

    def find(self, sentence: str, number: int, name: str | None) -> None:
        if sentence not in self.findings:
            story = self.story(number)
            self.findings[sentence] = Finding(sentence, [*story, name] if name else story)

    def story(self, number: int) -> list[str]:
        names: list[str] = []
        while number >= 0:
            state = self.acts.bracket(self.worlds[number]).state
            names.append(f"{self.names[number]}  [{state}]")
            number = self.parents[number]
        return names[::-1]

    # --- the whole graph -------------------------------------------------------------------------------

    def judge(self, explored: Explored, *, explored_only: bool) -> None:
        if not explored_only:
            self.judge_ways_out()
        explored.bare_units = self.longest_bare()
        if explored.bare_units > MOST_BARE_UNITS:
            self.findings["bare"] = Finding(f"coins are without an order for {explored.bare_units} units", [])

    def judge_ways_out(self) -> None:
        """From every world some way without further trouble leads to the end; and, at the price of now, to a
        place where a bracket may stay."""
        states = [self.acts.bracket(world).state for world in self.worlds]
        ends = [i for i, state in enumerate(states) if state is State.EXIT_COMPLETE]
        rests = [i for i, state in enumerate(states) if state in RESTING]
        ways = (
            ("no way leads from here to EXIT_COMPLETE", ends, (Kind.TROUBLE,)),
            ("at this price nothing comes to rest", rests, (Kind.TROUBLE, Kind.PRICE, Kind.WISH)),
        )
        for sentence, goals, without in ways:
            reached = self.reaching(goals, frozenset(int(kind) for kind in without))
            lost = next((i for i, reaches in enumerate(reached) if not reaches), None)
            if lost is not None:
                number = sum(1 for reaches in reached if not reaches)
                self.find(f"{sentence} ({number} such places)", lost, None)

    def reaching(self, goals: list[int], without: frozenset[int]) -> bytearray:
        """Which worlds have a way to one of the goals."""
        before: list[list[int]] = [[] for _ in self.worlds]
        for source, target, kind in zip(self.sources, self.targets, self.kinds, strict=True):
            if kind not in without:
                before[target].append(source)
        reached = bytearray(len(self.worlds))
        queue = deque(goals)
        for goal in goals:
            reached[goal] = 1
        while queue:
            for source in before[queue.popleft()]:
                if not reached[source]:
                    reached[source] = 1
                    queue.append(source)
        return reached

    def is_bare(self, world: World) -> bool:
        """Whether the account holds coins and no order at the venue would sell any of them. What waits for a
        market to open, or for an operator after trouble, is not counted."""
        if world.market != "online":
            return False
        troubled = (world.faults, world.crashes) != (self.setup.faults, self.setup.crashes)
        if troubled and self.acts.bracket(world).state is State.HELD:
            return False
        if any(o.open and o.role != "entry" for o in world.orders):
            return False
        return self.acts.venue.coins(world.orders, world.gone) >= self.setup.minimum

    def longest_bare(self) -> int:
        """The longest time, in units, in which coins are without an order on any way without more trouble."""
        bare = bytearray(1 if self.is_bare(world) else 0 for world in self.worlds)
        edges: dict[int, list[tuple[int, int]]] = {}
        ways = zip(self.sources, self.targets, self.units, self.kinds, strict=True)
        for source, target, units, kind in ways:
            if bare[source] and bare[target] and kind != Kind.TROUBLE:
                if source == target and units:
                    return UNBOUNDED  # time passes, and nothing else
                edges.setdefault(source, []).append((target, units))
        return longest(edges, [i for i, b in enumerate(bare) if b])


def longest(edges: dict[int, list[tuple[int, int]]], nodes: list[int]) -> int:
    """The longest way by time. Circles without time are gone round for nothing; one that takes time has no
    end."""
    component = components(edges, nodes)
    inside: dict[int, list[tuple[int, int]]] = {}
    for source, targets in edges.items():
        for target, units in targets:
            if component[source] == component[target]:
                if units:
                    return UNBOUNDED
            else:
                inside.setdefault(component[source], []).append((component[target], units))
    best: dict[int, int] = {}
    for number in range(max(component.values(), default=-1) + 1):  # Tarjan numbers targets before sources
        best[number] = max((units + best[target] for target, units in inside.get(number, ())), default=0)
    return max(best.values(), default=0)


def components(edges: dict[int, list[tuple[int, int]]], nodes: list[int]) -> dict[int, int]:
    """Strongly connected components (Tarjan 1972, without recursion); a component is numbered after all
    that can be reached from it."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    component: dict[int, int] = {}
    stack: list[int] = []
    found = 0
    for root in nodes:
        if root in index:
            continue
        work = [(root, iter(edges.get(root, ())))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            node, targets = work[-1]
            for target, _ in targets:
                if target not in index:
                    index[target] = low[target] = len(index)
                    stack.append(target)
                    work.append((target, iter(edges.get(target, ()))))
                    break
                if target not in component:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    while True:
                        member = stack.pop()
                        component[member] = found
                        if member == node:
                            break
                    found += 1
    return component


__all__ = ["NEW", "Explored", "Finding", "Search"]
