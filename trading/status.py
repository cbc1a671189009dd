"""How the house stands at this moment, read from the rows alone: no call to the venue."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from brackets import accounts, clusters, storage
from brackets.core.strangers import Status as StrangerStatus
from brackets.models import Account, Stranger
from risk import alerts
from risk.core.plain import text
from trading import configuration
from trading.models import Trade

VENUE_SEEN_WITHIN = timedelta(seconds=90)  # the safety net asks every minute even when the watch is dead


def read_status(account: Account) -> dict[str, Any]:
    """The members of `GET /api/v1/status/`: numbers as text, None for what is not known yet.

    `equity`, `high_water_mark` and `drawdown` are amounts of US dollars; drawdown is the positive distance
    of equity below its high-water mark.
    """
    now = timezone.now()
    config = configuration.of(account)
    renewed_at, beaten_at = accounts.watch_renewed_at(account), clusters.beaten_at()
    return {
        "mode": account.mode,
        "system_status": config.system_status,
        "is_trading_active": config.is_trading_active,
        "execution_mode": config.execution_mode,
        "autopilot_enabled": config.autopilot_enabled,
        "equity": amount(config.equity),
        "high_water_mark": amount(config.high_water_mark),
        "drawdown": amount(config.drawdown),
        "open_trades": str(Trade.objects.filter(account=account, status=Trade.Status.OPEN).count()),
        "watch": {
            "alive": accounts.watch_is_alive(account, now),
            "lag_seconds": None if renewed_at is None else seconds(now - renewed_at),
            "stream": stream_state(account, now),
        },
        "cluster": {
            "alive": clusters.is_alive(beaten_at, now),
            "lag_seconds": None if beaten_at is None else seconds(now - beaten_at),
        },
        "venue": {
            "reachable": venue_is_reachable(account, now),
            "system": account.venue_system or None,
            "error": account.private_error or account.venue_error or None,
        },
        "storage": {"error": storage.sentence(storage.Trouble.DISK_FULL) if storage.disk_is_full() else None},
        "recovering": account.recovered_at is None,
        "recovering_because": recovering_because(account),
        "alerts": open_alerts(account),
        "strangers": str(Stranger.objects.filter(account=account, status=StrangerStatus.OPEN).count()),
        "version": settings.VERSION,
    }


def open_alerts(account: Account) -> dict[str, str]:
    """How many alerts are open, in all and by severity."""
    counts = alerts.count_open(account.name)
    return {name: str(count) for name, count in {"open": sum(counts.values()), **counts}.items()}


def recovering_because(account: Account) -> str | None:
    """What recovery waits for, in a sentence; None: the book was compared."""
    if account.recovered_at is not None:
        return None
    known = account.recovering_because or account.private_error or account.venue_error
    return known or "the first comparison with the venue has not been made yet"


def venue_is_reachable(account: Account, now: Any) -> bool:
    """Whether the last question was answered, and lately."""
    seen_at = account.venue_seen_at
    return not account.venue_error and seen_at is not None and now - seen_at < VENUE_SEEN_WITHIN


def stream_state(account: Account, now: datetime) -> str:
    """How the private stream stands: live, connecting, lost or off. A watch that is dead hears nothing,
    whatever it said last."""
    return account.stream_state if accounts.watch_is_alive(account, now) else "off"


def amount(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def seconds(span: timedelta) -> str:
    return text(Decimal(max(span // timedelta(milliseconds=1), 0)) / 1000)
