"""The venue itself: one engine, its memory, its log, and Kraken's methods answered as Kraken would.

Stands behind the wires of all processes. A request that arrived is judged by its nonce, done, recorded and
told to whoever listens; a reading shows what stands, or what stood a while ago where this world is slow to
know. Times that come in are true; the venue's own clock may differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from brackets.venue.paper.engine import Engine
from brackets.venue.paper.forms import Form
from brackets.venue.paper.limits import Limits
from brackets.venue.paper.orders import Changes, EventKind, Order, Refused, Status, System
from brackets.venue.paper.pairs import PAIRS
from brackets.venue.paper.rules import DEADLINE_ELAPSED, UNAVAILABLE, Options
from brackets.venue.paper.trading import METHODS as TRADING
from tests.simulation.auditor.records import (
    Amended,
    Booked,
    Ended,
    Filled,
    Placed,
    Requested,
    Triggered,
    Troubled,
    VenueLog,
)
from tests.simulation.venue import shapes
from tests.simulation.venue.history import History
from tests.simulation.venue.market import Market
from tests.simulation.venue.mischief import Mischief
from tests.simulation.venue.options import Fault, VenueOptions
from tests.simulation.venue.set_clock import SetClock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MILLION = Decimal(1_000_000)
INVALID_NONCE = "EAPI:Invalid nonce"
MISLED = "a deadline reckoned with the clock as it stood before"
LOOKED_UP_SECONDS = 16.0  # until what nobody answered for is proven absent: deadline, visibility, two looks
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue says: Kraken's errors, or a result."""

    errors: tuple[str, ...] = ()
    result: Json | None = None

    @property
    def said(self) -> str:
        return ", ".join(self.errors) or "ok"


@dataclass(frozen=True, slots=True)
class Letter:
    """One request on its way."""

    process: str
    method: str
    form: Mapping[str, Any]
    nonce: int | None  # None: a public method
    sent_at: datetime


