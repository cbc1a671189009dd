"""Maker entries through the door: where they rest, how big they are, and how their command ends."""

from __future__ import annotations

from decimal import Decimal

import pytest

from brackets.core.orders import EntryTerms
from brackets.core.states import Choice, Policy, State
from brackets.records import load
from risk.models import SystemConfig
from tests.integration.engine_world import STOP, TARGET, World
from trading import door
from trading.commands import submit
from trading.models import Command, Trade

pytest_plugins = ["tests.integration.worlds"]
BID = Decimal("2499.99")


@pytest.fixture
def limits(world: World) -> World:
    """Limit entries at the bid, with legs by rules that need no candles."""
    world.configure(execution_mode="LIMIT_BRACKET", stop_method="PERCENT", stop_ratio=Decimal("0.02"))
    return world


def buy(**more: str) -> Command:
    asked = {"symbol": "ETH/USD", "amount_usd": "250", **more}
    return submit("buy", asked, user=None, actor="test")


def trade_of(command: Command) -> Trade:
    assert command.trade is not None, command.denials
    return command.trade


def test_by_default_an_entry_is_as_the_execution_mode_has_it(limits: World) -> None:
    command = buy()
    terms = load(trade_of(command).bracket).plan.entry
    assert terms is not None and terms.limit_price == BID
    limits.configure(execution_mode="MARKET_ONLY")
    other = buy(symbol="SOL/USD")
    assert load(trade_of(other).bracket).plan.entry is None
    assert load(trade_of(command).bracket).plan.entry == terms  # what is open keeps its way


@pytest.mark.parametrize("mode", ["MARKET_ONLY", "LIMIT_BRACKET"])
@pytest.mark.parametrize("entry_type", ["market", "limit"])
def test_what_is_asked_for_is_taken_in_both_modes(limits: World, mode: str, entry_type: str) -> None:
    limits.configure(execution_mode=mode)
    bracket = load(trade_of(buy(entry_type=entry_type)).bracket)
    assert (bracket.plan.entry is not None) == (entry_type == "limit")
    assert (bracket.policy is Policy.NEAREST) == (mode == "LIMIT_BRACKET")


def test_a_force_test_is_at_market_always(limits: World) -> None:
    asked = {"symbol": "ETH/USD", "amount_usd": "20"}
    command = submit("force-test", asked, user=None, actor="test")
    assert load(trade_of(command).bracket).plan.entry is None


def test_the_settings_say_where_it_rests_and_how_it_gives_up(limits: World) -> None:
    limits.configure(
        entry_offset_bps=Decimal(10),
        entry_offset_ticks=3,
        entry_timeout_seconds=90,
        entry_most_reprices=2,
        entry_reprice_seconds=7,
        entry_reprice_bps=Decimal(4),
        entry_runaway_bps=Decimal(70),
        entry_on_timeout="market",
        entry_on_runaway="retry",
        entry_stop="own",
        leg_policy="stop_rests",
        swap_in_bps=Decimal(11),
        swap_out_bps=Decimal(33),
    )
    bracket = load(trade_of(buy()).bracket)
    assert bracket.plan.entry == EntryTerms(
        limit_price=Decimal("2497.46"),  # 2499.99 less 0.1 % is 2497.49, less three ticks
        offset_bps=Decimal(10),
        offset_ticks=3,
        timeout_seconds=90,
        most_reprices=2,
        reprice_seconds=7,
        reprice_bps=Decimal(4),
        runaway_bps=Decimal(70),
        on_timeout=Choice.MARKET,
        on_runaway=Choice.RETRY,
    )
    assert (bracket.policy, bracket.plan.attach_stop) == (Policy.STOP_RESTS, False)
    assert (bracket.plan.swap_in_bps, bracket.plan.swap_out_bps) == (11, 33)


def test_size_and_legs_are_measured_from_the_limit(limits: World) -> None:
    limits.configure(entry_offset_bps=Decimal(100))
    trade = trade_of(buy(amount_usd="247.50"))
    limit = Decimal("2474.99")
    assert trade.quantity == (Decimal("247.50") / limit).quantize(Decimal("1E-8"), rounding="ROUND_DOWN")
    assert trade.stop_loss_price == Decimal("2425.49")  # 2 % below the limit, down to the tick
    plan = load(trade.bracket).plan
    assert plan.stop_distance == Decimal("49.4998")
    assert (plan.target_r_multiple, plan.target_distance) == (Decimal("1.5"), None)


def test_given_legs_stay_and_computed_ones_follow(limits: World) -> None:
    plan = load(trade_of(buy(stop_loss_price=str(STOP), take_profit_price=str(TARGET))).bracket).plan
    assert (plan.stop_distance, plan.target_distance, plan.target_r_multiple) == (None, None, None)
    assert (plan.stop_price, plan.target_price) == (STOP, TARGET)


