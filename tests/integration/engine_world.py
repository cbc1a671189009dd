"""The whole product below the web, on one EngineVenue: a watch whose every turn a test takes itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, connections
from django.utils import timezone

from brackets import accounts, operations, readers, reconcile, records, venues
from brackets.core.events import Event
from brackets.core.invariants import violations
from brackets.core.states import State
from brackets.models import Account, Bracket, Order
from brackets.venue import port
from brackets.venue.paper.orders import Order as VenueOrder
from brackets.venue.paper.orders import Side, Status
from brackets.venue.port import VenueUnavailable
from risk import journal
from risk.models import SystemConfig
from tests.integration.engine_venue import NOON, EngineVenue, HandClock, ours
from trading import configuration, door, proof, settle
from trading.models import Trade

ETH = "ETH/USD"
PRICES = {ETH: Decimal("2500"), "BTC/USD": Decimal("60000"), "SOL/USD": Decimal("150")}
DOLLARS = Decimal("10000")
STOP, TARGET = Decimal("2450"), Decimal("2600")
QUANTITY = Decimal("0.1")
WAITING_TURNS = 120


class HeardVenue(EngineVenue):
    """The engine's venue, remembering how urgent each write was said to be: `(method, role, urgent)`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.heard: list[tuple[str, str, bool]] = []

    def place(self, request: port.OrderRequest, *, urgent: bool) -> port.Outcome:
        self.note("place", client_order_id=request.client_order_id, urgent=urgent)
        return super().place(request, urgent=urgent)

    def amend(self, request: port.AmendRequest, *, urgent: bool) -> port.Outcome:
        self.note("amend", venue_order_id=request.venue_order_id, urgent=urgent)
        return super().amend(request, urgent=urgent)

    def cancel(self, venue_order_id: str, **options: Any) -> port.Outcome:
        self.note("cancel", venue_order_id=venue_order_id, urgent=options["urgent"])
        return super().cancel(venue_order_id, **options)

    def note(self, method: str, *, urgent: bool, **which: str) -> None:
        self.heard.append((method, Order.objects.get(**which).role, urgent))


