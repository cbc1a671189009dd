"""Both exits for coins that are there already: only free coins, reckoned at the bid, proven by the ledger."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from brackets import counting, readers, strangers, tasks
from brackets.core.states import State
from brackets.models import Account
from brackets.venue.port import Reason, Refused
from brackets.watch import Watch
from tests.integration.engine_world import QUANTITY, STOP, TARGET, World, fresh
from trading import coins, door
from trading.commands import submit
from trading.models import Command, Trade

pytest_plugins = ["tests.integration.worlds"]
HELD = Decimal(3)  # coins of the owner
BID = Decimal("2499.99")


@pytest.fixture
def owner(world: World) -> World:
    """The owner put the coins into our hands; the last reading of the balances shows them."""
    world.venue.handed_over["ETH/USD"] = HELD
    readers.refresh_balances(world.account, world.venue)
    world.configure(stop_method="PERCENT", stop_ratio=Decimal("0.02"))
    return world


def protect(quantity: str = "1.5", **more: str) -> Command:
    asked = {"symbol": "ETH/USD", "quantity": quantity, **more}
    return submit("protect", asked, user=None, actor="test")


def trade_of(command: Command) -> Trade:
    assert command.trade is not None, command.denials
    return command.trade


def codes(command: Command) -> list[str]:
    assert command.status == "denied"
    return [str(denial["code"]) for denial in command.denials]


def test_held_coins_get_a_stop_and_a_watched_target(owner: World) -> None:
    command = protect()
    trade = trade_of(command)
    assert (trade.source, trade.entry_price, trade.quantity) == ("protect", BID, Decimal("1.5"))

    owner.until(trade, State.BRACKET_ACTIVE)
    owner.settle()

    command.refresh_from_db()
    assert (command.status, command.message) == ("done", "protected")
    stop = owner.stop_at_venue()
    assert (stop.volume, stop.trigger_price) == (Decimal("1.5"), Decimal("2449.99"))
    trade.refresh_from_db()
    assert (trade.stop_loss_price, trade.initial_stop_loss_price) == (Decimal("2449.99"), Decimal("2449.99"))
    assert (trade.entry_price, trade.entry_at) == (BID, trade.opened_at)
    assert owner.bought_at_venue() == 0


@pytest.mark.parametrize(("price", "reason"), [("2600.01", "take_profit"), ("2440", "stop_loss")])
def test_its_profit_is_what_was_earned_less_what_the_coins_were_reckoned_with(
    owner: World, price: str, reason: str
) -> None:
    trade = trade_of(protect(stop_loss_price=str(STOP), take_profit_price=str(TARGET)))
    owner.until(trade, State.BRACKET_ACTIVE)
    owner.price(price)
    owner.until_closed(trade)
    trade.refresh_from_db()
    assert (trade.exit_reason, owner.sold_at_venue()) == (reason, Decimal("1.5"))
    assert trade.realized_pnl == owner.earned_at_venue() - Decimal("1.5") * BID
    risk = Decimal("1.5") * (BID - STOP)
    assert trade.realized_pnl is not None
    assert trade.r_multiple == (trade.realized_pnl / risk).quantize(Decimal("1E-6"))
    owner.assert_sound()


def take_out(world: World, quantity: Decimal) -> None:
    """The owner takes coins out of the bracket's hands and of the account; nobody sold them for a price."""
    world.venue.cancel_by_hand(world.stop_at_venue().txid)
    world.venue.deposit("XETH", -quantity)
    for _ in range(12):
        world.turn()
        counting.count_coins(world.account, world.venue, world.clock.now)


def closed(world: World, trade: Trade) -> Trade:
    submit("close", {"trade": trade.pk}, user=None, actor="test")
    world.until_closed(trade)
    trade.refresh_from_db()
    return trade


def test_coins_that_were_taken_out_are_no_loss(owner: World) -> None:
    """All but dust: nothing is sold, nothing was earned and nothing was lost."""
    trade = trade_of(protect("3"))
    owner.until(trade, State.BRACKET_ACTIVE)
    take_out(owner, Decimal("2.99995"))
    closed(owner, trade)
    assert owner.sold_at_venue() == 0
    assert (trade.realized_pnl, trade.quantity, trade.fees) == (0, 0, 0)
    assert (trade.exit_price, trade.r_multiple) == (None, None)
    owner.assert_sound()