def test_the_gate_judges_by_the_limit(limits: World) -> None:
    limits.configure(entry_offset_bps=Decimal(100), maximum_notional=Decimal("247.5"))
    assert buy(amount_usd="247.6").denials[0]["code"] == "maximum_notional"
    denied = buy(amount_usd="240", stop_loss_price="2474.99", take_profit_price="2600")
    assert [denial["code"] for denial in denied.denials] == ["stop_not_below_price"]
    assert "limit 2474.99" in denied.denials[0]["message"]


def test_a_market_that_ran_away_does_not_lift_what_was_approved(limits: World) -> None:
    """Nearly all of the maximum was asked for; what is bought at market above it is so much less."""
    limits.configure(maximum_notional=Decimal(250), entry_on_runaway="market", entry_runaway_bps=100)
    command = buy(amount_usd="249")
    limits.turns(11)
    limits.price(2600)
    limits.turns(3)
    limits.until(trade_of(command), State.BRACKET_ACTIVE)
    bought = limits.bought_at_venue()
    assert bought < trade_of(command).requested_quantity
    assert Decimal(248) < bought * 2600 < Decimal(250)
    limits.assert_sound()


def test_a_bid_that_leaves_no_price_is_said(limits: World) -> None:
    SystemConfig.objects.update(entry_offset_ticks=10_000)
    limits.price("90")
    limits.look()
    with pytest.raises(door.BadInput, match="No limit can be placed") as raised:
        buy()
    assert raised.value.field == "entry_type"


def test_it_stays_accepted_while_it_rests_and_is_done_when_filled_and_protected(limits: World) -> None:
    command = buy()
    trade = trade_of(command)
    limits.turns(20)
    command.refresh_from_db()
    trade.refresh_from_db()
    (entry,) = limits.at_venue(live=True)
    assert (entry.price, entry.post_only) == (BID, True)
    assert (command.status, trade.entry_price, trade.entry_at) == ("accepted", None, None)
    rested_until = limits.clock.now

    limits.price("2499.98")
    limits.until(trade, State.BRACKET_ACTIVE)
    limits.settle()

    command.refresh_from_db()
    trade.refresh_from_db()
    assert (command.status, command.message) == ("done", "bought and protected")
    assert trade.entry_price == BID
    assert trade.entry_at is not None and trade.entry_at >= rested_until
    assert trade.initial_stop_loss_price == trade.stop_loss_price == limits.stop_at_venue().trigger_price
    limits.assert_sound()


def test_one_whose_time_is_up_has_failed_and_closes_with_quantity_0(limits: World) -> None:
    limits.configure(entry_timeout_seconds=30, entry_most_reprices=0)
    command = buy()
    limits.until_closed(trade_of(command))
    command.refresh_from_db()
    trade = trade_of(command)
    trade.refresh_from_db()
    assert (trade.exit_reason, trade.quantity, trade.realized_pnl) == ("entry_expired", 0, 0)
    assert command.status == "failed"
    assert limits.at_venue(live=True) == []


def test_a_pause_cancels_it(limits: World) -> None:
    command = buy()
    limits.turns(2)
    submit("pause", {"reason": "storm"}, user=None, actor="test")
    limits.until_closed(trade_of(command))
    trade = trade_of(command)
    trade.refresh_from_db()
    assert (trade.exit_reason, trade.quantity) == ("entry_canceled", 0)
    assert limits.at_venue(live=True) == []


def test_a_trade_shows_its_partial_fills_as_they_come(limits: World) -> None:
    limits.configure(entry_timeout_seconds=60, entry_most_reprices=0)
    command = buy()
    trade = trade_of(command)
    limits.turns(2)
    limits.price("2499.98", depth=Decimal("0.03"))
    limits.turns(2)
    trade.refresh_from_db()
    command.refresh_from_db()
    assert (trade.quantity, trade.entry_price, command.status) == (Decimal("0.03"), BID, "accepted")
    assert trade.requested_quantity > trade.quantity
    assert sum(limits.stops_at_venue()) == Decimal("0.03")  # covered from the first fill on

    limits.price("2500.50", depth=Decimal(1000))
    limits.until(trade, State.BRACKET_ACTIVE)
    limits.settle()

    trade.refresh_from_db()
    command.refresh_from_db()
    assert (trade.quantity, command.status, command.message) == (
        Decimal("0.03"),
        "done",
        "bought and protected",
    )
    limits.price(2400)
    limits.until_closed(trade)
    trade.refresh_from_db()
    assert (trade.exit_reason, trade.quantity) == ("stop_loss", Decimal("0.03"))
    assert trade.realized_pnl == limits.earned_at_venue()
    limits.assert_sound()
