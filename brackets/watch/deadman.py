"""The dead man's ping: telling a service outside of this house, again and again, that all is well.

The watch that holds the lease asks the address in DEADMAN_URL every DEADMAN_SECONDS, as long as all is well.
When it is not, or when nobody is left to ask, the service hears nothing and tells the owner: silence is the
alarm, and it works with any service. Where DEADMAN_FAIL_PATH is set (healthchecks.io knows `/fail`), trouble
that lasts is said at once at that path. Nothing is told but the request itself.

The address is a secret: whoever has it can ask in our name. It stands in no log, page or traceback; of a
request that failed only the kind of the error is said. A ping that fails is a warning and never more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import requests
from django.conf import settings
from django.utils import timezone

from brackets import clusters, plug, sentinel
from brackets.core.states import State
from brackets.core.timers import is_long
from brackets.models import Account, Bracket
from risk import alerts

log = logging.getLogger("backstop.watch")
TIMEOUT_SECONDS = 5
LOOK_AGAIN = timedelta(seconds=5)
DOUBT = timedelta(seconds=30)
"""For so long something may be in motion (a stop being replaced) before it is said to be trouble."""
VENUE_SEEN_WITHIN = timedelta(seconds=90)
CLUSTER_SEEN_WITHIN = timedelta(seconds=180)
CODE, SUBJECT = "deadman_ping", "dead man's ping"


@dataclass
class DeadMan:
    """The pings of one watch. `turn` is called every second; it may wait for the service, and so must be
    called where nobody waits for it."""

    account: Account
    clock: Callable[[], datetime] = timezone.now
    due_at: datetime | None = None  # the next look; None: now
    unwell_since: datetime | None = None
    failing: str | None = (
        None  # empty: it arrived; None: none was sent yet; else why the last ping did not arrive
    )

    def turn(self) -> None:
        """Look, where it is due, and ask the service."""
        now = self.clock()
        if not settings.DEADMAN_SECRET_URL or (self.due_at is not None and now < self.due_at):
            return
        trouble = reasons(self.account, now)
        if not trouble:
            self.unwell_since = None
            self.ping(settings.DEADMAN_SECRET_URL, now)
        elif self.unwell_since is None:
            self.unwell_since, self.due_at = now, now + LOOK_AGAIN
        elif now - self.unwell_since < DOUBT:
            self.due_at = now + LOOK_AGAIN
        else:
            self.tell_trouble(trouble, now)

    def tell_trouble(self, trouble: list[str], now: datetime) -> None:
        log.warning("no dead man's ping: %s", " ".join(trouble))
        if settings.DEADMAN_FAIL_PATH:
            self.ping(with_path(settings.DEADMAN_SECRET_URL, settings.DEADMAN_FAIL_PATH), now)
        self.due_at = now + min(LOOK_AGAIN * 3, self.interval)  # well again is told soon

    def ping(self, url: str, now: datetime) -> None:
        self.due_at = now + self.interval
        why = send(url)
        if why is not None:
            log.warning("the dead man's ping did not arrive: %s", why)
            message = f"The service that is told that all is well was not reached: {why}."
            account, severity = self.account.name, alerts.Severity.WARNING
            alerts.raise_alert(
                account=account, severity=severity, code=CODE, subject=SUBJECT, message=message, at=now
            )
        elif self.failing != "":
            alerts.resolve_alert(account=self.account.name, code=CODE, subject=SUBJECT, at=now)
        self.failing = why or ""

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=settings.DEADMAN_SECONDS)


def reasons(account: Account, now: datetime) -> list[str]:
    """Why it is not well, one sentence each; empty: book and venue are compared, every position has its stop,
    none is held, the venue answers, a cluster works, and no critical alert is open. (The watch is alive: it
    asks.)"""
    fresh = Account.objects.get(pk=account.pk)
    found = list(plug.look(fresh, now).reasons)
    if fresh.venue_seen_at is None or is_long(fresh.venue_seen_at, now, VENUE_SEEN_WITHIN):
        found.append("The venue does not answer.")
    if fresh.private_error:
        found.append("Private calls fail.")
    beaten_at = clusters.beaten_at()
    if beaten_at is None or is_long(beaten_at, now, CLUSTER_SEEN_WITHIN):
        found.append("No cluster gives a sign of life.")
    if held := Bracket.objects.filter(account=account, state=State.HELD).count():
        found.append(f"Positions are held, an operator must look: {held}.")
    critical = alerts.open_alerts(account.name).filter(severity=alerts.Severity.CRITICAL)
    if graver := critical.exclude(code=sentinel.HELD).count():
        found.append(f"Critical alerts are open: {graver}.")
    return found


def send(url: str) -> str | None:
    """Ask the address; None when it was answered well, else the kind of failure, without the address."""
    try:
        with requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True) as answer:
            well = 200 <= answer.status_code < 300
            return None if well else f"it answered {answer.status_code}"
    except (requests.RequestException, ValueError) as error:  # its words name the address
        return type(error).__name__


def with_path(url: str, path: str) -> str:
    """The address with `path` behind its own."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{path.strip('/')}"))
