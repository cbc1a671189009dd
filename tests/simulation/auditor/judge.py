"""The judge: reads a venue's log from its first record to its last and says what must not have been.

Shares no code with the product; what the product believed is handed in as plain rows (`book.py`), what
happened to its processes as plain times. Every rule is a method of its own; a complaint names the rule, the
moment and the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from tests.simulation.auditor.attention import Attention, AttentionRules
from tests.simulation.auditor.circumstances import Bounds, Circumstances, Complaint
from tests.simulation.auditor.closing import ClosingRules
from tests.simulation.auditor.leaving import LeavingRules
from tests.simulation.auditor.legs import LegRules
from tests.simulation.auditor.owner import Owner
from tests.simulation.auditor.pace import PaceRules
from tests.simulation.auditor.positions import Bare, Order, Position
from tests.simulation.auditor.quiet import Quiet
from tests.simulation.auditor.records import (
    ZERO,
    Amended,
    Booked,
    Ended,
    Filled,
    OwnerActed,
    Placed,
    Record,
    Requested,
    Triggered,
    Troubled,
    VenueLog,
)
from tests.simulation.auditor.starts import StartRules
from tests.simulation.auditor.told import Snapshot, ToldRules

NO_FUNDS = "Insufficient funds"
PASSING = "Rate limit exceeded"  # so ends a refusal after which the same order may leave again


class Judge:
    """One story. `judge` reads it once; `positions` and `complaints` are what came of it."""

    def __init__(
        self,
        log: VenueLog,
        circumstances: Circumstances,
        bounds: Bounds | None = None,
        snapshots: Sequence[Snapshot] = (),
    ) -> None:
        self.log, self.circumstances, self.bounds = log, circumstances, bounds or Bounds()
        troubles = [record for record in log.records if isinstance(record, Troubled)]
        self.quiet = Quiet(troubles, circumstances.blind, after_seconds=self.bounds.after_trouble)
        self.positions: dict[str, Position] = {}
        self.orders: dict[str, Order] = {}  # of the product, by txid
        self.complaints: list[Complaint] = []
        self.quote_moved: dict[str, Decimal] = {}  # by trade id, net of fees
        self.base_moved: dict[str, Decimal] = {}
        self._position_of: dict[str, Position] = {}  # txid ->
        self.owner = Owner(log.base_assets)
        self._trade_of: dict[str, str] = {}  # trade id -> txid
        self._cl_ord_ids: set[str] = set()
        self._sent: dict[str, Requested] = {}  # client id -> its placement, as it last left
        self._cancels_asked: set[str] = set()
        self._handed = sorted(circumstances.handed, key=lambda one: one.at)
        self._moments = sorted(
            {one.at for one in self._handed}
            | {one.at for one in circumstances.wishes}
            | {m for span in circumstances.pauses for m in span}
            | {m for spans in circumstances.held.values() for span in spans for m in span}
            | {*circumstances.handed_over, *(at for at, _ in snapshots)}
        )
        self.now = log.records[0].at if log.records else circumstances.ended_at
        self.legs, self.pace = LegRules(self), PaceRules(self)
        self.told = ToldRules(self, snapshots)
        self.attending = AttentionRules(self)
        self.rules = (
            self.attending,
            LeavingRules(self),
            self.legs,
            self.pace,
            StartRules(self),
            self.told,
            ClosingRules(self),
        )

    def judge(self) -> list[Complaint]:
        for record in self.log.records:
            if record.at > self.now:
                self._pass(record.at)
            self._take(record)
            for rule in self.rules:
                rule.take(record)
        self._pass(max(self.now, self.circumstances.ended_at))
        for rule in self.rules:
            rule.end()
        return self.complaints

    @property
    def attention(self) -> Attention:
        return self.attending.attention

    def complain(self, kind: str, sentence: str, *, at: datetime | None = None) -> None:
        self.complaints.append(Complaint(kind, at or self.now, sentence))

    def position_of(self, order: Order) -> Position:
        return self._position_of[order.placed.txid]

    def was_asked(self, order: Order) -> bool:
        """Whether the product asked for its end."""
        return bool({order.placed.txid, order.placed.cl_ord_id} & self._cancels_asked)

    # --- reading -----------------------------------------------------------------------------------------

    def _take(self, record: Record) -> None:
        match record:
            case Requested():
                self._requested(record)
            case Placed():
                self._placed(record)
            case Amended():
                self._amended(record)
            case Triggered(txid=txid) if txid in self.orders:
                self.orders[txid].triggered = True
            case Filled():
                self._filled(record)
            case Ended():
                self._ended(record)
            case Booked():
                self._booked(record)
            case OwnerActed() | Troubled() | Triggered():
                pass

    def _requested(self, record: Requested) -> None:
        died = self.circumstances.deaths.get(record.process)
        if died is not None and record.sent_at > died:
            self.complain(
                "request of a dead process",
                f"{record.process} died at {died:%H:%M:%S}, "
                f"sent {record.method} at {record.sent_at:%H:%M:%S}",
            )
        if record.method == "AddOrder":
            self._check_sent(record)
            self._check_refused(record)
        if record.method == "CancelOrder":
            self._cancels_asked.add(str(record.terms.get("txid") or record.terms.get("cl_ord_id")))

    def _check_sent(self, record: Requested) -> None:
        """A placement leaves once, and again only when it was certainly not done and may be soon. A limit
        entry says when the venue shall end it, whatever becomes of us."""
        name = str(record.terms.get("cl_ord_id"))
        before = self._sent.get(name)
        if before is not None and before.sent_at != record.sent_at and not before.said.endswith(PASSING):
            self.complain("sent twice", f"{name} left at {before.sent_at:%H:%M:%S} ({before.said}) and again")
        self._sent[name] = record
        if record.is_limit_entry and not record.terms.get("expiretm"):
            self.complain("entry without an end", f"{name} rests until somebody cancels it")

    def _check_refused(self, record: Requested) -> None:
        """A sell that lacks coins is tried again for a while, then the stop is put back for what is there."""
        key = self.circumstances.bracket_of.get(str(record.terms.get("cl_ord_id")))
        position = self.positions.get(key or "")
        if position is None or NO_FUNDS not in record.said:
            return
        position.lacked_funds_at = record.at
        if position.bare is not None:
            self._uncover(position, f"refused for funds at {record.at:%H:%M:%S}", self.bounds.refused_funds)

    def _placed(self, record: Placed) -> None:
        if record.by_owner:
            self.owner.placed(record)
            return
        if record.cl_ord_id is not None:
            if record.cl_ord_id in self._cl_ord_ids:
                self.complain("client id twice", f"{record.cl_ord_id} became a second order, {record.txid}")
            self._cl_ord_ids.add(record.cl_ord_id)
        position = self._find_position(record)
        order = Order(record, record.quantity, record.limit_price, record.trigger_price)
        self.orders[record.txid] = position.orders[record.txid] = order
        self._position_of[record.txid] = position
        if order.is_entry:
            self._entry_placed(record, position)

    def _find_position(self, record: Placed) -> Position:
        parent = self._position_of.get(record.refid or "")
        if parent is not None:
            return parent
        key = self.circumstances.bracket_of.get(record.cl_ord_id or "", record.symbol)
        return self._position(key, record.symbol)

    def _position(self, key: str, symbol: str) -> Position:
        if key not in self.positions:
            self._write_off(symbol)
            self.positions[key] = Position(key, symbol, self.log.minimums.get(symbol, ZERO))
        return self.positions[key]

    def _write_off(self, symbol: str) -> None:
        """A coin has one position at a time: where another one begins, those before it are over, and what
        they lacked then stays lost."""
        here = [position for position in self.positions.values() if position.symbol == symbol]
        lost = [self.lost(position) for position in here]
        for position, coins in zip(here, lost, strict=True):
            position.written_off = max(position.written_off, min(coins, position.uncovered))

    def _entry_placed(self, record: Placed, position: Position) -> None:
        live = position.live_entries
        if len(live) > 1:
            names = ", ".join(order.placed.txid for order in live)
            self.complain("two entries", f"{position.symbol}: {names} are open at once")
        since = self.paused_since(record.at)
        if since is not None and (record.at - since).total_seconds() > self.bounds.paused_on_the_way:
            self.complain("entry while paused", f"{record.txid} was taken, paused since {since:%H:%M:%S}")

    def paused_since(self, at: datetime) -> datetime | None:
        return next((begin for begin, end in self.circumstances.pauses if begin <= at < end), None)

    def _amended(self, record: Amended) -> None:
        order = self.orders.get(record.txid)
        if order is None:
            return
        smaller = record.quantity < order.quantity and not order.is_entry
        order.quantity = record.quantity
        order.limit_price = record.limit_price or order.limit_price
        order.trigger_price = record.trigger_price or order.trigger_price
        if smaller:
            self._uncover(
                self._position_of[record.txid], "an order was made smaller", self.bounds.between_legs
            )

    def _filled(self, record: Filled) -> None:
        self._trade_of[record.trade_id] = record.txid
        order = self.orders.get(record.txid)
        if order is None:
            self.owner.filled(record)
            return
        position = self._position_of[record.txid]
        order.filled += record.quantity
        order.trades.append(record.trade_id)
        if not order.is_entry:
            position.sold += record.quantity
            return
        position.bought += record.quantity
        bound = self.bounds.own_stop
        if order.placed.close_price is not None:
            bound = self.bounds.attached
            if record.quantity < position.minimum:
                bound, position.small_part_at = self.bounds.small_parts, record.at
        self._uncover(position, f"{record.txid} bought {record.quantity}", bound)

    def _ended(self, record: Ended) -> None:
        order = self.orders.get(record.txid)
        if order is None:
            self.owner.ended(record)
            return
        order.status, order.reason = record.status, record.reason
        if order.is_entry or record.status == "closed":
            return
        position = self._position_of[record.txid]
        asked = self.was_asked(order)
        if "funds" in record.reason:
            bound = self.bounds.short_of_funds
        else:
            in_turn = self.bounds.each_stop * len(position.sells)  # one is canceled after the other
            bound = self.bounds.between_legs + in_turn if asked else self._bound_of_robbery(position)
        if self.awaits_small_part(position):
            bound = max(bound, self.bounds.small_parts)
        self._uncover(position, f"{record.txid} ended ({record.reason})", bound)

    def _bound_of_robbery(self, position: Position) -> float:
        """How long a leg may be missing that somebody else canceled: who does so again and again is not
        fought with, both legs are watched meanwhile."""
        before, position.robbed_at = position.robbed_at, self.now
        again = before is not None and (self.now - before).total_seconds() < self.bounds.owner_again
        return self.bounds.owner_again if again else self.bounds.owner

    def awaits_small_part(self, position: Position) -> bool:
        """Whether a stop of a part just bought may still be on its way, as far as anybody can know: what
        looks free is not sold before."""
        since = position.small_part_at
        return since is not None and (self.now - since).total_seconds() < self.bounds.small_parts

    def _booked(self, record: Booked) -> None:
        moved = record.amount - record.fee
        txid = self._trade_of.get(record.refid, "")
        order = self.orders.get(txid)
        if order is None or record.kind != "trade":
            self.owner.booked(record, txid)
            return
        if record.asset == self.log.base_assets.get(order.placed.symbol):
            self.base_moved[record.refid] = self.base_moved.get(record.refid, ZERO) + moved
            self._position_of[order.placed.txid].base_fees += record.fee
        else:
            self.quote_moved[record.refid] = self.quote_moved.get(record.refid, ZERO) + moved

    # --- time ------------------------------------------------------------------------------------------

    def _uncover(self, position: Position, cause: str, bound: float) -> None:
        """Coins may just have lost their order; whether they did is seen when time passes."""
        if position.bare is None:
            position.bare = Bare(self.now, cause, bound)
        elif bound > position.bare.bound:
            position.bare = Bare(position.bare.since, f"{position.bare.cause}; {cause}", bound)

    def _pass(self, until: datetime) -> None:
        """Nothing happens at the venue until then; elsewhere something may."""
        while self._moments and self._moments[0] < until:
            moment = self._moments.pop(0)
            if moment > self.now:
                self._stand(moment)
        self._stand(until)

    def _stand(self, until: datetime) -> None:
        """Everything stands as it stands until then."""
        self._hand_over(self.now)
        for position in self.positions.values():
            self._check_sums(position, until)
            self._check_bare(position, until)
            self.owner.note(position.symbol)
        for rule in self.rules:
            rule.stand(until)
        self.now = until

    def _hand_over(self, now: datetime) -> None:
        while self._handed and self._handed[0].at <= now:
            one = self._handed.pop(0)
            position = self._position(one.key, one.symbol)
            position.handed_over += one.quantity
            self._uncover(position, f"{one.quantity} coins were handed over", self.bounds.own_stop)

    def _check_sums(self, position: Position, until: datetime) -> None:
        """Sells executed or working never exceed the coins. Where the venue lets both legs rest, the one that
        is left of two may stand for as long as its cancel takes; what is sold may never exceed them."""
        there = position.handed_over + position.bought
        selling = position.sold + position.on_sale
        excess = selling > there
        if excess and self.circumstances.both_rest and position.sold <= there:
            selling = position.sold + position.on_sale_at_once
            excess = selling > there and self._outlives_its_cancel(position, until)
        elif not excess:
            position.doubled_since = None
        self.complain_once(
            position,
            "sold more than bought",
            excess,
            f"{selling} {position.symbol} sold or on sale of {there} bought or handed over",
        )

    def _outlives_its_cancel(self, position: Position, until: datetime) -> bool:
        position.doubled_since = position.doubled_since or self.now
        return self.quiet.seconds(position.doubled_since, until, position.symbol) > self.bounds.between_legs

    def complain_once(self, position: Position, kind: str, broken: bool, sentence: str) -> None:
        """Say it when it begins, and again only after it was not so."""
        if not broken:
            position.said.discard(kind)
        elif kind not in position.said:
            position.said.add(kind)
            self.complain(kind, sentence)

    def lost(self, position: Position) -> Decimal:
        """Coins of the position that nobody can sell any more: the owner sold or withdrew them, or an order
        of the owner's holds them. What the owner had besides is lost first, and what other positions of the
        pair lack is theirs."""
        symbol, gone = position.symbol, self.owner.taken(position.symbol)
        here = [other for other in self.positions.values() if other.symbol == symbol]
        gone += sum((other.handed_over for other in here), ZERO)  # given away: the owner has so many less
        others = sum((max(ZERO, other.uncovered) for other in here if other is not position), ZERO)
        return max(ZERO, gone - others, position.written_off)

    def _check_bare(self, position: Position, until: datetime) -> None:
        uncovered = position.uncovered
        if uncovered >= position.minimum:
            uncovered -= self.lost(position)
        if uncovered < position.minimum:
            position.bare = None
            return
        if position.bare is None:  # nothing took their order away: they were there before
            position.bare = Bare(self.now, "coins appeared", self.bounds.own_stop)
        bare = position.bare
        quiet = self.quiet.seconds(bare.since, until, position.symbol)
        self.complain_once(
            position,
            "bare coins",
            quiet > bare.bound,
            f"{uncovered} {position.symbol} without a sell order from {bare.since:%H:%M:%S.%f} to "
            f"{until:%H:%M:%S.%f} ({quiet:.1f} quiet s, at most {bare.bound:g}): {bare.cause}",
        )
