"""How long nothing hindered the product: time that counts against its bounds.

Pure. Trouble at the venue, and times in which nobody of the product could act, stop the clock; most goes on
counting as trouble for a while after its end, for what follows from it takes its time too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from tests.simulation.auditor.records import Troubled

Span = tuple[datetime, datetime]


class Quiet:
    """The quiet times of one story."""

    def __init__(self, troubles: Iterable[Troubled], blind: Sequence[Span], *, after_seconds: float) -> None:
        self._after = timedelta(seconds=after_seconds)
        self._blind = list(blind)
        self._troubles = list(troubles)
        self._merged: dict[str | None, list[Span]] = {}

    def seconds(self, begin: datetime, end: datetime, symbol: str | None) -> float:
        """Seconds between two moments in which nothing hindered anybody at this pair."""
        if end <= begin:
            return 0.0
        spans = self._spans(symbol)
        first = max(0, bisect_right(spans, begin, key=lambda span: span[0]) - 1)
        hindered = 0.0
        for since, until in spans[first:]:
            if since >= end:
                break
            hindered += max(0.0, (min(until, end) - max(since, begin)).total_seconds())
        return (end - begin).total_seconds() - hindered

    def _until(self, trouble: Troubled) -> datetime:
        return trouble.until + self._after if trouble.has_consequences else trouble.until

    def _spans(self, symbol: str | None) -> list[Span]:
        if symbol not in self._merged:
            here = [t for t in self._troubles if t.symbol is None or t.symbol == symbol]
            spans = [*self._blind, *((t.at, self._until(t)) for t in here)]
            self._merged[symbol] = merged(spans)
        return self._merged[symbol]


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same times as spans that do not touch, in order."""
    found: list[Span] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found
