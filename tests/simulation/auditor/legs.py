"""Rules about what stands for coins, over and above the narrow bounds: what no trouble excuses, who watches
where no stop rests, and how long coins really were without their legs.

Read along the log beside the judge. Times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.auditor.positions import Position
from tests.simulation.auditor.quiet import Quiet
from tests.simulation.auditor.records import Record, Troubled

if TYPE_CHECKING:
    from tests.simulation.auditor.judge import Judge


@dataclass(slots=True)
class Legs:
    """What is kept of one position."""

    unstopped_since: datetime | None = None  # coins enough for an order have no stop
    unsold_since: datetime | None = None  # … and never had any order that sells them
    ever_sold: bool = False  # whether the venue ever had such an order
    unprotected: float = 0.0  # so long there were coins and no sell order at all
    unstopped: float = 0.0  # … and no stop
    covered_since: datetime | None = None  # since when some order sells them
    stops: tuple[str, ...] = ()  # that wait for their triggers
    stops_since: datetime | None = None  # … since these are they
    pause: float = 0.0  # so long there were none, since there were some


@dataclass(frozen=True, slots=True)
class Stretch:
    """Coins enough for an order were bare, and nothing kept the product from seeing it for so long."""

    key: str
    began: datetime
    ended: datetime
    seen: float


class LegRules:
    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        known = judge.circumstances
        troubles = [record for record in judge.log.records if isinstance(record, Troubled)]
        shut = [trouble for trouble in troubles if trouble.shuts]
        self.taking = Quiet(shut, known.dark, after_seconds=0.0)
        after = judge.bounds.after_trouble
        watched = None if known.watched is None else [*known.watched, *known.net_away]
        self.unwatched = None if watched is None else Quiet(troubles, watched, after_seconds=after)
        self.untroubled = Quiet(troubles, (), after_seconds=after)
        self.legs: dict[str, Legs] = {}
        self.stretches: list[Stretch] = []  # for the book: each must have its alert
        self._bare: dict[str, datetime] = {}
        self._handed_over = sorted(known.handed_over)

    def take(self, record: Record) -> None:
        pass

    def stand(self, until: datetime) -> None:
        for position in self.judge.positions.values():
            legs = self.legs.setdefault(position.key, Legs())
            self._measure(position, legs, until)
            if position.coins > 0 or position.bare is not None:
                self._check_ceiling(position, until)
                self._check_never_sold(position, legs, until)
                self._check_unwatched(position, legs, until)
                self._check_apart(position, legs, until)
            self._note_bare(position)
        while self._handed_over and self._handed_over[0] <= self.judge.now:
            self._check_hand_over(self._handed_over.pop(0))

    def end(self) -> None:
        for position in self.judge.positions.values():
            position.bare = None
            self._note_bare(position)

    # --- how long ------------------------------------------------------------------------------------

    def _measure(self, position: Position, legs: Legs, until: datetime) -> None:
        seconds = (until - self.judge.now).total_seconds()
        if position.coins <= 0:
            legs.pause += seconds if position.sold else 0.0
            return
        legs.unprotected += legs.pause
        legs.unstopped += legs.pause
        legs.pause = 0.0
        sells = position.sells
        legs.ever_sold = legs.ever_sold or bool(sells) or position.sold > 0
        if not sells:
            legs.unprotected += seconds
            legs.covered_since = None
        elif legs.covered_since is None:
            legs.covered_since = self.judge.now
        if all(order.placed.trigger_price is None for order in sells):
            legs.unstopped += seconds

    # --- what no trouble excuses ---------------------------------------------------------------------------

    def _check_ceiling(self, position: Position, until: datetime) -> None:
        """Only a venue that takes nothing, or a house in which nobody lives, may leave coins bare so long."""
        bare = position.bare
        if bare is None:
            return
        seconds = self.taking.seconds(bare.since, until, position.symbol)
        self.judge.complain_once(
            position,
            "bare beyond excuse",
            seconds > max(self.judge.bounds.ceiling, bare.bound),
            f"{position.uncovered} {position.symbol} without a sell order from {bare.since:%H:%M:%S.%f}, "
            f"{seconds:.0f} s in which the venue took orders: {bare.cause}",
        )

    def _check_never_sold(self, position: Position, legs: Legs, until: datetime) -> None:
        """What was bought and never had its protection is sold again. Not while a person has put it on hold;
        let go on, it is given as long as from the beginning."""
        bought = position.coins - position.base_fees >= position.minimum and not position.handed_over
        held = self.judge.circumstances.held.get(position.symbol, ())
        if legs.ever_sold or not bought or any(begin <= self.judge.now < end for begin, end in held):
            legs.unsold_since = None
            return
        if legs.unsold_since is None:
            legs.unsold_since = self.judge.now
        seconds = self.taking.seconds(legs.unsold_since, until, position.symbol)
        self.judge.complain_once(
            position,
            "not rolled back",
            seconds > self._bound_of_rollback(position),
            f"{position.coins} {position.symbol}, bought before {legs.unsold_since:%H:%M:%S}, never had an "
            f"order that sells them, {seconds:.0f} s in which the venue took orders",
        )

    def _bound_of_rollback(self, position: Position) -> float:
        """Coins bought in parts too small for a stop of the venue's are not sold before two looks prove that
        it made none: these take the place of the time after which protection is given up."""
        bounds = self.judge.bounds
        proof = 0.0 if position.small_part_at is None else max(0.0, bounds.small_parts - bounds.given_up)
        return bounds.rollback + proof

    def _check_apart(self, position: Position, legs: Legs, until: datetime) -> None:
        """Stops of single fills become one, when they are old enough to be cheap."""
        stops = tuple(o.placed.txid for o in position.sells if o.placed.trigger_price is not None)
        if stops != legs.stops:
            legs.stops, legs.stops_since = stops, self.judge.now
        if len(stops) < 2 or legs.stops_since is None:
            return
        quiet = self.judge.quiet.seconds(legs.stops_since, until, position.symbol)
        self.judge.complain_once(
            position,
            "stops apart",
            quiet > self.judge.bounds.apart,
            f"{len(stops)} stops of {position.key} rest beside each other for {quiet:.0f} quiet s",
        )

    # --- who watches -------------------------------------------------------------------------------------

    def _is_unstopped(self, position: Position) -> bool:
        stops = sum(
            (o.leaves for o in position.sells if o.placed.trigger_price is not None), position.base_fees
        )
        if position.coins - stops < position.minimum:
            return False
        return position.coins - stops - self.judge.lost(position) >= position.minimum

    def _check_unwatched(self, position: Position, legs: Legs, until: datetime) -> None:
        """A target may rest without a stop only as long as a watch lives."""
        if self.unwatched is None:
            return
        if not self._is_unstopped(position):
            legs.unstopped_since = None
            return
        if legs.unstopped_since is None:
            legs.unstopped_since = self.judge.now
        seconds = self.unwatched.seconds(legs.unstopped_since, until, position.symbol)
        self.judge.complain_once(
            position,
            "no stop and no watch",
            seconds > self.judge.bounds.hand_over + (position.bare.bound if position.bare else 0.0),
            f"{position.coins} {position.symbol} without a stop since {legs.unstopped_since:%H:%M:%S}, "
            f"{seconds:.1f} s of it nobody watched",
        )

    def _check_hand_over(self, at: datetime) -> None:
        """A watch that ended in order left every stop at the venue."""
        before = at - timedelta(seconds=self.judge.bounds.handing)
        for position in self.judge.positions.values():
            targets = [o for o in position.sells if o.placed.trigger_price is None and o.placed.at < before]
            calm = self.untroubled.seconds(before, at, position.symbol) >= self.judge.bounds.handing
            if targets and calm and self._is_unstopped(position):
                self.judge.complain(
                    "left without a stop", f"a watch ended at {at:%H:%M:%S}, {targets[0].placed.txid} rests"
                )

    # --- for the book --------------------------------------------------------------------------------------

    def _note_bare(self, position: Position) -> None:
        if position.bare is not None:
            self._bare.setdefault(position.key, position.bare.since)
        elif position.key in self._bare:
            began, ended = self._bare.pop(position.key), self.judge.now
            seen = self.judge.quiet.seconds(began, ended, position.symbol)
            self.stretches.append(Stretch(position.key, began, ended, seen))
