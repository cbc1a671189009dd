"""A held position: what an operator is told by REST and admin, and the command that lets it go on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from brackets import operations
from brackets.core.events import HoldRequested
from brackets.core.states import OrderStatus, State
from brackets.models import Account, Bracket, Quote
from risk.core.plain import text as plain
from risk.models import AuditRow
from tests import factories
from tests.integration.conftest import Caller
from trading.models import Command, Trade

WHY = "two facts that cannot both be true"


@pytest.fixture
def trade(market: Account) -> Trade:
    """A protected position that was put on hold."""
    trade = factories.protect(factories.open_trade())
    put_on_hold(trade)
    return trade


def put_on_hold(trade: Trade) -> None:
    operations.apply(trade.bracket_id, HoldRequested(at=timezone.now(), reason=WHY), actor="test")


def state(trade: Trade) -> str:
    return Bracket.objects.get(pk=trade.bracket_id).state


def release(caller: Caller, trade: Trade, **more: Any) -> Any:
    return caller.post("commands/release/", {"trade": trade.pk, "reason": "looked", **more})


def test_the_bracket_tells_what_is_known_and_what_may_be_done(caller: Caller, trade: Trade) -> None:
    held = caller.get(f"brackets/{trade.bracket_id}/").json()["held"]
    assert held["why"] == WHY
    assert any("rests at the venue as" in sentence for sentence in held["known"])
    assert [(act["command"], act["offered"]) for act in held["actions"]] == [
        ("close", True),
        ("release", True),
        ("liquidate-all", True),
    ]


def test_a_later_alarm_does_not_hide_why_it_is_held(caller: Caller, trade: Trade) -> None:
    Bracket.objects.update(alarm="something else")
    assert caller.get(f"brackets/{trade.bracket_id}/").json()["held"]["why"] == WHY


def test_a_bracket_that_is_not_held_tells_nothing(caller: Caller, market: Account) -> None:
    trade = factories.protect(factories.open_trade())
    assert caller.get(f"brackets/{trade.bracket_id}/").json()["held"] is None


def test_a_release_lets_it_go_on(caller: Caller, trade: Trade) -> None:
    answer = release(caller, trade)
    assert (answer.status_code, answer.json()["status"]) == (202, "done")
    assert answer.json()["message"] == f"bracket {trade.bracket_id} is BRACKET_ACTIVE now"
    assert state(trade) == State.BRACKET_ACTIVE
    row = AuditRow.objects.get(action="bracket.ReleaseRequested")
    assert row.payload["event"] == {"reason": "looked"}
    assert "token" in row.actor


def test_it_passes_when_paused(caller: Caller, trade: Trade) -> None:
    caller.post("commands/pause/", {"reason": "x"})
    assert release(caller, trade).status_code == 202


def test_what_is_not_held_cannot_be_released(caller: Caller, market: Account) -> None:
    trade = factories.protect(factories.open_trade())
    answer = release(caller, trade)
    assert answer.status_code == 409
    assert [denial["code"] for denial in answer.json()["denials"]] == ["not_held"]
    assert state(trade) == State.BRACKET_ACTIVE


def test_what_its_facts_do_not_let_go_on_stays_held_and_says_why(caller: Caller, trade: Trade) -> None:
    stop = trade.bracket.orders.get(role="stop")
    sold = {"status": OrderStatus.FILLED, "filled": stop.quantity, "average_price": Decimal(2400)}
    factories.report(trade, stop, stop.venue_order_id, triggered=True, **sold)
    answer = release(caller, trade)
    assert answer.status_code == 409
    (denial,) = answer.json()["denials"]
    assert denial["code"] == "not_releasable"
    assert "No coins are left" in denial["message"]
    assert state(trade) == State.HELD


def test_released_twice_with_one_key_is_one_release(caller: Caller, trade: Trade) -> None:
    body = {"trade": trade.pk, "reason": "looked"}
    headers = {"Idempotency-Key": "once"}
    first = caller.post("commands/release/", body, **headers)
    second = caller.post("commands/release/", body, **headers)
    assert first.json()["id"] == second.json()["id"]
    assert Command.objects.count() == 1


def test_an_unknown_trade_is_named(caller: Caller) -> None:
    answer = caller.post("commands/release/", {"trade": 77, "reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_trade")


def test_a_reason_is_required(caller: Caller, trade: Trade) -> None:
    answer = caller.post("commands/release/", {"trade": trade.pk})
    assert (answer.status_code, answer.json()["field"]) == (400, "reason")


# --- what it would sell now -------------------------------------------------------------------------------


def bid(price: Decimal, *, seconds: int = 0) -> None:
    """The newest price of every pair, read so many seconds ago."""
    Quote.objects.update(bid=price, read_at=timezone.now() - timedelta(seconds=seconds))


def target_of(trade: Trade) -> Decimal:
    return Bracket.objects.get(pk=trade.bracket_id).target_price


def does(caller: Caller, trade: Trade) -> dict[str, str]:
    held = caller.get(f"brackets/{trade.bracket_id}/").json()["held"]
    return {act["command"]: act["does"] for act in held["actions"]}


def test_a_release_that_sells_at_once_says_so_first(caller: Caller, trade: Trade) -> None:
    bid(target_of(trade) - 1)
    assert "sells" not in does(caller, trade)["release"].split(". ")[0]
    bid(target_of(trade) + 1)
    said = does(caller, trade)
    assert said["release"].startswith("This sells ")
    assert "is above the target of " in said["release"].split(". ")[0]
    assert "this sells " in said["close"]


def test_a_bid_that_is_old_is_none(caller: Caller, trade: Trade) -> None:
    bid(target_of(trade) + 1, seconds=40)
    assert "This sells" not in does(caller, trade)["release"]
    held = caller.get(f"brackets/{trade.bracket_id}/").json()["held"]
    assert held["prices"]["bid"] is None
    assert Decimal(held["prices"]["target"]) == target_of(trade)


# --- admin -----------------------------------------------------------------------------------------------


@pytest.fixture
def desk(trade: Trade, admin_user: Any, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def page(client: Client, trade: Trade) -> str:
    return client.get(reverse("admin:brackets_bracket_change", args=[trade.bracket_id])).content.decode()


def test_the_page_of_a_held_bracket_says_it_and_has_the_buttons(desk: Client, trade: Trade) -> None:
    said = page(desk, trade)
    assert WHY in said
    assert "rests at the venue as" in said
    assert reverse("admin:trading_command_release") in said
    assert reverse("admin:trading_command_close") in said


@pytest.mark.parametrize("kind", ["release", "close"])
def test_page_and_confirmation_show_bid_stop_and_target(desk: Client, trade: Trade, kind: str) -> None:
    bid(target_of(trade) + 1)
    shown = f"<td>{plain(target_of(trade) + 1)}</td>"
    assert shown in page(desk, trade)
    fields = {"trade": str(trade.pk), "reason": "looked"}
    asked = desk.post(reverse(f"admin:trading_command_{kind}"), fields).content.decode()
    assert shown in asked
    for name in ("bid", "stop", "target"):
        assert f"<th>{name}</th>" in asked
    assert "his sells" in asked
    assert state(trade) == State.HELD


def test_who_may_only_look_has_no_buttons(trade: Trade, client: Client) -> None:
    client.force_login(factories.a_user("brackets.view_bracket"))
    said = page(client, trade)
    assert WHY in said
    assert reverse("admin:trading_command_release") not in said


def test_the_page_of_any_other_bracket_has_none(trade: Trade, desk: Client, caller: Caller) -> None:
    release(caller, trade)
    said = page(desk, trade)
    assert reverse("admin:trading_command_release") not in said


def test_a_release_is_asked_twice(desk: Client, trade: Trade) -> None:
    fields = {"trade": str(trade.pk), "reason": "looked"}
    asked = desk.post(reverse("admin:trading_command_release"), fields, follow=True)
    assert state(trade) == State.HELD
    assert "Goes on as if it had just been bought" in asked.content.decode()
    desk.post(reverse("admin:trading_command_release"), {**fields, "confirmed": "yes"}, follow=True)
    assert state(trade) == State.BRACKET_ACTIVE
