"""Acting on an alert as a person: REST and admin call this and nothing else."""

from __future__ import annotations

from django.utils import timezone

from brackets.models import Account
from risk import alerts
from risk.models import Alert

RIGHT = "risk.acknowledge_alert"


def acknowledge(account: Account, alert_id: int, *, actor: str) -> Alert:
    """Note that `actor` saw an alert of this account. Again it changes nothing. Raises Alert.DoesNotExist."""
    alert = Alert.objects.get(account=account.name, pk=alert_id)
    return alerts.acknowledge(alert.pk, actor=actor, at=timezone.now())
