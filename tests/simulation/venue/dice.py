"""Whether something goes wrong now, and what: one throw for each occasion."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate
from random import Random

from tests.simulation.venue.options import Fault


class Dice:
    """One of several faults, each with its own probability, or none."""

    def __init__(self, random: Random, rates: Mapping[Fault, float], faults: Iterable[Fault]) -> None:
        self._random = random
        self._faults = [fault for fault in faults if rates.get(fault, 0.0) > 0]
        self._until = list(accumulate(rates[fault] for fault in self._faults))

    def throw(self) -> Fault | None:
        if not self._faults:
            return None
        thrown = self._random.random()
        return None if thrown >= self._until[-1] else self._faults[bisect_right(self._until, thrown)]
