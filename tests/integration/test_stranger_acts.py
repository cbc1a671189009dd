"""Protect, ignore, alarm: what a person does about what the account holds beyond our book."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brackets.core.strangers import Kind, Status
from brackets.models import Account, AssetBalance, Bracket, Stranger
from risk import alerts
from risk.models import AuditRow
from tests import factories
from tests.integration.conftest import Caller
from trading.models import Command, Trade


def a_finding(account: Account, kind: Kind = Kind.COINS, **values: Any) -> Stranger:
    at = timezone.now() - timedelta(minutes=5)
    subject = "OSTRAY-AAAAA-BBBBBB" if kind is Kind.ORDER else "ETH"
    fields = {
        "kind": kind,
        "subject": subject,
        "base": "ETH",
        "symbol": "ETH/USD",
        "quantity": Decimal("0.7"),
        "terms": "sell limit at 2700" if kind is Kind.ORDER else "",
        "status": Status.OPEN,
        "first_seen_at": at,
        "last_seen_at": at,
    }
    return Stranger.objects.create(account=account, **{**fields, **values})


@pytest.fixture
def coins(market: Account) -> Stranger:
    factories.AssetBalanceFactory(account=market, asset="XETH", total=Decimal("0.7"), first_total=Decimal(0))
    Account.objects.update(first_balances_at=timezone.now())
    return a_finding(market)


def do(caller: Caller, row: Stranger, act: str, **body: Any) -> Any:
    return caller.post(f"strangers/{row.pk}/{act}/", body)


def status_of(row: Stranger) -> str:
    row.refresh_from_db()
    return row.status


def open_alerts_of(row: Stranger) -> int:
    return alerts.open_alerts(row.account.name).filter(subject=f"stranger {row.pk}").count()


# --- reading ---------------------------------------------------------------------------------------------


def test_the_list_tells_what_was_found_and_what_may_be_done(caller: Caller, coins: Stranger) -> None:
    (shown,) = caller.get("strangers/").json()["results"]
    assert (shown["kind"], shown["asset"], shown["symbol"]) == ("coins", "ETH", "ETH/USD")
    assert (shown["quantity"], shown["status"], shown["venue_order_id"]) == ("0.7", "open", None)
    assert shown["message"] == "0.7 ETH are in the account beyond our book."
    assert [act["act"] for act in shown["acts"] if act["offered"]] == ["protect", "ignore", "alarm"]
    assert caller.get("status/").json()["strangers"] == "1"


def test_what_one_reading_alone_noticed_is_not_shown(caller: Caller, market: Account) -> None:
    row = a_finding(market, status=Status.NOTICED)
    assert caller.get("strangers/").json()["results"] == []
    assert caller.get(f"strangers/{row.pk}/").status_code == 404


def test_the_list_is_filtered_by_status(caller: Caller, market: Account) -> None:
    a_finding(market, status=Status.GONE)
    assert caller.get("strangers/?status=open").json()["results"] == []
    assert len(caller.get("strangers/?status=gone").json()["results"]) == 1


# --- protect ---------------------------------------------------------------------------------------------


def test_protect_puts_a_bracket_around_the_coins(caller: Caller, coins: Stranger) -> None:
    answer = do(caller, coins, "protect", stop_loss_price="2400")
    assert (answer.status_code, answer.json()["status"]) == (200, "protected")
    trade = Trade.objects.get()
    assert (trade.source, trade.quantity, trade.stop_loss_price) == ("protect", Decimal("0.7"), Decimal(2400))
    assert answer.json()["bracket"] == trade.bracket_id
    row = AuditRow.objects.get(action="stranger.protected")
    assert "token" in row.actor
    assert row.payload["command"] == Command.objects.get().pk


def test_protected_once_it_is_not_protected_again(caller: Caller, coins: Stranger) -> None:
    first = do(caller, coins, "protect").json()
    again = do(caller, coins, "protect")
    assert (again.status_code, again.json()) == (200, first)
    assert Bracket.objects.count() == 1


def test_a_door_that_says_no_leaves_it_open_and_says_why(caller: Caller, coins: Stranger) -> None:
    factories.open_trade()
    answer = do(caller, coins, "protect")
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert answer.json()["code"] == "position_open"
    assert status_of(coins) == Status.OPEN


def offered(caller: Caller, row: Stranger) -> tuple[bool, str | None]:
    (shown,) = [one for one in caller.get("strangers/").json()["results"] if one["id"] == row.pk]
    protecting = shown["acts"][0]
    assert protecting["act"] == "protect"
    return protecting["offered"], protecting["why_not"]


def test_while_a_trade_in_the_coin_is_open_it_is_not_offered(caller: Caller, coins: Stranger) -> None:
    trade = factories.open_trade()
    may, why = offered(caller, coins)
    assert not may
    assert why is not None and f"Trade {trade.pk} in ETH is open" in why


@pytest.mark.parametrize(("held", "may"), [("0.7", False), ("0.2", False), ("0.1", True)])
def test_coins_that_a_foreign_order_holds_are_not_offered(
    caller: Caller, coins: Stranger, held: str, may: bool
) -> None:
    AssetBalance.objects.filter(asset="XETH").update(total=Decimal("0.8"))
    order = a_finding(coins.account, Kind.ORDER, quantity=Decimal(held), status=Status.IGNORED)
    assert offered(caller, coins)[0] is may
    assert may or order.subject in (offered(caller, coins)[1] or "")


@pytest.mark.parametrize(
    "other", [{"terms": "buy limit at 2300"}, {"status": Status.GONE}, {"base": "SOL", "symbol": "SOL/USD"}]
)
def test_an_order_that_holds_none_of_the_coins_does_not_matter(
    caller: Caller, coins: Stranger, other: dict[str, Any]
) -> None:
    a_finding(coins.account, Kind.ORDER, **other)
    assert offered(caller, coins) == (True, None)


def test_while_recovering_nothing_is_protected(caller: Caller, coins: Stranger) -> None:
    Account.objects.update(recovered_at=None)
    answer = do(caller, coins, "protect")
    assert (answer.status_code, answer.json()["code"]) == (503, "recovering")
    assert answer["Retry-After"]


@pytest.mark.parametrize("kind", [Kind.ORDER, Kind.MISSING])
def test_what_cannot_be_guarded_says_why(caller: Caller, market: Account, kind: Kind) -> None:
    row = a_finding(market, kind)
    answer = do(caller, row, "protect")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_offered")
    (shown,) = caller.get("strangers/").json()["results"]
    assert shown["acts"][0] == {"act": "protect", "offered": False, "why_not": answer.json()["detail"]}


def test_an_unknown_field_is_refused(caller: Caller, coins: Stranger) -> None:
    assert do(caller, coins, "protect", quantity="1").status_code == 400
    assert do(caller, coins, "ignore", stop_loss_price="1").status_code == 400
    assert status_of(coins) == Status.OPEN


# --- ignore and alarm --------------------------------------------------------------------------------------


def test_ignore_is_kept_and_journalled_once(caller: Caller, coins: Stranger) -> None:
    for _ in range(2):
        answer = do(caller, coins, "ignore")
        assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
    assert "token" in answer.json()["decided_by"]
    assert AuditRow.objects.filter(action="stranger.ignored").count() == 1


def test_alarm_raises_an_alert_that_ends_when_it_is_ignored(caller: Caller, coins: Stranger) -> None:
    for _ in range(2):
        assert do(caller, coins, "alarm").status_code == 200
    alert = alerts.open_alerts(coins.account.name).get()
    assert (alert.code, alert.message, alert.times) == (
        "stranger",
        "0.7 ETH are in the account beyond our book.",
        1,
    )
    do(caller, coins, "ignore")
    assert open_alerts_of(coins) == 0


def test_what_is_gone_is_not_decided_any_more(caller: Caller, market: Account) -> None:
    row = a_finding(market, status=Status.GONE)
    for act in ("protect", "ignore", "alarm"):
        assert do(caller, row, act).json()["code"] == "not_offered"


def test_each_act_takes_its_right(market: Account, coins: Stranger) -> None:
    clerk = Caller(factories.a_token(factories.a_user("brackets.decide_stranger")))
    trader = Caller(factories.a_token(factories.a_user("trading.trade")))
    assert clerk.get("strangers/").status_code == 403
    assert do(clerk, coins, "protect").status_code == 403
    assert do(trader, coins, "ignore").status_code == 403
    assert do(trader, coins, "alarm").status_code == 403
    assert status_of(coins) == Status.OPEN
    assert do(clerk, coins, "ignore").status_code == 200
    assert do(trader, coins, "protect").status_code == 200


def test_an_unknown_finding_is_named(caller: Caller) -> None:
    answer = caller.post("strangers/77/ignore/", {})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_stranger")


# --- admin -----------------------------------------------------------------------------------------------


@pytest.fixture
def desk(coins: Stranger, admin_user: Any, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def address(row: Stranger, act: str) -> str:
    return reverse("admin:brackets_stranger_act", args=[row.pk, act])


def listed(client: Client) -> str:
    return client.get(reverse("admin:brackets_stranger_changelist")).content.decode()


def test_the_list_and_the_first_page_have_a_button_for_each_act(desk: Client, coins: Stranger) -> None:
    first = desk.get(reverse("admin:index")).content.decode()
    for act in ("protect", "ignore", "alarm"):
        assert address(coins, act) in listed(desk)
        assert address(coins, act) in first


def test_where_it_would_only_be_refused_a_sentence_stands_instead_of_the_button(
    desk: Client, coins: Stranger
) -> None:
    trade = factories.open_trade()
    for page in (listed(desk), desk.get(reverse("admin:index")).content.decode()):
        assert address(coins, "protect") not in page
        assert address(coins, "ignore") in page
        assert f"protect: Trade {trade.pk} in ETH is open" in page


def test_a_button_is_asked_twice(desk: Client, coins: Stranger) -> None:
    asked = desk.post(address(coins, "ignore"), follow=True).content.decode()
    assert "It is left alone" in asked
    assert status_of(coins) == Status.OPEN
    said = desk.post(address(coins, "ignore"), {"confirmed": "yes"}, follow=True).content.decode()
    assert f"Finding {coins.pk} is ignored." in said
    assert status_of(coins) == Status.IGNORED


def test_the_button_protects_by_the_houses_rule(desk: Client, coins: Stranger) -> None:
    desk.post(address(coins, "protect"), {"confirmed": "yes"})
    assert status_of(coins) == Status.PROTECTED
    assert Trade.objects.get().bracket_id == coins.bracket_id
    assert Command.objects.get().actor == "root (admin)"


def test_a_refusal_is_said(desk: Client, coins: Stranger) -> None:
    factories.open_trade()
    said = desk.post(address(coins, "protect"), {"confirmed": "yes"}, follow=True).content.decode()
    assert "Protect: " in said
    assert status_of(coins) == Status.OPEN


def test_a_button_is_a_post_of_somebody_who_may(desk: Client, coins: Stranger, client: Client) -> None:
    assert desk.get(address(coins, "ignore")).status_code == 405
    client.force_login(factories.a_user("brackets.view_stranger"))
    assert address(coins, "ignore") not in listed(client)
    assert client.post(address(coins, "ignore"), {"confirmed": "yes"}).status_code == 403


def test_what_is_not_offered_has_no_button(desk: Client, market: Account) -> None:
    order = a_finding(market, Kind.ORDER)
    page = listed(desk)
    assert address(order, "protect") not in page
    assert address(order, "alarm") in page
    assert "not ours to guard" in page
