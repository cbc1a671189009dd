"""Auto-earn moves coins into a wallet of its own: they stay ours, protected, and are sold with the rest."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from brackets import counting, readers
from brackets.core.states import State
from brackets.models import AssetBalance, Instrument
from brackets.venue.kraken.stream.news import AssetTotal, BalancesChanged
from brackets.venue.port import VenueUnavailable
from brackets.watch import Watch
from risk import alerts
from risk.models import SystemConfig
from tests.integration.engine_venue import Fault
from tests.integration.engine_world import DOLLARS, QUANTITY, TARGET, World
from trading import coins, door

pytest_plugins = ["tests.integration.worlds"]
ETH = "ETH/USD"
OWNER = Decimal(3)


def read(world: World) -> None:
    world.clock.pass_seconds(1)
    readers.refresh_balances(world.account, world.venue)


def everything_earns(world: World) -> None:
    """All coins and nearly all of the dollars."""
    world.venue.earn("XETH", world.venue.engine.account.balance("XETH"))
    world.venue.earn("ZUSD", 9500)


@pytest.mark.parametrize(
    ("last", "reason"), [(TARGET + 1, "take_profit"), (Decimal(2440), "stop_loss")], ids=["target", "stop"]
)
def test_coins_that_begin_to_earn_keep_their_stop_and_are_all_sold(
    bare_world: World, last: Decimal, reason: str
) -> None:
    trade = bare_world.open_active()
    everything_earns(bare_world)
    bare_world.turns(5)
    assert bare_world.bracket(trade).state == State.BRACKET_ACTIVE
    assert bare_world.stops_at_venue() == [QUANTITY]
    bare_world.price(last)
    bare_world.until_closed(trade)
    bare_world.assert_over(trade, reason)


def test_coins_that_come_back_are_nothing_new(bare_world: World) -> None:
    trade = bare_world.open_active()
    everything_earns(bare_world)
    bare_world.venue.earn("XETH", -QUANTITY / 2)
    bare_world.turns(2)
    bare_world.price(TARGET + 1)
    bare_world.until_closed(trade)
    bare_world.assert_over(trade, "take_profit")


def test_coins_that_earn_are_counted_among_those_there_are(bare_world: World) -> None:
    bare_world.open_active()
    everything_earns(bare_world)
    instrument = Instrument.objects.get(symbol=ETH)
    assert counting.coins_of(instrument, bare_world.venue.balances()) == QUANTITY


def test_equity_and_balances_do_not_change_when_coins_begin_to_earn(world: World) -> None:
    read(world)
    before = SystemConfig.objects.get().equity
    everything_earns(world)
    read(world)
    assert SystemConfig.objects.get().equity == before
    assert AssetBalance.objects.get(asset="XETH").total == 0
    for currency, total in (("ETH", OWNER), ("XETH", OWNER), ("USD", DOLLARS), ("XBT", 0), ("DOGE", 0)):
        assert door.get_balance(currency) == total


def test_coins_that_earn_can_be_protected_and_dollars_that_earn_can_buy(world: World) -> None:
    everything_earns(world)
    read(world)
    assert coins.free_coins(world.account, Instrument.objects.get(symbol=ETH)) == OWNER
    trade = world.open_active(quantity=Decimal("0.3"))  # for 750 dollars; 500 of them do not earn
    world.price(TARGET + 1)
    world.until_closed(trade)
    world.assert_over(trade, "take_profit")


def test_a_stops_hold_on_coins_that_earn_leaves_none_free(bare_world: World) -> None:
    bare_world.open_active()
    everything_earns(bare_world)
    read(bare_world)
    assert AssetBalance.objects.get(asset="XETH").held == QUANTITY  # more than that wallet holds
    assert coins.free_coins(bare_world.account, Instrument.objects.get(symbol=ETH)) == 0


def test_the_price_of_a_coin_that_only_earns_is_wanted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "FEW_PAIRS", 0)
    everything_earns(world)
    read(world)
    assert readers.symbols_to_price(world.account) == [ETH]


def told(watch: Watch, asset: str, total: Decimal, *, elsewhere: bool) -> None:
    """The stream tells the coins' own wallet; of the one that earns only that something was booked."""
    news = BalancesChanged(totals=(AssetTotal(asset=asset, total=total),), elsewhere=elsewhere)
    watch.follower.heard((news,), watch.clock() + timedelta(milliseconds=10))
    watch.follow()


def test_coins_on_their_way_into_the_other_wallet_are_no_loss(world: World) -> None:
    """Only half of the move is told with a number: what there is is read before equity is reckoned again."""
    watch = Watch(account=world.account, venue=world.venue, clock=world.clock)
    watch.take_lease()
    watch.see_prices()
    watch.keep_house()
    before = SystemConfig.objects.get().equity
    everything_earns(world)
    told(watch, "ETH", Decimal(0), elsewhere=True)
    world.venue.script("balances", Fault.LOST_ANSWER, Fault.LOST_REQUEST)
    for _ in range(2):
        world.clock.pass_seconds(7)  # long enough for totals to have settled
        with pytest.raises(VenueUnavailable):
            watch.keep_house()
        assert SystemConfig.objects.get().equity == before
    world.clock.pass_seconds(7)
    asked = world.venue.asked.count("balances")
    watch.keep_house()
    assert world.venue.asked.count("balances") == asked + 1
    assert SystemConfig.objects.get().equity == before
    assert door.get_balance("ETH") == OWNER


def told_of_earning() -> Any:
    return alerts.open_alerts("demo").filter(code="auto_earn")


def test_the_owner_is_told_while_a_traded_coin_earns(world: World) -> None:
    watch = Watch(account=world.account, venue=world.venue, clock=world.clock)
    everything_earns(world)
    watch.house.read_balances()
    assert not told_of_earning().exists()  # coins of the owner alone: nothing of ours hangs on them
    world.open_active()
    for _ in range(2):
        world.clock.pass_seconds(1)
        watch.house.read_balances()
    (alert,) = told_of_earning()
    assert (alert.code, alert.subject, alert.severity, alert.times) == ("auto_earn", "coin ETH", "warning", 1)
    assert "3 of 3.1" in alert.message
    world.venue.earn("XETH", -OWNER)
    world.clock.pass_seconds(1)
    watch.house.read_balances()
    assert not told_of_earning().exists()
