"""Closed markets, stale prices and pauses: what a round must not do then, and does afterwards."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from brackets import reconcile, tasks
from brackets.core.states import State
from brackets.models import Account, Instrument, Quote
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import ETH, QUANTITY, TARGET, World
from trading import door

pytest_plugins = ["tests.integration.worlds"]


def see(world: World, *, age_seconds: int = 0) -> None:
    """A round at the venue's present price, heard so long ago."""
    (reading,) = world.venue.quotes([ETH])
    read_at = world.clock.now - timedelta(seconds=age_seconds)
    quote = Quote(bid=reading.bid, ask=reading.ask, last=reading.last, read_at=read_at)
    reconcile.see_prices(world.account, {ETH: quote}, world.clock)


@pytest.mark.parametrize("mode", ["cancel_only", "post_only", "maintenance"])
@pytest.mark.parametrize("whose", ["pair", "venue"])
def test_in_a_closed_market_the_protection_is_not_touched(world: World, mode: str, whose: str) -> None:
    trade = world.open_active()
    if whose == "pair":
        Instrument.objects.filter(symbol=ETH).update(status=mode)
    else:
        Account.objects.update(venue_system=mode)
    world.price(TARGET + 1)

    see(world)
    assert world.bracket(trade).market == mode
    assert world.bracket(trade).state == State.BRACKET_ACTIVE
    world.send()
    assert world.venue.cancels == []

    Instrument.objects.update(status="online")
    Account.objects.update(venue_system="online")
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")


def test_a_close_in_a_closed_market_waits_with_its_stop(world: World) -> None:
    trade = world.open_active()
    Instrument.objects.filter(symbol=ETH).update(status="cancel_only")
    see(world)
    door.close_position(trade.pk)
    world.turns(3)
    assert world.stops_at_venue() == [QUANTITY]

    Instrument.objects.filter(symbol=ETH).update(status="online")
    world.until_closed(trade)
    world.assert_over(trade, "manual")


def test_a_market_that_takes_limits_only_is_left_by_limit(world: World) -> None:
    trade = world.open_active()
    world.venue.system = "limit_only"
    Instrument.objects.filter(symbol=ETH).update(status="limit_only")
    see(world)
    door.close_position(trade.pk)

    world.until_closed(trade)

    sale = world.venue.sent[-1]
    assert sale.limit_price is not None
    assert not sale.post_only
    world.assert_over(trade, "manual")


@pytest.mark.parametrize(("age", "taken"), [(5, True), (6, False)])
def test_a_target_is_not_taken_at_a_price_of_long_ago(world: World, age: int, taken: bool) -> None:
    trade = world.open_active()
    world.price(TARGET + 1)

    see(world, age_seconds=age)

    assert (world.bracket(trade).state == State.EXITING) is taken


def test_without_prices_timers_run_and_stops_stand(world: World) -> None:
    """A fill whose stop is refused: rollback comes in time, with or without a price."""
    world.configure(entry_stop="own")
    trade = world.open()
    world.venue.script("quotes", *[Fault.LOST_REQUEST] * 200)
    world.turns(3)
    assert world.stops_at_venue() == [QUANTITY]
    assert world.bracket(trade).state == State.BRACKET_ACTIVE


# --- nobody watches --------------------------------------------------------------------------------------


def test_the_task_brings_stops_back_when_no_watch_is_alive(
    bare_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = bare_world
    world.configure(leg_policy="nearest", swap_in_bps=20, swap_out_bps=50)
    world.watched = True
    world.open_active()
    world.price(TARGET - 2)
    world.turns(2)
    assert world.stops_at_venue() == []
    monkeypatch.setattr(tasks, "run_hooks", lambda account: None)

    tasks.reconcile_once(world.account, world.clock)
    assert world.stops_at_venue() == [QUANTITY]


def test_the_task_brings_stops_back_without_prices_too(
    bare_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = bare_world
    world.configure(leg_policy="nearest", swap_in_bps=20, swap_out_bps=50)
    world.watched = True
    world.open_active()
    world.price(TARGET - 2)
    world.turns(2)
    world.venue.script("quotes", *[Fault.LOST_REQUEST] * 5)
    monkeypatch.setattr(tasks, "run_hooks", lambda account: None)

    tasks.reconcile_once(world.account, world.clock)

    assert world.stops_at_venue() == [QUANTITY]


def test_every_stop_is_canceled_with_urgency_when_one_leaves(world: World) -> None:
    """What was only convenient while merging is an exit now."""
    world.price(2500, depth=Decimal("0.06"))
    trade = world.open()
    world.turn()
    world.price(2501)
    world.until(trade, State.BRACKET_ACTIVE)
    world.price(2501, depth=Decimal(1000))
    door.close_position(trade.pk)

    world.send()

    assert world.venue.heard[1:] == [("cancel", "stop", True)] * 2 + [("place", "exit", True)]
