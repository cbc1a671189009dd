"""A venue without a wire: the port spoken directly over the paper venue's matching engine.

Time and prices are moved by hand, and every call can be told what becomes of it: lost on the way, lost
on the way back, delivered late, refused, overtaken by the market, or answered from an old reading. The
venue keeps its own record of all that arrived, and audits it after every change without asking the
product: that is what the stories are judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from threading import RLock

from brackets.venue import port
from brackets.venue.paper.engine import Engine
from brackets.venue.paper.market import TICK_SIZES, Tick
from brackets.venue.paper.orders import (
    Amendment,
    Close,
    Entry,
    Kind,
    NewOrder,
    Order,
    Refused,
    Side,
    Status,
    Trade,
)
from brackets.venue.paper.pairs import PAIRS
from brackets.venue.paper.rules import Options
from tests.integration.engine_audit import audit, ours
from tests.integration.engine_words import instrument, ledger_entry, refusal, report, trade_report, unix

__all__ = ["NOON", "EngineVenue", "Fault", "HandClock", "SenderKilled", "audit", "ours"]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Fault(StrEnum):
    """What becomes of one call."""

    NONE = "none"
    LOST_REQUEST = "lost request"  # it never reaches the venue; nobody is told
    LOST_ANSWER = "lost answer"  # it is done, and nobody is told
    LATE_REQUEST = "late request"  # it hangs on the wire until `deliver_late`
    TWICE = "delivered twice"  # it is done, and what comes back is the refusal of the second delivery
    KILLED = "killed"  # it is done, and the sender dies before it reads the answer


class SenderKilled(BaseException):
    """The process that was sending ended at this very moment; no `except Exception` sees it."""


LateRequest = port.OrderRequest | port.AmendRequest
Step = Fault | port.Outcome | Callable[[], None]


class HandClock:
    """A clock that only a test moves."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float | int) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class State:
    """All the venue would show: replaced, never changed, so that an old one can be kept."""

    orders: dict[str, Order] = field(default_factory=dict)
    trades: dict[str, Trade] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()


