"""The admin shows everything, lets nobody touch what machines own, and longer lists cost no more queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success

from brackets.models import Account, Bracket, BracketEvent, Effect, Fill, Order
from risk.models import AuditRow, SystemConfig
from tests import factories
from trading.models import ApiToken, Command, Trade

OURS = {"risk", "brackets", "trading", "django_q"}
MODELS = [model for model in admin.site._registry if model._meta.app_label in OURS]
EDITABLE = {SystemConfig}


@pytest.fixture
def desk(market: Account, admin_user: Any, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def page(model: Any, name: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def a_full_house(count: int = 1) -> list[Trade]:
    """Trades that are over, commands, tokens and background work, `count` of each coin's."""
    trades = []
    for _ in range(count):
        for symbol in factories.PRICES:
            trades.append(factories.close_by_stop(factories.protect(factories.open_trade(symbol))))
    now = timezone.now()
    Schedule.objects.create(name="s", func="brackets.tasks.heartbeat")
    for number, success in enumerate((True, False)):
        Success.objects.create(
            id=f"t{number}",
            name=f"t{number}",
            func="brackets.tasks.heartbeat",
            started=now,
            stopped=now,
            success=success,
            result=None if success else "Traceback\nRuntimeError: bad",
        )
    return trades


def test_every_page_can_be_seen(desk: Client, admin_user: Any) -> None:
    a_full_house()
    factories.a_token(admin_user)
    for model in MODELS:
        assert desk.get(page(model, "changelist")).status_code == 200, model
        row = model._default_manager.first()
        if row is not None:
            assert desk.get(page(model, "change", row.pk)).status_code == 200, model
    seen = {m for m in MODELS if m._default_manager.exists()}
    assert {Trade, Bracket, Order, Fill, BracketEvent, Effect, AuditRow, SystemConfig, ApiToken} <= seen
    assert {Schedule, Success, Failure, OrmQ} <= set(MODELS)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_no_row_is_added_changed_or_deleted_by_hand(desk: Client, admin_user: Any, model: Any) -> None:
    a_full_house()
    factories.a_token(admin_user)
    assert desk.get(page(model, "add")).status_code == 403
    assert desk.post(page(model, "add"), {}).status_code == 403
    row = model._default_manager.first()
    if row is None:
        return
    before = model._default_manager.count()
    assert desk.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    desk.post(
        page(model, "changelist"), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    )
    assert model._default_manager.count() == before
    if model not in EDITABLE:
        assert desk.post(page(model, "change", row.pk), {}).status_code == 403


@pytest.mark.parametrize(
    "model", [Bracket, Order, Fill, BracketEvent, Effect, Trade, Command, AuditRow], ids=lambda m: m.__name__
)
def test_a_longer_list_costs_no_more_queries(desk: Client, admin_user: Any, model: Any) -> None:
    def count() -> int:
        desk.get(page(model, "changelist"))
        with CaptureQueriesContext(connection) as queries:
            assert desk.get(page(model, "changelist")).status_code == 200
        return len(queries)

    a_full_house()
    few, rows = count(), model.objects.count()
    Schedule.objects.all().delete()
    Success.objects.all().delete()
    Failure.objects.all().delete()
    a_full_house(2)
    assert model.objects.count() > rows or model is Command
    assert count() == few


def test_a_bracket_shows_both_legs_with_custody_price_and_distance(desk: Client) -> None:
    trade = factories.protect(factories.open_trade())
    for path in (page(Bracket, "changelist"), page(Bracket, "change", trade.bracket_id), "/admin/"):
        text = desk.get(path).content.decode()
        for words in ("BRACKET_ACTIVE", "RESTING", "2450", "-2.00 %", "WATCHED", "2600.03", "+4.00 %"):
            assert words in text, (path, words)


def test_a_bracket_page_tells_its_whole_story(desk: Client) -> None:
    trade = factories.close_by_stop(factories.protect(factories.open_trade()))
    text = desk.get(page(Bracket, "change", trade.bracket_id)).content.decode()
    for order in trade.bracket.orders.all():
        assert str(order.venue_order_id) in text
    for fill in trade.bracket.fills.all():
        assert fill.venue_trade_id in text
    for event in trade.bracket.events.all():
        assert event.kind in text
    for row in AuditRow.objects.filter(subject=f"bracket {trade.bracket_id}"):
        assert row.action in text


def test_what_a_venue_says_is_never_html(desk: Client) -> None:
    trade = factories.protect(factories.open_trade())
    Bracket.objects.filter(pk=trade.bracket_id).update(alarm="<script>alert(1)</script>")
    for path in ("/admin/", page(Bracket, "changelist"), page(Bracket, "change", trade.bracket_id)):
        assert "<script>alert" not in desk.get(path).content.decode()


def test_the_mode_is_on_every_page(desk: Client, settings: Any) -> None:
    for mode in ("demo", "live"):
        settings.TRADING_MODE = mode
        factories.AccountFactory(name=mode)
        for path in ("/admin/", page(Trade, "changelist"), "/admin/password_change/"):
            assert f"mode-{mode}" in desk.get(path).content.decode()


def test_the_configuration_is_changed_with_its_journal_row(desk: Client, market: Account) -> None:
    config = SystemConfig.objects.get()
    form = desk.get(page(SystemConfig, "change", config.pk)).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in values.items() if value is not False}
    sent |= {"maximum_notional": "250", "is_trading_active": ""}
    answer = desk.post(page(SystemConfig, "change", config.pk), sent)
    assert answer.status_code == 302
    row = AuditRow.objects.get(action="config.change")
    assert row.actor == "root (admin)"
    assert row.payload == {
        "before": {"maximum_notional": "1000", "is_trading_active": True},
        "after": {"maximum_notional": "250", "is_trading_active": False},
    }


def test_a_bad_configuration_changes_nothing(desk: Client) -> None:
    config = SystemConfig.objects.get()
    answer = desk.post(page(SystemConfig, "change", config.pk), {"maximum_notional": "-5"})
    assert answer.status_code == 200
    assert not AuditRow.objects.filter(action="config.change").exists()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"leg_policy": "both_rest"}, "leg_policy", "never probed"),
        ({"swap_in_bps": "30"}, "swap_out_bps", "at least twice"),
    ],
)
def test_rules_between_settings_are_said_beside_their_field(
    desk: Client, changes: dict[str, str], field: str, words: str
) -> None:
    config = SystemConfig.objects.get()
    form = desk.get(page(SystemConfig, "change", config.pk)).context["adminform"].form
    sent = {name: form[name].value() for name in form.fields} | changes
    answer = desk.post(page(SystemConfig, "change", config.pk), sent)
    (said,) = answer.context["adminform"].form.errors[field]
    assert words in said
    assert not AuditRow.objects.filter(action="config.change").exists()


def test_a_token_is_revoked_by_its_action(desk: Client, admin_user: Any) -> None:
    factories.a_token(admin_user)
    token = ApiToken.objects.get()
    desk.post(page(ApiToken, "changelist"), {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert AuditRow.objects.filter(action="api_token.revoke").count() == 1
    assert token.digest not in desk.get(page(ApiToken, "change", token.pk)).content.decode()


def test_an_audit_row_is_found_by_its_subject(desk: Client) -> None:
    trade = factories.open_trade()
    factories.open_trade("SOL/USD")
    text = desk.get(page(AuditRow, "changelist"), {"q": f"bracket {trade.bracket_id}"})
    assert {row.subject for row in text.context["cl"].result_list} == {f"bracket {trade.bracket_id}"}