def test_what_is_left_is_reckoned_by_what_was_sold(owner: World) -> None:
    trade = trade_of(protect("3", stop_loss_price=str(STOP)))
    owner.until(trade, State.BRACKET_ACTIVE)
    take_out(owner, Decimal(2))
    closed(owner, trade)
    assert (owner.sold_at_venue(), trade.quantity, trade.exit_price) == (1, 1, BID)
    assert trade.realized_pnl == owner.earned_at_venue() - BID
    assert trade.r_multiple == (trade.realized_pnl / (BID - STOP)).quantize(Decimal("1E-6"))
    owner.assert_sound()


def test_what_was_booked_before_is_reckoned_again(owner: World) -> None:
    trade = trade_of(protect("3", stop_loss_price=str(STOP)))
    owner.until(trade, State.BRACKET_ACTIVE)
    take_out(owner, Decimal(2))
    closed(owner, trade)
    true = Trade.objects.values().get(pk=trade.pk)
    wrong = {"realized_pnl": trade.realized_pnl - 2 * BID, "quantity": 3, "r_multiple": Decimal(-33)}
    Trade.objects.filter(pk=trade.pk).update(**wrong)

    import_module("trading.migrations.0003_reckon_only_sold_coins").reckon_again(apps, None)

    assert Trade.objects.values().get(pk=trade.pk) == true


def test_it_passes_while_paused_and_whatever_entries_may_cost(owner: World) -> None:
    submit("pause", {"reason": "storm"}, user=None, actor="test")
    owner.configure(maximum_notional=Decimal(1), maximum_open_trades=0)
    owner.until(trade_of(protect("3")), State.BRACKET_ACTIVE)
    assert owner.stops_at_venue() == [HELD]


def test_only_coins_that_are_free_can_be_protected(owner: World) -> None:
    (denial,) = protect("3.00000001").denials
    assert (denial["code"], denial["limit"]) == ("insufficient_coins", "3")


def test_coins_in_an_order_of_the_owner_are_not_free(owner: World) -> None:
    owner.account.balances.filter(asset="XETH").update(held=Decimal("1.2"))
    (denial,) = protect("1.80000001").denials
    assert (denial["code"], denial["limit"]) == ("insufficient_coins", "1.8")
    assert protect("1.8").status == "accepted"


def test_coins_of_a_bracket_are_not_free_and_its_own_stop_is_not_foreign(owner: World) -> None:
    trade = owner.open_active()
    readers.refresh_balances(owner.account, owner.venue)
    eth = owner.account.instruments.get(symbol="ETH/USD")
    assert coins.free_coins(owner.account, eth) == HELD
    assert codes(protect("1")) == ["position_open"]
    owner.price(2400)
    owner.until_closed(trade)
    readers.refresh_balances(owner.account, owner.venue)
    assert coins.free_coins(owner.account, eth) == HELD


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"quantity": "0.00199999"}, ["below_minimum_quantity"]),
        ({"stop_loss_price": "2499.99"}, ["stop_not_below_price"]),
        ({"take_profit_price": "2500"}, ["target_not_above_price"]),
        ({"quantity": "4", "stop_loss_price": "2600"}, ["stop_not_below_price", "insufficient_coins"]),
    ],
)
def test_a_broken_limit_is_denied_and_nothing_is_bound(
    owner: World, asked: dict[str, str], expected: list[str]
) -> None:
    assert codes(protect(**asked))[: len(expected)] == expected
    owner.turns(2)
    assert (Trade.objects.count(), owner.at_venue()) == (0, [])


def test_where_the_venue_takes_no_stop_the_coins_are_not_sold(owner: World) -> None:
    owner.venue.script("place", Refused(reason=Reason.PERMISSION, message="EGeneral:Permission denied"))
    command = protect()
    trade = trade_of(command)
    owner.until(trade, State.HELD)
    owner.settle()
    command.refresh_from_db()
    assert command.status == "failed"
    assert "took no stop" in command.message
    assert owner.sold_at_venue() == 0


# --- how far a reading is believed -------------------------------------------------------------------------


def being_read(command: Command) -> bool:
    return codes(command) == ["balance_being_read"]


def read_as_wanted(world: World) -> None:
    """What the watch does every second, once what was asked for may be read."""
    world.clock.pass_seconds(3)
    assert readers.balances_are_wanted(world.account, world.clock.now)
    readers.refresh_balances(world.account, world.venue)
    assert not readers.balances_are_wanted(world.account, world.clock.now)


