"""An alert: raised once for the same trouble, counted while it lasts, seen by people, over when it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from brackets.models import Account
from risk import alerts
from risk.models import Alert, AuditRow
from tests import factories
from tests.integration.conftest import Caller

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ROOM = "open-alerts"


def raised(*, seconds: int = 0, account: str = "demo", subject: str = "bracket 7", **other: str) -> Alert:
    words = {"severity": "warning", "code": "stop_missing", "message": "no stop rests"} | other
    return alerts.raise_alert(account=account, subject=subject, at=AT + timedelta(seconds=seconds), **words)


def resolved(*, seconds: int = 60, subject: str = "bracket 7") -> bool:
    at = AT + timedelta(seconds=seconds)
    return alerts.resolve_alert(account="demo", code="stop_missing", subject=subject, at=at)


def journalled() -> list[str]:
    return list(AuditRow.objects.order_by("seq").values_list("action", flat=True))


@pytest.mark.django_db
def test_the_same_trouble_counts_and_tells_its_newest_words() -> None:
    first = raised()
    again = raised(seconds=10, message="still no stop")
    assert again.pk == first.pk
    assert (again.times, again.message) == (2, "still no stop")
    assert (again.raised_at, again.last_at) == (AT, AT + timedelta(seconds=10))
    assert journalled() == ["alert.raised"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other", [{"subject": "bracket 8"}, {"code": "stop_wrong"}, {"account": "live"}], ids=str
)
def test_another_trouble_is_another_alert(other: dict[str, str]) -> None:
    first = raised()
    assert raised(**other).pk != first.pk
    assert Alert.objects.count() == 2


@pytest.mark.django_db
def test_it_grows_graver_and_never_milder() -> None:
    raised(severity="info")
    alerts.acknowledge(Alert.objects.get().pk, actor="anna (admin)", at=AT)
    graver = raised(severity="critical")
    assert (graver.severity, graver.acknowledged_by, graver.acknowledged_at) == ("critical", "", None)
    assert raised(severity="warning").severity == "critical"
    assert journalled() == ["alert.raised", "alert.acknowledged", "alert.raised"]


@pytest.mark.django_db
def test_over_is_over_and_the_next_time_is_a_new_alert() -> None:
    first = raised()
    assert resolved()
    assert not resolved(seconds=70)
    assert list(alerts.open_alerts("demo")) == []
    assert raised(seconds=80).pk != first.pk
    assert Alert.objects.get(pk=first.pk).resolved_at == AT + timedelta(seconds=60)
    assert journalled() == ["alert.raised", "alert.resolved", "alert.raised"]


@pytest.mark.django_db
def test_a_reading_that_comes_late_does_not_turn_the_clock_back() -> None:
    raised(seconds=10)
    assert raised(seconds=5).last_at == AT + timedelta(seconds=10)


@pytest.mark.django_db
def test_an_unknown_severity_is_no_alert() -> None:
    with pytest.raises(ValueError, match="loud"):
        raised(severity="loud")
    assert not Alert.objects.exists()


@pytest.mark.django_db
def test_a_message_longer_than_the_row_is_cut() -> None:
    assert Alert.objects.get(pk=raised(message="x" * 900).pk).message == "x" * 500


@pytest.mark.django_db
def test_the_first_who_saw_it_is_kept_and_it_stays_open() -> None:
    alert = raised()
    alerts.acknowledge(alert.pk, actor="anna (admin)", at=AT)
    alerts.acknowledge(alert.pk, actor="bob (admin)", at=AT + timedelta(seconds=9))
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.acknowledged_at, alert.status) == ("anna (admin)", AT, "open")
    assert journalled() == ["alert.raised", "alert.acknowledged"]


# --- REST ------------------------------------------------------------------------------------------


def test_the_list_is_filtered_by_status_and_newest_first(caller: Caller) -> None:
    old, new = raised(), raised(subject="bracket 8", severity="critical")
    resolved()
    raised(account="live")
    shown = caller.get("alerts/?status=open").json()["results"]
    assert [row["id"] for row in shown] == [new.pk]
    assert [row["id"] for row in caller.get("alerts/?status=resolved").json()["results"]] == [old.pk]
    assert [row["id"] for row in caller.get("alerts/").json()["results"]] == [new.pk, old.pk]
    assert shown[0] == {
        "id": new.pk,
        "severity": "critical",
        "code": "stop_missing",
        "subject": "bracket 8",
        "message": "no stop rests",
        "status": "open",
        "raised_at": "2026-03-01T12:00:00Z",
        "last_at": "2026-03-01T12:00:00Z",
        "times": "1",
        "resolved_at": None,
        "acknowledged_by": None,
        "acknowledged_at": None,
    }
    assert caller.get(f"alerts/{new.pk}/").json() == shown[0]


@pytest.mark.parametrize("path", ["alerts/?status=lost", "alerts/?symbol=ETH/USD"])
def test_what_no_alert_has_is_no_filter(caller: Caller, path: str) -> None:
    answer = caller.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_longer_list_costs_no_more_queries(caller: Caller) -> None:
    for number in range(3):
        raised(subject=f"bracket {number}")
    caller.get("alerts/")
    counts = []
    for limit in (1, 3):
        with CaptureQueriesContext(connection) as queries:
            assert len(caller.get(f"alerts/?limit={limit}").json()["results"]) == limit
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_status_counts_the_open_ones(caller: Caller) -> None:
    raised()
    raised(subject="bracket 8", severity="critical")
    raised(subject="bracket 9")
    resolved(subject="bracket 9")
    assert caller.get("status/").json()["alerts"] == {
        "open": "2",
        "info": "0",
        "warning": "1",
        "critical": "1",
    }


def test_a_script_acknowledges_one_of_its_account(caller: Caller) -> None:
    alert, foreign = raised(), raised(account="live")
    answers = [caller.post(f"alerts/{alert.pk}/acknowledge/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json()["acknowledged_by"].startswith("root (token")
    assert caller.post(f"alerts/{foreign.pk}/acknowledge/").status_code == 404


def test_looking_and_acknowledging_take_a_right_each(market: Account) -> None:
    alert = raised()
    nobody, viewer = (
        Caller(factories.a_token(factories.a_user(*rights)))
        for rights in (("trading.view_trade",), ("risk.view_alert",))
    )
    assert nobody.get("alerts/").status_code == 403
    assert viewer.get("alerts/").status_code == 200
    assert viewer.post(f"alerts/{alert.pk}/acknowledge/").status_code == 403


# --- admin -----------------------------------------------------------------------------------------


@pytest.fixture
def desk(market: Account, admin_user: Any, client: Client) -> Client:
    client.force_login(admin_user)
    return client


def test_the_first_page_shows_the_open_ones_with_their_button(desk: Client) -> None:
    assert ROOM not in desk.get("/admin/").content.decode()
    alert = raised(message="<b>no stop</b>")
    page = desk.get("/admin/").content.decode()
    assert ROOM in page and "&lt;b&gt;no stop&lt;/b&gt;" in page
    assert desk.get(f"/admin/risk/alert/{alert.pk}/acknowledge/").status_code == 405
    assert desk.post(f"/admin/risk/alert/{alert.pk}/acknowledge/").status_code == 302
    assert "seen by root (admin)" in desk.get("/admin/").content.decode()
    resolved()
    assert ROOM not in desk.get("/admin/").content.decode()


def test_the_action_acknowledges_what_was_chosen(desk: Client) -> None:
    chosen, other = raised(), raised(subject="bracket 8")
    desk.post("/admin/risk/alert/", {"action": "acknowledge", "_selected_action": [chosen.pk]})
    chosen.refresh_from_db()
    other.refresh_from_db()
    assert (chosen.acknowledged_by, other.acknowledged_by) == ("root (admin)", "")
    assert len(desk.get("/admin/risk/alert/?status=open").context["cl"].result_list) == 2


def test_who_may_only_look_has_no_button(market: Account, client: Client) -> None:
    alert = raised()
    client.force_login(factories.a_user("risk.view_alert", is_staff=True))
    page = client.get("/admin/").content.decode()
    assert ROOM in page and "/acknowledge/" not in page
    assert client.post(f"/admin/risk/alert/{alert.pk}/acknowledge/").status_code == 403
