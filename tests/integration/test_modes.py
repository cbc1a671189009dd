"""Modes never mix: validate executes nothing, and the accounts of one database do not see each other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from brackets.core.states import OrderStatus, State
from brackets.models import Account, AssetBalance
from brackets.venue.port import Accepted, Reason, Refused
from risk.models import SystemConfig
from tests import factories
from tests.integration.conftest import Caller
from tests.integration.engine_world import STOP, TARGET, World
from trading import configuration, demo, door, proof
from trading.commands import submit
from trading.models import Command, Trade

pytest_plugins = ["tests.integration.worlds"]
MODES = ("demo", "paper", "validate", "live")


# --- validate ----------------------------------------------------------------------------------------


@pytest.fixture
def validating(settings: Any, request: pytest.FixtureRequest) -> World:
    settings.TRADING_MODE = "validate"
    world: World = request.getfixturevalue("world")
    assert (world.account.name, world.account.mode) == ("validate", "validate")
    return world


def buy(**more: str) -> Command:
    asked = {"symbol": "ETH/USD", "amount_usd": "250", "stop_loss_price": str(STOP), **more}
    return submit("buy", {**asked, "take_profit_price": str(TARGET)}, user=None, actor="test")


@pytest.mark.parametrize("entry_type", ["market", "limit"])
def test_validate_sends_the_entry_to_be_judged_and_nothing_is_placed(
    validating: World, entry_type: str
) -> None:
    command = buy(entry_type=entry_type)
    trade = command.trade
    assert trade is not None
    validating.until_closed(trade)

    (sent,) = validating.venue.sent
    assert sent.validate_only
    assert validating.venue.record.orders == {}
    command.refresh_from_db()
    trade.refresh_from_db()
    assert (trade.exit_reason, trade.quantity, trade.realized_pnl) == ("validated", 0, 0)
    assert command.status == "done"
    assert command.message.startswith("validated: ")
    assert trade.bracket.orders.get().status == OrderStatus.VALIDATED
    validating.assert_sound()


def test_the_words_of_the_venue_about_a_good_order_are_told(validating: World) -> None:
    words = "buy 0.1 ETHUSD @ limit 2499.99"
    validating.venue.script("place", Accepted(venue_order_id=None, message=words))
    command = buy(entry_type="market")
    assert command.trade is not None
    validating.until_closed(command.trade)
    command.refresh_from_db()
    assert (command.status, command.message) == ("done", f"validated: {words}; nothing was placed")


def test_what_the_venue_would_refuse_is_said_in_its_words(validating: World) -> None:
    words = "EOrder:Insufficient funds"
    validating.venue.script("place", Refused(reason=Reason.INSUFFICIENT_FUNDS, message=words))
    command = buy(entry_type="market")
    assert command.trade is not None
    validating.until_closed(command.trade)
    command.refresh_from_db()
    assert (command.status, command.message) == ("failed", f"entry_rejected: {words}")


def test_what_was_only_judged_can_be_neither_sold_nor_edited(validating: World) -> None:
    trade = buy(entry_type="market").trade
    assert trade is not None
    validating.until_closed(trade)
    for kind, body in (
        ("sell", {"symbol": "ETH/USD"}),
        ("close", {"trade": trade.pk}),
        ("edit", {"trade": trade.pk, "stop_loss_price": "2460"}),
    ):
        assert submit(kind, body, user=None, actor="test").status == "denied"
    assert len(validating.venue.sent) == 1


# --- accounts beside each other ------------------------------------------------------------------------


@pytest.fixture
def four(settings: Any, db: None) -> dict[str, Trade]:
    """An account of each mode in one database, each with a position; demo is the running one."""
    trades = {}
    for number, mode in enumerate(MODES, start=1):
        settings.TRADING_MODE = mode
        account = factories.AccountFactory(name=mode)
        factories.SystemConfigFactory(account=mode)
        factories.AssetBalanceFactory(account=account, total=Decimal(1000 * number))
        factories.InstrumentFactory(account=account)
        factories.QuoteFactory(account=account)
        trades[mode] = factories.protect(factories.open_trade(amount_usd=str(50 + number)))
    settings.TRADING_MODE = "demo"
    return trades


@pytest.fixture
def caller(four: dict[str, Trade], admin_user: Any) -> Caller:
    return Caller(factories.a_token(admin_user))


@pytest.mark.parametrize("mode", MODES)
def test_rest_shows_the_running_account_alone(
    four: dict[str, Trade], caller: Caller, settings: Any, mode: str
) -> None:
    settings.TRADING_MODE = mode
    mine = four[mode]
    for name, expected in (
        ("trades", [mine.pk]),
        ("brackets", [mine.bracket_id]),
        ("orders", sorted(mine.bracket.orders.values_list("pk", flat=True), reverse=True)),
        ("events", sorted(mine.bracket.events.values_list("pk", flat=True), reverse=True)),
    ):
        assert [row["id"] for row in caller.get(f"{name}/").json()["results"]] == expected
    for other in set(MODES) - {mode}:
        assert caller.get(f"trades/{four[other].pk}/").status_code == 404
        assert caller.get(f"brackets/{four[other].bracket_id}/").status_code == 404
    status = caller.get("status/").json()
    assert (status["mode"], status["open_trades"]) == (mode, "1")


def test_a_command_reaches_no_trade_of_another_account(four: dict[str, Trade], caller: Caller) -> None:
    other = four["live"]
    assert caller.post("commands/close/", {"trade": other.pk}).status_code == 404
    edited = caller.post("commands/edit/", {"trade": other.pk, "stop_loss_price": "2460"})
    assert edited.status_code == 404
    caller.post("commands/liquidate-all/", {"reason": "fire"})
    states = {mode: Trade.objects.get(pk=trade.pk).bracket.state for mode, trade in four.items()}
    assert states.pop("demo") == State.EXITING
    assert set(states.values()) == {State.BRACKET_ACTIVE}
    paused = dict(SystemConfig.objects.values_list("account", "system_status"))
    assert paused == {"demo": "PAUSED", "paper": "ACTIVE", "validate": "ACTIVE", "live": "ACTIVE"}


def test_a_setting_is_that_of_the_running_account(four: dict[str, Trade], caller: Caller) -> None:
    caller.patch("config/", {"maximum_notional": "7"})
    limits = dict(SystemConfig.objects.values_list("account", "maximum_notional"))
    assert {mode for mode, limit in limits.items() if limit == 7} == {"demo"}


def test_balances_and_the_book_of_a_proof_are_its_own(four: dict[str, Trade], settings: Any) -> None:
    for number, mode in enumerate(MODES, start=1):
        settings.TRADING_MODE = mode
        assert door.get_balance("USD") == 1000 * number
        book = proof.read_book(Account.objects.get(name=mode))
        assert {order.bracket for order in book.orders} == {four[mode].bracket_id}
        assert book.first_totals == {"ZUSD": 1000 * number}
    assert AssetBalance.objects.count() == len(MODES)


@pytest.mark.parametrize("mode", ["paper", "validate", "live"])
def test_only_demo_trades_by_itself(four: dict[str, Trade], settings: Any, mode: str) -> None:
    settings.TRADING_MODE = mode
    before = Trade.objects.count()
    demo.trade(Account.objects.get(name=mode))
    assert Trade.objects.count() == before


def test_the_demos_first_values_are_for_demo_alone(db: None) -> None:
    configured = {}
    for mode in MODES:
        account = factories.AccountFactory(name=mode)
        configured[mode] = configuration.of(account).atr_minutes
    assert configured == {"demo": 1, "paper": 15, "validate": 15, "live": 15}


LISTS = ("trading_trade", "trading_command", "brackets_bracket", "brackets_order", "brackets_fill")
OTHERS = ("brackets_bracketevent", "brackets_effect", "brackets_quote", "brackets_assetbalance")


@pytest.mark.parametrize("name", [*LISTS, *OTHERS, "risk_systemconfig", "brackets_account"])
def test_admin_lists_show_the_running_account_until_another_is_asked_for(
    four: dict[str, Trade], admin_user: Any, client: Client, name: str
) -> None:
    client.force_login(admin_user)
    for mode in MODES:
        account = Account.objects.get(name=mode)
        Command.objects.create(
            account=account, kind="pause", actor="x", payload={}, created_at=four[mode].opened_at
        )

    def rows(query: str) -> int:
        page = client.get(reverse(f"admin:{name}_changelist") + query)
        return int(page.context["cl"].result_count)

    everything = rows("?account=all")
    each = [rows(""), *(rows(f"?account={mode}") for mode in MODES if mode != "demo")]
    assert sum(each) == everything
    assert each[0] == each[1]
    assert everything == 4 * each[0]


@pytest.mark.parametrize("name", [name for name in (*LISTS, *OTHERS) if name != "brackets_fill"])
def test_rows_of_other_accounts_say_whose_they_are(
    four: dict[str, Trade], admin_user: Any, client: Client, name: str
) -> None:
    """The banner on top names the running account alone. It costs no query a row."""
    client.force_login(admin_user)
    for mode in MODES:
        account = Account.objects.get(name=mode)
        Command.objects.create(
            account=account, kind="pause", actor="x", payload={}, created_at=four[mode].opened_at
        )

    def listed(query: str) -> tuple[str, int]:
        with CaptureQueriesContext(connection) as asked:
            page = client.get(reverse(f"admin:{name}_changelist") + query).content.decode()
        return page[page.index('id="result_list"') :], len(asked)

    alone, _ = listed("")
    assert "mode-demo" not in alone
    for mode, count in (("live", 1), ("all", 4)):
        rows, _ = listed(f"?account={mode}")
        assert sum(f"mode mode-{one}" in rows for one in MODES) == count
    assert listed("?account=live")[1] == listed("?account=all")[1]


def test_the_configuration_of_another_account_is_to_be_looked_at(
    four: dict[str, Trade], admin_user: Any, client: Client
) -> None:
    client.force_login(admin_user)
    for mode, may in (("demo", True), ("live", False)):
        row = SystemConfig.objects.get(account=mode)
        address = reverse("admin:risk_systemconfig_change", args=[row.pk])
        page = client.get(address)
        assert page.status_code == 200
        assert ('name="_save"' in page.content.decode()) is may
        if not may:
            assert client.post(address, {"maximum_notional": "7"}).status_code == 403
            row.refresh_from_db()
            assert row.maximum_notional != 7


def test_the_control_room_shows_the_running_account_alone(
    four: dict[str, Trade], admin_user: Any, client: Client
) -> None:
    client.force_login(admin_user)
    shown = client.get("/admin/").context
    assert [line["row"].pk for line in shown["brackets"]] == [four["demo"].bracket_id]