class World:
    """One account, one venue, one clock. `turn` is what a watch does in a second; `watched` says whether
    it holds the lease: without, every stop belongs on the venue."""

    watched = False

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, owner_coins: Decimal, now: datetime = NOON
    ) -> None:
        self.clock = HandClock(now)
        monkeypatch.setattr(timezone, "now", self.clock)
        self.venue = HeardVenue(self.clock, prices=PRICES, depth=Decimal(1000))
        monkeypatch.setattr(venues, "of", lambda account, patience_seconds=0.0: self.venue)
        self.venue.deposit("ZUSD", DOLLARS)
        if owner_coins:  # coins the product must never touch; the venue's holds hide no oversell then
            self.venue.deposit("XETH", owner_coins)
        self.account = accounts.current()
        configuration.of(self.account)
        readers.refresh_instruments(self.account, self.venue)
        self.clock.pass_seconds(1)
        self.turn()
        assert self.account.recovered_at is not None

    # --- asking ------------------------------------------------------------------------------------

    def open(
        self,
        *,
        symbol: str = ETH,
        quantity: Decimal = QUANTITY,
        stop: Decimal | None = STOP,
        target: Decimal | None = TARGET,
        entry_type: str = "market",
    ) -> Trade:
        """Through the door; what is not Opened is a failure of the story."""
        verdict = door.open_position_with_brackets(
            self.account.name, symbol, "buy", quantity, entry_type, stop, target, Trade.Source.COMMAND
        )
        assert isinstance(verdict, door.Opened), verdict
        return verdict.trade

    def configure(self, **values: object) -> None:
        """Settings of the account, as a person would set them."""
        SystemConfig.objects.filter(account=self.account.name).update(**values)

    def ask(self, trade: Trade, event: Event) -> None:
        """A wish of a person, straight to the bracket."""
        operations.apply(trade.bracket_id, event, actor="test")

    def open_active(self, **wishes: Decimal | str) -> Trade:
        """A trade that stands: bought, its stop read back."""
        trade = self.open(**wishes)  # type: ignore[arg-type]
        self.until(trade, State.BRACKET_ACTIVE)
        return trade

    def price(self, last: Decimal | str | int, *, symbol: str = ETH, depth: Decimal | None = None) -> None:
        self.venue.move(symbol, last, depth=depth)

    # --- the watch, by hand ------------------------------------------------------------------------

    def turn(self, seconds: float | int = 1) -> None:
        """One second of a watch: prices, sending, reading, sending again, settling."""
        self.clock.pass_seconds(seconds)
        for job in (self.look, self.send, self.read, self.send, self.settle):
            try:
                job()
            except VenueUnavailable:
                pass  # the watch says so and goes on

    def look(self) -> reconcile.Need:
        symbols = readers.symbols_to_price(self.account)
        try:
            quotes = readers.refresh_quotes(self.account, self.venue, symbols)
        except VenueUnavailable:
            quotes = {}
        return reconcile.see_prices(self.account, quotes, self.clock, watched=self.watched)

    def send(self) -> None:
        reconcile.drive(self.account, self.venue, self.clock)

    def read(self) -> None:
        reconcile.cycle(self.account, self.venue, clock=self.clock)

    def settle(self) -> None:
        settle.consume(self.account)

    def turns(self, count: int, *, seconds: float | int = 1) -> None:
        for _ in range(count):
            self.turn(seconds)

    def until(self, trade: Trade, *states: State, seconds: float | int = 1) -> Bracket:
        """Take turns until the trade's bracket is in one of the states."""
        for _ in range(WAITING_TURNS):
            bracket = self.bracket(trade)
            if bracket.state in states:
                return bracket
            self.turn(seconds)
        raise AssertionError(
            f"not {states} but {bracket.state} {bracket.alarm!r} after {WAITING_TURNS} turns"
        )

    def until_closed(self, trade: Trade, *, seconds: float | int = 1) -> Trade:
        self.until(trade, State.EXIT_COMPLETE, seconds=seconds)
        self.turn()
        trade.refresh_from_db()
        assert trade.status == Trade.Status.CLOSED
        return trade

    # --- seeing ------------------------------------------------------------------------------------

    @staticmethod
    def bracket(trade: Trade) -> Bracket:
        return Bracket.objects.get(pk=trade.bracket_id)

    def at_venue(self, *, side: Side | None = None, live: bool | None = None) -> list[VenueOrder]:
        """The product's orders in the venue's own record."""
        return [
            order
            for order in ours(self.venue)
            if (side is None or order.side is side)
            and (live is None or (order.status is Status.OPEN) is live)
        ]

    def stop_at_venue(self) -> VenueOrder:
        (stop,) = [o for o in self.at_venue(side=Side.SELL, live=True) if o.trigger_price is not None]
        return stop

    def stops_at_venue(self) -> list[Decimal]:
        """Quantities of the resting stops, the largest first."""
        live = self.at_venue(side=Side.SELL, live=True)
        return sorted((o.leaves for o in live if o.trigger_price is not None), reverse=True)

    def sold_at_venue(self) -> Decimal:
        return sum((order.filled for order in self.at_venue(side=Side.SELL)), Decimal(0))

    def bought_at_venue(self) -> Decimal:
        return sum((order.filled for order in self.at_venue(side=Side.BUY)), Decimal(0))

    def earned_at_venue(self) -> Decimal:
        """What the venue's ledger says trading did to the dollars, to the last digit."""
        entries = (e for e in self.venue.record.entries if e.asset == "ZUSD" and e.kind == "trade")
        return sum((entry.amount - entry.fee for entry in entries), Decimal(0))

    def assert_sound(self) -> None:
        """No invariant is broken, the book equals the venue, and the venue's own audit found nothing."""
        self.venue.calm()
        assert self.venue.faults_found == [], self.venue.faults_found
        for row in Bracket.objects.all():
            broken = violations(records.load(row))
            assert broken == (), broken
        assert journal.first_broken_row() is None
        found = proof.prove(self.account, self.venue, lambda line: None).differences
        assert found == (), found

    def assert_over(self, trade: Trade, reason: str) -> None:
        """The round trip ended as it must: one entry, all of it sold once, nothing left, books equal."""
        trade.refresh_from_db()
        assert (trade.status, trade.exit_reason) == (Trade.Status.CLOSED, reason), trade.exit_reason
        assert len(self.at_venue(side=Side.BUY)) == 1
        left = self.at_venue(live=True)
        assert left == [], left
        assert self.sold_at_venue() == self.bought_at_venue() == trade.quantity
        assert trade.realized_pnl == self.earned_at_venue()
        self.assert_sound()

    def order_ids(self) -> set[str]:
        return {order.key for order in Order.objects.all()}


def rows_of_everything() -> dict[str, int]:
    """How many rows each table of the three apps, and the task queue, has."""
    models = [
        m
        for name in ("risk", "brackets", "trading", "django_q")
        for m in apps.get_app_config(name).get_models()
    ]
    return {model._meta.label: model.objects.count() for model in models}


@contextmanager
def database_for_threads(folder: Path) -> Iterator[None]:
    """Threads of one test with a connection each. A SQLite database in memory serves one at a time
    (its shared cache knows no waiting), so there its content moves to a file for the while."""
    if connection.vendor != "sqlite" or not connection.is_in_memory_db():
        yield
        return
    memory, name = connection.connection, connection.settings_dict["NAME"]
    path = folder / "threads.sqlite3"
    with sqlite3.connect(path) as file:
        memory.backup(file)
    file.close()
    connection.connection = None
    connection.settings_dict["NAME"] = str(path)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = name
        connection.connection = memory


def in_thread(function: Callable[[], object]) -> Callable[[], object]:
    """The function with a connection that ends with its thread."""

    def run() -> object:
        try:
            return function()
        finally:
            connections.close_all()

    return run


def fresh(account: Account) -> Account:
    """The account as another process would hold it."""
    return Account.objects.get(pk=account.pk)
