"""Rules about what people want: whoever wants to leave must see it sold, and nothing is bought while paused.

Read along the log beside the judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tests.simulation.auditor.circumstances import Wish
from tests.simulation.auditor.positions import Position
from tests.simulation.auditor.records import Filled, Placed, Record, Requested

if TYPE_CHECKING:
    from tests.simulation.auditor.judge import Judge

NO_FUNDS = "Insufficient funds"


@dataclass(slots=True)
class Refused:
    """Exits of one position that the venue refused for want of coins."""

    awaits_stop: bool = False  # the last one was refused, and no stop came back yet
    stopped_at: datetime | None = None  # when one last did
    rounds: int = 0  # how often, since something was sold


class LeavingRules:
    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self._wishes = sorted(judge.circumstances.wishes, key=lambda one: one.at)
        self._pending: list[Wish] = []
        self._patience: dict[Wish, float] = {}  # what a wish had to wait for besides
        self._refused: dict[str, Refused] = {}  # by position

    def take(self, record: Record) -> None:
        match record:
            case Requested(method="AddOrder") if NO_FUNDS in record.said:
                key = self.judge.circumstances.bracket_of.get(str(record.terms.get("cl_ord_id")))
                if key is not None and "stop" not in str(record.terms.get("ordertype")):
                    self._refused.setdefault(key, Refused()).awaits_stop = True
            case Placed(side="sell", by_owner=False) if record.trigger_price is not None:
                refused = self._refused.get(self.judge.position_of(self.judge.orders[record.txid]).key)
                if refused is not None and refused.awaits_stop:
                    refused.awaits_stop, refused.stopped_at = False, record.at
                    refused.rounds += 1
            case Filled() if (order := self.judge.orders.get(record.txid)) and not order.is_entry:
                self._refused.pop(self.judge.position_of(order).key, None)

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
        rounds = max((self._rounds_since(position, wish) for position in here), default=0)
        if rounds:
            return self._patience_after(rounds)
        short = (p.lacked_funds_at for p in here if p.lacked_funds_at is not None)
        return self.judge.bounds.refused_funds if any(at >= wish.at for at in short) else 0.0

    def _rounds_since(self, position: Position, wish: Wish) -> int:
        """How often its stop came back after an exit that was refused for want of coins, the last time after
        the wish: the coins rest protected then, and the next try waits."""
        refused = self._refused.get(position.key)
        if refused is None or refused.stopped_at is None or refused.stopped_at < wish.at:
            return 0
        return refused.rounds

    def _patience_after(self, rounds: int) -> float:
        bounds = self.judge.bounds
        pauses = (bounds.refused_exit * 2**number for number in range(rounds))
        return sum((min(pause, bounds.most_refused_exit) + bounds.refused_funds for pause in pauses), 0.0)
