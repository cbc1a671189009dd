"""How much of the time that matters the auditor could judge: where nearly nothing is quiet nothing is seen.

Read along the log beside the judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tests.simulation.auditor.positions import Position
from tests.simulation.auditor.records import Record

if TYPE_CHECKING:
    from tests.simulation.auditor.judge import Judge


@dataclass(slots=True)
class Attention:
    """Position-seconds: those in which coins were kept, and of these the ones in which nothing hindered the
    product, so that its bounds were judged."""

    kept: float = 0.0
    quiet: float = 0.0

    def add(self, other: Attention) -> None:
        self.kept += other.kept
        self.quiet += other.quiet

    @property
    def share(self) -> float:
        return self.quiet / self.kept if self.kept else 0.0


class AttentionRules:
    """Complains of nothing; measures."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.attention = Attention()
        self._kept_since: dict[str, datetime] = {}

    def take(self, record: Record) -> None:
        pass

    def stand(self, until: datetime) -> None:
        for position in self.judge.positions.values():
            if position.coins - position.base_fees >= position.minimum:
                self._kept_since.setdefault(position.key, self.judge.now)
            elif position.key in self._kept_since:
                self._count(position)

    def end(self) -> None:
        for position in self.judge.positions.values():
            if position.key in self._kept_since:
                self._count(position)

    def _count(self, position: Position) -> None:
        since, now = self._kept_since.pop(position.key), self.judge.now
        quiet = self.judge.quiet.seconds(since, now, position.symbol)
        self.attention.add(Attention(kept=(now - since).total_seconds(), quiet=quiet))
