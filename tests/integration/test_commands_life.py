"""A command is stored with what it causes, in one transaction, audited, and denied with its reasons."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from brackets.models import Account, Bracket, Effect, Quote
from risk import journal
from risk.models import AuditRow, SystemConfig
from tests import factories
from trading import commands, door, settle
from trading.market import UnknownSymbol
from trading.models import Command, Trade


def submit(kind: str, payload: dict[str, Any], **options: Any) -> Command:
    return commands.submit(kind, payload, **{"user": None, "actor": "test", **options})


def buy(**changes: Any) -> Command:
    return submit("buy", {"symbol": "ETH/USD", "amount_usd": "50", **changes})


def codes(command: Command) -> list[str]:
    return [denial["code"] for denial in command.denials]


def test_a_buy_stores_its_command_with_trade_bracket_and_intent(market: Account) -> None:
    command = buy()
    assert command.status == "accepted"
    trade = Trade.objects.get()
    assert command.trade == trade
    assert (trade.source, trade.symbol, trade.quantity) == ("command", "ETH/USD", Decimal("0.01999992"))
    assert Effect.objects.get().bracket == trade.bracket


def test_it_is_journalled_with_actor_and_content(market: Account) -> None:
    command = buy()
    row = AuditRow.objects.get(subject=f"command {command.pk}")
    assert (row.actor, row.action) == ("test", "command.buy")
    assert row.payload["asked"] == {"symbol": "ETH/USD", "amount_usd": "50"}
    assert row.payload["trade"] == command.trade_id
    assert journal.first_broken_row() is None


def test_a_force_test_goes_through_the_same_door_as_its_own_source(market: Account) -> None:
    command = submit("force-test", {"symbol": "xbtusd", "amount_usd": "10"})
    assert command.status == "accepted"
    assert (command.trade.source, command.trade.symbol) == ("force_test", "BTC/USD")


def test_it_takes_given_prices(market: Account) -> None:
    command = buy(stop_loss_price="2400", take_profit_price="2700.5")
    bracket = command.trade.bracket
    assert (bracket.stop_price, bracket.target_price) == (Decimal("2400"), Decimal("2700.5"))


def test_a_crash_while_storing_the_command_leaves_no_trade(
    market: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(Exception):
        pass

    def write(**values: Any) -> None:
        if values["action"].startswith("command."):
            raise Crash
        real(**values)

    real = journal.write
    monkeypatch.setattr(journal, "write", write)
    with pytest.raises(Crash):
        buy()
    assert (Trade.objects.count(), Bracket.objects.count(), Command.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"amount_usd": "0.1"}, "below_minimum_quantity"),
        ({"amount_usd": "1000.5"}, "maximum_notional"),
        ({"stop_loss_price": "2600", "take_profit_price": "2700"}, "stop_not_below_price"),
        ({"stop_loss_price": "2300", "take_profit_price": "2400"}, "target_not_above_price"),
    ],
)
def test_a_broken_limit_denies_and_names_limit_and_value(
    market: Account, asked: dict[str, str], code: str
) -> None:
    before = factories.everything_written()
    command = buy(**asked)
    assert command.status == "denied"
    assert codes(command)[0] == code
    assert command.denials[0]["limit"] and command.denials[0]["value"] and command.denials[0]["message"]
    assert factories.everything_written() == before
    assert AuditRow.objects.get(subject=f"command {command.pk}").payload["status"] == "denied"


def test_insufficient_funds_deny(market: Account) -> None:
    market.balances.update(total=Decimal("20"))
    assert codes(buy()) == ["insufficient_funds"]


def test_a_second_trade_in_the_same_coin_is_denied(market: Account) -> None:
    buy()
    assert codes(buy()) == ["position_open"]
    assert Trade.objects.count() == 1


def test_paused_denies_entries_and_lets_a_close_pass(market: Account) -> None:
    trade = factories.protect(factories.open_trade())
    submit("pause", {"reason": "lunch"})
    denied = buy(symbol="SOL/USD")
    assert (denied.status, codes(denied)) == ("denied", ["paused"])
    assert submit("close", {"trade": trade.pk}).status == "accepted"


@pytest.mark.parametrize("age_seconds", [30, -400])  # read before the clock was set back
def test_an_unreachable_venue_denies_by_name(market: Account, age_seconds: int) -> None:
    Quote.objects.update(read_at=timezone.now() - timedelta(seconds=age_seconds))
    denied = buy()
    assert (denied.status, codes(denied)) == ("denied", ["venue_unreachable"])
    assert "connection refused" in denied.denials[0]["message"]


@pytest.mark.parametrize("price_age_seconds", [0, 30])
def test_before_recovery_an_entry_is_put_off_and_leaves_nothing(
    market: Account, price_age_seconds: int
) -> None:
    Account.objects.update(recovered_at=None)
    if price_age_seconds:
        Quote.objects.update(read_at=timezone.now() - timedelta(seconds=price_age_seconds))
    with pytest.raises(door.Recovering):
        buy()
    assert (Command.objects.count(), Trade.objects.count()) == (0, 0)


def test_paused_is_said_before_recovery_and_before_the_venue(market: Account) -> None:
    submit("pause", {"reason": "night"})
    Account.objects.update(recovered_at=None)
    Quote.objects.update(read_at=timezone.now() - timedelta(seconds=30))
    assert codes(buy()) == ["paused"]


def test_pause_resume_and_close_pass_before_recovery(market: Account) -> None:
    trade = factories.protect(factories.open_trade())
    Account.objects.update(recovered_at=None)
    assert submit("pause", {"reason": "x"}).status == "done"
    assert submit("resume", {"reason": "x"}).status == "done"
    assert submit("close", {"trade": trade.pk}).status == "accepted"


def test_an_unknown_symbol_leaves_nothing(market: Account) -> None:
    with pytest.raises(UnknownSymbol, match="FOO/USD"):
        buy(symbol="FOO/USD")
    assert (Command.objects.count(), AuditRow.objects.count()) == (0, 0)


def test_pause_and_resume_switch_the_status_and_journal_before_and_after(market: Account) -> None:
    paused = submit("pause", {"reason": "storm"})
    config = SystemConfig.objects.get()
    assert (config.system_status, config.status_reason) == ("PAUSED", "storm")
    assert paused.status == "done"
    row = AuditRow.objects.get(subject=f"command {paused.pk}")
    assert (row.payload["before"], row.payload["after"]) == (
        {"system_status": "ACTIVE"},
        {"system_status": "PAUSED"},
    )
    submit("resume", {"reason": "calm"})
    config.refresh_from_db()
    assert (config.system_status, config.status_reason) == ("ACTIVE", "calm")


def test_pausing_twice_is_done_and_says_that_it_was_so(market: Account) -> None:
    submit("pause", {"reason": "first"})
    again = submit("pause", {"reason": "second"})
    assert again.status == "done"
    assert "already" in again.message
    assert SystemConfig.objects.get().status_reason == "first"


def test_resuming_says_when_the_master_switch_is_still_off(market: Account) -> None:
    SystemConfig.objects.update(is_trading_active=False, system_status="PAUSED")
    assert "is_trading_active" in submit("resume", {"reason": "x"}).message


def test_a_close_stores_its_command_with_the_exits_intent(market: Account) -> None:
    trade = factories.protect(factories.open_trade())
    command = submit("close", {"trade": trade.pk, "reason": "enough"})
    trade.bracket.refresh_from_db()
    assert (command.status, command.trade, trade.bracket.state) == ("accepted", trade, "EXITING")
    assert command.payload == {"trade": trade.pk, "reason": "enough"}


def test_a_crash_while_storing_a_close_leaves_the_bracket_as_it_was(
    market: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade = factories.protect(factories.open_trade())

    def fail(*args: Any, **values: Any) -> None:
        raise RuntimeError("crash")

    monkeypatch.setattr(commands, "store", fail)
    with pytest.raises(RuntimeError):
        submit("close", {"trade": trade.pk})
    trade.bracket.refresh_from_db()
    assert trade.bracket.state == "BRACKET_ACTIVE"
    assert not Effect.objects.filter(kind="CANCEL").exists()


def test_closing_again_while_it_leaves_changes_nothing_more(market: Account) -> None:
    trade = factories.protect(factories.open_trade())
    submit("close", {"trade": trade.pk})
    cancels = Effect.objects.filter(kind="CANCEL").count()
    assert submit("close", {"trade": trade.pk}).status == "accepted"
    assert Effect.objects.filter(kind="CANCEL").count() == cancels == 1


def test_closing_a_closed_trade_is_denied_by_name(market: Account) -> None:
    trade = factories.close_by_stop(factories.protect(factories.open_trade()))
    assert trade.status == "CLOSED"
    denied = submit("close", {"trade": trade.pk})
    assert (denied.status, codes(denied), denied.trade) == ("denied", ["trade_closed"], trade)


def test_closing_an_unknown_trade_leaves_nothing(market: Account) -> None:
    with pytest.raises(door.UnknownTrade, match="99"):
        submit("close", {"trade": 99})
    assert Command.objects.count() == 0


def test_a_trade_of_another_account_is_unknown(market: Account) -> None:
    trade = factories.open_trade()
    other = factories.AccountFactory(name="live")
    Trade.objects.filter(pk=trade.pk).update(account=other)
    with pytest.raises(door.UnknownTrade):
        submit("close", {"trade": trade.pk})


def test_settling_finishes_the_command(market: Account) -> None:
    command = buy()
    factories.protect(command.trade)
    command.refresh_from_db()
    assert (command.status, command.message) == ("done", "bought and protected")
    assert settle.consume(market) == 0


@pytest.mark.parametrize(
    ("kind", "payload", "field"),
    [
        ("buy", {"symbol": "ETH/USD"}, "amount_usd"),
        ("buy", {"amount_usd": "5"}, "symbol"),
        ("buy", {"symbol": "ETH/USD", "amount_usd": "5", "leverage": 3}, "leverage"),
        ("close", {}, "trade"),
        ("close", {"trade": True}, "trade"),
        ("pause", {}, "reason"),
        ("pause", {"reason": "  "}, "reason"),
        ("force-test", {"symbol": "ETH/USD", "amount_usd": "5", "entry_type": "market"}, "entry_type"),
        ("dance", {}, "kind"),
    ],
)
def test_a_malformed_ask_names_its_field_and_leaves_nothing(
    market: Account, kind: str, payload: dict[str, Any], field: str
) -> None:
    with pytest.raises(door.BadInput) as refusal:
        submit(kind, payload)
    assert refusal.value.field == field
    assert field in str(refusal.value) or field == "kind"
    assert Command.objects.count() == 0