def unix(moment: datetime) -> Decimal:
    return Decimal((moment - EPOCH) // MICROSECOND) / MILLION


@dataclass(eq=False)
class House:
    """One account at one venue, in its world."""

    options: VenueOptions
    clock: Callable[[], datetime]
    random: Random
    log: VenueLog = field(default_factory=VenueLog)
    faults: Counter[str] = field(default_factory=Counter)
    history: History = field(default_factory=History)
    limits: Limits = field(default_factory=Limits)
    late: list[tuple[datetime, Letter]] = field(default_factory=list)
    listeners: list[Callable[[Changes, Decimal], None]] = field(default_factory=list)
    beats: list[Callable[[datetime], None]] = field(default_factory=list)  # told of each second
    cut_until: datetime | None = None  # nothing reaches the venue, nothing comes back
    tokens: set[str] = field(default_factory=set)
    set_clock: SetClock = field(default_factory=SetClock)

    def __post_init__(self) -> None:
        self.skew = timedelta(seconds=self.options.skew_seconds)
        self.market = Market(self.options, self.random)
        self.engine = Engine(
            seed="simulation",
            ticks=self.market.ticks(),
            options=Options(
                post_only_cancels=self.options.post_only_cancels,
                untriggered_hold=not self.options.both_rest,
            ),
        )
        self.mischief = Mischief(self)
        self._nonces: set[int] = set()
        self._highest_nonce = 0
        self._latest = Decimal(0)
        self._ours: set[str] = set()  # the product's orders and what their fills made
        self._shown: dict[str, tuple[Order, Json]] = {}
        for symbol in self.engine.ticks:
            pair = PAIRS[symbol]
            self.log.base_assets[symbol] = pair.base.code
            self.log.quote_assets[symbol] = pair.quote.code
            self.log.minimums[symbol] = pair.order_minimum
        now = self.now()
        self.engine.deposit(asset="ZUSD", amount=Decimal(self.options.dollars), now=now)
        for asset, amount in self.options.owner_coins.items():
            self.engine.deposit(asset=asset, amount=Decimal(amount), now=now)
        self.settle()

    # --- time and change -----------------------------------------------------------------------------

    def now(self) -> Decimal:
        """The venue's own clock, which never goes back."""
        self._latest = max(self._latest, unix(self.clock() + self.skew))
        return self._latest

    def step_clock(self, seconds: float) -> None:
        """The venue's clock is set."""
        self.skew += timedelta(seconds=seconds)
        self.set_clock.step()

    def note(self, fault: str) -> None:
        self.faults[fault] += 1

    def trouble(
        self,
        what: str,
        *,
        seconds: float,
        symbol: str | None = None,
        has_consequences: bool = True,
        shuts: bool = False,
    ) -> None:
        at = self.clock()
        self.log.add(Troubled(at, at + timedelta(seconds=seconds), what, symbol, has_consequences, shuts))

    def symbol_of(self, letter: Letter) -> str | None:
        """The pair of what a request is to change; None where the venue knows no such order."""
        if letter.method == "AddOrder":
            return next(
                (symbol for symbol in self.engine.ticks if PAIRS[symbol].code == letter.form["pair"]), None
            )
        txid = letter.form.get("txid")
        order = self.engine.find_open(txid=txid, cl_ord_id=letter.form.get("cl_ord_id"))
        if order is None and txid is not None:
            order = self.history.order_at(str(txid), None)
        return None if order is None else order.symbol

    def is_cut(self) -> bool:
        return self.cut_until is not None and self.clock() < self.cut_until

    def settle(self) -> None:
        """Record what the engine just did, and tell it."""
        if not self.engine.changed:
            return
        now, changes = self.now(), self.engine.take_changes()
        self._write_down(changes)
        self.history.keep(changes, self.engine, now)
        self.mischief.see(changes, now)
        for listener in self.listeners:
            listener(changes, now)

    def _write_down(self, changes: Changes) -> None:
        at, add = self.clock(), self.log.add
        for event in changes.events:
            order, trade = event.order, event.trade
            match event.kind:
                case EventKind.PLACED:
                    add(self._placed(order, at))
                case EventKind.FILLED if trade is not None:
                    add(Filled(at, order.txid, trade.trade_id, trade.volume, trade.price))
                case EventKind.TRIGGERED:
                    add(Triggered(at, order.txid))
                case EventKind.AMENDED:
                    add(Amended(at, order.txid, order.volume, order.limit_price, order.trigger_price))
                case EventKind.ENDED:
                    add(Ended(at, order.txid, order.status.value, order.reason))
        for entry in changes.entries:
            add(Booked(at, entry.ledger_id, entry.refid, entry.kind, entry.asset, entry.amount, entry.fee))

    def _placed(self, order: Order, at: datetime) -> Placed:
        if order.cl_ord_id is not None or order.refid in self._ours:
            self._ours.add(order.txid)
        return Placed(
            at,
            order.txid,
            order.symbol,
            order.side.value,
            order.kind.value,
            order.volume,
            order.limit_price,
            order.trigger_price,
            order.close.price if order.close is not None else None,
            order.cl_ord_id,
            order.refid,
            order.txid not in self._ours,
        )

    def is_ours(self, order: Order) -> bool:
        """Whether it came of the product."""
        return order.txid in self._ours

    # --- requests --------------------------------------------------------------------------------------

    def lose(self, letter: Letter, *, said: str = "") -> None:
        """It never arrives, or no further than the door; `said`: what the client hears."""
        self._write_request(letter, said)

    def serve(self, letter: Letter, *, again: bool = False) -> Answer:
        """It arrived: done, recorded, answered. `again`: the same letter, delivered a second time."""
        answer = self._judged(letter)
        if not again:
            self._write_request(letter, answer.said)
        self.settle()
        return answer

    def _write_request(self, letter: Letter, said: str) -> None:
        terms = dict(letter.form) if letter.method in TRADING else {}
        self.log.add(Requested(self.clock(), letter.sent_at, letter.process, letter.method, terms, said))

    def _judged(self, letter: Letter) -> Answer:
        if letter.nonce is not None and not self._takes_nonce(letter.nonce):
            return Answer((INVALID_NONCE,))
        try:
            if letter.nonce is not None and self.engine.system is System.MAINTENANCE:
                raise Refused(UNAVAILABLE)
            if letter.method in TRADING:
                form = self.mischief.before_write(letter.method, dict(letter.form))
                return Answer(result=TRADING[letter.method](self, Form(form), self.now()))  # type: ignore[arg-type]
            if letter.method == "Time":
                self.set_clock.tell(letter.process)
            return Answer(result=self._read(letter.method, letter.form))
        except Refused as refused:
            self.mischief.hear_refusal(refused.error)
            if self.set_clock.has_misled(letter.process, refused.error):
                seconds = LOOKED_UP_SECONDS if refused.error == DEADLINE_ELAPSED else 0.0
                self.trouble(MISLED, seconds=seconds, symbol=self.symbol_of(letter))
            return Answer((refused.error,))
        finally:
            self.engine.hold_release_seconds = Decimal(0)

    def _takes_nonce(self, nonce: int) -> bool:
        """Higher than any before; with a window for this key, not used and not too far behind."""
        window = int(self.options.nonce_window_seconds * 1000)
        if nonce in self._nonces or nonce <= self._highest_nonce - window:
            self.note("nonce refused: another came first")
            return False
        self._nonces.add(nonce)
        self._highest_nonce = max(self._highest_nonce, nonce)
        return True

    def deliver_late(self) -> None:
        """What hung on the wire arrives when its time has come."""
        now = self.clock()
        due = [late for late in self.late if late[0] <= now]
        for late in due:
            self.late.remove(late)
            self.note_late(self.serve(late[1]))

    def note_late(self, answer: Answer) -> None:
        """Count what became of a request that arrived late."""
        if not answer.errors:
            self.note("late request taken")
        elif "eadline" in answer.said:
            self.note("late request refused for its deadline")

    # --- readings ----------------------------------------------------------------------------------------

    def _read(self, method: str, form: Mapping[str, Any]) -> Json:
        match method:
            case "Ticker":
                return {
                    PAIRS[symbol].code: shapes.ticker(self.engine.ticks[symbol])
                    for symbol in self._symbols(form)
                }
            case "AssetPairs":
                return {
                    PAIRS[symbol].code: shapes.asset_pair(PAIRS[symbol], self.engine.mode_of(symbol))
                    for symbol in self._symbols(form)
                }
            case "Time":
                return {"unixtime": int(self.now())}
            case "SystemStatus":
                return {"status": self.engine.system.value}
            case "OpenOrders":
                return {"open": {order.txid: self.shown(order) for order in self._open_orders()}}
            case "QueryOrders":
                return self._query(str(form["txid"]).split(","))
            case "ClosedOrders":
                return self._closed(form)
            case "QueryTrades" | "TradesHistory" | "Ledgers":
                return self._books(method, form)
            case "BalanceEx":
                return self._balances()
            case "GetWebSocketsToken":
                token = f"token-{len(self.tokens) + 1}"
                self.tokens.add(token)
                return {"token": token, "expires": 900}
        raise NotImplementedError(f"the simulated venue has no {method}")

    def _symbols(self, form: Mapping[str, Any]) -> list[str]:
        if "pair" not in form:
            return list(self.engine.ticks)
        named = set(str(form["pair"]).split(","))
        return [symbol for symbol in self.engine.ticks if PAIRS[symbol].code in named]

    def shown(self, order: Order) -> Json:
        """An order as Kraken tells it; made once for each of its versions."""
        known = self._shown.get(order.txid)
        if known is not None and known[0] is order:
            return known[1]
        told = shapes.order(order)
        self._shown[order.txid] = (order, told)
        return told

    def _open_orders(self) -> list[Order]:
        at = self.mischief.reading_time(Fault.STALE_ORDERS)
        orders = self.engine.open_orders if at is None else self.history.picture_of(at).open_orders
        return [order for order in reversed(list(orders.values())) if self.mischief.is_visible(order)]

    def _query(self, txids: list[str]) -> Json:
        at = self.mischief.reading_time(Fault.STALE_ORDERS)
        found = [order for txid in txids if (order := self.history.order_at(txid, at)) is not None]
        return {
            order.txid: self.shown(order)
            for order in found
            if self.mischief.is_visible(order) and not self.mischief.is_omitted()
        }

    def _closed(self, form: Mapping[str, Any]) -> Json:
        at = self.mischief.reading_time(Fault.STALE_CLOSED)
        found, count = self.history.closed_orders(shapes.page(form), at=at, cl_ord_id=form.get("cl_ord_id"))
        visible = [order for order in found if self.mischief.is_visible(order)]
        return {"closed": {order.txid: self.shown(order) for order in visible}, "count": count}

    def _books(self, method: str, form: Mapping[str, Any]) -> Json:
        at = self.mischief.reading_time(Fault.STALE_BOOKS)
        if method == "QueryTrades":
            known = [self.history.by_id.get(key) for key in str(form["txid"]).split(",")]
            return {
                t.trade_id: shapes.trade(t) for t in known if t is not None and (at is None or t.at <= at)
            }
        if method == "TradesHistory":
            trades, count = self.history.trades(shapes.page(form), at=at)
            return {"trades": {trade.trade_id: shapes.trade(trade) for trade in trades}, "count": count}
        entries, count = self.history.entries(shapes.page(form), at=at)
        return {"ledger": {entry.ledger_id: shapes.entry(entry) for entry in entries}, "count": count}

    def _balances(self) -> Json:
        at = self.mischief.reading_time(Fault.STALE_BALANCES)
        if at is None:
            account = self.engine.account
            return shapes.balances(account.balances, account.held)
        picture = self.history.picture_of(at)
        return shapes.balances(picture.balances, picture.held)

    def bars(self, symbol: str, **_: object) -> list[Any]:
        """No candles are kept here; what the stream says of the last day is of this moment."""
        return []

    # --- whole states ------------------------------------------------------------------------------------

    def set_mode(self, mode: System, symbol: str | None = None) -> None:
        """What may be traded from now on: of the venue, or of one pair."""
        if symbol is None:
            self.engine.system = mode
        elif mode is System.ONLINE:
            self.engine.modes.pop(symbol, None)
        else:
            self.engine.modes[symbol] = mode

    def open_stops(self, symbol: str) -> list[Order]:
        return [o for o in self.engine.open_orders.values() if o.symbol == symbol and o.waiting]

    def still_open(self, txid: str) -> Order | None:
        order = self.engine.open_orders.get(txid)
        return order if order is not None and order.status is Status.OPEN else None
