"""A task cluster that gives no sign of life is seen: by REST, in the control room, as an alert."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from brackets import clusters, leases
from brackets.clusters import ClusterLookout
from brackets.models import Account
from risk import alerts
from risk.models import Alert
from tests.integration.conftest import Caller
from tests.integration.engine_venue import NOON

STALE = 90


@pytest.fixture(autouse=True)
def stale(settings: Any) -> None:
    settings.CLUSTER_STALE_SECONDS = STALE


def beats(*, seconds_ago: float) -> None:
    leases.beat(leases.CLUSTER_HEARTBEAT, now=timezone.now() - timedelta(seconds=seconds_ago))


@pytest.mark.parametrize(("seconds_ago", "alive"), [(1, True), (STALE - 5, True), (STALE, False)])
def test_status_tells_of_the_last_beat(
    caller: Caller, market: Account, seconds_ago: float, alive: bool
) -> None:
    beats(seconds_ago=seconds_ago)
    told = caller.get("status/").json()["cluster"]
    assert told["alive"] is alive
    assert seconds_ago <= float(told["lag_seconds"]) < seconds_ago + 5


def test_status_of_a_cluster_that_never_beat(caller: Caller, market: Account) -> None:
    assert caller.get("status/").json()["cluster"] == {"alive": False, "lag_seconds": None}


def test_the_control_room_shows_it(market: Account, admin_user: Any, client: Client) -> None:
    client.force_login(admin_user)
    assert '<span class="tag tag-alarm">cluster not seen</span>' in client.get("/admin/").content.decode()
    beats(seconds_ago=1)
    page = client.get("/admin/").content.decode()
    assert ">cluster alive</span>" in page and "cluster not seen" not in page


# --- the alert -------------------------------------------------------------------------------------------


class Desk:
    """The web's lookout, a look every four seconds; a cluster that beats every ten while it lives."""

    def __init__(self, account: Account) -> None:
        self.account, self.now = account, NOON
        self.lookout = ClusterLookout(began_at=NOON)

    def pass_seconds(self, seconds: int, *, beating: bool) -> None:
        for second in range(seconds):
            self.now += timedelta(seconds=1)
            if beating and second % 10 == 0:
                leases.beat(leases.CLUSTER_HEARTBEAT, now=self.now)
            if second % 4 == 0:
                self.lookout.look(self.account, self.now)

    @property
    def open(self) -> list[Alert]:
        return list(alerts.open_alerts(self.account.name).filter(code=clusters.CODE))


@pytest.fixture
def desk(market: Account) -> Desk:
    return Desk(market)


def test_a_cluster_that_falls_silent_is_an_alert_until_it_beats_again(desk: Desk) -> None:
    desk.pass_seconds(60, beating=True)
    desk.pass_seconds(STALE - 12, beating=False)
    assert desk.open == []
    desk.pass_seconds(12, beating=False)
    (alert,) = desk.open
    assert alert.severity == "warning" and "since 2" in alert.message
    desk.pass_seconds(110, beating=False)
    (alert,) = desk.open
    assert alert.times == 2, "said once a minute while it lasts"
    desk.pass_seconds(12, beating=True)
    assert desk.open == []


def test_a_start_is_no_alarm_and_a_cluster_that_never_comes_is(desk: Desk) -> None:
    leases.beat(leases.CLUSTER_HEARTBEAT, now=NOON - timedelta(days=1))
    desk.pass_seconds(STALE - 2, beating=False)
    assert desk.open == []
    desk.pass_seconds(8, beating=False)
    assert len(desk.open) == 1


def test_a_second_silence_is_said_at_once_again(desk: Desk) -> None:
    for _ in range(2):
        desk.pass_seconds(STALE + 12, beating=False)
        assert len(desk.open) == 1
        desk.pass_seconds(12, beating=True)
        assert desk.open == []
