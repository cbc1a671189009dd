"""Running setups, and saying what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from brackets.core.events import Event
from brackets.core.states import State
from tests.exploration.acts import Acts
from tests.exploration.brain import Brain
from tests.exploration.search import Explored, Search
from tests.exploration.world import Setup

HEADER = f"{'setup':44} {'worlds':>8} {'ways':>9} {'depth':>5}  {'frontier':9} {'bare':>4} {'seconds':>7}"


@dataclass
class Tour:
    """Some setups explored, and every pair of the machine's table that was taken on the way."""

    explored: list[Explored] = field(default_factory=list)
    moves: Counter[tuple[State, type[Event], State]] = field(default_factory=Counter)
    refused: Counter[tuple[State, type[Event]]] = field(default_factory=Counter)

    @property
    def findings(self) -> int:
        return sum(len(explored.findings) for explored in self.explored)


def tour(setups: Iterable[Setup], say: Callable[[str], None], *, repeats: bool = False) -> Tour:
    """Explore them one after the other. `repeats`: tell the machine every event twice."""
    whole = Tour()
    say(HEADER)
    for setup in setups:
        brain = Brain(may_be_held="hold" in setup.wishes, repeats=repeats)
        explored = Search(setup, Acts(setup, brain)).run()
        whole.explored.append(explored)
        whole.moves.update(brain.moves)
        whole.refused.update(brain.refused)
        say(line(explored))
        for finding in explored.findings:
            say(f"  VIOLATION: {finding.sentence}")
            for number, name in enumerate(finding.story):
                say(f"    {number:2}. {name}")
    say(total(whole))
    return whole


def line(explored: Explored) -> str:
    frontier = "empty" if explored.finished else "cut off"
    return (
        f"{explored.setup.name:44} {explored.states:8} {explored.transitions:9} {explored.depth:5}  "
        f"{frontier:9} {explored.bare_units:4} {explored.seconds:7.1f}"
    )


def total(whole: Tour) -> str:
    states = sum(explored.states for explored in whole.explored)
    ways = sum(explored.transitions for explored in whole.explored)
    seconds = sum(explored.seconds for explored in whole.explored)
    return f"states={states} transitions={ways} violations={whole.findings} seconds={seconds:.1f}"
