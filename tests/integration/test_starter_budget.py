"""What the smallest rate budget leaves for the exit that nobody answered: it is sold again within 20 s.

A watch without a stream, its jobs run by hand in the order and at the pace of its loops, on a venue that
counts as Kraken does at the starter tier. What has no budget is not answered; nobody waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from brackets.core.events import CloseRequested
from brackets.core.states import ExitReason, OrderStatus, State
from brackets.models import Order
from brackets.venue import port
from brackets.venue.kraken import budget
from brackets.watch import Watch
from tests.integration import engine_world
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import HeardVenue, World, fresh
from trading.models import Trade

STARTER = budget.TIERS["starter"]
POLLS_LEAVE = 10 * budget.POINT  # where polls stand that take all they may


class StarterVenue(HeardVenue):
    """Private readings cost what they cost at Kraken."""

    level = 0
    counted_at: datetime | None = None

    def charge(self, points: int, *, urgent: bool) -> None:
        now = self.clock()
        elapsed = int((now - (self.counted_at or now)).total_seconds() * 1000)
        level = budget.decayed(self.level, elapsed_milliseconds=elapsed, tier=STARTER)
        after = budget.charged(level, cost=points, urgent=urgent, tier=STARTER)
        self.level, self.counted_at = level if after is None else after, now
        if after is None:
            raise port.BudgetExhausted(f"{level} of {STARTER.limit}")

    def open_orders(self, *, urgent: bool = False) -> Sequence[port.OrderReport]:
        self.charge(1, urgent=urgent)
        return super().open_orders(urgent=urgent)

    def orders(self, venue_order_ids: Sequence[str], *, urgent: bool = False) -> Sequence[port.OrderReport]:
        self.charge(1, urgent=urgent)
        return super().orders(venue_order_ids, urgent=urgent)

    def closed_orders(self, *, urgent: bool = False, **which: Any) -> Sequence[port.OrderReport]:
        self.charge(1, urgent=urgent)
        return super().closed_orders(urgent=urgent, **which)

    def balances(self, *, urgent: bool = False) -> Sequence[port.BalanceReading]:
        self.charge(1, urgent=urgent)
        return super().balances(urgent=urgent)

    def trades(self, venue_trade_ids: Sequence[str], *, urgent: bool = False) -> Sequence[port.TradeReport]:
        self.charge(2, urgent=urgent)
        return super().trades(venue_trade_ids, urgent=urgent)

    def ledgers(self, *, since: datetime, urgent: bool = False) -> Sequence[port.LedgerEntry]:
        self.charge(2, urgent=urgent)
        return super().ledgers(since=since, urgent=urgent)


class Desk:
    """Three brackets and their watch."""

    def __init__(self, world: World, venue: StarterVenue) -> None:
        self.world, self.venue = world, venue
        self.watch = Watch(account=fresh(world.account), venue=venue, clock=world.clock)
        self.watch.take_lease()
        self.quarters = 0
        self.quarter()  # book and venue are compared

    def open_active(self, **wishes: Any) -> Trade:
        trade = self.world.open(**wishes)
        for _ in range(4 * 60):
            self.quarter()
            if self.world.bracket(trade).state == State.BRACKET_ACTIVE:
                return trade
        raise AssertionError(self.world.bracket(trade).alarm)

    def rest_with_a_full_poll_share(self) -> None:
        for _ in range(40):
            self.quarter()
        self.venue.level, self.venue.counted_at = POLLS_LEAVE, self.world.clock()

    def quarter(self) -> None:
        """A quarter of a second."""
        self.world.clock.pass_seconds(0.25)
        self.quarters += 1
        each_second = (self.watch.ask_prices, self.watch.see_prices, self.watch.keep_house)
        for job in (*(each_second if self.quarters % 4 == 0 else ()), self.watch.read, self.watch.send):
            try:
                job()
            except port.VenueUnavailable:
                pass  # the loop says so and goes on

    def seconds_until_sold(self, trade: Trade) -> float:
        began = self.world.clock()
        for _ in range(4 * 60):
            self.quarter()
            if self.world.sold_at_venue() > 0:
                break
        return (self.world.clock() - began).total_seconds()

    def seconds_until_read(self, trade: Trade) -> float:
        began = self.world.clock()
        for _ in range(4 * 60):
            exits = Order.objects.filter(bracket=trade.bracket_id, role="exit")
            if exits.filter(status=OrderStatus.FILLED).exists():
                break
            self.quarter()
        return (self.world.clock() - began).total_seconds()


@pytest.fixture
def desk(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Desk]:
    settings.KRAKEN_TIER = "starter"
    monkeypatch.setattr(engine_world, "HeardVenue", StarterVenue)
    world = World(monkeypatch, owner_coins=Decimal(0))
    world.configure(execution_mode="MARKET_ONLY")
    assert isinstance(world.venue, StarterVenue)
    yield Desk(world, world.venue)


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, port.Unknown(message="EService:Unavailable")])
def test_an_exit_that_nobody_answered_is_sold_again_within_20_seconds(
    desk: Desk, fault: Fault | port.Unknown
) -> None:
    world = desk.world
    trade = desk.open_active()
    for symbol, price in (("BTC/USD", 60_000), ("SOL/USD", 150)):
        stop, target = Decimal(price) * Decimal("0.98"), Decimal(price) * Decimal("1.04")
        desk.open_active(symbol=symbol, quantity=Decimal(60) / price * 10, stop=stop, target=target)
    desk.rest_with_a_full_poll_share()
    desk.venue.script("place", fault)
    world.ask(trade, CloseRequested(at=world.clock(), reason=ExitReason.MANUAL))

    assert desk.seconds_until_sold(trade) <= 20
    assert world.bracket(trade).alarm.startswith("0.1")  # called out while it lasted
    assert desk.seconds_until_read(trade) <= 3
    assert len(world.at_venue(live=True)) == 2  # the others' stops, untouched
    assert world.bracket(trade).state != State.HELD


def test_an_exit_whose_answer_was_lost_is_found_at_once(desk: Desk) -> None:
    trade = desk.open_active()
    desk.rest_with_a_full_poll_share()
    desk.venue.script("place", Fault.LOST_ANSWER)
    desk.world.ask(trade, CloseRequested(at=desk.world.clock(), reason=ExitReason.MANUAL))
    desk.seconds_until_sold(trade)

    assert desk.seconds_until_read(trade) <= 3
    assert len(desk.world.at_venue()) == 3  # one entry, its stop, one sell
