"""The hourly inspection finds what no step made, says it once, and asks little of the database."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.module_loading import import_string
from django_q.models import Schedule

from brackets import inspection, tasks
from brackets.models import Bracket, Order
from risk import journal
from risk.models import AuditRow
from tests.integration.engine_world import TARGET, World
from trading.commands import submit
from trading.models import Trade

pytest_plugins = ["tests.integration.worlds"]


def lose_coins(trade: Trade) -> Order:
    """Somebody edits the database: the stop stands for half of the coins."""
    stop = Order.objects.get(bracket=trade.bracket_id, role="stop")
    Order.objects.filter(pk=stop.pk).update(quantity=stop.quantity / 2)
    return stop


def alarm_of(trade: Trade) -> str:
    return Bracket.objects.get(pk=trade.bracket_id).alarm


def test_all_is_well(world: World) -> None:
    trade = world.open_active()
    rows = AuditRow.objects.count()
    assert inspection.inspect(world.account, world.clock.now) == 0
    assert (alarm_of(trade), AuditRow.objects.count()) == ("", rows)


def test_an_open_bracket_that_is_not_as_it_must_be_is_said(world: World) -> None:
    trade = world.open_active()
    lose_coins(trade)
    assert inspection.inspect(world.account, world.clock.now) == 1
    assert alarm_of(trade).startswith("INVARIANT: the bracket is active and 0.05")
    row = AuditRow.objects.latest("seq")
    assert (row.action, row.subject) == ("bracket.invariant", f"bracket {trade.bracket_id}")
    assert journal.first_broken_row() is None


def test_the_same_is_said_once(world: World) -> None:
    lose_coins(world.open_active())
    inspection.inspect(world.account, world.clock.now)
    rows = AuditRow.objects.count()
    assert inspection.inspect(world.account, world.clock.now + timedelta(hours=1)) == 1
    assert AuditRow.objects.count() == rows


def test_one_that_finished_not_long_ago_is_judged_and_an_old_one_is_not(world: World) -> None:
    trade = world.open_active()
    world.price(TARGET + 1)
    world.until_closed(trade)
    entry = Order.objects.get(bracket=trade.bracket_id, role="entry")
    Order.objects.filter(pk=entry.pk).update(filled_quantity=entry.filled_quantity - Decimal("0.01"))
    assert inspection.inspect(world.account, world.clock.now + timedelta(hours=3)) == 0
    assert inspection.inspect(world.account, world.clock.now + timedelta(hours=1)) == 1
    assert alarm_of(trade).startswith("INVARIANT: ")


def test_it_asks_six_times_whatever_there_is(world: World) -> None:
    world.configure(stop_method="PERCENT", stop_ratio=Decimal("0.02"))
    for symbol in ("ETH/USD", "SOL/USD"):
        submit("buy", {"symbol": symbol, "amount_usd": "250"}, user=None, actor="test")
    world.turns(5)
    assert Bracket.objects.count() == 2
    with CaptureQueriesContext(connection) as asked:
        inspection.inspect(world.account, world.clock.now)
    assert len(asked) <= 6


def test_the_schedule_calls_it_every_hour(world: World) -> None:
    migration = import_module("brackets.migrations.0010_inspection")
    assert import_string(migration.FUNC) is tasks.inspect_brackets
    schedule = Schedule.objects.get(name=migration.NAME)
    assert (schedule.func, schedule.schedule_type, schedule.args) == (migration.FUNC, Schedule.HOURLY, None)
