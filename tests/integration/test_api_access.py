"""Who may do what: tokens, rights, and what the API says to those who may not."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from brackets.models import Account
from risk.models import AuditRow
from tests import factories
from tests.integration.conftest import Caller
from trading import tokens
from trading.models import ApiToken, Command

PROBLEM = "application/problem+json"


def test_without_a_token_status_tells_only_that_it_is_alive(market: Account) -> None:
    answer = Caller(None).get("status/")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


@pytest.mark.parametrize("path", ["trades/", "brackets/1/", "config/", "commands/"])
def test_without_a_token_everything_else_is_401_with_a_challenge(market: Account, path: str) -> None:
    answer = Caller(None).get(path)
    assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM)
    assert answer["WWW-Authenticate"].startswith("Token")
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize(
    "header", ["Token nonsense", "Bearer nonsense", "Token", "Token a b", "Basic YTpi", "Token \xe4"]
)
def test_a_bad_token_is_401_even_for_status(market: Account, header: str) -> None:
    answer = Caller(None).get("status/", Authorization=header)
    assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM)


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "bearer"])
def test_both_schemes_are_taken(market: Account, admin_user: Any, scheme: str) -> None:
    token = factories.a_token(admin_user)
    answer = Caller(None).get("status/", Authorization=f"{scheme} {token}")
    assert answer.status_code == 200
    assert answer.json()["mode"] == "demo"


def test_only_the_digest_of_a_token_is_kept(admin_user: Any) -> None:
    token = factories.a_token(admin_user)
    kept = ApiToken.objects.get()
    assert kept.digest == tokens.digest(token)
    assert token not in str(vars(kept))
    assert token not in str(list(AuditRow.objects.values()))


def test_a_revoked_token_is_refused(market: Account, admin_user: Any) -> None:
    caller = Caller(factories.a_token(admin_user))
    assert caller.get("trades/").status_code == 200
    assert tokens.revoke(ApiToken.objects.get(), actor="test")
    assert caller.get("trades/").status_code == 401
    assert not tokens.revoke(ApiToken.objects.get(), actor="test")


def test_an_inactive_user_is_refused(market: Account, admin_user: Any) -> None:
    caller = Caller(factories.a_token(admin_user))
    admin_user.is_active = False
    admin_user.save()
    assert caller.get("trades/").status_code == 401


def test_a_tokens_use_is_noted_once_a_minute(
    market: Account, admin_user: Any, django_assert_num_queries: Any
) -> None:
    caller = Caller(factories.a_token(admin_user))
    caller.get("fills/")
    assert ApiToken.objects.get().last_used_at is not None
    with django_assert_num_queries(3):  # the token, the account, the rows: nothing is written
        caller.get("fills/")


ASKS = {
    "buy": {"symbol": "ETH/USD", "amount_usd": "50"},
    "force-test": {"symbol": "ETH/USD", "amount_usd": "10"},
    "close": {"trade": 1},
    "pause": {"reason": "x"},
    "resume": {"reason": "x"},
    "release": {"trade": 1, "reason": "x"},
}


@pytest.mark.parametrize("kind", ASKS)
def test_a_viewer_may_read_and_not_command(market: Account, kind: str) -> None:
    viewer = Caller(factories.a_token(factories.a_user("trading.view_trade")))
    assert viewer.get("trades/").status_code == 200
    assert viewer.get("brackets/").status_code == 403
    answer = viewer.post(f"commands/{kind}/", ASKS[kind])
    assert (answer.status_code, answer["Content-Type"]) == (403, PROBLEM)
    assert answer.json()["code"] == "forbidden"
    assert Command.objects.count() == 0


def test_a_viewer_may_not_change_the_configuration(market: Account) -> None:
    viewer = Caller(factories.a_token(factories.a_user("risk.view_systemconfig")))
    assert viewer.get("config/").status_code == 200
    assert viewer.patch("config/", {"maximum_notional": "5"}).status_code == 403


def test_each_right_opens_its_own_doors(market: Account) -> None:
    trader = Caller(factories.a_token(factories.a_user("trading.trade")))
    guard = Caller(factories.a_token(factories.a_user("trading.pause")))
    clerk = Caller(factories.a_token(factories.a_user("risk.change_systemconfig")))
    assert trader.post("commands/buy/", ASKS["buy"]).status_code == 202
    assert trader.post("commands/pause/", ASKS["pause"]).status_code == 403
    assert guard.post("commands/pause/", ASKS["pause"]).status_code == 202
    assert guard.post("commands/buy/", ASKS["buy"]).status_code == 403
    assert clerk.patch("config/", {"maximum_notional": "5"}).status_code == 200
    assert clerk.post("commands/pause/", ASKS["pause"]).status_code == 403
    assert clerk.patch("config/", {"system_status": "PAUSED"}).status_code == 403


def test_api_token_prints_a_token_and_nothing_else(market: Account, admin_user: Any) -> None:
    printed = StringIO()
    call_command("api_token", "root", stdout=printed)
    words = printed.getvalue().split()
    assert len(words) == 1
    assert Caller(words[0]).get("trades/").status_code == 200


def test_an_earlier_token_stays_valid(market: Account, admin_user: Any) -> None:
    first = factories.a_token(admin_user)
    call_command("api_token", "root", stdout=StringIO())
    assert Caller(first).get("trades/").status_code == 200


def test_api_token_of_nobody_is_an_error_and_makes_none(db: None) -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("api_token", "nobody", stdout=StringIO())
    assert ApiToken.objects.count() == 0
