"""The buttons of the admin: commands like everywhere else, by POST, with the right to give them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from brackets.models import Account
from risk.models import SystemConfig
from tests import factories
from trading.core.asks import Kind
from trading.models import Command, Trade

BUTTONS = {
    "buy": {"symbol": "ETH/USD", "amount_usd": "50"},
    "force-test": {"symbol": "ETH/USD", "amount_usd": "50"},
    "sell": {"symbol": "ETH/USD", "amount_token": "0.01"},
    "close": {"trade": "1"},
    "edit": {"trade": "1", "stop_loss_price": "2460"},
    "protect": {"symbol": "ETH/USD", "quantity": "0.1"},
    "liquidate-all": {"reason": "fire"},
    "pause": {"reason": "storm"},
    "resume": {"reason": "calm"},
    "release": {"trade": "1", "reason": "looked"},
}


def button(kind: str) -> str:
    return reverse(f"admin:trading_command_{kind}")


@pytest.fixture
def desk(market: Account, admin_user: Any, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def press(desk: Client, kind: str, **fields: str) -> str:
    """The page after the button, with what it says."""
    answer = desk.post(button(kind), fields, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_buy_opens_a_trade_by_a_command_of_the_person(desk: Client, admin_user: Any) -> None:
    said = press(desk, "buy", symbol="eth/usd", amount_usd="50", stop_loss_price="2400", take_profit_price="")
    command, trade = Command.objects.get(), Trade.objects.get()
    assert (command.user, command.actor, command.trade) == (admin_user, "root (admin)", trade)
    assert f"trade {trade.pk}" in said


def test_a_second_click_is_the_same_command(desk: Client) -> None:
    for _ in range(2):
        press(desk, "buy", symbol="ETH/USD", amount_usd="50", key="one form")
    assert (Command.objects.count(), Trade.objects.count()) == (1, 1)


def test_pause_and_resume_switch_the_status(desk: Client) -> None:
    press(desk, "pause", reason="storm")
    assert SystemConfig.objects.get().system_status == "PAUSED"
    assert "PAUSED" in desk.get("/admin/").content.decode()
    press(desk, "resume", reason="calm")
    assert SystemConfig.objects.get().system_status == "ACTIVE"


def test_a_denial_is_said(desk: Client) -> None:
    press(desk, "pause", reason="storm")
    assert "the system is PAUSED" in press(desk, "buy", symbol="ETH/USD", amount_usd="50")
    assert Command.objects.first().status == "denied"


def test_every_command_has_its_button() -> None:
    assert set(BUTTONS) == set(Kind)


def test_close_leaves_the_trade(desk: Client) -> None:
    trade = factories.protect(factories.open_trade())
    press(desk, "close", trade=str(trade.pk), confirmed="yes")
    trade.bracket.refresh_from_db()
    assert trade.bracket.state == "EXITING"


@pytest.mark.parametrize("kind", ["sell", "close", "edit", "protect", "liquidate-all"])
def test_what_sells_or_binds_coins_is_asked_twice(desk: Client, kind: str) -> None:
    asked = desk.post(button(kind), {**BUTTONS[kind], "key": "one form"}, follow=True)
    assert Command.objects.count() == 0
    for value in BUTTONS[kind].values():
        assert value in asked.content.decode()  # what was understood
    hidden = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', asked.content.decode()))
    wanted = {**BUTTONS[kind], "key": "one form", "confirmed": "yes"}
    assert wanted.items() <= hidden.items()


def test_a_part_is_sold_and_the_legs_are_moved_from_the_page_of_the_trade(desk: Client) -> None:
    trade = factories.protect(factories.open_trade())
    page = desk.get(reverse("admin:trading_trade_change", args=[trade.pk])).content.decode()
    assert all(button(kind) in page for kind in ("sell", "edit", "close"))

    press(desk, "edit", trade=str(trade.pk), stop_loss_price="2460", confirmed="yes")
    trade.bracket.refresh_from_db()
    assert trade.bracket.stop_price == 2460

    press(desk, "sell", symbol="ETH/USD", amount_token="0.005", confirmed="yes")
    trade.bracket.refresh_from_db()
    assert str(trade.bracket.reduce_quantity) == "0.00500000"


def test_liquidate_all_pauses_and_says_so(desk: Client) -> None:
    factories.protect(factories.open_trade())
    said = press(desk, "liquidate-all", reason="fire", confirmed="yes")
    assert SystemConfig.objects.get().system_status == "PAUSED"
    assert "1 trades are leaving" in said


def test_a_closed_trade_has_no_buttons(desk: Client) -> None:
    trade = factories.close_by_stop(factories.protect(factories.open_trade()))
    page = desk.get(reverse("admin:trading_trade_change", args=[trade.pk])).content.decode()
    assert button("close") not in page


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("buy", {"symbol": "ETH/USD", "amount_usd": "ten"}, "amount_usd"),
        ("buy", {"symbol": "FOO/USD", "amount_usd": "10"}, "FOO/USD"),
        ("close", {"trade": "99", "confirmed": "yes"}, "no trade 99"),
        ("edit", {"trade": "99", "stop_loss_price": "5", "confirmed": "yes"}, "no trade 99"),
        ("edit", {"trade": "99", "confirmed": "yes"}, "stop_loss_price"),
        ("sell", {}, "symbol is required"),
        ("protect", {"symbol": "ETH/USD", "quantity": "all", "confirmed": "yes"}, "quantity"),
        ("liquidate-all", {}, "reason is required"),
        ("pause", {}, "reason is required"),
    ],
)
def test_a_refusal_is_said_and_leaves_nothing(
    desk: Client, kind: str, fields: dict[str, str], words: str
) -> None:
    assert words in press(desk, kind, **fields)
    assert Command.objects.count() == 0


@pytest.mark.parametrize("kind", BUTTONS)
def test_a_get_does_nothing(desk: Client, kind: str) -> None:
    assert desk.get(button(kind), BUTTONS[kind]).status_code == 405
    assert Command.objects.count() == 0


@pytest.mark.parametrize("kind", BUTTONS)
def test_without_the_right_it_is_403_and_not_offered(market: Account, client: Client, kind: str) -> None:
    client.force_login(factories.a_user("brackets.view_bracket"))
    factories.protect(factories.open_trade())
    assert client.post(button(kind), BUTTONS[kind]).status_code == 403
    assert Command.objects.count() == 0
    assert button(kind) not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("kind", BUTTONS)
def test_without_login_it_leads_to_the_login(market: Account, client: Client, kind: str) -> None:
    assert "/login/" in client.post(button(kind), BUTTONS[kind])["Location"]
    assert Command.objects.count() == 0


@pytest.mark.parametrize("kind", BUTTONS)
def test_without_the_forms_token_it_is_403(market: Account, admin_user: Any, kind: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    assert strict.post(button(kind), BUTTONS[kind]).status_code == 403
    assert Command.objects.count() == 0


def test_the_list_of_trades_closes_what_is_ticked(desk: Client) -> None:
    trades = [factories.protect(factories.open_trade(symbol)) for symbol in ("ETH/USD", "SOL/USD")]
    ticked = {"action": "close_at_market", "_selected_action": [trade.pk for trade in trades]}
    desk.post(reverse("admin:trading_trade_changelist"), ticked)
    assert {trade.bracket.state for trade in Trade.objects.select_related("bracket")} == {"EXITING"}
    assert Command.objects.filter(kind="close", status="accepted").count() == 2


def test_the_control_room_shows_brackets_only_to_who_may_see_them(market: Account, client: Client) -> None:
    factories.protect(factories.open_trade())
    client.force_login(factories.a_user())
    assert "BRACKET_ACTIVE" not in client.get("/admin/").content.decode()
    client.force_login(factories.a_user("brackets.view_bracket"))
    assert "BRACKET_ACTIVE" in client.get("/admin/").content.decode()
