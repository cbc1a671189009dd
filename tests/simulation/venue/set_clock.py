"""A venue's clock that was set: whoever has not asked for the time since does not know.

A deadline reckoned with the clock as it stood may be refused, and only that refusal tells of it. What
follows is the clock's doing, once for each process and step: afterwards the process can know.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from brackets.venue.paper.rules import DEADLINE_ELAPSED, invalid

OF_DEADLINES = (DEADLINE_ELAPSED, invalid("deadline").error)


@dataclass(slots=True)
class SetClock:
    """Of one venue."""

    steps: int = 0
    _known: dict[str, int] = field(default_factory=dict)  # process -> the steps it can know of

    def step(self) -> None:
        self.steps += 1

    def tell(self, process: str) -> None:
        """It asked for the time, or was refused for its deadline."""
        self._known[process] = self.steps

    def has_misled(self, process: str, error: str) -> bool:
        """Whether this refusal is how the process hears of a step."""
        if error not in OF_DEADLINES or self._known.get(process, 0) == self.steps:
            return False
        self.tell(process)
        return True
