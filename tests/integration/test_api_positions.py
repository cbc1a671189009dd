"""Sell, edit, protect and liquidate-all as scripts meet them: codes of HTTP, shapes, keys and rights."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from brackets.models import Account, AssetBalance, Quote
from risk.models import AuditRow, SystemConfig
from tests import factories
from tests.integration.conftest import Caller
from trading.models import Command, Trade

PROBLEM = "application/problem+json"
ASKS: dict[str, dict[str, Any]] = {
    "sell": {"symbol": "ETH/USD", "amount_token": "0.005"},
    "edit": {"trade": 1, "stop_loss_price": "2460"},
    "protect": {"symbol": "SOL/USD", "quantity": "1.5"},
    "liquidate-all": {"reason": "fire"},
}
RIGHTS = {"liquidate-all": "trading.liquidate"}


@pytest.fixture
def trade(market: Account) -> Trade:
    """A protected position in ETH, and 2 SOL of the owner's."""
    factories.InstrumentFactory(account=market, symbol="SOL/USD")
    factories.AssetBalanceFactory(account=market, asset="SOL", total=Decimal(2))
    Account.objects.update(balances_read_at=timezone.now() + timedelta(seconds=10))  # newer than any change
    return factories.protect(factories.open_trade())


def asked(kind: str, trade: Trade) -> dict[str, Any]:
    return {**ASKS[kind], "trade": trade.pk} if kind == "edit" else ASKS[kind]


@pytest.mark.parametrize("kind", ASKS)
def test_it_is_202_with_the_command_as_soon_as_the_intent_is_stored(
    caller: Caller, trade: Trade, kind: str
) -> None:
    answer = caller.post(f"commands/{kind}/", asked(kind, trade))
    assert answer.status_code == 202
    body = answer.json()
    assert (body["kind"], body["status"], body["denials"]) == (kind, "accepted", [])
    assert set(body) == {"id", "kind", "status", "denials", "trade", "trades", "orders", "message"}
    about = Trade.objects.get(symbol="SOL/USD") if kind == "protect" else trade
    assert body["trades"] == [about.pk]
    assert body["trade"] == (None if kind == "liquidate-all" else about.pk)
    assert caller.get(f"commands/{body['id']}/").json() == body
    assert AuditRow.objects.filter(action=f"command.{kind}", actor__startswith="root (token ").count() == 1


@pytest.mark.parametrize("kind", ASKS)
def test_the_same_key_is_the_same_command_and_another_body_is_422(
    caller: Caller, trade: Trade, kind: str
) -> None:
    key = {"Idempotency-Key": "abc"}
    body = asked(kind, trade)
    first, again = (caller.post(f"commands/{kind}/", body, **key) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = {**body, "reason": "flood"} if kind == "liquidate-all" else {**body, **OTHER[kind]}
    assert caller.post(f"commands/{kind}/", other, **key).status_code == 422
    assert Command.objects.count() == 1


OTHER: dict[str, dict[str, str]] = {
    "sell": {"amount_token": "0.006"},
    "edit": {"stop_loss_price": "2461"},
    "protect": {"quantity": "1"},
}


@pytest.mark.parametrize("kind", ASKS)
def test_without_its_right_it_is_403_and_without_a_token_401(trade: Trade, kind: str) -> None:
    body = asked(kind, trade)
    assert Caller(None).post(f"commands/{kind}/", body).status_code == 401
    right = RIGHTS.get(kind, "trading.trade")
    others = {"trading.trade", "trading.liquidate", "trading.pause"} - {right}
    without = Caller(factories.a_token(factories.a_user(*others)))
    refused = without.post(f"commands/{kind}/", body)
    assert (refused.status_code, refused.json()["limit"]) == (403, right)
    assert Command.objects.count() == 0
    allowed = Caller(factories.a_token(factories.a_user(right)))
    assert allowed.post(f"commands/{kind}/", body).status_code == 202


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("sell", {}, "symbol"),
        ("sell", {"symbol": "ETH/USD", "amount_token": "-1"}, "amount_token"),
        ("sell", {"symbol": "FOO/USD"}, "symbol"),
        ("edit", {"trade": 1}, "stop_loss_price"),
        ("edit", {"trade": "x", "stop_loss_price": "1"}, "trade"),
        ("protect", {"symbol": "ETH/USD"}, "quantity"),
        (
            "protect",
            {"symbol": "ETH/USD", "quantity": "1", "take_profit_price": "1.001"},
            "take_profit_price",
        ),
        ("liquidate-all", {}, "reason"),
        ("liquidate-all", {"reason": "x", "symbol": "ETH/USD"}, "symbol"),
    ],
)
def test_what_is_malformed_is_400_by_its_field(
    caller: Caller, trade: Trade, kind: str, body: dict[str, Any], field: str
) -> None:
    answer = caller.post(f"commands/{kind}/", body)
    assert (answer.status_code, answer["Content-Type"], answer.json()["field"]) == (400, PROBLEM, field)
    assert Command.objects.count() == 0


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("sell", {"symbol": "SOL/USD"}, "no_open_trade"),
        ("sell", {"symbol": "ETH/USD", "amount_token": "1"}, "more_than_held"),
        ("edit", {"stop_loss_price": "2300"}, "stop_below_approved"),
        ("protect", {"symbol": "SOL/USD", "quantity": "2.00000001"}, "insufficient_coins"),
        ("protect", {"symbol": "ETH/USD", "quantity": "1"}, "position_open"),
    ],
)
def test_what_is_denied_is_409_with_its_reason(
    caller: Caller, trade: Trade, kind: str, body: dict[str, Any], code: str
) -> None:
    before = factories.everything_written()
    answer = caller.post(f"commands/{kind}/", {"trade": trade.pk, **body} if kind == "edit" else body)
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/json")
    assert answer.json()["denials"][0]["code"] == code
    assert factories.everything_written() == before


