"""Whether the task cluster really works.

A cluster whose worker was killed can hang for good while its processes and its own status look
fine; only a heartbeat that a task writes tells. The supervisor asks here every ten seconds, in a
thread of its own, and replaces the cluster when the answer is True.
"""

from datetime import timedelta

STALE_SECONDS = 150  # a task writes it every minute; the scheduler looks every half


def heartbeat_is_stale() -> bool:
    """True when no task has written the heartbeat for too long. Raises what the database raises."""
    import django

    django.setup()
    from django.db import connection
    from django.utils import timezone

    from brackets.models import Lease
    from brackets.tasks import HEARTBEAT

    try:
        beat = Lease.objects.filter(name=HEARTBEAT).first()
    finally:
        connection.close()
    too_old = timezone.now() - timedelta(seconds=STALE_SECONDS)
    return beat is None or beat.renewed_at is None or beat.renewed_at < too_old
