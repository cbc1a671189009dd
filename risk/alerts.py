"""Alerts: what a person should know of, raised by everybody, once for the same trouble.

While it is open an alert is one row of (account, code, subject): raised again it counts and tells its newest
words instead of making another. It ends when the trouble does (`resolve_alert`), not when somebody saw it
(`acknowledge`). The journal has a row when it was raised, became graver, was acknowledged, was resolved.

Each of these functions locks the end of the journal before it touches an alert, so that transactions which
write to both never wait for each other in a circle. Call them inside a transaction or outside.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet

from risk import journal
from risk.models import Alert

__all__ = [
    "ACTOR",
    "Severity",
    "acknowledge",
    "count_open",
    "is_graver",
    "open_alerts",
    "raise_alert",
    "resolve_alert",
]

log = logging.getLogger("backstop.alerts")
ACTOR = "alerts"
Severity = Alert.Severity
GRAVITY = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.CRITICAL}
LONGEST_MESSAGE = Alert._meta.get_field("message").max_length


def raise_alert(*, account: str, severity: str, code: str, subject: str, message: str, at: datetime) -> Alert:
    """Say that something is wrong; say it again as long as it is. `account` is the account's name, `severity`
    info, warning or critical (else ValueError), `subject` in the journal's words ("bracket 7"). Raised again
    while open it counts, tells the newest message and grows graver, never milder."""
    grave, message = Severity(severity), (message or "")[:LONGEST_MESSAGE]
    with transaction.atomic():
        journal.locked_end()
        alert = open_alerts(account).filter(code=code, subject=subject).first()
        if alert is not None and not is_graver(grave, alert.severity):
            return counted(alert, message=message, at=at)
        if alert is None:
            alert = Alert.objects.create(
                account=account,
                severity=grave,
                code=code,
                subject=subject,
                message=message,
                raised_at=at,
                last_at=at,
            )
        else:
            alert.severity, alert.acknowledged_by, alert.acknowledged_at = grave, "", None
            counted(alert, message=message, at=at)
        tell("alert.raised", alert, at=at, actor=ACTOR, severity=grave.value, message=message)
    log.log(LEVELS[grave], "%s %s: %s", code, subject, message)
    return alert


def is_graver(severity: str, than: str) -> bool:
    """Whether the first of two severities weighs more. Raises ValueError for a word that is none."""
    return GRAVITY[Severity(severity)] > GRAVITY[Severity(than)]


def counted(alert: Alert, *, message: str, at: datetime) -> Alert:
    alert.message, alert.last_at, alert.times = message, max(at, alert.last_at), alert.times + 1
    alert.save()
    return alert


def resolve_alert(*, account: str, code: str, subject: str, at: datetime) -> bool:
    """The trouble is over. Whether an alert of it was open; where none is, nothing is written."""
    wanted = open_alerts(account).filter(code=code, subject=subject)
    if not wanted.exists():
        return False
    with transaction.atomic():
        journal.locked_end()
        alert = wanted.first()
        if alert is None:
            return False
        alert.resolved_at = at
        alert.save(update_fields=["resolved_at"])
        tell("alert.resolved", alert, at=at, actor=ACTOR, times=alert.times)
    log.info("%s %s: resolved", code, subject)
    return True


def acknowledge(alert_id: int, *, actor: str, at: datetime) -> Alert:
    """Somebody saw it; it stays open until its trouble is over. The first one who did is kept. Raises
    Alert.DoesNotExist."""
    with transaction.atomic():
        journal.locked_end()
        alert = Alert.objects.get(pk=alert_id)
        if alert.acknowledged_at is None:
            alert.acknowledged_by, alert.acknowledged_at = actor[:100], at
            alert.save(update_fields=["acknowledged_by", "acknowledged_at"])
            tell("alert.acknowledged", alert, at=at, actor=actor)
    return alert


def open_alerts(account: str) -> QuerySet[Alert]:
    """What is wrong on this account now, newest first."""
    return Alert.objects.filter(account=account, resolved_at__isnull=True)


def count_open(account: str) -> dict[str, int]:
    """How many are open, by severity; all three are named."""
    found = open_alerts(account).order_by().values_list("severity").annotate(number=Count("pk"))
    return {severity.value: 0 for severity in Severity} | dict(found)


def tell(action: str, alert: Alert, *, at: datetime, actor: str, **more: Any) -> None:
    payload = {"alert": alert.pk, "account": alert.account, "code": alert.code, **more}
    journal.write(at=at, actor=actor, action=action, subject=alert.subject, payload=payload)
