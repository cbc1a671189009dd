"""Rules about how often: who fights with others about a stop, or storms the venue, is no protection.

Read along the log beside the judge.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.auditor.positions import Position
from tests.simulation.auditor.records import Ended, Placed, Record, Requested

if TYPE_CHECKING:
    from tests.simulation.auditor.judge import Judge

MINUTE = timedelta(seconds=60)
NOBODYS_WISH = ("funds", "ost only")  # ends that nobody asked for
NO_FUNDS = "Insufficient funds"


@dataclass(slots=True)
class Pace:
    """What is kept of one position."""

    repaired_at: datetime | None = None
    since_repair: set[str] = field(default_factory=set)  # stops placed by that repair or after it
    robbed: set[str] = field(default_factory=set)  # stops others canceled, and nothing followed yet
    robbed_at: datetime | None = None  # the last of them
    readings: int = 0  # … so many answers told of orders since
    is_repeat: bool = False  # … one that was a repair, or came after it
    sells: deque[datetime] = field(default_factory=deque)  # when they left, within a minute
    refused: deque[datetime] = field(default_factory=deque)

    def forget(self) -> None:
        self.robbed.clear()
        self.is_repeat = False


class PaceRules:
    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.paces: dict[str, Pace] = {}
        self.most_sells = self.most_refused = 0  # within a minute

    def take(self, record: Record) -> None:
        match record:
            case Requested(method="AddOrder") if record.terms.get("type") == "sell":
                self._asked(record)
            case Requested(method="OpenOrders" | "QueryOrders" | "ClosedOrders", said="ok"):
                for pace in self.paces.values():
                    pace.readings += 1
            case Requested(method="CancelOrder"):
                self._wanted(str(record.terms.get("txid")))
            case Ended(status="canceled"):
                self._canceled(record)
            case Placed(side="sell", by_owner=False) if record.cl_ord_id and record.trigger_price is not None:
                self._stopped(record)

    def stand(self, until: datetime) -> None:
        pass

    def end(self) -> None:
        pass

    def _pace(self, position: Position) -> Pace:
        return self.paces.setdefault(position.key, Pace())

    def _asked(self, record: Requested) -> None:
        key = self.judge.circumstances.bracket_of.get(str(record.terms.get("cl_ord_id")))
        position = self.judge.positions.get(key or "")
        if position is None:
            return
        pace, bounds = self._pace(position), self.judge.bounds
        if "stop" not in str(record.terms.get("ordertype")):
            pace.forget()  # what comes back after an exit is no repair
        sells = within_a_minute(pace.sells, record.at)
        self.most_sells = max(self.most_sells, sells)
        self.judge.complain_once(
            position,
            "storm",
            sells > bounds.most_sells,
            f"{sells} sells of {position.key} left within a minute",
        )
        if NO_FUNDS in record.said:
            refused = within_a_minute(pace.refused, record.at)
            self.most_refused = max(self.most_refused, refused)
            self.judge.complain_once(
                position,
                "storm of refusals",
                refused > bounds.most_refused,
                f"{refused} sells of {position.key} were refused for funds within a minute",
            )

    def _wanted(self, txid: str) -> None:
        """Whoever canceled it, the product wanted its end, too: nobody's harm."""
        order = self.judge.orders.get(txid)
        if order is not None:
            pace = self._pace(self.judge.position_of(order))
            pace.robbed.discard(txid)
            pace.is_repeat = pace.is_repeat and bool(pace.robbed)

    def _canceled(self, record: Ended) -> None:
        order = self.judge.orders.get(record.txid)
        if order is None or order.is_entry or order.placed.trigger_price is None or order.filled:
            return
        if self.judge.was_asked(order) or any(words in record.reason for words in NOBODYS_WISH):
            return
        pace = self._pace(self.judge.position_of(order))
        pace.robbed.add(record.txid)
        pace.robbed_at, pace.readings = record.at, 0
        pace.is_repeat = pace.is_repeat or record.txid in pace.since_repair

    def _stopped(self, record: Placed) -> None:
        order = self.judge.orders[record.txid]
        position = self.judge.position_of(order)
        pace = self._pace(position)
        if not pace.robbed:
            pace.since_repair.add(record.txid)
            return
        self._check_doubt(pace, record)
        before = pace.repaired_at
        if before is not None and pace.is_repeat and self.judge.circumstances.clocks_true:
            seconds = (record.at - before).total_seconds()
            if seconds < self.judge.bounds.between_repairs and not self._was_to_be_left(position, before):
                self.judge.complain(
                    "repaired again",
                    f"{record.txid} of {position.key}, {seconds:.1f} s after the last repair",
                )
        pace.repaired_at, pace.since_repair = record.at, {record.txid}
        pace.forget()

    def _was_to_be_left(self, position: Position, since: datetime) -> bool:
        """Whether a person asked for the exit meanwhile: the stop that comes back because it was refused, or
        because somebody held it up and let go on, is that person's doing, and nobody is fought with."""
        wishes = self.judge.circumstances.wishes
        return any(w.symbol == position.symbol and since <= w.at <= self.judge.now for w in wishes)

    def _check_doubt(self, pace: Pace, record: Placed) -> None:
        """A leg that is lost is repaired when two readings agree, or when no second one comes in time."""
        known = self.judge.circumstances
        if pace.robbed_at is None or not (known.reads_only and known.clocks_true):
            return
        seconds = (record.at - pace.robbed_at).total_seconds()
        if pace.readings < 2 and seconds < self.judge.bounds.doubted:
            self.judge.complain(
                "repaired in doubt",
                f"{record.txid}, {seconds:.1f} s and {pace.readings} readings after the loss",
            )


def within_a_minute(times: deque[datetime], now: datetime) -> int:
    """How many there are with this one."""
    times.append(now)
    while times[0] <= now - MINUTE:
        times.popleft()
    return len(times)
