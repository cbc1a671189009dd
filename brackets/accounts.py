"""Which account this process works for, and whether the watch over it is alive."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from brackets import leases
from brackets.models import Account, Lease

WATCH_STALE_SECONDS = 5
STALE = timedelta(seconds=WATCH_STALE_SECONDS)


def current() -> Account:
    """The account of TRADING_MODE, made on first use."""
    account, _ = Account.objects.get_or_create(
        name=settings.TRADING_MODE, defaults={"mode": settings.TRADING_MODE}
    )
    return account


def named(name: str) -> Account:
    """The account of that name. Raises Account.DoesNotExist."""
    return Account.objects.get(name=name)


def watch_lease_name(account: Account) -> str:
    return f"watch:{account.name}"


def proof_lease_name(account: Account) -> str:
    """Held while the venue is read as a proof: polls stand back meanwhile."""
    return f"proof:{account.name}"


def watch_renewed_at(account: Account) -> datetime | None:
    """When the holder of the watch lease last showed itself."""
    lease = Lease.objects.filter(name=watch_lease_name(account)).first()
    return lease.renewed_at if lease and lease.holder else None


def watch_is_alive(account: Account, now: datetime) -> bool:
    """Whether it showed itself within seconds. A sign from further ahead than clocks differ is from before
    this one was set back, and says nothing of now."""
    renewed_at = watch_renewed_at(account)
    return renewed_at is not None and -leases.MOST_AHEAD < now - renewed_at < STALE
