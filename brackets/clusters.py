"""Whether a task cluster works, by the beats that it wrote down (`config/cluster.py`).

A dead or hung cluster is seen from outside its processes: the page and the web's lookout read when the last
beat came back. Any number of clusters write to the same row; one that beats is enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from brackets import leases
from brackets.core.timers import is_long
from brackets.models import Account, Lease
from risk import alerts

CODE, SUBJECT = "cluster_silent", "task cluster"
SAY_AGAIN = timedelta(seconds=60)


def beaten_at() -> datetime | None:
    """When a beat last came back in any cluster; None: never."""
    return Lease.objects.filter(name=leases.CLUSTER_HEARTBEAT).values_list("renewed_at", flat=True).first()


def is_alive(seen_at: datetime | None, now: datetime) -> bool:
    """Whether a beat came back so lately that the next one may still be waiting behind a long task.
    One of the future is from before the clock was set back."""
    return seen_at is not None and not is_long(seen_at, now, silent_too_long())


def silent_too_long() -> timedelta:
    return timedelta(seconds=settings.CLUSTER_STALE_SECONDS)


@dataclass
class ClusterLookout:
    """Who looks again and again, since `began_at`: a beat from before says nothing of the clusters of now, so
    a start is no alarm."""

    began_at: datetime
    said_at: datetime | None = None

    def look(self, account: Account, now: datetime) -> None:
        """Raise the alert where no cluster beats for too long; resolve it when one does."""
        seen_at = beaten_at()
        if is_alive(seen_at, now):
            self.said_at = None
            alerts.resolve_alert(account=account.name, code=CODE, subject=SUBJECT, at=now)
        elif now - self.began_at >= silent_too_long() and (
            self.said_at is None or now - self.said_at >= SAY_AGAIN
        ):
            self.said_at = now
            since = "since the start" if seen_at is None else f"since {seen_at:%Y-%m-%d %H:%M:%S} UTC"
            alerts.raise_alert(
                account=account.name,
                severity=alerts.Severity.WARNING,
                code=CODE,
                subject=SUBJECT,
                message=f"No task cluster gave a sign of life {since}: the safety net under the watch and "
                "everything scheduled stand still.",
                at=now,
            )