class EngineVenue:
    """`brackets.venue.port.Venue` over one Engine. `record` is what really happened."""

    def __init__(self, clock: Callable[[], datetime], *, prices: dict[str, Decimal], depth: Decimal) -> None:
        self.clock = clock
        self.skew = timedelta(0)  # the venue's clock minus ours
        self.depth = depth
        self.record = State()
        self.sent: list[port.OrderRequest] = []  # what left the product, arrived or not
        self.cancels: list[str] = []
        self.amends: list[port.AmendRequest] = []
        self.asked: list[str] = []  # every call, by method
        self.faults_found: list[str] = []  # what the venue's own audit found
        self.handed_over: dict[str, Decimal] = {}  # coins held before that the product may sell, by symbol
        self.down = False
        self.hold_release_seconds = 0  # how long coins stay reserved that a cancel or an amendment set free
        self.system = "online"
        self.bars: tuple[port.CandleReading, ...] = ()
        self._steps: dict[str, list[Step]] = {}
        self._frozen: dict[str, tuple[State, int]] = {}
        self._late: list[LateRequest] = []
        self._ghosts: list[tuple[datetime, str, Decimal]] = []
        self._lock = RLock()
        ticks = [self.tick(symbol, price) for symbol, price in prices.items()]
        self.engine = Engine(seed="stories", ticks=ticks, options=Options(levels=1))

    # --- what a test does to it ------------------------------------------------------------------

    def script(self, method: str, *steps: Step) -> None:
        """What becomes of the next calls of `method`, one after the other."""
        self._steps.setdefault(method, []).extend(steps)

    def freeze(self, *methods: str, calls: int = 1) -> None:
        """Let the next `calls` of these readings show what is so now."""
        for method in methods:
            self._frozen[method] = (self._copy(), calls)

    def calm(self) -> None:
        """From here on every call is answered, and truly."""
        self._steps.clear()
        self._frozen.clear()
        self.down = False

    def tick(self, symbol: str, last: Decimal) -> Tick:
        """Bought at `last`, sold one tick size below."""
        size = TICK_SIZES[symbol]
        return Tick(symbol=symbol, bid=last - size, ask=last, last=last, depth=self.depth)

    def move(self, symbol: str, last: Decimal | str | int, *, depth: Decimal | None = None) -> None:
        """The market moved; what it reaches is filled at once."""
        with self._changing():
            if depth is not None:
                self.depth = depth
            self.engine.advance([self.tick(symbol, Decimal(last))], now=self._now())

    def deposit(self, asset: str, amount: Decimal | int) -> None:
        with self._changing():
            self.engine.deposit(asset=asset, amount=Decimal(amount), now=self._now())

    def earn(self, asset: str, amount: Decimal | int) -> None:
        """Auto-earn takes coins into its wallet; a negative amount comes back."""
        with self._changing():
            self.engine.earn(asset=asset, amount=Decimal(amount), now=self._now())

    def cancel_by_hand(self, venue_order_id: str) -> None:
        with self._changing():
            self.engine.cancel(txid=venue_order_id, now=self._now())

    def sell_by_hand(self, symbol: str, quantity: Decimal, *, limit: Decimal | None = None) -> str:
        """The owner sells coins at the venue's own page; the order's id."""
        kind = Kind.MARKET if limit is None else Kind.LIMIT
        with self._changing():
            request = NewOrder(symbol=symbol, side=Side.SELL, kind=kind, volume=quantity, price=limit)
            order = self.engine.add(request, now=self._now())
            assert order is not None
            return order.txid

    def deliver_late(self) -> list[str]:
        """What hung on the wire arrives now; how the venue took each."""
        late, self._late = self._late, []
        return [
            repr(self._amend(request) if isinstance(request, port.AmendRequest) else self._accept(request))
            for request in late
        ]

    def set_down(self, down: bool) -> None:
        self.down = down

    # --- writes ----------------------------------------------------------------------------------

    def place(self, request: port.OrderRequest, *, urgent: bool) -> port.Outcome:
        self.sent.append(request)
        return self._write("place", lambda: self._accept(request), late=request)

    def amend(self, request: port.AmendRequest, *, urgent: bool) -> port.Outcome:
        self.amends.append(request)
        return self._write("amend", lambda: self._amend(request), late=request)

    def cancel(
        self,
        venue_order_id: str,
        *,
        symbol: str | None = None,
        touched_at: datetime | None = None,
        urgent: bool = True,
    ) -> port.Outcome:
        self.cancels.append(venue_order_id)
        return self._write("cancel", lambda: self._cancel(txid=venue_order_id))

    def cancel_by_client_id(
        self,
        client_order_id: str,
        *,
        symbol: str | None = None,
        touched_at: datetime | None = None,
        urgent: bool = True,
    ) -> port.Outcome:
        self.cancels.append(client_order_id)
        return self._write("cancel", lambda: self._cancel(cl_ord_id=client_order_id))

    def _write(
        self, method: str, act: Callable[[], port.Outcome], *, late: LateRequest | None = None
    ) -> port.Outcome:
        step = self._next(method)
        if step is Fault.LOST_REQUEST or self.down:
            return port.Unknown(message="connection timed out")
        if step is Fault.LATE_REQUEST and late is not None:
            self._late.append(late)
            return port.Unknown(message="connection timed out")
        if isinstance(step, port.Accepted | port.Refused | port.Unknown):
            return step
        if callable(step) and not isinstance(step, Fault):
            step()
        outcome = act()
        if step is Fault.KILLED:
            raise SenderKilled
        if step is Fault.TWICE:
            return port.Refused(reason=port.Reason.INVALID_NONCE, message="EAPI:Invalid nonce")
        return port.Unknown(message="read timed out") if step is Fault.LOST_ANSWER else outcome

    def _accept(self, request: port.OrderRequest) -> port.Outcome:
        kind = Kind(request.kind.value)
        price = request.limit_price if kind is Kind.LIMIT else request.trigger_price
        close = request.close_stop_price
        try:
            with self._changing():
                order = self.engine.add(
                    NewOrder(
                        symbol=request.symbol,
                        side=Side(request.side.value),
                        kind=kind,
                        volume=request.quantity,
                        price=price,
                        post_only=request.post_only,
                        deadline_at=unix(request.deadline_at),
                        expires_at=unix(request.expires_at),
                        cl_ord_id=request.client_order_id,
                        close=Close(kind=Kind.STOP_LOSS, price=close) if close is not None else None,
                    ),
                    now=self._now(),
                    validate=request.validate_only,
                )
        except Refused as refused:
            return refusal(refused)
        return port.Accepted(venue_order_id=order.txid if order else None)

    def _amend(self, request: port.AmendRequest) -> port.Outcome:
        change = Amendment(
            txid=request.venue_order_id,
            volume=request.quantity,
            limit_price=request.limit_price,
            trigger_price=request.trigger_price,
            post_only=request.post_only,
            deadline_at=unix(request.deadline_at),
        )
        try:
            order = self.engine.find_open(txid=request.venue_order_id)
            with self._changing(), self._releasing_late(order):
                self.engine.amend(change, now=self._now())
        except Refused as refused:
            return refusal(refused)
        return port.Accepted(venue_order_id=request.venue_order_id)

    def _cancel(self, **which: str) -> port.Outcome:
        try:
            with self._changing(), self._releasing_late(self.engine.find_open(**which)):
                self.engine.cancel(now=self._now(), **which)
        except Refused as refused:
            return refusal(refused)
        return port.Accepted(venue_order_id=None)

    @contextmanager
    def _releasing_late(self, order: Order | None) -> Iterator[None]:
        """Coins that this sets free of a sell stay reserved for `hold_release_seconds` more."""
        if order is None or order.side is not Side.SELL or not self.hold_release_seconds:
            yield
            return
        account, asset = self.engine.account, PAIRS[order.symbol].base.code
        available = account.available(asset)
        yield
        freed = account.available(asset) - available
        if freed > 0:
            account.reserve(asset, freed)
            until = self.clock() + timedelta(seconds=self.hold_release_seconds)
            self._ghosts.append((until, asset, freed))

    # --- public readings ---------------------------------------------------------------------------

    def instruments(self) -> Sequence[port.Instrument]:
        self._answer("instruments")
        listed = [pair for pair in PAIRS.values() if pair.symbol in self.engine.ticks]
        return [instrument(pair, status=self.system) for pair in listed]

    def quotes(self, symbols: Iterable[str]) -> Sequence[port.QuoteReading]:
        self._answer("quotes")
        ticks = [self.engine.ticks[symbol] for symbol in symbols if symbol in self.engine.ticks]
        return [port.QuoteReading(symbol=t.symbol, bid=t.bid, ask=t.ask, last=t.last) for t in ticks]

    def pair_statuses(self, symbols: Iterable[str]) -> Mapping[str, str]:
        self._answer("pair_statuses")
        return {symbol: self.system for symbol in symbols if symbol in self.engine.ticks}

    def candles(self, symbol: str, *, minutes: int, limit: int) -> Sequence[port.CandleReading]:
        self._answer("candles")
        return self.bars[-limit:]

    def system_status(self) -> str:
        self._answer("system_status")
        return self.system

    def server_time(self) -> datetime:
        self._answer("server_time")
        return self.clock() + self.skew

    def clock_offset(self) -> timedelta | None:
        return self.skew

    # --- private readings --------------------------------------------------------------------------

    def open_orders(self, *, urgent: bool = False) -> Sequence[port.OrderReport]:
        shown = self._answer("open_orders")
        return [report(order) for order in shown.orders.values() if order.status is Status.OPEN]

    def orders(self, venue_order_ids: Sequence[str], *, urgent: bool = False) -> Sequence[port.OrderReport]:
        shown = self._answer("orders")
        return [report(shown.orders[txid]) for txid in venue_order_ids if txid in shown.orders]

    def closed_orders(
        self, *, client_order_id: str | None = None, since: datetime | None = None, urgent: bool = False
    ) -> Sequence[port.OrderReport]:
        shown = self._answer("closed_orders")
        ended = [order for order in shown.orders.values() if order.status is not Status.OPEN]
        if client_order_id is not None:
            ended = [order for order in ended if order.cl_ord_id == client_order_id]
        if since is not None:
            ended = [order for order in ended if (order.closed_at or 0) >= unix(since)]
        return [report(order) for order in ended]

    def trades(self, venue_trade_ids: Sequence[str], *, urgent: bool = False) -> Sequence[port.TradeReport]:
        shown = self._answer("trades")
        return [trade_report(shown.trades[key]) for key in venue_trade_ids if key in shown.trades]

    def trades_since(self, since: datetime) -> Sequence[port.TradeReport]:
        shown = self._answer("trades_since")
        return [trade_report(trade) for trade in shown.trades.values() if trade.at >= unix(since)]

    def ledgers(self, *, since: datetime, urgent: bool = False) -> Sequence[port.LedgerEntry]:
        shown = self._answer("ledgers")
        return [ledger_entry(entry) for entry in shown.entries if entry.at >= unix(since)]

    def balances(self, *, urgent: bool = False) -> Sequence[port.BalanceReading]:
        self._answer("balances")
        account = self.engine.account
        return [
            port.BalanceReading(asset=asset, total=total, held=account.hold(asset))
            for asset, total in account.balances.items()
        ]

    def websocket_token(self, *, urgent: bool = False) -> str:
        self._answer("websocket_token")
        return "the engine's token"

    # --- the inside --------------------------------------------------------------------------------

    def _next(self, method: str) -> Step:
        self.asked.append(method)
        steps = self._steps.get(method)
        return steps.pop(0) if steps else Fault.NONE

    def _answer(self, method: str) -> State:
        """The state one reading shows. Raises VenueUnavailable when it is to fail."""
        step = self._next(method)
        if self.down or step in (Fault.LOST_REQUEST, Fault.LOST_ANSWER):
            raise port.VenueUnavailable(f"{method}: connection refused")
        if step is Fault.KILLED:
            raise SenderKilled
        if callable(step) and not isinstance(step, Fault):
            step()
        with self._changing():  # a hold may have become due
            pass
        frozen, calls = self._frozen.get(method, (None, 0))
        if frozen is None or calls <= 0:
            return self.record
        self._frozen[method] = (frozen, calls - 1)
        return frozen

    def _copy(self) -> State:
        return State(dict(self.record.orders), dict(self.record.trades), self.record.entries)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change of the engine at a time, recorded and audited; a refusal changes nothing."""
        with self._lock:
            due = [ghost for ghost in self._ghosts if ghost[0] <= self.clock()]
            for ghost in due:
                self._ghosts.remove(ghost)
                self.engine.account.reserve(ghost[1], -ghost[2])
            yield
            changes = self.engine.take_changes()
            self.record.orders.update(changes.orders)
            self.record.trades.update({trade.trade_id: trade for trade in changes.trades})
            self.record.entries = (*self.record.entries, *changes.entries)
            if changes.orders:
                self.faults_found += audit(self)

    def _now(self) -> Decimal:
        now = unix(self.clock() + self.skew)
        assert now is not None
        return now
