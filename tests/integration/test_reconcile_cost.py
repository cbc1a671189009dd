"""What a round and a cycle cost: calls and queries, flat in the number of open brackets."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from brackets import dispatch, reconcile, sentinel, sight
from brackets.core.events import EditRequested
from brackets.core.states import State
from brackets.models import Bracket, Effect, Fill, Order, Quote
from brackets.venue import port
from tests.integration.engine_world import PRICES, QUANTITY, STOP, TARGET, World
from trading import door

pytest_plugins = ["tests.integration.worlds"]
FEW, MANY = 10, 1000
SOLANA: dict[str, Any] = {
    "symbol": "SOL/USD",
    "quantity": Decimal(2),
    "stop": Decimal(140),
    "target": Decimal(160),
}
BITCOIN: dict[str, Any] = {
    "symbol": "BTC/USD",
    "quantity": Decimal("0.01"),
    "stop": Decimal(59000),
    "target": Decimal(62000),
}


def standing(world: World, count: int) -> list[port.OrderReport]:
    """So many protected brackets as rows, and what the venue would show of their stops."""
    now = world.clock.now
    Bracket.objects.bulk_create(a_bracket(world, now) for _ in range(count))
    rows = list(Bracket.objects.filter(planned_quantity=QUANTITY).order_by("pk"))
    Order.objects.bulk_create(an_entry(row, now) for row in rows)
    Order.objects.bulk_create(a_stop(row, now) for row in rows)
    entries = Order.objects.filter(role="entry").order_by("pk")
    Fill.objects.bulk_create(a_fill(entry, now) for entry in entries)
    return [shown(stop) for stop in Order.objects.filter(role="stop")]


def a_bracket(world: World, now: datetime) -> Bracket:
    return Bracket(
        account=world.account,
        uid=uuid.uuid4(),
        symbol="ETH/USD",
        base="ETH",
        quote="USD",
        source="command",
        policy="nearest",
        state=State.BRACKET_ACTIVE,
        planned_quantity=QUANTITY,
        planned_stop_price=STOP,
        planned_target_price=TARGET,
        planned_entry_price=PRICES["ETH/USD"],
        stop_price=STOP,
        target_price=TARGET,
        initial_stop_price=STOP,
        prices_final=True,
        entry_over=True,
        tick_size=Decimal("0.01"),
        lot_step=Decimal("1E-8"),
        minimum_quantity=Decimal("0.002"),
        created_at=now,
        updated_at=now,
    )


def an_order(row: Bracket, now: datetime, **values: object) -> Order:
    return Order(
        bracket=row,
        account_id=row.account_id,
        quantity=QUANTITY,
        venue_order_id=f"O{uuid.uuid4().hex[:16].upper()}",
        read_back=True,
        created_at=now,
        opened_at=now,
        updated_at=now,
        **values,
    )


def an_entry(row: Bracket, now: datetime) -> Order:
    return an_order(
        row,
        now,
        role="entry",
        status="FILLED",
        client_order_id=uuid.uuid4(),
        filled_quantity=QUANTITY,
        average_price=PRICES["ETH/USD"],
        first_filled_at=now,
        ended_at=now,
    )


def a_stop(row: Bracket, now: datetime) -> Order:
    return an_order(row, now, role="stop", status="OPEN", trigger_price=STOP)


def a_fill(entry: Order, now: datetime) -> Fill:
    price = PRICES["ETH/USD"]
    return Fill(
        account_id=entry.account_id,
        bracket_id=entry.bracket_id,
        order=entry,
        venue_trade_id=f"T{entry.pk}",
        side="buy",
        price=price,
        quantity=QUANTITY,
        cost=price * QUANTITY,
        fee=Decimal(1),
        quote_amount=-price * QUANTITY,
        quote_fee=Decimal(1),
        base_amount=QUANTITY,
        base_fee=Decimal(0),
        executed_at=now,
        booked_at=now,
    )


def shown(stop: Order) -> port.OrderReport:
    return port.OrderReport(
        venue_order_id=stop.venue_order_id or "",
        client_order_id=None,
        parent_venue_order_id=None,
        symbol="ETH/USD",
        side=port.Side.SELL,
        kind=port.OrderKind.STOP_LOSS,
        status=port.VenueStatus.OPEN,
        quantity=stop.quantity,
        filled_quantity=Decimal(0),
        average_price=None,
        cost=Decimal(0),
        fee=Decimal(0),
        limit_price=None,
        trigger_price=stop.trigger_price,
        triggered=False,
        reason="",
        opened_at=stop.opened_at,
        closed_at=None,
        trade_ids=(),
    )


def quiet_cycle(world: World, count: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], int]:
    """The calls and the number of queries of one cycle in which nothing is new."""
    reports = standing(world, count)
    world.clock.pass_seconds(3600)
    sentinel.verify(world.account, at=world.clock())
    by_id = {report.venue_order_id: report for report in reports}
    asked: list[str] = []

    def open_orders(*, urgent: bool = False) -> list[port.OrderReport]:
        asked.append("open_orders")
        return reports

    def orders(ids: list[str], *, urgent: bool = False) -> list[port.OrderReport]:
        asked.append("orders")
        return [by_id[key] for key in ids]

    monkeypatch.setattr(world.venue, "open_orders", open_orders)
    monkeypatch.setattr(world.venue, "orders", orders)
    world.venue.asked.clear()
    with CaptureQueriesContext(connection) as queries:
        reconcile.cycle(world.account, world.venue, clock=world.clock)
    return asked + world.venue.asked, len(queries)


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_quiet_cycle_costs_few_calls_and_a_flat_number_of_queries(
    world: World, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, queries = quiet_cycle(world, count, monkeypatch)

    assert calls == ["open_orders"]
    assert queries <= 16  # six of them are the sentinel's


@pytest.mark.parametrize("count", [FEW, MANY])
def test_a_quiet_round_costs_a_flat_number_of_queries(world: World, count: int) -> None:
    standing(world, count)
    quotes = {"ETH/USD": price(world)}

    with CaptureQueriesContext(connection) as queries:
        need = reconcile.see_prices(world.account, quotes, world.clock, watched=True)

    assert need == reconcile.Need()
    assert len(queries) <= 8
    assert not [q for q in queries if not q["sql"].startswith("SELECT")]


def test_a_round_over_loaded_brackets_asks_nothing_of_them(world: World) -> None:
    standing(world, FEW)
    quotes = {"ETH/USD": price(world)}
    counts = []
    for brackets in (None, sight.load_open(world.account)):
        with CaptureQueriesContext(connection) as queries:
            reconcile.see_prices(world.account, quotes, world.clock, watched=True, brackets=brackets)
        counts.append(len(queries))
    assert counts[0] - counts[1] == 3


def price(world: World) -> Quote:
    last = PRICES["ETH/USD"]
    return Quote(bid=last, ask=last, last=last, read_at=world.clock.now)


def test_one_reading_serves_all_that_were_sent_in_a_round(world: World) -> None:
    """Three stops canceled by a close of three brackets: their ends are read with one call."""
    trades = [world.open_active(), world.open_active(**SOLANA), world.open_active(**BITCOIN)]
    for trade in trades:
        door.close_position(trade.pk)
    world.venue.asked.clear()

    world.send()

    modes = ["system_status", "pair_statuses"]  # public: before a protection is given up
    assert world.venue.asked == modes + ["cancel"] * 3 + ["orders"] + ["place"] * 3


# --- what comes first ----------------------------------------------------------------------------------


def test_exits_leave_before_what_is_only_nice(world: World) -> None:
    edited = world.open_active(**SOLANA)
    leaving = world.open_active()
    world.open(**BITCOIN)
    world.ask(edited, EditRequested(at=world.clock.now, stop_price=Decimal(141)))
    door.close_position(leaving.pk)

    order = [(effect.kind, effect.order.role) for effect in dispatch.due(world.account, world.clock.now)]

    assert order == [("CANCEL", "stop"), ("AMEND", "stop"), ("PLACE", "entry")]


def test_an_exit_does_not_wait_for_a_cancel_that_was_only_convenient(world: World) -> None:
    """A merge was put off; the close that follows is urgent and leaves at once."""
    world.price(2500, depth=Decimal("0.06"))
    trade = world.open()
    world.turn()
    world.price(2501)
    world.until(trade, State.BRACKET_ACTIVE)
    world.venue.script("cancel", port.Refused(reason=port.Reason.RATE_LIMITED, message="not sent"))
    world.turn(45)
    assert Effect.objects.get(kind="CANCEL").next_attempt_at > world.clock.now
    world.price(2501, depth=Decimal(1000))
    door.close_position(trade.pk)

    world.send()

    assert world.sold_at_venue() == QUANTITY
    assert world.venue.heard[-1] == ("place", "exit", True)
    world.until_closed(trade)
    world.assert_over(trade, "manual")


def test_one_bracket_that_cannot_be_looked_at_does_not_blind_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = world.open_active(**SOLANA)
    trade = world.open_active()
    step = sight.machine.step

    def fragile(bracket, event, rules=None):
        if bracket.plan.symbol == "SOL/USD":
            raise RuntimeError("decisions do not settle")
        return step(bracket, event, rules)

    monkeypatch.setattr(sight.machine, "step", fragile)
    world.price(TARGET + 1)
    world.look()

    assert world.bracket(trade).state == State.EXITING
    assert world.bracket(broken).state == State.BRACKET_ACTIVE
