"""Equity is reckoned from totals of one moment: of a trade the stream tells each asset by itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from brackets import readers
from brackets.models import AssetBalance, Quote
from risk.models import SystemConfig
from tests.integration.engine_world import World

pytest_plugins = ["tests.integration.worlds"]


def equity_marks() -> tuple[Decimal | None, Decimal | None]:
    config = SystemConfig.objects.get()
    return config.equity, config.high_water_mark


@pytest.mark.parametrize("first", ["ETH", "USD"])
def test_half_a_trade_is_no_equity(world: World, first: str) -> None:
    """Whoever measures between the two messages of a purchase of 5,000 dollars keeps what was known."""
    readers.refresh_balances(world.account, world.venue)
    before, now = equity_marks(), timezone.now() + timedelta(seconds=10)
    coins, dollars = (AssetBalance.objects.get(asset=code).total for code in ("XETH", "ZUSD"))
    halves = {"ETH": coins + 2, "USD": dollars - 2 * Quote.objects.get(symbol="ETH/USD").bid}

    readers.note_totals(world.account, {first: halves.pop(first)}, now)
    assert readers.measure_equity(world.account, now + timedelta(milliseconds=1)) is None
    assert equity_marks() == before

    readers.note_totals(world.account, halves, now + timedelta(seconds=1))
    later = now + timedelta(seconds=1) + readers.SETTLED
    assert readers.measure_equity(world.account, later) == before[0]
    assert equity_marks() == before


def test_an_only_asset_that_was_told_is_no_whole_reading(bare_world: World) -> None:
    """The coins of a first purchase have no row yet when its dollars are told."""
    AssetBalance.objects.exclude(asset="ZUSD").delete()
    before, now = equity_marks(), timezone.now() + timedelta(seconds=10)
    readers.note_totals(bare_world.account, {"USD": Decimal(5000)}, now)
    assert readers.measure_equity(bare_world.account, now) is None
    assert equity_marks() == before


def test_a_total_that_a_wrong_clock_dated_gives_way(world: World) -> None:
    readers.refresh_balances(world.account, world.venue)
    true = AssetBalance.objects.get(asset="ZUSD").total
    ahead = timezone.now() + timedelta(minutes=7)  # the clock was set back since
    readers.note_totals(world.account, {"USD": Decimal(1)}, ahead)

    readers.refresh_balances(world.account, world.venue)

    assert AssetBalance.objects.get(asset="ZUSD").total == true


def test_a_reading_takes_back_nothing_that_was_told_since_it_was_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer shows the dollars before the trade; the stream told them after it."""
    before, dollars = equity_marks(), AssetBalance.objects.get(asset="ZUSD").total
    balances = world.venue.balances

    def told_meanwhile(**options: bool) -> Any:
        readings = balances(**options)
        told_at = timezone.now() + timedelta(milliseconds=50)
        readers.note_totals(world.account, {"USD": dollars - 5000}, told_at)
        return readings

    monkeypatch.setattr(world.venue, "balances", told_meanwhile)
    readers.refresh_balances(world.account, world.venue)
    assert AssetBalance.objects.get(asset="ZUSD").total == dollars - 5000
    assert equity_marks() == before


def test_an_asset_that_is_not_shown_any_more_is_gone(world: World) -> None:
    AssetBalance.objects.create(
        account=world.account, asset="SOL", total=5, held=1, first_total=5, read_at=timezone.now()
    )
    world.clock.pass_seconds(1)
    readers.refresh_balances(world.account, world.venue)
    row = AssetBalance.objects.get(asset="SOL")
    assert (row.total, row.held, row.first_total) == (0, 0, 5)
