"""How often each thing happened: faults, crashes, and what the machine's table took."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from brackets.core import machine
from brackets.core.states import Refusal
from tests.simulation.auditor.attention import Attention

Pair = tuple[str, str]
"""State and type of event."""


@dataclass(slots=True)
class Tally:
    """Of one run, or of many."""

    faults: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)  # by boundary
    incidents: Counter[str] = field(default_factory=Counter)
    starts: Counter[str] = field(default_factory=Counter)
    steps: Counter[Pair] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)  # why brackets ended
    attention: Attention = field(default_factory=Attention)  # of the auditor
    converged_after: float = 0.0

    def add(self, other: Tally) -> None:
        self.faults += other.faults
        self.crashes += other.crashes
        self.incidents += other.incidents
        self.starts += other.starts
        self.steps += other.steps
        self.ends += other.ends
        self.attention.add(other.attention)
        self.converged_after = max(self.converged_after, other.converged_after)


def takable() -> list[Pair]:
    """Every pair of the table that is no refusal, in the table's order."""
    return [
        (state.value, event_type.__name__)
        for (state, event_type), handler in machine.TABLE.items()
        if not isinstance(handler, Refusal)
    ]