def test_what_a_stop_held_that_is_over_is_no_limit(owner: World) -> None:
    """The last reading shows the hold of a trade that closed after it."""
    trade = owner.open_active()
    readers.refresh_balances(owner.account, owner.venue)
    owner.price(2400)
    owner.until_closed(trade)
    denied = protect("3")
    assert being_read(denied)
    assert "was read at" in denied.denials[0]["message"]
    assert Trade.objects.count() == 1

    read_as_wanted(owner)

    owner.until(trade_of(protect("3")), State.BRACKET_ACTIVE)
    assert owner.stops_at_venue() == [HELD]


def test_coins_that_a_foreign_order_holds_are_not_free_by_an_old_reading(owner: World) -> None:
    owner.venue.sell_by_hand("ETH/USD", HELD, limit=Decimal(2700))
    owner.clock.pass_seconds(20)
    strangers.note_orders(owner.account, owner.venue.open_orders(), [], owner.clock.now)
    assert being_read(protect("0.5"))

    read_as_wanted(owner)

    (denial,) = protect("0.5").denials
    assert (denial["code"], denial["limit"]) == ("insufficient_coins", "0")


def test_coins_that_left_after_the_reading_are_not_free(owner: World) -> None:
    owner.clock.pass_seconds(1)
    readers.note_totals(owner.account, {"ETH": Decimal(1)}, owner.clock.now)
    assert being_read(protect("1"))


def test_an_old_reading_is_made_again(owner: World) -> None:
    owner.clock.pass_seconds(31)
    assert being_read(protect("1"))
    readers.refresh_balances(owner.account, owner.venue)
    assert protect("1").status == "accepted"


def test_other_limits_are_said_without_waiting_for_a_reading(owner: World) -> None:
    owner.clock.pass_seconds(31)
    assert codes(protect("0.00000001"))[0] == "below_minimum_quantity"


def test_where_somebody_watches_the_answer_is_waited_for(owner: World) -> None:
    watch = Watch(account=fresh(owner.account), venue=owner.venue, clock=owner.clock)
    assert watch.take_lease()
    watch.read()
    watch.keep_house()
    owner.clock.pass_seconds(31)
    watch.renew_lease()
    asked, eth = owner.venue.asked.count("balances"), owner.account.instruments.get(symbol="ETH/USD")
    watch.house.balances_at = owner.clock.now  # not for its round
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        owner.clock.pass_seconds(seconds)
        watch.renew_lease()
        watch.keep_house()

    coins.await_reading(owner.account, eth, pause=pause)

    assert coins.is_believed(owner.account, eth, owner.clock.now)
    assert (len(pauses), owner.venue.asked.count("balances")) == (1, asked + 1)
    coins.await_reading(owner.account, eth, pause=pause)
    assert len(pauses) == 1  # it is believed already


def test_an_answer_that_does_not_come_is_not_waited_for_forever(owner: World) -> None:
    watch = Watch(account=fresh(owner.account), venue=owner.venue, clock=owner.clock)
    owner.clock.pass_seconds(31)
    assert watch.take_lease()
    pauses: list[float] = []
    coins.await_reading(owner.account, owner.account.instruments.get(symbol="ETH/USD"), pause=pauses.append)
    assert sum(pauses) <= 7


def test_the_safety_net_reads_what_is_wanted(owner: World) -> None:
    owner.clock.pass_seconds(31)
    assert being_read(protect("1"))
    tasks.reconcile_once(owner.account, owner.clock)
    assert protect("1").status == "accepted"


def test_coins_bought_at_the_same_moment_are_one_trade(owner: World) -> None:
    trade_of(protect("1"))
    assert codes(protect("1")) == ["position_open"]
    denied = door.open_position_with_brackets(
        owner.account.name, "ETH/USD", "buy", QUANTITY, "market", STOP, TARGET, Trade.Source.COMMAND
    )
    assert isinstance(denied, door.Denied)


def test_before_the_book_was_compared_nobody_knows_whose_coins_they_are(owner: World) -> None:
    Account.objects.update(recovered_at=None)
    with pytest.raises(door.Recovering):
        protect()


def test_validate_mode_could_not_protect_anything(owner: World, settings: Any) -> None:
    Account.objects.update(name="validate", mode="validate")
    settings.TRADING_MODE = "validate"
    assert codes(protect()) == ["validate_mode"]
