"""What the API shows: status, lists in pages, filters, one row each, and nothing asked twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from brackets.models import Account, Lease
from risk.models import SystemConfig
from tests import factories
from tests.integration.conftest import Caller
from trading.models import Trade

TRADE = {
    "id",
    "symbol",
    "side",
    "source",
    "status",
    "quantity",
    "entry_price",
    "entry_at",
    "initial_stop_loss_price",
    "stop_loss_price",
    "take_profit_price",
    "exit_price",
    "exit_at",
    "exit_reason",
    "realized_pnl",
    "fees",
    "r_multiple",
    "bracket",
}
STATUS = {
    "mode",
    "system_status",
    "is_trading_active",
    "execution_mode",
    "autopilot_enabled",
    "equity",
    "high_water_mark",
    "drawdown",
    "open_trades",
    "watch",
    "cluster",
    "venue",
    "recovering",
    "recovering_because",
    "strangers",
    "alerts",
    "storage",
    "version",
}
LISTS = ["trades", "brackets", "orders", "fills", "events", "commands"]


def test_status_tells_how_the_house_stands(caller: Caller) -> None:
    SystemConfig.objects.update(equity=Decimal("9900.5"), high_water_mark=Decimal("10000"))
    now = timezone.now()
    Lease.objects.create(name="watch:demo", holder="me", renewed_at=now - timedelta(seconds=2))
    factories.open_trade()
    status = caller.get("status/").json()
    assert set(status) == STATUS
    assert (status["equity"], status["high_water_mark"], status["drawdown"]) == ("9900.5", "10000", "99.5")
    assert (status["mode"], status["system_status"], status["execution_mode"]) == (
        "demo",
        "ACTIVE",
        "MARKET_ONLY",
    )
    assert (status["is_trading_active"], status["autopilot_enabled"]) == (True, False)
    assert (status["open_trades"], status["recovering"]) == ("1", False)
    assert status["watch"]["alive"] is True
    assert Decimal("2") <= Decimal(status["watch"]["lag_seconds"]) < Decimal("5")
    assert status["venue"] == {"reachable": True, "system": "online", "error": None}


def test_status_knows_a_dead_watch_and_a_venue_that_is_away(caller: Caller) -> None:
    now = timezone.now()
    Lease.objects.create(name="watch:demo", holder="me", renewed_at=now - timedelta(seconds=60))
    Account.objects.update(venue_error="connection refused", recovered_at=None)
    status = caller.get("status/").json()
    assert status["watch"]["alive"] is False
    assert Decimal(status["watch"]["lag_seconds"]) >= 60
    assert (status["venue"]["reachable"], status["recovering"]) == (False, True)


def test_a_venue_not_seen_for_long_is_not_called_reachable(caller: Caller) -> None:
    Account.objects.update(venue_seen_at=timezone.now() - timedelta(minutes=10))
    assert caller.get("status/").json()["venue"]["reachable"] is False


def test_an_open_trade_without_fill(caller: Caller) -> None:
    trade = factories.open_trade()
    shown = caller.get(f"trades/{trade.pk}/").json()
    assert set(shown) == TRADE
    assert shown["quantity"] == "0.01999992"
    assert (shown["status"], shown["source"], shown["side"]) == ("OPEN", "command", "buy")
    assert (shown["entry_price"], shown["entry_at"], shown["exit_reason"]) == (None, None, None)
    assert (shown["stop_loss_price"], shown["realized_pnl"], shown["fees"]) == ("2450", None, "0")
    assert shown["bracket"] == trade.bracket_id


def test_a_closed_trade_states_its_end_and_its_money(caller: Caller) -> None:
    trade = factories.close_by_stop(factories.protect(factories.open_trade()))
    shown = caller.get(f"trades/{trade.pk}/").json()
    assert (shown["status"], shown["exit_reason"], shown["exit_price"]) == ("CLOSED", "stop_loss", "2450")
    quantity = Decimal("0.01999992")
    fees = quantity * (Decimal("2500.01") + Decimal("2450")) * Decimal("0.004")
    pnl = quantity * (Decimal("2450") - Decimal("2500.01")) - fees
    assert abs(Decimal(shown["realized_pnl"]) - pnl) < Decimal("1E-9")
    assert abs(Decimal(shown["fees"]) - fees) < Decimal("1E-9")


def test_times_are_utc_with_z(caller: Caller) -> None:
    trade = factories.protect(factories.open_trade())
    text = caller.get(f"trades/{trade.pk}/").json()["entry_at"]
    assert text.endswith("Z")
    assert datetime.fromisoformat(text).astimezone(UTC) == trade.entry_at


def test_a_bracket_shows_both_legs_with_custody_and_orders(caller: Caller) -> None:
    trade = factories.protect(factories.open_trade())
    shown = caller.get(f"brackets/{trade.bracket_id}/").json()
    assert set(shown) == {
        "id",
        "trade",
        "symbol",
        "state",
        "policy",
        "entry_type",
        "coins",
        "exit_reason",
        "alarm",
        "alarm_at",
        "legs",
        "unprotected_seconds",
        "unstopped_seconds",
        "sentinel",
        "held",
    }
    assert (shown["state"], shown["policy"], shown["trade"]) == ("BRACKET_ACTIVE", "stop_rests", trade.pk)
    stop_order = trade.bracket.orders.get(role="stop")
    assert shown["legs"] == [
        {
            "kind": "stop",
            "custody": "RESTING",
            "price": "2450",
            "quantity": "0.01999992",
            "orders": [stop_order.pk],
        },
        {"kind": "target", "custody": "WATCHED", "price": "2600.03", "quantity": "0.01999992", "orders": []},
    ]
    assert Decimal(shown["unprotected_seconds"]) < 5


def test_orders_fills_and_events_belong_to_their_bracket(caller: Caller) -> None:
    trade = factories.close_by_stop(factories.protect(factories.open_trade()))
    for name in ("orders", "fills", "events"):
        rows = caller.get(f"{name}/").json()["results"]
        assert rows and {row["bracket"] for row in rows} == {trade.bracket_id}
        assert {row["symbol"] for row in rows} == {"ETH/USD"}
        assert caller.get(f"{name}/{rows[0]['id']}/").json() == rows[0]
    stop = caller.get("orders/?status=filled").json()["results"][0]
    assert (stop["role"], stop["side"], stop["triggered"], stop["leaves_quantity"]) == (
        "stop",
        "sell",
        True,
        "0",
    )


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_results_next_and_previous(caller: Caller, name: str) -> None:
    answer = caller.get(f"{name}/")
    assert answer.status_code == 200
    assert answer.json() == {"results": [], "next": None, "previous": None}
    assert answer["Content-Type"] == "application/json"
    assert "no-store" in answer["Cache-Control"]


def test_pages_lead_to_each_other_without_gap_or_repeat(caller: Caller) -> None:
    for n in range(7):
        caller.post("commands/pause/", {"reason": str(n)})
    seen: list[int] = []
    path: str | None = "commands/?limit=3&status=done"
    pages = []
    while path:
        page = caller.get(path).json()
        pages.append(page)
        seen += [row["id"] for row in page["results"]]
        path = page["next"]
    assert seen == sorted(seen, reverse=True)
    assert (len(seen), len(set(seen))) == (7, 7)
    assert pages[0]["previous"] is None
    assert pages[0]["next"].startswith("http://testserver/api/v1/commands/?")
    back = caller.get(pages[1]["previous"]).json()
    assert [row["id"] for row in back["results"]] == [row["id"] for row in pages[0]["results"]]


def test_new_rows_do_not_shift_the_next_page(caller: Caller) -> None:
    for n in range(4):
        caller.post("commands/pause/", {"reason": str(n)})
    first = caller.get("commands/?limit=2").json()
    caller.post("commands/pause/", {"reason": "meanwhile"})
    second = caller.get(first["next"]).json()
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == list(range(ids[0], ids[0] - 4, -1))


def test_the_limit_is_capped(caller: Caller) -> None:
    assert caller.get("trades/?limit=100000000").status_code == 200


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("trades/?limit=0", "limit"),
        ("trades/?limit=-1", "limit"),
        ("trades/?limit=ten", "limit"),
        ("trades/?cursor=nonsense", "cursor"),
        ("trades/?status=SLEEPING", "status"),
        ("trades/?status=", "status"),
        ("fills/?status=OPEN", "status"),
        ("trades/?symbol=FOO/BAR", "symbol"),
        ("trades/?symbol=", "symbol"),
        ("trades/?stauts=OPEN", "stauts"),
        ("status/?x=1", "x"),
    ],
)
def test_a_filter_that_cannot_be_understood_is_400_and_named(caller: Caller, path: str, field: str) -> None:
    answer = caller.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["field"] == field or field in answer.json()["detail"]


@pytest.mark.parametrize("symbol", ["BTC/USD", "XBT/USD", "BTCUSD", "XBTUSD", "btc-usd"])
def test_symbols_are_understood_by_their_aliases(caller: Caller, symbol: str) -> None:
    factories.open_trade("ETH/USD")
    wanted = factories.open_trade("BTC/USD")
    for name in ("trades", "brackets", "orders", "events"):
        rows = caller.get(f"{name}/?symbol={symbol}").json()["results"]
        assert {row["symbol"] for row in rows} == {"BTC/USD"}
    assert [row["id"] for row in caller.get(f"trades/?symbol={symbol}").json()["results"]] == [wanted.pk]


def test_a_status_filters(caller: Caller) -> None:
    closed = factories.close_by_stop(factories.protect(factories.open_trade()))
    opened = factories.open_trade()
    assert [row["id"] for row in caller.get("trades/?status=OPEN").json()["results"]] == [opened.pk]
    assert [row["id"] for row in caller.get("trades/?status=closed").json()["results"]] == [closed.pk]
    rows = caller.get("brackets/?status=EXIT_COMPLETE").json()["results"]
    assert [row["id"] for row in rows] == [closed.bracket_id]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("key", ["99", "99999999999999999999999"])
def test_an_unknown_id_is_404_and_named(caller: Caller, name: str, key: str) -> None:
    answer = caller.get(f"{name}/{key}/")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert key[:20] in answer.json()["detail"]


def test_rows_of_another_account_are_not_shown(caller: Caller, market: Account) -> None:
    trade = factories.open_trade()
    other = factories.AccountFactory(name="live")
    Trade.objects.update(account=other)
    assert caller.get("trades/").json()["results"] == []
    assert caller.get(f"trades/{trade.pk}/").status_code == 404


@pytest.mark.parametrize("name", LISTS)
def test_the_number_of_queries_does_not_grow_with_the_page(caller: Caller, name: str) -> None:
    for symbol in factories.PRICES:
        caller.post("commands/buy/", {"symbol": symbol, "amount_usd": "50"})
    for trade in Trade.objects.all():
        factories.close_by_stop(factories.protect(trade))
    caller.get(f"{name}/")  # notes the token's use
    counts = []
    for limit in (1, 3):
        with CaptureQueriesContext(connection) as queries:
            assert len(caller.get(f"{name}/?limit={limit}").json()["results"]) == limit
        counts.append(len(queries))
    assert counts[0] == counts[1]
