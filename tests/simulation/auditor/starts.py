"""Rules about a start: nothing is bought before book and venue were compared, each order with its answer.

Read along the log beside the judge. What a comparison must have seen at least: one answer that shows the open
orders, asked for after the start; and of every placement that never arrived, the proof that it never will.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.auditor.records import Record, Requested

if TYPE_CHECKING:
    from tests.simulation.auditor.judge import Judge

LATELY = timedelta(seconds=5)  # who woke so lately sends what was claimed long before, and is proven sooner


class StartRules:
    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self._starts = sorted(judge.circumstances.starts)
        self._asleep = judge.circumstances.asleep
        self._compared_at: datetime | None = None  # an answer showed the open orders that was asked for then
        self._unknown = [
            (record.sent_at, self._unknown_until(record), str(record.terms.get("cl_ord_id")))
            for record in judge.log.records
            if isinstance(record, Requested) and record.method == "AddOrder"
        ]  # placements, from when until when nobody can know what became of them

    def take(self, record: Record) -> None:
        if not isinstance(record, Requested):
            return
        match record.method:
            case "OpenOrders" if record.said == "ok":
                self._compared_at = record.sent_at
            case "AddOrder" if record.terms.get("type") == "buy":
                self._check_entry(record)

    def stand(self, until: datetime) -> None:
        pass

    def end(self) -> None:
        pass

    def _check_entry(self, record: Requested) -> None:
        start = max((at for at in self._starts if at <= record.sent_at), default=None)
        if start is None or self._slept(record, start):
            return
        name = record.terms.get("cl_ord_id")
        if self._compared_at is None or self._compared_at < start:
            self.judge.complain(
                "bought before the comparison",
                f"{name} left at {record.sent_at:%H:%M:%S.%f}, the open orders were not read since the start "
                f"at {start:%H:%M:%S.%f}",
            )
        for left_at, until, lost in self._unknown:
            if left_at < start and record.sent_at < until and lost != name:
                self.judge.complain(
                    "bought before the comparison",
                    f"{name} left at {record.sent_at:%H:%M:%S.%f}, before anybody could know of {lost}, sent "
                    f"at {left_at:%H:%M:%S.%f}, before the start at {start:%H:%M:%S.%f}",
                )

    def _unknown_until(self, record: Requested) -> datetime:
        """What is lost, or on its way for long, is proven absent in time, or found when it arrived."""
        if self._slept(record, record.sent_at - LATELY):
            return record.sent_at
        proven = record.sent_at + timedelta(seconds=self.judge.bounds.proof)
        return min(record.at, proven) if record.said else proven

    def _slept(self, record: Requested, start: datetime) -> bool:
        """Whether its sender may have taken it up before the start, and woke after it."""
        spans = self._asleep.get(record.process.partition("/")[0], ())
        return any(began <= record.sent_at and until > start for began, until in spans)