def test_editing_an_unknown_trade_is_404_naming_it(caller: Caller, trade: Trade) -> None:
    answer = caller.post("commands/edit/", {"trade": 4711, "stop_loss_price": "2460"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_trade")
    assert "4711" in answer.json()["detail"]


def test_before_recovery_exits_pass_and_what_binds_coins_waits(caller: Caller, trade: Trade) -> None:
    Account.objects.update(recovered_at=None)
    waits = caller.post("commands/protect/", ASKS["protect"])
    assert (waits.status_code, waits["Retry-After"]) == (503, "2")
    for kind in ("edit", "sell", "liquidate-all"):
        assert caller.post(f"commands/{kind}/", asked(kind, trade)).status_code == 202


def test_the_kill_switch_works_while_the_venue_is_away(caller: Caller, trade: Trade) -> None:
    Quote.objects.all().delete()  # no price is known, and nobody answers for one
    assert caller.post("commands/liquidate-all/", {"reason": "fire"}).status_code == 202
    assert SystemConfig.objects.get().system_status == "PAUSED"
    trade.bracket.refresh_from_db()
    assert trade.bracket.state == "EXITING"
    edited = caller.post("commands/edit/", {"trade": trade.pk, "stop_loss_price": "2460"})
    assert edited.json()["denials"][0]["code"] == "venue_unreachable"


def test_a_protected_trade_is_shown_from_the_moment_its_command_is_accepted(
    caller: Caller, trade: Trade
) -> None:
    answer = caller.post("commands/protect/", ASKS["protect"])
    shown = caller.get(f"trades/{answer.json()['trade']}/").json()
    assert (shown["status"], shown["source"], shown["quantity"]) == ("OPEN", "protect", "1.5")
    assert shown["entry_price"] == "149.99"
    bracket = caller.get(f"brackets/{shown['bracket']}/").json()
    assert (bracket["entry_type"], bracket["coins"]) == ("held", "1.5")
    (order,) = (caller.get(f"orders/{key}/").json() for key in answer.json()["orders"])
    assert (order["role"], order["side"], order["post_only"], order["limit_price"]) == (
        "stop",
        "sell",
        False,
        None,
    )


def test_a_limit_entry_shows_its_price_and_that_it_is_post_only(caller: Caller, market: Account) -> None:
    answer = caller.post(
        "commands/buy/", {"symbol": "BTC/USD", "amount_usd": "50", "entry_type": "limit"}
    ).json()
    (order,) = (caller.get(f"orders/{key}/").json() for key in answer["orders"])
    assert (order["limit_price"], order["post_only"], order["trigger_price"]) == ("59999.99", True, None)


def test_the_number_of_queries_does_not_grow_with_the_commands(
    caller: Caller, trade: Trade, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        caller.post("commands/liquidate-all/", {"reason": f"drill {number}"})
    with django_assert_max_num_queries(14):
        assert len(caller.get("commands/").json()["results"]) == 6


def test_status_and_config_speak_of_limit_brackets(caller: Caller, market: Account) -> None:
    assert caller.patch("config/", {"execution_mode": "LIMIT_BRACKET"}).status_code == 200
    assert caller.get("status/").json()["execution_mode"] == "LIMIT_BRACKET"
    answer = caller.post("commands/buy/", {"symbol": "BTC/USD", "amount_usd": "50"}).json()
    assert Trade.objects.get(pk=answer["trade"]).bracket.entry_terms is not None


def test_both_legs_may_be_asked_to_rest_only_where_the_probe_says_so(caller: Caller, market: Account) -> None:
    for probed, status in ((None, 400), (False, 400), (True, 200)):
        Account.objects.update(both_rest_works=probed)
        answer = caller.patch("config/", {"leg_policy": "both_rest"})
        assert answer.status_code == status
    Account.objects.update(both_rest_works=False)  # a later probe: the policy falls back by itself
    asks = {"symbol": "ETH/USD", "amount_usd": "50"}
    SystemConfig.objects.update(execution_mode="LIMIT_BRACKET")
    opened = caller.post("commands/buy/", asks).json()
    assert Trade.objects.get(pk=opened["trade"]).bracket.policy == "nearest"


def test_swap_distances_are_judged_together(caller: Caller, market: Account) -> None:
    answer = caller.patch("config/", {"swap_in_bps": "30"})
    assert (answer.status_code, answer.json()["field"]) == (400, "swap_out_bps")
    assert "60" in answer.json()["detail"]
    assert caller.patch("config/", {"swap_in_bps": "30", "swap_out_bps": "60"}).status_code == 200


def test_where_no_balance_was_read_nobody_knows_what_is_free(caller: Caller, trade: Trade) -> None:
    AssetBalance.objects.filter(asset="SOL").delete()
    Account.objects.update(first_balances_at=None, balances_read_at=None)
    denied = caller.post("commands/protect/", ASKS["protect"]).json()["denials"]
    assert "was never read" in denied[0]["message"]
