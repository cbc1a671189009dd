"""The configuration over REST and `manage.py config`: validated whole, journalled, nothing half changed."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from brackets.models import Account
from risk.models import AuditRow, SystemConfig
from tests.integration.conftest import Caller


def test_get_shows_numbers_as_text_and_switches_as_booleans(caller: Caller) -> None:
    config = caller.get("config/").json()
    assert (config["maximum_notional"], config["maximum_open_trades"]) == ("1000", "6")
    assert (config["is_trading_active"], config["execution_mode"]) == (True, "MARKET_ONLY")


def test_a_part_can_be_changed_and_is_journalled(caller: Caller) -> None:
    answer = caller.patch("config/", {"maximum_notional": "250.50", "maximum_open_trades": 3})
    assert answer.status_code == 200
    assert (answer.json()["maximum_notional"], answer.json()["maximum_open_trades"]) == ("250.5", "3")
    row = AuditRow.objects.get(action="config.change")
    assert row.payload == {
        "before": {"maximum_notional": "1000", "maximum_open_trades": "6"},
        "after": {"maximum_notional": "250.5", "maximum_open_trades": "3"},
    }
    assert row.actor.startswith("root (token ")


def test_the_whole_can_be_sent_back(caller: Caller) -> None:
    whole = caller.get("config/").json()
    answer = caller.patch("config/", {**whole, "is_trading_active": False})
    assert answer.json() == {**whole, "is_trading_active": False}
    assert AuditRow.objects.get(action="config.change").payload["after"] == {"is_trading_active": False}


def test_what_is_already_so_writes_nothing(caller: Caller) -> None:
    caller.patch("config/", caller.get("config/").json())
    assert not AuditRow.objects.filter(action="config.change").exists()


def test_a_change_leaves_what_the_machine_measured_alone(caller: Caller, market: Account) -> None:
    SystemConfig.objects.update(equity=Decimal("123.45"))
    caller.patch("config/", {"maximum_notional": "5"})
    assert SystemConfig.objects.get().equity == Decimal("123.45")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maximum_notional", "-1"),
        ("maximum_notional", "NaN"),
        ("maximum_notional", "100000000000"),
        ("maximum_notional", "0.00000000001"),
        ("maximum_notional", True),
        ("maximum_notional", None),
        ("maximum_notional", []),
        ("maximum_open_trades", "1.5"),
        ("maximum_open_trades", 99999),
        ("maximum_open_trades", -1),
        ("stop_ratio", "0.95"),
        ("atr_minutes", 7),
        ("is_trading_active", "maybe"),
        ("is_trading_active", 1),
        ("system_status", "SLEEPING"),
        ("system_status", ""),
        ("execution_mode", "LIMIT"),
        ("leg_policy", "both_rest"),  # never probed
        ("leg_policy", "none"),
        ("swap_in_bps", "0.5"),
        ("swap_in_bps", "5001"),
        ("swap_out_bps", "39.99"),  # less than twice swap_in_bps
        ("entry_offset_bps", "-1"),
        ("entry_offset_ticks", "1.5"),
        ("entry_timeout_seconds", "4"),
        ("entry_timeout_seconds", "28801"),
        ("entry_most_reprices", 1001),
        ("entry_reprice_seconds", 0),
        ("entry_reprice_bps", "-0.1"),
        ("entry_runaway_bps", "5000.1"),
        ("entry_on_timeout", "wait"),
        ("entry_on_runaway", ""),
        ("entry_stop", "none"),
        ("equity", "1000000"),
        ("id", 2),
        ("account", "live"),
        ("nonsense", "1"),
    ],
)
def test_a_bad_value_is_400_by_name_and_changes_nothing(caller: Caller, name: str, value: Any) -> None:
    before = SystemConfig.objects.values().get()
    answer = caller.patch("config/", {"maximum_open_trades": "2", name: value})
    assert (answer.status_code, answer.json()["field"]) == (400, name)
    assert name in answer.json()["detail"]
    assert SystemConfig.objects.values().get() == before
    assert not AuditRow.objects.filter(action="config.change").exists()


def run(*words: str) -> str:
    printed = StringIO()
    call_command("config", *words, stdout=printed)
    return printed.getvalue()


def test_the_command_gets_all_one_and_sets(market: Account) -> None:
    assert "maximum_notional 1000\n" in run("get")
    assert run("get", "maximum_notional") == "1000\n"
    assert run("set", "maximum_notional", "77.5") == "maximum_notional 77.5\n"
    assert run("set", "is_trading_active", "false") == "is_trading_active false\n"
    assert SystemConfig.objects.get().maximum_notional == Decimal("77.5")
    assert AuditRow.objects.filter(action="config.change", actor="manage.py config").count() == 2


@pytest.mark.parametrize(
    "words", [("get", "nonsense"), ("set", "nonsense", "1"), ("set", "maximum_notional", "-1")]
)
def test_the_command_refuses_by_name(market: Account, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=words[1]):
        run(*words)
    assert not AuditRow.objects.exists()
