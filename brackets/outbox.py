"""Waking whoever sends: the watch polls the outbox by itself; without it a task is queued.

The row in the outbox is the message; this is only a nudge, harmless when lost or repeated.
"""

from __future__ import annotations

from django.utils import timezone
from django_q.tasks import async_task

from brackets import accounts
from brackets.models import Account


def wake(account: Account) -> None:
    """See to it that the outbox is looked at soon."""
    if not accounts.watch_is_alive(account, timezone.now()):
        async_task("brackets.tasks.reconcile_account", task_name=f"outbox of {account.name}")
