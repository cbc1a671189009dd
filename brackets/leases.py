"""Leases: one holder at a time, by compare-and-swap, over any number of machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from brackets.models import Lease
from brackets.venue.sender import holder_name, is_dead

MOST_AHEAD = timedelta(seconds=10)  # so far the clocks of two hosts may be apart
CLUSTER_HEARTBEAT = "cluster heartbeat"  # written by a task, so that a hung cluster shows


def is_gone(holder: str) -> bool:
    """Whether the holder is a process of this host that certainly ended. What follows "#" in a name
    tells holders within one process apart."""
    return is_dead(holder.partition("#")[0])


def take(name: str, holder: str, *, now: datetime, seconds: int) -> int | None:
    """Take the lease when it is free, expired, already ours, or of a process of this host that ended.
    Returns its fence, or None."""
    with transaction.atomic():
        Lease.objects.get_or_create(name=name)
        lease = Lease.objects.select_for_update().get(name=name)
        free = not lease.holder or lease.expires_at is None or lease.expires_at <= now
        if not free and lease.holder != holder and not is_gone(lease.holder):
            shorten(lease, now + timedelta(seconds=seconds))
            return None
        lease.holder, lease.fence = holder, lease.fence + 1
        lease.renewed_at, lease.expires_at = now, now + timedelta(seconds=seconds)
        lease.save()
        return lease.fence


def shorten(lease: Lease, expires_at: datetime) -> None:
    """Let a lease that lasts longer than one taken now end with that one: it was noted before the clock was
    set back. Whoever holds it and lives renews it in time."""
    if lease.expires_at is not None and lease.expires_at > expires_at + MOST_AHEAD:
        lease.expires_at = expires_at
        lease.save(update_fields=["expires_at"])


def renew(name: str, fence: int, *, now: datetime, seconds: int) -> bool:
    """Extend the lease taken with `fence`. False: it is somebody else's now."""
    mine = Lease.objects.filter(name=name, fence=fence).filter(~Q(holder=""))
    return bool(mine.update(renewed_at=now, expires_at=now + timedelta(seconds=seconds)))


def release(name: str, fence: int) -> None:
    Lease.objects.filter(name=name, fence=fence).update(holder="", expires_at=None)


@contextmanager
def held(name: str, *, seconds: int) -> Iterator[None]:
    """Hold a lease, if it is free, for the time of a block; `seconds` at most."""
    fence = take(name, holder_name(), now=timezone.now(), seconds=seconds)
    try:
        yield
    finally:
        if fence is not None:
            release(name, fence)


def is_held(name: str, now: datetime) -> bool:
    return Lease.objects.filter(name=name, expires_at__gt=now).exclude(holder="").exists()


def was_held_since(name: str, moment: datetime) -> bool:
    """Whether somebody took the lease at or after that moment."""
    return Lease.objects.filter(name=name, renewed_at__gte=moment).exists()


def beat(name: str, *, now: datetime) -> None:
    """Write a heartbeat that nobody competes for."""
    Lease.objects.update_or_create(name=name, defaults={"holder": holder_name(), "renewed_at": now})
