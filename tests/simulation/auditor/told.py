"""What people were told, held against what was: alerts, strangers, prices and seconds of exposure.

The rows are those of `book.py`. Snapshots are rows of brackets as they stood at a moment of the calm; the
judge's record stops there too, for the moments of all snapshots are among those it passes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.auditor.positions import Order, Position
from tests.simulation.auditor.records import Ended, Placed, Record

if TYPE_CHECKING:
    from tests.simulation.auditor.judge import Judge

Row = Mapping[str, Any]
Snapshot = tuple[datetime, Sequence[Row]]
BARE_ALERTS = frozenset(
    {"unprotected_seconds", "position_without_stop", "coins_missing", "repair_refused", "held"}
)
"""Codes of the alerts one of which tells a person that coins have no order."""
AT_REST = "BRACKET_ACTIVE"


class ToldRules:
    """What is compared while the log is read."""

    def __init__(self, judge: Judge, snapshots: Sequence[Snapshot]) -> None:
        self.judge = judge
        self.foreign: dict[str, tuple[datetime, datetime | None]] = {}  # of the owner: as they rested
        self._snapshots = sorted(snapshots, key=lambda one: one[0])
        self._before: dict[str, tuple[datetime, Row]] = {}  # of each bracket: since when its prices are these

    def take(self, record: Record) -> None:
        match record:
            case Placed(by_owner=True):
                self.foreign[record.txid] = (record.at, None)
            case Ended() if record.txid in self.foreign:
                self.foreign[record.txid] = (self.foreign[record.txid][0], record.at)

    def stand(self, until: datetime) -> None:
        while self._snapshots and self._snapshots[0][0] <= self.judge.now:
            at, rows = self._snapshots.pop(0)
            for row in rows:
                self._check(at, row)

    def end(self) -> None:
        pass

    def _check(self, at: datetime, row: Row) -> None:
        key = f"bracket {row['id']}"
        since, before = self._before.get(key, (at, row))
        same = all(before[name] == row[name] for name in ("state", "stop_price", "target_price"))
        self._before[key] = (since if same else at, row)
        position = self.judge.positions.get(key)
        settled = self.judge.quiet.seconds(since, at, row["symbol"]) if same else 0.0
        if position is None or row["state"] != AT_REST or settled < self.judge.bounds.settled:
            return
        self._check_prices(position, row)
        self._check_seconds(position, row, at)

    def _check_prices(self, position: Position, row: Row) -> None:
        """In quiet every leg rests where the book has it."""
        for order in position.sells:
            is_stop = order.placed.trigger_price is not None
            there = order.trigger_price if is_stop else order.limit_price
            here = row["stop_price"] if is_stop else row["target_price"]
            if there is not None and not order.triggered and there != here:
                self.judge.complain_once(
                    position,
                    "rests elsewhere",
                    True,
                    f"{order.placed.txid} of {position.key} rests at {there}, the book says {here}",
                )

    def _check_seconds(self, position: Position, row: Row, at: datetime) -> None:
        """While its coins are protected nothing adds to the seconds in which they were not."""
        legs = self.judge.legs.legs.get(position.key)
        if legs is None or not self.judge.circumstances.clocks_true or position.handed_over:
            return
        if (
            legs.covered_since is None
            or (at - legs.covered_since).total_seconds() < self.judge.bounds.settled
        ):
            return
        compare_seconds(
            self.judge, position.key, row["unprotected_seconds"], legs.unprotected, "without an order"
        )


def compare_seconds(judge: Judge, key: str, told: Any, measured: float, what: str) -> None:
    if abs(float(told) - measured) > judge.bounds.measuring:
        judge.complain("exposure", f"{key} was {measured:.1f} s {what}, the book says {told}")


def compare_exposure(judge: Judge, rows: Sequence[Row]) -> None:
    """The seconds the book tells of what is over are those of the log."""
    if not judge.circumstances.clocks_true:
        return
    for row in rows:
        position = judge.positions.get(f"bracket {row['id']}")
        if position is None or row["state"] != "EXIT_COMPLETE" or not is_simple(position):
            continue
        legs = judge.legs.legs[position.key]
        compare_seconds(judge, position.key, row["unprotected_seconds"], legs.unprotected, "without an order")
        compare_seconds(judge, position.key, row["unstopped_seconds"], legs.unstopped, "without a stop")


def is_simple(position: Position) -> bool:
    """Whether nothing but its own orders moved its coins: what the owner handed over or took, and dust, the
    book dates by its own knowledge."""
    return bool(position.bought) and position.coins == 0 and not (position.base_fees or position.handed_over)


def compare_strangers(judge: Judge, rows: Sequence[Row]) -> None:
    """An order of the owner's that rests long enough is known to people."""
    known = {row["subject"] for row in rows if row["kind"] == "order"}
    for txid, (began, ended) in judge.told.foreign.items():
        quiet = judge.quiet.seconds(began, ended or judge.now, None)
        if quiet > judge.bounds.stranger and txid not in known:
            judge.complain(
                "stranger", f"{txid} of the owner's rested {quiet:.0f} quiet s and nobody was told"
            )


def compare_alerts(judge: Judge, rows: Sequence[Row]) -> None:
    """Coins that stay bare while nothing keeps the product from seeing it are called out."""
    if not judge.circumstances.clocks_true:
        return
    slack = timedelta(seconds=judge.bounds.measuring)
    for stretch in judge.legs.stretches:
        if stretch.seen <= judge.bounds.alarm:
            continue
        told = (row for row in rows if row["subject"] == stretch.key and row["code"] in BARE_ALERTS)
        if not any(is_of(row, stretch.began - slack, stretch.ended + slack) for row in told):
            judge.complain(
                "no alarm",
                f"{stretch.key} was bare from {stretch.began:%H:%M:%S} to {stretch.ended:%H:%M:%S}, "
                f"{stretch.seen:.0f} quiet s, and nobody was told",
                at=stretch.ended,
            )


def is_of(row: Row, began: datetime, ended: datetime) -> bool:
    """Whether the alert was open at some time between."""
    over = row["resolved_at"]
    return bool(row["raised_at"] <= ended and (over is None or over >= began))


__all__ = ["Order", "ToldRules", "compare_alerts", "compare_exposure", "compare_strangers"]
