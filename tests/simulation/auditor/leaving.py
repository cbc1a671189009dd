"""Rules about what people want: whoever wants to leave must see it sold, and nothing is bought while paused.

Read along the log beside the judge.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tests.simulation.auditor.circumstances import Wish
from tests.simulation.auditor.positions import Position
from tests.simulation.auditor.records import Record

if TYPE_CHECKING:
    from tests.simulation.auditor.judge import Judge


class LeavingRules:
    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self._wishes = sorted(judge.circumstances.wishes, key=lambda one: one.at)
        self._pending: list[Wish] = []
        self._patience: dict[Wish, float] = {}  # what a wish had to wait for besides

    def take(self, record: Record) -> None:
        pass

    def stand(self, until: datetime) -> None:
        for position in self.judge.positions.values():
            self._check_pause(position, until)
        self._check_wishes(until)

    def end(self) -> None:
        pass

    def _check_pause(self, position: Position, until: datetime) -> None:
        for order in position.live_entries:
            since = self.judge.paused_since(self.judge.now)
            if since is None:
                continue
            began = max(since, order.placed.at)
            quiet = self.judge.quiet.seconds(began, until, position.symbol)
            self.judge.complain_once(
                position,
                "entry rests while paused",
                quiet > self.judge.bounds.paused_entry,
                f"{order.placed.txid} is open {quiet:.1f} quiet s after {began:%H:%M:%S}",
            )

    def _check_wishes(self, until: datetime) -> None:
        """Whoever wants to leave must see it sold."""
        while self._wishes and self._wishes[0].at <= self.judge.now:
            self._pending.append(self._wishes.pop(0))
        for wish in tuple(self._pending):
            here = [position for position in self.judge.positions.values() if position.symbol == wish.symbol]
            if all(position.is_leaving(self.judge.lost(position)) for position in here):
                self._pending.remove(wish)
                continue
            counts_until = min(until, wish.taken_back_at or until)
            quiet = self.judge.quiet.seconds(wish.at, counts_until, wish.symbol)
            self._patience[wish] = max(self._patience_with(here, wish), self._patience.get(wish, 0.0))
            if quiet > self.judge.bounds.exit + self._patience[wish]:
                self._pending.remove(wish)
                self.judge.complain(
                    "exit blocked",
                    f"{wish.symbol} was to be left {quiet:.1f} quiet s ago",
                )
            elif counts_until < until:
                self._pending.remove(wish)

    def _patience_with(self, here: list[Position], wish: Wish) -> float:
        """How much longer leaving may take: a small part's stop is awaited, or funds were short."""
        if any(self.judge.awaits_small_part(position) for position in here):
            return self.judge.bounds.small_parts
        short = (p.lacked_funds_at for p in here if p.lacked_funds_at is not None)
        return self.judge.bounds.refused_funds if any(at >= wish.at for at in short) else 0.0
