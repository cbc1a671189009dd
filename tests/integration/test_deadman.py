"""The dead man's ping: sent while all is well, silent when not, and its address is said nowhere."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.views.debug import SafeExceptionReporterFilter

from brackets import leases, readers, sentinel
from brackets.core.events import HoldRequested
from brackets.models import Account
from brackets.watch.deadman import DeadMan, reasons, send, with_path
from risk import alerts
from risk.models import Alert, AuditRow
from tests.integration.engine_world import World

pytest_plugins = ["tests.integration.worlds"]
SECRET = "a-token-nobody-may-read"


@dataclass
class Service:
    """A service of the owner's, on this machine."""

    asked: list[str] = field(default_factory=list)
    status: int = 200
    url: str = ""


@pytest.fixture
def service(settings: Any) -> Iterator[Service]:
    told = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            self.send_response(told.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}/ping/{SECRET}"
    settings.DEADMAN_SECRET_URL, settings.DEADMAN_SECONDS, settings.DEADMAN_FAIL_PATH = told.url, 60, ""
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def house(world: World) -> World:
    """All is well: compared, reachable, a cluster alive."""
    well(world)
    return world


def well(world: World) -> None:
    readers.note_venue(world.account)
    leases.beat(leases.CLUSTER_HEARTBEAT, now=world.clock.now)
    Account.objects.update(reconciled_at=world.clock.now, private_error="")


def dead_man(world: World) -> DeadMan:
    return DeadMan(world.account, clock=world.clock)


def passing(world: World, man: DeadMan, seconds: int) -> None:
    """So many seconds of a watch whose other loops keep all well."""
    for _ in range(seconds):
        world.clock.pass_seconds(1)
        man.turn()


PING = f"/ping/{SECRET}"


def test_it_asks_every_interval_while_all_is_well(house: World, service: Service) -> None:
    man = dead_man(house)
    man.turn()
    assert service.asked == [PING]
    passing(house, man, 59)
    assert service.asked == [PING]
    well(house)
    passing(house, man, 1)
    assert service.asked == [PING] * 2


def test_without_an_address_nobody_is_asked(house: World, service: Service, settings: Any) -> None:
    settings.DEADMAN_SECRET_URL = ""
    dead_man(house).turn()
    assert service.asked == []


def not_compared(world: World) -> None:
    Account.objects.update(reconciled_at=world.clock.now - timedelta(seconds=200))


def not_recovered(world: World) -> None:
    Account.objects.update(recovered_at=None)


def not_reached(world: World) -> None:
    Account.objects.update(venue_seen_at=world.clock.now - timedelta(seconds=100))


def key_refused(world: World) -> None:
    Account.objects.update(private_error="EAPI:Invalid key")


def no_cluster(world: World) -> None:
    leases.beat(leases.CLUSTER_HEARTBEAT, now=world.clock.now - timedelta(seconds=200))


def reached_before_the_clock_was_set_back(world: World) -> None:
    Account.objects.update(venue_seen_at=world.clock.now + timedelta(seconds=400))


def cluster_seen_before_the_clock_was_set_back(world: World) -> None:
    leases.beat(leases.CLUSTER_HEARTBEAT, now=world.clock.now + timedelta(seconds=400))


def critical_alert(world: World) -> None:
    alerts.raise_alert(
        account="demo", severity="critical", code="c", subject="bracket 1", message="m", at=world.clock.now
    )


def bare_position(world: World) -> None:
    trade = world.open_active()
    well(world)
    trade.bracket.orders.filter(role="stop").update(read_back=False)


def held_position(world: World) -> None:
    trade = world.open_active()
    world.ask(trade, HoldRequested(at=world.clock.now, reason="somebody wants to look"))
    sentinel.measure(world.account, at=world.clock.now)
    well(world)


TROUBLE = [
    not_compared,
    not_recovered,
    not_reached,
    key_refused,
    no_cluster,
    reached_before_the_clock_was_set_back,
    cluster_seen_before_the_clock_was_set_back,
    critical_alert,
    held_position,
    bare_position,
]


@pytest.mark.parametrize("happen", TROUBLE)
def test_it_is_silent_when_something_is_wrong(house: World, service: Service, happen: Any) -> None:
    happen(house)
    assert len(reasons(house.account, house.clock.now)) == 1
    man = dead_man(house)
    man.turn()
    passing(house, man, 50)
    assert service.asked == []


def test_a_warning_does_not_silence_it(house: World, service: Service) -> None:
    alerts.raise_alert(
        account="demo", severity="warning", code="c", subject="s", message="m", at=house.clock.now
    )
    dead_man(house).turn()
    assert service.asked == [PING]


def test_what_is_wrong_for_a_moment_only_delays_it(house: World, service: Service, settings: Any) -> None:
    settings.DEADMAN_FAIL_PATH = "/fail"
    key_refused(house)
    man = dead_man(house)
    man.turn()
    passing(house, man, 20)
    well(house)
    passing(house, man, 5)
    assert service.asked == [PING]


def test_trouble_that_lasts_is_told_where_the_service_knows_how(
    house: World, service: Service, settings: Any
) -> None:
    settings.DEADMAN_FAIL_PATH = "/fail"
    key_refused(house)
    man = dead_man(house)
    man.turn()
    passing(house, man, 29)
    assert service.asked == []
    passing(house, man, 1)
    assert service.asked == [f"{PING}/fail"]
    well(house)
    passing(house, man, 15)
    assert service.asked == [f"{PING}/fail", PING]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_ping_that_fails_is_a_warning_and_never_more(house: World, service: Service, status: int) -> None:
    service.status = status
    man = dead_man(house)
    man.turn()
    assert service.asked == [PING]  # a redirect is not followed
    (alert,) = alerts.open_alerts("demo").filter(code="deadman_ping")
    assert alert.severity == "warning"
    assert str(status) in alert.message
    service.status = 200
    well(house)
    house.clock.pass_seconds(60)
    well(house)
    man.turn()
    assert not alerts.open_alerts("demo").filter(code="deadman_ping").exists()


def test_its_address_is_said_nowhere(house: World, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens there; what requests says of it names the whole address."""
    settings.DEADMAN_SECRET_URL = f"http://127.0.0.1:1/ping/{SECRET}"
    with caplog.at_level(logging.DEBUG):
        dead_man(house).turn()
    assert alerts.open_alerts("demo").get(code="deadman_ping").message.endswith("ConnectionError.")
    for kept in (caplog.text, str(list(Alert.objects.values())), str(list(AuditRow.objects.values()))):
        assert SECRET not in kept
    shown = SafeExceptionReporterFilter().get_safe_settings()
    assert SECRET not in str(shown)


def test_an_address_that_is_none_fails_softly() -> None:
    for url in ("http://", "nonsense", "http://[::1", "https://127.0.0.1:99999/x"):
        assert send(url) in {"InvalidURL", "MissingSchema", "ConnectionError", "ValueError"}


def test_the_path_of_trouble_keeps_what_else_the_address_says() -> None:
    assert with_path("https://h/ping/x", "/fail") == "https://h/ping/x/fail"
    assert with_path("https://h/ping/x/?a=1", "fail") == "https://h/ping/x/fail?a=1"
